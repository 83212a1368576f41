"""Badges, published figures, and tables for machines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.leaderboard.ranking.badges import TEXTS, badges
from bioreview_bench.leaderboard.ranking.export import as_csv, as_json, reported_csv
from bioreview_bench.leaderboard.ranking.rows import published, reported
from bioreview_bench.leaderboard.ranking.view import Badge, BoardTable
from bioreview_bench.leaderboard.web.choice import TableChoice, is_unseen, passes

Make = Callable[..., Any]


def found(entry: Any) -> set[str]:
    submitted = entry.submitted
    return set(badges(submitted.card, entry.record, entry.extras, submitted.facts))


def test_an_honest_disclosed_system_has_the_calm_badges_only(make_entry: Make) -> None:
    entry = make_entry(1, 0.5, {"after_cutoff": {"n_dated": 12, "n_articles": 12}, "exact_match_rate": 0.0})
    assert found(entry) == {"rescored", "complete"}


@pytest.mark.parametrize("question", ["saw_v3_train", "saw_v4_train", "saw_test_journals"])
def test_whatever_is_left_open_is_shown(make_entry: Make, question: str) -> None:
    assert "undisclosed" in found(make_entry(1, 0.5, **{question: "undisclosed"}))
    assert "undisclosed" not in found(make_entry(1, 0.5, **{question: "no"}))


def test_a_missing_cut_off_is_undisclosed_too(make_entry: Make) -> None:
    assert "undisclosed" in found(make_entry(1, 0.5, cutoff=None))


@pytest.mark.parametrize(
    ("given", "badge"),
    [({"saw_v3_train": "yes"}, "trained-on-v3-train"), ({"saw_test_journals": "yes"}, "saw-test-journals")],
)
def test_what_the_card_admits_is_shown(make_entry: Make, given: dict[str, str], badge: str) -> None:
    assert badge in found(make_entry(1, 0.5, **given))


def test_undisclosed_passes_no_filter_that_disclosed_bad_news_fails(make_table: Make, make_entry: Make) -> None:
    table = make_table(
        make_entry(1, 0.5, team="clean", open_weights="yes", parameters="8B"),
        make_entry(2, 0.5, team="seen", saw_v3_train="yes"),
        make_entry(3, 0.5, team="silent", saw_v3_train="undisclosed", open_weights="undisclosed", parameters="big"),
        make_entry(4, 0.5, team="no date", cutoff=None, open_weights="no"),
    )

    def teams(**filters: str) -> set[str]:
        return {row.team for row in table.rows if passes(row, TableChoice(**filters))}

    assert teams(training="unseen") == {"clean"} == {row.team for row in table.rows if is_unseen(row)}
    assert teams(weights="open") == {"clean"}
    assert teams(size="small") == {"clean"}
    assert "silent" in teams(size="unstated")


@pytest.mark.parametrize(("rate", "copied"), [(0.0, False), (0.011, False), (0.04, False), (0.06, True), (1.0, True)])
def test_copying_is_flagged_from_three_copies_and_one_in_a_hundred(make_entry: Make, rate: float, copied: bool) -> None:
    entry = make_entry(1, 0.5, {"exact_match_rate": rate})
    assert entry.record.overall.n_pred == 54  # 0.04 is two copies, 0.06 three
    assert ("copies-references" in found(entry)) is copied


@pytest.mark.parametrize(
    ("after", "late"),
    [
        ({"n_dated": 12, "n_articles": 11}, True),
        ({"n_dated": 12, "n_articles": 12}, False),
        ({"n_dated": 0, "n_articles": 0}, False),
        ({"n_dated": 12, "n_articles": None}, False),  # no cut-off stated: undisclosed says so
    ],
)
def test_a_cut_off_after_some_articles_is_shown(make_entry: Make, after: dict[str, Any], late: bool) -> None:
    assert ("cutoff-after-articles" in found(make_entry(1, 0.5, {"after_cutoff": after}))) is late


@pytest.mark.parametrize(
    ("facts", "badge"),
    [
        ({"n_near": 2}, "near-duplicate"),
        ({"looks_like": ["Alpha"]}, "confusable-name"),
        ({"mixed_scripts": ["system_name"]}, "confusable-name"),
    ],
)
def test_what_checking_found_is_shown(make_entry: Make, facts: dict[str, Any], badge: str) -> None:
    assert badge in found(make_entry(1, 0.5, facts=facts))
    assert badge not in found(make_entry(1, 0.5, facts={"n_near": 0, "looks_like": [], "mixed_scripts": []}))


def test_an_unverified_encoder_and_unanswered_articles_are_shown(make_entry: Make) -> None:
    entry = make_entry(1, 0.5)
    encoder = entry.record.encoder.model_copy(update={"id": "somebody/model", "verified": False})
    coverage = entry.record.coverage.model_copy(update={"scored": 11, "error": 1})
    record = entry.record.model_copy(update={"encoder": encoder, "coverage": coverage})
    got = found(type(entry)(entry.submitted, 1, record, entry.extras))
    assert "unverified-encoder" in got
    assert "complete" not in got


def test_every_badge_has_words() -> None:
    from typing import get_args

    assert set(TEXTS) == set(get_args(Badge))


def test_published_figures_are_those_of_the_records(shared: Path) -> None:
    rows = {row["source"]: row for row in published() if row["source"] != "training.json"}
    paths = [*shared.glob("data/published/v3/*_test_v3.json"), *shared.glob("data/published/v4/*_test_v4.json")]
    assert {f"{path.parent.name}/{path.name}" for path in paths} == set(rows)
    for path in paths:
        record, row = json.loads(path.read_text()), rows[f"{path.parent.name}/{path.name}"]
        assert (row["system"], row["data"], row["split"]) == (record["tool_name"], path.parent.name, record["split"])
        assert row["n_articles"] == record["n_articles"]
        assert (row["f1"], row["recall"]) == (record["f1_micro"], record["recall_overall"])
        assert (row["precision"], row["recall_major"]) == (record["precision_overall"], record["recall_major"])
        assert (row["n_ref"], row["n_pred"]) == (record["n_human_concerns"], record["n_tool_concerns"])


def test_published_figures_of_the_training_project_are_those_of_its_report(shared: Path) -> None:
    report = json.loads((shared / "data/published/training.json").read_text())
    rows = [row for row in published() if row["source"] == "training.json"]
    test = {row["system"]: row for row in rows if row["split"] == "test"}
    for system in report["systems"]:
        row = test.pop(system["name"])
        assert row["n_articles"] == 981
        assert {key: row[key] for key in ("f1", "recall", "precision", "recall_major", "n_pred")} == {
            key: system[key] for key in ("f1", "recall", "precision", "recall_major", "n_pred")
        }
        if "raw" in system:
            raw = test.pop(f"{system['name']}, raw")
            assert {key: raw[key] for key in system["raw"]} == system["raw"]
    assert not test
    val = {(row["system"], row["f1"]) for row in rows if row["split"] == "val"}
    assert val == {(one["name"], one["f1"]) for one in report["val"]}


def test_no_published_figure_is_a_zero_that_means_not_computed() -> None:
    assert not any(value == 0 for row in published() for value in row.values())


def test_reported_rows_are_those_of_the_data_and_split_by_falling_f1() -> None:
    rows = reported("v4", "test")
    assert [row.system for row in rows][:2] == ["Haiku-4.5", "Gemini-2.5-Flash"]
    assert {row.n_articles for row in rows} == {600}
    assert rows[0].mean_concerns == 9000 / 600
    assert len(reported("v3", "test")) == 10
    assert [row.n_articles for row in reported("v3", "validation")] == [None] * 4
    assert reported("local", "test") == ()


def test_json_is_the_record_again(make_table: Make, make_entry: Make) -> None:
    table = make_table(make_entry(1, 0.6), make_entry(2, 0.3, team="B"))
    assert BoardTable.model_validate_json(as_json(table)) == table


def test_csv_holds_every_row_with_its_intervals(make_table: Make, make_entry: Make) -> None:
    table = make_table(make_entry(1, 0.6), make_entry(2, 0.9, name='Comma, quote" and\nbreak'))
    rows = list(csv.DictReader(io.StringIO(as_csv(table), newline="")))
    assert [row["band"] for row in rows] == ["1", ""]
    assert rows[1]["system"] == 'Comma, quote" and\nbreak'
    assert float(rows[0]["f1"]) == table.rows[0].f1.value
    assert float(rows[0]["f1_low"]) == table.rows[0].f1.low
    assert rows[0]["signature"] == table.rows[0].signature
    assert rows[0]["badges"] == "rescored;complete"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "'=1", '=HYPERLINK("http://a","b")'])
def test_a_name_that_a_spreadsheet_would_run_is_text(make_table: Make, make_entry: Make, name: str) -> None:
    table = make_table(make_entry(1, 0.6, name=name))
    [row] = csv.DictReader(io.StringIO(as_csv(table), newline=""))
    assert row["system"] == f"'{name}"


def test_negative_figures_stay_numbers_in_csv(make_table: Make, make_entry: Make) -> None:
    entry = make_entry(1, 0.6)
    controls = entry.record.controls.model_copy(update={"skill": -0.012})
    record = entry.record.model_copy(update={"controls": controls})
    table = make_table(type(entry)(entry.submitted, 1, record, entry.extras))
    [row] = csv.DictReader(io.StringIO(as_csv(table), newline=""))
    assert row["skill"] == "-0.012"


def test_reported_figures_have_a_csv_of_their_own() -> None:
    rows = list(csv.DictReader(io.StringIO(reported_csv(reported("v3", "val")), newline="")))
    assert rows[0]["system"] == "GPT-4o-mini"
    assert (rows[0]["n_articles"], rows[0]["mean_concerns"]) == ("", "")


def test_a_report_date_is_no_reason_to_change_a_table(make_table: Make, make_entry: Make) -> None:
    assert make_table(make_entry(1, 0.6, date=date(2020, 1, 1))).rows[0].submitted == "2026-07-02"
