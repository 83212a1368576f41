"""Figures of stored or generated answers: accuracy by type, verdicts that differ, reward, calibration, warnings.

Calibration: is stated confidence the share of right answers? Expected error, Brier score, over-confidence and the bins
are those of the core; what question answering adds is the maximum error and under-confidence. Undefined figures are
None, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bioreview_bench.errors import InputError, printable
from bioreview_bench.results.records import ConfidenceBin
from bioreview_bench.stats.confidence import confidence

from ..items.given import Contamination, contamination
from ..statements import stated_confidence
from ..verifiers import FACTS, RIGHT, UNCERTAINTY, QaReward
from .judge import Verdict, judge
from .stored import Answer, Stored

BY_REWARD, BY_FACTS, BY_MENTION = f"reward > {RIGHT}", f"{FACTS} > {RIGHT}", "mention of the expected answer"
CUT = 0.9  # with at least this share of answers at the greatest length, they were cut there
_TOLERANCE = 1e-9
TIMID = 0.3
_BIN_FIELDS = ("low", "high", "n", "confidence", "matched")


@dataclass(frozen=True)
class Calibration:
    """Figures over `n` answers that state a confidence.

    `ece`: mean over answers of |share right - mean confidence| of their bin (10 equal-width bins). `mce`: the greatest
    such difference over bins that hold an answer. `brier`: mean of (c - y)^2. `overconfidence`: P(wrong | c > 0.8).
    `underconfidence`: P(right | c < 0.3). A `matched` share of a bin is the share right.
    """

    n: int
    ece: float | None = None
    mce: float | None = None
    brier: float | None = None
    overconfidence: float | None = None
    underconfidence: float | None = None
    mean_confidence: float | None = None
    accuracy: float | None = None
    bins: tuple[ConfidenceBin, ...] = ()

    @property
    def n_bins_used(self) -> int:
        """How many bins hold an answer."""
        return sum(found.n > 0 for found in self.bins)

    def as_dict(self) -> dict[str, Any]:
        """Plain values; bins say `right` where the core says matched."""
        found = asdict(self)
        found["bins"] = [
            {("right" if name == "matched" else name): getattr(one, name) for name in _BIN_FIELDS} for one in self.bins
        ]
        return found


def calibration(stated: Sequence[float], right: Sequence[bool]) -> Calibration:
    """Calibration of confidences in 0..1 against outcomes. Raises InputError for other values or unequal lengths.

    Sources: M. P. Naeini et al. (2015) for ECE and MCE, G. W. Brier (1950).
    """
    if len(stated) != len(right):
        raise InputError(f"{len(stated)} confidences and {len(right)} outcomes do not go together.")
    if not all(0 <= given <= 1 for given in stated):  # NaN is not either
        raise InputError("A confidence is not from 0 to 1.", remedy="leave out answers that state none")
    figures = confidence(stated, right)
    if figures is None:
        return Calibration(0)
    bins = tuple(ConfidenceBin(**found) for found in figures["bins"])
    gaps = [abs(one.matched - one.confidence) for one in bins if one.matched is not None and one.confidence is not None]
    timid = [outcome for given, outcome in zip(stated, right, strict=True) if given < TIMID]
    return Calibration(
        n=len(stated),
        ece=figures["ece"],
        mce=max(gaps),
        brier=figures["brier"],
        overconfidence=figures["overconfidence_rate"],
        underconfidence=sum(timid) / len(timid) if timid else None,
        mean_confidence=sum(stated) / len(stated),
        accuracy=sum(right) / len(right),
        bins=bins,
    )


@dataclass(frozen=True)
class Judged:
    """An answer with our verdict on it."""

    answer: Answer
    verdict: Verdict


@dataclass(frozen=True)
class SystemScore:
    """One system. `reward` and what follows are None where answers hold no reward and none can be computed.

    `right_by` says what counted as right for accuracy (the share of all answers) and calibration (of those that state
    a confidence). `judged` are its answers with an expected text. `alone`: calibration by the stored facts scores,
    which do not contain the confidence; None where the file holds none.
    """

    system: str
    n: int
    judged: tuple[Judged, ...]
    reward: float | None
    components: Mapping[str, float]
    right_by: str
    accuracy: float | None
    calibration: Calibration
    alone: Calibration | None
    warnings: tuple[str, ...]

    def counts(self, reading: str) -> dict[str, tuple[int, int]]:
        """Type to (right, all) by `mention` or `assertion`; types in order of first use."""
        found: dict[str, tuple[int, int]] = {}
        for one in self.judged:
            right, n = found.get(one.answer.type, (0, 0))
            found[one.answer.type] = (right + getattr(one.verdict, reading), n + 1)
        return found

    def right(self, reading: str) -> int:
        """Right answers by a reading."""
        return sum(right for right, _ in self.counts(reading).values())

    def disagreements(self) -> list[tuple[Answer, str, bool, str]]:
        """(answer, reading, our verdict, why) wherever a reading differs from the stored verdict."""
        found = []
        for one in self.judged:
            stored, verdict = one.answer.verdict, one.verdict
            if stored is None:
                continue
            if verdict.mention != stored:
                words = "occurs in the answer" if verdict.mention else "does not occur in the answer"
                found.append((one.answer, "mention", verdict.mention, f'"{one.answer.expected}" {words}'))
            elif verdict.assertion != stored:
                found.append((one.answer, "assertion", verdict.assertion, verdict.why or "the answer asserts it"))
        return found


@dataclass(frozen=True)
class Evaluation:
    """What is said of answers: scores by system, what of the questions was trained on, and where files differ."""

    scores: tuple[SystemScore, ...]
    trained: tuple[Contamination, ...]
    summary_differences: tuple[str, ...]


def evaluate(files: Sequence[Stored], reward: QaReward | None, trained_on: Sequence[Path] = ()) -> Evaluation:
    """Score all answers, systems in order of first use. `reward` scores answers that carry their truth.

    Raises InputError when two files hold answers of one system: they would be scored as one.
    """
    systems: dict[str, list[Answer]] = {}
    owner: dict[str, Path] = {}
    for file in files:
        for answer in file.answers:
            if owner.setdefault(answer.system, file.path) != file.path:
                raise InputError(
                    f"{owner[answer.system]} and {file.path} both hold answers of {printable(answer.system)}.",
                    remedy="score them one after the other",
                )
            systems.setdefault(answer.system, []).append(answer)
    scores = {name: _score(name, answers, reward) for name, answers in systems.items()}
    questions = [answer.question for file in files for answer in file.answers]
    return Evaluation(
        tuple(scores.values()),
        tuple(contamination(questions, path) for path in trained_on),
        tuple(
            f"{file.path.name}, {line}"
            for file in files
            if file.summary is not None
            for line in _stated_differences(scores[file.answers[0].system].calibration, file.summary)
        ),
    )


def _calibrated(outcomes: Iterable[tuple[float | None, bool]]) -> Calibration:
    """Of (confidence, right) of answers; those that state no confidence do not count."""
    stated = [(given, right) for given, right in outcomes if given is not None]
    return calibration([given for given, _ in stated], [right for _, right in stated])


def _stated_differences(found: Calibration, summary: Mapping[str, Any]) -> list[str]:
    """Where a file's own calibration summary differs from ours by more than rounding."""
    ours = {
        "ece": found.ece,
        "mce": found.mce,
        "brier_score": found.brier,
        "overconfidence_rate": found.overconfidence,
        "underconfidence_rate": found.underconfidence,
        "mean_confidence": found.mean_confidence,
        "mean_accuracy": found.accuracy,
    }
    differing = []
    for name, value in ours.items():
        stated = summary.get(name)
        if not isinstance(stated, int | float):
            continue
        if value is None:
            differing.append(f"{name}: {stated:g} stated where no answer counts, so it is undefined")
        elif abs(value - stated) > _TOLERANCE:
            differing.append(f"{name}: {stated:.5f} stated, {value:.5f} found")
    return differing


