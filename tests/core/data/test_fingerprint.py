"""The fingerprint of a split changes exactly when something that can enter a score changes."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import Article, fingerprint


def articles() -> list[dict[str, Any]]:
    """Two articles, fresh for every change."""
    concerns = [
        {
            "concern_id": "elife:1:R1C1",
            "concern_text": "Café and déjà vu were never tested.",
            "category": "other",
            "severity": "minor",
        },
        {
            "concern_id": "elife:1:R1C2",
            "concern_text": "A second concern of a reviewer.",
            "category": "design_flaw",
            "severity": "major",
        },
    ]
    return [
        {"id": "elife:1", "source": "elife", "concerns": concerns},
        {"id": "peerj:2", "source": "peerj", "concerns": []},
    ]


def of(rows: list[dict[str, Any]]) -> str:
    return fingerprint([Article.model_validate(row) for row in rows])


def test_conformance(shared: Path) -> None:
    cases = json.loads((shared / "conformance" / "fingerprint.json").read_text(encoding="utf-8"))
    assert cases
    for case in cases:
        assert of(case["articles"]) == case["fingerprint"]


def test_canonical_json_written_by_hand() -> None:
    row = {"concern_id": "c1", "concern_text": " Cafe\u0301\n noir ", "category": "other", "severity": "minor"}
    canonical = (
        '[{"concerns":[{"category":"other","figure":false,"id":"c1","severity":"minor","text":"Café noir"}],'
        '"id":"elife:1","source":"elife"}]'
    )
    expected = hashlib.sha256(canonical.encode("utf-8")).hexdigest()[:12]
    assert of([{"id": "elife:1", "source": "elife", "concerns": [row]}]) == expected


def test_order_of_articles_does_not_matter() -> None:
    assert of(articles()[::-1]) == of(articles())


def test_white_space_and_unicode_composition_do_not_matter() -> None:
    rows = articles()
    text = rows[0]["concerns"][0]["concern_text"]
    rows[0]["concerns"][0]["concern_text"] = (
        "\n " + unicodedata.normalize("NFD", text).replace(" ", " \u00a0\t") + "\r\n"
    )
    assert of(rows) == of(articles())


def test_what_cannot_enter_a_score_does_not_matter() -> None:
    rows = articles()
    rows[0] |= {"title": "New", "doi": "10.7554/eLife.1", "abstract": "New.", "unknown": 1}
    rows[0]["concerns"][0] |= {"author_stance": "conceded", "reviewer_num": 2, "requires_figure_reading": False}
    assert of(rows) == of(articles())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("concern_id", "elife:1:R2C1"),
        ("concern_text", "Cafe and déjà vu were never tested."),
        ("concern_text", "café and déjà vu were never tested."),
        ("category", "interpretation"),
        ("category", "figure_issue"),
        ("severity", "optional"),
        ("requires_figure_reading", True),
    ],
)
def test_every_field_of_a_concern_matters(field: str, value: Any) -> None:
    rows = articles()
    rows[0]["concerns"][0][field] = value
    assert of(rows) != of(articles())


def _rename(rows: list[dict[str, Any]]) -> None:
    rows[1]["id"] = "peerj:3"


def _move(rows: list[dict[str, Any]]) -> None:
    rows[1]["source"] = "plos"


def _swap_concerns(rows: list[dict[str, Any]]) -> None:
    rows[0]["concerns"].reverse()


def _give_away(rows: list[dict[str, Any]]) -> None:
    rows[1]["concerns"].append(rows[0]["concerns"].pop())


def _drop_figure_concern(rows: list[dict[str, Any]]) -> None:
    # Excluded from scoring, but the number excluded is reported.
    rows[0]["concerns"][1]["category"] = "figure_issue"
    with_figure = of(rows)
    rows[0]["concerns"].pop()
    assert of(rows) != with_figure


def _drop_article(rows: list[dict[str, Any]]) -> None:
    rows.pop()


@pytest.mark.parametrize(
    "change",
    [_rename, _move, _swap_concerns, _give_away, _drop_figure_concern, _drop_article],
    ids=lambda f: f.__name__,
)
def test_every_change_of_the_articles_matters(change) -> None:
    rows = articles()
    change(rows)
    assert of(rows) != of(articles())


def test_figure_flag_and_category_are_one_fact() -> None:
    # Scoring cannot tell a figure_issue with the flag from one without.
    flagged, unflagged = articles(), articles()
    for rows, flag in ((flagged, True), (unflagged, False)):
        rows[0]["concerns"][0] |= {"category": "figure_issue", "requires_figure_reading": flag}
    assert of(flagged) == of(unflagged)
