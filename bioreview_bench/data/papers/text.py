"""Plain text and Markdown to a Paper."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bioreview_bench.data.papers.outline import Block, assemble, heading_level
from bioreview_bench.data.papers.paper import Paper

_ATX = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_RULE = re.compile(r"(=+|-+)[ \t]*")
_BOLD_LINE = re.compile(r"(\*\*|__)([^*_\n]{1,120})\1[:.]?")
_FRONT_TITLE = re.compile(r"title:\s*(.+)", re.IGNORECASE)


def parse_text(text: str) -> Paper:
    """Paragraphs between blank lines; headings by their words. A heading may stand on a paragraph's first line."""
    blocks = []
    for paragraph in re.split(r"\n[ \t]*\n", text):
        lines = paragraph.strip("\n").split("\n")
        level = heading_level(lines[0])
        if level is not None:
            blocks.append(Block(lines.pop(0), level))
        blocks.append(Block("\n".join(lines)))
    return assemble(blocks, "text")


def is_markdown(text: str) -> bool:
    """True for a text with headings of Markdown."""
    return re.search(r"^#{1,6}[ \t]+\S", text, re.MULTILINE) is not None


def parse_markdown(text: str) -> Paper:
    """Headings by their marks; emphasis, links and pictures are plain text, and code stays as it is."""
    title, text = _front_matter(_without_comments(text))
    return assemble(_markdown_blocks(text), "markdown", title=title)


def _without_comments(text: str) -> str:
    kept, start = [], 0
    while (opened := text.find("<!--", start)) >= 0 and (closed := text.find("-->", opened + 4)) >= 0:
        kept.append(text[start:opened])
        start = closed + 3
    return "".join(kept) + text[start:]


def _front_matter(text: str) -> tuple[str, str]:
    """The title of a YAML header, and the text behind the header."""
    lines = text.lstrip("\n").split("\n")
    if lines[0].rstrip() != "---":
        return "", text
    end = next((number for number, line in enumerate(lines[1:200], 1) if line.rstrip() in ("---", "...")), None)
    if end is None:
        return "", text
    stated = next((match for line in lines[1:end] if (match := _FRONT_TITLE.match(line))), None)
    return stated[1].strip().strip("\"'") if stated else "", "\n".join(lines[end + 1 :])


def _markdown_blocks(text: str) -> Iterator[Block]:
    paragraph: list[str] = []
    fenced = False
    for line in [*text.split("\n"), ""]:
        if _FENCE.match(line):
            fenced = not fenced
            continue
        heading = None if fenced else _ATX.match(line)
        underline = _RULE.fullmatch(line) if len(paragraph) == 1 and not fenced else None
        if underline:
            yield Block(_inline(paragraph.pop()), 1 if line[0] == "=" else 2)
        elif heading or (not line.strip() and not fenced):
            yield from _paragraph(paragraph)
            paragraph = []
            if heading:
                yield Block(_inline(_without_marks(line[heading.end() :])), len(heading[1]))
        else:
            paragraph.append(line)
    yield from _paragraph(paragraph)


def _without_marks(heading: str) -> str:
    """The words of a heading, without the marks that may close it."""
    words = heading.strip(" \t")
    opened = words.rstrip("#")
    return opened.rstrip(" \t") if not opened or opened[-1] in " \t" else words


def _paragraph(lines: list[str]) -> Iterator[Block]:
    if lines:
        bold = _BOLD_LINE.fullmatch(lines[0].strip()) if len(lines) == 1 else None
        yield Block(_inline(bold[2]), 7) if bold else Block(_inline("\n".join(lines)))


def _inline(text: str) -> str:
    text = re.sub(r"!\[[^\]\n]{0,500}\]\([^)\n]{0,2000}\)", "", text)
    text = re.sub(r"\[([^\]\n]{1,500})\]\([^)\n]{0,2000}\)", r"\1", text)
    text = re.sub(r"(?<![ \t])[ \t]*\{#[^}\n]{0,100}\}", "", text)
    return re.sub(r"(\*\*\*|\*\*|\*|__|`)(?=\S)([^*`\n]{1,1000}?)(?<=\S)\1", r"\2", text)
