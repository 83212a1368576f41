"""The config of supervised fine-tuning. What each key means stands in `docs/training.md`."""

from __future__ import annotations

from typing import Any, ClassVar

from ..config.schema import Count, DataPart, RunConfig, System


class CorpusPart(DataPart):
    """A corpus, how it asks, and how many of its val examples (chosen by the seed) are evaluated on; null for none."""

    thinking: bool
    system: System
    eval_examples: Count | None


class SftConfig(RunConfig):
    """Everything that decides what is trained, and how."""

    TRL: ClassVar = ("trl.trainer.sft_config", "SFTConfig")
    REQUIRED: ClassVar = ("max_length",)
    PINNED: ClassVar[dict[str, Any]] = {
        "packing": False,
        "packing_strategy": "bfd",
        "eval_packing": False,
        "padding_free": False,
        "shuffle_dataset": False,
        "loss_type": "nll",
    }

    data: CorpusPart

    def derived(self) -> dict[str, Any]:
        """The loss lies on the answers, and TRL prepares nothing but packs."""
        kept = None if self.trl["packing"] else {"skip_prepare_dataset": True}
        return {**super().derived(), "completion_only_loss": True, "dataset_kwargs": kept}

    def problems(self) -> list[str]:
        """What each key allows and all together do not."""
        found = super().problems()
        joined = [name for name in ("packing", "padding_free") if self.trl[name]]
        if joined and "flash" not in self.model.attention:
            found.append(
                f"trl.{joined[0]}: needs model.attention: flash_attention_2; with others packed papers would read "
                "each other"
            )
        if self.trl["loss_type"] not in ("nll", "dft"):
            found.append("trl.loss_type: is nll or dft")
        if (self.trl["eval_strategy"] == "no") != (self.data.eval_examples is None):
            found.append("trl.eval_strategy and data.eval_examples go together: steps and a number, or no and null")
        return found
