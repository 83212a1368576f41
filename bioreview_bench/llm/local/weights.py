"""A causal language model's weights from a folder, and LoRA adapters put on them.

Weights are loaded whole or not at all, nothing is downloaded, and code that lies beside them is not run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bioreview_bench.errors import EncoderError, InputError
from bioreview_bench.files.install import install_command


def require_peft() -> None:
    """Raise EncoderError when adapters cannot be loaded."""
    if find_spec("peft") is None:
        raise EncoderError("Adapters need peft, which is not installed.", remedy=install_command("training"))


def load_weights(folder: Path, dtype: str, device: str) -> Any:
    """The model in `folder` on `device`; `dtype` is auto or one of torch's. Raises EncoderError, InputError."""
    import torch
    from transformers import GenerationConfig

    if dtype != "auto" and not isinstance(getattr(torch, dtype, None), torch.dtype):
        raise InputError(f'There is no dtype "{dtype}".', remedy="use auto, bfloat16, float16 or float32")
    remedy = "--param dtype=bfloat16, a quantised version, or vllm:MODEL --tensor-parallel N"
    with loading_errors(folder, remedy):
        model = whole_model(folder, dtype=dtype if dtype == "auto" else getattr(torch, dtype))
        ends = getattr(model.generation_config, "eos_token_id", None)
        model.generation_config = GenerationConfig(eos_token_id=ends)  # type: ignore[no-untyped-call]
        return model.to(device)


def whole_model(folder: Path, **options: Any) -> Any:
    """The model in `folder` by the class that its config names; `options` are those of transformers' `from_pretrained`.

    Raises EncoderError when a parameter is missing: it would be drawn at random.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    config = AutoConfig.from_pretrained(str(folder), **local)
    family: Any = AutoModelForImageTextToText if takes_images(config) else AutoModelForCausalLM
    model, report = family.from_pretrained(str(folder), output_loading_info=True, **local, **options)
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise EncoderError(
            f"{folder} lacks {len(missing)} parameters ({', '.join(missing[:3])}).", remedy="fetch the model again"
        )
    return model


@contextmanager
def loading_errors(folder: Path, remedy: str) -> Iterator[None]:
    """Turn what loading the model in `folder` raises into EncoderError; `remedy` is for a device that is too small."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise EncoderError(f"The model in {folder} does not fit into the device's memory.", remedy=remedy) from error
    except EncoderError:
        raise
    except Exception as error:  # damaged files and unknown architectures raise what their libraries please
        raise EncoderError(f"Cannot load the model in {folder}: {error}", remedy="fetch the model again") from error


def end_tokens(model: Any, tokenizer: Any) -> list[int]:
    """Tokens that end a text: those that the checkpoint names, and the tokenizer's. Raises EncoderError without one."""
    named = getattr(model.generation_config, "eos_token_id", None)
    found = [named] if isinstance(named, int) else list(named or ())
    ends = sorted({*found, *([] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id])})
    if not ends:
        raise EncoderError("No token is known to end this model's texts.", remedy="use an instruction-tuned model")
    return ends


def add_adapter(model: Any, adapter: Path, *, merge: bool) -> Any:
    """The model with the adapter beside its weights, or added to them (`merge`). Raises EncoderError."""
    require_peft()
    from peft import PeftModel

    try:
        adapted = PeftModel.from_pretrained(model, str(adapter), is_trainable=False)
        return adapted.merge_and_unload() if merge else adapted
    except Exception as error:
        raise EncoderError(
            f"Cannot put the adapter {adapter} on the model: {error}", remedy="check which model it was trained on"
        ) from error


def takes_images(config: Any) -> bool:
    """True when the checkpoint's class takes images beside text."""
    from transformers.models.auto import modeling_auto

    classes = getattr(config, "architectures", None) or []
    causal = set(modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values())
    seeing = set(modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES.values())
    return any(name in seeing and name not in causal for name in classes)
