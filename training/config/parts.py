"""The config of supervised fine-tuning. What each key means stands in `docs/training.md`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from .files import Part, build, changed, read_values

SCHEMA_VERSION = "1"
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Name = Annotated[str, Field(min_length=1, max_length=300)]


class CorpusPart(Part):
    """Which corpus. `fingerprint` is the one that `bench train corpus` printed; null takes any."""

    folder: Name
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")] | None
    thinking: bool
    system: Literal["own", "in_user"]


class ModelPart(Part):
    """Which base model, how it is asked, and how its layers compute.

    `chat_template` null is the model's own; a name is one of the package's, and wins over the model's own.
    """

    name: Name
    family: Literal["qwen3", "qwen2.5", "deepseek_r1", "gemma", "instruction"]
    chat_template: Literal["instruction"] | None
    attention: Literal["eager", "sdpa", "flash_attention_2"]
    device: Literal["cuda", "cpu"]


class ArchitecturePart(Part):
    """The published size of the model, for estimates where its files are not at hand.

    `parameters` counts all, `quantised` those in linear layers of the language model without the output layer,
    `lora_per_rank` the sum of inputs and outputs over the modules that get an adapter.
    """

    parameters: Count
    quantised: Count
    lora_per_rank: Count
    hidden_size: Count
    intermediate_size: Count
    layers: Count
    heads: Count
    vocabulary: Count


class QuantisationPart(Part):
    """How the base model's weights are held: 4 bits (QLoRA), or 16 for plain LoRA; and the dtype of computing."""

    bits: Literal[4, 16]
    type: Literal["nf4", "fp4"]
    double: bool
    compute_dtype: Literal["bfloat16", "float32"]


class LoraPart(Part):
    """The adapter."""

    r: Count
    alpha: Count
    dropout: Share
    bias: Literal["none"]
    rank_stabilised: bool
    targets: Annotated[list[Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]], Field(min_length=1)]


class OptimiserPart(Part):
    """The optimiser and its schedule. `warmup` is a share of all steps."""

    name: Literal["adamw_8bit", "paged_adamw_8bit", "adamw_torch"]
    lr: Positive
    schedule: Literal["cosine", "linear", "constant_with_warmup"]
    warmup: Share
    weight_decay: Annotated[float, Field(ge=0)]
    beta1: Share
    beta2: Share
    epsilon: Positive
    max_grad_norm: Positive


class BatchPart(Part):
    """Batches, lengths, seeds. `batch_size` is per device; x `accumulation` x devices it must be `effective_batch`."""

    epochs: Positive
    max_steps: Count | None
    batch_size: Count
    accumulation: Count
    effective_batch: Count
    max_length: Count
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    gradient_checkpointing: bool
    liger: bool


class TrainingPart(BatchPart):
    """Batches of supervised training, where short examples may share a sequence."""

    packing: bool


class KeepingPart(Part):
    """What is logged, evaluated and kept on the way. At least two checkpoints: one may be cut off as it is written."""

    log_steps: Count
    save_steps: Count
    keep_checkpoints: Annotated[int, Field(ge=2)] | None
    eval_steps: Count | None
    eval_examples: Count | None
    report_to: list[Literal["trackio", "wandb"]]


class RunConfig(Part):
    """What every kind of training states, whatever its data and its loss."""

    schema_version: Literal["1"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._=,+-]{1,100}$")]
    model: ModelPart
    architecture: ArchitecturePart
    quantisation: QuantisationPart
    lora: LoraPart
    optimiser: OptimiserPart
    training: BatchPart
    keeping: KeepingPart

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if (self.keeping.eval_steps is None) != (self.keeping.eval_examples is None):
            raise ValueError("keeping.eval_steps and keeping.eval_examples go together: numbers, or both null")
        if len(set(self.lora.targets)) != len(self.lora.targets):
            raise ValueError("lora.targets names a module twice")
        return self


class SftConfig(RunConfig):
    """Everything that decides what is trained, and how."""

    corpus: CorpusPart
    training: TrainingPart

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.training.packing and not self.model.attention.startswith("flash"):
            raise ValueError(
                "training.packing needs model.attention: flash_attention_2; with others packed papers would read "
                "each other"
            )
        return self


def load_config(name_or_path: str, settings: tuple[str, ...] = ()) -> SftConfig:
    """A shipped config by name or a YAML file, changed by `KEY=VALUE` settings. Raises InputError, EncoderError."""
    values: dict[str, Any] = changed(read_values(name_or_path), settings)
    return build(SftConfig, values, f"The config {name_or_path}")
