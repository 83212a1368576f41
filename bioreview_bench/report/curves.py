"""Trade-off curves of a calibration: table, sparklines on a terminal, SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from bioreview_bench.report.blocks import DASH, Block, Notes, Table, figure
from bioreview_bench.report.conclusions import calibrated
from bioreview_bench.report.meaning import Note
from bioreview_bench.scoring.calibration import LIMIT, LIMITED, THRESHOLDS, Curve, rule

_BARS = " ▁▂▃▄▅▆▇█"
_COLOURS = ("#b3261e", "#b26a00", "#6b4fa0", "#1b6e4b", "#1558a6", "#5f6368")
_WIDTH, _HEIGHT, _MARGIN = 640, 320, 48


def blocks(curves: Sequence[Curve]) -> list[Block]:
    """Operating points in one table, then table and chart of the whole curve for each transform."""
    names = list(curves[0].match_rate)
    rows = []
    for curve in curves:
        at = curve.operating
        rows.append(
            [
                curve.transform,
                *([DASH] * (len(names) + 1) if at is None else [f"{THRESHOLDS[at]:.2f}", *_row(curve, at)]),
            ]
        )
    said = f"Limited: {rule(curves[0].limits)}. Figures are match rates; of followed files, recall."
    found: list[Block] = [
        Table("Operating points", ["transform", "threshold", *names], rows),
        Notes("Rule", [Note("info", said), Note("info", f"Echo could make {curves[0].echo_slots} matches.")]),
    ]
    for curve in curves:
        found += [_curve(curve, names), _sparklines(curve, names)]
    found.append(Notes("Conclusion", [calibrated(curve) for curve in curves]))
    return found


def points(curve: Curve) -> dict[str, Any]:
    """A curve for machines."""
    return {
        "transform": curve.transform,
        "thresholds": list(THRESHOLDS),
        "match_rate": {name: rates.tolist() for name, rates in curve.match_rate.items()},
        "recall": {name: rates.tolist() for name, rates in curve.recall.items()},
        "limited": list(LIMITED),
        "limit": LIMIT,
        "limits": dict(curve.limits),
        "threshold": None if curve.operating is None else THRESHOLDS[curve.operating],
        "echo_slots": curve.echo_slots,
    }


def svg(curves: Sequence[Curve]) -> str:
    """Match rates against threshold, one panel for each transform, with limit and operating point drawn in."""
    total = _HEIGHT * len(curves)
    panels = "".join(_panel(curve, number * _HEIGHT) for number, curve in enumerate(curves))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {total}" role="img" '
        'font-family="system-ui, sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{panels}</svg>\n'
    )


def _row(curve: Curve, at: int) -> list[str]:
    return [
        figure((rates if name in curve.limits else curve.recall[name])[at]) for name, rates in curve.match_rate.items()
    ]


def _curve(curve: Curve, names: Sequence[str]) -> Table:
    shown = sorted({*range(0, len(THRESHOLDS), 5), *([] if curve.operating is None else [curve.operating])})
    rows = [[f"{THRESHOLDS[at]:.2f}{' <' if at == curve.operating else ''}", *_row(curve, at)] for at in shown]
    return Table(f"Curve of {curve.transform}", ["threshold", *names], rows)


def _sparklines(curve: Curve, names: Sequence[str]) -> Table:
    """A line of bars for each name, every second threshold."""
    shown = range(0, len(THRESHOLDS), 2)
    rows = [[name, "".join(_BARS[round(curve.match_rate[name][at] * 8)] for at in shown)] for name in names]
    scale = f"{THRESHOLDS[0]:<{len(shown) - 4}.2f}{THRESHOLDS[-1]:.2f}"
    return Table(f"Match rates of {curve.transform} against threshold", ["", scale], rows)


def _panel(curve: Curve, top: int) -> str:
    parts = [f'<text x="{_MARGIN}" y="{top + 20}" font-weight="600">{escape(curve.transform)}</text>']
    for tick in (0, 0.25, 0.5, 0.75, 1):
        y = _y(tick, top)
        parts.append(f'<line x1="{_MARGIN}" x2="{_WIDTH - 150}" y1="{y}" y2="{y}" stroke="#e3e5e8"/>')
        parts.append(f'<text x="{_MARGIN - 8}" y="{y + 4}" text-anchor="end" fill="#444">{tick:g}</text>')
    for threshold in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        parts.append(
            f'<text x="{_x(threshold)}" y="{top + _HEIGHT - _MARGIN + 18}" text-anchor="middle" fill="#444">'
            f"{threshold}</text>"
        )
    for limit in sorted({_y(value, top) for value in curve.limits.values()}):
        parts.append(
            f'<line x1="{_MARGIN}" x2="{_WIDTH - 150}" y1="{limit}" y2="{limit}" stroke="#111" stroke-dasharray="4 4"/>'
        )
    if curve.operating is not None:
        x = _x(THRESHOLDS[curve.operating])
        parts.append(
            f'<line x1="{x}" x2="{x}" y1="{_y(1, top)}" y2="{_y(0, top)}" stroke="#111" stroke-dasharray="2 3"/>'
        )
    for number, (name, rates) in enumerate(curve.match_rate.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        line = " ".join(
            f"{_x(threshold)},{_y(rate, top)}" for threshold, rate in zip(THRESHOLDS, rates.tolist(), strict=True)
        )
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = top + 40 + 18 * number
        parts.append(f'<rect x="{_WIDTH - 140}" y="{y - 9}" width="14" height="4" fill="{colour}"/>')
        parts.append(f'<text x="{_WIDTH - 120}" y="{y}">{escape(name)}</text>')
    return "".join(parts)


def _x(threshold: float) -> float:
    low, high = THRESHOLDS[0], THRESHOLDS[-1]
    return round(_MARGIN + (threshold - low) / (high - low) * (_WIDTH - 150 - _MARGIN), 1)


def _y(rate: float, top: int) -> float:
    return round(top + _HEIGHT - _MARGIN - rate * (_HEIGHT - _MARGIN - 36), 1)
