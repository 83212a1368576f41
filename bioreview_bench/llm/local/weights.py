"""A causal language model's weights from a folder, and LoRA adapters put on them.

Weights and adapters are loaded whole or not at all, nothing is downloaded, and code that lies beside them is not run.
PEFT only warns of an adapter's weights that find no place, and adds to tensors that two layers share (the embedding
and the output layer of many models) though the adapter changed one; neither happens here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bioreview_bench.errors import EncoderError, InputError, printable
from bioreview_bench.files.install import install_command
from bioreview_bench.files.notices import known_notices, leave_out_known_logs
from bioreview_bench.llm.local.model_files import adapter_config

LANGUAGE_MODEL = "language_model"  # the part of a class that takes images beside text
_ADAPTER = "default"  # PEFT's name for the only adapter
_SHOWN = 10  # weights that a message names


def require_peft() -> None:
    """Raise EncoderError when adapters cannot be loaded."""
    if find_spec("peft") is None:
        raise EncoderError("Adapters need peft, which is not installed.", remedy=install_command("training"))
    leave_out_known_logs()


def load_weights(folder: Path, dtype: str, device: str, *, bits: int = 16) -> Any:
    """The model in `folder` on `device`; `dtype` is auto or one of torch's.

    With 4 `bits` its linear layers are held as training with presets holds them (NF4, scales quantised again) and
    computed in `dtype` (auto: bfloat16); adapters cannot be added to them. Raises EncoderError, InputError.
    """
    import torch
    from transformers import GenerationConfig

    if dtype != "auto" and not isinstance(getattr(torch, dtype, None), torch.dtype):
        raise InputError(f'There is no dtype "{dtype}".', remedy="use auto, bfloat16, float16 or float32")
    remedy = "--param dtype=bfloat16, a quantised version, or vllm:MODEL --tensor-parallel N"
    with loading_errors(folder, remedy):
        if bits == 4:
            computed = "bfloat16" if dtype == "auto" else dtype
            quantised = four_bits(folder, computed, kind="nf4", double=True)
            given = {"dtype": getattr(torch, computed), "quantization_config": quantised, "device_map": {"": device}}
            model = whole_model(folder, **given)
        else:
            model = whole_model(folder, dtype=dtype if dtype == "auto" else getattr(torch, dtype))
        ends = getattr(model.generation_config, "eos_token_id", None)
        model.generation_config = GenerationConfig(eos_token_id=ends)  # type: ignore[no-untyped-call]
        return model if bits == 4 else model.to(device)


def four_bits(folder: Path, compute_dtype: str, *, kind: str, double: bool) -> Any:
    """Every setting of loading the model in `folder` in 4 bits, none left to the library. Raises EncoderError.

    The output layer, embeddings, norms and everything that sees images stay in 16 bits.
    """
    if find_spec("bitsandbytes") is None:
        raise EncoderError("4 bits need bitsandbytes, which is not installed.", remedy=install_command("training"))
    import torch
    from transformers import AutoConfig, BitsAndBytesConfig

    config = AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_8bit=False,
        load_in_4bit=True,
        bnb_4bit_quant_type=kind,
        bnb_4bit_use_double_quant=double,
        bnb_4bit_compute_dtype=getattr(torch, compute_dtype),
        bnb_4bit_quant_storage=torch.uint8,
        llm_int8_skip_modules=kept_modules(config),
        llm_int8_enable_fp32_cpu_offload=False,
    )


def kept_modules(config: Any) -> list[str]:
    """Names of modules that are not quantised: the output layer (its weight is read directly), and what sees images."""
    if not takes_images(config):
        return ["lm_head"]
    import torch

    with torch.device("meta"):
        shape = model_class(config).from_config(config)
    beside = [name for name, _ in shape.model.named_children() if name != LANGUAGE_MODEL]
    return ["lm_head", *(f"model.{name}" for name in beside)]


def model_class(config: Any) -> Any:
    """The auto class that loads a checkpoint of this config."""
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    return AutoModelForImageTextToText if takes_images(config) else AutoModelForCausalLM


def whole_model(folder: Path, **options: Any) -> Any:
    """The model in `folder` by the class that its config names; `options` are those of transformers' `from_pretrained`.

    Raises EncoderError when a parameter is missing: it would be drawn at random.
    """
    from transformers import AutoConfig
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    config = AutoConfig.from_pretrained(str(folder), **local)
    model, report = model_class(config).from_pretrained(str(folder), output_loading_info=True, **local, **options)
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
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise EncoderError(f"The model in {folder} does not fit into memory.", remedy=remedy) from error
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
        raise EncoderError("No token is known that ends this model's texts.", remedy="use an instruction-tuned model")
    return ends


def add_adapter(model: Any, adapter: Path, *, merge: bool) -> Any:
    """The model with the adapter beside its weights, or added to them (`merge`). Raises EncoderError."""
    return merge_adapter(model, adapter) if merge else put_adapter(model, adapter)


def put_adapter(model: Any, adapter: Path, *, trainable: bool = False) -> Any:
    """The model with the adapter beside its weights; a trainable one keeps the dtype that it has in its file.

    Raises EncoderError when a weight of the adapter has no place in the model, or a place gets no weight.
    """
    require_peft()
    from peft import PeftModel

    # PEFT makes weights of 16 bits 32 wide by default, which training must do itself where it wants it.
    options: dict[str, Any] = {"is_trainable": trainable, "autocast_adapter_dtype": not trainable}
    try:
        with known_notices():
            adapted = PeftModel.from_pretrained(model, str(adapter), _ADAPTER, **options)
            report = adapted.load_adapter(str(adapter), _ADAPTER, **options)  # says what from_pretrained only warns of
    except KeyError as error:  # whole copies of layers (modules_to_save) are looked up by their name
        raise _unfit(adapter, [], [str(error.args[0])]) from error
    except Exception as error:  # damaged files raise what the library pleases
        raise EncoderError(
            f"Cannot put the adapter {adapter} on the model: {error}", remedy=_remedy(adapter)
        ) from error
    if report.unexpected_keys or report.missing_keys:
        raise _unfit(adapter, report.unexpected_keys, report.missing_keys)
    return adapted


def merge_adapter(model: Any, adapter: Path) -> Any:
    """The model with the adapter added to its weights.

    Where the adapter changes an embedding that is the output layer, too, that layer gets weights of its own
    (`tie_word_embeddings` is then false). Raises EncoderError as `put_adapter`, and where another tensor is shared.
    """
    adapted = put_adapter(model, adapter)
    _untie(adapted, adapter)
    try:
        with known_notices():
            return adapted.merge_and_unload()
    except Exception as error:
        raise EncoderError(
            f"Cannot add the adapter {adapter} to the model's weights: {error}",
            remedy="keep it separate from the weights, as the last adapter of a chain",
        ) from error


def _untie(adapted: Any, adapter: Path) -> None:
    """Give layers under the adapter tensors that no other layer shares."""
    from peft.tuners.lora import LoraLayer

    base = adapted.get_base_model()
    changed = {id(layer.get_base_layer()) for layer in base.modules() if isinstance(layer, LoraLayer)}
    holders: dict[int, dict[int, Any]] = {}  # tensor to the layers that hold it
    for layer in base.modules():
        for tensor in layer._parameters.values():
            if tensor is not None:
                holders.setdefault(id(tensor), {})[id(layer)] = layer
    shared = [layers for layers in holders.values() if len(layers) > 1 and changed & layers.keys()]
    if not shared:
        return
    output = _innermost(base.get_output_embeddings())
    if len(shared) > 1 or len(shared[0]) > 2 or id(output) not in shared[0]:
        raise EncoderError(
            f"Cannot add the adapter {adapter} to the model's weights: layers under it share theirs with others.",
            remedy="keep it separate from the weights, as the last adapter of a chain",
        )
    output.weight = type(output.weight)(output.weight.detach().clone(), requires_grad=output.weight.requires_grad)
    for config in (base.config, base.config.get_text_config()):
        config.tie_word_embeddings = False


def _innermost(layer: Any) -> Any:
    """The layer of the base model under what PEFT wrapped around it."""
    while True:
        inner = getattr(layer, "base_layer", None) or getattr(layer, "original_module", None)
        if inner is None:
            return layer
        layer = inner


def _unfit(adapter: Path, homeless: Sequence[str], empty: Sequence[str]) -> EncoderError:
    said = []
    if homeless:
        said.append(f"weights of it that have no place in the model: {len(homeless):,}")
    if empty:
        said.append(f"weights that the model needs and it lacks: {len(empty):,}")
    names = [*homeless, *empty]
    lines = [f"  {printable(name, 200)}" for name in names[:_SHOWN]]
    if len(names) > _SHOWN:
        lines.append(f"  ... and {len(names) - _SHOWN:,} more")
    return EncoderError(
        "\n".join([f"The adapter {adapter} does not fit the model ({'; '.join(said)}).", *lines]),
        remedy=_remedy(adapter),
    )


def _remedy(adapter: Path) -> str:
    base = adapter_config(adapter).get("base_model_name_or_path")
    named = f" ({printable(base)})" if base else ""
    return f"use the model that it was trained on{named}, loaded by the same class: with images or for text alone"


def takes_images(config: Any) -> bool:
    """True when the checkpoint's class takes images beside text."""
    from transformers.models.auto import modeling_auto

    classes = getattr(config, "architectures", None) or []
    causal = set(modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values())
    seeing = set(modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES.values())
    return any(name in seeing and name not in causal for name in classes)
