"""A card is kept whole, belongs to one contract, and is told in one sentence wherever a score stands."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import Contract, load_result, load_split, score
from bioreview_bench.cli.main import run
from bioreview_bench.contracts.contract import BUNDLED
from bioreview_bench.errors import InputError
from bioreview_bench.report.meaning import NEVER, notes, trusted, validity_in_short, validity_of, validity_sentence
from bioreview_bench.report.terminal import print_blocks
from bioreview_bench.results.records import Encoder, Validity
from bioreview_bench.results.validity import ValidityCard, card_path, load_card, validity
from bioreview_bench.validity.chart import svg
from bioreview_bench.validity.report import blocks


@pytest.fixture
def demo() -> ValidityCard:
    card = load_card("demo")
    assert card is not None
    return card


def test_a_card_comes_back_as_it_was_saved(demo: ValidityCard, tmp_path: Path) -> None:
    contract = tmp_path / "mine.v2.toml"
    Contract.load("demo").save(contract)
    assert load_card(contract) is None
    assert card_path(contract) == tmp_path / "mine.v2.card.json"
    demo.save(card_path(contract))
    assert load_card(contract) == demo
    assert card_path(contract).read_text() == demo.to_json()


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"schema_version": "9"}', '{"a": 1, "a": 2}'])
def test_a_file_that_is_no_card_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "mine.card.json").write_text(text)
    with pytest.raises(InputError, match=r"mine\.card\.json(: | is not a validity card)"):
        load_card(tmp_path / "mine.toml")


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_cards_belong_to_their_contracts(name: str) -> None:
    card, contract = load_card(name), Contract.load(name)
    assert (card is None) == (name == "v3")
    if card is not None:
        assert validity(contract, card.encoder).refused is None
        assert card.signature.partition("|enc:")[2] == contract.signature().partition("|enc:")[2]


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({"threshold": 0.5}, False),
        ({"dtype": "bf16"}, False),
        ({"figures": "included"}, False),
        ({"max_length": 128}, False),
        ({"name": "mine", "calibrated_on": "here", "null": 5}, True),
    ],
)
def test_a_card_tells_of_the_fields_that_decide_a_match_only(
    change: dict[str, Any], counts: bool, demo: ValidityCard
) -> None:
    found = validity(replace(Contract.load("demo"), **change), demo.encoder, demo)
    assert (found.refused is None) is counts
    if not counts:
        field, value = next(iter(change.items()))
        assert f"{field} {demo.contract[field]} there, {value} here" in str(found.refused)
        assert validity_sentence(found).startswith(NEVER)
        assert found.same is None


def test_other_weights_are_not_what_the_card_was_measured_with(demo: ValidityCard) -> None:
    other = Encoder(id="all-MiniLM-L6-v2", revision=None, weights_sha256="0" * 64, verified=False)
    assert "encoder weights" in str(validity(Contract.load("demo"), other).refused)


def test_a_variant_of_a_bundled_contract_has_no_card(demo: ValidityCard) -> None:
    assert validity(replace(Contract.load("demo"), name="custom", threshold=0.5), demo.encoder) == Validity()


def test_the_card_of_a_judge_is_found_by_its_name(demo: ValidityCard, cache: Path) -> None:
    name = "judge:vllm:Org/Model?seed=1"
    path = card_path(name)
    assert path.parent == cache / "cards"
    path.parent.mkdir(parents=True)
    demo.save(path)
    assert load_card(name) == demo
    assert validity(replace(Contract.load("demo"), name=name), demo.encoder).n_matched == 261


def test_a_judge_is_its_model_prompt_and_parameters_however_it_is_written() -> None:
    spelled = {card_path(name) for name in ("judge:vllm:M", "judge:vllm:M?temperature=0")}
    assert len(spelled) == 1
    others = ["judge:vllm:M?seed=1", "judge:vllm:M?temperature=", "judge:vllm:N", "judge:openai:M"]
    assert len(spelled | {card_path(name) for name in others}) == 5


def test_another_prompt_makes_another_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    from bioreview_bench.contracts import judge_names

    before = card_path("judge:vllm:M")
    monkeypatch.setattr(judge_names, "prompt_sha256", lambda: "0" * 64)
    assert card_path("judge:vllm:M") != before


def test_the_sentence_quotes_reviewers_in_their_own_words(demo: ValidityCard) -> None:
    found = validity(Contract.load("demo"), demo.encoder)
    assert validity_sentence(found) == (
        "Of the pairs this contract matches, 16% are the same point (41 of 261; 95% CI 11-21; measured on 513 texts by "
        "blind_reader, close_reader on 27 articles of elife_pilot/all). It finds 44% of the points that these texts "
        "make."
    )
    assert not trusted(found)


@pytest.mark.parametrize(
    ("found", "long", "brief", "believed"),
    [
        (Validity(), "Never checked against judged pairs", "never checked", False),
        (Validity(n_matched=0, measured_on="x"), "matched none of the judged texts", "no matches", False),
        (
            Validity(n_matched=6, same=1.0, interval=(1.0, 1.0), measured_on="x"),
            "(6 of 6, too few to say much; measured on x)",
            "(few)",
            False,
        ),
        (Validity(n_matched=90, same=0.6, measured_on="x"), "60% are the same point (54 of 90;", "60% of 90", True),
        (Validity(n_matched=90, same=0.4, measured_on="x"), "40% are the same point", "40% of 90", False),
    ],
)
def test_every_state_has_its_words(found: Validity, long: str, brief: str, believed: bool) -> None:
    assert long in validity_sentence(found)
    assert brief in validity_in_short(found)
    assert trusted(found) is believed


def test_a_score_carries_what_the_card_says(tmp_path: Path) -> None:
    split = load_split("demo", "test")
    result = score(split, {}, Contract.load("jaccard"), draws=0)
    assert result.record.validity is not None
    assert result.record.validity.n_matched == 6
    said = [note for note in notes(result.record) if "same point" in note.text]
    assert [note.level for note in said] == ["warning"]  # six matches are too few to trust
    path = result.save(tmp_path / "r.result.json")
    assert load_result(path).record.validity == result.record.validity
    before = json.loads(path.read_text())
    del before["validity"]
    path.write_text(json.dumps(before))
    old = load_result(path)
    assert old.record.validity is None
    assert validity_of(old.record) == result.record.validity


def test_the_card_beside_a_contracts_file_is_told_on_every_surface(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = load_card("jaccard")
    assert card is not None
    mine = replace(Contract.load("jaccard"), name="mine")
    mine.save(tmp_path / "mine.toml")
    card.save(tmp_path / "mine.card.json")
    results = []
    for system in ("careful", "gaps"):
        results.append(str(tmp_path / f"{system}.result.json"))
        command = ["evaluate", f"demo:{system}", "--data", "demo", "--contract", str(tmp_path / "mine.toml")]
        command += ["--draws", "0", "--quiet", "-o", results[-1]]
        assert run([*command, "--html", str(tmp_path / "page.html"), "--format", "markdown"]) == 0
    told = validity_sentence(validity(mine, card.encoder, card))
    shown = capsys.readouterr().out
    assert told[:60] in shown
    assert run(command) == 0
    assert told[:60] in capsys.readouterr().out
    assert told[:60] in (tmp_path / "page.html").read_text()
    assert run(["compare", *results]) == 0
    assert told[:60] in capsys.readouterr().out
    assert run(["compare", *results, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["validity"]["n_matched"] == 6
    replace(mine, threshold=0.3).save(tmp_path / "mine.toml")
    assert run([*command, "--full"]) == 0
    assert "measured with other settings (threshold 0.195 there, 0.3 here)" in " ".join(capsys.readouterr().out.split())


def test_the_tables_of_a_card_fit_a_terminal_of_80_columns(
    demo: ValidityCard, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    from bioreview_bench.report.meaning import about

    print_blocks(blocks(demo, about(validity(Contract.load("demo"), demo.encoder))), sys.stdout)
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("Matched one to one; of these, the same point")
    tables = [line for line in lines[start:] if not line.startswith("  ")]
    assert max(len(line.rstrip()) for line in tables) <= 80


def test_the_chart_is_well_formed_and_described(demo: ValidityCard) -> None:
    from xml.etree import ElementTree

    named = demo.model_copy(update={"contract": {**demo.contract, "name": "<mine> & yours"}})
    root = ElementTree.fromstring(svg(named))
    described = "".join(root.itertext())
    assert "What contract <mine> & yours matches" in described
    assert "blind reader: 172 of 210 matched, 31 of them the same point" in described
    assert len(root.findall("{http://www.w3.org/2000/svg}circle")) == 2 * len(demo.reviewers)
