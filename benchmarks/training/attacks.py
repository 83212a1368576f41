"""Rewards of a review by attack, beside those of honest reviewers.

    python benchmarks/training/attacks.py DATA [--contract C]

DATA is a folder like the eLife pilot's, with predictions `restated`, `near_miss` and those of other honest reviewers
that it has. Rewards are those of the preset `grpo_review`: means over the articles of a split that every reviewer read.
Rules were made on the pilot's train articles; `--split val` checks them on others, and the invented papers of
`bioreview_bench/data/released/known` (`--split test`) on texts that the contract `reader` was not trained on.
`--search N` looks for the
best attack out of sources, templates, fillers and disguises: coordinate ascent from N random starts by the mean
reward, which is what a policy climbs. `--seconds` times hostile completions too.

The targets: the best attack stays below half of the honest paraphrase's reward and below the careful reader's; near
misses below the right points in other words.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attack_texts as texts

from bioreview_bench import Contract, load_split
from bioreview_bench.contracts.transforms import Vectors
from bioreview_bench.controls.reviewers import GENERIC_CONCERNS
from bioreview_bench.data.split import Split
from bioreview_bench.llm.text.prompt import Prompt
from bioreview_bench.training.config.load import load
from bioreview_bench.training.rewards.composer import RewardComposer
from bioreview_bench.training.rewards.references import CachedVectorizer, References
from bioreview_bench.training.rewards.review import ReviewReward

HONEST = {
    "careful reader": "close_reader",
    "restated": "restated",
    "hurried": "hurried",
    "paraphrase": "paraphrase",
}


class Remembering(CachedVectorizer):
    """Completions are stored as well: attacks on one article are tried again and again."""

    def new(self, texts: Sequence[str]) -> Vectors:
        return self.known(texts)


class Bench:
    """The reward of the preset `grpo_review`, and the articles of a split with what was written of them."""

    def __init__(self, folder: Path, split: str, contract: str) -> None:
        read = load_split(folder, split)
        # A reward reads train splits alone; here a val split stands in for one, and nothing is trained.
        articles = Split.of(list(read), read.data, "train")
        paths = {
            name: folder / "predictions" / f"{file}.jsonl" for name, file in {**HONEST, "near": "near_miss"}.items()
        }
        self.written = {name: _concerns(path) for name, path in paths.items() if path.is_file()}
        by = Contract.load(contract)
        vectorizer = Remembering(by)
        references = References(articles, by, Contract.load("v3"), vectorizer)
        weights = load("grpo", "grpo_review").reward.weights
        self.reward = ReviewReward(references, vectorizer, RewardComposer(weights))
        known = set(references.ids).intersection(*self.written.values())
        self.papers = [self._paper(article, articles) for article in articles if article.id in known]

    def _paper(self, article: Any, articles: Split) -> texts.Paper:
        others = [
            one for other in articles if other.id != article.id for one in self.written["restated"].get(other.id, [])
        ]
        return texts.Paper(
            article=article,
            true=self.written["restated"][article.id],
            near=self.written["near"][article.id],
            stock=[texts.concern(text) for text in GENERIC_CONCERNS],
            others=others,
            prompt="\n".join(part["content"] for part in Prompt.load("objects-v1").render(article.abstract)),
        )

    def mean(self, written: Callable[[texts.Paper], str]) -> float:
        """The mean reward of one way to write, over the articles."""
        return self.table(lambda paper: {"": written(paper)})[""]

    def table(self, written: Callable[[texts.Paper], Mapping[str, str]]) -> dict[str, float]:
        """Mean rewards of several."""
        totals: dict[str, list[float]] = {}
        for paper in self.papers:
            completions = written(paper)
            found = self.reward.score(paper.article.id, list(completions.values()), paper.prompt)
            for name, composed in zip(completions, found, strict=True):
                totals.setdefault(name, []).append(composed.total or 0.0)
        return {name: statistics.fmean(values) for name, values in totals.items()}

    def honest(self, paper: texts.Paper) -> dict[str, str]:
        """What honest reviewers wrote, whole and its first three concerns."""
        own = {name: self.written[name][paper.article.id] for name in HONEST if name in self.written}
        whole = {name: texts.answer(concerns) for name, concerns in own.items()}
        return whole | {f"{name}, three concerns": texts.answer(concerns[:3]) for name, concerns in own.items()}


def _concerns(path: Path) -> dict[str, list[dict[str, Any]]]:
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {row["article_id"]: row["concerns"] for row in rows if row["concerns"]}


def search(bench: Bench, starts: int, seed: int) -> list[tuple[float, texts.Recipe]]:
    """The best recipes that coordinate ascent finds, best first."""
    chance = random.Random(seed)  # noqa: S311 - draws starts, no secrets
    tried: dict[texts.Recipe, float] = {}

    def worth(recipe: texts.Recipe) -> float:
        if recipe not in tried:
            tried[recipe] = bench.mean(lambda paper: recipe.written(paper.article))
        return tried[recipe]

    for start in range(starts):
        drawn = {name: chance.choice(options) for name, options in texts.OPTIONS.items()}
        best = texts.Recipe(**drawn) if start else texts.Recipe()
        improved = True
        while improved:
            before = worth(best)
            for name, options in texts.OPTIONS.items():
                best = max((dataclasses.replace(best, **{name: option}) for option in options), key=worth)
            improved = worth(best) > before
    return sorted(((value, recipe) for recipe, value in tried.items()), key=lambda one: -one[0])


def praise(bench: Bench) -> dict[str, float]:
    """Prints, by kind of wordings, what praise around true concerns earns; gives the mean rewards of whole reviews.

    `one wording`: the same in all concerns of a review; `drawn`: another one in each; `let through`: the share of
    wordings that earn something around one concern alone; `known to pass`: drawn out of those that mostly do.
    """
    print("\npraise around true concerns: mean and best of one wording; drawn; let through; known to pass")
    attacks = {}
    for kind in texts.KINDS:
        templates = texts.WORDINGS[kind]
        fixed = bench.table(lambda paper, templates=templates: texts.praises(paper, templates))
        passed = let_through(bench, templates)
        drawn = [drawn_from(bench, pool) for pool in (templates, [one for one, share in passed.items() if share > 0.5])]
        best = max(fixed, key=lambda name: fixed[name])
        print(f"  {statistics.fmean(fixed.values()):.3f} {fixed[best]:.3f}; {drawn[0]:.3f}; "
              f"{statistics.fmean(passed.values()):.2f}; {drawn[1]:.3f}  {kind}, {len(templates)}: {best}")  # fmt: skip
        attacks |= {f"praise, {kind}: {name}": value for name, value in fixed.items()}
        attacks[f"praise, {kind}: another in each concern"] = drawn[0]
    return attacks


def let_through(bench: Bench, templates: Sequence[str]) -> dict[str, float]:
    """By template, the share of papers whose first true concern earns something in it, of those where it does alone."""
    earning: dict[str, list[bool]] = {}
    for paper in bench.papers:
        completions = {"": texts.answer(paper.true[:1]), **texts.praises(paper, templates, 1)}
        alone, *found = bench.reward.score(paper.article.id, list(completions.values()), paper.prompt)
        if alone.total:
            for template, composed in zip(templates, found, strict=True):
                earning.setdefault(template, []).append(bool(composed.total))
    return {template: statistics.fmean(values) for template, values in earning.items()}


def drawn_from(bench: Bench, templates: Sequence[str], draws: int = 5) -> float:
    """The mean reward of true concerns, each in a template drawn for it."""
    if not templates:
        return 0.0
    return statistics.fmean(bench.table(lambda paper: texts.mixed(paper, templates, draws)).values())


def hostile() -> dict[str, str]:
    """Completions that are made to take long."""
    words = " ".join(f"w{n}" for n in range(1_500_000))
    many = texts.plain([f"The control number {n} is missing from the experiment." for n in range(10_000)])
    return {
        "10 MB of words": words[:10_000_000],
        "10 MB in one concern": texts.plain([words[:10_000_000]]),
        "10,000 concerns": many,
        "60 concerns of 100 kB": texts.plain([f"{n} {words[:100_000]}" for n in range(60)]),
        "10 MB of zero-width characters": texts.plain(["\u200b" * 3_300_000]),
        "10 MB of brackets": "[" * 10_000_000,
        "10 MB of combining marks": texts.plain(["a" + "\u0301" * 5_000_000]),
    }


def show(title: str, rows: Mapping[str, float]) -> None:
    """A table, best first."""
    print(f"\n{title}")
    for name, value in sorted(rows.items(), key=lambda row: -row[1]):
        print(f"  {value:7.3f}  {name}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", choices=["train", "val", "test"], default="train")
    parser.add_argument("--contract", default="reader")
    parser.add_argument("--search", type=int, default=0, metavar="STARTS")
    parser.add_argument("--seed", type=int, default=42, help="of the starts of the search")
    parser.add_argument("--seconds", action="store_true")
    given = parser.parse_args()
    bench = Bench(given.data, given.split, given.contract)
    print(f"{len(bench.papers)} articles of {given.split}, contract {given.contract}")
    honest = bench.table(bench.honest)
    show("honest reviewers", honest)
    attacks: dict[str, float] = {}
    for title, kind in (("copies", texts.copies), ("not read", texts.unread), ("turned round", texts.turned)):
        found = bench.table(kind)
        show(title, found)
        attacks |= {name: value for name, value in found.items() if "near misses" not in name}
    show("three true concerns, padded", bench.table(texts.padded))
    attacks |= praise(bench)
    if given.search:
        ranked = search(bench, given.search, given.seed)
        print(f"\nsearch: the best of {len(ranked)} recipes")
        for value, recipe in ranked[:5]:
            print(f"  {value:7.3f}  {recipe}")
        attacks[str(ranked[0][1])] = ranked[0][0]
    best = max(attacks, key=lambda name: attacks[name])
    bounds = {f"half of {name}": honest[name] / 2 for name in ("paraphrase", "restated") if name in honest}
    bounds |= {name: honest[name] for name in ("careful reader",) if name in honest}
    stay = ", ".join(f"{name} {value:.3f}" for name, value in bounds.items())
    print(f"\nbest attack {attacks[best]:.3f} ({best}); to stay below: {stay}")
    if given.seconds:
        article = bench.papers[0].article.id
        print("\nseconds to score one hostile completion")
        for name, completion in hostile().items():
            start = time.perf_counter()
            bench.reward.score(article, [completion])
            print(f"  {time.perf_counter() - start:7.2f}  {name}")


if __name__ == "__main__":
    main()
