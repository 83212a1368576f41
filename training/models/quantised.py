"""Base models for training: in 4 bits (bitsandbytes) or 16, text part only where the class takes images beside text.

Weights are loaded whole or not at all, nothing is downloaded, and code that lies beside them is not run.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bioreview_bench.errors import EncoderError, InputError
from bioreview_bench.llm.local.weights import four_bits, loading_errors, whole_model

from ..config.schema import QuantisationPart


def read_model_config(folder: Path) -> Any:
    """The model's `config.json`, as transformers reads it. Raises EncoderError."""
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # damaged files and unknown architectures raise what the library pleases
        raise EncoderError(
            f"Cannot read the config of the model in {folder}: {error}", remedy="fetch it again"
        ) from error


def require_attention(config: Any, attention: str) -> None:
    """Raise InputError when `attention` would leave out a part of the model's computation."""
    capped = getattr(config.get_text_config(), "attn_logit_softcapping", None)
    if capped and attention == "sdpa":
        raise InputError(
            f"This model caps its attention scores (at {capped:g}), which sdpa would leave out.",
            remedy="--set model.attention=eager, or flash_attention_2 where it is installed",
        )


def missing_kernels(config: Any) -> list[str]:
    """Packages without which the linear attention of this model is computed by its slow reference, and which are not
    installed; empty for a model that has none."""
    kinds = getattr(config.get_text_config(), "layer_types", None) or ()
    packages = (
        {"fla": "flash-linear-attention", "causal_conv1d": "causal-conv1d"} if "linear_attention" in kinds else {}
    )
    return [name for module, name in packages.items() if find_spec(module) is None]


def load_base(folder: Path, part: QuantisationPart, *, attention: str, device: str) -> Any:
    """The base model of `folder` on `device` (`cpu` or `cuda:N`), quantised as `part` says.

    The output layer, embeddings, norms and everything that sees images stay in 16 bits. Raises EncoderError when
    files are missing or damaged, or the device is too small.
    """
    import torch

    config = read_model_config(folder)
    require_attention(config, attention)
    options: dict[str, Any] = {
        "dtype": getattr(torch, part.compute_dtype),
        "attn_implementation": attention,
        "device_map": {"": device},
    }
    if part.bits == 4:
        options["quantization_config"] = four_bits(folder, part.compute_dtype, kind=part.type, double=part.double)
    with loading_errors(folder, "use a larger GPU"):
        model = whole_model(folder, **options)
    model.config.use_cache = False
    _keep_differentiable(model)
    return model


def _keep_differentiable(model: Any) -> None:
    """On some CPUs bitsandbytes repacks weights at the first evaluation, and from then on passes no gradient back
    through them (0.50: `Linear4bit.forward`); this keeps it from repacking."""
    for module in model.modules():
        if getattr(module, "support_avx512bf16_for_cpu", False):
            module.support_avx512bf16_for_cpu = False
