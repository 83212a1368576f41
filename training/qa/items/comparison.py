"""Comparison items: two tissues side by side, in counts, response types and pathway directions."""

from __future__ import annotations

from itertools import combinations

from ..prompt import with_confidence
from .facts import STRESSORS, Facts, count, score
from .item import Item, worded


def comparisons(facts: Facts) -> list[Item]:
    """Every pair of tissues."""
    items: list[Item] = []
    for one, other in combinations(facts.tissues, 2):
        for stressor in ("HU", "IR"):
            items += _counts(facts, one, other, stressor)
        items += _types(facts, one, other) + _oxphos(facts, one, other)
    return items


def _counts(facts: Facts, one: str, other: str, stressor: str) -> list[Item]:
    values = {tissue: facts.stressor[tissue][stressor] for tissue in (one, other)}
    higher = max(values, key=lambda tissue: values[tissue])
    lower = other if higher == one else one
    return worded(
        f"compare/{one}/{other}/{stressor}",
        [
            f"Which responds more to {STRESSORS[stressor]}: {one} or {other}?",
            f"Compare {one} and {other}: where does {stressor} cause more DEGs?",
        ],
        with_confidence(
            f"The {higher} responds more to {stressor}: {count(values[higher])} DEGs against {count(values[lower])} "
            f"in the {lower}.",
            90,
        ),
        "comparison",
        {"expected": higher, "facts": [count(value) for value in values.values()]},
        ("V1", "V3", "V4"),
        [one, other],
    )


def _types(facts: Facts, one: str, other: str) -> list[Item]:
    types = {tissue: facts.type[tissue] for tissue in (one, other)}
    same = types[one] == types[other]
    return worded(
        f"compare/{one}/{other}/type",
        [
            f"Do {one} and {other} share a KMP response type?",
            f"Compare the KMP response types of {one} and {other}: same or different?",
        ],
        with_confidence(
            f"{'Yes' if same else 'No'}, they are {'the same' if same else 'different'}: {one} is Type {types[one]} "
            f"and {other} is Type {types[other]}.",
            90,
        ),
        "comparison",
        {
            "facts": [f"type {letter.lower()}" for letter in sorted(set(types.values()))],
            "consistent": "same" if same else "different",
            "tissues": [one, other],
        },
        ("V1", "V3", "V4"),
        [one, other],
    )


def _oxphos(facts: Facts, one: str, other: str) -> list[Item]:
    scores = {tissue: facts.oxphos[tissue]["kmp"] for tissue in (one, other)}
    directions = {tissue: "up" if value > 0 else "down" for tissue, value in scores.items()}
    same = directions[one] == directions[other]
    told = " ".join(
        f"In {tissue} KMP {'upregulates' if directions[tissue] == 'up' else 'downregulates'} oxidative phosphorylation "
        f"(NES {score(scores[tissue])})."
        for tissue in (one, other)
    )
    return worded(
        f"compare/{one}/{other}/oxphos",
        [
            f"Does KMP shift oxidative phosphorylation in the same direction in stressed {one} and {other}?",
            f"Compare the direction of OXPHOS under KMP in stressed {one} and {other}.",
        ],
        with_confidence(f"{told} The directions are {'the same' if same else 'different'}.", 90),
        "comparison",
        {
            "pathway": "oxidative phosphorylation",
            "directions": directions,
            "scores": list(scores.values()),
            "consistent": "same" if same else "different",
            "tissues": [one, other],
        },
        ("V1", "V2", "V3", "V4"),
        [one, other],
    )
