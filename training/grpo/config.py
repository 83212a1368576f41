"""The config of group relative policy optimisation. What each key means stands in `docs/rewards.md`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from ..config.schema import Count, DataPart, Name, Part, RunConfig, StartPart, System

_Weight = Annotated[float, Field(ge=0)]
_Record = Literal["V1", "V2", "V3", "V4"]  # as published records call them
_Verifier = Literal["facts", "pathway_direction", "consistency", "uncertainty"]
_Component = Literal["groundedness", "coverage", "form", "confidence"]
_LOSSES = ("grpo", "bnpo", "dr_grpo", "dapo", "cispo", "luspo", "sapo", "vespo")


class QuestionsPart(DataPart):
    """Questions with ground truth. Of the tissues in `hold_out` no question may be trained on.

    `max_prompt` is in tokens; a longer prompt is an error.
    """

    kind: Literal["qa"]
    max_prompt: Count
    hold_out: list[Name]


class ArticlesPart(DataPart):
    """A corpus of train articles, whose prompts are asked; its answers are not looked at."""

    kind: Literal["review"]
    max_prompt: Count
    thinking: bool
    system: System


class QaRewardPart(Part):
    """Rewards of an answer to a question."""

    kind: Literal["qa"]
    weights: dict[_Verifier | _Record, _Weight]
    v4_mode: Literal["match_v1", "legacy"]


class ReviewRewardPart(Part):
    """Rewards of a review: `data` has the train split that the corpus was made from, `contract` compares, and must
    compare otherwise than `board` does."""

    kind: Literal["review"]
    weights: dict[_Component | _Record, _Weight]
    data: Name
    contract: Name
    board: Name


class GrpoConfig(RunConfig):
    """Everything that decides what is trained, and how. Impossible settings are refused when it is read."""

    TRL: ClassVar = ("trl.trainer.grpo_config", "GRPOConfig")
    REQUIRED: ClassVar = ("num_generations", "max_completion_length", "beta", "steps_per_generation")
    PINNED: ClassVar[dict[str, Any]] = {
        # Sampling: from the very policy that is trained, all tokens.
        "temperature": 1.0,
        "top_p": 1.0,
        "top_k": 0,
        "repetition_penalty": 1.0,
        "shuffle_dataset": True,
        # The loss, as in the published runs.
        "loss_type": "grpo",
        "scale_rewards": "group",
        "num_iterations": 1,
        "epsilon": 0.2,
        "importance_sampling_level": "token",
        "mask_truncated_completions": False,
        "use_bias_correction_kl": False,  # true: TRL's later correction of the KL gradient by importance ratios
        "top_entropy_quantile": 1.0,
        "entropy_coef": 0.0,
        "sync_ref_model": False,
        "disable_dropout": False,
        "use_vllm": False,
    }

    data: Annotated[QuestionsPart | ArticlesPart, Field(discriminator="kind")]
    start: StartPart
    reward: Annotated[QaRewardPart | ReviewRewardPart, Field(discriminator="kind")]

    @property
    def longest(self) -> int:
        """Tokens of the longest prompt and completion."""
        return self.data.max_prompt + int(self.trl["max_completion_length"])

    @property
    def weights(self) -> dict[str, float]:
        """Of the rewards, by name."""
        return {str(name): weight for name, weight in self.reward.weights.items()}

    @property
    def limit(self) -> int:
        """Tokens that a prompt may have."""
        return self.data.max_prompt

    @property
    def sampled_at_once(self) -> int:
        """Completions that are sampled at once, on all devices."""
        t = self.trl
        return int(self.effective_batch * t["steps_per_generation"] // t["gradient_accumulation_steps"])

    @property
    def prompts_at_once(self) -> int:
        """Prompts whose groups are sampled at once, on all devices."""
        return int(self.sampled_at_once // self.trl["num_generations"])

    @property
    def span(self) -> int:
        """Optimiser steps that each batch of completions is used for."""
        t = self.trl
        return int(t["steps_per_generation"] * t["num_iterations"] // t["gradient_accumulation_steps"])

    def deciding(self) -> dict[str, Any]:
        """How many completions are sampled at once, and how many steps they serve: the split of a batch does not."""
        return {**super().deciding(), "sampled_at_once": self.sampled_at_once, "steps_for_each": self.span}

    def derived(self) -> dict[str, Any]:
        """The reward finds the truth by the column key; vLLM corrects what it samples otherwise than training does."""
        vllm = {
            "vllm_mode": "colocate",
            "vllm_max_model_length": self.longest,
            "vllm_importance_sampling_correction": True,
            "vllm_importance_sampling_mode": "sequence_mask",
            "vllm_importance_sampling_clip_max": 3.0,
        }
        return {**super().derived(), "remove_unused_columns": False, **(vllm if self.trl["use_vllm"] else {})}

    def packages(self) -> list[str]:
        """What is asked for beyond the extra `training`."""
        return [*super().packages(), *(["vllm"] if self.trl["use_vllm"] else [])]

    def problems(self) -> list[str]:
        """What each key allows and all together do not."""
        return [*super().problems(), *(text for holds, text in self._conditions() if not holds)]

    def _conditions(self) -> list[tuple[bool, str]]:
        t = self.trl
        batch, accumulation = t["per_device_train_batch_size"], t["gradient_accumulation_steps"]
        steps, group = t["steps_per_generation"], t["num_generations"]
        whole = steps % accumulation == 0
        shared = self.effective_batch % (batch * accumulation) == 0
        groups = whole and shared and self.sampled_at_once % group == 0
        return [
            (self.data.kind == self.reward.kind, "data.kind and reward.kind differ"),
            (
                whole,
                f"trl.steps_per_generation ({steps}) is not a multiple of trl.gradient_accumulation_steps "
                f"({accumulation})",
            ),
            (
                shared,
                "effective_batch is not a multiple of trl.per_device_train_batch_size x "
                "trl.gradient_accumulation_steps",
            ),
            (
                groups or not (whole and shared),
                f"{self.sampled_at_once} completions are sampled at once, not a multiple of trl.num_generations "
                f"({group})",
            ),
            (
                not whole or t["save_steps"] % self.span == 0,
                f"trl.save_steps ({t['save_steps']}) is not a multiple of the {self.span} steps that completions are "
                "used for; a run could not go on from such a checkpoint as it was",
            ),
            (
                not t["use_vllm"] or self.quantisation.bits == 16,
                "trl.use_vllm needs quantisation.bits: 16; trained 4-bit weights cannot be handed over to vLLM",
            ),
            (
                not (t.get("use_transformers_continuous_batching") or t.get("use_transformers_paged")),
                "trl.use_transformers_continuous_batching: TRL makes the adapter bfloat16 for it, for the rest of the "
                "run",
            ),
            (t["loss_type"] in _LOSSES, f"trl.loss_type: is one of {', '.join(_LOSSES)}"),
            (t["scale_rewards"] in ("group", "batch", "none"), "trl.scale_rewards: is group, batch or none"),
            (self.architecture.key_value_width is not None, "architecture.key_value_width: is missing"),
            (any(self.reward.weights.values()), "reward.weights: no reward has a weight above 0"),
            (
                t["save_strategy"] == "steps",
                "trl.save_strategy: is steps; completions are used up at whole spans of them",
            ),
            (
                self.reward.kind == "qa" or not {"form", "V3"} & set(self.reward.weights),
                "reward.weights.form: a review's form multiplies its reward and has no weight; leave it out",
            ),
            (
                t["train_sampling_strategy"] == "random",
                "trl.train_sampling_strategy: is random; groups of completions have a sampler of their own",
            ),
            (t["eval_strategy"] == "no", "trl.eval_strategy: is no; nothing is evaluated on the way"),
        ]
