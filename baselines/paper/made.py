"""A finished review: what a reviewer wrote about a paper, and how it is printed. Texts of models are escaped."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.errors import printable
from bioreview_bench.llm.calls.prices import dollars

from .reviews import Found

_LONGEST = 4000  # characters of a text that is shown
_NO_LABEL = "-"


@dataclass(frozen=True)
class PaperReview:
    """What a reviewer wrote about a paper. `concerns` are dicts with `text` and, where the reviewer stated them,
    `category`, `severity`, `confidence`; `cost_usd` is None where no price is known, `found` where no human reviews
    were given. `folder` holds the answer."""

    title: str
    reviewer: str
    status: str
    concerns: tuple[Mapping[str, Any], ...]
    usage: Mapping[str, Any]
    price_date: str | None
    folder: Path
    found: Found | None = None

    @property
    def cost_usd(self) -> float | None:
        """What the answer cost."""
        cost = self.usage.get("cost_usd")
        return None if cost is None else float(cost)

    def __str__(self) -> str:
        return review_text(self, 80)


def review_text(made: PaperReview, width: int) -> str:
    """The review for a terminal of `width` columns."""
    lines = [headline(made), ""]
    lines += _listed(("#", "severity", "category", "concern"), concern_rows(made), width)
    if made.found is not None:
        lines += ["", found_line(made.found), ""]
        lines += _listed(("found by", "severity", "concern of the reviewers"), found_rows(made.found), width)
        lines += ["", *(line for text in caveats(made.found) for line in textwrap.wrap(text, width))]
    return "\n".join(lines)


def concern_rows(made: PaperReview) -> list[tuple[str, str, str, str]]:
    """Number, severity, category and text of every concern."""
    return [
        (str(number), _label(concern, "severity"), _label(concern, "category"), _shown(concern["text"]))
        for number, concern in enumerate(made.concerns, 1)
    ]


def headline(made: PaperReview) -> str:
    """Who raised how many concerns about what, at what cost."""
    n = len(made.concerns)
    cost = "" if made.cost_usd is None else f", {dollars(made.cost_usd, made.price_date)}"
    status = "" if made.status == "ok" else f" ({made.status})"
    title = printable(made.title, 80) or "the paper"
    return f'{printable(made.reviewer)} raises {n} concern{"s" * (n != 1)} about "{title}"{status}{cost}.'


def found_line(found: Found) -> str:
    """How many of the human concerns were found."""
    left_out = f" ({found.n_figures} that need the figures are left out)" if found.n_figures else ""
    return f"Found {found.n_found} of the {len(found.concerns)} concerns of the human reviewers{left_out}"


def found_rows(found: Found) -> list[tuple[str, ...]]:
    """Every human concern, after the number of the concern that matches it."""
    return [
        (
            "-" if concern.found_by is None else f"#{concern.found_by + 1}",
            concern.severity or _NO_LABEL,
            _shown(concern.text),
        )
        for concern in found.concerns
    ]


def caveats(found: Found) -> list[str]:
    """What the controls would find, and how far the contract can be trusted."""
    n = len(found.concerns)
    return [
        f"Ten sentences copied from the paper would find {found.copying} of the {n}, ten stock comments {found.stock}.",
        f"Contract {printable(found.contract)}. {found.caveat}",
    ]


def _label(concern: Any, name: str) -> str:
    value = concern.get(name)
    return printable(value, 30) if isinstance(value, str) and value else _NO_LABEL


def _shown(text: object) -> str:
    return printable(" ".join(str(text).split()), _LONGEST)


def _listed(header: Sequence[str], rows: Iterable[Sequence[str]], width: int) -> list[str]:
    """Columns of which the last holds text, which is wrapped; labels that nothing has are left out."""
    listed = [header, *rows]
    kept = [0, *(at for at in range(1, len(header)) if any(row[at] != _NO_LABEL for row in listed[1:]))]
    listed = [[row[at] for at in kept] for row in listed]
    header = listed[0]
    widths = [max(len(row[place]) for row in listed) for place in range(len(header) - 1)]
    indent = sum(widths) + 2 * len(widths)
    lines = []
    for row in listed:
        first = "".join(f"{cell:<{size}}  " for cell, size in zip(row[:-1], widths, strict=True))
        wrapped = textwrap.wrap(row[-1], max(30, width - indent), break_on_hyphens=False) or [""]
        lines += [f"{first}{wrapped[0]}".rstrip(), *(" " * indent + line for line in wrapped[1:])]
    return [lines[0], "\u2500" * min(width, max(map(len, lines))), *lines[1:]]
