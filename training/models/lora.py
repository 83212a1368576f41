"""LoRA adapters: which modules get one, checked, and every setting stated.

Adapters go to the language model only. A module name that nothing in it bears is an error, where PEFT would go on
with those that it finds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bioreview_bench.errors import EncoderError, InputError, WriteError, cannot_write
from bioreview_bench.llm.local.weights import LANGUAGE_MODEL

from ..config.schema import AdapterPart


def target_modules(model: Any, targets: Sequence[str]) -> dict[str, Any]:
    """Full name to module, for every linear layer of the language model that bears a name of `targets`.

    Raises InputError naming the targets that no module bears.
    """
    import torch

    root = f"model.{LANGUAGE_MODEL}." if hasattr(getattr(model, "model", None), LANGUAGE_MODEL) else ""
    found = {
        name: module
        for name, module in model.named_modules()
        if name.startswith(root) and name.rpartition(".")[2] in targets and isinstance(module, torch.nn.Linear)
    }
    absent = sorted(set(targets) - {name.rpartition(".")[2] for name in found})
    if absent:
        raise InputError(
            f"No linear module of this model's language part is called {', '.join(absent)}.",
            remedy="fix adapter.targets in the config",
        )
    return found


def lora_config(model: Any, part: AdapterPart) -> Any:
    """PEFT's config for `model`: targets by their last name, as other programs read them, the rest barred by pattern.

    Raises InputError when a target is not there.
    """
    from peft import LoraConfig, TaskType

    wanted = target_modules(model, part.targets)
    outside = [
        name for name, _ in model.named_modules() if name.rpartition(".")[2] in part.targets and name not in wanted
    ]  # in the part that sees images
    roots = sorted({".".join(name.split(".")[:2]) for name in outside})
    return LoraConfig(
        r=part.r,
        lora_alpha=part.alpha,
        lora_dropout=part.dropout,
        bias="none",
        use_rslora=part.rank_stabilised,
        target_modules=list(part.targets),
        exclude_modules="|".join(rf"{re.escape(root)}\..*" for root in roots) or None,
        modules_to_save=None,
        layers_to_transform=None,
        fan_in_fan_out=False,
        init_lora_weights=True,  # A uniform (Kaiming), B zero: training starts from the base model
        use_dora=False,
        lora_bias=False,
        rank_pattern={},
        alpha_pattern={},
        task_type=TaskType.CAUSAL_LM,
    )


def name_base(model: Any, name: str) -> None:
    """Let the adapter say that it belongs on the model `name`; PEFT would write the path that it was loaded from."""
    model.peft_config["default"].base_model_name_or_path = name


def require_adapted(model: Any, targets: Sequence[str]) -> int:
    """Trainable parameters of the adapted `model`. Raises InputError unless exactly the language model's targets have
    an adapter and nothing else can change."""
    adapted = {name.rpartition(".base_layer")[0] for name, _ in model.named_modules() if name.endswith(".base_layer")}
    base = model.get_base_model()
    names = {name.removeprefix("base_model.model.") for name in adapted}
    root = f"model.{LANGUAGE_MODEL}." if hasattr(getattr(base, "model", None), LANGUAGE_MODEL) else ""
    strange = sorted(name for name in names if not name.startswith(root) or name.rpartition(".")[2] not in targets)
    free = sorted(name for name, weight in model.named_parameters() if weight.requires_grad and "lora_" not in name)
    if strange or free or not names:
        shown = ", ".join([*strange, *free][:3]) or "none at all"
        raise InputError(f"Other parts of the model than intended would be trained: {shown}.")
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def load_into(model: Any, checkpoint: Path) -> None:
    """Copy the adapter weights of `checkpoint` into `model`, in place and in the dtype that they are trained in.

    PEFT's own loading makes them float32 parameters anew, which a resumed run would then train differently. Raises
    EncoderError when the checkpoint holds other weights than the model has.
    """
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    path = checkpoint / "adapter_model.safetensors"
    try:
        state = load_file(str(path), device="cpu")
    except Exception as error:  # what is no safetensors file raises what the library pleases
        raise EncoderError(f"Cannot read {path}: {error}", remedy="delete this checkpoint and run again") from error
    report: Any = set_peft_model_state_dict(model, state, adapter_name="default")
    # A frozen copy that is the reference (`ref`) is what training started from, and is made again from there.
    missing = [name for name in report.missing_keys if "lora_" in name and ".ref." not in name]
    if missing or report.unexpected_keys:
        names = ", ".join([*missing, *report.unexpected_keys][:3])
        raise EncoderError(
            f"The weights in {checkpoint} are not those of this adapter ({names}).", remedy="choose another folder"
        )


def save_adapter(model: Any, folder: Path, state: Any = None) -> None:
    """Write the adapter alone (`adapter_config.json`, `adapter_model.safetensors`) to `folder`.

    `state` are weights that were gathered for it; without them they are the model's. Raises WriteError.
    """
    try:
        model.save_pretrained(str(folder), selected_adapters=["default"], save_embedding_layers=False, state_dict=state)
        (folder / "README.md").unlink(missing_ok=True)  # PEFT's blank form; `bench train card` writes the card
    except OSError as error:
        raise cannot_write(folder, error) from error
    if not (folder / "adapter_model.safetensors").is_file():
        raise WriteError(f"The adapter did not get to {folder}.", remedy="check the disk, then run the same command")
