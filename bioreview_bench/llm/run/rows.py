"""Rows of a run: how a review becomes a line, and how a line that was cut while it was written is repaired."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bioreview_bench.data.predictions import check_row
from bioreview_bench.errors import cannot_write
from bioreview_bench.files.jsonl import clean, parse_object
from bioreview_bench.llm.review import Review


def make_row(article_id: str, review: Review, seconds: float | None, attempts: int) -> dict[str, Any]:
    """The row of a review. One that no predictions file may hold becomes a row with status error."""
    usage = review.usage
    row: dict[str, Any] = {
        "article_id": article_id,
        "status": review.status,
        "concerns": [dict(concern) if isinstance(concern, Mapping) else concern for concern in review.concerns],
        "raw_output": review.raw_output,
        "usage": {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cost_usd": usage.cost_usd,
        },
        "seconds": None if seconds is None else round(seconds, 3),
        "attempts": attempts,
        "detail": review.detail,
        "notes": None if review.notes is None else dict(review.notes),
    }
    row = clean(row)
    _, problems = check_row(row, None)
    if problems:
        reasons = "; ".join(problem.message for problem in problems[:3])
        row |= {"status": "error", "concerns": [], "detail": f"the reviewer returned no valid row: {reasons}"}
    return row


def encode(row: Mapping[str, Any]) -> bytes:
    """One line of the file, with its newline."""
    return json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def repair_tail(path: Path) -> int:
    """Repair a last line that was cut while it was written; returns the number of bytes removed."""
    try:
        with path.open("r+b") as stream:
            end = stream.seek(0, os.SEEK_END)
            start, tail = end, b""
            while start > 0 and b"\n" not in tail:
                step = min(start, 1 << 16)
                start = stream.seek(start - step)
                tail = stream.read(step) + tail
                stream.seek(start)
            tail = tail.rpartition(b"\n")[2]
            if not tail:
                return 0
            if _is_row(tail):  # only the newline is missing
                stream.seek(0, os.SEEK_END)
                stream.write(b"\n")
                removed = 0
            else:
                stream.truncate(end - len(tail))
                removed = len(tail)
            stream.flush()
            os.fsync(stream.fileno())
            return removed
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise cannot_write(path, error) from error


def _is_row(raw: bytes) -> bool:
    try:
        return not check_row(parse_object(raw.decode()), None)[1]
    except ValueError:
        return False
