"""Human against human: each reviewer of an article held out in turn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas
import pytest

from bioreview_bench import Contract, load_result, load_split, score
from bioreview_bench.data.article import Article
from bioreview_bench.report.verdict import verdict
from bioreview_bench.stats.uncertainty import bootstrap

TEXTS = (
    "There is no control for batch effects.",
    "Six animals are too few for this claim.",
    "The model is not fitted.",
)


def article(number: int, reviewers: list[int | None], **concern: Any) -> Article:
    concerns = [
        {
            "concern_id": f"a:{number}:{k}",
            "concern_text": f"{TEXTS[k % 3]} {number}",
            "reviewer_num": reviewer,
            **concern,
        }
        for k, reviewer in enumerate(reviewers)
    ]
    return Article.model_validate({"id": f"a:{number}", "source": "a", "concerns": concerns})


def one_by_one(
    articles: list[Article], predictions: Mapping[str, list[str]], contract: Contract
) -> tuple[int, int, int, int]:
    """References, reviewers' predictions, their matches and the system's: each held-out reviewer scored alone."""
    total = [0, 0, 0, 0]
    for each in articles:
        by_reviewer = defaultdict(list)
        for concern in each.concerns:
            if not concern.figure:
                by_reviewer[concern.reviewer_num].append(concern)
        if len(by_reviewer) < 2 or None in by_reviewer:
            continue
        for reviewer, own in by_reviewer.items():
            others = [concern for name, said in by_reviewer.items() if name != reviewer for concern in said]
            held_out = each.model_copy(update={"concerns": tuple(others)})
            for column, said in ((2, [concern.text for concern in own]), (3, predictions.get(each.id, []))):
                found = score([held_out], {each.id: said}, contract, draws=0, controls="basic").record.overall
                total[column] += found.n_matched
            total[0] += len(others)
            total[1] += len(own)
    return tuple(total)  # type: ignore[return-value]


def test_each_reviewer_is_scored_against_the_others_of_the_demo_data() -> None:
    split, contract = load_split("demo", "test"), Contract.load("jaccard")
    said = {each.id: [concern.text for concern in each.concerns][::2] for each in split}
    humans = score(split, said, contract, draws=0).record.humans
    assert humans is not None
    expected = one_by_one(list(split), said, contract)
    assert (
        humans.reviewer.n_ref,
        humans.reviewer.n_pred,
        humans.reviewer.n_matched,
        humans.system.n_matched,
    ) == expected
    assert humans.system.n_ref == humans.reviewer.n_ref


def test_intervals_are_those_of_the_families_of_all_articles() -> None:
    split, contract = load_split("demo", "test"), Contract.load("jaccard")
    said = {each.id: [concern.text for concern in each.concerns][::2] for each in split}
    record = score(split, said, contract, draws=500).record
    assert record.humans is not None
    rows = []
    for each in split:
        n_ref, n_pred, n_matched, by_system = one_by_one([each], said, contract)
        n_reviewers = len({concern.reviewer_num for concern in each.concerns if not concern.figure}) if n_ref else 0
        rows.append((each.id, each.family, n_ref, n_pred, n_matched, n_reviewers * len(said[each.id]), by_system))
    table = pandas.DataFrame(rows, columns=["id", "family", "n_ref", "n_pred", "n_matched", "of_system", "by_system"])
    assert record.intervals["humans.reviewer.f1"] == pytest.approx(bootstrap(table, draws=500)["f1"])
    system = table.assign(n_pred=table["of_system"], n_matched=table["by_system"])
    assert record.intervals["humans.system.f1"] == pytest.approx(bootstrap(system, draws=500)["f1"])


def test_two_articles_of_many_give_no_interval() -> None:
    """In more than 5 % of the draws neither is there; the number of articles is stated all the same."""
    articles = [article(number, [1, 2] if number < 2 else [1]) for number in range(20)]
    record = score(articles, {}, Contract.load("jaccard")).record
    assert record.humans is not None
    assert record.humans.n_articles == 2
    assert record.intervals["humans.reviewer.f1"] is None
    (said,) = [text for name, text in verdict(record).rows if name == "Humans"]
    assert said.text.endswith("both against the other reviewers of 2 articles")
    assert "CI" not in said.text


def test_two_reviewers_who_say_the_same_find_each_other() -> None:
    made = article(1, [1, 1, 2])
    concerns = [c.model_copy(update={"concern_text": TEXTS[k]}) for k, c in zip((0, 1, 0), made.concerns, strict=True)]
    made = made.model_copy(update={"concerns": tuple(concerns)})
    humans = score([made], {"a:1": [TEXTS[1]]}, Contract.load("jaccard"), draws=0).record.humans
    assert humans is not None
    assert (humans.n_articles, humans.n_reviewers) == (1, 2)
    # Reviewer 1 (two concerns) against one of reviewer 2, and the other way round: 1 + 1 matches.
    assert (humans.reviewer.n_ref, humans.reviewer.n_pred, humans.reviewer.n_matched) == (3, 3, 2)
    assert humans.reviewer.f1 == pytest.approx(2 / 3)
    # The system's one concern is that which reviewer 1 alone raised: found where reviewer 2 is held out.
    assert (humans.system.n_pred, humans.system.n_matched) == (2, 1)


@pytest.mark.parametrize("reviewers", [[1, 1], [None, None], [1, None], [1], []])
def test_articles_without_several_known_reviewers_are_left_out(reviewers: list[int | None]) -> None:
    assert score([article(1, reviewers)], {}, Contract.load("jaccard"), draws=0).record.humans is None


def test_a_reviewer_with_figure_concerns_only_is_nobody() -> None:
    made = article(1, [1, 2])
    figure = made.concerns[1].model_copy(update={"requires_figure_reading": True})
    made = made.model_copy(update={"concerns": (made.concerns[0], figure)})
    assert score([made], {}, Contract.load("jaccard"), draws=0).record.humans is None


def test_the_figures_are_stored_and_an_older_result_has_none(tmp_path: Path) -> None:
    result = score(load_split("demo", "test"), {}, Contract.load("jaccard"), draws=0)
    stored = load_result(result.save(tmp_path / "a.result.json"))
    assert stored.record.humans == result.record.humans  # type: ignore[union-attr]
    older = result.record.model_dump()
    del older["humans"]
    assert type(result.record).model_validate(older).humans is None
