"""Chain-of-thought items (one table, steps shown) and multi-hop items (two tables joined)."""

from __future__ import annotations

from .facts import Facts, count, crossed
from .item import Item, worded
from .prompt import with_confidence

_STEP_BY_STEP = "Think step by step."


def chain_of_thought(facts: Facts) -> list[Item]:
    """Which stressor dominates a tissue, and how KMP's effect changes under stress."""
    items: list[Item] = []
    for tissue in facts.tissues:
        found = facts.stressor[tissue]
        stronger, weaker = ("HU", "IR") if found["HU"] > found["IR"] else ("IR", "HU")
        items += worded(
            f"dominant/{tissue}",
            [
                f"Which stressor dominates in {tissue}, HU or IR? {_STEP_BY_STEP}",
                f"Is {tissue} more sensitive to HU or to IR? {_STEP_BY_STEP}",
            ],
            with_confidence(
                f"Step 1: HU causes {count(found['HU'])} DEGs in {tissue}. Step 2: IR causes {count(found['IR'])}. "
                f"Step 3: {count(found[stronger])} is more than {count(found[weaker])}. "
                f"So {stronger} dominates in {tissue}.",
                90,
            ),
            "chain_of_thought",
            {"expected": stronger.lower(), "facts": [count(found["HU"]), count(found["IR"])]},
            ("V1", "V3", "V4"),
            [tissue],
        )
        baseline, stressed = facts.kmp[tissue]["none"], facts.kmp[tissue]["HU+IR"]
        change = "larger" if stressed > baseline else "smaller"
        items += worded(
            f"kmp/change/{tissue}",
            [
                f"Is the effect of KMP in {tissue} larger or smaller under combined HU+IR stress than at baseline? "
                f"{_STEP_BY_STEP}",
                f"Does combined stress make KMP's effect in {tissue} larger or smaller? {_STEP_BY_STEP}",
            ],
            with_confidence(
                f"Step 1: at baseline KMP produces {count(baseline)} DEGs in {tissue}. Step 2: under combined HU+IR "
                f"stress it produces {count(stressed)}. So KMP's effect in {tissue} is {change} under stress.",
                90,
            ),
            "chain_of_thought",
            {
                "expected": change,
                "facts": [count(baseline), count(stressed)],
                "alternatives": ["larger", "smaller"],
            },
            ("V1", "V3", "V4"),
            [tissue],
        )
    return items


def multi_hop(facts: Facts) -> list[Item]:
    """A tissue is found in one table, and another table is read for it."""
    items: list[Item] = []
    for stressor in ("HU", "IR"):
        tissue = max(facts.tissues, key=lambda name: facts.stressor[name][stressor])
        letter = facts.type[tissue]
        items += worded(
            f"hop/type/{stressor}",
            [
                f"What is the KMP response type of the tissue in which {stressor} causes most DEGs?",
                f"Find the tissue most affected by {stressor}. What is its KMP response type?",
            ],
            with_confidence(
                f"{stressor} causes most DEGs in {tissue} ({count(facts.stressor[tissue][stressor])}). "
                f"The {tissue} is Type {letter}.",
                85,
            ),
            "multi_hop",
            {
                "expected": f"type {letter.lower()}",
                "facts": [tissue],
                "alternatives": [f"type {other.lower()}" for other in sorted(facts.type_name)],
            },
            ("V1", "V3", "V4"),
            facts.tissues,
        )
    for letter in ("B", "C"):
        tissue = next(name for name in facts.tissues if facts.type[name] == letter)
        for interaction in ("KMP x HU", "KMP x IR"):
            name = crossed(interaction)
            value = count(facts.interaction[tissue][interaction])
            items += worded(
                f"hop/interaction/{letter}/{interaction}",
                [
                    f"How many DEGs has the {name} interaction in the tissue of Type {letter}?",
                    f"Find the Type {letter} tissue. What is its {name} interaction?",
                ],
                with_confidence(
                    f"The Type {letter} tissue is the {tissue}. Its {name} interaction has {value} DEGs.",
                    85,
                ),
                "multi_hop",
                {"expected": value, "facts": [tissue]},
                ("V1", "V3", "V4"),
                [tissue],
            )
    return items
