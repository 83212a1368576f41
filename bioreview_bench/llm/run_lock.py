"""One process at a time writes a run."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from bioreview_bench.errors import InputError, WriteError, cannot_write

LOCK = ".lock"


def lock_folder(folder: Path) -> int:
    """A descriptor whose lock lasts as long as this process: nothing to clean up after a kill."""
    path = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise InputError(
            f"Another process is writing {folder}.", remedy=f"wait for it: bench baseline status {folder}"
        ) from None
    except OSError as error:
        os.close(descriptor)
        raise WriteError(
            f"Cannot lock {path}: {error.strerror or error}.", remedy="choose a folder on a disk that has locks"
        ) from error
    return descriptor
