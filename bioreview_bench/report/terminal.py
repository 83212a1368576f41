"""Blocks on a terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from bioreview_bench.report.blocks import Block, Facts, Notes, Table

_FIGURE = re.compile(r"[\[\d,.% \]-]+(MB)?$")
_STYLES = {"info": "", "warning": "red", "alarm": "bold white on red"}
_TEXT_WIDTH = 110  # of sentences, also on wide terminals
_UNBOUNDED = 10_000  # tables take the width they need: a figure cut short is worse than a wrapped line


def print_blocks(blocks: Sequence[Block], stream: TextIO) -> None:
    """Print a report; colours only where the stream is a terminal."""
    probe = Console(file=stream)
    text_width = min(_TEXT_WIDTH, probe.width) if probe.is_terminal else _TEXT_WIDTH
    console = Console(file=stream, highlight=False, markup=False, emoji=False, width=_UNBOUNDED)
    for block in blocks:
        if isinstance(block, Facts):
            width = max(len(name) for name, _ in block.rows)
            for name, value in block.rows:
                console.print(Text(name.ljust(width + 2), style="bold") + Text(value))
            continue
        console.print()
        console.print(Text(block.title, style="bold"))
        if isinstance(block, Notes):
            for note in block.notes:
                for line in textwrap.wrap(note.text, text_width - 4, drop_whitespace=False) or [""]:
                    console.print(Text("  ") + Text(line, style=_STYLES[note.level]))
        else:
            console.print(_rich(block))


def _rich(block: Table) -> RichTable:
    table = RichTable(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 1))
    for position, name in enumerate(block.header):
        cells = [row[position] for row in block.rows]
        figures = position > 0 and all(_FIGURE.match(cell) for cell in cells)
        table.add_column(Text(name), justify="right" if figures else "left", no_wrap=True)
    for row in block.rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