def _score(system: str, answers: Sequence[Answer], reward: QaReward | None) -> SystemScore:
    scored = [_rewarded(answer, reward) for answer in answers]
    judged = tuple(
        Judged(answer, judge(answer.question, answer.response, answer.expected))
        for answer in answers
        if answer.expected is not None
    )
    rewards = [answer.reward for answer in scored if answer.reward is not None]
    right_by, outcomes = _outcomes(scored, judged)
    figures = _calibrated(outcomes)
    by_facts = [(one.confidence, one.components[FACTS] > RIGHT) for one in answers if FACTS in one.components]
    components: dict[str, list[float]] = {}
    for answer in scored:
        for name, value in answer.components.items():
            components.setdefault(name, []).append(value)
    return SystemScore(
        system=system,
        n=len(answers),
        judged=judged,
        reward=_mean(rewards),
        components={name: sum(components[name]) / len(components[name]) for name in sorted(components)},
        right_by=right_by,
        accuracy=_mean([float(right) for _, right in outcomes]),
        calibration=figures,
        alone=_calibrated(by_facts) if by_facts else None,
        warnings=tuple(_warnings(scored, figures, right_by == BY_REWARD)),
    )


def _outcomes(scored: Sequence[Answer], judged: Sequence[Judged]) -> tuple[str, list[tuple[float | None, bool]]]:
    """What counts as right, and (confidence, right) of each answer that can be judged so.

    The facts where we scored the answers ourselves, since they do not contain the confidence; a stored reward as it
    was published; else the expected words.
    """
    if all(answer.truth is not None for answer in scored):
        facts = [(one.confidence, one.components[FACTS] > RIGHT) for one in scored if FACTS in one.components]
        if facts:
            return BY_FACTS, facts
    rewarded = [(one.confidence, one.reward > RIGHT) for one in scored if one.reward is not None]
    if rewarded:
        return BY_REWARD, rewarded
    return BY_MENTION, [(stated_confidence(one.answer.response), one.verdict.mention) for one in judged]


