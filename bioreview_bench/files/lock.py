"""One process at a time writes a folder: a lock that lasts as long as the process, so that a kill leaves nothing."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

from bioreview_bench.errors import InputError, WriteError, cannot_write
from bioreview_bench.files.atomic import make_folder

if TYPE_CHECKING:
    from filelock import FileLock

LOCK = ".lock"
_CANNOT_WRITE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)


def lock_folder(folder: Path, remedy: str) -> FileLock:
    """The lock on `folder`, which is made if need be; `release` lets go of it, and the file `.lock` stays.

    Raises InputError when another process holds it, WriteError when it cannot be made.
    """
    from filelock import FileLock, Timeout

    path = make_folder(folder) / LOCK
    # Not by thread: what opens a run need not be the thread that closes it.
    lock = FileLock(path, blocking=False, thread_local=False, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(f"Another process is writing {folder}.", remedy=remedy) from None
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno in _CANNOT_WRITE:
            raise cannot_write(path, error) from error
        reason = getattr(error, "strerror", None) or error
        raise WriteError(f"Cannot lock {path}: {reason}.", remedy="choose a folder on a disk that has locks") from error
    return lock
