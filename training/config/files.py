"""Training configs as files: YAML read strictly, what a file inherits by `base`, and changes by name.

A config is a file, or the name of one that the package carries beside the method that it is for. `base` names one or
several that it builds on: maps are merged key by key, everything else is replaced.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any

from bioreview_bench.errors import EncoderError, InputError, printable
from bioreview_bench.files.install import install_command
from bioreview_bench.files.paths import cannot_read

_LARGEST = 64 << 10  # bytes of a config file; the longest shipped one has 2,000
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_FLOAT = re.compile(r"[-+]?\d[\d_]*(?:\.\d*)?[eE][-+]?\d+")
_ROOMS = ("models", "sft", "dpo", "grpo")
# Keys of the first configuration language, and what they are now.
_TRAINER = {
    "optimiser.name": "optim", "optimiser.lr": "learning_rate", "optimiser.schedule": "lr_scheduler_type",
    "optimiser.warmup": "warmup_steps", "optimiser.weight_decay": "weight_decay", "optimiser.beta1": "adam_beta1",
    "optimiser.beta2": "adam_beta2", "optimiser.epsilon": "adam_epsilon", "optimiser.max_grad_norm": "max_grad_norm",
    "training.epochs": "num_train_epochs", "training.max_steps": "max_steps (-1 for none)",
    "training.batch_size": "per_device_train_batch_size", "training.accumulation": "gradient_accumulation_steps",
    "training.max_length": "max_length (GRPO: data.max_prompt and trl.max_completion_length)", "training.seed": "seed",
    "training.gradient_checkpointing": "gradient_checkpointing", "training.packing": "packing",
    "training.liger": "use_liger_kernel", "keeping.log_steps": "logging_steps", "keeping.save_steps": "save_steps",
    "keeping.keep_checkpoints": "save_total_limit", "keeping.eval_steps": "eval_steps, with trl.eval_strategy",
    "keeping.report_to": "report_to", "dpo.type": "loss_type", "dpo.beta": "beta",
    "dpo.label_smoothing": "label_smoothing", "grpo.loss_type": "loss_type", "grpo.scale_rewards": "scale_rewards",
    "grpo.generations": "num_generations", "grpo.beta": "beta", "grpo.kl_corrected": "use_bias_correction_kl",
    "grpo.iterations": "num_iterations", "grpo.steps_per_generation": "steps_per_generation",
    "grpo.epsilon": "epsilon", "grpo.max_completion": "max_completion_length", "grpo.temperature": "temperature",
    "grpo.top_p": "top_p", "grpo.top_k": "top_k", "grpo.repetition_penalty": "repetition_penalty",
    "grpo.mask_truncated": "mask_truncated_completions", "grpo.engine": "use_vllm (true or false)",
    "grpo.vllm_memory": "vllm_gpu_memory_utilization",
}  # fmt: skip
RENAMED = {
    **{key: f"trl.{name}" for key, name in _TRAINER.items()},
    **{f"corpus.{key}": f"data.{key}" for key in ("folder", "fingerprint", "thinking", "system")},
    **{f"lora.{key}": f"adapter.{key}" for key in ("r", "alpha", "dropout", "rank_stabilised", "targets")},
    "lora.bias": "nothing: it was always none", "schema_version": "nothing", "kind": "method",
    "training.effective_batch": "effective_batch", "keeping.eval_examples": "data.eval_examples",
    "grpo.max_prompt": "data.max_prompt",
}  # fmt: skip

# Names under which the predecessors published what a config here follows.
PUBLISHED_AS = {
    "qwen3.5_9b_all_nonfig": "qwen3.5_9b", "qwen3.5_9b_all_nonfig_fast": "qwen3.5_9b_fast",
    "qwen3_8b_all_nonfig": "qwen3_8b", "qwen3_8b_qlora": "qwen3_8b", "qwen3.5_9b_qlora": "qwen3.5_9b",
    "qwen2.5_14b_qlora": "qwen2.5_14b", "deepseek_r1_14b_qlora": "deepseek_r1_14b", "qwen7b_qlora": "qwen2.5_7b",
    "gemma2_9b_all_nonfig": "gemma2_9b", "gemma2_9b_8k_left": "gemma2_9b", "gemma2_9b_all_nonfig_8k_left": "gemma2_9b",
    "gemma4_31b_all_nonfig": "gemma4_31b", "lr_1e4": "qwen2.5_14b_lr_1e4", "lr_3e4": "qwen2.5_14b_lr_3e4",
    "ep5": "qwen2.5_14b_ep5", "kmp_dpo": "dpo_kmp", "kmp_sft": "kmp_mistral7b", "biogrpo_mve": "grpo_mve",
    "biogrpo_full": "grpo_full", "biogrpo_full_v2": "grpo_full_v2", "biogrpo_phase4": "grpo_phase4",
}  # fmt: skip


def shipped() -> dict[str, Path]:
    """File of each config in the package by its name, sorted; those that begin with _ are only built on."""
    root = Path(str(resources.files("bioreview_bench.training")))
    found = {path.stem: path for room in _ROOMS for path in (root / room / "presets").rglob("*.yaml")}
    return dict(sorted(found.items()))


def presets() -> list[str]:
    """Names of the configs in the package that can be trained by."""
    return [name for name in shipped() if not name.startswith("_")]


def read_values(name_or_path: str | Path) -> dict[str, Any]:
    """The keys of a shipped config by name, or of a YAML file, with what it inherits.

    Raises InputError, EncoderError (no YAML reader).
    """
    return _inherited(str(name_or_path), None, ())


def parse_yaml(content: bytes, where: str) -> dict[str, Any]:
    """One mapping of YAML, without aliases, tags of Python or repeated keys. Raises InputError, EncoderError."""
    if len(content) > _LARGEST:
        raise InputError(f"{where} is larger than {_LARGEST:,} bytes.", remedy="name a config file")
    yaml = _yaml()
    try:
        values = yaml.load(content.decode("utf-8-sig"), Loader=_loader())
    except UnicodeDecodeError as error:
        raise InputError(f"{where} is not UTF-8 (byte {error.start + 1}).", remedy="save it as UTF-8") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = printable(" ".join(str(error).split()), 300)
        raise InputError(f"{where} is not YAML: {reason}.", remedy="fix the file") from error
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise InputError(f"{where} has no keys with values.", remedy="see bench train config show qwen3_8b")
    return values


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `over` put in: maps key by key, everything else replaced. Neither is changed."""
    result = {key: merged(value, {}) if isinstance(value, dict) else value for key, value in base.items()}
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else merged(value, {}) if isinstance(value, dict) else value
    return result


