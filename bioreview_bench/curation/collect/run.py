"""Collecting into a folder: `xml/` with a file an article, and `collected.jsonl`, which is the state and the record."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.curation.collect.elife import MOST_XML, Listed
from bioreview_bench.curation.collect.polite import PoliteClient
from bioreview_bench.errors import DataError, Problem, RemoteError, cannot_write
from bioreview_bench.files.atomic import make_folder, write_files
from bioreview_bench.files.jsonl import read_rows
from bioreview_bench.files.lock import lock_folder

STATE, XML_FOLDER = "collected.jsonl", "xml"
_OPEN = re.compile(
    r"\bcc ?(?:0|zero|by)|creative ?commons (?:attribution|zero)|publicdomain zero|licenses by|public domain"
)
_CLOSED = re.compile(r"\bnc|\bnd|by ?n[cd]|non ?commercial|no ?deriv")


@dataclass(frozen=True)
class CollectedCounts:
    """What one run did: articles got, those that were there already, and those that the server would not give."""

    got: int
    known: int
    failed: tuple[str, ...]


def collect(
    articles: Iterable[Listed],
    folder: Path,
    client: PoliteClient,
    limit: int | None = None,
    progress: Callable[[str], object] = lambda said: None,
) -> CollectedCounts:
    """Get the XML of articles (or newer versions) that the folder does not have; at most `limit` of them.

    One at a time: the file is written whole, then a line of the state. So an interrupted run goes on where it was.
    Raises DataError for a state that is not one, InputError when another process collects there, WriteError.
    """
    lock = lock_folder(folder, "wait for it, or choose another folder")
    try:
        _drop_half_a_line(folder / STATE)
        known = {(row["id"], row["version"]) for row in collected(folder)}
        make_folder(folder / XML_FOLDER)
        got, there, failed = 0, 0, []
        for article in articles:
            if (article.id, article.version) in known:
                there += 1
                continue
            if limit is not None and got >= limit:
                break
            try:
                data = client.get(article.url, "application/xml", MOST_XML)
                _require_xml(data, article.url)
            except RemoteError as error:
                failed.append(f"{article.id}: {error.message}")
                continue
            name = f"{article.id.replace(':', '-')}-v{article.version}.xml"
            write_files({folder / XML_FOLDER / name: data})
            _append(folder / STATE, _row(article, name, data))
            known.add((article.id, article.version))
            got += 1
            progress(f"{article.id} version {article.version}, {article.published}, {article.licence or 'no licence'}")
        return CollectedCounts(got, there, tuple(failed))
    finally:
        lock.release()


def collected(folder: Path) -> list[dict[str, Any]]:
    """The rows of a folder's state; none where nothing was collected. Raises DataError."""
    path = folder / STATE
    if not path.exists():
        return []
    rows = []
    for _, row in read_rows(path, DataError):
        if isinstance(row, Problem) or not isinstance(row.get("id"), str) or not isinstance(row.get("version"), int):
            raise DataError(f"{path} is not the state of a collection: {row}.", remedy=f"rm {path}, and collect again")
        rows.append(row)
    return rows


def redistributable(licence: str | None) -> bool:
    """True for licences under which texts and what is made of them may be passed on: CC0, CC BY, CC BY-SA.

    >>> redistributable("CC-BY-4.0"), redistributable("CC_BY_NC_4.0"), redistributable(None)
    (True, False, False)
    """
    named = " ".join(re.findall(r"[a-z]+|[0-9]+", (licence or "").lower()))
    return _OPEN.search(named) is not None and _CLOSED.search(named) is None


def _require_xml(data: bytes, url: str) -> None:
    """Raises RemoteError for the page that a network or a busy server gives instead, with status 200."""
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start.startswith(b"<") and not start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RemoteError(f"{url} is not XML.", remedy="run the same command later; it goes on")
    if b"<html" in start or b"<!doctype html" in start:
        raise RemoteError(f"{url} is a web page, not XML.", remedy="run the same command later; it goes on")


def _row(article: Listed, name: str, data: bytes) -> dict[str, Any]:
    return {
        "id": article.id,
        "version": article.version,
        "published": article.published,
        "license": article.licence,
        "redistributable": redistributable(article.licence),
        "url": article.url,
        "file": f"{XML_FOLDER}/{name}",
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def _drop_half_a_line(path: Path) -> None:
    """Cut off what a killed process left of a line; its article is collected again."""
    if path.exists():
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            write_files({path: data[:whole]})


def _append(path: Path, row: dict[str, Any]) -> None:
    line = json.dumps(row, ensure_ascii=False) + "\n"
    try:
        with path.open("ab") as stream:
            stream.write(line.encode())
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise cannot_write(path, error) from error
