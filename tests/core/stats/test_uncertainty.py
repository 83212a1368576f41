"""Bootstrap intervals: one random stream, whole families, no interval where there is no statistic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas
import pytest

from bioreview_bench import Contract, Result, score
from bioreview_bench.data.vocabulary import CATEGORIES
from bioreview_bench.errors import InputError
from bioreview_bench.stats import uncertainty
from bioreview_bench.stats.uncertainty import bootstrap, family_units, family_weights


def table(rows: list[tuple[int, int, int]], families: list[str] | None = None) -> pandas.DataFrame:
    """Rows are (n_matched, n_ref, n_pred)."""
    frame = pandas.DataFrame(rows, columns=["n_matched", "n_ref", "n_pred"])
    ids = [f"plos:{number:02}" for number in range(len(rows))]
    return frame.assign(id=ids, family=families or ids)


@pytest.mark.parametrize("cells", [1, 7, 40, 1000])
def test_blocks_of_any_size_give_the_same_stream(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.random.Generator(np.random.PCG64(42)).multinomial(8, [1 / 8] * 8, size=60)
    monkeypatch.setattr(uncertainty, "_BLOCK_CELLS", cells)
    blocks = list(family_weights(8, 60, 42))
    assert max(len(block) for block in blocks) <= max(1, cells // 8)
    assert np.array_equal(np.concatenate(blocks), whole)


def test_families_are_numbered_by_their_smallest_article_id() -> None:
    # "x" owns c and b, "y" owns a and d: a < b.
    assert family_units(["c", "a", "b", "d"], ["x", "y", "x", "y"]).tolist() == [1, 0, 1, 0]


def test_families_are_drawn_whole() -> None:
    # Within a family everything cancels, so drawing families leaves recall at one half and drawing articles does not.
    rows = [(1, 1, 1), (0, 1, 1)] * 6
    families = [f"f{number // 2}" for number in range(12)]
    assert bootstrap(table(rows, families), 500)["recall"] == (0.5, 0.5)
    alone = bootstrap(table(rows), 500)["recall"]
    assert alone is not None
    assert alone[0] < 0.5 < alone[1]


def test_one_family_has_no_interval() -> None:
    assert bootstrap(table([(1, 2, 2), (0, 1, 1)], ["f", "f"])) == {"recall": None, "precision": None, "f1": None}


def test_an_undefined_point_has_no_interval() -> None:
    found = bootstrap(table([(0, 2, 0), (0, 1, 0), (0, 4, 0)]), 200)
    assert found == {"recall": (0, 0), "precision": None, "f1": (0, 0)}


@pytest.mark.parametrize(("n_silent", "given"), [(6, True), (8, False)])
def test_a_statistic_must_be_defined_in_95_percent_of_draws(n_silent: int, given: bool) -> None:
    # Precision is undefined when only silent articles are drawn: 0.6**10 = 0.6 % or 0.8**10 = 10.7 % of the draws.
    rows = [(0, 1, 0)] * n_silent + [(1, 1, 1)] * (10 - n_silent)
    found = bootstrap(table(rows), 2000)["precision"]
    assert found == ((1, 1) if given else None)


def test_interval_depends_on_the_seed_alone() -> None:
    rows = table([(number * number % 7, 5 + number % 11, 9) for number in range(20)])
    assert bootstrap(rows, 300, 1) == bootstrap(rows, 300, 1)
    assert bootstrap(rows, 300, 1) != bootstrap(rows, 300, 2)
    # Families keep their numbers when rows are given in another order.
    assert bootstrap(rows.iloc[::-1], 300, 1) == bootstrap(rows, 300, 1)


def test_number_of_draws() -> None:
    rows = table([(1, 2, 2), (0, 1, 1)])
    assert bootstrap(rows, draws=0)["f1"] is None
    with pytest.raises(InputError, match="-1"):
        bootstrap(rows, draws=-1)


@pytest.fixture
def scored(make_article: Callable[..., Any], hash_encoder: Any) -> Result:
    """Sixty articles of three sources, some versions of one manuscript, some comments that fit any article."""
    random = np.random.default_rng(11)
    stock = [f"a stock concern {number}" for number in range(4)]
    articles, predictions = [], {}
    for number in range(60):
        source = ("elife", "plos", "f1000")[number % 3]
        name = f"{source}:{number}"
        texts = [str(text) for text in random.choice([*stock, *(f"{name} own {k}" for k in range(6))], 4, False)]
        concerns = [{"concern_text": text, "category": random.choice(CATEGORIES[:5])} for text in texts]
        articles.append(make_article(name, concerns, doi=f"10.1/{random.integers(0, 45)}"))
        own = random.choice(texts, random.integers(0, 4), False).tolist()
        predictions[name] = [*own, *random.choice(stock, random.integers(0, 4), False).tolist()]
    contract = replace(Contract.load("demo"), name="custom")
    return score(articles, predictions, contract, hash_encoder, draws=1000, seed=7)


def test_f1_macro_and_skill_agree_with_a_direct_computation(scored: Result) -> None:
    articles = scored.to_dict()["articles"]
    smallest: dict[str, str] = {}
    for article in articles:
        smallest[article["family"]] = min(smallest.get(article["family"], article["id"]), article["id"])
    families = sorted(smallest, key=smallest.__getitem__)
    assert 20 < len(families) < 60
    draws = np.random.Generator(np.random.PCG64(7)).multinomial(
        len(families), [1 / len(families)] * len(families), 1000
    )
    macro, skill = [], []
    for draw in draws:
        weight = dict(zip(families, draw.tolist(), strict=True))
        total = dict.fromkeys(("matched", "ceiling", "null_matched", "null_ceiling"), 0.0)
        categories = {name: [0, 0, 0] for name in CATEGORIES}
        for article in articles:
            times = weight[article["family"]]
            for name, column in (("matched", "n_matched"), ("ceiling", "ceiling")):
                total[name] += times * article[column] * article["has_donor"]
            for name in ("null_matched", "null_ceiling"):
                total[name] += times * article[name]
            for name, row in article["per_category"].items():
                for position, column in enumerate(("n_matched", "n_ref", "n_pred")):
                    categories[name][position] += times * row[column]
        null_rate = total["null_matched"] / total["null_ceiling"]
        skill.append((total["matched"] / total["ceiling"] - null_rate) / (1 - null_rate))
        macro.append(np.mean([2 * m / (r + p) for m, r, p in categories.values() if r > 0]))
    for path, values in (("overall.f1_macro", macro), ("controls.skill", skill)):
        expected = np.percentile(values, [2.5, 97.5])
        assert expected[0] < expected[1]
        assert scored.record.intervals[path] == pytest.approx(tuple(expected), abs=1e-9)


def test_intervals_stand_for_what_occurs(scored: Result) -> None:
    found = scored.record.intervals
    assert {name.split(".")[1] for name in found if name.startswith("per_source")} == {"elife", "plos", "f1000"}
    assert {name for name in found if name.startswith("per_severity")} == {"per_severity.major.recall"}
    assert {name.split(".")[1] for name in found if name.startswith("per_category")} == set(scored.record.per_category)
    for name, interval in found.items():
        section, *path = name.split(".")
        point: Any = scored.to_dict()[section]
        for part in path:
            point = point[part]
        assert interval is not None
        assert interval[0] <= point <= interval[1], name
    assert scored.record.bootstrap.n_units == scored.articles["family"].nunique()
