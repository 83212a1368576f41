"""Counts of control reviewers are scored once, and never taken for those of other articles or other code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import Contract, score
from bioreview_bench.controls import store
from bioreview_bench.data.article import Article
from bioreview_bench.errors import InputError
from bioreview_bench.files.paths import controls_root
from bioreview_bench.scoring import tally

JACCARD = Contract.load("jaccard")
PREDICTED = {"elife:1": ["The cohort has no control arm at all."]}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Ids of the articles that the echo reviewer was asked about."""
    monkeypatch.setenv("BIOREVIEW_CACHE", str(tmp_path))
    seen: list[str] = []

    def echo(article: Article) -> Sequence[str]:
        seen.append(article.id)
        return [text for text in (article.abstract, *article.sections.values()) if text]

    monkeypatch.setattr(tally, "SCORED_CONTROLS", {"echo": echo})
    return seen


@pytest.fixture
def article(make_article: Callable[..., Any]) -> Article:
    made: Article = make_article(
        "elife:1", PREDICTED["elife:1"], abstract="A cohort.", paper_text_sections={"results": "No control arm."}
    )
    return made


def test_a_second_score_asks_no_control_reviewer(asked: list[str], article: Article) -> None:
    first = score([article], PREDICTED, JACCARD)
    second = score([article], {"elife:1": ["Another system says another thing."]}, JACCARD)
    assert asked == ["elife:1"]
    assert first.counts.echo_pred.tolist() == second.counts.echo_pred.tolist() == [2]
    assert first.record.controls.echo_match_rate == second.record.controls.echo_match_rate is not None


@pytest.mark.parametrize(
    "changed",
    [
        {"title": "A title"},
        {"abstract": None},
        {"paper_text_sections": {"methods": "No control arm."}},
        {"paper_text_sections": {"results": "No control arm. None."}},
        {"paper_text_sections": {"results": "No control", "arm.": ""}},
        {"id": "elife:2"},
    ],
)
def test_what_a_control_reviewer_reads_decides(asked: list[str], article: Article, changed: dict[str, Any]) -> None:
    other = article.model_copy(update=changed)
    assert store.key("s", [article]) == store.key("s", [article.model_copy()])
    assert store.key("s", [other]) != store.key("s", [article])
    score([article], PREDICTED, JACCARD)
    score([other], {other.id: ["It says nothing."]}, JACCARD)
    assert asked == ["elife:1", other.id]


def test_signature_order_and_number_of_articles_decide(article: Article) -> None:
    other = article.model_copy(update={"id": "elife:2"})
    keys = {store.key(*given) for given in (("s", [article, other]), ("s", [other, article]), ("t", [article, other]))}
    assert len(keys | {store.key("s", [article]), store.key("s", [])}) == 5


def test_other_code_of_the_reviewers_asks_them_again(
    asked: list[str], article: Article, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(store.code()) == 64
    score([article], PREDICTED, JACCARD)
    monkeypatch.setattr(store, "code", lambda: "another release")
    score([article], PREDICTED, JACCARD)
    assert len(asked) == 2


def test_a_damaged_file_is_an_error(asked: list[str], article: Article) -> None:
    score([article], PREDICTED, JACCARD)
    (stored,) = controls_root().iterdir()
    stored.write_text('{"key": "another", "counts": {}}')
    with pytest.raises(InputError, match="written for another split") as caught:
        score([article], PREDICTED, JACCARD)
    assert caught.value.remedy == "bench cache clear"
