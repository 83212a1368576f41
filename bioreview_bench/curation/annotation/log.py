"""A rater's answers as a file that only grows: each line is sealed together with the one before it.

A line is {"n", "action", "item", "answer", "seconds", "at", "mac"}. `mac` is HMAC-SHA256, under the secret of the
pack, of the mac of the line before and of the line itself. A line that is changed, left out, added or moved breaks the
chain. What the chain cannot see is the loss of the last lines: so the page shows raters the last mac as a receipt.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bioreview_bench.curation.annotation.pack import AnnotationKey, AnnotationPack
from bioreview_bench.errors import BenchError, InputError, Problem, cannot_write
from bioreview_bench.files.jsonl import read_rows

BEGIN, ANSWER, UNDO, FINISH = "begin", "answer", "undo", "finish"
RECEIPT = 12  # hex digits of a mac that a rater writes down

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Answered:
    """An answer as it stands: what was said, how many seconds it took, when it was stored (ISO 8601, UTC)."""

    answer: Mapping[str, Any]
    seconds: float
    at: str


@dataclass
class RaterRecord:
    """What a log adds up to. `last` is the item that may still be undone; `n_undone` answers were."""

    answers: dict[str, Answered] = field(default_factory=dict)
    last: str | None = None
    n_undone: int = 0
    finished: bool = False
    mac: str = ""

    def add(self, line: Line) -> None:
        """Take in the next line. Raises ValueError for one that cannot follow those before."""
        action, item = line["action"], line["item"]
        if self.finished or (action == BEGIN) != (self.mac == ""):
            raise ValueError("stands where no line can")
        if action == ANSWER:
            if item in self.answers:
                raise ValueError("answers an item that was answered")
            self.answers[item] = Answered(line["answer"], line["seconds"], line["at"])
            self.last = item
        elif action == UNDO:
            if item != self.last:
                raise ValueError("takes back an answer that was locked")
            del self.answers[item]
            self.last, self.n_undone = None, self.n_undone + 1
        elif action == FINISH:
            self.finished, self.last = True, None
        self.mac = line["mac"]

    @property
    def receipt(self) -> str:
        """The first digits of the last mac."""
        return self.mac[:RECEIPT]


def log_path(folder: Path, rater: str) -> Path:
    """Where a rater's answers are."""
    return folder / f"answers-{rater}.jsonl"


def read_log(folder: Path, rater: str, pack: AnnotationPack, key: AnnotationKey) -> RaterRecord:
    """What a rater has answered. Raises InputError, with all problems, for a log that is not as it was written."""
    path = log_path(folder, rater)
    record, problems = RaterRecord(), []
    items = {item.id for item in pack.items}
    for number, row in read_rows(path, InputError):
        if isinstance(row, Problem):
            problems += [] if _is_torn(path, row) else [row]
            break
        reason = _wrong(row, number, record, rater, key, items)
        if reason is not None:
            # Every line after the first broken one hangs on it.
            problems.append(Problem(f"{reason}; nothing from here on can be trusted", number))
            break
    if problems or not record.mac:
        raise InputError(
            f"{path} is not as it was written: its lines were changed, removed, added or moved.",
            problems=problems,
            remedy="put a copy from before the change in its place; the receipt that the rater has says which is right",
        )
    return record


class AnswerLog:
    """The log of one rater, open for more. Not for two threads at once.

    Opening it checks it. Raises InputError as `read_log`, WriteError.
    """

    def __init__(self, folder: Path, rater: str, pack: AnnotationPack, key: AnnotationKey) -> None:
        self.path = log_path(folder, rater)
        self._rater, self._key = rater, key
        self.n_torn = _drop_torn_line(self.path)
        self.record = read_log(folder, rater, pack, key) if self.path.exists() else RaterRecord()
        self._n = sum(1 for _ in self.path.open("rb")) if self.path.exists() else 0
        self._size = self.path.stat().st_size if self.path.exists() else 0
        if self._n == 0:
            self.append(BEGIN)

    def append(self, action: str, item: str | None = None, answer: object = None, seconds: float = 0.0) -> None:
        """Add a line; when this returns, it is on the disk. Raises InputError, WriteError: nothing was added then."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        line: dict[str, Any] = {"n": self._n + 1, "action": action, "item": item, "answer": answer}
        line |= {"seconds": seconds, "at": now}
        line["mac"] = _mac(line, self.record.mac, self._rater, self._key)
        self._size = _append(self.path, (json.dumps(line, ensure_ascii=False) + "\n").encode(), self._size)
        self._n += 1
        self.record.add(line)


def _wrong(row: Line, number: int, record: RaterRecord, rater: str, key: AnnotationKey, items: set[str]) -> str | None:
    """Why a line is not the one that was written here; takes it into `record` otherwise."""
    if set(row) != {"n", "action", "item", "answer", "seconds", "at", "mac"} or not isinstance(row["mac"], str):
        return "does not have the fields of an answer"
    if row["n"] != number or not hmac.compare_digest(
        row["mac"].encode(errors="replace"), _mac(row, record.mac, rater, key).encode()
    ):
        return "was changed, or the line before it was changed or removed"
    if row["action"] in (ANSWER, UNDO) and row["item"] not in items:
        return "is about an item that the pack does not have"
    try:
        record.add(row)
    except ValueError as error:
        return str(error)
    return None


def _mac(line: Line, before: str, rater: str, key: AnnotationKey) -> str:
    """The seal of a line. The first one is tied to the pack and the rater."""
    told = {name: value for name, value in line.items() if name != "mac"}
    message = json.dumps([before or [key.pack_sha256, rater], told], sort_keys=True)
    return hmac.new(bytes.fromhex(key.secret), message.encode(), hashlib.sha256).hexdigest()


def _append(path: Path, content: bytes, size: int) -> int:
    """Add bytes to a file of `size` bytes; the new size. What was added in part is taken away again."""
    descriptor = -1
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        if os.fstat(descriptor).st_size != size:
            raise _foreign(path)
        os.lseek(descriptor, size, os.SEEK_SET)
        try:
            left = content
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    return size + len(content)


def _is_torn(path: Path, problem: Problem) -> bool:
    """True for a last line without its end: it was never confirmed."""
    content = path.read_bytes()
    return not content.endswith(b"\n") and problem.line == content.count(b"\n") + 1


def _drop_torn_line(path: Path) -> int:
    """Bytes after the last line end: an answer that was being written when the machine stopped, and never confirmed."""
    try:
        content = path.read_bytes() if path.exists() else b""
        torn = len(content) - (content.rfind(b"\n") + 1)
        if torn:
            os.truncate(path, len(content) - torn)
    except OSError as error:
        raise cannot_write(path, error) from error
    return torn


def _foreign(path: Path) -> BenchError:
    return InputError(
        f"{path} was changed by another program while answers were taken.",
        remedy="put the file back as it was, then serve the pack again",
    )
