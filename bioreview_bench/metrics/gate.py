"""The gate of the predecessor board, shown for continuity."""

from __future__ import annotations

from typing import Any

GATE_F1 = 0.58
GATE_RECALL = 0.45


def gate(f1: float | None, recall: float | None, saturated: bool) -> dict[str, Any]:
    """Whether `f1 >= 0.58` or `recall >= 0.45`; under a saturated contract passing says nothing."""
    passed = (f1 is not None and f1 >= GATE_F1) or (recall is not None and recall >= GATE_RECALL)
    return {"f1_min": GATE_F1, "recall_min": GATE_RECALL, "passed": passed, "informative": not saturated}
