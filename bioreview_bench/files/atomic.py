"""Files that are whole or absent: written beside their destination, flushed, then renamed."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bioreview_bench.errors import InputError, WriteError, cannot_write


def check_writable(path: Path) -> None:
    """Fail now, before hours of work, if `path` cannot be written later. Raises WriteError."""
    if not path.parent.is_dir():
        raise WriteError(f"Cannot write {path}: there is no folder {path.parent}.", remedy=f"mkdir -p {path.parent}")
    if path.exists() and not path.is_file():
        raise WriteError(f"Cannot write {path}: it is not a regular file.", remedy="choose another file name")
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}."):
            pass
    except OSError as error:
        raise cannot_write(path, error) from error


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write all files or none: every temporary file is complete before the first rename.

    The last path in `contents` is renamed last, so its presence says that the others are there.
    Raises WriteError.
    """
    write_pieces({path: (content,) for path, content in contents.items()})


def write_pieces(contents: Mapping[Path, Iterable[bytes]]) -> None:
    """The same for contents that come in pieces, which are drawn in order: those of a file after the file before it."""
    finished: dict[Path, Path] = {}
    destination = Path()
    try:
        for destination, pieces in contents.items():
            check_writable(destination)
            descriptor, name = tempfile.mkstemp(dir=destination.parent, prefix=f".{destination.name}.")
            finished[destination] = Path(name)
            with os.fdopen(descriptor, "wb") as stream:
                stream.writelines(pieces)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(name, 0o666 & ~_umask())
        for destination, temporary in finished.items():
            os.replace(temporary, destination)
    except OSError as error:
        raise cannot_write(destination, error) from error
    finally:
        for temporary in finished.values():
            temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Mapping[str, Any], indent: int = 1) -> None:
    """Write a JSON object in UTF-8 with a newline at its end; the folder is made if need be. Raises WriteError.

    A lone surrogate in a text is written as the escape that JSON has for it; NaN and Infinity raise ValueError.
    """
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"
    make_folder(path.parent)
    write_files({path: text.encode("utf-8", "backslashreplace")})


def make_folder(path: Path) -> Path:
    """Make a folder and those above it, unless they are there; returns it. Raises WriteError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
    return path


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder to write to, which becomes `folder` when the block ends, and is removed when it fails.

    Raises InputError when `folder` has anything in it already, WriteError when something cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists already, and is never overwritten.", remedy="choose a new folder with -o")
    make_folder(folder.parent)
    unfinished: Path | None = None
    try:
        unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        os.chmod(unfinished, 0o777 & ~_umask())
        yield unfinished
        os.replace(unfinished, folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        if unfinished is not None:
            shutil.rmtree(unfinished, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
