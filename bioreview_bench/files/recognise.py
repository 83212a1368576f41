"""What a file is that is not what was asked for: a compressed or packed one, a table, an inspect log, a result.

Each is named in a few words, with what to do about it. Only the beginning is read, and the rest where the first line
alone does not tell. Rows that are broken are left to the readers, which know their lines.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bioreview_bench.errors import BenchError, InputError, Problem

PREDICTIONS, RESULT = "predictions", "a result"
_FORM = 'one line an article, {"article_id": ..., "concerns": [...]} (bench schema predictions)'
_ID = re.compile(r"[a-z0-9]+:")
_HEAD = 1 << 16
_LARGEST = 1 << 27  # bytes of a file that is read whole to see what it is

# First bytes, what such a file is, and the command that opens it ({file}, and {rows} for what to make of it).
_MAGIC = (
    (b"\x1f\x8b", "a gzip file", "gunzip -c {file} > {rows}"),
    (b"BZh", "a bzip2 file", "bunzip2 -c {file} > {rows}"),
    (b"\xfd7zXZ\x00", "an xz file", "xz -dc {file} > {rows}"),
    (b"\x28\xb5\x2f\xfd", "a zstd file", "zstd -dc {file} > {rows}"),
    (b"PAR1", "a Parquet file", "{parquet}"),
    (b"SQLite format 3\x00", "an SQLite database", "bench leaderboard export --db {file} writes a board as a file"),
    (b"%PDF", "a PDF", "name a predictions file"),
    (b"\xff\xfe\x00\x00", "UTF-32 text", "iconv -f UTF-32 -t UTF-8 {file} > {rows}"),
    (b"\xff\xfe", "UTF-16 text", "iconv -f UTF-16 -t UTF-8 {file} > {rows}"),
    (b"\xfe\xff", "UTF-16 text", "iconv -f UTF-16 -t UTF-8 {file} > {rows}"),
)
_READ = "json.loads(sys.stdin.buffer.read().decode('utf-8-sig'))"
_TO_ROWS = f"python3 -c \"import json, sys; print(*map(json.dumps, {_READ}), sep='\\n')\" < {{file}} > {{rows}}"
_TO_ROW = f'python3 -c "import json, sys; print(json.dumps({_READ}))" < {{file}} > {{rows}}'
_PARQUET = (
    'python3 -c "import pandas, sys; pandas.read_parquet(sys.argv[1]).to_json(sys.argv[2], '
    "orient='records', lines=True)\" {file} {rows}"
)
_INSPECT = f"take each sample's output into predictions: {_FORM}"

# Keys that an object of its kind has, what it is, and what to do with it.
_OBJECTS = (
    (("article_id", "concerns"), PREDICTIONS, ""),
    (("signature", "overall"), RESULT, "bench report {file}, or name the predictions that were scored"),
    (("tool_name", "f1_micro"), RESULT, "bench report {file}, or name its predictions"),
    (("article_id", "labels"), "judged pairs", "bench contract audit NAME --judgements {file}"),
    (("article_id",), PREDICTIONS, ""),
    (("schema_version", "reviewer"), "a run's manifest", "name predictions.jsonl next to it, or the folder"),
    (("eval", "samples"), "an inspect log", _INSPECT),
    (("eval", "status"), "an inspect log", _INSPECT),
    (
        ("custom_id", "response"),
        "an answer file of a batch",
        "bench baseline NAME --batch fetches answers and reads them",
    ),
    (("id", "source", "concerns"), "articles with their human concerns", "name it as data: --data FOLDER"),
    (("messages",), "a training corpus", f"write predictions: {_FORM}"),
)


@dataclass(frozen=True)
class FileKind:
    """What a file is, in words, and what to do to have what was asked for."""

    what: str
    remedy: str
    packed: bool = False


def require_kind(path: Path, wanted: str, failure: type[BenchError] = InputError) -> None:
    """Raise `failure` for a file that is recognised as something else than `wanted` (PREDICTIONS or RESULT)."""
    kind = file_kind(path)
    if kind is None or kind.what == wanted:
        return
    if kind.what == PREDICTIONS:
        stem = path.name.removesuffix(".jsonl")
        made = f"bench evaluate {_quoted(path)} -o {_quoted(path.with_name(f'{stem}.result.json'))}"
        said = f"{path} contains predictions, not a result."
        raise failure(said, problems=(Problem(said),), remedy=f"score them: {made}")
    made = "name a result; bench evaluate PREDICTIONS -o R.result.json writes one"
    remedy = made if wanted == RESULT and not kind.packed else kind.remedy
    said = f"{path} is {kind.what}, not {wanted}."
    raise failure(said, problems=(Problem(said),), remedy=remedy)


def file_kind(path: Path) -> FileKind | None:
    """What a file is recognised as; None for one that is not there, not a plain file, or like nothing known."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
            if b"\n" not in head:
                head += stream.readline(_LARGEST)
    except OSError:
        return None
    packed = _by_bytes(path, head)
    return replace(packed, packed=True) if packed is not None else _by_text(path, head)


