"""Blocks on a terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from bioreview_bench.report.blocks import Block, Facts, Notes, Table
from bioreview_bench.report.meaning import Note

_FIGURE = re.compile(r"[\[\d,.% \]-]+(MB)?$")
_STYLES = {"info": "", "warning": "red", "alarm": "bold white on red"}
_TEXT_WIDTH = 110  # of sentences, also on wide terminals
_LEAST_WIDTH = 40  # narrower terminals get lines of this width, which they wrap
_UNBOUNDED = 10_000  # nothing is cut or wrapped by rich: it gets no more than fits
_GAP = 2  # blanks between columns


def print_blocks(blocks: Sequence[Block], stream: TextIO, width: int | None = None) -> None:
    """Print a report; colours only where the stream is a terminal.

    `width` in columns; default: the terminal's, else what COLUMNS says, else 80. A wider table loses its
    spare columns, or goes on below, the first column repeated: see `fitting`.
    """
    columns = max(_LEAST_WIDTH, width or Console(file=stream).width)
    console = Console(file=stream, highlight=False, markup=False, emoji=False, width=_UNBOUNDED)
    for number, block in enumerate(blocks):
        if number:
            console.print()
        if isinstance(block, Facts):
            _print_facts(console, block, columns)
            continue
        console.print(Text(block.title, style="bold"))
        if isinstance(block, Notes):
            for note in block.notes:
                for line in _wrapped(note, columns - 2):
                    console.print(Text("  ") + line)
        else:
            for place, part in enumerate(fitting(block, columns)):
                if place:
                    console.print()
                console.print(_rich(part))


def fitting(table: Table, width: int) -> list[Table]:
    """The table in parts at most `width` wide: without its spare columns if need be, then split, each with the first.

    Only a part of two columns may be wider, where these two do not fit.
    """
    widths = {
        place: max(cell_len(cell) for cell in (name, *(row[place] for row in table.rows)))
        for place, name in enumerate(table.header)
    }

    def used(places: Sequence[int]) -> int:
        return sum(_GAP + widths[place] for place in places) - _GAP

    kept = list(widths)
    for name in table.spare:
        if used(kept) > width:
            kept.remove(table.header.index(name))
    parts = [kept[:1]]
    for place in kept[1:]:
        if len(parts[-1]) > 1 and used([*parts[-1], place]) > width:
            parts.append(kept[:1])
        parts[-1].append(place)
    return [
        Table(table.title, [table.header[at] for at in part], [[row[at] for at in part] for row in table.rows])
        for part in parts
    ]


def _print_facts(console: Console, block: Facts, columns: int) -> None:
    indent = max(len(name) for name, _ in block.rows) + 2
    for name, value in block.rows:
        lines = _wrapped(value, columns - indent) if isinstance(value, Note) else [Text(value)]
        for place, line in enumerate(lines):
            console.print(Text((name if place == 0 else "").ljust(indent), style="bold") + line)


def _wrapped(note: Note, width: int) -> list[Text]:
    lines = textwrap.wrap(note.text, min(width, _TEXT_WIDTH), break_on_hyphens=False) or [""]
    return [Text(line, style=_STYLES[note.level]) for line in lines]


def _rich(block: Table) -> RichTable:
    table = RichTable(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
    for position, name in enumerate(block.header):
        cells = [row[position] for row in block.rows]
        figures = position > 0 and all(_FIGURE.match(cell) for cell in cells)
        table.add_column(Text(name), justify="right" if figures else "left", no_wrap=True)
    for row in block.rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
