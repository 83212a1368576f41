"""The config of direct preference optimisation. What each key means stands in `docs/rewards.md`."""

from __future__ import annotations

from typing import Any, ClassVar

from ..config.schema import Count, DataPart, RunConfig, StartPart

LOWEST_BETA = 0.1  # of the published runs; 0.05 destroyed knowledge in them
_LOSSES = {
    "sigmoid", "sigmoid_norm", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot",
    "aot_unpaired", "apo_zero", "apo_down", "discopop", "sft",
}  # fmt: skip


class PairsPart(DataPart):
    """Which pairs. `held_out` questions (with all their pairs) are not trained on, and give the accuracy."""

    held_out: Count


class DpoConfig(RunConfig):
    """Everything that decides what is trained, and how."""

    TRL: ClassVar = ("trl.trainer.dpo_config", "DPOConfig")
    REQUIRED: ClassVar = ("beta", "max_length")
    PINNED: ClassVar[dict[str, Any]] = {
        "loss_type": ["sigmoid"],
        "label_smoothing": 0.0,
        "disable_dropout": False,  # the adapter's dropout is in the config; TRL would set it to 0
        "precompute_ref_log_probs": False,
        "f_divergence_type": "reverse_kl",
        "use_weighting": False,
        "sync_ref_model": False,
        "padding_free": False,
    }

    data: PairsPart
    start: StartPart

    @property
    def sequences(self) -> int:
        """Two for each pair."""
        return 2 * super().sequences

    def problems(self) -> list[str]:
        """What each key allows and all together do not."""
        found = super().problems()
        strange = [name for name in self.trl["loss_type"] if name not in _LOSSES]
        if strange:
            found.append(f"trl.loss_type: {', '.join(strange)} is none of {', '.join(sorted(_LOSSES))}")
        if not self.trl["beta"] > 0:
            found.append("trl.beta: must be above 0")
        return found

    def warnings(self) -> list[str]:
        """What is allowed and known to end badly."""
        if self.trl["beta"] < LOWEST_BETA:
            return [
                f"trl.beta is {self.trl['beta']:g}: below {LOWEST_BETA:g} a model may drift far from what it knew; in "
                "the published runs 0.05 destroyed knowledge."
            ]
        return []
