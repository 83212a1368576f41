"""The submitter's token: from the environment or a file that only its owner can read; never from the command line."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from bioreview_bench.errors import InputError

VARIABLE = "BIOREVIEW_TOKEN"
_LONGEST = 200


def read_token(file: Path | None) -> str:
    """The token of `file`, else of the environment. Raises InputError."""
    if file is not None:
        token, where = _from_file(file), str(file)
    else:
        token, where = os.environ.get(VARIABLE, ""), VARIABLE
        if not token:
            raise InputError(
                f"There is no token: {VARIABLE} is not set.",
                remedy="--token-file FILE (mode 600), or set the variable without leaving it in the shell's history",
            )
    token = token.strip()
    if not token or len(token) > _LONGEST or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(f"What {where} holds is no token.", remedy="copy it again from where it was shown")
    return token


def _from_file(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise InputError(f"{file} is no regular file.", remedy="--token-file FILE")
            if os.name == "posix" and mode & 0o077:
                raise InputError(f"Others can read {file} (mode {mode & 0o777:o}).", remedy=f"chmod 600 {file}")
            return stream.read(_LONGEST + 100).decode("ascii", "replace")
    except OSError as error:
        raise InputError(f"Cannot read {file}: {error.strerror or error}.", remedy="check the path") from error