def changed(values: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """`values` with `KEY=VALUE` settings put in. Raises InputError."""
    result = merged(values, {})
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise InputError(
                f'"{printable(setting)}" is not of the form KEY=VALUE.', remedy="--set trl.learning_rate=1e-4"
            )
        put(result, key, scalar(text))
    return result


def put(values: dict[str, Any], key: str, value: Any) -> str:
    """Set `key` in place: a full name (`trl.learning_rate`), or its last part where that is unique.

    Every argument of TRL can be set by its full name. Returns the full name. Raises InputError for other keys that the
    config does not have.
    """
    known = list(names(values))
    fits = [name for name in known if name == key] or [name for name in known if name.endswith(f".{key}")]
    if not fits and (re.fullmatch(r"trl\.\w+|start\.\w+", key) or any(name.startswith(f"{key}.") for name in known)):
        fits = [key]  # another argument of TRL, or a whole group
    if not fits:
        raise InputError(
            f'"{printable(key)}" is not a key of the config{nearest(key, known)}.',
            remedy="see bench train config show NAME; other arguments of TRL by their full name: --set trl.NAME=VALUE",
        )
    if len(fits) > 1:
        raise InputError(f'"{printable(key)}" fits several keys.', remedy=f"use one of {', '.join(fits)}")
    *groups, last = fits[0].split(".")
    inner = values
    for group in groups:
        inner = inner.setdefault(group, {})
    inner[last] = value
    return fits[0]


def scalar(text: str) -> Any:
    """A value from a command line, read as YAML reads it: 1e-4, true, null, [a, b], text."""
    yaml = _yaml()
    try:
        return yaml.load(text, Loader=_loader())
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError(f'"{printable(text)}" is not a value.', remedy="quote it as YAML asks") from error


def dump(values: Mapping[str, Any]) -> str:
    """The values as YAML, keys in their order."""
    return str(_yaml().safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=110))


