"""`bench contract`: list, show, audit; and what a broken file makes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bioreview_bench import Contract
from bioreview_bench.cli.main import run
from bioreview_bench.results.validity import load_card

Shown = pytest.CaptureFixture[str]


def test_list_names_every_contract_and_what_its_card_says(capsys: Shown) -> None:
    assert run(["contract", "list"]) == 0
    shown = capsys.readouterr().out
    lines = {line.split()[0]: line for line in shown.splitlines() if line.split()}
    assert lines["v3"].rstrip().endswith("never checked")
    assert "16% of 261 matches are the same point" in lines["demo"]
    assert run(["contract", "list", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"]: row["validity"]["n_matched"] for row in rows}["v3"] is None


def test_show_says_that_v3_was_never_checked_and_how_to(capsys: Shown) -> None:
    assert run(["contract", "show", "v3"]) == 0
    shown = capsys.readouterr()
    assert "Never checked against judged pairs" in shown.out
    assert "|thr:0.65|" in shown.out
    assert "bench contract audit v3 --judgements FILE --data DATA" in shown.err
    assert run(["contract", "show", "demo", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["contract"]["threshold"] == 0.4
    assert told["card"]["reviewers"]["blind_reader"]["n_texts"] == 324


def test_an_audit_writes_card_and_chart_and_the_next_score_tells_of_it(
    judged_demo: Path, tmp_path: Path, capsys: Shown
) -> None:
    contract, card = tmp_path / "mine.toml", tmp_path / "mine.card.json"
    Contract.load("jaccard").save(contract)
    command = ["contract", "audit", str(contract), "--judgements", str(judged_demo), "--data", "demo"]
    command += ["--split", "test", "--draws", "200"]
    assert run(command) == 0
    shown = capsys.readouterr()
    assert "Of the pairs this contract matches" in shown.out
    assert "Not kept with the contract." in shown.err
    assert not card.exists()
    assert run([*command, "--keep", "--chart", str(tmp_path / "c.svg"), "--format", "json", "--quiet"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == json.loads(card.read_text())
    assert shown.err == ""
    assert (tmp_path / "c.svg").read_text().startswith("<svg")
    made = load_card(contract)
    assert made is not None
    assert made.measured_on.data == "demo/test"
    assert made.agreement.raters == ["ann", "bob"]
    assert list(made.reviewers) == ["careful"]
    first = card.read_bytes()
    assert run([*command, "-o", str(tmp_path / "again.json"), "--quiet"]) == 0
    assert (tmp_path / "again.json").read_bytes() == card.read_bytes() == first
    capsys.readouterr()
    assert run(["contract", "list", str(contract), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[-1]["validity"]["measured_on"].endswith("demo/test")
    assert run(["contract", "show", str(contract), "--format", "markdown"]) == 0
    assert "## Counted and judged" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("judgements", "code", "said"),
    [
        (b"{broken", 2, "broken JSON"),
        (b"\x1f\x8b", 2, "decompress first"),
        (b'{"article_id": "elife:1", "text": "x", "rater_a": {}}', 2, "unknown article id"),
        (b"", 2, "has no rows"),
        (None, 2, "There is no file"),
    ],
)
def test_a_broken_file_is_one_message_and_nothing_is_written(
    judgements: bytes | None, code: int, said: str, tmp_path: Path, capsys: Shown
) -> None:
    path, out = tmp_path / "judged.jsonl", tmp_path / "x.card.json"
    if judgements is not None:
        path.write_bytes(judgements)
    command = ["contract", "audit", "jaccard", "--judgements", str(path), "--data", "demo", "-o", str(out)]
    assert run(command) == code
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert not out.exists()


def test_an_audit_without_judgements_or_with_an_unknown_contract_is_a_usage_error(
    judged_demo: Path, tmp_path: Path, capsys: Shown
) -> None:
    assert run(["contract", "audit", "jaccard", "--data", "demo"]) == 2
    assert "--judgements" in capsys.readouterr().err
    assert run(["contract", "audit", "nothing", "--judgements", str(judged_demo), "--data", "demo"]) == 2
    assert "There is no contract" in capsys.readouterr().err
    absent = str(tmp_path / "no" / "x.card.json")
    assert run(["contract", "audit", "jaccard", "--judgements", str(judged_demo), "--data", "demo", "-o", absent]) == 6


def test_a_damaged_card_stops_a_score(tmp_path: Path, capsys: Shown) -> None:
    Contract.load("jaccard").save(tmp_path / "mine.toml")
    (tmp_path / "mine.card.json").write_text("{}")
    command = ["evaluate", "demo:careful", "--data", "demo", "--contract", str(tmp_path / "mine.toml")]
    assert run(command) == 2
    assert "is not a validity card" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["judgements", "validity"])
def test_the_formats_have_schemas(name: str, capsys: Shown) -> None:
    import jsonschema

    assert run(["schema", name]) == 0
    jsonschema.Draft202012Validator.check_schema(json.loads(capsys.readouterr().out))


def test_near_misses_raise_the_operating_point(
    minilm: None, warm: Path, tmp_path: Path, write_jsonl: Callable[..., Path], capsys: Shown
) -> None:
    from bioreview_bench import load_split

    split = load_split("demo", "train")
    rows = [
        {"article_id": one.id, "concerns": [" ".join(concern.text.split()[::2]) for concern in one.concerns]}
        for one in split
    ]
    near, output = write_jsonl(rows, "near.jsonl"), tmp_path / "mine.toml"
    command = [
        "calibrate",
        "--data",
        "demo",
        "--split",
        "train",
        "--contract",
        "demo",
        "--transform",
        "none",
        "--quiet",
    ]
    assert run([*command, "--explore", "--format", "json"]) == 0
    (without,) = json.loads(capsys.readouterr().out)
    told = [*command, "--near-misses", str(near), "--small", "-o", str(output), "--chart", str(tmp_path / "c.svg")]
    assert run([*told, "--format", "json"]) == 0
    (curve,) = json.loads(capsys.readouterr().out)
    at, rates = curve["thresholds"].index(curve["threshold"]), curve["match_rate"]["near_misses"]
    assert curve["threshold"] > without["threshold"]
    assert rates[at] <= 0.10 < rates[at - 1]
    assert curve["limits"] == {"echo": 0.05, "generic": 0.05, "other": 0.05, "near_misses": 0.1}
    assert "+near_misses#" in str(Contract.load(output).calibrated_on)


def test_a_followed_file_cannot_take_the_name_of_a_limited_one(
    minilm: None, tmp_path: Path, write_jsonl: Callable[..., Path], capsys: Shown
) -> None:
    path = write_jsonl([{"article_id": "elife:1", "concerns": []}], "echo.jsonl")
    command = [
        "calibrate",
        "--data",
        "demo",
        "--split",
        "train",
        "--contract",
        "demo",
        "--explore",
        "--also",
        str(path),
    ]
    assert run([*command, "--quiet"]) == 2
    assert "rename the file" in capsys.readouterr().err


def test_no_threshold_of_plain_cosine_bears_near_copies(
    minilm: None, warm: Path, tmp_path: Path, write_jsonl: Callable[..., Path], capsys: Shown
) -> None:
    from bioreview_bench import load_split

    rows = [
        {"article_id": one.id, "concerns": [f"{concern.text} Or not?" for concern in one.concerns]}
        for one in load_split("demo", "train")
    ]
    command = ["calibrate", "--data", "demo", "--split", "train", "--contract", "demo", "--quiet", "--small"]
    assert run([*command, "--near-misses", str(write_jsonl(rows)), "-o", str(tmp_path / "mine.toml")]) == 2
    assert "near_misses at or below 10%" in capsys.readouterr().err
