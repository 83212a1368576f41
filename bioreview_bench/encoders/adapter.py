"""Adapters of an encoder: low-rank changes that are added to its weights when these are loaded.

A weight W becomes W + scale * B @ A (LoRA). What is added once costs nothing afterwards: every engine, dtype and cache
works as with any other weights. An adapter is a folder: `adapter.safetensors` holds the factors by module of the base
and alone decides vectors; `adapter.json` says what base it belongs to and how it was trained. An adapter that fits its
base in part is refused. Training is `bench train matcher`, not here, and PEFT is not needed here.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioreview_bench.contracts.contract import ADAPTERS, files_digest
from bioreview_bench.errors import EncoderError, printable

if TYPE_CHECKING:
    from torch import Tensor

FACTORS, FACTS = "adapter.safetensors", "adapter.json"
DOWN, UP = ".lora_A", ".lora_B"  # (rank, in) and (out, rank)
_AGAIN = "name a whole adapter folder, or train it again with bench train matcher"


@dataclass(frozen=True)
class Adapter:
    """An adapter, before its factors are read. `base_files` are the sha256 of the base's files by name, `modules` the
    linear modules of the base that it changes, `sha256` that of the factors' file.
    """

    folder: Path
    base: str
    base_files: Mapping[str, str]
    modules: tuple[str, ...]
    rank: int
    scale: float
    sha256: str

    @property
    def name(self) -> str:
        """What a signature calls it: the name of its folder."""
        return self.folder.name

    @property
    def files_sha256(self) -> str:
        """One sha256 over every file that decides a vector: those of the base, and the factors."""
        return files_digest({**self.base_files, FACTORS: self.sha256})


def find_adapter(name: str) -> Adapter:
    """The package's adapter of this name, or the one in a folder. Raises EncoderError."""
    if name in ADAPTERS:
        return read_adapter(Path(str(resources.files("bioreview_bench.encoders").joinpath("adapters", name))))
    return read_adapter(Path(name))


def read_adapter(folder: Path) -> Adapter:
    """What an adapter's folder says of it. Raises EncoderError when it is not one."""
    facts = _facts(folder / FACTS)
    try:
        adapter = Adapter(
            folder=folder.resolve(),
            base=str(facts["base"]["id"]),
            base_files={str(name): str(digest) for name, digest in facts["base"]["files"].items()},
            modules=tuple(str(module) for module in facts["targets"]),
            rank=int(facts["rank"]),
            scale=float(facts["scale"]),
            sha256=hashlib.sha256((folder / FACTORS).read_bytes()).hexdigest(),
        )
    except OSError as error:
        raise EncoderError(f"Cannot read {folder / FACTORS}: {error.strerror or error}.", remedy=_AGAIN) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EncoderError(f"{folder / FACTS} does not describe an adapter: {error!r}.", remedy=_AGAIN) from error
    if facts.get("pooling") != "mean":
        raise EncoderError(f"{folder / FACTS}: pooling must be mean, this is {facts.get('pooling')!r}.", remedy=_AGAIN)
    return adapter


def check_base(adapter: Adapter, present: Mapping[str, str]) -> None:
    """Raise EncoderError unless the base's files, sha256 by name, are those that the adapter was trained on."""
    other = differing_files(adapter.base_files, present)
    if other:
        raise EncoderError(
            f"The adapter {adapter.name} belongs to another base than this, to {adapter.base}: {other}",
            remedy=f"use the encoder {adapter.base}, or an adapter that was trained on this one",
        )


def differing_files(expected: Mapping[str, str], present: Mapping[str, str]) -> str:
    """The files (sha256 by name) that are not as expected, each with how it differs; "" when all are."""
    names = sorted(expected.keys() | present.keys())
    other = [name for name in names if expected.get(name) != present.get(name)]
    return _listed([f"{name} ({_difference(expected, present, name)})" for name in other]) if other else ""


def add_adapter(model: Any, adapter: Adapter) -> None:
    """Add the adapter to the weights of `model`, in float32. Raises EncoderError when any part does not fit."""
    import torch

    factors = _factors(adapter)
    modules = {name: module for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    wanted = {f"{name}{end}" for name in adapter.modules for end in (DOWN, UP)}
    problems = [f"{key}: {FACTS} does not name its module" for key in sorted(factors.keys() - wanted)]
    problems += [f"{key}: absent" for key in sorted(wanted - factors.keys())]
    problems += [f"{name}: the base has no such linear module" for name in adapter.modules if name not in modules]
    whole = [name for name in adapter.modules if name in modules and f"{name}{DOWN}" in factors]
    for name in whole:
        rows, columns = modules[name].weight.shape
        for key, shape in ((f"{name}{DOWN}", (adapter.rank, columns)), (f"{name}{UP}", (rows, adapter.rank))):
            problems += _misfits(key, factors.get(key), shape)
    if problems or not adapter.modules:
        raise EncoderError(
            f"The adapter in {adapter.folder} does not fit its base: {_listed(problems or ['it names no module'])}",
            remedy=_AGAIN,
        )
    with torch.no_grad():
        for name in whole:
            change = factors[f"{name}{UP}"].float() @ factors[f"{name}{DOWN}"].float()
            modules[name].weight += adapter.scale * change


def _misfits(key: str, factor: Tensor | None, shape: tuple[int, int]) -> list[str]:
    if factor is None:
        return []  # named as absent
    if tuple(factor.shape) != shape:
        return [f"{key}: shape {tuple(factor.shape)}, and {shape} is expected"]
    return [] if factor.is_floating_point() and bool(factor.isfinite().all()) else [f"{key}: not finite numbers"]


def _factors(adapter: Adapter) -> dict[str, Tensor]:
    from safetensors import SafetensorError, safe_open

    path = adapter.folder / FACTORS
    try:
        with safe_open(path, framework="pt") as stored:
            scale = (stored.metadata() or {}).get("scale")
            factors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118 (it is no mapping)
    except (OSError, SafetensorError) as error:
        raise EncoderError(f"Cannot load {path}: {error}.", remedy=_AGAIN) from error
    if hashlib.sha256(path.read_bytes()).hexdigest() != adapter.sha256:
        raise EncoderError(f"{path} changed while it was in use.", remedy="run the command again")
    if scale != repr(adapter.scale) or not math.isfinite(adapter.scale):
        raise EncoderError(f"{path} states the scale {scale}, {FACTS} {adapter.scale!r}.", remedy=_AGAIN)
    return factors


def _facts(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EncoderError(f"{printable(path)} cannot be read: {error}.", remedy=_AGAIN) from error
    if not isinstance(facts, dict):
        raise EncoderError(f"{path} is not a JSON object.", remedy=_AGAIN)
    return facts


def _listed(problems: Sequence[str], most: int = 8) -> str:
    more = f"; and {len(problems) - most} more" if len(problems) > most else ""
    return f"{'; '.join(printable(problem, 200) for problem in problems[:most])}{more}."


def _difference(expected: Mapping[str, str], present: Mapping[str, str], name: str) -> str:
    if name not in present:
        return "absent"
    if name not in expected:
        return "not one of its files"
    return f"sha256 {present[name]}, and {expected[name]} is expected"
