"""The report on answers, as blocks for a terminal or Markdown, and as plain values.

A self-contained page with the reliability chart of each system; nothing is loaded from elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from importlib import resources
from typing import Any

from bioreview_bench.errors import printable
from bioreview_bench.report.blocks import Block, Notes, Table, figure
from bioreview_bench.report.html.charts.reliability import reliability_chart
from bioreview_bench.report.html.environment import environment, policy, style
from bioreview_bench.report.meaning import Note

from .scoring import BY_FACTS, Calibration, Evaluation, SystemScore

_DIGITS = 5
_READINGS = (
    ("mention", "the expected words occur in the answer"),
    ("assertion", "the answer asserts them, and no other"),
)


def blocks(evaluation: Evaluation) -> list[Block]:
    """Accuracy by type, disagreements, reward and calibration, warnings."""
    scores = evaluation.scores
    shown: list[Block] = []
    judged = [score for score in scores if score.judged]
    for reading, words in _READINGS if judged else ():
        shown.append(_accuracy(judged, reading, words))
    if any(score.reward is not None for score in scores):
        shown.append(_rewards(scores))
    shown.append(_calibration(scores))
    differing = [
        f'{printable(score.system)}: "{printable(answer.question)}" is {"right" if ours else "wrong"} by {reading} and '
        f"stored as {'right' if answer.verdict else 'wrong'}: {printable(why, 200)}. "
        f'Answer: "{printable(answer.response, 160)}"'
        for score in judged
        for answer, reading, ours, why in score.disagreements()
    ]
    if any(one.answer.verdict is not None for score in judged for one in score.judged):
        title = f"Where we differ from the stored verdicts: {len(differing)} rows"
        shown.append(Notes(title, [Note("info", text) for text in differing]))
    if evaluation.summary_differences:
        notes = [Note("info", printable(text, 200)) for text in evaluation.summary_differences]
        shown.append(Notes("Where the file's own summary differs", notes))
    warned = dict.fromkeys(
        [warning for score in scores for warning in score.warnings]
        + [one.sentence for one in evaluation.trained if one.sentence]
    )
    if warned:
        shown.append(Notes("Before you quote these figures", [Note("warning", text) for text in dict.fromkeys(warned)]))
    return shown


def as_dict(evaluation: Evaluation) -> dict[str, Any]:
    """Everything in the blocks, for machines."""
    return {
        "systems": [
            {
                "system": score.system,
                "n": score.n,
                "accuracy": {
                    reading: {kind: {"right": right, "n": n} for kind, (right, n) in score.counts(reading).items()}
                    for reading, _ in _READINGS
                }
                if score.judged
                else None,
                "reward": score.reward,
                "components": dict(score.components),
                "right_by": score.right_by,
                "share_right": score.accuracy,
                "calibration": score.calibration.as_dict(),
                "calibration_v1_alone": score.alone.as_dict() if score.alone else None,
                "disagreements": [
                    {"question": answer.question, "response": answer.response, "expected": answer.expected,
                     "stored": answer.verdict, "reading": reading, "ours": ours, "why": why}
                    for answer, reading, ours, why in score.disagreements()
                ],
                "warnings": list(score.warnings),
            }
            for score in evaluation.scores
        ],
        "summary_differences": list(evaluation.summary_differences),
        "contamination": [asdict(one) for one in evaluation.trained],
    }  # fmt: skip


def _accuracy(scores: Sequence[SystemScore], reading: str, words: str) -> Table:
    kinds = list(dict.fromkeys(kind for score in scores for kind in score.counts(reading)))
    rows = []
    for score in scores:
        counts = score.counts(reading)
        cells = [f"{counts[kind][0]}/{counts[kind][1]}" if kind in counts else "-" for kind in kinds]
        rows.append([printable(score.system), f"{score.right(reading)}/{len(score.judged)}", *cells])
    return Table(f"Right by {reading}: {words}", ["system", "all", *map(printable, kinds)], rows)


def _rewards(scores: Sequence[SystemScore]) -> Table:
    names = list(dict.fromkeys(name for score in scores for name in score.components))
    rows = [
        [printable(score.system), str(score.n), figure(score.reward, 4), figure(score.accuracy, 4)]
        + [figure(score.components.get(name), 4) for name in names]
        for score in scores
    ]
    return Table(
        "Reward, and the mean of each component where it applies", ["system", "n", "reward", "accuracy", *names], rows
    )


def _calibration(scores: Sequence[SystemScore]) -> Table:
    header = ["system", "right is", "stating", "right", "ECE", "MCE", "Brier", "over", "under"]
    rows = []
    for score in scores:
        rows.append(_figures(printable(score.system), score.right_by, score.calibration))
        if score.alone is not None:
            rows.append(_figures(printable(score.system), BY_FACTS, score.alone))
    return Table("Calibration of stated confidence", header, rows)


def _figures(system: str, right_by: str, shown: Calibration) -> list[str]:
    values = (shown.accuracy, shown.ece, shown.mce, shown.brier, shown.overconfidence, shown.underconfidence)
    return [system, right_by, str(shown.n), *(figure(value, _DIGITS) for value in values)]


def page(title: str, scores: Sequence[SystemScore], shown: Sequence[Block]) -> str:
    """The whole page."""
    charts = [
        (
            score,
            reliability_chart(score.calibration.bins, name=f"reliability-{place}", right="right", counted="answers"),
        )
        for place, score in enumerate(scores)
        if score.calibration.n
    ]
    template = resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    facts = {"title": title, "policy": policy(""), "style": style(), "blocks": shown, "charts": charts}
    return environment().from_string(template).render(facts) + "\n"
