"""The reward of an answer: the verifiers that a row names, composed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bioreview_bench.errors import InputError, printable

from ..rewards.composer import Composed, RewardComposer
from .prompt import content
from .v1_facts import v1_facts
from .v2_pathway import v2_pathway
from .v3_consistency import v3_consistency
from .v4_uncertainty import MODES, v4_legacy, v4_match_v1

VERIFIERS = ("V1", "V2", "V3", "V4")


class QaReward:
    """Scores answers. `v4_mode` is `match_v1` or `legacy`. Raises InputError for another mode or component."""

    def __init__(self, composer: RewardComposer, v4_mode: str = "match_v1") -> None:
        if v4_mode not in MODES:
            raise InputError(f'There is no V4 mode "{printable(v4_mode)}".', remedy=f"use {' or '.join(MODES)}")
        unknown = sorted(set(composer.weights) - set(VERIFIERS))
        if unknown:
            raise InputError(f"There is no verifier {', '.join(unknown)}.", remedy=f"use {', '.join(VERIFIERS)}")
        self._composer = composer
        self._mode = v4_mode

    def score(self, row: Mapping[str, Any], answer: str) -> Composed:
        """`row` is a line of the question files: `question`, `truth` and `verifiers`. Only those verifiers apply."""
        # With the instruction that comes with it: its "cannot answer" is as little an answer as the question's words.
        question, truth, applied = content(row["question"]), row["truth"], row["verifiers"]
        v1 = v1_facts(question, answer, truth)
        values: dict[str, float | None] = {
            "V1": v1,
            "V2": v2_pathway(question, answer, truth),
            "V3": v3_consistency(question, answer, truth),
            "V4": v4_legacy(answer, truth) if self._mode == "legacy" else v4_match_v1(answer, v1),
        }
        return self._composer.score(
            {name: values[name] if name in applied else None for name in VERIFIERS if name in self._composer.weights}
        )
