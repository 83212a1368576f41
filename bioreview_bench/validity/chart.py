"""A validity card as one SVG: how much is matched, how much of it rightly, and counted against judged F1."""

from __future__ import annotations

from html import escape

from bioreview_bench.results.validity import Bounded, Share, ValidityCard
from bioreview_bench.validity.report import NAMES

_WIDTH, _LEFT, _RIGHT = 760, 210, 80
_ROW, _HEAD = 26, 64
_SAME, _WRONG, _COUNTED, _JUDGED, _INK, _FAINT = "#1558a6", "#d9dce0", "#b26a00", "#1558a6", "#1b1e22", "#555c66"


def svg(card: ValidityCard) -> str:
    """The chart, on a white ground, with a title and a description for those who do not see it."""
    rates = _rates(card)
    upper = _HEAD + _ROW * len(rates) + 36
    height = upper + _HEAD + _ROW * len(card.reviewers) + 44
    name = escape(str(card.contract["name"]))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        'aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="13">',
        f'<title id="title">What contract {name} matches</title><desc id="desc">{escape(_described(card))}</desc>',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        _text(12, 24, f"What contract {name} matches", bold=True),
        _legend(44, ((_SAME, "matched, the same point"), (_WRONG, "matched, another point"))),
        *(_bar(_HEAD + _ROW * row, *line) for row, line in enumerate(rates)),
        _axis(_HEAD + _ROW * len(rates)),
        _text(12, upper + 24, "F1 as counted and as judged", bold=True),
        _legend(upper + 44, ((_COUNTED, "counted"), (_JUDGED, "judged"))),
        *(
            _dumbbell(upper + _HEAD + _ROW * row, _words(reviewer), figures.counted_f1, figures.judged_f1)
            for row, (reviewer, figures) in enumerate(card.reviewers.items())
        ),
        _axis(upper + _HEAD + _ROW * len(card.reviewers)),
        "</svg>\n",
    ]
    return "".join(parts)


def _rates(card: ValidityCard) -> list[tuple[str, Share, int | None]]:
    """(name, match rate, how many of the matches are the same point; None where nobody judged)."""
    judged = [(_words(name), row.matched, row.matched_same.n) for name, row in card.reviewers.items()]
    return [*judged, *((_words(name), row, None) for name, row in card.controls.items())]


def _bar(top: float, name: str, rate: Share, n_same: int | None) -> str:
    parts = [_text(_LEFT - 10, top + 17, name, anchor="end")]
    if rate.share is None:
        return parts[0] + _text(_LEFT + 4, top + 17, "nothing to match", faint=True)
    same = (n_same or 0) / rate.of
    parts.append(_rect(_LEFT, top + 5, _x(rate.share) - _LEFT, _WRONG))
    parts.append(_rect(_LEFT, top + 5, _x(same) - _LEFT, _SAME))
    parts.append(_whisker(top + 12, rate.interval))
    shown = f"{rate.n} of {rate.of}"
    parts.append(_text(_WIDTH - _RIGHT + 8, top + 17, shown, faint=True))
    return "".join(parts)


def _dumbbell(top: float, name: str, counted: Bounded, judged: Bounded) -> str:
    parts = [_text(_LEFT - 10, top + 17, name, anchor="end")]
    if counted.value is not None and judged.value is not None:
        a, b = _x(counted.value), _x(judged.value)
        parts.append(f'<line x1="{a}" x2="{b}" y1="{top + 13}" y2="{top + 13}" stroke="{_WRONG}" stroke-width="3"/>')
    for value, colour in ((counted.value, _COUNTED), (judged.value, _JUDGED)):
        if value is not None:
            parts.append(f'<circle cx="{_x(value)}" cy="{top + 13}" r="5" fill="{colour}"/>')
    return "".join(parts)


def _axis(top: float) -> str:
    parts = [f'<line x1="{_LEFT}" x2="{_x(1)}" y1="{top + 2}" y2="{top + 2}" stroke="{_FAINT}"/>']
    parts += [_text(_x(tick), top + 19, f"{tick:g}", anchor="middle", faint=True) for tick in (0, 0.25, 0.5, 0.75, 1)]
    return "".join(parts)


def _legend(y: float, entries: tuple[tuple[str, str], ...]) -> str:
    return "".join(
        _rect(_LEFT + 190 * place, y - 10, 12, colour, 12) + _text(_LEFT + 190 * place + 18, y, words, faint=True)
        for place, (colour, words) in enumerate(entries)
    )


def _whisker(y: float, bounds: tuple[float, float] | None) -> str:
    if bounds is None:
        return ""
    low, high = _x(bounds[0]), _x(bounds[1])
    return f'<line x1="{low}" x2="{high}" y1="{y}" y2="{y}" stroke="{_INK}" stroke-width="1.5"/>'


def _rect(x: float, y: float, width: float, colour: str, height: float = 14) -> str:
    return f'<rect x="{x}" y="{y}" width="{width:.1f}" height="{height}" fill="{colour}"/>'


def _text(x: float, y: float, words: str, *, anchor: str = "start", bold: bool = False, faint: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    fill = _FAINT if faint else _INK
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{fill}"{weight}>{escape(words)}</text>'


def _x(share: float) -> float:
    return round(_LEFT + share * (_WIDTH - _RIGHT - _LEFT), 1)


def _words(name: str) -> str:
    return NAMES.get(name, name.replace("_", " "))[:28]


def _described(card: ValidityCard) -> str:
    rates = [
        f"{name}: {rate.n} of {rate.of} matched" + ("" if same is None else f", {same} of them the same point")
        for name, rate, same in _rates(card)
    ]
    return "; ".join(rates) + "."
