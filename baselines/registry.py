"""Reviewers by name. Installed packages add theirs under the entry point `bioreview_bench.reviewers`.

Such an entry point names a function that takes a `Job` and returns a Reviewer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec

from bioreview_bench.errors import InputError, printable
from bioreview_bench.llm.providers.google import KEY_ENV as GOOGLE_KEY
from bioreview_bench.llm.providers.openai import KEY_ENV as OPENAI_KEY
from bioreview_bench.llm.review import Reviewer

from . import builders
from .builders import PRESETS, Build, Preset
from .request import Job, unknown

ENTRY_POINT = "bioreview_bench.reviewers"
COMMANDS = ("list", "prices", "status", "retry", "reparse")  # names that `bench baseline` keeps for itself

_ASKED = frozenset({"prompt", "counter", "budget", "fix_labels", "parameters"})
_API = _ASKED | {"structured", "base_url", "key_variable"}
_ALL = _API | {"adapters", "tensor_parallel"}
_DAY = 86_400.0


@dataclass(frozen=True)
class Kind:
    """A reviewer, or a family of them (`openai:MODEL`), that can be built.

    `accepts` are the options that it has a use for, `module` what it imports, `install` how to get that. `timeout` is
    the seconds of one attempt, `concurrency` how many papers are under review at once unless the user says.
    """

    name: str
    summary: str
    build: Build
    accepts: frozenset[str] = frozenset()
    module: str | None = None
    install: str | None = None
    key_variable: str | None = None
    concurrency: int = 8
    timeout: float = 600.0

    def needs(self) -> list[str]:
        """What is missing before it can run here."""
        missing = []
        if self.module == "vllm":
            from .local.vllm_server import EXECUTABLE, executable

            if executable() is None:
                missing.append(f"vllm on the PATH, or {EXECUTABLE}")
        elif self.module is not None and not _installed(self.module):
            missing.append(self.install or self.module)
        if self.key_variable is not None and not os.environ.get(self.key_variable, "").strip():
            missing.append(f"the variable {self.key_variable}")
        return missing


def find(name: str) -> Kind:
    """The reviewer with this name. Raises InputError naming the nearest."""
    prefix, colon, model = name.partition(":")
    if colon and prefix in _FAMILIES:
        if not model or model != model.strip():
            raise InputError(f'"{printable(name)}" names no model.', remedy=f"write {prefix}:MODEL")
        kind = _FAMILIES[prefix](model)
        return replace(kind, name=name)
    known = {kind.name: kind for kind in single()}
    if name in known:
        return known[name]
    points = third_party()
    if name in points:
        return _third_party(points[name])
    raise unknown("reviewer", name, [*known, *points, *(f"{family}:MODEL" for family in _FAMILIES), *COMMANDS])


def every() -> list[Kind]:
    """What `bench baseline list` shows: single reviewers, families, and those of installed packages."""
    families = [replace(make("MODEL"), name=f"{prefix}:MODEL") for prefix, make in _FAMILIES.items()]
    return [*single(), *families, *(_third_party(point) for _, point in sorted(third_party().items()))]


def single() -> list[Kind]:
    """Reviewers with a name of their own."""
    presets = [_preset(name, preset) for name, preset in PRESETS.items()]
    bm25 = Kind(
        "bm25",
        "concerns of train articles that share words with the paper",
        builders.bm25,
        frozenset({"parameters"}),
        module="bm25s",
        install=_BASELINES,
        timeout=_DAY,
    )
    published = replace(
        bm25,
        name="bm25-v3",
        summary="the published lexical recipe (leaky)",
        build=builders.bm25_v3,
        accepts=frozenset(),
    )
    return [*presets, bm25, published, *(_control(name) for name in _CONTROLS)]


def third_party() -> Mapping[str, EntryPoint]:
    """Reviewers of installed packages by name."""
    return {point.name: point for point in entry_points(group=ENTRY_POINT)}


_BASELINES = "pip install 'bioreview-bench[baselines]'"
_CONTROLS = {
    "generic": "control: ten stock comments",
    "echo": "control: ten sentences of the paper",
    "neighbour": "control: concerns of the lexically nearest train article",
    "random-train": "control: concerns of a train article drawn at random",
}


def _openai(model: str, preset: Preset | None = None) -> Kind:
    return Kind(
        f"openai:{model}",
        "any model of OpenAI, or of a server like it (--base-url)",
        builders.openai(model, preset),
        # Services that only speak like OpenAI's have batches of another kind, or none.
        _API | {"batch"} if preset is None or preset.base_url is None else _API,
        module="openai",
        install=_BASELINES,
        key_variable=preset.key_variable if preset else OPENAI_KEY,
    )


def _google(model: str, preset: Preset | None = None) -> Kind:
    return Kind(
        f"google:{model}",
        "any Gemini model",
        builders.google(model, preset),
        _API,
        module="google.genai",
        install=_BASELINES,
        key_variable=preset.key_variable if preset else GOOGLE_KEY,
    )


def _vllm(model: str) -> Kind:
    return Kind(
        f"vllm:{model}",
        "a local model, served by vLLM",
        builders.vllm(model),
        _ASKED | {"structured", "adapters", "tensor_parallel"},
        module="vllm",
        concurrency=64,
        timeout=3600.0,
    )


def _hf(model: str) -> Kind:
    return Kind(
        f"hf:{model}",
        "a local model, in this process by transformers",
        builders.hf(model),
        _ASKED | {"adapters"},
        concurrency=16,
        timeout=7 * _DAY,  # a paper may wait for many batches
    )


_FAMILIES: Mapping[str, Callable[[str], Kind]] = {"openai": _openai, "google": _google, "vllm": _vllm, "hf": _hf}


def _preset(name: str, preset: Preset) -> Kind:
    make = _openai if preset.kind == "openai" else _google
    return replace(make(preset.model, preset), name=name, summary=f"{preset.model} ({preset.summary})")


def _control(name: str) -> Kind:
    accepts = frozenset({"parameters"} if name == "random-train" else ())
    return Kind(name, _CONTROLS[name], builders.control(name), accepts, timeout=_DAY)


def _third_party(point: EntryPoint) -> Kind:
    def build(job: Job) -> Reviewer:
        try:
            make: Build = point.load()
        except Exception as error:  # whatever the import of somebody else's module raises
            raise InputError(
                f"The reviewer {point.name} cannot be loaded from {_package(point)}: {error}",
                remedy="mend or remove that package",
            ) from error
        return make(job)

    return Kind(point.name, f"from {_package(point)}", build, _ALL)


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the parent of a submodule
        return False
