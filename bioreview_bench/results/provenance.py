"""Where a number came from: package, libraries, checkout."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bioreview_bench.results.records import Git

_LIBRARIES = ("numpy", "scipy", "sentence-transformers", "transformers", "tokenizers", "torch")


def package_version() -> str:
    """The installed version of this package."""
    return version("bioreview-bench")


def libraries(names: Iterable[str] = _LIBRARIES) -> dict[str, str]:
    """Installed versions: of the libraries that could move a number, unless others are named."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def git_state() -> Git:
    """Commit and dirty flag of the checkout this package runs from; nulls when it runs from none."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return Git(commit=None, dirty=None)
    commit, status = (
        _git(root, "rev-parse", "HEAD"),
        _git(root, "status", "--porcelain", "--untracked-files=no"),
    )
    return Git(commit=commit or None, dirty=None if status is None else bool(status))


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
