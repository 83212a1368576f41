"""Verifiers of an answer to a question with ground truth, and the reward that they compose.

`facts`              does the answer assert what the tables hold, and nothing else in its place?
`pathway_direction`  is the pathway named where its direction or pattern is asserted, with scores that it has?
`consistency`        does the answer cover what is compared, and end where its steps lead?
`uncertainty`        does the stated confidence fit the answer?

Published records call them V1 to V4 (`VERIFIERS`). What the predecessor let pass is fixed: words matched inside words
and numbers inside numbers (112 in 1,112, "heart" in "hearty"); a restated question earned marks, and silence 0.3;
naming every alternative or many numbers was an answer; a comparison left out the tissues that the answer left out;
half of a fact's words stood for the fact; the mere word "consistent", however negated, was half a comparison.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bioreview_bench.errors import InputError, printable

from ..rewards.components import confidence_score
from ..rewards.composer import Composed, RewardComposer
from .items.gsea import readable
from .items.item import ABSTAIN
from .prompt import content
from .statements import WORDS, Statements, as_number, fold, numbers_in, stated_confidence

Truth = Mapping[str, Any]
# The names that files of questions, published records and this package's own records use.
VERIFIERS: Mapping[str, str] = MappingProxyType(
    {"facts": "V1", "pathway_direction": "V2", "consistency": "V3", "uncertainty": "V4"}
)
FACTS, PATHWAY_DIRECTION, CONSISTENCY, UNCERTAINTY = VERIFIERS.values()
RIGHT = 0.5  # facts above this is a right answer
MODES = ("match_v1", "legacy")


class QaReward:
    """Scores answers by the verifiers that a question names.

    `composer` weighs verifiers by name or by record name; what is composed has record names. `mode` of uncertainty is
    `match_v1` or `legacy`. Raises InputError for another mode or verifier.
    """

    def __init__(self, composer: RewardComposer, mode: str = "match_v1") -> None:
        if mode not in MODES:
            raise InputError(f'There is no V4 mode "{printable(mode)}".', remedy=f"use {' or '.join(MODES)}")
        self._composer = composer.renamed(VERIFIERS, "verifier")
        self._mode = mode

    @property
    def weights(self) -> Mapping[str, float]:
        """By record name."""
        return self._composer.weights

    def score(self, row: Mapping[str, Any], answer: str) -> Composed:
        """`row` is a line of the question files: `question`, `truth` and `verifiers`. Only those verifiers apply."""
        # With the instruction that comes with it: its "cannot answer" is as little an answer as the question's words.
        question, truth = content(row["question"]), row["truth"]
        right = facts(question, answer, truth)
        values: dict[str, float | None] = {
            FACTS: right,
            PATHWAY_DIRECTION: pathway_direction(question, answer, truth),
            CONSISTENCY: consistency(question, answer, truth),
            UNCERTAINTY: legacy_uncertainty(answer, truth) if self._mode == "legacy" else uncertainty(answer, right),
        }
        applied = row["verifiers"]
        return self._composer.score(
            {name: value if name in applied else None for name, value in values.items() if name in self.weights}
        )


CORE = 0.6  # of the score when further facts are asked for


def facts(question: str, answer: str, truth: Truth) -> float | None:
    """From 0 to 1; None when `truth` holds nothing that could be asserted. `question` is all that was asked.

    The core is the expected answer, or the direction of a pathway (for several tissues: the share of tissues). With
    further facts the score is core * (0.6 + 0.4 * share of facts asserted); without a core it is that share.

    >>> facts("How many DEGs?", "It has 8484 DEGs.", {"expected": "8,484"})
    1.0
    """
    statements = Statements.of(answer, question)
    if truth.get("behaviour") == ABSTAIN:
        return float(abstains(" ".join(statements.sentences)))
    core = _core(question, statements, truth)
    asserted = [statements.asserted(fact) for fact in truth.get("facts") or ()]
    if core is None:
        return sum(asserted) / len(asserted) if asserted else None
    return core * (CORE + (1 - CORE) * sum(asserted) / len(asserted)) if asserted else core


def _core(question: str, statements: Statements, truth: Truth) -> float | None:
    if truth.get("expected") is not None:
        return _expected(question, statements, truth)
    if truth.get("directions"):
        called = names(truth["pathway"])
        wanted: Mapping[str, str] = truth["directions"]
        right = [direction_of(_about(statements, tissue, wanted), called) == wanted[tissue] for tissue in wanted]
        return sum(right) / len(right)
    if truth.get("direction") is not None:
        return float(direction_of(statements, names(truth["pathway"])) == str(truth["direction"]))
    return None


def _expected(question: str, statements: Statements, truth: Truth) -> float:
    if not _chosen(statements, truth):
        return 0.0
    return 1.0 if as_number(str(truth["expected"])) is None else 1 / max(1, _unasked(question, statements, truth))


def _chosen(statements: Statements, truth: Truth) -> bool:
    """Whether the expected answer is asserted, and no alternative to it."""
    expected = str(truth["expected"])
    others = [other for other in truth.get("alternatives") or () if other != expected]
    return statements.asserted(expected) and not any(map(statements.asserted, others))


def _unasked(question: str, statements: Statements, truth: Truth) -> int:
    """How many different numbers are stated that neither truth nor question holds; one is a detail, ten are a guess."""
    held = [truth["expected"], *(truth.get("facts") or ()), *(truth.get("alternatives") or ())]
    known = {value for term in held if (value := as_number(str(term))) is not None}
    known |= {number.value for _, _, number in numbers_in(question)}
    stated = {number.value for number in statements.numbers()}
    return len(stated - known)


def _about(statements: Statements, tissue: str, tissues: Mapping[str, str]) -> Statements:
    """Sentences that speak of the tissue and of no other of the tissues, or clauses where a sentence speaks of both."""
    others = [other for other in tissues if other != tissue]
    kept: list[str] = []
    for sentence in map(Statements, zip(statements.sentences, strict=True)):
        clauses = sentence.naming([tissue]).sentences
        if clauses:
            kept += clauses if sentence.naming(others).sentences else sentence.sentences
    return Statements(tuple(kept))


WRONG_SCORE = 0.5  # the factor for quoting a score that the pathway does not have


def pathway_direction(question: str, answer: str, truth: Truth) -> float | None:
    """From 0 to 1; None when `truth` names no pathway.

    0 unless a sentence names the pathway and asserts its expected pattern or direction (for several tissues: each of
    the directions); halved when such a sentence quotes a score (a number with decimals) that is none of the pathway's.
    """
    if not truth.get("pathway"):
        return None
    statements = Statements.of(answer, question)
    called = names(truth["pathway"])
    sentences = [one for text in statements.sentences if (one := Statements((text,))).naming(called).sentences]
    if not sentences:
        return 0.0
    if truth.get("expected"):
        asserted = any(one.asserted(truth["expected"]) for one in sentences)
    else:
        wanted = set((truth.get("directions") or {}).values()) or {truth.get("direction")}
        asserted = wanted <= set().union(*map(directions_in, sentences))
    if not asserted:
        return 0.0
    scores = truth.get("scores") or ()
    quoted = [number for one in sentences for number in one.numbers() if number.decimals]
    wrong = scores and any(not any(number.states(true) for true in scores) for number in quoted)
    return WRONG_SCORE if wrong else 1.0


_SAME = ("the same", "same", "share", "shares", "shared", "identical", "alike", "consistent", "agree", "concordant")
_DIFFERENT = ("different", "differ", "differs", "opposite", "inconsistent", "disagree", "discordant", "distinct")
_LAST = 2  # sentences that count as the end


def consistency(question: str, answer: str, truth: Truth) -> float | None:
    """From 0 to 1; None when `truth` holds neither a comparison nor an expected answer.

    Comparison: half for the share of tissues that are named, half for the right verdict (same or different, and not
    both). Otherwise 1 when one of the last two sentences asserts the expected answer and no alternative. Either is
    scaled by the share of sentences that are not repeated.

    >>> consistency("Same?", "Eye and liver differ.", {"consistent": "different", "tissues": ["eye", "liver"]})
    1.0
    """
    statements = Statements.of(answer, question)
    if not statements.sentences:
        return 0.0
    if truth.get("consistent"):
        score = _compared(Statements.of(answer), statements, truth)
    elif truth.get("expected"):
        score = float(_chosen(Statements(statements.sentences[-_LAST:]), truth))
    else:
        return None
    return score * len(set(statements.sentences)) / len(statements.sentences)


def _compared(whole: Statements, statements: Statements, truth: Truth) -> float:
    tissues = truth.get("tissues") or list(truth.get("directions") or ())
    named = sum(bool(whole.naming([tissue]).sentences) for tissue in tissues) / len(tissues) if tissues else 0.0
    verdicts = set()
    if any(statements.asserted(word) for word in _SAME):
        verdicts.add("same")
    # "not the same", "do not share": the word is there and is not asserted.
    denied = any(statements.naming([word]).sentences and not statements.asserted(word) for word in _SAME)
    if denied or any(statements.asserted(word) for word in _DIFFERENT):
        verdicts.add("different")
    return 0.5 * named + 0.5 * (verdicts == {truth["consistent"]})


_UNSTATED = 0.5  # what the predecessor took silence for
_LEVELS = {"high": (0.70, 1.00), "medium": (0.35, 0.75), "low": (0.00, 0.40)}


def uncertainty(answer: str, right: float | None) -> float | None:
    """y - (c - y)^2 with y = 1 when `right`, the score of `facts`, is above 0.5; None when facts do not apply.

    Silence is the worst of all c. Moderate confidence is not flattened: the predecessor gave 0.2 (0.1 in its fourth
    phase) to everything from 0 to 0.6 said of a right answer.

    >>> uncertainty("112. Confidence: 80%", 1.0)
    0.96
    """
    return None if right is None else confidence_score(stated_confidence(answer), right > RIGHT)


def legacy_uncertainty(answer: str, truth: Truth) -> float:
    """`legacy_score` of the confidence that is stated (0.5 when none is), for comparison with published runs.

    >>> legacy_uncertainty("It depends. Confidence: 50%", {"behaviour": "context_dependent"})
    1.0
    """
    stated = stated_confidence(answer)
    given = _UNSTATED if stated is None else stated
    return legacy_score(given, truth.get("behaviour"), truth.get("expected_confidence"))


def legacy_score(given: float, behaviour: str | None, level: str | None) -> float:
    """The predecessor's rule for a confidence c; it knows the question and not whether the answer is right.

    `context_dependent` questions: 0.6 * [0.3 <= c <= 0.75] + 0.4 * max(0, 1 - 2|c - 0.5|), which gives every score of
    uncertainty questions in the stored fourth-phase evaluation. Questions with an expected level (`high` 0.70 to 1,
    `medium` 0.35 to 0.75, `low` 0 to 0.40): 1 inside, max(0, 1 - 2.5 d) at a distance d. Others:
    max(0.2, 1 - 1.5|c - 0.5|), from the published source; no stored row shows it.
    """
    if behaviour == "context_dependent":
        return 0.6 * (0.30 <= given <= 0.75) + 0.4 * max(0.0, 1 - 2 * abs(given - 0.5))
    if level in _LEVELS:
        low, high = _LEVELS[level]
        distance = max(low - given, given - high, 0.0)
        return max(0.0, 1 - 2.5 * distance)
    return max(0.2, 1 - 1.5 * abs(given - 0.5))


# It cannot; what must come first, asked of the question as a whole ("requires careful assessment", "needs human
# studies"); there are no data.
_ABSTENTION = re.compile(
    r"\b(?:can\s?not|can['’]t|could not|couldn['’]t|unable to|impossible|(?:is|are) not possible|not able to)\b"
    r"|\b(?:requires?|needs?)\s+(?:\w+\s+){0,2}(?:assessment|validation|evaluation|investigation|studies|study|testing"
    r"|research|trials?)\b"
    r"|\b(?:no|not enough|insufficient|lack of|limited)\s+(?:\w+\s+){0,2}(?:data|evidence|information)\b"
    r"|\bdata (?:do|does|can)(?:n['’]t|\s?not)\b"
)
_HEAD = 300  # characters: an abstention opens the answer, it is no afterthought


def abstains(answer: str) -> bool:
    """True when the opening of `answer` says that it, or the data, cannot answer, or what is needed first.

    "Unknown" alone is no abstention: it speaks of the field and not of these data. Words match on boundaries.
    """
    return bool(_ABSTENTION.search(fold(answer)[:_HEAD]))


_DIRECTIONS = {name: re.compile(rf"\b(?:{'|'.join(words)})\b") for name, words in WORDS["directions"].items()}


def names(pathway: str) -> tuple[str, ...]:
    """The words that name a pathway."""
    plain = readable(pathway)
    return (plain, *WORDS["aliases"].get(plain, ()))


def directions_in(statements: Statements) -> set[str]:
    """The directions that the statements assert."""
    found = set()
    for name, words in _DIRECTIONS.items():
        spoken = {match.group() for sentence in statements.sentences for match in words.finditer(fold(sentence))}
        if any(statements.asserted(word) for word in spoken):
            found.add(name)
    return found


def direction_of(statements: Statements, about: Sequence[str]) -> str | None:
    """The one direction asserted where one of `about` is named, or anywhere when none is; None for none or both."""
    named = statements.naming(about)
    found = directions_in(named if named.sentences else statements)
    return found.pop() if len(found) == 1 else None
