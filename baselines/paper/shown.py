"""A planned and a finished review for people and for programs. Texts of papers and of models are escaped."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from bioreview_bench.errors import printable
from bioreview_bench.llm.calls.prices import dollars
from bioreview_bench.llm.text.fitting import Chars3
from bioreview_bench.report.blocks import DASH, Block, Facts, Notes, Table
from bioreview_bench.report.meaning import Note

from ..cli.plan import cost_line
from .review import PaperReview
from .reviews import Found
from .run import PlannedReview

_LONGEST = 4000  # characters of a text that is shown
_NO_LABEL = "-"


def plan_blocks(planned: PlannedReview) -> list[Block]:
    """What would be sent, section by section, and what it costs at most."""
    paper, counts = planned.paper, planned.counts
    rows = [
        (printable(part.heading, 60), f"{part.words:,}", DASH if part.tokens is None else f"{part.tokens:,}", part.fate)
        for part in planned.sections()
    ]
    facts = [
        *_cost(planned),
        ("Reviewer", printable(planned.prepared.reviewer.name)),
        ("Paper", Note("info", printable(paper.title, 300) or "no title was found")),
        ("Read as", f"{paper.form}, {paper.n_words:,} words, {len(paper.references):,} references (not sent)"),
    ]
    notes = [Note("info", f"{printable(note, 200)}.") for note in paper.notes]
    found: list[Block] = [Facts(facts), Table("Sections", ("section", "words", "tokens", ""), rows)]
    if counts["articles_cut"]:
        budget = f"The paper is cut to its budget, by {counts['tokens_cut']:,} tokens; --budget N changes it."
        notes.insert(0, Note("warning", budget))
    return [*found, Notes("Notes", notes)] if notes else found


def _cost(planned: PlannedReview) -> list[tuple[str, str | Note]]:
    counts = planned.counts
    if planned.row is not None:
        return [("Cost", Note("info", f"nothing more: {planned.out} has the answer"))]
    if counts["token_counter"] is None:
        return [("Cost", "nothing: it is sent to no model")]
    estimate = ", an estimate" if counts["token_counter"] == Chars3().name else ""
    return [
        ("Cost", Note("info", cost_line(counts) if planned.leaves else "nothing: the model runs here")),
        ("Tokens", f"{counts['input_tokens']:,} of prompt by the counter {counts['token_counter']}{estimate}"),
    ]


def plan_json(planned: PlannedReview) -> dict[str, Any]:
    """The plan as plain values."""
    return {**_paper_json(planned), **planned.counts, "leaves_this_machine": planned.leaves and planned.row is None}


def _paper_json(planned: PlannedReview) -> dict[str, Any]:
    paper = planned.paper
    return {
        "paper": {
            "file": str(planned.path),
            "form": paper.form,
            "title": paper.title,
            "doi": paper.doi,
            "words": paper.n_words,
            "references": len(paper.references),
            "sections": [asdict(part) for part in planned.sections()],
            "notes": list(paper.notes),
        }
    }


def review_json(planned: PlannedReview, made: PaperReview) -> dict[str, Any]:
    """The review as plain values."""
    return {
        **_paper_json(planned),
        "reviewer": made.reviewer,
        "status": made.status,
        "concerns": [dict(concern) for concern in made.concerns],
        "usage": dict(made.usage),
        "price_date": made.price_date,
        "folder": str(made.folder),
        "reviews": None if made.found is None else {"n_found": made.found.n_found, **asdict(made.found)},
    }


def review_text(made: PaperReview, width: int) -> str:
    """The review for a terminal of `width` columns."""
    lines = [_headline(made), ""]
    rows = [
        (str(number), _label(concern, "severity"), _label(concern, "category"), _shown(concern["text"]))
        for number, concern in enumerate(made.concerns, 1)
    ]
    lines += _listed(("#", "severity", "category", "concern"), rows, width)
    if made.found is not None:
        lines += ["", _found_line(made.found), ""]
        lines += _listed(("found by", "severity", "concern of the reviewers"), _found_rows(made.found), width)
        lines += ["", *(line for text in _caveats(made.found) for line in textwrap.wrap(text, width))]
    return "\n".join(lines)


def review_blocks(made: PaperReview) -> list[Block]:
    """The review as blocks, for Markdown."""
    rows = [
        (str(number), _label(concern, "severity"), _label(concern, "category"), _shown(concern["text"]))
        for number, concern in enumerate(made.concerns, 1)
    ]
    found: list[Block] = [
        Facts([("Review", Note("info", _headline(made)))]),
        Table("Concerns", ("#", "severity", "category", "concern"), rows),
    ]
    if made.found is not None:
        found.append(Table(_found_line(made.found), ("found by", "severity", "concern"), _found_rows(made.found)))
        found.append(Notes("What this means", [Note("info", text) for text in _caveats(made.found)]))
    return found


def _headline(made: PaperReview) -> str:
    n = len(made.concerns)
    cost = "" if made.cost_usd is None else f", {dollars(made.cost_usd, made.price_date)}"
    status = "" if made.status == "ok" else f" ({made.status})"
    title = printable(made.title, 80) or "the paper"
    return f'{printable(made.reviewer)} raises {n} concern{"s" * (n != 1)} about "{title}"{status}{cost}.'


def _found_line(found: Found) -> str:
    return f"Found {found.n_found} of the {len(found.concerns)} concerns of the human reviewers"


def _found_rows(found: Found) -> list[tuple[str, ...]]:
    return [
        (
            "-" if concern.found_by is None else f"#{concern.found_by + 1}",
            concern.severity or _NO_LABEL,
            _shown(concern.text),
        )
        for concern in found.concerns
    ]


def _caveats(found: Found) -> list[str]:
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
    told = [0, *(at for at in range(1, len(header)) if any(row[at] != _NO_LABEL for row in listed[1:]))]
    listed = [[row[at] for at in told] for row in listed]
    header = listed[0]
    widths = [max(len(row[place]) for row in listed) for place in range(len(header) - 1)]
    indent = sum(widths) + 2 * len(widths)
    lines = []
    for row in listed:
        first = "".join(f"{cell:<{size}}  " for cell, size in zip(row[:-1], widths, strict=True))
        wrapped = textwrap.wrap(row[-1], max(30, width - indent), break_on_hyphens=False) or [""]
        lines += [f"{first}{wrapped[0]}".rstrip(), *(" " * indent + line for line in wrapped[1:])]
    return [lines[0], "\u2500" * min(width, max(map(len, lines))), *lines[1:]]
