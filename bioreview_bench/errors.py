"""Errors that a user can fix. Each prints as one message without traceback and sets an exit code.

Exit codes: 0 done, 2 bad input or usage, 3 encoder unavailable, 4 data missing or not the frozen data,
5 a remote service refused, 6 cannot write, 130 interrupted, 1 anything unforeseen (with traceback).
"""

from __future__ import annotations

import difflib
import errno
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


SHOWN = 10  # problems in a message; the others are counted


class BenchError(Exception):
    """What happened and where (`message`), and the next thing to type (`remedy`).

    `problems` are all the things wrong with one input, not only the first; a message shows ten of them.
    """

    exit_code = 1

    def __init__(self, message: str, *, remedy: str | None = None, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.problems = tuple(problems)

    def shown(self, most: int | None = SHOWN, hint: str = "") -> str:
        """The message with at most `most` problems (None for all); `hint` says how to see the others."""
        problems = [problem for problem in self.problems if problem.message != self.message]  # one of a whole file
        lines = [self.message, *(f"  {problem}" for problem in problems[:most])]
        left = len(problems) - len(problems[:most])
        if left:
            lines.append(f"  ... and {left:,} more{hint}")
        if self.remedy:
            lines.append(f"  Next: {self.remedy}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.shown()


class EncoderError(BenchError):
    """The encoder is missing, differs from its checksum, or returned something that is no embedding."""

    exit_code = 3


class DataError(BenchError):
    """Articles are missing, malformed, or not the frozen data."""

    exit_code = 4


class RemoteError(BenchError):
    """A remote service refused."""

    exit_code = 5


class WriteError(BenchError):
    """A file could not be written; whatever stood there before is untouched."""

    exit_code = 6


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one line (or, for values that come from no file, with one article)."""

    message: str
    line: int | None = None

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}" if self.line is not None else self.message


class InputError(BenchError, ValueError):
    """Input or usage is wrong."""

    exit_code = 2


class AbsentError(InputError):
    """Something that a command was to find is not there: a file, a key, a card."""


class NeedsError(BenchError):
    """Several things have to be put in place before a command can run; `parts` say each what it is and how to get it.

    The exit code is that of the first. `trial` is a command that works here without any of them.
    """

    def __init__(self, parts: Sequence[BenchError], trial: str | None = None) -> None:
        super().__init__(f"{len(parts)} things are needed first.")
        self.parts = tuple(parts)
        self.trial = trial
        self.exit_code = parts[0].exit_code

    def shown(self, most: int | None = SHOWN, hint: str = "") -> str:
        """Every part, numbered where there are several, and the trial."""
        texts = [part.shown(most, hint) for part in self.parts]
        if len(texts) > 1:
            numbered = (f"{number}. {text}" for number, text in enumerate(texts, 1))
            texts = [self.message, *(f"  {text}".replace("\n", "\n   ") for text in numbered)]
        return "\n".join([*texts, *([f"  To try it now: {self.trial}"] if self.trial else [])])


class Needs:
    """Gathers what is missing before a command begins, so that all of it is said at once.

    >>> needs = Needs("bench demo")
    >>> with needs.gather():
    ...     raise DataError("The data are not here.", remedy="bench data download v3")
    >>> needs.require()
    Traceback (most recent call last):
    bioreview_bench.errors.NeedsError: The data are not here.
      Next: bench data download v3
      To try it now: bench demo
    """

    def __init__(self, trial: str | None = None) -> None:
        self.trial = trial
        self.parts: list[BenchError] = []

    @contextmanager
    def gather(self) -> Iterator[None]:
        """What the block raises is kept for `require`."""
        try:
            yield
        except BenchError as error:
            self.parts.append(error)

    def require(self) -> None:
        """Raise NeedsError when something is missing; the error itself when one input is wrong and nothing missing."""
        first = self.parts[0] if len(self.parts) == 1 else None
        if isinstance(first, InputError) and not isinstance(first, AbsentError):
            raise first
        if self.parts:
            raise NeedsError(self.parts, self.trial)


def cannot_write(path: object, error: OSError) -> WriteError:
    """The WriteError for an OSError met while writing `path`."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    forbidden = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
    reason = "the disk is full" if error.errno == errno.ENOSPC else (error.strerror or str(error))
    place = "choose a place that you may write to" if forbidden else "choose another place"
    return WriteError(
        f"Cannot write {path}: {reason}.",
        remedy=f"{'free some space or ' if full else ''}{place}, then run the same command again",
    )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question before the names that there are, when one of them is near; empty otherwise.

    >>> did_you_mean("tets", ("train", "val", "test"))
    'did you mean test? '
    """
    same_case = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), same_case, n=1, cutoff=0.6)
    return f"did you mean {printable(same_case[near[0]])}? " if near else ""


def reasons(error: ValidationError, most: int = 5) -> list[str]:
    """What pydantic finds wrong with a value, field by field; at most `most` of it, 0 for all."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        f"{printable('.'.join(map(str, detail['loc'])))}: {printable(_said(detail['msg']))}".removeprefix(": ")
        for detail in details[: most or None]
    ]


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")  # our own validators speak for themselves


def printable(text: object, limit: int = 120) -> str:
    """`text` for a message: control and bidirectional characters escaped, long text cut.

    Ids and labels come from files that nobody vouches for; printed raw they could move the cursor.
    """
    if isinstance(text, int) and abs(text) >= 10**limit:
        text = "a huge number"  # str() refuses whole numbers of more than 4,300 digits
    shown = "".join(
        char if char == " " or unicodedata.category(char)[0] not in "CZ" else char.encode("unicode_escape").decode()
        for char in str(text)
    )
    return shown if len(shown) <= limit else f"{shown[: limit - 3]}..."
