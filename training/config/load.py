"""From a config's values to one that holds: our own keys, then TRL's arguments by TRL's own dataclass.

All problems are listed at once, an unknown key with the known one that is nearest. `arguments` is what a trainer gets:
the config's `trl`, what follows from it, and what a run decides itself.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from bioreview_bench.errors import EncoderError, InputError, Problem, printable
from bioreview_bench.files.install import install_command
from bioreview_bench.files.notices import known_notices, leave_out_known_logs

from .files import RENAMED, changed, merged, names, nearest, read_values
from .schema import RunConfig

METHODS = {"sft": ("sft.train", "SftConfig"), "dpo": ("dpo.train", "DpoConfig"), "grpo": ("grpo.config", "GrpoConfig")}
_HERE = "bioreview_bench.training"

# Arguments of TRL that decide a result, or how a run ends and goes on, and are the same for every method.
PINNED: dict[str, Any] = {
    "seed": 42,
    "max_steps": -1,
    # Batches and their order.
    "average_tokens_across_devices": True,
    "train_sampling_strategy": "random",
    "dataloader_drop_last": False,
    "accelerator_config": {
        "split_batches": False, "dispatch_batches": None, "even_batches": True, "use_seedable_sampler": True,
    },
    # Optimiser; what presets vary must be stated.
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
    "adam_epsilon": 1e-8,
    "max_grad_norm": 1.0,
    "label_smoothing_factor": 0.0,
    "gradient_checkpointing": True,
    "use_liger_kernel": False,
    "ddp_find_unused_parameters": False,
    # On the way.
    "logging_steps": 1,
    "logging_first_step": True,
    "logging_nan_inf_filter": False,
    "save_strategy": "steps",
    "save_total_limit": None,
    "eval_strategy": "no",
    "eval_steps": None,
    "prediction_loss_only": True,
    "report_to": [],
    "project": "bioreview-bench",
    "log_level": "warning",
}  # fmt: skip
REQUIRED = (
    "optim", "learning_rate", "lr_scheduler_type", "warmup_steps", "weight_decay", "num_train_epochs",
    "per_device_train_batch_size", "gradient_accumulation_steps", "save_steps",
)  # fmt: skip
# Arguments of TRL that are not to be set, and where their matter is said.
_MODEL, _RUN = "the keys of model say how it is loaded", "a run seals whole checkpoints, to go on from them"
_TOKENS = "examples come as tokens with labels, validated one by one; nothing is prepared or cut by TRL"
OWNED = {
    "output_dir": "-o says where a run goes", "run_name": "it is the config's name",
    "bf16": "quantisation.compute_dtype", "fp16": "quantisation.compute_dtype", "use_cpu": "model.device",
    "model_init_kwargs": _MODEL,
    "trust_remote_code": "code in weights is not run", "resume_from_checkpoint": "the same command resumes a run",
    "save_only_model": _RUN, "load_best_model_at_end": _RUN, "enable_jit_checkpoint": _RUN,
    "logging_strategy": "a run logs by steps", "auto_find_batch_size": "it would change the batch",
    "disable_tqdm": "--quiet", "remove_unused_columns": _TOKENS, "push_to_hub": "bench train push publishes",
    "dataset_kwargs": _TOKENS, "dataset_text_field": _TOKENS,
    "assistant_only_loss": _TOKENS, "truncation_mode": _TOKENS, "chat_template_path": "model.chat_template",
    "eos_token": _TOKENS, "pad_token": _TOKENS, "chat_template_kwargs": "data say whether the model thinks",
    "reward_weights": "reward.weights: one reward is composed before TRL gets it",
    "generation_batch_size": "it follows from steps_per_generation",
}  # fmt: skip

_TRAINING = ("accelerate", "bitsandbytes", "datasets", "peft", "trl", "yaml")
_NO_REPORT = "--set trl.report_to=[]"
_COMMANDS = {
    "flash_attn": "pip install flash-attn (needs a GPU), or --set model.attention=sdpa",
    "flash_attn_interface": "install FlashAttention 3 (needs a GPU), or --set model.attention=sdpa",
    "flash_attn.cute": "pip install flash-attn-4 (needs a GPU), or --set model.attention=sdpa",
    "kernels": "pip install kernels (needs a GPU), or --set model.attention=sdpa",
    "liger_kernel": "pip install liger-kernel (needs a GPU), or --set trl.use_liger_kernel=false",
}

_Count = Annotated[int, Field(ge=1)]
_Positive = Annotated[float, Field(gt=0)]
_NotNegative = Annotated[float, Field(ge=0)]
_Share = Annotated[float, Field(ge=0, lt=1)]
# Bounds that TRL leaves unchecked; kinds of loss are checked by its trainers, when the model is loaded already.
_BOUNDS: dict[str, Any] = {
    "learning_rate": _Positive, "warmup_steps": _NotNegative, "weight_decay": _NotNegative, "adam_beta1": _Share,
    "adam_beta2": _Share, "adam_epsilon": _Positive, "max_grad_norm": _NotNegative, "num_train_epochs": _Positive,
    "per_device_train_batch_size": _Count, "gradient_accumulation_steps": _Count, "max_length": _Count,
    "seed": Annotated[int, Field(ge=0, lt=2**32)], "logging_steps": _Count, "save_steps": _Count,
    "save_strategy": Literal["steps", "epoch"],
    "save_total_limit": Annotated[int, Field(ge=2)] | None,  # one may be cut off as it is written
    "eval_steps": _Count | None, "label_smoothing": Annotated[float, Field(ge=0, lt=0.5)], "beta": _NotNegative,
    "num_generations": Annotated[int, Field(ge=2)], "num_iterations": _Count, "steps_per_generation": _Count,
    "epsilon": _Positive, "max_completion_length": _Count, "temperature": _Positive,
    "top_p": Annotated[float, Field(gt=0, le=1)], "top_k": Annotated[int, Field(ge=0)],
    "repetition_penalty": _Positive, "vllm_gpu_memory_utilization": Annotated[float, Field(gt=0, lt=1)],
}  # fmt: skip


def load(method: str, name_or_path: str, settings: Sequence[str] = ()) -> Any:
    """A shipped config by name or a YAML file, changed by `KEY=VALUE` settings. Raises InputError, EncoderError."""
    values = changed(stated(name_or_path), settings)
    where = f"The config {name_or_path}"
    if values.get("method") != method:
        shown = printable(values.get("method"))
        command = f"bench train {shown} {shlex.quote(str(name_or_path))}"
        raise InputError(
            f"{where} is of the method {shown}, and this is bench train {method}.",
            remedy=command if values.get("method") in METHODS else f"method: {method}",
        )
    return build(values, where)


def stated(name_or_path: str) -> dict[str, Any]:
    """What a config states and inherits, over what its method pins; not validated. Raises InputError, EncoderError."""
    values = read_values(name_or_path)
    where = f"The config {name_or_path}"
    _refuse([f"{key}: it is {RENAMED[key]} now" for key in names(values) if key in RENAMED], where)
    kind = _kind(values.get("method"), where)
    if not isinstance(values.get("trl", {}), dict):
        _refuse(["trl: it has no arguments of TRL"], where)
    return merged({"trl": PINNED | kind.PINNED}, values)


def build(values: Mapping[str, Any], where: str) -> Any:
    """The config of these values. Raises InputError listing every key that is missing, unknown or wrong."""
    require_training()
    kind = _kind(values.get("method"), where)
    trl = values.get("trl")
    _refuse([*_own(kind, values), *_trainers(kind, trl if isinstance(trl, dict) else {})], where)
    config = kind.model_validate(dict(values))
    _refuse(config.problems(), where)
    _refuse(_construction(config), where)
    return config


def as_settings(
    settings: Sequence[str], folder: str | None, model: str | None, adapters: Sequence[str]
) -> tuple[str, ...]:
    """`settings`, and what options of a command stand for: data, base model, adapters to start from."""
    found = [*settings]
    found += [f"data.folder={json.dumps(folder)}"] if folder is not None else []
    found += [f"model.name={json.dumps(model)}"] if model is not None else []
    found += [f"start.adapters={json.dumps(list(adapters))}"] if adapters else []
    return tuple(found)


def arguments(config: RunConfig, out: Path, *, on_cpu: bool | None = None) -> Any:
    """TRL's config object for a run in `out`. Raises ValueError for what TRL refuses."""
    module, name = config.TRL
    given = {
        "output_dir": str(out),
        "run_name": config.name,
        "disable_tqdm": True,
        "bf16": config.bf16,
        "fp16": False,
        "use_cpu": config.model.device == "cpu" if on_cpu is None else on_cpu,
        **config.derived(),
        **config.trl,
    }
    with known_notices():
        made = getattr(import_module(module), name)(**given)
    if made.n_gpu > 1:
        # A process trains on one GPU, whatever others it sees: transformers would split each batch among all of them
        # (nn.DataParallel), which TRL refuses. To use more, more processes are launched.
        made._n_gpu = 1
    return made


