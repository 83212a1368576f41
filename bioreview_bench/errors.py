"""Errors that a user can fix. Each prints as one message without traceback and sets an exit code.

Exit codes: 0 done, 2 bad input or usage, 3 encoder unavailable, 4 data missing or not the frozen data,
5 a remote service refused, 6 cannot write, 130 interrupted, 1 anything unforeseen (with traceback).
"""

from __future__ import annotations

import errno
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class BenchError(Exception):
    """What happened and where (`message`), and the next thing to type (`remedy`)."""

    exit_code = 1

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  Next: {self.remedy}" if self.remedy else self.message


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
    """Input or usage is wrong; `problems` lists everything that is, not only the first."""

    exit_code = 2

    def __init__(self, message: str, *, remedy: str | None = None, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message, remedy=remedy)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        lines = [self.message, *(f"  {problem}" for problem in self.problems)]
        if self.remedy:
            lines.append(f"  Next: {self.remedy}")
        return "\n".join(lines)


def cannot_write(path: object, error: OSError) -> WriteError:
    """The WriteError for an OSError met while writing `path`."""
    reason = "the disk is full" if error.errno == errno.ENOSPC else (error.strerror or str(error))
    return WriteError(
        f"Cannot write {path}: {reason}.",
        remedy="free some space or choose another place, then run the same command again",
    )


def reasons(error: ValidationError, most: int = 5) -> list[str]:
    """What pydantic finds wrong with a value, field by field; at most `most` of it, 0 for all."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        f"{printable('.'.join(map(str, detail['loc'])))}: {printable(detail['msg'])}".removeprefix(": ")
        for detail in details[: most or None]
    ]


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
