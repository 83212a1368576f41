"""The config of group relative policy optimisation. What each key means stands in `docs/rewards.md`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ..config.files import Part, build, changed, read_values
from ..config.parts import ArchitecturePart, Count, Name, Positive, RunConfig
from ..runs.start import StartPart

_Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")] | None
_Name = Annotated[str, Field(pattern="^V[1-4]$")]
_Weights = dict[_Name, Annotated[float, Field(ge=0)]]


class QuestionsPart(Part):
    """Questions with ground truth. Of the tissues in `hold_out` no question may be trained on."""

    kind: Literal["qa"]
    folder: Name
    fingerprint: _Fingerprint
    hold_out: list[Name]


class ArticlesPart(Part):
    """A corpus of train articles, whose prompts are asked; its answers are not looked at."""

    kind: Literal["review"]
    folder: Name
    fingerprint: _Fingerprint
    thinking: bool
    system: Literal["own", "in_user"]


class QaRewardPart(Part):
    """Rewards of an answer to a question."""

    kind: Literal["qa"]
    weights: _Weights
    v4_mode: Literal["match_v1", "legacy"]


class ReviewRewardPart(Part):
    """Rewards of a review: `data` has the train split that the corpus was made from, `contract` compares, and must
    compare otherwise than `board` does."""

    kind: Literal["review"]
    weights: _Weights
    data: Name
    contract: Name
    board: Name


class CachingArchitecturePart(ArchitecturePart):
    """`key_value_width` is heads of keys and values x their size: it decides the cache of generation."""

    key_value_width: Count


class GroupPart(Part):
    """How completions are sampled and what they are worth. Lengths are in tokens; `generations` is the group."""

    loss_type: Literal["grpo", "bnpo", "dr_grpo", "dapo"]
    scale_rewards: Literal["group", "batch", "none"]
    generations: Annotated[int, Field(ge=2)]
    beta: Annotated[float, Field(ge=0)]
    kl_corrected: bool
    iterations: Count
    steps_per_generation: Count
    epsilon: Positive
    max_prompt: Count
    max_completion: Count
    temperature: Positive
    top_p: Annotated[float, Field(gt=0, le=1)]
    top_k: Annotated[int, Field(ge=0)]
    repetition_penalty: Positive
    mask_truncated: bool
    engine: Literal["transformers", "vllm"]
    vllm_memory: Annotated[float, Field(gt=0, lt=1)] | None


class GrpoConfig(RunConfig):
    """Everything that decides what is trained, and how. Impossible settings are refused when it is read."""

    kind: Literal["grpo"]
    data: Annotated[QuestionsPart | ArticlesPart, Field(discriminator="kind")]
    start: StartPart
    architecture: CachingArchitecturePart
    grpo: GroupPart
    reward: Annotated[QaRewardPart | ReviewRewardPart, Field(discriminator="kind")]

    @property
    def sampled_at_once(self) -> int:
        """Completions that are sampled at once, on all devices."""
        return self.training.effective_batch * self.grpo.steps_per_generation // self.training.accumulation

    @property
    def prompts_at_once(self) -> int:
        """Prompts whose groups are sampled at once, on all devices."""
        return self.sampled_at_once // self.grpo.generations

    @property
    def span(self) -> int:
        """Optimiser steps that each batch of completions is used for."""
        return self.grpo.steps_per_generation * self.grpo.iterations // self.training.accumulation

    @model_validator(mode="after")
    def _possible(self) -> Self:
        problems = [text for holds, text in self._conditions() if not holds]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _conditions(self) -> list[tuple[bool, str]]:
        t, g = self.training, self.grpo
        whole = g.steps_per_generation % t.accumulation == 0
        shared = t.effective_batch % (t.batch_size * t.accumulation) == 0
        groups = whole and shared and self.sampled_at_once % g.generations == 0
        return [
            (self.data.kind == self.reward.kind, "data.kind and reward.kind differ"),
            (
                whole,
                f"grpo.steps_per_generation ({g.steps_per_generation}) is no multiple of training.accumulation "
                f"({t.accumulation})",
            ),
            (shared, "training.effective_batch is no multiple of training.batch_size x training.accumulation"),
            (
                groups or not (whole and shared),
                f"{self.sampled_at_once} completions are sampled at once, which is no multiple of grpo.generations "
                f"({g.generations})",
            ),
            (
                not whole or self.keeping.save_steps % self.span == 0,
                f"keeping.save_steps ({self.keeping.save_steps}) is no multiple of the {self.span} steps that "
                "completions are used for; a run could not go on from such a checkpoint as it was",
            ),
            (
                t.max_length == g.max_prompt + g.max_completion,
                f"training.max_length ({t.max_length}) is not grpo.max_prompt + grpo.max_completion "
                f"({g.max_prompt + g.max_completion})",
            ),
            ((g.engine == "vllm") == (g.vllm_memory is not None), "grpo.vllm_memory goes with grpo.engine: vllm"),
            (
                g.engine == "transformers" or self.quantisation.bits == 16,
                "grpo.engine: vllm needs quantisation.bits: 16; trained 4-bit weights cannot be handed over to vLLM",
            ),
            (any(self.reward.weights.values()), "no reward has a weight above 0"),
            (self.keeping.eval_examples is None, "keeping.eval_examples must be null: nothing is evaluated on the way"),
        ]


def load_grpo_config(name_or_path: str, settings: tuple[str, ...] = ()) -> GrpoConfig:
    """A shipped config by name or a YAML file, changed by `KEY=VALUE` settings. Raises InputError, EncoderError."""
    values: dict[str, Any] = changed(read_values(name_or_path), settings)
    return build(GrpoConfig, values, f"The config {name_or_path}")
