"""Calibration items: questions that the data cannot answer, and error-correction items: claims that they contradict."""

from __future__ import annotations

from .facts import CONDITIONS, Facts, count
from .item import ABSTAIN, EXPECTED_ABSTENTION, Item, worded
from .prompt import with_confidence

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
