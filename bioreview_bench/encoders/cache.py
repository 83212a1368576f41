"""Raw encoder vectors on disk, one SQLite file for each encoder identity.

The identity (encoder, revision, weights, pooling, length, dtype, library versions) chooses the file, the
sha256 of the exact text the row, so another model, pooling or length can never hit. SQLite makes it safe with
several processes and with interruption; the rollback journal is used because write-ahead logging does not
work on network file systems.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.errors import EncoderError, WriteError

_LAYOUT = 1
_CHUNK = 900  # keys in one query; SQLite's smallest default limit is 999
_WAIT_SECONDS = 120


class VectorCache:
    """Vectors of one encoder. `folder` is made when the first vector is stored."""

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.identity = json.dumps({"layout": _LAYOUT, **identity}, sort_keys=True)
        digest = hashlib.sha256(self.identity.encode()).hexdigest()[:16]
        slug = re.sub(r"[^A-Za-z0-9.-]+", "-", str(identity.get("encoder", "encoder"))).strip("-")
        self.path = folder / f"{slug}-{digest}.sqlite"

    def read(self, texts: Sequence[str]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """(n,) which texts are at hand; (n, d) their vectors, undefined in the other rows.

        d is 1 when none is at hand. Raises EncoderError when the file is damaged.
        """
        present = np.zeros(len(texts), bool)
        if not self.path.is_file() or not texts:
            return present, np.empty((len(texts), 1), np.float32)
        positions: dict[bytes, list[int]] = {}
        for position, text in enumerate(texts):
            positions.setdefault(_key(text), []).append(position)
        found: NDArray[np.float32] | None = None
        for keys, vectors in self._rows(list(positions)):
            if found is None:
                found = np.empty((len(texts), vectors.shape[1]), np.float32)
            if vectors.shape[1] != found.shape[1]:
                raise self._damaged("its vectors differ in length")
            places = [(row, place) for place, key in enumerate(keys) for row in positions[key]]
            rows, sources = np.array(places, np.intp).T
            found[rows] = vectors[sources]
            present[rows] = True
        return present, np.empty((len(texts), 1), np.float32) if found is None else found

    def _rows(self, wanted: Sequence[bytes]) -> Iterator[tuple[list[bytes], NDArray[np.float32]]]:
        """Keys and (k, d) vectors of those of `wanted` that are stored, some hundred at a time."""
        # "rw", because a reader must be able to roll back what a killed writer left; on a read-only file system
        # SQLite opens it for reading all the same.
        with self._connection("rw") as connection:
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                return  # made by a process that has not filled it yet, or found the disk full
            self._check_identity(connection)
            for start in range(0, len(wanted), _CHUNK):
                chunk = wanted[start : start + _CHUNK]
                marks = ",".join("?" * len(chunk))
                query = f"SELECT key, vector FROM vectors WHERE key IN ({marks})"  # noqa: S608 (only question marks)
                rows = connection.execute(query, chunk).fetchall()
                if rows:
                    yield [key for key, _ in rows], self._matrix([blob for _, blob in rows])

    def _matrix(self, blobs: Sequence[bytes]) -> NDArray[np.float32]:
        if not all(isinstance(blob, bytes) for blob in blobs):
            raise self._damaged("a vector is not bytes")
        size = len(blobs[0])
        if not size or size % 4 or any(len(blob) != size for blob in blobs):
            raise self._damaged("a vector is empty, cut, or not as long as the others")
        vectors = np.frombuffer(b"".join(blobs), np.float32).reshape(len(blobs), -1)
        lengths = np.einsum("ij,ij->i", vectors, vectors)
        if not (np.abs(lengths - 1) <= 1e-3).all():  # NaN is not <= either
            raise self._damaged("a vector is not of unit length")
        return vectors

    def put(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Store vectors, in one transaction. Raises WriteError."""
        self.put_keys([_key(text) for text in texts], vectors)

    def put_keys(self, keys: Sequence[bytes], vectors: NDArray[np.float32]) -> None:
        """Store the vectors of texts whose sha256 are `keys`; those that are at hand stay. Raises WriteError."""
        rows = [
            (key, np.ascontiguousarray(vector, np.float32).tobytes()) for key, vector in zip(keys, vectors, strict=True)
        ]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        with self._connection("rwc") as connection, connection:
            # Without BEGIN each CREATE would commit on its own, and another process find the file half-made.
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("CREATE TABLE IF NOT EXISTS identity (json TEXT PRIMARY KEY)")
            connection.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB)")
            if connection.execute("SELECT count(*) FROM identity").fetchone() == (0,):
                connection.execute("INSERT INTO identity VALUES (?)", (self.identity,))
            self._check_identity(connection)
            connection.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)

    def _check_identity(self, connection: sqlite3.Connection) -> None:
        if [row for (row,) in connection.execute("SELECT json FROM identity")] != [self.identity]:
            raise self._damaged("it was written for another encoder")

    @contextmanager
    def _connection(self, mode: str) -> Iterator[sqlite3.Connection]:
        connection = None
        try:
            connection = _connect(self.path, mode)
            yield connection
        except sqlite3.OperationalError as error:
            if _is_write_failure(error):
                raise _unwritable(self.path, error) from error
            raise self._damaged(str(error)) from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error
        finally:
            if connection is not None:
                connection.close()

    def _damaged(self, why: str) -> EncoderError:
        return EncoderError(f"The vector cache {self.path} cannot be used: {why}.", remedy="bench cache clear")


