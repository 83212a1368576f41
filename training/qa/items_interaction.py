"""Interaction items: how many genes respond to two factors together otherwise than to the two apart."""

from __future__ import annotations

from .facts import Facts, count, crossed
from .item import Item, worded
from .prompt import with_confidence


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
