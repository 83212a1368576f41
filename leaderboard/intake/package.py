"""A submission as it arrives: predictions, card and perhaps run.json; as files or in one .zip.

Everything is read in bounded memory, whatever sizes are declared. Whether the predictions fit the split is
`validation`'s business.

A submission in one .zip: predictions.jsonl, card.yaml (or card.yml) and, if there is one, run.json, at the top level or
together in one folder. What file managers add by themselves (folders, `__MACOSX/`, `._*`, `.DS_Store`) is passed over,
unread.

What the archive declares is checked before anything is unpacked, and what comes out is counted while it comes, so that
neither a lying header nor a bomb takes more memory than the limits.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

from bioreview_bench.data.predictions import encodes
from bioreview_bench.errors import InputError, Problem, printable
from bioreview_bench.files.jsonl import parse_object
from bioreview_bench.results.card import Card

from ..settings import Limits
from ..store.submissions import Package
from .card_yaml import card_of, read_card

PREDICTIONS, CARD, RUN = "predictions.jsonl", "card.yaml", "run.json"
_CHUNK = 1 << 20
_RUN_DEPTH = 20


def read_package(
    predictions: IO[bytes] | Path, card: bytes | Path, run: bytes | Path | None, limits: Limits
) -> Package:
    """Read the files of a submission. Raises InputError listing all that is wrong with card, run and sizes."""
    problems: list[Problem] = []
    content = _take(predictions, PREDICTIONS, limits.upload_bytes, problems)
    card_content = _take(card, CARD, limits.card_bytes, problems)
    run_content = None if run is None else _take(run, RUN, limits.run_bytes, problems)
    said: Card | None = None
    if card_content is not None:
        said, found = read_card(card_content)
        problems.extend(found)
    parsed = None if run_content is None else _parse_run(run_content, problems)
    if problems or content is None or said is None:
        raise Refused(problems, content)
    return Package(content, said, parsed)


class Refused(InputError):
    """Card, run or sizes are wrong. `predictions`: that file's content where it could be read, to check it as well."""

    def __init__(self, problems: list[Problem], predictions: bytes | None) -> None:
        said = refusal(problems)
        super().__init__(said.message, remedy=said.remedy, problems=problems)
        self.predictions = predictions


def stored_package(predictions: bytes, card: dict[str, Any], run: dict[str, Any] | None) -> Package:
    """A submission that a board kept. Raises InputError when its card is no card."""
    said, problems = card_of(card)
    if said is None:
        raise refusal(problems)
    return Package(predictions, said, run)


def refusal(problems: list[Problem]) -> InputError:
    """The error that lists problems."""
    noun = "problem" if len(problems) == 1 else "problems"
    return InputError(
        f"The submission has {len(problems):,} {noun}.",
        problems=problems,
        remedy="fix them and submit again; bench submit init writes a card, bench schema predictions shows the form",
    )


def _take(source: IO[bytes] | Path | bytes, name: str, limit: int, problems: list[Problem]) -> bytes | None:
    """At most `limit` bytes; None, and a problem, when there are more or it cannot be read."""
    try:
        if isinstance(source, bytes):
            content = source
        elif isinstance(source, Path):
            with source.open("rb") as stream:
                content = _bounded(stream, limit)
        else:
            content = _bounded(source, limit)
    except OSError as error:
        given = f" ({printable(str(source))})" if isinstance(source, Path) and source.name != name else ""
        problems.append(Problem(f"{name}{given}: cannot be read: {error.strerror or error}"))
        return None
    if len(content) > limit:
        problems.append(Problem(f"{name}: larger than {limit:,} bytes"))
        return None
    return content


def _bounded(stream: IO[bytes], limit: int) -> bytes:
    parts, size = [], 0
    while size <= limit and (part := stream.read(min(_CHUNK, limit + 1 - size))):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _parse_run(content: bytes, problems: list[Problem]) -> dict[str, Any] | None:
    try:
        found = parse_object(content.decode("utf-8-sig"))
        _check_plain(found, 0)
    except UnicodeDecodeError as error:
        problems.append(Problem(f"{RUN}: not UTF-8 (byte {error.start + 1})"))
    except ValueError as error:
        problems.append(Problem(f"{RUN}: {error}"))
    else:
        return found
    return None


def _check_plain(value: Any, depth: int) -> None:
    """Raise ValueError for what cannot be stored, exported or shown: infinite numbers, deep nests, half characters."""
    if depth > _RUN_DEPTH:
        raise ValueError(f"nested more than {_RUN_DEPTH} deep")
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        raise ValueError("a number too large")
    if isinstance(value, int) and abs(value) > 1 << 63:
        raise ValueError("a number too large")
    if isinstance(value, str) and not encodes(value):
        raise ValueError("a lone surrogate, which is half a character")
    parts = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    for part in parts:
        _check_plain(part, depth + 1)


