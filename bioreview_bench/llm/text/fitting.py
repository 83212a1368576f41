"""Fitting a paper into a token budget: what matters most goes first, and a cut is marked.

Order: title and abstract, methods, results, introduction, discussion, the rest. Counters are named in the run, and
none stands in for another.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import EncoderError, InputError, printable

DEFAULT_BUDGET = 15_000
_ORDER = (
    ("method", "material", "experimental procedure"),
    ("result",),
    ("introduction", "background"),
    ("discussion",),
)
_BREAKS = (re.compile(r"\n+"), re.compile(r"(?<=[.!?])\s+"))


class Counter(Protocol):
    """Counts tokens of a text."""

    @property
    def name(self) -> str:
        """What the run records."""
        ...

    def count(self, text: str) -> int:
        """Number of tokens."""
        ...


@dataclass(frozen=True)
class Chars3:
    """Three characters a token, rounded up: an estimate, for models whose tokenizer is not at hand."""

    name: str = "chars3"

    def count(self, text: str) -> int:
        """A third of the characters."""
        return -(-len(text) // 3)


@dataclass(frozen=True)
class CallableCounter:
    """A counter around a function, such as a model's tokenizer."""

    name: str
    function: Callable[[str], int]

    def count(self, text: str) -> int:
        """What the function says."""
        return self.function(text)


def load_counter(name: str, model: Any = None) -> Counter:
    """`chars3`; `tiktoken` (o200k_base, or `tiktoken:ENCODING`); `model` with a tokenizer or the folder of one.

    Raises EncoderError when a vocabulary is not at hand: nothing is downloaded, and nothing replaces it.
    """
    if name == "chars3":
        return Chars3()
    if name.partition(":")[0] == "tiktoken":
        return _tiktoken(name.partition(":")[2] or "o200k_base")
    if name == "model":
        if model is None:
            raise InputError("The counter `model` needs a model with a tokenizer.", remedy="--counter chars3")
        tokenizer = _tokenizer(model) if isinstance(model, str | Path) else model
        return CallableCounter("model", lambda text: len(tokenizer(text, add_special_tokens=False)["input_ids"]))
    raise InputError(f'There is no token counter "{name}".', remedy="use chars3, tiktoken or model")


@dataclass(frozen=True)
class Fitted:
    """A paper as text of at most the budget. `cut_sections` lists what was shortened or left out."""

    text: str
    n_tokens: int
    cut: bool
    n_tokens_full: int
    cut_sections: tuple[str, ...]


_ESTIMATE = Chars3()


def fit(manuscript: Manuscript, budget: int = DEFAULT_BUDGET, counter: Counter = _ESTIMATE) -> Fitted:
    """Fit a manuscript into `budget` tokens of `counter` (default: chars3, an estimate).

    The part in which the budget ends is cut at a paragraph, else a sentence, else a character, and a marker line says
    so; what follows is left out. Raises InputError when not even the marker fits.
    """
    parts = _parts(manuscript)
    full = _join([text for _, text in parts])
    n_full = counter.count(full)
    if n_full <= budget:
        return Fitted(full, n_full, False, n_full, ())
    marker = f"[... cut here to fit {budget} tokens ...]"
    if counter.count(marker) > budget:
        raise InputError(f"A budget of {budget} tokens leaves no room for a paper.", remedy="use a larger --budget")

    def fits(candidate: str) -> bool:
        return counter.count(candidate) <= budget

    # The largest number of whole parts that fit with the marker, then as much of the next one as fits.
    whole = _largest(len(parts) - 1, lambda n: fits(_join([*(text for _, text in parts[:n]), marker])))
    kept = [text for _, text in parts[:whole]]
    piece = _prefix(parts[whole][1], lambda prefix: fits(_join([*kept, prefix, marker])))
    text = _join([*kept, *([piece] if piece else []), marker])
    return Fitted(text, counter.count(text), True, n_full, tuple(name for name, _ in parts[whole:]))


def _parts(manuscript: Manuscript) -> list[tuple[str, str]]:
    """(name, text) of the parts in the order of their weight."""

    def kind(heading: str) -> int:
        lowered = heading.casefold()
        return next((rank for rank, words in enumerate(_ORDER) if any(word in lowered for word in words)), len(_ORDER))

    found = [("title", f"# {manuscript.title}")] if manuscript.title else []
    if manuscript.abstract:
        found.append(("abstract", f"## Abstract\n\n{manuscript.abstract}"))
    sections = sorted(manuscript.sections.items(), key=lambda section: kind(section[0]))
    return [*found, *((heading, f"## {heading}\n\n{text}") for heading, text in sections)] or [("title", "")]


def _join(texts: list[str]) -> str:
    return "\n\n".join(texts)


def _prefix(text: str, fits: Callable[[str], bool]) -> str:
    """The longest prefix that fits and ends at a paragraph; at a sentence, or a character, if no paragraph fits.

    A heading alone says nothing: what ends in it is left out altogether.
    """
    heading = re.match(r"#+ [^\n]*\n*", text)
    body = heading.end() if heading else 0
    for pattern in _BREAKS:
        ends = [match.start() for match in pattern.finditer(text, body) if match.start() > body]
        end = _last_fitting(text, ends, fits)
        if end:
            return text[:end].rstrip()
    end = _largest(len(text), lambda n: fits(text[:n]))
    return text[:end].rstrip() if end > body else ""


def _last_fitting(text: str, ends: list[int], fits: Callable[[str], bool]) -> int:
    """The last of `ends`, in order, up to which the text fits; 0 when none does."""
    n = _largest(len(ends), lambda n: fits(text[: ends[n - 1]]))
    return ends[n - 1] if n else 0


def _largest(high: int, holds: Callable[[int], bool]) -> int:
    """The largest n from 0 to high that holds, by bisection; 0 is taken to hold."""
    low = 0
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def _tiktoken(encoding: str) -> Counter:
    try:
        import tiktoken
    except ImportError as error:
        raise EncoderError("tiktoken is not installed.", remedy="pip install tiktoken, or --counter chars3") from error
    import tiktoken.load

    known = tiktoken.list_encoding_names()
    if encoding not in known:
        raise InputError(f'tiktoken has no encoding "{printable(encoding)}".', remedy=f"use {', '.join(sorted(known))}")
    read = tiktoken.load.read_file

    def read_here(path: str) -> bytes:
        if "://" in path:
            raise OSError(f"{path} is not cached")
        content: bytes = read(path)
        return content

    # tiktoken downloads a vocabulary that is not cached, and has no switch against it.
    tiktoken.load.read_file = read_here
    try:
        loaded = tiktoken.get_encoding(encoding)
    except (OSError, ValueError) as error:
        raise EncoderError(
            f"The vocabulary {encoding} of tiktoken is not on this machine ({error}).",
            remedy="set TIKTOKEN_CACHE_DIR to a folder in which tiktoken has stored it, or --counter chars3",
        ) from error
    finally:
        tiktoken.load.read_file = read
    return CallableCounter(f"tiktoken:{encoding}", lambda text: len(loaded.encode(text, disallowed_special=())))


def _tokenizer(folder: str | Path) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise EncoderError(f"{folder} has no tokenizer on this machine.", remedy="--counter chars3") from error