def _rewarded(answer: Answer, reward: QaReward | None) -> Answer:
    """The answer with our own reward, where it carries its truth."""
    if answer.truth is None or reward is None:
        return answer
    row = {"question": answer.question, "truth": answer.truth, "verifiers": answer.verifiers}
    composed = reward.score(row, answer.response)
    components = {name: value for name, value in composed.components.items() if value is not None}
    return replace(answer, reward=composed.total, components=components, confidence=stated_confidence(answer.response))


def _warnings(scored: Sequence[Answer], figures: Calibration, by_reward: bool) -> list[str]:
    found = []
    if by_reward and any(UNCERTAINTY in one.components for one in scored):
        found.append(
            f"An answer is right here when its reward is above {RIGHT}, and the reward contains {UNCERTAINTY}, which "
            "scores the stated confidence: the calibration figures are partly of the confidence against itself."
        )
    if figures.n > 1 and figures.n_bins_used == 1:
        found.append(
            f"All {figures.n} confidences fall into one bin: ECE is then |accuracy - mean confidence| and says nothing "
            "of whether confidence tells right from wrong."
        )
    silent = len(scored) - figures.n
    if figures.n and silent:
        found.append(f"{silent} of {len(scored)} answers state no confidence and are in no calibration figure.")
    longest = max(len(one.response) for one in scored)
    cut = sum(len(one.response) == longest for one in scored) / len(scored)
    if by_reward and longest >= 100 and len(scored) > 1 and cut > CUT:
        found.append(f"Responses are cut at {longest} characters, so their stored rewards cannot be checked.")
    return found


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
