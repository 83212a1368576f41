"""Encoding a corpus in shards: an input file, a plan of its shards, and a folder with one array for each.

A shard is a range of the input's rows and nothing else, so that who encodes it, and in what order, cannot matter. The
plan is written first; a shard's file appears whole or not at all; running again encodes the shards that are missing.

    manifest.json            what made the vectors, the input's sha256, the shards
    part-00000.safetensors   `sha256` (n, 32) of the texts and their `vector` (n, d) float32, in row order
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.data.predictions import encodes
from bioreview_bench.data.vocabulary import normalise
from bioreview_bench.encoders.cache import text_keys
from bioreview_bench.encoders.model import LocalEncoder
from bioreview_bench.encoders.vector_file import KEYS, VECTORS
from bioreview_bench.errors import DataError, InputError, Problem
from bioreview_bench.files.atomic import make_folder, write_files
from bioreview_bench.files.jsonl import json_type, parse_object, read_rows
from bioreview_bench.files.reading import read_json

MANIFEST = "manifest.json"
_LAYOUT = 2
_MAX_PROBLEMS = 50


@dataclass(frozen=True)
class Shard:
    """Rows of the input: `rows` of them from byte `offset` on."""

    number: int
    offset: int
    rows: int

    @property
    def name(self) -> str:
        """The file of its vectors."""
        return f"part-{self.number:05d}.safetensors"


@dataclass(frozen=True)
class TextCorpus:
    """An input file and its shards."""

    path: Path
    sha256: str
    shards: tuple[Shard, ...]

    @property
    def rows(self) -> int:
        """Texts in all."""
        return sum(shard.rows for shard in self.shards)


def survey(path: Path, shard_rows: int) -> TextCorpus:
    """Check every row of a JSONL file of `{"text": ...}` and divide it. Memory does not grow with the rows.

    Raises InputError naming the lines that are wrong, up to fifty of them.
    """
    digest = hashlib.sha256()
    position = 0

    def seen(raw: bytes) -> None:
        nonlocal position
        digest.update(raw)
        position += len(raw)

    shards: list[Shard] = []
    problems: list[Problem] = []
    offset = rows = begun = 0
    for number, row in read_rows(path, InputError, seen):
        problem = row if isinstance(row, Problem) else _problem(row, number)
        if problem is not None and len(problems) < _MAX_PROBLEMS:
            problems.append(problem)
        rows += 1
        if rows - begun == shard_rows:
            shards.append(Shard(len(shards), offset, shard_rows))
            offset, begun = position, rows
    if rows > begun:
        shards.append(Shard(len(shards), offset, rows - begun))
    if problems:
        raise InputError(f"{path}: texts that cannot be encoded.", problems=problems, remedy="fix these lines")
    if not shards:
        raise InputError(f"{path} has no rows.", remedy='write {"text": "..."} lines')
    return TextCorpus(path, digest.hexdigest(), tuple(shards))


def prepare(corpus: TextCorpus, folder: Path, identity: dict[str, Any]) -> list[Shard]:
    """Make `folder` ready and write its plan; the shards that are still to be encoded.

    Raises InputError when the folder belongs to another input or encoder, WriteError.
    """
    plan = {
        "layout": _LAYOUT,
        "identity": identity,
        "input_sha256": corpus.sha256,
        "rows": corpus.rows,
        "shards": [{"file": shard.name, **asdict(shard)} for shard in corpus.shards],
    }
    path = make_folder(folder) / MANIFEST
    if any(folder.glob("part-*")):
        _check_same(plan, path)
    else:
        write_files({path: (json.dumps(plan, indent=1, sort_keys=True) + "\n").encode()})
    return [shard for shard in corpus.shards if not (folder / shard.name).is_file()]


def encode_shard(encoder: LocalEncoder, path: Path, shard: Shard, folder: Path) -> int:
    """Encode one shard of the input at `path` and write its file; how many texts. Raises EncoderError, WriteError."""
    from safetensors.numpy import save

    texts = list(_texts(path, shard))
    write_files({folder / shard.name: save({KEYS: text_keys(texts), VECTORS: encoder.encode(texts)})})
    return len(texts)


def read_shard(folder: Path, shard: Shard) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """(n, 32) hashes and (n, d) vectors of an encoded shard. Raises DataError when its file is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = folder / shard.name
    try:
        stored = load_file(path)
        keys, vectors = stored[KEYS], stored[VECTORS]
        if keys.shape != (shard.rows, 32) or vectors.shape[:1] != (shard.rows,) or vectors.ndim != 2:
            raise ValueError(f"it does not hold {shard.rows:,} rows")
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} is damaged: {error}.", remedy=f"rm {path}, then run the same command again") from error
    return keys, vectors


def write_texts(texts: list[str], folder: Path) -> Path:
    """The input file of texts that come from no file: one row each. Raises WriteError."""
    path = make_folder(folder) / "texts.jsonl"
    rows = (json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
    write_files({path: "".join(rows).encode("utf-8")})
    return path


def _texts(path: Path, shard: Shard) -> Iterator[str]:
    """Normalised texts of a shard. Raises DataError when the input is no longer what was surveyed."""
    try:
        with path.open("rb") as stream:
            stream.seek(shard.offset)
            left = shard.rows
            while left:
                raw = stream.readline()
                if not raw:
                    raise ValueError("it has become shorter")
                line = raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
                if line.strip():
                    yield normalise(parse_object(line)["text"])
                    left -= 1
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} changed while it was encoded: {error}.", remedy="run the same command again"
        ) from error


def _problem(row: dict[str, Any], number: int) -> Problem | None:
    text = row.get("text")
    if not isinstance(text, str):
        said = "is missing" if "text" not in row else f"must be a string, this is {json_type(text)}"
        return Problem(f"text {said}", number)
    if not encodes(text):
        return Problem("text contains a lone surrogate", number)
    return None if text.strip() else Problem("text is blank", number)


def _check_same(plan: dict[str, Any], path: Path) -> None:
    stored = read_json(path, InputError, f"{path.parent} contains shards of an unknown plan: name an empty folder")
    names = {"identity": "another encoder", "input_sha256": "another input", "shards": "other --shard-rows"}
    wrong = next((said for name, said in names.items() if stored.get(name) != plan[name]), None)
    if wrong or stored.get("layout") != _LAYOUT:
        raise InputError(
            f"{path.parent} was started with {wrong or 'another version'}.",
            remedy="name another folder, or give the options that it was started with",
        )