def resolved(given: Any) -> dict[str, Any]:
    """Every argument of TRL's config object, as JSON has it, without places of this machine."""
    facts = given.to_dict()
    left = {"output_dir", "logging_dir", "hub_token", "deepspeed"}
    return {key: value for key, value in facts.items() if key not in left and _plain(value)}


def require_training() -> None:
    """Raise EncoderError when the packages of the extra `training` are not all installed."""
    leave_out_known_logs()
    missing = [name for name in _TRAINING if find_spec(name) is None]
    if missing:
        raise EncoderError(
            f"Training needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed.",
            remedy=install_command("training"),
        )


def _command(package: str) -> str:
    if package == "vllm":
        return f"{install_command('vllm')} (needs a GPU), or --set trl.use_vllm=false"
    return _COMMANDS.get(package, f"pip install {package}, or {_NO_REPORT}")


def _installed(name: str) -> bool:
    """Whether a module, or one inside a package, can be imported."""
    outer, _, inner = name.partition(".")
    return find_spec(outer) is not None and (not inner or find_spec(name) is not None)


def require_asked_for(names: Iterable[str]) -> None:
    """Raise EncoderError for a package that the config asks for by a setting and that is not installed."""
    for name in names:
        if not _installed(name):
            raise EncoderError(
                f"The config asks for {name}, which is not installed; nothing takes its place.",
                remedy=_command(name),
            )


