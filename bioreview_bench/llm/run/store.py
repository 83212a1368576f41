"""A run on disk: `predictions.jsonl`, one row a review, and `run.json`, its manifest.

Rows cost money, so each is appended unbuffered as soon as its review is there, and synced soon after; a process that
is killed loses at most the reviews in flight. Only the ids and the totals are held in memory.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from bioreview_bench.data.predictions import check_row
from bioreview_bench.errors import InputError, Problem, cannot_write, printable
from bioreview_bench.files.atomic import write_files, write_json
from bioreview_bench.files.jsonl import clean, parse_object, read_rows
from bioreview_bench.files.lock import lock_folder
from bioreview_bench.files.reading import find_json
from bioreview_bench.files.same_run import require_same_run
from bioreview_bench.llm.review import Review
from bioreview_bench.llm.run.ledger import BATCHES, read_ledger
from bioreview_bench.llm.run.manifest import (
    IDENTITY,
    Totals,
    new_manifest,
    now,
    read_manifest,
    require_run,
    texts_read,
)
from bioreview_bench.llm.run.rows import encode_row, make_row, with_reason
from bioreview_bench.results.run_manifest import MANIFEST, ROWS, file_facts

if TYPE_CHECKING:
    from filelock import FileLock

SUPERSEDED = "superseded.jsonl"
RETRIABLE = ("error", "refused", "parse_failed")
_SHOWN = 10  # articles in a message


class RunStore:
    """An open run folder; a context manager. One process at a time holds it.

    `article_id in store` says whether its row is written. `n_repaired` bytes of a row that was cut when its writer
    was killed were removed on opening. Of `n_unknown_texts` articles that were reviewed before texts were noted it
    cannot be known whether their text is the same.
    """

    def __init__(self, folder: Path, lock: FileLock, manifest: dict[str, Any], *, is_new: bool) -> None:
        self.folder = folder
        self.manifest = manifest
        self.totals = Totals()
        self.superseded = Totals()
        self.n_repaired = _repair_tail(folder / ROWS)
        self.n_unknown_texts = 0
        self._lock = lock
        self._syncing = threading.Lock()
        self._is_new = is_new
        self._statuses: dict[str, str] = {}
        self._rows = -1
        self._end = 0

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        name: str,
        reviewer: Mapping[str, Any],
        split: str,
        fingerprint: str,
        settings: Mapping[str, Any] | None = None,
        texts: Mapping[str, str] | None = None,
    ) -> RunStore:
        """Start a run in `folder`, or go on with the one that is there.

        `texts` are digests of what is to be reviewed, by article id. Raises InputError when the run there differs (the
        fields, or the articles whose text does, are named), is malformed, is open elsewhere, or is not a run but made
        from others; WriteError when the folder cannot be written.
        """
        folder = Path(folder)
        require_run(folder / MANIFEST)
        asked = new_manifest(name, reviewer, split, fingerprint, settings or {})
        with _locked(folder) as lock:
            has_rows = (folder / ROWS).exists() and (folder / ROWS).stat().st_size > 0
            found = [ROWS] if has_rows else [BATCHES] if (folder / BATCHES).exists() else []
            if found and not (folder / MANIFEST).exists():
                raise InputError(
                    f"{folder / found[0]} exists without a {MANIFEST}, so what made it is unknown.",
                    remedy="choose another --out",
                )
            if not found and not (folder / SUPERSEDED).exists():
                _require_free(folder / MANIFEST)
                store = cls(folder, lock, asked, is_new=True)
            else:
                stored = read_manifest(folder / MANIFEST)
                identity = {key: asked[key] for key in IDENTITY}
                require_same_run(folder, stored, identity, "choose another --out for the new one")
                store = cls(folder, lock, asked | {"started": stored.get("started")}, is_new=False)
                store.manifest["texts"] = texts_read(stored)
            store._load()
            store._keep_texts(texts or {})
            store.save()
        return store

    @classmethod
    def reopen(cls, folder: str | Path) -> RunStore:
        """Open an existing run as it is, to read or rewrite rows. Raises as `open`."""
        folder = Path(folder)
        require_run(folder / MANIFEST)
        read_manifest(folder / MANIFEST)
        with _locked(folder) as lock:
            store = cls(folder, lock, read_manifest(folder / MANIFEST), is_new=False)
            store._load()
        return store

    def __contains__(self, article_id: object) -> bool:
        return article_id in self._statuses

    def __len__(self) -> int:
        return len(self._statuses)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close("interrupted" if error is not None else None)

    def append(self, article_id: str, review: Review, *, seconds: float | None = None, attempts: int = 1) -> None:
        """Write one row, unbuffered: a kill of this process does not lose it, a crash of the machine does not after
        `sync`. A review that no predictions file may hold becomes a row with status error.

        Raises WriteError; the file then ends with the row before.
        """
        if article_id in self._statuses:
            raise ValueError(f"a second row for {article_id}")
        row = make_row(article_id, review, seconds, attempts)
        content = encode_row(row)
        path = self.folder / ROWS
        try:
            if self._rows < 0:
                self._rows = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o666)
            if os.write(self._rows, content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            if self._rows >= 0:
                os.ftruncate(self._rows, self._end)
            raise cannot_write(path, error) from error
        self._end += len(content)
        self._statuses[article_id] = row["status"]
        self.totals.add(row)

    def sync(self) -> None:
        """Wait until the rows are on the disk; may be called from another thread. Raises WriteError."""
        with self._syncing:
            if self._rows >= 0:
                try:
                    os.fsync(self._rows)
                except OSError as error:
                    raise cannot_write(self.folder / ROWS, error) from error

    def ids(self, statuses: Collection[str]) -> list[str]:
        """Ids of the rows with one of these statuses, in file order."""
        return [article_id for article_id, status in self._statuses.items() if status in statuses]

    def drop(self, statuses: Collection[str] = RETRIABLE) -> list[str]:
        """Take out the rows with one of these statuses, so that they are asked for again; returns their ids.

        The rows move to `superseded.jsonl`: what they cost stays known. Raises WriteError; then nothing changed.
        """
        dropped = self.ids(statuses)
        if dropped:
            gone = set(dropped)
            kept: list[bytes] = []
            moved: list[bytes] = []
            for line, row in self._lines():
                (moved if row["article_id"] in gone else kept).append(line)
            old = self.folder / SUPERSEDED
            before = old.read_bytes() if old.exists() else b""
            # The superseded rows come first: a kill between the two renames leaves a row in both, which is
            # recognised on opening; the other order could lose it.
            self._replace({old: before + b"".join(moved), self.folder / ROWS: b"".join(kept)})
        return dropped

    def rewrite(self, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> int:
        """Replace every row by `change(row)` (to parse stored output again); returns how many changed.

        Raises WriteError, or InputError when a new row is not valid; then nothing changed.
        """
        lines, n_changed = [], 0
        for line, row in self._lines():
            changed = with_reason(clean({**change(dict(row)), "article_id": row["article_id"]}))
            _, problems = check_row(changed, None)
            if problems:
                raise InputError(f"The new row for {printable(row['article_id'])} is not valid.", problems=problems)
            if changed == row:
                lines.append(line)
                continue
            n_changed += 1
            lines.append(encode_row(changed))
        if n_changed:
            self._replace({self.folder / ROWS: b"".join(lines)})
        return n_changed

    def close(self, state: str | None = None) -> None:
        """Write the manifest with `state` (by default what `run` made of it) and let go of the folder."""
        if not self._lock.is_locked:
            return
        try:
            if self._is_new and not self._statuses and not (self.folder / BATCHES).exists():
                # Nothing was reviewed, and nothing will come: leave nothing behind that looks like a run.
                (self.folder / MANIFEST).unlink(missing_ok=True)
            else:
                was = self.manifest["state"]
                self.manifest["state"] = state or ("interrupted" if was == "running" else was)
                self.save()
        finally:
            self._close_rows()
            self._lock.release()

    def end(self, stopped: str | None) -> int:
        """Note that the run is finished, or why it was `stopped`; returns how many rows have status error."""
        self.manifest["state"] = f"stopped: {stopped}" if stopped else "finished"
        self.save()
        return self.totals.by_status["error"]

    def save(self) -> None:
        """Write the manifest with the totals of now. Raises WriteError."""
        rows, running = self.folder / ROWS, self.manifest["state"] == "running"
        self.manifest |= {
            # While rows are added, their hash changes with each; the name stands for the file until then.
            "predictions": file_facts(rows) if rows.exists() and not running else {"file": ROWS, "sha256": None},
            "ended": None if running else now(),
            "totals": self.totals.as_dict(),
            "superseded": self.superseded.as_dict(),
        }
        write_json(self.folder / MANIFEST, self.manifest, indent=2)

    def _keep_texts(self, texts: Mapping[str, str]) -> None:
        """Note which texts this run is about. Raises InputError for an article that was reviewed with another."""
        kept = self.manifest["texts"]
        held = {*self._statuses, *read_ledger(self.folder).articles_out}
        changed = [
            Problem(f"{printable(article_id)}: text {printable(kept[article_id])} in the run, {digest} now")
            for article_id, digest in texts.items()
            if article_id in held and kept.get(article_id, digest) != digest
        ]
        if changed:
            more = [Problem(f"and {len(changed) - _SHOWN:,} more")] if len(changed) > _SHOWN else []
            raise InputError(
                f"{self.folder} is not resumed: {len(changed):,} of its articles were reviewed when their manuscript "
                "(title, abstract, sections, references) was different.",
                problems=[*changed[:_SHOWN], *more],
                remedy="name the data that were reviewed, or choose another --out for these",
            )
        self.n_unknown_texts = sum(article_id in held and article_id not in kept for article_id in texts)
        self.manifest["texts"] = kept | texts

    def _load(self) -> None:
        """Read ids and totals; raises InputError with every line that is no row."""
        problems = []
        self._statuses, self.totals, self.superseded = {}, Totals(), Totals()
        path = self.folder / ROWS
        for number, row in read_rows(path, InputError) if path.exists() else ():
            found = [row] if isinstance(row, Problem) else check_row(row, number)[1]
            if not found and not isinstance(row, Problem):
                if row["article_id"] in self._statuses:
                    found = [Problem(f"a second row for {printable(row['article_id'])}", number)]
                self._statuses[row["article_id"]] = str(row.get("status"))
                self.totals.add(row)
            problems.extend(found)
        if problems:
            raise InputError(
                f"{path} was changed by something else, so the run is not resumed.",
                problems=problems,
                remedy="fix these lines, or choose another --out",
            )
        self._end = path.stat().st_size if path.exists() else 0
        if (self.folder / SUPERSEDED).exists():
            old = dict.fromkeys((self.folder / SUPERSEDED).read_bytes().splitlines(keepends=True))
            for line, _ in self._lines():
                old.pop(line, None)  # `drop` was killed before the row left
            for line in old:
                self.superseded.add(parse_object(line.decode()))

    def _lines(self) -> Iterator[tuple[bytes, dict[str, Any]]]:
        path = self.folder / ROWS
        if path.exists():
            with path.open("rb") as stream:
                for raw in stream:
                    if raw.strip():
                        yield raw, parse_object(raw.decode("utf-8-sig"))

    def _replace(self, contents: Mapping[Path, bytes]) -> None:
        write_files(contents)
        self._close_rows()  # the descriptor names the file that was replaced
        self._load()
        self.save()

    def _close_rows(self) -> None:
        with self._syncing:
            if self._rows >= 0:
                os.close(self._rows)
                self._rows = -1


@contextmanager
def _locked(folder: Path) -> Iterator[FileLock]:
    """The folder's lock, released again when opening the run fails."""
    lock = lock_folder(folder, f"wait for it: bench baseline status {folder}")
    try:
        yield lock
    except BaseException:
        lock.release()
        raise