def _by_bytes(path: Path, head: bytes) -> FileKind | None:
    if head.startswith(b"PK\x03\x04"):
        return _packed(path)
    for magic, what, remedy in _MAGIC:
        if head.startswith(magic):
            return _kind(path, what, remedy.replace("{parquet}", _PARQUET))
    if head[257:262] == b"ustar":
        return _kind(path, "a tar archive", "tar -xf {file}")
    if head.startswith((b"{\0", b"[\0")):
        return _kind(path, "UTF-16 text", "iconv -f UTF-16LE -t UTF-8 {file} > {rows}")
    if head[:9].lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return _kind(path, "HTML or XML", "name a predictions file")
    return None


def _packed(path: Path) -> FileKind:
    if path.suffix == ".eval":
        return _kind(path, "an inspect log (.eval)", f"inspect log dump {{file}} > log.json, then {_INSPECT}")
    if path.suffix in (".xlsx", ".ods"):
        return _kind(path, "a spreadsheet", f"save it as {_FORM}")
    return _kind(path, "a .zip archive", "unzip {file} -d {folder}, then name the file in it")


def _by_text(path: Path, head: bytes) -> FileKind | None:
    text = head.decode("utf-8-sig", "replace").lstrip()
    line, newline, rest = text.partition("\n")
    opening = line[:1]
    if opening not in ("{", "["):
        return _table(path, line)
    value = _parsed(line)
    if value is None or (isinstance(value, list) and not rest.strip()):
        value = _parsed(_whole(path)) if newline or opening == "[" else None
        if isinstance(value, dict) and _object(path, value) == FileKind(PREDICTIONS, ""):
            return _kind(path, "one row over several lines", _TO_ROW)
    elif isinstance(value, list):
        return None  # a row among others
    if isinstance(value, list):
        return _array(path, value)
    if isinstance(value, dict):
        return _object(path, value)
    if line.strip() == "{" and rest.lstrip().startswith('"'):
        return _kind(path, "JSON whose rows go over several lines", "jq -c . {file} > {rows}")
    return None


def _table(path: Path, header: str) -> FileKind | None:
    named = any(word in header.lower() for word in ("article", "concern", "doi"))
    for delimiter, what in ((",", "a CSV table"), ("\t", "a table with tabs")):
        if delimiter in header and (named or path.suffix in (".csv", ".tsv")):
            return FileKind(what, f"write {_FORM}")
    if header.startswith(("system_name:", "# What a reader of the board")):
        return _kind(path, "a submission's card", "bench submit PREDICTIONS --card {file}")
    return None


def _array(path: Path, rows: list[Any]) -> FileKind | None:
    kind = _object(path, rows[0]) if rows and isinstance(rows[0], dict) else None
    if kind is None:
        return None
    if kind.what == PREDICTIONS:
        return _kind(path, "a JSON array", f"write one row a line: {_TO_ROWS}")
    return FileKind(f"a JSON array, first in it {kind.what}", kind.remedy)


def _object(path: Path, value: Mapping[str, Any]) -> FileKind | None:
    for keys, what, remedy in _OBJECTS:
        if all(key in value for key in keys):
            return _kind(path, what, remedy) if what != PREDICTIONS else FileKind(what, remedy)
    if value and all(_ID.match(key) and isinstance(concerns, list) for key, concerns in value.items()):
        return FileKind("one JSON object of concerns by article", f"write {_FORM}")
    return None


def _kind(path: Path, what: str, remedy: str) -> FileKind:
    stem = path.with_suffix("") if path.suffix in (".gz", ".bz2", ".xz", ".zst") else path
    rows = stem.with_suffix(".jsonl")
    if rows.exists():  # the file itself, or another that is not to be lost
        rows = path.with_name(f"{path.stem}-rows.jsonl")
    for name, value in (("file", path), ("rows", rows), ("folder", path.with_suffix(""))):
        remedy = remedy.replace(f"{{{name}}}", _quoted(value))
    return FileKind(what, remedy)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _whole(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig") if path.stat().st_size <= _LARGEST else ""
    except (OSError, ValueError):
        return ""


def _parsed(text: str) -> Any:
    """The JSON value of a text; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
