"""The rows of a run's predictions.jsonl. A row without concerns always says why in its `detail`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from bioreview_bench.data.predictions import check_row
from bioreview_bench.errors import printable
from bioreview_bench.files.jsonl import clean
from bioreview_bench.llm.review import Review
from bioreview_bench.llm.text.thoughts import says_nothing

# What rows say that hold no answer, or an answer without concerns, when nobody said more.
FAILURES: Mapping[str, str] = {
    "error": "the reviewer failed and gave no reason",
    "refused": "the model refused",
    "parse_failed": "no concern could be read from the answer",
    "empty": "the answer contains no concern",
}
_CUT = (
    "the answer was cut at the limit on output before its first whole concern: raise max_tokens "
    "(max_new_tokens of hf:MODEL) with --param"
)


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
    return with_reason(row)


def with_reason(row: dict[str, Any]) -> dict[str, Any]:
    """The row, with a `detail` where it failed and has none."""
    said = row.get("detail")
    if row["status"] not in FAILURES or (isinstance(said, str) and said.strip()):
        return row
    notes, raw = row.get("notes"), row.get("raw_output")
    reason = FAILURES[row["status"]]
    if row["status"] == "parse_failed" and isinstance(notes, Mapping) and notes.get("output_cut"):
        reason = _CUT
    elif isinstance(raw, str):
        text = " ".join(raw.split())
        reason += f": {printable(text, 100)}" if text else ": the answer is empty"
    return {**row, "detail": reason}


def is_answer(row: Mapping[str, Any]) -> bool:
    """True for a row that was read from a model's text, and so can be read again: no service refused it."""
    raw = row.get("raw_output")
    if not isinstance(raw, str) or says_nothing(raw):
        return False
    said, status = row.get("detail"), row.get("status")
    if said is None or status in ("parse_failed", "empty"):
        return True
    return status == "refused" and said == with_reason({**row, "detail": None})["detail"]


def kind_of_reason(said: str) -> str:
    """What details that differ in a number or in a quoted answer have in common."""
    quoted = next((text for text in FAILURES.values() if said.startswith(text)), None)
    return quoted or re.sub(r"\w*\d\w*", "#", said)


def encode_row(row: Mapping[str, Any]) -> bytes:
    """One line of the file, with its newline."""
    return json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n"
