"""The verdict in at most twelve lines of 80 columns, and the sentence on copying in its grades."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from bioreview_bench import Contract, score
from bioreview_bench.cli.main import run
from bioreview_bench.report.blocks import blocks, to_markdown
from bioreview_bench.report.meaning import ENOUGH, echo_among, echo_note, notes
from bioreview_bench.report.terminal import print_blocks
from bioreview_bench.report.verdict import as_text
from bioreview_bench.results.records import ResultRecord

BETTER = "better than this system"
TOPIC = "under this contract the number measures topic."


@pytest.fixture
def record(make_article: Callable[..., Any], hash_encoder: Any) -> ResultRecord:
    """Forty articles of two references each; the system writes one of them word for word: 40 of 80 matches."""
    texts = [[f"first concern about {number}", f"second concern about {number}"] for number in range(40)]
    articles = [make_article(f"elife:{number}", said) for number, said in enumerate(texts)]
    predictions = {article.id: [said[0]] for article, said in zip(articles, texts, strict=True)}
    found = score(articles, predictions, Contract.load("demo"), hash_encoder, draws=100).record
    return found.model_copy(update={"encoder": found.encoder.model_copy(update={"verified": True})})


def changed(record: ResultRecord, n_matched: int = 40, **controls: Any) -> ResultRecord:
    """The record with other figures."""
    overall = record.overall.model_copy(update={"n_matched": n_matched})
    return record.model_copy(update={"overall": overall, "controls": record.controls.model_copy(update=controls)})


# By hand, of match rates of a system of 0.500: four fifths are 0.400, the half is 0.250.
@pytest.mark.parametrize(
    ("echo", "level", "said"),
    [
        (0.501, "alarm", f"scores better than this system (match rate 0.501 against 0.500): {TOPIC}"),
        (0.5004, "alarm", f"scores close to this system (match rate 0.500 against 0.500): {TOPIC}"),
        (0.500, "alarm", f"scores close to this system (match rate 0.500 against 0.500): {TOPIC}"),
        (0.400, "alarm", f"scores close to this system (match rate 0.400 against 0.500): {TOPIC}"),
        (0.399, "alarm", "reaches 80% of this system's match rate (0.399 against 0.500): much of this score is topic."),
        (0.250, "alarm", "reaches 50% of this system's match rate (0.250 against 0.500): much of this score is topic."),
        (0.249, "info", "reaches 50% of this system's match rate (0.249 against 0.500)."),
        (0.025, "info", "reaches 5% of this system's match rate (0.025 against 0.500)."),
        (0.0, "info", "reaches 0% of this system's match rate (0.000 against 0.500)."),
    ],
)
def test_copying_is_graded_by_the_match_rates_that_the_sentence_prints(echo: float, level: str, said: str) -> None:
    note = echo_note(echo, 0.5, 40)
    assert note is not None
    assert (note.level, note.text) == (level, f"Copying sentences of the paper {said}")


@pytest.mark.parametrize(
    ("n_matched", "said"),
    [
        (0, "Too few matches to say how copying sentences of the paper compares (0 matches)."),
        (1, "Too few matches to say how copying sentences of the paper compares (1 match)."),
        (ENOUGH - 1, f"Too few matches to say how copying sentences of the paper compares ({ENOUGH - 1} matches)."),
        (ENOUGH, f"Copying sentences of the paper scores {BETTER} (match rate 0.900 against 0.100): {TOPIC}"),
    ],
)
def test_a_handful_of_matches_says_nothing_about_copying(n_matched: int, said: str) -> None:
    note = echo_note(0.9, 0.1, n_matched)
    assert note is not None
    assert note.text == said


def test_a_system_that_matches_nothing_where_it_can_be_compared_is_no_division_by_zero() -> None:
    better, level = echo_note(0.2, 0.0, 40), echo_note(0.0, 0.0, 40)
    assert better is not None
    assert "better than" in better.text
    assert level is not None
    assert "close to" in level.text


@pytest.mark.parametrize("rates", [(None, 0.5), (0.5, None), (None, None)])
def test_where_a_match_rate_is_undefined_nothing_is_said(rates: tuple[float | None, float | None]) -> None:
    assert echo_note(*rates, 40) is None


def test_above_a_table_each_grade_is_counted() -> None:
    # Beside 0.5: better than 0.4, close to 0.6, half of 0.9; below 1.0 with an echo of 0.5 it is half, of 0.49 less.
    systems = [(0.4, 40), (0.6, 40), (0.9, 40), (1.0, 40), (0.1, 3), (None, 0)]
    assert echo_among(0.5, systems) == (
        "Copying ten sentences of each paper (match rate 0.500) scores better than 1, close to 1 and at least half as "
        "high as 2 of the 6 systems below: under this contract their number measures topic as much as concerns."
    )
    assert echo_among(0.5, [(0.6, 40)]) == (
        "Copying ten sentences of each paper (match rate 0.500) scores close to the one system below: under this "
        "contract its number measures topic as much as concerns."
    )
    assert echo_among(0.19, [(0.4, 40), (0.1, 3)]) is None
    assert echo_among(None, systems) is None


@pytest.mark.parametrize(
    ("echo", "start"),
    [(0.6, "Copying sentences of the paper"), (0.1, "40 of 80 references are matched by 40 predictions. ")],
)
def test_the_same_sentence_stands_on_every_surface(record: ResultRecord, echo: float, start: str) -> None:
    one = changed(record, match_rate=0.5, echo_match_rate=echo)
    said = next(note.text for note in notes(one) if note.text.startswith("Copying"))
    for shown in (as_text(one), _printed(one), to_markdown(blocks(one))):
        assert said in " ".join(shown.split()).replace("\\", "")
    assert f"Verdict {start}" in " ".join(as_text(one).split())


def test_saturation_is_the_sentence_and_copying_is_not_compared(record: ResultRecord) -> None:
    one = changed(record, match_rate=1.0, echo_match_rate=1.0, null_match_rate=1.0, saturated=True, skill=None)
    shown = " ".join(as_text(one).split())
    assert "Skill saturated" in shown
    assert "Verdict SATURATED: 100.0% of the possible matches" in shown
    assert "Copying sentences" not in shown


def test_twelve_lines_of_eighty_columns_say_what_a_reader_needs(record: ResultRecord) -> None:
    long = "a-very-long-name-of-a-system-" * 9
    system = record.system.model_copy(update={"name": long, "version": long, "postprocessing": "dedup"})
    coverage = record.coverage.model_copy(update={"scored": 38, "refused": 2})
    data = record.data.model_copy(update={"name": long, "split": long})
    contract = {**record.contract, "name": long}
    one = changed(record, match_rate=0.5, echo_match_rate=0.45, generic_match_rate=0.1).model_copy(
        update={"system": system, "coverage": coverage, "data": data, "contract": contract}
    )
    lines = as_text(one, "bench evaluate x.jsonl --full").splitlines()
    assert len(lines) <= 12
    assert max(map(len, lines)) <= 80
    shown = " ".join(as_text(record).split())
    low, high = record.intervals["overall.f1"] or (0, 0)
    assert f"F1 0.667 95% CI [{low:.3f}, {high:.3f}] recall 0.500, precision 1.000" in shown
    assert "Skill 1.000 95% CI" in shown
    assert "match rate 1.000 against" in shown
    assert "Never checked against judged pairs" in shown


def test_what_was_not_answered_stands_in_the_verdict(record: ResultRecord) -> None:
    coverage = record.coverage.model_copy(update={"scored": 38, "refused": 2})
    assert "40 articles, 2 not answered" in as_text(record.model_copy(update={"coverage": coverage}))
    assert "not answered" not in as_text(record)


def test_hostile_names_do_not_act(record: ResultRecord) -> None:
    named = record.system.model_copy(update={"name": "[red]x[/red]\x1b[31m\u202e\n# y"})
    shown = as_text(record.model_copy(update={"system": named}))
    assert "[red]x[/red]\\x1b[31m" in shown
    assert not set(shown) & {"\x1b", "\u202e"}
    assert not any(line.startswith("# y") for line in shown.splitlines())


def test_the_tables_follow_on_demand_and_always_in_markdown_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", "demo:careful", "--data", "demo", "--contract", "jaccard", "--draws", "0", "--quiet"]
    assert run(command) == 0
    brief = capsys.readouterr().out
    assert len(brief.splitlines()) <= 12
    assert "By category" not in brief
    again = brief.splitlines()[-1].removeprefix("Next").split()
    assert again[0] == "bench"
    assert run(again[1:]) == 0
    full = capsys.readouterr().out
    assert full.startswith("System    careful on demo/test, 12 articles\n")
    assert "By category" in full
    assert "Signature" in full
    assert run([*command, "--format", "markdown"]) == 0
    markdown = capsys.readouterr().out
    assert "- **Verdict**: " in markdown
    assert "## By category" in markdown
    assert run([*command, "--format", "json"]) == 0
    assert "per_category" in json.loads(capsys.readouterr().out)


def _printed(record: ResultRecord) -> str:
    stream = io.StringIO()
    print_blocks(blocks(record), stream)
    return stream.getvalue()
