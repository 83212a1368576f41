"""How much memory of a GPU a run needs: an estimate from the model's shape, and the check against a device.

The parts are those of QLoRA with checkpointed activations. What a layer keeps while its gradient is computed is an
approximation (WITHIN_LAYER); `benchmarks/training/qlora.py` prints the estimate beside what was measured.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.errors import EncoderError, printable

from ..config.schema import RunConfig

GB = 1024**3
# Bytes of a 4-bit weight with its scale: one float32 for 64 weights, or 8 bits with one float32 for 256 of those
# (Dettmers et al. 2023, section 3).
PLAIN_4BIT, DOUBLE_4BIT = 0.5 + 4 / 64, 0.5 + 1 / 64 + 4 / (64 * 256)
# Numbers of 16 bits that a layer keeps for one token, in units of hidden and intermediate size: norms in float32,
# queries, keys, values, outputs, inputs of the adapters; gate, up, activation, product and their gradients.
WITHIN_LAYER = (26, 9)
_LONGEST_HEADER = 100_000_000  # bytes, as the format allows
CONTEXT = 1.0 * GB  # CUDA context, kernels' workspaces, fragmentation


@dataclass(frozen=True)
class Shape:
    """What of a model decides memory; as ArchitecturePart, and where the numbers are from."""

    parameters: int
    quantised: int
    lora_per_rank: int
    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    vocabulary: int
    source: str

    @classmethod
    def stated(cls, config: RunConfig) -> Shape:
        """The shape that the training config states, and of which model it is."""
        stated = config.architecture.model_dump(exclude={"key_value_width", "of"})
        model, asked = config.architecture.of, config.model.name
        source = "stated in the config" if model is None else f"of {model}, as the config states them"
        if model not in (None, asked.partition("@")[0]):
            source += f"; those of {asked} are not known here"
        return cls(**stated, source=source)

    @classmethod
    def of(cls, model_config: Any, targets: Sequence[str], source: str) -> Shape:
        """The shape of a model, counted on a copy without weights. Raises InputError for unknown targets."""
        import torch

        from bioreview_bench.llm.local.weights import kept_modules, model_class

        from .lora import target_modules

        with torch.device("meta"):
            model = model_class(model_config).from_config(model_config)
        kept = tuple(f"{name}." for name in kept_modules(model_config))
        linear = [
            module.weight.numel()
            for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear) and not f"{name}.".startswith(kept)
        ]
        text = model_config.get_text_config()
        return cls(
            parameters=sum(weight.numel() for weight in model.parameters()),
            quantised=sum(linear),
            lora_per_rank=sum(one.in_features + one.out_features for one in target_modules(model, targets).values()),
            hidden_size=text.hidden_size,
            intermediate_size=text.intermediate_size,
            layers=text.num_hidden_layers,
            heads=text.num_attention_heads,
            vocabulary=text.vocab_size,
            source=source,
        )


def count_parameters(folder: Path) -> int:
    """Parameters of the model in `folder`: of the tensors in its safetensors files, or, where it has none or they are
    packed, of a copy without weights made from its config.json. Raises EncoderError."""
    headers = [_header(path) for path in sorted(folder.glob("*.safetensors"))]
    tensors = {name: one for header in headers for name, one in header.items() if name != "__metadata__"}
    if tensors and all(str(one.get("dtype")) in ("F32", "F16", "BF16") for one in tensors.values()):
        return sum(math.prod(one["shape"]) for one in tensors.values())
    import torch

    from bioreview_bench.llm.local.weights import model_class

    from .quantised import read_model_config

    config = read_model_config(folder)
    with torch.device("meta"):
        model = model_class(config).from_config(config)
    return sum(weight.numel() for weight in model.parameters())


def _header(path: Path) -> dict[str, Any]:
    """What a safetensors file says of its tensors: its first 8 bytes are the length of JSON that follows."""
    try:
        with path.open("rb") as stream:
            found = json.loads(stream.read(min(int.from_bytes(stream.read(8), "little"), _LONGEST_HEADER)))
    except (OSError, ValueError) as error:
        raise EncoderError(f"Cannot read {path}: {printable(error, 200)}", remedy="fetch the model again") from error
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes of a GPU, by what they hold."""

    weights: float
    adapter: float
    activations: float
    attention: float
    output: float
    context: float
    sampling: float = 0.0  # what sampling needs beyond the activations of training, which are not there then

    @property
    def total(self) -> float:
        """All of it, in bytes."""
        working = self.activations + self.attention + self.output + self.sampling
        return self.weights + self.adapter + working + self.context

    def lines(self) -> list[str]:
        """For a report, in GiB."""
        parts = {
            "base model": self.weights,
            "adapter, gradients, optimiser": self.adapter,
            "activations": self.activations,
            "attention scores and mask": self.attention,
            "output layer": self.output,
            "context": self.context,
            "sampling, beyond training": self.sampling,
        }
        return [f"{name:<30} {size / GB:6.1f} GiB" for name, size in parts.items() if size >= GB / 20]


