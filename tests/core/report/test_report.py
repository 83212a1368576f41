"""Reports in text and Markdown: everything a reader needs beside the number, and nothing that acts on a terminal."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bioreview_bench import Contract, Result, score
from bioreview_bench.data.predictions import PredictionRow, as_predictions
from bioreview_bench.report.blocks import blocks, to_markdown
from bioreview_bench.report.terminal import print_blocks
from bioreview_bench.results.records import ResultRecord, System

DEMO = Contract.load("demo")
ABSTRACT = "We measured the growth of yeast in glucose. It grew faster in the dark, which nobody had seen before."


def as_text(result: Result) -> str:
    stream = io.StringIO()
    print_blocks(blocks(result.record), stream)
    return stream.getvalue()


def as_markdown(result: Result) -> str:
    return to_markdown(blocks(result.record))


FORMS = pytest.mark.parametrize("form", [as_text, as_markdown])


@pytest.fixture(autouse=True)
def no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def result(make_article: Callable[..., Any], hash_encoder: Any) -> Result:
    """Eight articles: six half right, one refused, one missing."""
    texts = [[f"first concern about {number}", f"second concern about {number}"] for number in range(8)]
    articles = [make_article(f"elife:{number}", said, abstract=ABSTRACT) for number, said in enumerate(texts)]
    predictions = {f"elife:{number}": [texts[number][0], "an odd remark"] for number in range(6)}
    system = System(name="Example reviewer", version="2", postprocessing="dedup+cap20")
    rows = as_predictions(predictions, articles)
    refused = replace(rows, rows={**rows.rows, "elife:6": PredictionRow("elife:6", (), "refused")})
    return score(articles, refused, DEMO, hash_encoder, draws=200, controls="full", system=system)


def line(report: str, start: str) -> list[str]:
    """The words of the report's line that starts so, table rules left out."""
    found = next(row.strip("|* ") for row in report.splitlines() if row.strip("|-* ").startswith(start))
    return found.removeprefix(start).replace("|", " ").split()


@FORMS
def test_who_what_and_under_which_contract(form: Callable[[Result], str], result: Result) -> None:
    report = form(result)
    unescaped = report.replace("\\", "")
    assert "Example reviewer 2, post-processing dedup+cap20" in report
    assert result.signature in unescaped
    assert "local, split -, 8 articles (not a released split)" in report


@FORMS
def test_coverage_by_status(form: Callable[[Result], str], result: Result) -> None:
    report = form(result)
    assert "8 articles: 6 scored, 1 refused, 1 missing." in report
    assert "2 of 8 articles were not answered (1 refused, 1 missing)" in report


@FORMS
def test_every_score_stands_with_its_interval(form: Callable[[Result], str], result: Result) -> None:
    report = form(result)
    for name, path, point in (
        ("recall", "overall.recall", 6 / 16),
        ("precision", "overall.precision", 6 / 12),
        ("skill", "controls.skill", 0.5),
    ):
        interval = result.record.intervals[path]
        assert interval is not None
        shown = " ".join(line(report, name)).replace("\\", "")
        assert shown == f"{point:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"


@FORMS
def test_every_score_stands_with_its_controls(form: Callable[[Result], str], result: Result) -> None:
    # Each row: F1 and match rate. Odd remarks match nothing in other articles, copied sentences nothing at all.
    report = form(result)
    assert line(report, "this system") == ["0.429", "0.500"]
    assert line(report, "null: predictions for other articles") == ["0.000", "0.000"]
    assert line(report, "echo: ten sentences of the paper") == ["0.000", "0.000"]
    assert line(report, "generic: ten stock comments") == ["0.000", "0.000"]
    assert line(report, "ceiling: every possible match") == [f"{2 * 12 / 28:.3f}", "1.000"]


@FORMS
def test_undefined_figures_are_dashes(
    form: Callable[[Result], str], make_article: Callable[..., Any], hash_encoder: Any
) -> None:
    report = form(score([make_article("elife:1", ["A real concern."])], {}, DEMO, hash_encoder, draws=100))
    assert line(report, "precision") == ["-", "-"]
    assert line(report, "skill") == ["-", "-"]
    assert line(report, "echo: ten sentences of the paper") == ["-", "-"]
    assert line(report, "recall") == ["0.000", "-"]
    assert "nan" not in report.lower()
    assert "None" not in report


@FORMS
def test_saturated_results_say_so(
    form: Callable[[Result], str], make_article: Callable[..., Any], table_encoder: type
) -> None:
    alike = table_encoder({"one for all": [1.0], "a concern": [1.0]})
    articles = [make_article(f"elife:{number}", ["a concern "]) for number in range(3)]
    found = score(articles, {article.id: ["one for all"] for article in articles}, DEMO, alike, draws=0)
    report = form(found)
    assert "SATURATED: 100.0%" in report
    assert line(report, "skill") == ["-", "-"]
    assert "SATURATED" not in form(score(articles, {}, DEMO, alike, draws=0))


HOSTILE = "[red]x[/red] \x1b[31m| `rm` <b>\u202e\n# y"


@pytest.fixture
def hostile(make_article: Callable[..., Any]) -> Result:
    contract = replace(Contract.load("jaccard"), name=HOSTILE, threshold=0.3)
    system = System(name=HOSTILE, version=HOSTILE, postprocessing=HOSTILE)
    return score([make_article("elife:1", ["A real concern."])], {}, contract, draws=0, system=system)


@FORMS
def test_a_strangers_result_file_does_not_act_either(form: Callable[[Result], str], result: Result) -> None:
    value = result.to_dict()
    value["data"] |= {"name": HOSTILE, "split": HOSTILE}
    value["contract"]["name"] = value["signature"] = HOSTILE
    for section in ("per_category", "per_severity", "per_source"):
        value[section] = {HOSTILE: next(iter(value[section].values()))}
    report = form(Result(ResultRecord.model_validate(value), result.counts))
    assert not set(report) & {"\x1b", "\u202e"}
    assert not any(row.startswith("# y") for row in report.splitlines())


def test_names_do_not_act_on_a_terminal(hostile: Result) -> None:
    report = as_text(hostile)
    assert not set(report) & {"\x1b", "\u202e"}
    # Printed as it stands, not taken for markup.
    assert report.count("[red]x[/red] \\x1b[31m| `rm` <b>") == 4
    assert not any(row.startswith("# y") for row in report.splitlines())


def test_names_do_not_act_in_markdown(hostile: Result) -> None:
    report = as_markdown(hostile)
    assert not set(report) & {"\x1b", "\u202e"}
    assert report.count("\\[red\\]x\\[/red\\] \\\\x1b\\[31m\\| \\`rm\\` \\<b\\>") == 4
    assert not any(row.startswith("# y") for row in report.splitlines())
