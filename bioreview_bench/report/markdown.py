"""Blocks as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bioreview_bench.report.blocks import Block, Facts, Notes


def to_markdown(blocks: list[Block]) -> str:
    """A report as Markdown; what came from files or flags is escaped."""
    parts = ["# bioreview-bench"]
    for block in blocks:
        if isinstance(block, Facts):
            parts.append("\n".join(f"- **{name}**: {_escape(value)}" for name, value in block.rows))
        elif isinstance(block, Notes):
            lines = [
                f"- **{_escape(note.text)}**" if note.level != "info" else f"- {_escape(note.text)}"
                for note in block.notes
            ]
            parts.append(f"## {block.title}\n\n" + "\n".join(lines))
        else:
            rule = [":--", *("--:" for _ in block.header[1:])]
            rows = [block.header, rule, *([_escape(cell) for cell in row] for row in block.rows)]
            parts.append(f"## {block.title}\n\n" + "\n".join(_row(row) for row in rows))
    return "\n\n".join(parts) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escape(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", text)
