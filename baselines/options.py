"""The options of a run: one frozen value, from which the run is made, recorded, repeated and printed."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bioreview_bench.cli.options import SPLIT, data_setting, key_value
from bioreview_bench.errors import InputError, printable

# Parameters are recorded in run.json, so a secret among them would be published with it.
_SECRET = re.compile(r"(?i)(^|[._-])(api[_-]?key|key|token|authorization|password|secret)$")
# What some reviewers have no use for: single values, then the others.
_VALUES = ("prompt", "counter", "budget", "base_url", "key_variable", "tensor_parallel")
_PARTICULAR = (*_VALUES, "fix_labels", "structured", "adapters", "parameters", "batch")


@dataclass(frozen=True)
class RunOptions:
    """None stands for "not given": each reviewer has its own default, or no use for the option.

    `data`, `split`, `limit` and `ids` say which articles, or `paper` the file of one, which then has only its train
    articles from `data`; `prices` is a file, `batch` asks for the service's batches in place of single calls; the rest
    says how they are reviewed.
    """

    name: str
    data: str = "v3"
    split: str = SPLIT
    limit: int | None = None
    ids: str | None = None
    allow_unfrozen: bool = False
    prompt: str | None = None
    counter: str | None = None
    budget: int | None = None
    fix_labels: bool | None = None
    structured: bool | None = None
    base_url: str | None = None
    key_variable: str | None = None
    adapters: tuple[str, ...] = ()
    tensor_parallel: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    prices: str | None = None
    batch: bool = False
    paper: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For `run.json`."""
        return dataclasses.asdict(self) | {"adapters": list(self.adapters), "parameters": dict(self.parameters)}

    @classmethod
    def from_dict(cls, stored: Any, where: object) -> RunOptions:
        """The options that `as_dict` recorded. Raises InputError."""
        names = {item.name for item in dataclasses.fields(cls)}
        try:
            known = {key: value for key, value in stored.items() if key in names}
            return cls(**known | {"adapters": tuple(known["adapters"]), "parameters": dict(known["parameters"])})
        except (AttributeError, KeyError, TypeError, ValueError):
            raise InputError(
                f"{where} does not say how its run was asked for.", remedy="run bench baseline NAME --out with it again"
            ) from None

    def given(self) -> set[str]:
        """Names of the options that some reviewers have no use for, and that were given."""
        not_given: tuple[object, ...] = (None, (), {})
        return {name for name in _PARTICULAR if getattr(self, name) not in not_given} - (
            set() if self.batch else {"batch"}
        )

    def command(self, out: object, max_cost: float | None = None) -> str:
        """The command that starts or resumes this run; a limit of cost stays one until the user lifts it."""
        if self.paper is None:
            words = ["bench", "baseline", self.name, "--data", self.data, "--split", self.split]
        else:
            words = ["bench", "review", self.paper, "--with", self.name]
            words += [] if self.data == data_setting() else ["--data", self.data]
        words += ["--out", str(out)]
        values = [(name, getattr(self, name)) for name in ("limit", "ids", *_VALUES, "prices")]
        for name, value in (*values, ("max_cost", max_cost)):
            words += [] if value is None else [f"--{name.replace('_', '-')}", str(value)]
        for path in self.adapters:
            words += ["--adapter", path]
        for name, value in self.parameters.items():
            words += ["--param", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
        words += ["--fix-labels"] if self.fix_labels else []
        words += ["--no-structured"] if self.structured is False else []
        words += ["--allow-unfrozen"] if self.allow_unfrozen else []
        words += ["--batch"] if self.batch else []
        return shlex.join(words)


def read_parameters(given: Iterable[str]) -> dict[str, Any]:
    """`k=v` pairs; v is read as JSON where it is JSON (0.1, true, null), and is a string otherwise.

    Raises InputError for anything else, a second value for one name, and names that could hold a secret.
    """
    read: dict[str, Any] = {}
    for pair in given:
        name, value = key_value(pair, "--param temperature=0.1")
        if _SECRET.search(name):
            raise InputError(
                f"The parameter {printable(name)} could hold a secret, and parameters are written to run.json.",
                remedy="keep keys in an environment variable and name it with --key-variable",
            )
        if name in read:
            raise InputError(f"The parameter {printable(name)} is given twice.", remedy="give it once")
        read[name] = _value(value)
    return read


def slug(name: str) -> str:
    """A folder name for a reviewer's name: `hf:ORG/MODEL` gives `hf-ORG-MODEL`, a path gives its last part."""
    kind, colon, rest = name.partition(":")
    if colon and rest.startswith(("/", ".", "~")):
        rest = rest.rstrip("/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", f"{kind}-{rest}" if colon else name).strip("-.") or "run"


def _value(text: str) -> Any:
    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        return text
