"""How much of a submission was submitted before, by its team or by another.

Two things are kept of a submission. Its *concerns*: hashes of (article id, text), in which letters and digits count,
their case, look-alikes and everything between them do not. They tell a team how much of a file it has sent before.

Its *wording*: hashes of (article id, two stems of a concern that stand within WINDOW stems, in any order). A stem is
the first letters of a word; short words have none, so that function words can come, go and change. The wording is
hardly changed by words more in every concern, another order of words, other endings, or letters that look the same, and
padding leaves it in the file. Copies are recognised by the share of the smaller file's wording that the larger has.
On the eLife pilot reviewers that wrote independently of each other share up to 0.20, also where they restate the same
references; with all words of every concern shuffled, or three words put after each, a copy still shares more than 0.5.

Only the WORDS_KEPT smallest hashes of a wording are kept. They are a sample drawn in the same way from every file, so
that any two can be compared; the key is the board's, so that nobody can choose padding that crowds the sample.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.data.comparable import comparable
from bioreview_bench.data.predictions import Predictions

Sketch = NDArray[np.uint64]

NEAR: Final = 0.5  # a submission that shares this much of its wording with an earlier one is a near copy of it
WINDOW: Final = 8
STEM: Final = 4  # letters; shorter words have no stem
WORDS_KEPT: Final = 4096
FEWEST: Final = 30  # hashes of the smaller file; of fewer nothing is said

_CJK: Final = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff"  # written without spaces: each a word
_WORD: Final = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")
_LONG: Final = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]{{{STEM},}}")
_LAST: Final = np.uint64(2**64 - 1)


def sketch(predictions: Predictions) -> Sketch:
    """(n,) distinct hashes of the concerns, rising."""
    found = [
        _hash(article_id, concern.text) for article_id, row in predictions.rows.items() for concern in row.concerns
    ]
    return np.unique(np.frombuffer(b"".join(found), ">u8").astype(np.uint64))


def wording(predictions: Predictions, key: int) -> Sketch:
    """(up to WORDS_KEPT,) the smallest distinct hashes of the wording, rising. `key`: the board's seed."""
    secret = key.to_bytes(16, "big")
    known: dict[str, int] = {}
    found = [np.zeros(0, np.uint64)]
    for article_id, row in predictions.rows.items():
        article = np.uint64(_keyed(article_id, secret))
        for concern in row.concerns:
            words = _stems(concern.text)
            known |= {word: _keyed(word, secret) for word in words if word not in known}
            numbers = np.array([known[word] for word in words], np.uint64)
            found.append(_mixed(_pairs(numbers) ^ article))
    return np.unique(np.concatenate(found))[:WORDS_KEPT]


def shared(one: Sketch, other: Sketch) -> float:
    """The share of the smaller file's wording that is in the larger one's, by their samples; 0 when there is little."""
    limit = min(one[-1] if len(one) == WORDS_KEPT else _LAST, other[-1] if len(other) == WORDS_KEPT else _LAST)
    one, other = one[: np.searchsorted(one, limit, "right")], other[: np.searchsorted(other, limit, "right")]
    smaller = min(len(one), len(other))
    return len(np.intersect1d(one, other, assume_unique=True)) / smaller if smaller >= FEWEST else 0.0


def share(new: Sketch, old: Sketch) -> float:
    """The share of `new` that is in `old`; 0 when `new` is empty."""
    return len(np.intersect1d(new, old, assume_unique=True)) / len(new) if len(new) else 0.0


def nearest(new: Sketch, earlier: Iterable[tuple[str, Sketch]]) -> tuple[float, str | None]:
    """(largest share of the concerns, whose it is)."""
    best, whose = 0.0, None
    for name, old in earlier:
        found = share(new, old)
        if found > best:
            best, whose = found, name
    return best, whose


def to_bytes(hashes: Sketch) -> bytes:
    """A sketch as the database keeps it."""
    return hashes.astype("<u8").tobytes()


def from_bytes(content: bytes) -> Sketch:
    """The inverse of `to_bytes`."""
    return np.frombuffer(content, "<u8").astype(np.uint64)


def _stems(text: str) -> list[str]:
    """The stems of a text; all its words where none is long."""
    said = comparable(text)
    return [word[:STEM] for word in _LONG.findall(said)] or _WORD.findall(said)


def _hash(article_id: str, text: str) -> bytes:
    bare = "".join(char for char in comparable(text) if char.isalnum())
    return hashlib.blake2b(f"{article_id}\n{bare}".encode(), digest_size=8).digest()


def _pairs(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One number for every two words within WINDOW, in either order; for a word alone, itself."""
    if len(words) < 2:
        return words
    return np.concatenate([words[apart:] + words[:-apart] for apart in range(1, min(WINDOW, len(words) - 1) + 1)])


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Evenly spread (the finaliser of splitmix64), so that the smallest are a fair sample."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _keyed(text: str, secret: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8, key=secret).digest(), "big")
