"""What was asked of `bench baseline`: one frozen value, from which a run is made, recorded, repeated and printed.

What a reviewer is made from: the request, the articles that will be asked about, train articles and prices.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bioreview_bench.data.article import Article
from bioreview_bench.data.load import load_split
from bioreview_bench.errors import InputError, printable
from bioreview_bench.llm.calls.asking import Asking
from bioreview_bench.llm.calls.prices import Price
from bioreview_bench.llm.text.fitting import load_counter
from bioreview_bench.llm.text.prompt import Prompt

DEFAULT_BUDGET = 15_000
# Parameters are recorded in run.json, so a secret among them would be published with it.
_SECRET = re.compile(r"(?i)(^|[._-])(api[_-]?key|key|token|authorization|password|secret)$")


@dataclass(frozen=True)
class Request:
    """Options of one run. None stands for "not given": each kind of reviewer has its own default, or no use for it.

    `data`, `split`, `limit` and `ids` say which articles; `prices` is a file, `batch` asks for the service's
    batches in place of single calls; the rest says how they are reviewed.
    """

    name: str
    data: str = "v3"
    split: str = "val"
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

    def as_dict(self) -> dict[str, Any]:
        """For `run.json`."""
        return dataclasses.asdict(self) | {"adapters": list(self.adapters), "parameters": dict(self.parameters)}

    @classmethod
    def from_dict(cls, stored: Any, where: object) -> Request:
        """The request that `as_dict` recorded. Raises InputError."""
        names = {item.name for item in dataclasses.fields(cls)}
        try:
            known = {key: value for key, value in stored.items() if key in names}
            return cls(**known | {"adapters": tuple(known["adapters"]), "parameters": dict(known["parameters"])})
        except (AttributeError, KeyError, TypeError, ValueError):
            raise InputError(
                f"{where} does not say how its run was asked for.", remedy="run bench baseline NAME --out with it again"
            ) from None

    def given(self) -> set[str]:
        """Names of the options that some kinds of reviewer have no use for, and that were given."""
        options = ("prompt", "counter", "budget", "fix_labels", "structured", "base_url", "key_variable")
        found = {name for name in options if getattr(self, name) is not None}
        found |= {name for name in ("adapters", "parameters", "batch") if getattr(self, name)}
        return found | ({"tensor_parallel"} if self.tensor_parallel is not None else set())

    def command(self, out: object, max_cost: float | None = None) -> str:
        """The command that starts or resumes this run; a limit of cost stays one until the user lifts it."""
        words = ["bench", "baseline", self.name, "--data", self.data, "--split", self.split, "--out", str(out)]
        for option, value in (
            ("--limit", self.limit),
            ("--ids", self.ids),
            ("--prompt", self.prompt),
            ("--counter", self.counter),
            ("--budget", self.budget),
            ("--base-url", self.base_url),
            ("--key-variable", self.key_variable),
            ("--tensor-parallel", self.tensor_parallel),
            ("--prices", self.prices),
            ("--max-cost", max_cost),
        ):
            if value is not None:
                words += [option, str(value)]
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
    found: dict[str, Any] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise InputError(f'"{printable(pair, 40)}" is not of the form k=v.', remedy="--param temperature=0.1")
        if _SECRET.search(name):
            raise InputError(
                f"The parameter {printable(name)} could hold a secret, and parameters are written to run.json.",
                remedy="keep keys in an environment variable and name it with --key-variable",
            )
        if name in found:
            raise InputError(f"The parameter {printable(name)} is given twice.", remedy="give it once")
        found[name] = _value(value)
    return found


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


DEFAULT_PROMPT = "objects-v1"


@dataclass(frozen=True)
class Job:
    """A request with its articles. `articles` are never handed to a reviewer's `review`, which gets manuscripts."""

    request: Request
    articles: Sequence[Article]
    prices: Mapping[str, Price] = field(default_factory=dict)

    @cached_property
    def train(self) -> Sequence[Article]:
        """Train articles of the same data, for reviewers that learn or borrow. Raises DataError."""
        return load_split(self.request.data, "train", allow_unfrozen=self.request.allow_unfrozen)

    @property
    def parameters(self) -> dict[str, Any]:
        """What `--param` said."""
        return dict(self.request.parameters)

    @property
    def prompt(self) -> Prompt:
        """The prompt asked for, or the default one. Raises InputError."""
        return Prompt.load(self.request.prompt or DEFAULT_PROMPT)

    @property
    def budget(self) -> int:
        """Tokens of paper."""
        return self.request.budget or DEFAULT_BUDGET

    def asking(self, *, counter: str = "chars3", tokenizer: Any = None, structured: bool = True) -> Asking:
        """How to ask, with the defaults of a kind of reviewer. Raises InputError, EncoderError."""
        wanted = self.request.structured
        return Asking(
            self.prompt,
            load_counter(self.request.counter or counter, tokenizer),
            self.budget,
            bool(self.request.fix_labels),
            structured=structured if wanted is None else wanted,
        )

    def take(self, **kinds: type) -> dict[str, Any]:
        """The parameters, each of the type that `kinds` says. Raises InputError for others, naming the nearest."""
        found = self.parameters
        for name, value in found.items():
            if name not in kinds:
                raise unknown(f"parameter of {printable(self.request.name)}", name, kinds)
            kind = kinds[name]
            if kind is float and isinstance(value, int) and not isinstance(value, bool):
                found[name] = value = float(value)
            if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
                raise InputError(
                    f"The parameter {name} must be {_TYPES[kind]}, this is {printable(value, 40)}.",
                    remedy=f"--param {name}=VALUE",
                )
        return found


def unknown(what: str, name: str, known: Sequence[str] | Mapping[str, Any]) -> InputError:
    """The error for a name that does not exist, with the nearest ones that do."""
    import difflib

    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5) or sorted(known)
    return InputError(f'There is no {what} "{printable(name)}".', remedy=f"use {', '.join(near) or 'none'}")


_TYPES: Mapping[Callable[..., Any], str] = {
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "text",
}