def estimate(config: RunConfig, shape: Shape) -> MemoryEstimate:
    """Memory at the longest batch that the config allows."""
    tokens = config.sequences * config.longest
    width = 2 if config.bf16 else 4
    four_bits = config.quantisation.bits == 4
    kept = shape.parameters - (shape.quantised if four_bits else 0)
    per_weight = DOUBLE_4BIT if config.quantisation.double else PLAIN_4BIT
    quantised = shape.quantised * per_weight if four_bits else 0.0
    largest = shape.hidden_size * shape.intermediate_size * width if four_bits else 0
    adapter = shape.lora_per_rank * config.adapter.r
    states = 2 if str(config.trl["optim"]).endswith("8bit") else 8  # bytes of both moments
    inside = tokens * (WITHIN_LAYER[0] * shape.hidden_size + WITHIN_LAYER[1] * shape.intermediate_size) * width
    whole = layers_kept_whole(config, shape.layers)
    between = (shape.layers - whole) * tokens * shape.hidden_size * width
    # Of the checkpointed layers one at a time is computed again.
    activations = whole * inside + between + (inside if whole < shape.layers else 0)
    per_head = config.sequences * config.longest**2
    mask = per_head if config.sequences > 1 else 0
    scores = shape.heads * per_head * (width + 4 + width) if config.model.attention == "eager" else 0
    # Logits are never whole: hidden states and their gradient in float32, and tiles of the projection.
    output = 2 * tokens * shape.hidden_size * 4 + 1024 * shape.vocabulary * 4
    trained = adapter * (2 * (4 if config.adapter_dtype == "float32" else 2) + states)  # weights, gradients, moments
    return MemoryEstimate(kept * width + quantised + largest, trained, activations, mask + scores, output, CONTEXT)


def layers_kept_whole(config: RunConfig, layers: int) -> int:
    """Layers whose activations stay until their gradients are computed: all without checkpointing, and those that
    `every_n_layers` passes over with it (transformers checkpoints layers 0, n, 2n, ...)."""
    trl = config.trl
    checkpointing = trl.get("activation_checkpointing")  # the newer name counts where both are given
    if not (trl["gradient_checkpointing"] if checkpointing is None else checkpointing):
        return layers
    given = trl.get("activation_checkpointing_kwargs") or trl.get("gradient_checkpointing_kwargs")
    every = given.get("every_n_layers", 1) if isinstance(given, dict) else 1
    return layers - math.ceil(layers / every)


def device_memory() -> tuple[int, str] | None:
    """(bytes, name) of this process's GPU; None without one."""
    import torch

    if not torch.cuda.is_available():
        return None
    properties = torch.cuda.get_device_properties(torch.cuda.current_device())
    return int(properties.total_memory), str(properties.name)


def require_device(config: RunConfig, needed: MemoryEstimate, given: tuple[int, str] | None) -> None:
    """Raise EncoderError when the config asks for a GPU and there is none, or one that is too small."""
    if config.model.device == "cpu":
        return
    if given is None:
        raise EncoderError(
            "The config trains on a GPU (model.device: cuda), and torch sees none.",
            remedy="run on a machine with one, or look at the plan here with --dry-run",
        )
    size, name = given
    if needed.total > size:
        raise EncoderError(
            f"This needs about {needed.total / GB:.0f} GiB of GPU memory, and {name} has {size / GB:.0f} GiB.",
            remedy="use a larger GPU, a smaller trl.per_device_train_batch_size (with more accumulation), or a smaller "
            "max_length",
        )
