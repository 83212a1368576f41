"""The human reviewers' concerns about the paper, and which of them a machine review found.

Reviews come as text, from which concerns are extracted by rules, or as a list of concerns (JSON Lines, a JSON list, or
an article with `concerns`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.curation.extraction.rules import extract_by_rules
from bioreview_bench.data.article import Article, Concern
from bioreview_bench.data.papers.read import OWN
from bioreview_bench.data.split import Split
from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES
from bioreview_bench.errors import InputError, Problem
from bioreview_bench.files.jsonl import read_rows
from bioreview_bench.files.reading import read_text
from bioreview_bench.report.meaning import validity_line, validity_of
from bioreview_bench.scoring.backends import Progress
from bioreview_bench.scoring.run import score

_MOST_BYTES = 4 * 2**20
_LONGEST = 2000  # characters of a concern
_REMEDY = "give the reviews as text with a paragraph or a number for each point, or as a JSON list of concerns"


@dataclass(frozen=True)
class HumanConcern:
    """A concern of the human reviewers, the place of the machine's concern that matches it (from 0), if one does, and
    the nearest one with its similarity."""

    text: str
    category: str | None
    severity: str | None
    found_by: int | None
    nearest: int | None
    similarity: float | None


@dataclass(frozen=True)
class Found:
    """What a machine review found of the human one. `n_figures` concerns need the figures, and are left out. `copying`
    and `stock` are what ten sentences of the paper and ten stock comments would find of the others. `caveat` says how
    far the contract's matches are the same point.
    """

    concerns: tuple[HumanConcern, ...]
    n_figures: int
    n_predictions: int
    copying: int
    stock: int
    contract: str
    signature: str
    caveat: str

    @property
    def n_found(self) -> int:
        """How many were found."""
        return sum(concern.found_by is not None for concern in self.concerns)


def read_reviews(path: Path) -> tuple[Concern, ...]:
    """The concerns in a file. Raises InputError when there are none, with every row that is no concern."""
    if path.is_file() and path.stat().st_size > _MOST_BYTES:
        raise InputError(f"{path} is larger than {_MOST_BYTES >> 20} MiB.", remedy=_REMEDY)
    text = read_text(path, InputError, _REMEDY, "utf-8-sig").replace("\r\n", "\n").strip()
    if text[:1] in ("{", "["):
        found = tuple(_concern(row, number) for number, row in enumerate(_rows(path, text), 1))
    else:
        found = extract_by_rules(Article(id=f"{OWN}:reviews", source=OWN, decision_letter_raw=text))
    if not found:
        raise InputError(f"No point of a review was found in {path}.", remedy=_REMEDY)
    return found


def compare(
    article: Article,
    concerns: Sequence[Concern],
    predicted: Sequence[Any],
    contract: str,
    encoder_path: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> Found:
    """Match the machine's concerns with the human ones under a contract. Raises as `score`."""
    reviewed = article.model_copy(update={"concerns": tuple(concerns)})
    scored = Split.of([reviewed], article.source, "reviewed")
    result = score(
        scored,
        {article.id: list(predicted)},
        contract,
        draws=0,
        controls="full",
        encoder_path=encoder_path,
        progress=progress,
    )
    pairs = {row["concern_id"]: row for row in result.pairs.to_dict("records") if row["kind"] == "reference"}
    counts = result.counts
    return Found(
        concerns=tuple(_matched(concern, pairs.get(concern.concern_id)) for concern in concerns if not concern.figure),
        n_figures=sum(concern.figure for concern in concerns),
        n_predictions=int(counts.n_pred[0]),
        copying=int(counts.echo_matched[0]),
        stock=int(counts.generic_matched[0]),
        contract=str(result.record.contract["name"]),
        signature=result.signature,
        caveat=validity_line(validity_of(result.record)),
    )


def _matched(concern: Concern, pair: Mapping[Any, Any] | None) -> HumanConcern:
    pair = pair or {}
    similarity = pair.get("best_similarity")
    return HumanConcern(
        concern.concern_text,
        concern.category,
        concern.severity,
        _place(pair.get("index")),
        _place(pair.get("best_index")),
        None if similarity is None or similarity != similarity else round(float(similarity), 4),
    )


def _place(value: Any) -> int | None:
    return None if value is None or value != value else int(value)


def _rows(path: Path, text: str) -> list[Mapping[str, Any]]:
    """The concerns of a JSON file. Raises InputError."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = [row for _, row in read_rows(path, InputError)]
    if isinstance(value, dict):
        value = value.get("concerns", [value])
    found: list[Mapping[str, Any]] = []
    problems = []
    for number, row in enumerate(value if isinstance(value, list) else [], 1):
        point = {"text": row} if isinstance(row, str) else row
        said = point.get("text", point.get("concern_text")) if isinstance(point, dict) else None
        if isinstance(row, Problem):
            problems.append(row)
        elif not isinstance(said, str) or len(said.strip()) < 10:
            problems.append(Problem(f"concern {number} has no text of at least 10 characters"))
        else:
            found.append({**point, "text": said})
    if problems:
        raise InputError(f"{path} is not a list of concerns.", problems=problems, remedy=_REMEDY)
    return found


def _concern(point: Mapping[str, Any], number: int) -> Concern:
    category, severity = point.get("category"), point.get("severity")
    text = str(point["text"]).strip()
    return Concern(
        concern_id=f"R{number}",
        concern_text=text if len(text) <= _LONGEST else _shortened(text),
        category=category if category in CATEGORIES else None,
        severity=severity if severity in SEVERITIES else None,
        requires_figure_reading=point.get("requires_figure_reading") is True,
    )


def _shortened(text: str) -> str:
    """The sentences of a long point that fit; the matcher reads no more of it than that."""
    cut = text[:_LONGEST]
    end = max((match.end() for match in re.finditer(r"[.!?](?=\s)", cut)), default=0)
    return cut[:end] if end >= 10 else cut
