"""What a training config says beside TRL's own arguments: model, quantisation, adapter, data, start.

What each key means stands in `docs/training.md`. The block `trl` holds arguments of TRL's config class, by their own
names; `config.trl` validates it.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Name = Annotated[str, Field(min_length=1, max_length=300)]
Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")] | None
System = Literal["own", "in_user"]

# What does not change what is trained, so that a run may be resumed with another value: where things are, how much is
# said about them, and how a step is computed (another kernel, another split of the same batch: rounding at most).
_PLACES = ("about", "model.name", "data.folder", "data.fingerprint", "start.adapters", "reward.data")
_REPORTS = (
    "report_to", "project", "logging_steps", "logging_first_step", "log_level", "log_completions", "save_strategy",
    "num_completions_to_print", "include_num_input_tokens_seen", "save_steps", "save_total_limit", "eval_strategy",
    "eval_steps",
)  # fmt: skip
_COMPUTING = (
    "per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps", "steps_per_generation",
    "gradient_checkpointing", "gradient_checkpointing_kwargs", "activation_checkpointing",
    "activation_checkpointing_kwargs", "activation_offloading", "use_liger_kernel", "liger_kernel_config",
    "torch_compile", "torch_compile_backend", "torch_compile_mode", "torch_empty_cache_steps", "tf32",
    "dataloader_num_workers", "dataloader_pin_memory", "dataloader_prefetch_factor", "dataset_num_proc",
    "vllm_gpu_memory_utilization", "vllm_tensor_parallel_size",
)  # fmt: skip
FREE = (
    *(f"config.{key}" for key in (*_PLACES, "data.eval_examples", "model.attention")),
    *(f"config.trl.{key}" for key in (*_REPORTS, *_COMPUTING)),
)


class Part(BaseModel):
    """A group of keys. Types are taken as they are written: "16" is no number, 1 is no truth value."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ModelPart(Part):
    """Which base model, how it is asked, and how its layers compute.

    `chat_template` null is the model's own; a name is one of the package's, and wins over the model's own. `attention`
    is what transformers calls attn_implementation; ORG/NAME is a kernel from the Hub.
    """

    name: Name
    family: Literal["qwen3", "qwen2.5", "deepseek_r1", "gemma", "gemma4", "instruction"]
    chat_template: Literal["instruction"] | None
    attention: Annotated[str, Field(pattern=r"^(eager|sdpa|flex_attention|flash_attention_[234]|[\w.-]+/[\w.:@/-]+)$")]
    device: Literal["cuda", "cpu"]


class ArchitecturePart(Part):
    """The published size of the model `of`, for estimates where its files are not at hand.

    `parameters` counts all, `quantised` those in linear layers of the language model without the output layer,
    `lora_per_rank` the sum of inputs and outputs over the modules that get an adapter, `key_value_width` is heads of
    keys and values x their size.
    """

    parameters: Count
    quantised: Count
    lora_per_rank: Count
    hidden_size: Count
    intermediate_size: Count
    layers: Count
    heads: Count
    vocabulary: Count
    key_value_width: Count | None = None
    of: Name | None = None


class QuantisationPart(Part):
    """How the base model's weights are held: 4 bits (QLoRA), or 16 for plain LoRA; and the dtype of computing."""

    bits: Literal[4, 16]
    type: Literal["nf4", "fp4"]
    double: bool
    compute_dtype: Literal["bfloat16", "float32"]


class AdapterPart(Part):
    """The LoRA adapter."""

    r: Count
    alpha: Count
    dropout: Share
    rank_stabilised: bool
    targets: Annotated[list[Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]], Field(min_length=1)]


class DataPart(Part):
    """Which data. `fingerprint` is the one that the command that made it, or a dry run, printed; null takes any."""

    folder: Name
    fingerprint: Fingerprint


class StartPart(Part):
    """Adapters in order, each added to the weights before the next; `last` may be trained on instead of added.

    `adapter_dtype` is that of the trained weights: bfloat16 has 8 bits of precision, so that a step of 1e-6 does not
    change a weight of 0.01.
    """

    adapters: list[Name]
    last: Literal["merged", "continued"]
    adapter_dtype: Literal["float32", "bfloat16"]


class RunConfig(Part):
    """What every method states. `effective_batch` is batch size x accumulation x devices, and is checked.

    `trl` has what the file states and, under it, what the method pins.
    """

    # TRL's config class, its arguments that are pinned here, and those without which a result is not decided.
    TRL: ClassVar[tuple[str, str]]
    PINNED: ClassVar[dict[str, Any]] = {}
    REQUIRED: ClassVar[tuple[str, ...]] = ()

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._=,+-]{1,100}$")]
    about: str = ""
    method: Literal["sft", "dpo", "grpo"]
    model: ModelPart
    architecture: ArchitecturePart
    quantisation: QuantisationPart
    adapter: AdapterPart
    data: Any
    start: StartPart | None = None
    effective_batch: Count
    trl: dict[str, Any]

    @property
    def adapter_dtype(self) -> str:
        """Of the weights that are trained; a new adapter of supervised training has float32."""
        return "float32" if self.start is None else self.start.adapter_dtype

    def deciding(self) -> dict[str, Any]:
        """What decides a result and is no key of its own: a run is resumed only where it is equal."""
        found: dict[str, Any] = {"adapter_dtype": self.adapter_dtype} if self.start is None else {}
        if self.trl.get("train_sampling_strategy") == "group_by_length":  # groups are of what one device computes
            found["grouped"] = self.sequences * int(self.trl["gradient_accumulation_steps"])
        return found

    @property
    def sequences(self) -> int:
        """Sequences that a device computes at once."""
        return int(self.trl["per_device_train_batch_size"])

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return int(self.trl["max_length"])

    @property
    def limit(self) -> int:
        """Tokens that an example may have."""
        return self.longest

    @property
    def bf16(self) -> bool:
        """Whether numbers of 16 bits are computed with."""
        return self.quantisation.compute_dtype == "bfloat16"

    def derived(self) -> dict[str, Any]:
        """Arguments of TRL that follow from others, where the config does not state them."""
        checkpointing = self.trl.get("activation_checkpointing", self.trl["gradient_checkpointing"])
        return {
            "data_seed": self.trl["seed"],
            "per_device_eval_batch_size": self.trl["per_device_train_batch_size"],
            "gradient_checkpointing_kwargs": {"use_reentrant": False} if checkpointing else None,
        }

    def problems(self) -> list[str]:
        """What each key allows and all together do not."""
        twice = len(set(self.adapter.targets)) != len(self.adapter.targets)
        return ["adapter.targets names a module twice"] if twice else []

    def warnings(self) -> list[str]:
        """What is allowed and known to end badly."""
        return []

    def packages(self) -> list[str]:
        """What is asked for beyond the extra `training`."""
        kernels = {
            "flash_attention_2": "flash_attn",
            "flash_attention_3": "flash_attn_interface",
            "flash_attention_4": "flash_attn.cute",
        }
        names = [kernels.get(self.model.attention, "kernels" if "/" in self.model.attention else "")]
        names += ["liger_kernel"] if self.trl.get("use_liger_kernel") else []
        reports = self.trl["report_to"]
        names += [reports] if isinstance(reports, str) else list(reports or ())
        return [name for name in names if name not in ("", "all", "none")]
