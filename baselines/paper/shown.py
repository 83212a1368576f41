"""A planned and a finished review for people and for programs. Texts of papers and of models are escaped."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bioreview_bench.errors import printable
from bioreview_bench.llm.text.fitting import Chars3
from bioreview_bench.report.blocks import DASH, Block, Facts, Notes, Table
from bioreview_bench.report.meaning import Note

from ..cli.plan import cost_line
from .made import PaperReview, caveats, concern_rows, found_line, found_rows, headline
from .run import PlannedReview


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


def review_blocks(made: PaperReview) -> list[Block]:
    """The review as blocks, for Markdown."""
    found: list[Block] = [
        Facts([("Review", Note("info", headline(made)))]),
        Table("Concerns", ("#", "severity", "category", "concern"), concern_rows(made)),
    ]
    if made.found is not None:
        found.append(Table(found_line(made.found), ("found by", "severity", "concern"), found_rows(made.found)))
        found.append(Notes("What this means", [Note("info", text) for text in caveats(made.found)]))
    return found
