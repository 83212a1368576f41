"""Chain-of-thought items (one table, steps shown) and multi-hop items (two tables joined).

Calibration items: questions that the data cannot answer, and error-correction items: claims that they contradict.
"""

from __future__ import annotations

from ..prompt import with_confidence
from .facts import CONDITIONS, Facts, count, crossed
from .item import ABSTAIN, EXPECTED_ABSTENTION, Item, worded

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


_UNANSWERABLE = (
    ("dose", "What daily dose of KMP should a crew member take?", "one dose was given, to mice"),
    ("proof", "Is it certain that KMP will keep crew members' muscles from wasting?", "no human was studied"),
    ("gene", "Which single gene carries the protection by KMP?", "counts of genes show no cause"),
    ("duration", "For how many weeks should KMP be given on a flight to Mars?", "durations were not compared"),
    ("humans", "How many DEGs would KMP produce in human soleus?", "only mice were measured"),
    ("protein", "How much does KMP raise the amount of myosin protein in soleus?", "proteins were not measured"),
    ("kidney", "How many DEGs does KMP produce in kidney under combined stress?", "kidney is not in the tables"),
    ("strength", "By how many percent does KMP improve grip strength?", "no function was measured"),
    ("safety", "Is long-term treatment with KMP safe for crew members?", "safety was not studied"),
    ("sex", "Do female mice respond more strongly to KMP than male mice?", "the tables do not separate the sexes"),
)


def calibration(facts: Facts) -> list[Item]:
    """Questions beyond the data. A tissue is only there when its name is."""
    items: list[Item] = []
    for name, question, reason in _UNANSWERABLE:
        bare = question[0].lower() + question[1:]
        items += worded(
            f"unanswerable/{name}",
            [question, f"From this study: {bare}"],
            with_confidence(f"This cannot be determined from these data: {reason}.", 90),
            "calibration",
            {"expected": EXPECTED_ABSTENTION, "behaviour": ABSTAIN},
            ("V1", "V4"),
            [tissue for tissue in facts.tissues if tissue in question],
        )
    return items


def error_correction(facts: Facts) -> list[Item]:
    """Claims with the number of another condition, or another type; each is contradicted by the tables.

    The wrong number is the tissue's own, so that a claim gives nothing of another tissue away.
    """
    items: list[Item] = []
    for tissue in facts.tissues:
        for condition, where in CONDITIONS.items():
            right = facts.kmp[tissue][condition]
            wrong = next(value for value in facts.kmp[tissue].values() if value != right)
            items += worded(
                f"correct/kmp/{tissue}/{condition}",
                [
                    f'Correct this if it is wrong: "KMP produces {count(wrong)} DEGs in {tissue} {where}."',
                    f"A colleague says that KMP changes {count(wrong)} genes in {tissue} {where}. Is that right?",
                ],
                with_confidence(
                    f"That is wrong. KMP produces {count(right)} DEGs in {tissue} {where}, not {count(wrong)}.", 95
                ),
                "error_correction",
                {"expected": count(right), "alternatives": [count(right), count(wrong)]},
                ("V1", "V3", "V4"),
                [tissue],
            )
        letter = facts.type[tissue]
        wrong_letter = next(name for name in sorted(facts.type_name) if name != letter)
        items += worded(
            f"correct/type/{tissue}",
            [
                f'Correct this if it is wrong: "The {tissue} is Type {wrong_letter}."',
                f"A colleague says that the KMP response of {tissue} is Type {wrong_letter}. Is that right?",
            ],
            with_confidence(f"That is wrong. The {tissue} is Type {letter}, not Type {wrong_letter}.", 95),
            "error_correction",
            {
                "expected": f"type {letter.lower()}",
                "alternatives": [f"type {letter.lower()}", f"type {wrong_letter.lower()}"],
            },
            ("V1", "V3", "V4"),
            [tissue],
        )
    return items