_END: Final = struct.Struct("<4s4H2LH")  # the end-of-central-directory record, without a comment
_END_SIGNATURE: Final = b"PK\x05\x06"
_LOCATOR_SIGNATURE: Final = b"PK\x06\x07"  # of a ZIP64 archive: 20 bytes before the record
_DIRECTORY_BYTES: Final = 8192  # three entries need some 200, with the shadows of a Mac and a long folder's name 2,000
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CARDS: Final = (CARD, "card.yml")
_LEFTOVERS: Final = re.compile(r"__MACOSX/.*|(?:.*/)?(?:\._[^/]*|\.DS_Store|Thumbs\.db|desktop\.ini)|.*/", re.DOTALL)
_FOLDER: Final = re.compile(r"(?!\.{1,2}/)[^/\\]+/")
_REMEDY: Final = f"zip -j submission.zip {PREDICTIONS} {CARD}"


def read_zip(stream: BinaryIO, limits: Limits) -> Package:
    """Read a submission from a seekable stream. Raises InputError listing what is wrong."""
    size = stream.seek(0, io.SEEK_END)
    if size > limits.upload_bytes:
        raise InputError(f"The archive is larger than {limits.upload_bytes:,} bytes.", remedy="leave out raw outputs")
    _check_end(stream, size)
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = _checked(archive.infolist(), limits)
            with archive.open(entries[PREDICTIONS]) as predictions, archive.open(entries[CARD]) as card:
                run = _small(archive, entries[RUN], limits.run_bytes) if RUN in entries else None
                content = card.read(limits.card_bytes + 1)
                return read_package(predictions, content, run, limits)
    except InputError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, ValueError, struct.error) as error:
        raise InputError(f"The archive is damaged: {printable(error)}.", remedy=_REMEDY) from error


def _check_end(stream: BinaryIO, size: int) -> None:
    """Bound the directory that zipfile will read: it trusts the size in this record."""
    if size < _END.size:
        raise InputError("This is not a .zip.", remedy=_REMEDY)
    before = min(20, size - _END.size)
    stream.seek(size - _END.size - before)
    tail = stream.read(before + _END.size)
    signature, _, _, _, _, directory, _, comment = _END.unpack(tail[before:])
    if signature != _END_SIGNATURE or comment:
        raise InputError("This is not a .zip, or it has a comment or trailing data.", remedy=_REMEDY)
    if tail[:before].startswith(_LOCATOR_SIGNATURE) or directory > _DIRECTORY_BYTES:
        raise InputError("The archive contains more than a submission.", remedy=_REMEDY)
    stream.seek(0)


def _checked(entries: list[zipfile.ZipInfo], limits: Limits) -> dict[str, zipfile.ZipInfo]:
    """The entries of a submission by the names of its files. Raises InputError listing what else is there."""
    allowed = {PREDICTIONS: limits.upload_bytes, CARD: limits.card_bytes, RUN: limits.run_bytes}
    # The name as the archive has it: zipfile cuts at NUL and turns backslashes.
    files = [one for one in entries if one.orig_filename != one.filename or not _LEFTOVERS.fullmatch(one.filename)]
    around = _folder_around([entry.filename for entry in files])
    problems: list[Problem] = []
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in files:
        inner = entry.filename.removeprefix(around)
        name = CARD if inner in _CARDS else inner
        shown = printable(entry.filename)
        if entry.orig_filename != entry.filename or name not in allowed:
            problems.append(Problem(f'"{shown}" is none of {", ".join(allowed)}'))
        elif name in found:
            problems.append(Problem(f"{name} occurs twice"))
        elif entry.flag_bits & 0x41:
            problems.append(Problem(f"{shown} is encrypted"))
        elif entry.compress_type not in _METHODS:
            problems.append(Problem(f"{shown} is packed by a method other than deflate"))
        elif stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            problems.append(Problem(f"{shown} is a link, not a file"))
        elif entry.file_size > allowed[name]:
            problems.append(Problem(f"{shown}: larger than {allowed[name]:,} bytes"))
        else:
            found[name] = entry
    if not problems:
        problems.extend(Problem(f"{name} is missing") for name in (PREDICTIONS, CARD) if name not in found)
    if problems:
        raise InputError("The archive is not a submission.", problems=problems, remedy=_REMEDY)
    return found


def _folder_around(names: list[str]) -> str:
    """`FOLDER/` when all files stand in one folder of that name, else nothing."""
    folder = _FOLDER.match(names[0]) if names else None
    return folder.group() if folder and all(name.startswith(folder.group()) for name in names) else ""


def _small(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int) -> bytes:
    with archive.open(entry) as stream:
        return stream.read(limit + 1)
