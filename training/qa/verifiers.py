"""V1, facts and directions: does the answer assert what the tables hold, and nothing else in its place?

Mends of the predecessor: words and numbers match on boundaries, so that 112 is not found in 1,112 nor "heart" in
"hearty"; a restated question earns nothing (what the question said is blanked out, and asking is not asserting), nor
does silence (it earned 0.3); naming all alternatives or many numbers is no answer; a comparison is scored tissue by
tissue (tissues that the answer left out were left out of the score).

V2, pathway: is the pathway named where its direction or pattern is asserted, with scores that it has?

Mends of the predecessor: half of a fact's words were enough for the whole fact, and words matched inside words.

V3, consistency: does the answer cover what is compared, and end where its steps lead?

Mends of the predecessor: a comparison earned half its score by the mere word "consistent", however negated.

V4, uncertainty: does the stated confidence fit the answer?

`match_v1` is a proper score of the confidence against V1 (rewards/confidence.py). `legacy` is the predecessor's rule,
which knows the question and not whether the answer is right; it stands here for comparison with published runs. Mends
of the predecessor in both: how confidence is read (confidence_parse.py). In `match_v1` moderate confidence is not
flattened: the predecessor gave 0.2 (0.1 in its fourth phase) to everything from 0 to 0.6 said of a right answer.

Does an answer say that it cannot be given?

The reward of an answer: the verifiers that a row names, composed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bioreview_bench.errors import InputError, printable

from ..rewards.components import confidence_score
from ..rewards.composer import Composed, RewardComposer
from .items.gsea import DOWN, UP, readable
from .items.item import ABSTAIN
from .prompt import content
from .statements import Statements, as_number, fold, numbers_in, stated_confidence

OPPOSITE = {UP: DOWN, DOWN: UP}
_WORDS = {
    UP: r"upregulat\w*|up-regulat\w*|activat\w*|increas\w*|elevat\w*|enhanc\w*|induc\w*|higher|stimulat\w*|positive nes"
    r"|positively enriched|upwards?",
    DOWN: r"downregulat\w*|down-regulat\w*|suppress\w*|decreas\w*|reduc\w*|inhibit\w*|repress\w*|lower|negative nes"
    r"|negatively enriched|downwards?|diminish\w*",
}
_FOUND = {name: re.compile(rf"\b(?:{words})\b") for name, words in _WORDS.items()}
_ALIASES = {
    "oxidative phosphorylation": ("oxphos", "ox phos"),
    "tnfa signaling via nfkb": ("nf-kb", "nfkb", "nf-κb"),
    "interferon gamma response": ("ifn-gamma", "ifn-γ", "interferon gamma"),
    "interferon alpha response": ("ifn-alpha", "ifn-α", "interferon alpha"),
    "epithelial mesenchymal transition": ("emt", "epithelial-mesenchymal"),
    "unfolded protein response": ("upr",),
    "reactive oxygen species pathway": ("ros", "reactive oxygen species"),
    "mtorc1 signaling": ("mtorc1",),
}


def names(pathway: str) -> tuple[str, ...]:
    """The words that name a pathway."""
    plain = readable(pathway)
    return (plain, *_ALIASES.get(plain, ()))


def directions_in(statements: Statements) -> set[str]:
    """The directions that the statements assert."""
    found = set()
    for name, words in _FOUND.items():
        spoken = {match.group() for sentence in statements.sentences for match in words.finditer(fold(sentence))}
        if any(statements.asserted(word) for word in spoken):
            found.add(name)
    return found


def direction_of(statements: Statements, about: Sequence[str]) -> str | None:
    """The one direction asserted where one of `about` is named, or anywhere when none is; None for none or both."""
    named = statements.naming(about)
    found = directions_in(named if named.sentences else statements)
    return found.pop() if len(found) == 1 else None


CORE = 0.6  # of the score when further facts are asked for


def v1_facts(question: str, answer: str, truth: Mapping[str, Any]) -> float | None:
    """From 0 to 1; None when `truth` holds nothing that could be asserted. `question` is all that was asked.

    The core is the expected answer, or the direction of a pathway (for several tissues: the share of tissues). With
    further facts the score is core * (0.6 + 0.4 * share of facts asserted); without a core it is that share.
    """
    statements = Statements.of(answer, question)
    if truth.get("behaviour") == ABSTAIN:
        return float(abstains(" ".join(statements.sentences)))
    core = _core(question, statements, truth)
    facts = [statements.asserted(fact) for fact in truth.get("facts") or ()]
    if core is None:
        return sum(facts) / len(facts) if facts else None
    return core * (CORE + (1 - CORE) * sum(facts) / len(facts)) if facts else core


def _core(question: str, statements: Statements, truth: Mapping[str, Any]) -> float | None:
    expected = truth.get("expected")
    if expected is not None:
        return _expected(question, statements, str(expected), truth)
    if truth.get("directions"):
        shares: list[bool] = [
            direction_of(Statements(_about(statements, tissue, truth["directions"])), names(truth["pathway"]))
            == direction
            for tissue, direction in truth["directions"].items()
        ]
        return sum(shares) / len(shares)
    if truth.get("direction") is not None:
        return float(direction_of(statements, names(truth["pathway"])) == str(truth["direction"]))
    return None


def _expected(question: str, statements: Statements, expected: str, truth: Mapping[str, Any]) -> float:
    if not statements.asserted(expected):
        return 0.0
    others = [other for other in truth.get("alternatives") or () if other != expected]
    if any(statements.asserted(other) for other in others):
        return 0.0
    return 1.0 if as_number(expected) is None else 1 / max(1, _unasked(question, statements, truth))


def _unasked(question: str, statements: Statements, truth: Mapping[str, Any]) -> int:
    """How many different numbers are stated that neither truth nor question holds; one is a detail, ten are a guess."""
    held = [truth["expected"], *(truth.get("facts") or ()), *(truth.get("alternatives") or ())]
    known = {value for term in held if (value := as_number(str(term))) is not None}
    known |= {number.value for _, _, number in numbers_in(question)}
    stated = {number.value for number in statements.numbers()}
    return len(stated - known)


def _about(statements: Statements, tissue: str, tissues: Mapping[str, str]) -> tuple[str, ...]:
    """Sentences that speak of the tissue and of no other of the tissues, or clauses where a sentence speaks of both."""
    others = [other for other in tissues if other != tissue]
    found = []
    for sentence in statements.sentences:
        one = Statements((sentence,))
        if not one.naming([tissue]).sentences:
            continue
        found += [sentence] if not one.naming(others).sentences else list(one.naming([tissue]).sentences)
    return tuple(found)


WRONG_SCORE = 0.5  # the factor for quoting a score that the pathway does not have


def v2_pathway(question: str, answer: str, truth: Mapping[str, Any]) -> float | None:
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
        told = any(one.asserted(truth["expected"]) for one in sentences)
    else:
        wanted = set((truth.get("directions") or {}).values()) or {truth.get("direction")}
        told = wanted <= set().union(*map(directions_in, sentences))
    if not told:
        return 0.0
    scores = truth.get("scores") or ()
    quoted = [number for one in sentences for number in one.numbers() if number.decimals]
    wrong = scores and any(not any(number.states(true) for true in scores) for number in quoted)
    return WRONG_SCORE if wrong else 1.0


_SAME = ("the same", "same", "share", "shares", "shared", "identical", "alike", "consistent", "agree", "concordant")
_DIFFERENT = ("different", "differ", "differs", "opposite", "inconsistent", "disagree", "discordant", "distinct")
_LAST = 2  # sentences that count as the end


def v3_consistency(question: str, answer: str, truth: Mapping[str, Any]) -> float | None:
    """From 0 to 1; None when `truth` holds neither a comparison nor an expected answer.

    Comparison: half for the share of tissues that are named, half for the right verdict (same or different, and not
    both). Otherwise 1 when one of the last two sentences asserts the expected answer and no alternative. Either is
    scaled by the share of sentences that are not repeated.
    """
    statements = Statements.of(answer, question)
    if not statements.sentences:
        return 0.0
    if truth.get("consistent"):
        found = _compared(Statements.of(answer), statements, truth)
    elif truth.get("expected"):
        end = Statements(statements.sentences[-_LAST:])
        others = [other for other in truth.get("alternatives") or () if other != truth["expected"]]
        found = float(end.asserted(truth["expected"]) and not any(end.asserted(other) for other in others))
    else:
        return None
    return found * len(set(statements.sentences)) / len(statements.sentences)


def _compared(whole: Statements, statements: Statements, truth: Mapping[str, Any]) -> float:
    tissues = truth.get("tissues") or list(truth.get("directions") or ())
    named = sum(bool(whole.naming([tissue]).sentences) for tissue in tissues) / len(tissues) if tissues else 0.0
    verdicts = set()
    if any(statements.asserted(word) for word in _SAME):
        verdicts.add("same")
    if any(statements.asserted(word) for word in _DIFFERENT) or _denied(statements):
        verdicts.add("different")
    return 0.5 * named + 0.5 * (verdicts == {truth["consistent"]})


def _denied(statements: Statements) -> bool:
    """ "not the same", "do not share": the word is there and is not asserted."""
    return any(statements.naming([word]).sentences and not statements.asserted(word) for word in _SAME)


MODES = ("match_v1", "legacy")
RIGHT = 0.5  # V1 above this is a right answer
_UNSTATED = 0.5  # what the predecessor took silence for
_LEVELS = {"high": (0.70, 1.00), "medium": (0.35, 0.75), "low": (0.00, 0.40)}


def v4_match_v1(answer: str, v1: float | None) -> float | None:
    """y - (c - y)^2 with y = 1 when V1 is above 0.5; silence is the worst of all c. None when V1 does not apply."""
    return None if v1 is None else confidence_score(stated_confidence(answer), v1 > RIGHT)


def v4_legacy(answer: str, truth: Mapping[str, Any]) -> float:
    """The predecessor's rule for the confidence c that is stated (0.5 when none is).

    `context_dependent` questions: 0.6 * [0.3 <= c <= 0.75] + 0.4 * max(0, 1 - 2|c - 0.5|), which gives every score of
    uncertainty questions in the stored fourth-phase evaluation. Questions with an expected level (`high` 0.70 to 1,
    `medium` 0.35 to 0.75, `low` 0 to 0.40): 1 inside, max(0, 1 - 2.5 d) at a distance d. Others:
    max(0.2, 1 - 1.5|c - 0.5|), from the published source; no stored row shows it.
    """
    stated = stated_confidence(answer)
    given = _UNSTATED if stated is None else stated
    return legacy_score(given, truth.get("behaviour"), truth.get("expected_confidence"))


def legacy_score(given: float, behaviour: str | None, level: str | None) -> float:
    """The rule of `v4_legacy` for a confidence."""
    if behaviour == "context_dependent":
        return 0.6 * (0.30 <= given <= 0.75) + 0.4 * max(0.0, 1 - 2 * abs(given - 0.5))
    if level in _LEVELS:
        low, high = _LEVELS[level]
        distance = max(low - given, given - high, 0.0)
        return max(0.0, 1 - 2.5 * distance)
    return max(0.2, 1 - 1.5 * abs(given - 0.5))


_INABILITY = re.compile(
    r"\b(?:can\s?not|can['’]t|could not|couldn['’]t|unable to|impossible|(?:is|are) not possible|not able to)\b"
)
# What must come first, asked of the question as a whole: "requires careful assessment", "needs human studies".
_DEFERRAL = re.compile(
    r"\b(?:requires?|needs?)\s+(?:\w+\s+){0,2}(?:assessment|validation|evaluation|investigation|studies|study|testing"
    r"|research|trials?)\b"
)
_NO_DATA = re.compile(
    r"\b(?:no|not enough|insufficient|lack of|limited)\s+(?:\w+\s+){0,2}(?:data|evidence|information)\b"
    r"|\bdata (?:do|does|can)(?:n['’]t|\s?not)\b"
)
_HEAD = 300  # characters: an abstention opens the answer, it is no afterthought


def abstains(answer: str) -> bool:
    """True when the opening of `answer` says that it, or the data, cannot answer, or what is needed first.

    "Unknown" alone is no abstention: it speaks of the field and not of these data. Words match on boundaries.
    """
    head = fold(answer)[:_HEAD]
    return any(found.search(head) for found in (_INABILITY, _DEFERRAL, _NO_DATA))


VERIFIERS = ("V1", "V2", "V3", "V4")


class QaReward:
    """Scores answers. `v4_mode` is `match_v1` or `legacy`. Raises InputError for another mode or component."""

    def __init__(self, composer: RewardComposer, v4_mode: str = "match_v1") -> None:
        if v4_mode not in MODES:
            raise InputError(f'There is no V4 mode "{printable(v4_mode)}".', remedy=f"use {' or '.join(MODES)}")
        unknown = sorted(set(composer.weights) - set(VERIFIERS))
        if unknown:
            raise InputError(f"There is no verifier {', '.join(unknown)}.", remedy=f"use {', '.join(VERIFIERS)}")
        self._composer = composer
        self._mode = v4_mode

    def score(self, row: Mapping[str, Any], answer: str) -> Composed:
        """`row` is a line of the question files: `question`, `truth` and `verifiers`. Only those verifiers apply."""
        # With the instruction that comes with it: its "cannot answer" is as little an answer as the question's words.
        question, truth, applied = content(row["question"]), row["truth"], row["verifiers"]
        v1 = v1_facts(question, answer, truth)
        values: dict[str, float | None] = {
            "V1": v1,
            "V2": v2_pathway(question, answer, truth),
            "V3": v3_consistency(question, answer, truth),
            "V4": v4_legacy(answer, truth) if self._mode == "legacy" else v4_match_v1(answer, v1),
        }
        return self._composer.score(
            {name: values[name] if name in applied else None for name in VERIFIERS if name in self._composer.weights}
        )