def _require_free(path: Path) -> None:
    """Raise InputError when a manifest stands in a folder without rows, and is not that of a run that wrote none."""
    stored = find_json(path, InputError, "choose another --out, or remove the file")
    if stored is None or (stored.get("reviewer") is not None and not (stored.get("totals") or {}).get("articles")):
        return
    raise InputError(f"{path} describes other predictions, and would be lost.", remedy="choose another --out")


def read_run(folder: str | Path) -> tuple[dict[str, Any], Totals]:
    """Manifest and totals of a run that may be going on elsewhere; nothing is changed. Raises InputError."""
    folder = Path(folder)
    require_run(folder / MANIFEST)
    manifest = read_manifest(folder / MANIFEST)
    totals = Totals()
    if (folder / ROWS).exists():
        for _, row in read_rows(folder / ROWS, InputError):
            if not isinstance(row, Problem):  # a row that is being written
                totals.add(row)
    return manifest, totals


def _repair_tail(path: Path) -> int:
    """Repair a last line that was cut while it was written; returns the number of bytes removed."""
    try:
        with path.open("r+b") as stream:
            end = stream.seek(0, os.SEEK_END)
            start, tail = end, b""
            while start > 0 and b"\n" not in tail:
                step = min(start, 1 << 16)
                start = stream.seek(start - step)
                tail = stream.read(step) + tail
                stream.seek(start)
            tail = tail.rpartition(b"\n")[2]
            if not tail:
                return 0
            if _is_row(tail):  # only the newline is missing
                stream.seek(0, os.SEEK_END)
                stream.write(b"\n")
                removed = 0
            else:
                stream.truncate(end - len(tail))
                removed = len(tail)
            stream.flush()
            os.fsync(stream.fileno())
            return removed
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise cannot_write(path, error) from error


def _is_row(raw: bytes) -> bool:
    try:
        return not check_row(parse_object(raw.decode()), None)[1]
    except ValueError:
        return False
