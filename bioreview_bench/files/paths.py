"""Where the package keeps what it may lose (caches) and what it must keep (fetch records, pinned hashes)."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from bioreview_bench.errors import BenchError, InputError, printable


class NoHomeError(InputError):
    """This user has no home folder, as in containers that run under an id without an entry."""


def home(variable: str) -> Path:
    """The user's home folder. Raises NoHomeError naming the `variable` that does without one."""
    try:
        return Path.home()
    except RuntimeError as error:
        raise NoHomeError(
            "This user has no home folder: HOME is not set, and the list of users does not have this user id.",
            remedy=f"export {variable}=FOLDER",
        ) from error


def cache_root() -> Path:
    """`$BIOREVIEW_CACHE`, or `bioreview-bench` in the user's cache folder (XDG base directories). Raises InputError
    where there is none."""
    chosen = os.environ.get("BIOREVIEW_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else home("BIOREVIEW_CACHE") / ".cache") / "bioreview-bench"


def check_path(path: Path) -> str:
    """What to do about a file that is not there: the nearest name in its folder, where one is near."""
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except (OSError, ValueError):  # ValueError: a null byte in the path
        return "check the path"
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.7)
    return f"check the path; did you mean {printable(path.with_name(near[0]))}?" if near else "check the path"


def cannot_read(
    path: Path, error: OSError | ValueError, failure: type[BenchError] = InputError, remedy: str = "check the path"
) -> BenchError:
    """The `failure` for an error met while opening or reading `path`: what every command says of such a file."""
    shown, unsaid = printable(path, 400), remedy == "check the path"
    if isinstance(error, FileNotFoundError):
        what = f"file {shown}" if path.parent.exists() else f"folder {printable(path.parent, 400)}"
        return failure(f"There is no {what}.", remedy=check_path(path) if unsaid else remedy)
    if isinstance(error, IsADirectoryError):
        return failure(f"{shown} is a folder, not a file.", remedy=f"name a file in {shown}" if unsaid else remedy)
    if isinstance(error, NotADirectoryError):
        return failure(f"{printable(path.parent, 400)} is a file, not a folder.", remedy=remedy)
    reason = (error.strerror if isinstance(error, OSError) else None) or printable(error)
    return failure(f"Cannot read {shown}: {reason}.", remedy=remedy)


def require_folder(path: Path, failure: type[BenchError] = InputError, remedy: str = "check the path") -> None:
    """Raise `failure` unless there is a folder at `path`."""
    if path.is_dir():
        return
    shown = printable(path, 400)
    if path.exists():
        raise failure(f"{shown} is a file, not a folder.", remedy=remedy)
    raise failure(f"There is no folder {shown}.", remedy=check_path(path) if remedy == "check the path" else remedy)


def data_root() -> Path:
    """Where `bench data download` puts released data."""
    return cache_root() / "data"


def vectors_root() -> Path:
    """Where embeddings are cached."""
    return cache_root() / "vectors"


def controls_root() -> Path:
    """Where the counts of control reviewers are stored."""
    return cache_root() / "controls"


def cards_root() -> Path:
    """Where `bench contract audit` puts the validity cards of judges, which have no file."""
    return cache_root() / "cards"


def fetch_records_root() -> Path:
    """Where `bench encoder fetch` records the checksums that the Hub reported."""
    return cache_root() / "encoders"


def pins_root() -> Path:
    """Where `bench data verify --pin` records the sha256 of data files."""
    return cache_root() / "pins"


def judgements_root() -> Path:
    """Where answers of language-model judges are stored."""
    return cache_root() / "judgements"


def extractions_root() -> Path:
    """Where answers of models that extract concerns are stored."""
    return cache_root() / "extractions"
