"""What a reviewer is made from: the request, the articles that will be asked about, train articles and prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bioreview_bench.article import Article
from bioreview_bench.data.load import load_split
from bioreview_bench.errors import InputError, printable
from bioreview_bench.llm.asking import Asking
from bioreview_bench.llm.fitting import load_counter
from bioreview_bench.llm.prices import Price
from bioreview_bench.llm.prompt import Prompt

from .request import DEFAULT_BUDGET, Request

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
