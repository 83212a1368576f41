"""Figures of stored or generated answers: accuracy by type, verdicts that differ, reward, calibration, warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..calibration import Calibration, calibration
from ..statements import stated_confidence
from ..verifiers import QaReward
from .judge import Verdict, judge
from .stored import Answer

RIGHT_ABOVE = 0.5
BY_REWARD, BY_V1, BY_MENTION = f"reward > {RIGHT_ABOVE}", f"V1 > {RIGHT_ABOVE}", "mention of the expected answer"
CUT = 0.9  # share of answers at the greatest length from which on they were cut there
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Judged:
    """An answer with our verdict on it."""

    answer: Answer
    verdict: Verdict


@dataclass(frozen=True)
class SystemScore:
    """One system. `reward` and what follows are None where answers hold no reward and none can be computed.

    `right_by` says what counted as right for accuracy (the share of all answers) and calibration (of those that state
    a confidence). `judged` are its answers with an expected text.
    """

    system: str
    n: int
    judged: tuple[Judged, ...]
    reward: float | None
    components: Mapping[str, float]
    right_by: str
    accuracy: float | None
    calibration: Calibration
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
                words = "stands in the answer" if verdict.mention else "does not stand in the answer"
                found.append((one.answer, "mention", verdict.mention, f'"{one.answer.expected}" {words}'))
            elif verdict.assertion != stored:
                found.append((one.answer, "assertion", verdict.assertion, verdict.why or "the answer asserts it"))
        return found


def score_systems(answers: Sequence[Answer], reward: QaReward | None) -> list[SystemScore]:
    """Scores by system, in order of first use. `reward` scores answers that carry their truth."""
    systems: dict[str, list[Answer]] = {}
    for answer in answers:
        systems.setdefault(answer.system, []).append(answer)
    return [_score(name, held, reward) for name, held in systems.items()]


def v1_alone(answers: Sequence[Answer]) -> Calibration:
    """Calibration with right = V1 > 0.5, over the answers that have a V1: it does not contain the confidence."""
    held = [one for one in answers if one.confidence is not None and "V1" in one.components]
    return calibration([one.confidence or 0.0 for one in held], [one.components["V1"] > RIGHT_ABOVE for one in held])


def stated_differences(found: Calibration, summary: Mapping[str, Any]) -> list[str]:
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
    rewards = [one.reward for one in scored if one.reward is not None]
    right_by, pairs = _outcomes(answers, scored, judged)
    stated = [(given, right) for given, right in pairs if given is not None]
    figures = calibration([given for given, _ in stated], [right for _, right in stated])
    names = sorted({name for one in scored for name in one.components})
    return SystemScore(
        system=system,
        n=len(answers),
        judged=judged,
        reward=sum(rewards) / len(rewards) if rewards else None,
        components={name: _mean([one.components[name] for one in scored if name in one.components]) for name in names},
        right_by=right_by,
        accuracy=_mean([float(right) for _, right in pairs]) if pairs else None,
        calibration=figures,
        warnings=tuple(_warnings(scored, figures, right_by == BY_REWARD)),
    )


@dataclass(frozen=True)
class _Scored:
    response: str
    reward: float | None
    components: Mapping[str, float]
    confidence: float | None


def _outcomes(
    answers: Sequence[Answer], scored: Sequence[_Scored], judged: Sequence[Judged]
) -> tuple[str, list[tuple[float | None, bool]]]:
    """What counts as right, and (confidence, right) of each answer that can be judged so.

    V1 where we scored the answers ourselves, since it does not contain the confidence; a stored reward as it was
    published; else the expected words.
    """
    if all(answer.truth is not None for answer in answers) and any("V1" in one.components for one in scored):
        held = [one for one in scored if "V1" in one.components]
        return BY_V1, [(one.confidence, one.components["V1"] > RIGHT_ABOVE) for one in held]
    rewarded = [(one.confidence, one.reward > RIGHT_ABOVE) for one in scored if one.reward is not None]
    if rewarded:
        return BY_REWARD, rewarded
    return BY_MENTION, [(stated_confidence(one.answer.response), one.verdict.mention) for one in judged]


def _rewarded(answer: Answer, reward: QaReward | None) -> _Scored:
    if answer.truth is None or reward is None:
        return _Scored(answer.response, answer.reward, answer.components, answer.confidence)
    row = {"question": answer.question, "truth": answer.truth, "verifiers": answer.verifiers}
    composed = reward.score(row, answer.response)
    components = {name: value for name, value in composed.components.items() if value is not None}
    return _Scored(answer.response, composed.total, components, stated_confidence(answer.response))


def _warnings(scored: Sequence[_Scored], figures: Calibration, by_reward: bool) -> list[str]:
    found = []
    if by_reward and any("V4" in one.components for one in scored):
        found.append(
            "An answer is right here when its reward is above 0.5, and the reward contains V4, which scores the stated "
            "confidence: the calibration figures are partly of the confidence against itself."
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
    if longest >= 100 and len(scored) > 1 and sum(len(one.response) == longest for one in scored) / len(scored) > CUT:
        found.append(f"Responses are cut at {longest} characters, so their stored rewards cannot be checked.")
    return found


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
