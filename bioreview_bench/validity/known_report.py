"""Two contracts tried on reviewers of known quality, in words and as a table of at most 80 columns."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bioreview_bench.report.blocks import Block, Notes, Table, figure
from bioreview_bench.report.meaning import Note, listed
from bioreview_bench.validity.known_reviewers import FEWEST, REVIEWERS, ReviewerScore, Trial, believed

_MOSTLY = 0.5  # share of right matches below which no contract is recommended


def blocks(a: Trial, b: Trial) -> list[Block]:
    """The table, ranked by the contract that is to be believed, what the controls show, and which contract that is."""
    rank = {score.reviewer: (score.f1, score.points) for score in (believed(a, b) or b).scores}
    names = sorted(rank, key=lambda name: rank[name], reverse=True)
    rows = [[name, REVIEWERS[name], str(_score(a, name).points), *_cells(a, name), *_cells(b, name)] for name in names]
    header = ["reviewer", "what it says", "points", a.contract, "same", b.contract, "same"]
    legend = (
        f"points: how many of the reference concerns it makes. {a.contract}, {b.contract}: F1 under that contract; "
        "same: matches that are the same point. !: scores no lower than a reviewer who makes more points."
    )
    shown = {"How to read it": [legend], "What the controls show": [controls_show(a, b)]}
    shown["Which contract to believe"] = [verdict(a, b), *_price(a, b)]
    return [
        Table("Six reviewers whose texts were made to order: which points they make is known", header, rows),
        *(Notes(title, [Note("info", text) for text in texts]) for title, texts in shown.items()),
    ]


def controls_show(a: Trial, b: Trial) -> str:
    """Where those who make none of the points stand under either contract, in one sentence."""
    return f"Under {'; under '.join(_nothing_made(trial) for trial in (a, b))}."


def verdict(a: Trial, b: Trial) -> str:
    """Which of two contracts is to be believed, and why."""
    if min(a.n_matched, b.n_matched) < FEWEST:
        return (
            f"Too few matches to say which contract is to be believed ({a.contract} {a.n_matched}, "
            f"{b.contract} {b.n_matched})."
        )
    better = believed(a, b)
    if better is None:
        return f"Nothing here says which contract is to be believed. {_under(a)} {_under(b)}"
    other = a if better is b else b
    if (better.share or 0.0) < _MOSTLY:
        return f"Believe neither contract, though {better.contract} is the better one. {_under(better)} {_under(other)}"
    return f"Believe {better.contract}: {_quality(better)}. {_under(other)}"


def as_dict(a: Trial, b: Trial) -> dict[str, Any]:
    """For machines."""
    better = believed(a, b)
    return {
        "contracts": [
            {
                "contract": trial.contract,
                "signature": trial.signature,
                "points": trial.points,
                "n_matched": trial.n_matched,
                "n_same": trial.n_same,
                "share_same": trial.share,
                "n_pairs": trial.n_pairs,
                "wrong_pairs": trial.wrong,
                "reviewers": [{**asdict(score), "says": REVIEWERS[score.reviewer]} for score in trial.scores],
            }
            for trial in (a, b)
        ],
        "better": better.contract if better else None,
        "verdict": verdict(a, b),
    }


def _cells(trial: Trial, name: str) -> tuple[str, str]:
    score = _score(trial, name)
    mark = "!" if any(low == name for low, _ in trial.wrong) else " "
    return f"{figure(score.f1, 2)}{mark}", f"{score.n_same}/{score.n_matched}"


def _score(trial: Trial, name: str) -> ReviewerScore:
    return next(score for score in trial.scores if score.reviewer == name)


def _nothing_made(trial: Trial) -> str:
    """The highest of those who make none of the points, beside those who make some and score no higher."""
    best = max((score for score in trial.scores if not score.points), key=lambda score: score.f1)
    passed = [f"{one.reviewer} ({one.points} points)" for one in trial.scores if one.points and one.f1 <= best.f1]
    if passed:
        return (
            f"{trial.contract}, {best.reviewer} makes none of the points and scores {figure(best.f1, 2)}, no lower "
            f"than {listed(passed)}"
        )
    return f"{trial.contract}, reviewers that make none score at most {figure(best.f1, 2)}, below all who make some"


def _price(a: Trial, b: Trial) -> list[str]:
    """What is lost with the better contract, where it finds fewer of the points; else nothing."""
    better = believed(a, b)
    if better is None:
        return []
    other = a if better is b else b
    if better.n_same >= other.n_same:
        return []
    return [
        f"It is strict: of the {better.points} points that these texts make it finds {better.n_same}, "
        f"{other.contract} {other.n_same}."
    ]


def _under(trial: Trial) -> str:
    return f"Under {trial.contract}, {_quality(trial)}."


def _quality(trial: Trial) -> str:
    return (
        f"{trial.n_same} of {trial.n_matched} matches are the same point, and {len(trial.wrong)} of {trial.n_pairs} "
        "pairs of reviewers are ranked wrongly"
    )
