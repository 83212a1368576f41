"""Counts of the control reviewers, scored once for a split and contract, then reused.

The key holds the signature, all of an article that a control reviewer reads, and the code that they are, so other
articles, another contract or encoder, or another release never hit. What they would write need not be known for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from bioreview_bench.controls import reviewers
from bioreview_bench.data import sentences, vocabulary
from bioreview_bench.data.article import Article
from bioreview_bench.errors import InputError
from bioreview_bench.files.atomic import make_folder, write_files
from bioreview_bench.files.paths import controls_root

_LAYOUT = 2
_CODE = (reviewers, sentences, vocabulary)
Counts = dict[str, list[list[float]]]  # control name to [predictions, matches, ceilings], by article


def key(signature: str, articles: Iterable[Article], shipped: str | None = None) -> str:
    """The name under which counts are stored. `shipped`: the sha256 of texts that come with the data."""
    sha = hashlib.sha256()
    given = [] if shipped is None else [shipped]
    for part in (str(_LAYOUT), code(), signature, *given, *(part for article in articles for part in _read(article))):
        encoded = part.encode("utf-8", "surrogatepass")
        sha.update(len(encoded).to_bytes(8, "big"))
        sha.update(encoded)
    return sha.hexdigest()


@cache
def code() -> str:
    """sha256 of the source files that make the control reviewers."""
    return hashlib.sha256(b"\0".join(Path(str(module.__file__)).read_bytes() for module in _CODE)).hexdigest()


def _read(article: Article) -> Iterator[str]:
    """What a control reviewer reads of an article: its texts, how many there are first."""
    yield str(len(article.sections))
    yield from (article.id, article.title or "", article.abstract or "")
    for name, content in article.sections.items():
        yield from (name, content)


def load(name: str) -> Counts | None:
    """Stored counts, or None. Raises InputError when the file is damaged."""
    path = _path(name)
    try:
        stored: Any = json.loads(path.read_text(encoding="utf-8"))
        if stored["key"] != name:
            raise ValueError("it was written for another split or contract")
        return {
            control: [[float(value) for value in row] for row in rows] for control, rows in stored["counts"].items()
        }
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} cannot be used: {error}.", remedy="bench cache clear") from error


def save(name: str, counts: Counts) -> None:
    """Store counts. Raises WriteError."""
    path = _path(name)
    make_folder(path.parent)
    write_files({path: json.dumps({"key": name, "counts": counts}).encode()})


def _path(name: str) -> Path:
    return controls_root() / f"{name}.json"
