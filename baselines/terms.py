"""Words of a paper or a concern, as the lexical reviewers see them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

_WORD = re.compile(r"[A-Za-z0-9]+")
_SHORTEST = 3  # characters


def tokens(text: str, stop_words: Collection[str]) -> list[str]:
    """Runs of ASCII letters and digits, lower-cased, of at least three characters, without `stop_words`."""
    words = (word.lower() for word in _WORD.findall(text))
    return [word for word in words if len(word) >= _SHORTEST and word not in stop_words]


def paper_text(title: str | None, abstract: str | None, sections: Mapping[str, str], limit: int) -> str:
    """Title, abstract and section texts (not their headings) in file order, one a line, cut at `limit` characters."""
    return "\n".join([title or "", abstract or "", *sections.values()])[:limit]