def method_of(name: str) -> Any:
    """The method that METHODS knows by `name` (a `runs.run.Method`)."""
    return getattr(import_module(f"{_HERE}.{name}.train"), name.capitalize())()


def _kind(method: Any, where: str) -> type[RunConfig]:
    if method not in METHODS:
        raise InputError(f"{where} names no method.", remedy=f"method: {' or '.join(METHODS)}, or base: qwen3_8b")
    module, name = METHODS[method]
    return cast(type[RunConfig], getattr(import_module(f"{_HERE}.{module}"), name))


def _own(kind: type[RunConfig], values: Mapping[str, Any]) -> list[str]:
    """Problems of the keys that are ours."""
    try:
        kind.model_validate(dict(values))
    except ValidationError as error:
        known = [*_schema(kind), *(f"trl.{name}" for name in _fields(kind))]
        return [_said(one, "", known) for one in error.errors(include_url=False, include_context=False)]
    return []


def _trainers(kind: type[RunConfig], trl: Mapping[str, Any]) -> list[str]:
    """Problems of TRL's arguments, each by itself."""
    required = dict.fromkeys((*REQUIRED, *kind.REQUIRED))
    found = [f"trl.{name}: is missing" for name in required if name not in trl]
    found += [f"trl.{name}: is not set here: {OWNED[name]}" for name in trl if name in OWNED]
    found += [f"trl.{name}: is not set here: bench train push publishes" for name in trl if name.startswith("hub_")]
    try:
        _fields_model(kind).model_validate({key: value for key, value in trl.items() if key not in OWNED})
    except ValidationError as error:
        known = [*(f"trl.{name}" for name in _fields(kind)), *_schema(kind)]
        # Of a value that fits none of several types, the last is named.
        by_key = {one["loc"][0]: one for one in error.errors(include_url=False, include_context=False)}
        found += [_said(one, "trl.", known) for one in by_key.values()]
    return found


