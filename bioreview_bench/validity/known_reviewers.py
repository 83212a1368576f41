"""Contracts tried on reviewers of whom it is known, by how their texts were made, which points they make.

A contract is to be believed when its matches are the points that were made, and when a reviewer who makes fewer of them
scores lower.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.data.predictions import read_predictions
from bioreview_bench.data.split import Split
from bioreview_bench.results.result import Result
from bioreview_bench.scoring.backends import Backend
from bioreview_bench.scoring.run import score

DATA = "known"
# What each bundled reviewer says of a paper.
REVIEWERS: Mapping[str, str] = {
    "restated": "all points, other words",
    "hurried": "all points, in haste",
    "half": "half, and stock phrases",
    "near_miss": "other points, same words",
    "other_place": "right type, wrong place",
    "copying": "sentences of the paper",
}
FEWEST = 30  # matches below which a share of them is hardly known


@dataclass(frozen=True)
class ReviewerScore:
    """What a contract gives a reviewer. `points`: references whose point is made; `n_same`: matches with that one."""

    reviewer: str
    points: int
    f1: float
    match_rate: float | None
    n_matched: int
    n_same: int


@dataclass(frozen=True)
class Trial:
    """What a contract gives each reviewer."""

    contract: str
    signature: str
    scores: tuple[ReviewerScore, ...]

    @property
    def points(self) -> int:
        """Points that the texts of all reviewers make."""
        return sum(score.points for score in self.scores)

    @property
    def n_matched(self) -> int:
        """Matches of all reviewers."""
        return sum(score.n_matched for score in self.scores)

    @property
    def n_same(self) -> int:
        """Those that are the same point."""
        return sum(score.n_same for score in self.scores)

    @property
    def share(self) -> float | None:
        """Share of the matches that are the same point; None without a match."""
        return self.n_same / self.n_matched if self.n_matched else None

    @property
    def n_pairs(self) -> int:
        """Pairs of reviewers of whom one makes more points."""
        return sum(low.points < high.points for low, high in product(self.scores, repeat=2))

    @property
    def wrong(self) -> list[tuple[str, str]]:
        """The (lower, higher) of these pairs that the contract does not put in that order."""
        return [
            (low.reviewer, high.reviewer)
            for low, high in product(self.scores, repeat=2)
            if low.points < high.points and low.f1 >= high.f1
        ]


def believed(a: Trial, b: Trial) -> Trial | None:
    """The contract that does no worse in both respects, and better in one; None where there is none.

    The respects are the share of matches that are the same point, and pairs of reviewers put in the wrong order. With
    fewer than `FEWEST` matches on either side neither is believed.
    """
    if a.share is None or b.share is None or min(a.n_matched, b.n_matched) < FEWEST:
        return None
    qualities = {trial.contract: (trial.share or 0.0, -len(trial.wrong)) for trial in (a, b)}
    first, second = qualities[a.contract], qualities[b.contract]
    if first == second:
        return None
    if all(x >= y for x, y in zip(first, second, strict=True)):
        return a
    return b if all(x <= y for x, y in zip(first, second, strict=True)) else None


def made_points(path: Path) -> dict[tuple[str, int], str]:
    """The reference whose point a text makes, by article and place; other texts are left out.

    Only the bundled files say so, in the key `makes` of a concern.
    """
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {
        (row["article_id"], place): concern["makes"]
        for row in rows
        for place, concern in enumerate(row["concerns"])
        if "makes" in concern
    }


def try_contract(contract: Contract, backend: Backend, split: Split, files: Mapping[str, Path]) -> Trial:
    """Score the reviewers whose predictions are `files` by name. Raises EncoderError, InputError."""
    results = {
        name: score(split, read_predictions(path, split), contract, draws=0, controls="basic", backend=backend)
        for name, path in files.items()
    }
    scores = tuple(_reviewer(name, result, made_points(files[name])) for name, result in results.items())
    return Trial(contract.name, contract.signature(), scores)


def _reviewer(name: str, result: Result, points: Mapping[tuple[str, int], str]) -> ReviewerScore:
    overall = result.record.overall
    matches = result.pairs.query("kind == 'prediction' and concern_id.notna()")
    same = sum(
        points.get((article, place)) == concern
        for article, place, concern in zip(matches.article_id, matches["index"], matches.concern_id, strict=True)
    )
    rate = result.record.controls.match_rate
    return ReviewerScore(name, len(set(points.values())), overall.f1 or 0.0, rate, overall.n_matched, int(same))