def embed(
    texts: Sequence[str], encoder: Any, cache: VectorCache, progress: Callable[[int, int], None]
) -> NDArray[np.float32]:
    """(n, d) vectors of `texts`: from the cache where at hand, else encoded and stored as they come.

    `progress(done, total)` counts texts, beginning with those that are stored; it is not called where all are. What
    was stored before an interruption stays. Raises EncoderError, WriteError.
    """
    present, found = cache.read(texts)
    absent = np.flatnonzero(~present).tolist()
    if not absent:
        return found
    progress(len(texts) - len(absent), len(texts))
    done = 0
    with _storing(cache) as store:
        for positions, vectors in encoder.batches([texts[position] for position in absent]):
            done += len(positions)
            check_vectors(vectors, len(positions), encoder.id)
            rows = [absent[position] for position in positions]
            if len(absent) == len(texts) and done == len(positions):
                found = np.empty((len(texts), vectors.shape[1]), np.float32)
            if vectors.shape[1] != found.shape[1]:
                raise EncoderError(
                    f"The encoder {encoder.id} returned {vectors.shape[1]} dimensions, and {found.shape[1]} before."
                )
            found[rows] = vectors
            store([texts[row] for row in rows], vectors)
            progress(len(texts) - len(absent) + done, len(texts))
    return found


def check_vectors(vectors: NDArray[np.float32], n: int, encoder_id: str) -> None:
    """Raise EncoderError unless `vectors` is (n, d), finite and L2-normalised."""
    if vectors.ndim != 2 or len(vectors) != n:
        raise EncoderError(f"The encoder {encoder_id} returned shape {vectors.shape} for {n} texts.")
    if not np.isfinite(vectors).all():
        raise EncoderError(f"The encoder {encoder_id} returned values that are not finite.")
    if n and abs(np.linalg.norm(vectors, axis=1) - 1).max() > 1e-3:
        raise EncoderError(f"The encoder {encoder_id} returned vectors that are not L2-normalised.")


@contextmanager
def _storing(cache: VectorCache, every: int = 256) -> Iterator[Callable[[list[str], NDArray[np.float32]], None]]:
    """Collect vectors and store them by the hundred; what is left is stored on the way out, interrupted or not."""
    texts: list[str] = []
    vectors: list[NDArray[np.float32]] = []

    def flush() -> None:
        if texts:
            cache.put(texts, np.concatenate(vectors))
            texts.clear()
            vectors.clear()

    def store(new_texts: list[str], new_vectors: NDArray[np.float32]) -> None:
        texts.extend(new_texts)
        vectors.append(new_vectors)
        if len(texts) >= every:
            flush()

    try:
        yield store
    finally:
        flush()


def describe(path: Path) -> dict[str, Any]:
    """What a cache file holds: encoder, maximum length, number of texts, size. Raises EncoderError when damaged."""
    try:
        with closing(_connect(path, "rw")) as connection:
            (identity,) = connection.execute("SELECT json FROM identity").fetchone()
            (n,) = connection.execute("SELECT count(*) FROM vectors").fetchone()
        named = json.loads(identity)
        return {
            "file": str(path),
            "encoder": named["encoder"],
            "max_length": named["max_length"],
            "n": n,
            "bytes": path.stat().st_size,
        }
    except (sqlite3.DatabaseError, TypeError, ValueError, KeyError) as error:
        raise EncoderError(f"{path} is not a vector cache: {error}.", remedy="bench cache clear") from error


def text_keys(texts: Iterable[str]) -> NDArray[np.uint8]:
    """(n, 32) sha256 of texts: the keys of their vectors, here and in files."""
    return np.frombuffer(b"".join(map(_key, texts)), np.uint8).reshape(-1, 32)


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8")).digest()


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=_WAIT_SECONDS)


def _is_write_failure(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in (
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_BUSY,
    )


def _unwritable(path: Path, error: Exception) -> WriteError:
    return WriteError(
        f"Cannot write the vector cache {path}: {error}.",
        remedy="free some space, or name another folder in BIOREVIEW_CACHE; vectors stored so far are kept",
    )