def _construction(config: RunConfig) -> list[str]:
    """What TRL refuses of its arguments together, with the key on which it depends."""
    import torch

    on_cpu = config.model.device == "cpu" or not torch.cuda.is_available()  # a plan needs no GPU
    needing_gpu = {"tf32"} if on_cpu and config.model.device == "cuda" else set()

    def refusal(without: str | None = None) -> str | None:
        kept = {key: value for key, value in config.trl.items() if key not in {without, *needing_gpu}}
        try:
            arguments(config.model_copy(update={"trl": kept}), Path("run"), on_cpu=on_cpu)
        except (ValueError, TypeError, NotImplementedError, ImportError) as error:
            return " ".join(str(error).split())
        except KeyError:  # `derived` needs it
            return "is needed"
        return None

    reason = refusal()
    if reason is None:
        return []
    keys = [f"trl.{key}" for key in config.trl if refusal(key) is None]
    return [f"{', '.join(keys) or 'trl'}: {printable(reason, 400)}"]


def _fields(kind: type[RunConfig]) -> dict[str, Any]:
    """Types of the arguments of TRL's config class by name."""
    module, name = kind.TRL
    with known_notices():
        trls = getattr(import_module(module), name)
    hints = get_type_hints(trls)
    return {one.name: hints[one.name] for one in dataclasses.fields(trls) if one.init}


@cache
def _fields_model(kind: type[RunConfig]) -> type[BaseModel]:
    """TRL's arguments with their types and bounds; all may be left out."""
    fields: dict[str, Any] = {name: (_BOUNDS.get(name, hint), None) for name, hint in _fields(kind).items()}
    strict = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True, protected_namespaces=())
    return create_model("Arguments", __config__=strict, **fields)


def _schema(kind: type[BaseModel], prefix: str = "") -> list[str]:
    """Full names of our own keys."""
    found: list[str] = []
    for name, field in kind.model_fields.items():
        inner = _models(field.annotation)
        found += [key for one in inner for key in _schema(one, f"{prefix}{name}.")] or [f"{prefix}{name}"]
    return found


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [one for inner in getattr(annotation, "__args__", ()) for one in _models(inner)]


def _said(error: Any, prefix: str, known: Sequence[str]) -> str:
    loc = list(map(str, error["loc"]))
    key = prefix + ".".join(loc[:1] if prefix else loc)
    if error["type"] == "missing":
        return f"{key}: is missing"
    if error["type"] == "extra_forbidden":
        return f"{printable(key)}: is not a key of this config{nearest(key.removeprefix('trl.'), known)}"
    reason = f"{error['msg'][:1].lower()}{error['msg'][1:]}"
    return f"{printable(key or 'the whole')}: {reason} (it is {printable(error['input'], 40)})"


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_plain, value.values()))
    if isinstance(value, list):
        return all(map(_plain, value))
    return value is None or isinstance(value, (str, int, float, bool))


def _refuse(found: Sequence[str], where: str) -> None:
    if found:
        raise InputError(
            f"{where} is not a config for this.", problems=[Problem(one) for one in found], remedy="fix these keys"
        )