def names(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Full names of all keys that hold no map."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from names(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def nearest(key: str, known: Iterable[str]) -> str:
    """What is put behind a key that is none: the known key (or part of one) most like it, or what it is called now.

    >>> nearest("adaptor", ["adapter.r", "start.adapters"]), nearest("optimiser.lr", [])
    (' (did you mean adapter?)', ' (it is trl.learning_rate now)')
    """
    key = str(key)
    old = RENAMED.get(key) or next((new for name, new in RENAMED.items() if name.endswith(f".{key}")), None)
    if old is not None:
        return f" (it is {old} now)"
    parts: dict[str, str] = {}
    for name in known:
        words = name.split(".")
        for n, word in enumerate(words, start=1):
            parts.setdefault(word, ".".join(words[:n]))
    return like(key.rpartition(".")[2], parts)


def preset_for(model: str, *, questions: bool = False) -> str | None:
    """The first config in the package that trains `model` by examples: to review, or to answer questions."""
    for name in presets():
        values = read_values(name)
        asked_for = values["method"] == "sft" and name.startswith("kmp") == questions
        if asked_for and values["model"]["name"].lower() == model.lower():
            return name
    return None


def config_words(model: str | None, *, questions: bool = False) -> list[str]:
    """Words of a command that train `model`: the config for it, or another one with --model."""
    known = preset_for(model, questions=questions) if model is not None else None
    if known is not None:
        return [known]
    return ["kmp_mistral7b" if questions else "qwen3_8b", *(["--model", model] if model is not None else [])]


def nearest_preset(name: str) -> str | None:
    """The config in the package that a wrong name most likely means: published so, for that model, or spelt like it.

    >>> nearest_preset("configs/qwen3_8b_all_nonfig.yaml"), nearest_preset("Qwen/Qwen3-8B"), nearest_preset("GRPO full")
    ('qwen3_8b', 'qwen3_8b', 'grpo_full')
    """
    of_model = preset_for(name)
    if of_model is not None:
        return of_model
    word = re.sub(r"[\s-]+", "_", re.sub(r"\.(ya?ml|json|toml)$", "", name.rpartition("/")[2]).strip().lower())
    spelt = {**PUBLISHED_AS, **{preset: preset for preset in presets()}}
    alike = get_close_matches(word, spelt, n=1, cutoff=0.6)
    return spelt[alike[0]] if alike else None


def like(word: str, known: Mapping[str, str]) -> str:
    """` (did you mean ...?)`, of what stands for the known word that is most like this one; or nothing."""
    alike = get_close_matches(word, known, n=1, cutoff=0.7)
    return f" (did you mean {known[alike[0]]}?)" if alike else ""


def _inherited(name: str, beside: Path | None, before: tuple[Path, ...]) -> dict[str, Any]:
    path = _file(name, beside)
    if path in before:
        chain = " -> ".join(one.stem for one in (*before, path))
        raise InputError(f"A config inherits from itself: {printable(chain)}.", remedy="take one `base` out")
    label = f"the config {name}" if name in shipped() else str(path)
    values = parse_yaml(_content(path, name), label)
    bases = values.pop("base", [])
    bases = [bases] if isinstance(bases, str) else bases
    if not isinstance(bases, list) or not all(isinstance(base, str) for base in bases):
        raise InputError(f"{label}: base is neither the name of a config nor a list of names.", remedy="base: qwen3_8b")
    result: dict[str, Any] = {}
    for base in bases:
        result = merged(result, _inherited(base, path.parent, (*before, path)))
    return merged(result, values)


def _file(name: str, beside: Path | None) -> Path:
    """A shipped config's file, or a path; one that a file names is relative to it."""
    known = shipped().get(name)
    return known if known is not None else (beside or Path()) / name


def _content(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        if os.path.exists(path):
            raise cannot_read(path, error) from error
        near = nearest_preset(str(name))
        meant = f" (did you mean {near}?)" if near is not None else ""
        raise InputError(
            f'There is no config "{printable(name)}", neither a file nor in the package{meant}.',
            remedy="bench train config list" + (f", or bench train config show {near}" if near is not None else ""),
        ) from error


def _yaml() -> Any:
    try:
        import yaml
    except ImportError as error:
        raise EncoderError(
            "Configs need pyyaml, which is not installed.", remedy=install_command("training")
        ) from error
    return yaml


def _loader() -> Any:
    """A SafeLoader that refuses aliases and repeated keys, and reads 1e-4 and no as people mean them."""
    yaml = _yaml()

    class Strict(yaml.SafeLoader):  # type: ignore[name-defined, misc]
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.events.AliasEvent):
                raise yaml.YAMLError("aliases are not taken")
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            keys = [key.value for key, _ in node.value]
            if len(set(keys)) != len(keys):
                raise yaml.YAMLError(f"a key occurs twice among {', '.join(map(str, keys))}")
            return super().construct_mapping(node, deep)

    # YAML 1.1 wants a point and a sign in 1.0e-4, takes 1e-4 for text, and "no" (of eval_strategy) for false.
    Strict.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if not pair[0].endswith(":bool")]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Strict.add_implicit_resolver("tag:yaml.org,2002:bool", _BOOL, list("tTfF"))
    Strict.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789"))
    return Strict
