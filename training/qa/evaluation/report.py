"""The report on answers, as blocks for a terminal or Markdown, and as plain values.

A self-contained page with the reliability chart of each system; nothing is loaded from elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from bioreview_bench.errors import printable
from bioreview_bench.report.blocks import Block, Notes, Table, figure
from bioreview_bench.report.html.charts.reliability import reliability_chart
from bioreview_bench.report.html.environment import policy, style
from bioreview_bench.report.html.svg import element, joined
from bioreview_bench.report.meaning import Note

from ..calibration import Calibration
from .scoring import BY_FACTS, Evaluation, SystemScore

_DIGITS = 5
_READINGS = (
    ("mention", "the expected words stand in the answer"),
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
        "contamination": [
            {"file": one.path.name, "n_questions": one.n_questions, "n_verbatim": one.n_verbatim,
             "n_normalised": one.n_normalised, "n_rows": one.n_rows, "n_duplicates": one.n_duplicates}
            for one in evaluation.trained
        ],
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
    figures = [
        element(
            "figure",
            element("figcaption", element("h3", score.system), element("p", f"Right is: {score.right_by}.")),
            reliability_chart(score.calibration.bins, name=f"reliability-{number}", right="right", counted="answers"),
            class_="panel",
        )
        for number, score in enumerate(scores)
        if score.calibration.n
    ]
    parts = (
        [element("section", element("h2", "Reliability"), element("div", *figures, class_="grid"))] if figures else []
    )
    body = element("main", element("header", element("h1", title)), *map(_block, shown), *parts)
    head = Markup(
        '<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{}</title><style>{}</style>'
    ).format(policy(""), title, style())
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>{body}</body>\n</html>\n'


def _block(block: Block) -> Markup:
    if isinstance(block, Table):
        head = element("tr", *(element("th", cell, scope="col") for cell in block.header))
        rows = [
            element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:]))
            for row in block.rows
        ]
        inner = element("div", element("table", element("thead", head), element("tbody", *rows)), class_="scroll")
        return element("section", element("h2", block.title), inner)
    if isinstance(block, Notes):
        notes = [element("p", note.text, class_="warning" if note.level == "warning" else None) for note in block.notes]
        return element("section", element("h2", block.title), element("div", *notes, class_="notes"))
    return element("dl", *(joined(element("dt", name), element("dd", value)) for name, value in block.rows))
