"""Reviewers by name. Each registers itself: a file of reviewers holds `REVIEWERS`, one Registration for each.

These files are light to import; what a reviewer needs is imported when it is made. Installed packages add theirs under
the entry point `bioreview_bench.reviewers`, which names a function that takes a `Job` and returns a Reviewer.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any

from bioreview_bench.data.article import Article
from bioreview_bench.data.load import load_split
from bioreview_bench.errors import EncoderError, InputError, Needs, did_you_mean, printable
from bioreview_bench.files.install import install_command
from bioreview_bench.llm.calls.asking import Asking
from bioreview_bench.llm.calls.prices import Price
from bioreview_bench.llm.providers.api import Key
from bioreview_bench.llm.review import Reviewer
from bioreview_bench.llm.text.fitting import load_counter
from bioreview_bench.llm.text.prompt import Prompt

from .options import RunOptions

ENTRY_POINT = "bioreview_bench.reviewers"
COMMANDS = ("list", "prices", "status", "retry", "reparse")  # names that `bench baseline` keeps for itself
FILES = (".api", ".bm25.reviewer", ".bm25.bm25_v3", ".control_reviewers", ".local.vllm_reviewer", ".local.hf_reviewer")

# Options that a reviewer may accept: any that is asked with a prompt, and any behind an address.
PROMPTED = frozenset({"prompt", "counter", "budget", "fix_labels", "parameters"})
REMOTE = PROMPTED | {"structured", "base_url", "key_variable"}
DAY = 86_400.0  # seconds
_ANY_MODEL = "MODEL"
_DEFAULT_PROMPT, _DEFAULT_BUDGET = "objects-v1", 15_000


@dataclass(frozen=True)
class Registration:
    """A reviewer by its name, or any model of a family (`openai:MODEL`).

    `accepts` are the options that it has a use for, `module` what it imports, `executable` the variable and the
    command that it runs, `extra` the extra that brings it. `timeout` is the seconds of one attempt, `concurrency` how
    many papers are under review at once unless the user says.
    """

    name: str
    summary: str
    build: Callable[[Job], Reviewer]
    accepts: frozenset[str] = frozenset()
    module: str | None = None
    executable: tuple[str, str] | None = None
    extra: str = "baselines"
    key_variable: str | None = None
    concurrency: int = 8
    timeout: float = 600.0

    def gather(self, needs: Needs, options: RunOptions) -> None:
        """Note what this machine lacks for a run with these options: a library, a command, a key."""
        if self.module is not None and not _installed(self.module):
            remedy = install_command(self.extra)
            if all(part.remedy != remedy for part in needs.parts):
                needs.parts.append(
                    EncoderError(f"{self.name} needs {self.module}, which is not installed.", remedy=remedy)
                )
        if self.executable is not None and options.base_url is None:
            variable, command = self.executable
            if shutil.which(os.environ.get(variable) or command) is None:
                wanted = f"install it, or export {variable}=PATH"
                needs.parts.append(
                    EncoderError(f"{self.name} runs {command}, which is not on the path.", remedy=wanted)
                )
        # A key goes to the service that it was made for; another address has none unless one is named.
        key = options.key_variable or (self.key_variable if options.base_url is None else None)
        if key is not None:
            with needs.gather():
                Key(key)

    def missing(self) -> list[str]:
        """What is missing before it can run here."""
        missing = [] if self.module is None or _installed(self.module) else [install_command(self.extra)]
        if self.executable is not None:
            variable, command = self.executable
            if shutil.which(os.environ.get(variable) or command) is None:
                missing.append(f"{command} on the PATH, or {variable}")
        if self.key_variable is not None and not os.environ.get(self.key_variable, "").strip():
            missing.append(f"the variable {self.key_variable}")
        return missing


@dataclass(frozen=True)
class Job:
    """What a reviewer is made from: the options of its run, the articles that it will be asked about, and prices.

    The articles are never handed to a reviewer's `review`, which gets manuscripts.
    """

    options: RunOptions
    articles: Sequence[Article]
    prices: Mapping[str, Price] = field(default_factory=dict)

    @cached_property
    def train(self) -> Sequence[Article]:
        """Train articles of the same data, for reviewers that learn or borrow. Raises DataError."""
        return load_split(self.options.data, "train", allow_unfrozen=self.options.allow_unfrozen)

    @property
    def model(self) -> str:
        """MODEL of a name like `openai:MODEL`."""
        return self.options.name.partition(":")[2]

    @property
    def parameters(self) -> dict[str, Any]:
        """What `--param` said."""
        return dict(self.options.parameters)

    @property
    def prompt(self) -> Prompt:
        """The prompt asked for, or the default one. Raises InputError."""
        return Prompt.load(self.options.prompt or _DEFAULT_PROMPT)

    @property
    def budget(self) -> int:
        """Tokens of paper."""
        return self.options.budget or _DEFAULT_BUDGET

    def asking(self, *, counter: str = "chars3", tokenizer: Any = None, structured: bool = True) -> Asking:
        """How to ask, with the defaults of a reviewer. Raises InputError, EncoderError."""
        wanted = self.options.structured
        return Asking(
            self.prompt,
            load_counter(self.options.counter or counter, tokenizer),
            self.budget,
            bool(self.options.fix_labels),
            structured=structured if wanted is None else wanted,
        )

    def take(self, **types: type) -> dict[str, Any]:
        """The parameters, each of the type that `types` says. Raises InputError for others, naming the nearest."""
        given = self.parameters
        for name, value in given.items():
            if name not in types:
                raise unknown(f"parameter of {printable(self.options.name)}", name, types)
            if types[name] is float and isinstance(value, int) and not isinstance(value, bool):
                given[name] = value = float(value)
            if not isinstance(value, types[name]) or (types[name] is not bool and isinstance(value, bool)):
                raise InputError(
                    f"The parameter {name} must be {_TYPES[types[name]]}, this is {printable(value, 40)}.",
                    remedy=f"--param {name}=VALUE",
                )
        return given


_TYPES: Mapping[type, str] = {float: "a number", int: "a whole number", bool: "true or false", str: "text"}


def find(name: str) -> Registration:
    """The reviewer with this name. Raises InputError naming the nearest."""
    known = {entry.name: entry for entry in _built_in()}
    prefix, colon, model = name.partition(":")
    family = known.get(f"{prefix}:{_ANY_MODEL}") if colon else None
    if family is not None:
        if not model or model != model.strip():
            raise InputError(f'"{printable(name)}" names no model.', remedy=f"write {prefix}:{_ANY_MODEL}")
        return replace(family, name=name)
    if name in known:
        return known[name]
    points = third_party()
    if name in points:
        return _third_party(points[name])
    near = did_you_mean(name, [*known, *points, *COMMANDS])
    raise InputError(
        f'There is no reviewer "{printable(name)}".',
        remedy=f"{near}Any model: {_any_model(name)}; bench baseline list shows the others",
    )


def _any_model(name: str) -> str:
    """How a model is named that has no short name; the family that it is of stands first."""
    model = printable(name) if name and ":" not in name else _ANY_MODEL
    families = ["openai", "google", "vllm", "hf"] if "/" not in name else ["vllm", "hf", "openai", "google"]
    if "gem" in name.lower() and "/" not in name:
        families = ["google", "openai", "vllm", "hf"]
    return ", ".join(f"{family}:{model if place == 0 else _ANY_MODEL}" for place, family in enumerate(families))


def every() -> list[Registration]:
    """What `bench baseline list` shows: single reviewers, families, and those of installed packages."""
    return [*_built_in(), *(_third_party(point) for _, point in sorted(third_party().items()))]


def third_party() -> Mapping[str, EntryPoint]:
    """Reviewers of installed packages by name."""
    return {point.name: point for point in entry_points(group=ENTRY_POINT)}


def unknown(what: str, name: str, known: Sequence[str] | Mapping[str, Any]) -> InputError:
    """The error for a name that does not exist, with the nearest ones that do."""
    import difflib

    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5) or sorted(known)
    return InputError(f'There is no {what} "{printable(name)}".', remedy=f"use {', '.join(near) or 'none'}")


def _built_in() -> list[Registration]:
    entries: list[Registration] = []
    for file in FILES:
        entries += import_module(file, __package__).REVIEWERS
    return sorted(entries, key=lambda entry: entry.name.endswith(f":{_ANY_MODEL}"))  # families after single ones


def _third_party(point: EntryPoint) -> Registration:
    package = point.dist.name if point.dist is not None else point.value

    def build(job: Job) -> Reviewer:
        try:
            make: Callable[[Job], Reviewer] = point.load()
        except Exception as error:  # whatever the import of somebody else's module raises
            raise InputError(
                f"The reviewer {point.name} cannot be loaded from {package}: {error}",
                remedy="fix or remove that package",
            ) from error
        return make(job)

    return Registration(point.name, f"from {package}", build, REMOTE | {"adapters", "tensor_parallel"})


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the parent of a submodule
        return False
