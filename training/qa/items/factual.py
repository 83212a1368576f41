"""Factual items: one number, type or pattern of one tissue.

Interaction items: how many genes respond to two factors together otherwise than to the two apart.
"""

from __future__ import annotations

from ..prompt import with_confidence
from .facts import CONDITIONS, STRESSORS, Facts, count, crossed, score
from .item import Item, worded

_SURE = 95
PATTERNS = ("rescue", "suppression", "KMP only")


def factual(facts: Facts) -> list[Item]:
    """Counts of stressors and of KMP, response types, oxidative phosphorylation."""
    items: list[Item] = []
    for tissue in facts.tissues:
        items += _stressors(facts, tissue) + _kmp(facts, tissue) + _type(facts, tissue) + _oxphos(facts, tissue)
    return items


def _stressors(facts: Facts, tissue: str) -> list[Item]:
    items = []
    for stressor, value in facts.stressor[tissue].items():
        name = STRESSORS[stressor]
        items += worded(
            f"stressor/{tissue}/{stressor}",
            [
                f"How many DEGs does {name} cause in {tissue}?",
                f"What is the number of differentially expressed genes in {tissue} after {name}?",
                f"Give the DEG count of {stressor} in the {tissue}.",
            ],
            with_confidence(f"{name[0].upper()}{name[1:]} causes {count(value)} DEGs in {tissue}.", _SURE),
            "factual",
            {"expected": count(value)},
            ("V1", "V4"),
            [tissue],
            key_fact=stressor == "HU+IR",
        )
    return items


def _kmp(facts: Facts, tissue: str) -> list[Item]:
    items = []
    for condition, value in facts.kmp[tissue].items():
        where = CONDITIONS[condition]
        items += worded(
            f"kmp/{tissue}/{condition}",
            [
                f"How many DEGs does KMP produce in {tissue} {where}?",
                f"What is the number of genes that KMP changes in {tissue} {where}?",
                f"Give the DEG count of KMP {where} in the {tissue}.",
            ],
            with_confidence(f"KMP produces {count(value)} DEGs in {tissue} {where}.", _SURE),
            "factual",
            {"expected": count(value)},
            ("V1", "V4"),
            [tissue],
            key_fact=condition in ("none", "HU+IR"),
        )
    return items


def _type(facts: Facts, tissue: str) -> list[Item]:
    letter = facts.type[tissue]
    letters = sorted(facts.type_name)
    return worded(
        f"type/{tissue}",
        [
            f"Is the {tissue} response to KMP Type A, B, or C?",
            f"How is the KMP response of {tissue} classified?",
            f"Which KMP response type has the {tissue}?",
        ],
        with_confidence(f"The {tissue} is Type {letter} ({facts.type_name[letter]}).", _SURE),
        "factual",
        {"expected": f"type {letter.lower()}", "alternatives": [f"type {other.lower()}" for other in letters]},
        ("V1", "V4"),
        [tissue],
        key_fact=True,
    )


def _oxphos(facts: Facts, tissue: str) -> list[Item]:
    held = facts.oxphos[tissue]
    direction = "up" if held["kmp"] > 0 else "down"
    verb = "upregulates" if direction == "up" else "downregulates"
    scores = [held["stress"], held["kmp"]]
    stated = f"stress NES {score(held['stress'])}, KMP NES {score(held['kmp'])}"
    pattern = held["pattern"]
    items = worded(
        f"oxphos/{tissue}/pattern",
        [
            f"Which pattern does OXPHOS show in {tissue}: rescue, suppression, or KMP only?",
            f"What is the OXPHOS pattern of the {tissue} under stress and KMP?",
        ],
        with_confidence(f"OXPHOS shows the {pattern} pattern in {tissue} ({stated}).", _SURE),
        "factual",
        {
            "expected": pattern.lower(),
            "alternatives": [name.lower() for name in PATTERNS],
            "pathway": "oxidative phosphorylation",
            "scores": scores,
        },
        ("V1", "V2", "V4"),
        [tissue],
        key_fact=True,
    )
    return items + worded(
        f"oxphos/{tissue}/direction",
        [
            f"In stressed {tissue}, is oxidative phosphorylation upregulated or downregulated by KMP?",
            f"In which direction does KMP shift OXPHOS in {tissue} under stress?",
        ],
        with_confidence(f"KMP {verb} oxidative phosphorylation in stressed {tissue} ({stated}).", _SURE),
        "direction",
        {"pathway": "oxidative phosphorylation", "direction": direction, "scores": scores},
        ("V1", "V2", "V4"),
        [tissue],
    )


def interactions(facts: Facts) -> list[Item]:
    """The count of each interaction in each tissue, and the tissue where each is largest."""
    items: list[Item] = []
    for tissue in facts.tissues:
        for interaction, value in facts.interaction[tissue].items():
            name = crossed(interaction)
            items += worded(
                f"interaction/{tissue}/{interaction}",
                [
                    f"How many DEGs has the {name} interaction in {tissue}?",
                    f"What is the size of the {name} interaction in {tissue}?",
                    f"Give the DEG count of the interaction of {_joined(interaction)} in the {tissue}.",
                ],
                with_confidence(f"The {name} interaction has {count(value)} DEGs in {tissue}.", 95),
                "interaction",
                {"expected": count(value)},
                ("V1", "V4"),
                [tissue],
                key_fact=interaction == "KMP x HU",
            )
    for interaction in facts.interaction[facts.tissues[0]]:
        sizes = {tissue: facts.interaction[tissue][interaction] for tissue in facts.tissues}
        largest = max(sizes, key=lambda tissue: sizes[tissue])
        items += worded(
            f"interaction/largest/{interaction}",
            [
                f"Which tissue has the largest {crossed(interaction)} interaction?",
                f"In which tissue do {_joined(interaction)} interact most?",
            ],
            with_confidence(
                f"The {crossed(interaction)} interaction is largest in {largest}, with {count(sizes[largest])} DEGs.",
                90,
            ),
            "interaction",
            {"expected": largest, "facts": [count(sizes[largest])], "alternatives": list(facts.tissues)},
            ("V1", "V3", "V4"),
            facts.tissues,
        )
    return items


def _joined(interaction: str) -> str:
    return interaction.replace(" x ", " and ")
