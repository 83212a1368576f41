"""The page of `bench data stats`: one bar chart for each field, with its table folded below. It needs no network."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from bioreview_bench.report.blocks import Table
from bioreview_bench.report.html import environment as assets
from bioreview_bench.report.html.svg import Drawing, chart, element, joined, text, zone
from bioreview_bench.report.html.words import name

_ROW, _GAP, _LABEL, _FIGURE = 14.0, 8.0, 152.0, 56.0
_SERIES = ("s1", "s2", "s3", "s4")
_LETTERS = 21
_MOST = 24  # bars of one chart; the table has all
Rows = Sequence[tuple[str, Sequence[int]]]


def compose(data: str, facts: Table, charts: Sequence[tuple[str, Sequence[str], Rows]]) -> str:
    """The page. Names come from files and are escaped."""
    script = Markup()
    drawn = [
        {
            "title": title,
            "splits": splits,
            "chart": _bars(f"chart-{place}", title, splits, rows),
            "rows": [(name(value), [f"{count:,}" for count in counts]) for value, counts in rows],
            "left": max(0, len(rows) - _MOST),
        }
        for place, (title, splits, rows) in enumerate(charts)
    ]
    context = {
        "policy": assets.policy(script),
        "style": assets.style(),
        "data": data,
        "facts": facts,
        "charts": drawn,
        "legend": [(split, _SERIES[place % len(_SERIES)]) for place, split in enumerate(facts.header[1:])],
    }
    return assets.environment().get_template("statistics.html").render(context)


def _bars(identity: str, title: str, splits: Sequence[str], rows: Rows) -> Markup:
    shown = sorted(rows, key=lambda row: -sum(row[1]))[:_MOST] if len(rows) > _MOST else rows
    most = max((count for _, counts in shown for count in counts), default=0) or 1

    def draw(width: float) -> Drawing:
        room = width - _LABEL - _FIGURE
        parts, y = [], 0.0
        for value, counts in shown:
            parts.append(text(_LABEL - 8, y + _ROW * len(counts) / 2 + 4, _cut(value), "end"))
            for place, (split, count) in enumerate(zip(splits, counts, strict=True)):
                length = room * count / most
                top = y + _ROW * place
                series = _SERIES[place % len(_SERIES)]
                parts.append(
                    element("rect", class_=f"dot {series}", x=_LABEL, y=top + 1, width=length, height=_ROW - 2)
                )
                parts.append(text(_LABEL + length + 4, top + _ROW - 3, f"{count:,}", class_="faint"))
                parts.append(zone(_LABEL, top, room, _ROW, f"{name(value)}, {split}: {count:,}"))
            y += _ROW * len(counts) + _GAP
        return Drawing(max(y - _GAP, _ROW), joined(*parts))

    return chart(identity, title, f"Bars for each value and split; the largest is {most:,}.", draw)


def _cut(value: str) -> str:
    """A label that fits; of an address its end says more."""
    shown = name(value).replace("_", " ")
    if len(shown) <= _LETTERS:
        return shown
    return f"…{shown[1 - _LETTERS :]}" if "://" in shown else f"{shown[: _LETTERS - 1]}…"
