"""Which concerns a recipe lets through, in which order it asks, and what may never enter."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.data.article import Article, Concern
from bioreview_bench.data.load import load_split
from bioreview_bench.data.split import Split
from bioreview_bench.errors import DataError, InputError
from bioreview_bench.training.corpora.make import _check
from bioreview_bench.training.corpora.recipes import HeldOut, Recipe, check_expected, choose, held_out

Make = Callable[..., Article]


def concern(text: str, confidence: float | None = 0.9, **fields: Any) -> dict[str, Any]:
    return {"concern_text": text, "resolution_confidence": confidence, **fields}


def test_each_filter_counts_what_the_ones_before_it_left(make_article: Make) -> None:
    rows = [
        concern("The controls are missing."),
        concern("The  controls are\nmissing."),  # the same text once white space is folded
        concern("The controls are missing.", severity="minor"),
        concern("Panel B is not legible.", 0.1, requires_figure_reading=True),
        concern("Figure 2 lacks a scale bar.", None, category="figure_issue"),
        concern("No confidence is stated.", None),
        concern("The confidence is low.", 0.79),
        concern("The confidence is just enough.", 0.8),
    ]
    article = make_article("elife:1", rows, abstract="Mice sleep.")
    found = choose([article], Recipe(name="t", min_confidence=0.8, min_concerns=3))
    assert found.counts == {
        "articles": 1, "articles_held_out": 0, "concerns": 8, "concerns_without_text_or_label": 0,
        "concerns_of_figures": 2, "concerns_without_confidence": 1, "concerns_below_confidence": 1,
        "concerns_duplicate": 1, "articles_below_minimum": 0, "articles_without_text": 0, "articles_kept": 1,
        "concerns_kept": 3,
    }  # fmt: skip
    assert list(found.counts)[3:8] == [
        "concerns_without_text_or_label", "concerns_of_figures", "concerns_without_confidence",
        "concerns_below_confidence", "concerns_duplicate",
    ]  # fmt: skip
    assert [one.concern_id for one in found.chosen[0].concerns] == ["elife:1:R1C1", "elife:1:R1C3", "elife:1:R1C8"]


def test_a_concern_without_text_or_label_is_dropped_first(make_article: Make) -> None:
    article = make_article("elife:1", [concern("The controls are missing.")], abstract="Mice sleep.")
    kept = article.concerns[0]
    odd = [
        Concern.model_construct(**{**dict(kept), "concern_id": "a", "concern_text": " \n"}),
        Concern.model_construct(**{**dict(kept), "concern_id": "b", "category": None}),
        Concern.model_construct(**{**dict(kept), "concern_id": "c", "severity": ""}),
    ]
    article = Article.model_construct(**{**dict(article), "concerns": (*odd, kept)})
    found = choose([article], Recipe.load("A"))
    assert found.counts["concerns_without_text_or_label"] == 3
    assert found.chosen[0].concerns == (kept,)


def test_articles_with_too_few_concerns_or_nothing_to_read_are_dropped(make_article: Make) -> None:
    three = [concern(f"Concern number {number} of this paper.") for number in range(3)]
    articles = [
        make_article("elife:1", three[:2], abstract="Mice sleep."),
        make_article("elife:2", three, abstract=" "),
        make_article("elife:3", three, paper_text_sections={"methods": "Mice slept."}),
        make_article("elife:4", three, abstract="", paper_text_sections={"Acknowledgements": "We thank all."}),
    ]
    found = choose(articles, Recipe.load("B"))
    assert (found.counts["articles_below_minimum"], found.counts["articles_without_text"]) == (1, 2)
    assert [one.article.id for one in found.chosen] == ["elife:3"]


def test_recipe_a_takes_a_confidence_of_zero_and_none_without_one(make_article: Make) -> None:
    rows = [concern("Of no confidence whatever.", 0.0), concern("Without any confidence.", None)]
    found = choose([make_article("elife:1", rows, abstract="x")], Recipe.load("A"))
    assert [one.text for one in found.chosen[0].concerns] == ["Of no confidence whatever."]
    optional = choose([make_article("elife:1", rows, abstract="x")], Recipe(name="t"))
    assert len(optional.chosen[0].concerns) == 2


def test_bundled_recipes_are_the_published_ones() -> None:
    a, b = Recipe.load("A"), Recipe.load("B")
    assert (a.min_confidence, a.min_concerns, a.expected) == (0.0, 1, {"v3": {"train": 4734, "val": 835}})
    assert (b.min_confidence, b.min_concerns, b.expected) == (0.8, 3, {"v3": {"train": 700, "val": 118}})


def test_on_the_pilot_recipe_b_takes_what_a_plain_loop_takes(shared: Path) -> None:
    import json

    split = load_split(shared / "data/elife_pilot", "train")
    wanted = set(json.loads((shared / "data/elife_pilot/splits.json").read_text())["train"])
    expected = {}
    for line in (shared / "data/elife_pilot/articles.jsonl").open():
        row = json.loads(line)
        if row["id"] not in wanted:
            continue
        seen = []
        for one in row["concerns"]:
            if one.get("requires_figure_reading") or one["category"] == "figure_issue":
                continue
            key = (" ".join(one["concern_text"].split()), one["category"], one["severity"])
            if one["resolution_confidence"] >= 0.8 and key not in seen:
                seen.append(key)
        if len(seen) >= 3:
            expected[row["id"]] = [text for text, _, _ in seen]
    found = choose(split, Recipe.load("B"))
    assert {one.article.id: [c.text for c in one.concerns] for one in found.chosen} == expected


@pytest.mark.parametrize("name", ["mine.toml", "mine.yaml"])
def test_a_recipe_file_has_the_fields_of_a_and_b(tmp_path: Path, name: str) -> None:
    sign = "=" if name.endswith("toml") else ":"
    (tmp_path / name).write_text(f"min_confidence {sign} 0.5\nmin_concerns {sign} 2\n")
    recipe = Recipe.load(str(tmp_path / name))
    assert recipe.facts() == {
        "name": "file:mine", "min_confidence": 0.5, "min_concerns": 2, "target_confidence": "none"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("r.toml", "min_confidence = 2.0", "min_confidence"),
        ("r.toml", "min_conf = 0.5", "min_conf"),
        ("r.toml", "min_concerns = ", "is not TOML"),
        ("r.yaml", "min_concerns: [", "is not YAML"),
        ("r.yaml", "!!python/object/apply:os.getcwd []", "is not YAML"),
        ("r.yaml", "- 1", "contains no fields"),
        ("r.yaml", "min_concerns: yes", "min_concerns"),
    ],
)
def test_a_recipe_that_is_none_is_refused(tmp_path: Path, name: str, text: str, reason: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=reason):
        Recipe.load(str(tmp_path / name))


def test_a_recipe_that_is_not_there_is_said() -> None:
    with pytest.raises(InputError, match='no recipe "C"'):
        Recipe.load("C")


def test_published_counts_are_checked_and_a_difference_is_an_error() -> None:
    recipe = Recipe.load("A")
    assert "4,734 train, 835 val" in str(check_expected(recipe, "v3", {"train": 4734, "val": 835}))
    assert check_expected(recipe, "v4", {"train": 1, "val": 1}) is None
    with pytest.raises(DataError, match="must give 4,734 train, 835 val articles, and gives 4,733 train, 835 val"):
        check_expected(recipe, "v3", {"train": 4733, "val": 835})


def test_only_a_verified_release_as_a_whole_is_checked(make_article: Make) -> None:
    articles = [make_article(f"elife:{n}", [concern("The controls are missing.")], abstract="x") for n in range(3)]
    recipe = Recipe(name="t", expected={"v3": {"train": 3, "val": 2}})

    def checked(dropped: int = 0, **change: Any) -> str | None:
        splits = {
            name: Split.of(articles[:n], "v3", name, verification="counts") for name, n in (("train", 3), ("val", 2))
        }
        splits["val"] = dataclasses.replace(splits["val"], **change)
        return _check(recipe, splits, {name: choose(s, recipe, s[:dropped]) for name, s in splits.items()})

    assert "3 train, 2 val" in str(checked())
    assert checked(verification="none") is None
    assert checked(limited=True) is None
    assert checked(dropped=1) is None
    with pytest.raises(DataError, match="gives 3 train, 1 val"):
        checked(articles=tuple(articles[:1]))


def test_test_articles_and_their_versions_are_all_named(make_article: Make) -> None:
    test = [
        make_article("f1000:10.12688_f1000research.5.1", doi="10.12688/f1000research.5.1"),
        make_article("elife:1"),
    ]
    train = [
        make_article("f1000:10.12688_f1000research.5.2", doi="10.12688/F1000Research.5.2"),
        make_article("f1000:10.12688_f1000research.55.1", doi="10.12688/f1000research.55.1"),
        make_article("elife:1"),
        make_article("elife:2"),
    ]
    with pytest.raises(DataError) as caught:
        HeldOut.of(test).require_apart({"train": train, "val": [train[0]]})
    assert "3 articles are held out" in str(caught.value)
    assert "f1000:10.12688_f1000research.5.2 in train is a version of 10.12688/f1000research.5" in str(caught.value)
    assert "f1000:10.12688_f1000research.5.2 in val" in str(caught.value)
    assert "elife:1 in train is held out" in str(caught.value)
    assert "research.55.1" not in str(caught.value)
    HeldOut.of(test).require_apart({"train": train[3:]})


def test_a_list_of_ids_and_dois_bars_articles_and_their_versions(make_article: Make, tmp_path: Path) -> None:
    path = tmp_path / "ids.txt"
    path.write_text("# held out\nelife:1\n10.1371/journal.pone.7\nf1000:10.12688/f1000research.5.1\n\n")
    barred = HeldOut.listed(path)
    articles = [
        make_article("elife:1"),
        make_article("plos:10.1371/journal.pone.7", doi="10.1371/journal.PONE.7"),
        make_article("f1000:10.12688_f1000research.5.3", doi="10.12688/f1000research.5.3"),
        make_article("elife:10"),
    ]
    assert barred.members(articles) == articles[:3]


def test_without_a_test_split_something_must_say_what_is_held_out(
    make_article: Make, write_jsonl: Callable[..., Path], tmp_path: Path
) -> None:
    rows = [make_article("elife:1", [concern("The controls are missing.")]).model_dump()]
    folder = write_jsonl(rows, "data/train.jsonl").parent
    with pytest.raises(DataError, match="held out from training is not known"):
        held_out(str(folder), None)
    listed = tmp_path / "ids.txt"
    listed.write_text("elife:9\n")
    assert held_out(str(folder), listed).ids == {"elife:9"}
    write_jsonl([{**rows[0], "id": "elife:3"}], "data/test.jsonl")
    assert held_out(str(folder), listed).ids == {"elife:9", "elife:3"}
    (folder / "test.jsonl").write_text("{broken\n")
    with pytest.raises(DataError, match="broken JSON"):  # a damaged test split is not a missing one
        held_out(str(folder), listed)
