"""Blocks on a terminal."""

from __future__ import annotations

import re
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from bioreview_bench.report.blocks import Block, Facts, Notes, Table

_FIGURE = re.compile(r"[\[\d,.% \]-]+(MB)?$")
_STYLES = {"info": "", "warning": "red", "alarm": "bold white on red"}
_WIDTH_OF_FILES = 110  # when the output is no terminal


def print_blocks(blocks: list[Block], stream: TextIO) -> None:
    """Print a report; colours only where the stream is a terminal."""
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console = Console(file=stream, highlight=False, markup=False, emoji=False, width=_WIDTH_OF_FILES)
    for block in blocks:
        if isinstance(block, Facts):
            width = max(len(name) for name, _ in block.rows)
            for name, value in block.rows:
                console.print(Text(name.ljust(width + 2), style="bold") + Text(value), soft_wrap=True)
        elif isinstance(block, Notes):
            console.print()
            console.print(Text(block.title, style="bold"))
            for note in block.notes:
                console.print(Text("  ") + Text(note.text, style=_STYLES[note.level]))
        else:
            console.print()
            console.print(Text(block.title, style="bold"))
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
