"""`bench evaluate --contract A,B`: one run, a column and a result file for each contract; and the default contracts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bioreview_bench.cli.main import run
from bioreview_bench.results.result import load_result

_DEMO = ["evaluate", "demo:careful", "--data", "demo", "--draws", "50", "--quiet"]


def _json(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, object]:
    assert run([*_DEMO, "--format", "json", *options]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_demo_data_are_scored_under_reader_when_no_contract_is_named(
    minilm: None, warm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    default = _json(capsys)
    named = _json(capsys, "--contract", "reader")
    assert default["contract"] == named["contract"]
    assert (default["signature"], default["overall"]) == (named["signature"], named["overall"])


def test_several_contracts_give_the_results_that_each_gives_alone(
    minilm: None, warm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, page = tmp_path / "mine.result.json", tmp_path / "mine.html"
    options = ["--contract", "demo,reader", "-o", str(output), "--html", str(page), "--format", "json"]
    assert run([*_DEMO, *options]) == 0
    together = json.loads(capsys.readouterr().out)["results"]
    names = {path.name for path in tmp_path.iterdir()}
    ends = ("result.json", "pairs.parquet", "html")
    assert names == {f"mine.{contract}.{end}" for contract in ("demo", "reader") for end in ends}
    for record, name in zip(together, ("demo", "reader"), strict=True):
        alone = _json(capsys, "--contract", name)
        assert record["contract"]["name"] == name
        for part in ("signature", "overall", "controls", "intervals", "articles", "validity"):
            assert record[part] == alone[part], (name, part)
        assert load_result(tmp_path / f"mine.{name}.result.json").signature == alone["signature"]


def test_columns_stand_side_by_side_and_nothing_is_mixed_up(
    minilm: None, warm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = {}
    for given in ("demo,jaccard", "jaccard,demo"):
        assert run([*_DEMO, "--contract", given]) == 0
        lines = capsys.readouterr().out.splitlines()
        shown[given] = {
            line.split()[0]: line.split()[1:] for line in lines if line.startswith(("precision ", "recall "))
        }
    for name in ("precision", "recall"):
        first, second = shown["demo,jaccard"][name], shown["jaccard,demo"][name]
        assert first == [*second[3:], *second[:3]]
        assert first[0] != second[0]


def test_markdown_has_a_column_for_each_contract(minilm: None, warm: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*_DEMO, "--contract", "demo,jaccard", "--format", "markdown"]) == 0
    assert "|  | demo | jaccard |" in capsys.readouterr().out


def test_the_official_contract_names_those_that_read(
    minilm: None, warm: Path, tiny_bert: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*_DEMO, "--contract", "v3,reader", "--encoder-path", str(tiny_bert), "--full"]) == 0
    shown = capsys.readouterr().out
    assert "v3+unverified-encoder" in shown
    assert "+reader|" in shown  # its own encoder, not the folder
    assert "The contracts that read are reader and a" in " ".join(shown.split())
    assert run([*_DEMO, "--contract", "v3", "--encoder-path", str(tiny_bert)]) == 0
    brief = capsys.readouterr().out
    assert "Those that read: reader, a judge (--contract v3,reader)" in " ".join(brief.split())
    assert len(brief.splitlines()) <= 12


def test_the_limit_is_held_against_every_contract(minilm: None, warm: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*_DEMO, "--contract", "demo,jaccard", "--fail-under", "f1=0.2"]) == 2
    said = capsys.readouterr().err
    assert "overall.f1 (contract jaccard) is" in said
    assert "contract demo" not in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--contract", "jaccard,jaccard"], "names a contract twice, or none"),
        (["--contract", "jaccard,"], "names a contract twice, or none"),
        (["--contract", "jaccard,nope"], 'There is no contract "nope"'),
        (["--contract", "jaccard,demo", "--encoder", "demo"], "--encoder makes one contract"),
        (["--contract", "jaccard,demo", "--consistency"], "does not use a judge"),
    ],
)
def test_a_list_that_cannot_be_scored_is_refused(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*_DEMO, *options]) == 2
    assert said in capsys.readouterr().err


def test_nothing_is_scored_when_one_of_the_encoders_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import huggingface_hub.file_download

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.file_download, "HF_HUB_CACHE", str(tmp_path), raising=False)
    assert run([*_DEMO, "--contract", "jaccard,v3", "-o", str(tmp_path / "mine.result.json")]) == 3
    shown = capsys.readouterr()
    assert "bench encoder fetch specter2" in shown.err
    assert shown.out == ""
    assert not list(tmp_path.iterdir())


def test_two_contracts_of_one_name_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = 'name = "mine"\nsimilarity = "jaccard"\nthreshold = {}\n'
    paths = [tmp_path / f"{n}.toml" for n in (1, 2)]
    for path in paths:
        path.write_text(text.format(f"0.{path.stem}"))
    assert run([*_DEMO, "--contract", ",".join(map(str, paths))]) == 2
    assert "Two contracts are called mine" in capsys.readouterr().err
