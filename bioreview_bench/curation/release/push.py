"""`bench data push`: a release to a data set repository of the Hub, in one commit, private unless it may be public."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bioreview_bench.curation.release.export import CHECKSUMS, MANIFEST, wrong_checksums
from bioreview_bench.errors import DataError, InputError, printable
from bioreview_bench.files import hub
from bioreview_bench.files.paths import require_folder
from bioreview_bench.files.reading import find_json


@dataclass(frozen=True)
class DataUpload:
    """What would go where: (path, bytes) of every file."""

    folder: Path
    repo: str
    private: bool
    files: tuple[tuple[str, int], ...]


def plan_upload(folder: Path, repo: str, *, private: bool) -> DataUpload:
    """Check the folder and its checksums.

    Raises InputError for a folder that is no release, and for a public upload with references of a held-out split;
    DataError when files are not those that were written.
    """
    hub.require_repo(repo)
    require_folder(folder, DataError, "name a folder that bench data export or public made")
    wrong = wrong_checksums(folder)
    if wrong:
        listed = "\n".join(f"  {printable(line)}" for line in wrong[:10])
        raise DataError(f"{folder} is not as it was written:\n{listed}", remedy="export again into a new folder")
    manifest = find_json(folder / MANIFEST, DataError, "export again") or {"withheld": True, "held_out": []}
    if not private and manifest["held_out"] and not manifest["withheld"]:
        raise InputError(
            f"{folder} has the references of {', '.join(manifest['held_out'])}, which is held out.",
            remedy="bench data export DATA -o FOLDER --withhold, or add --private",
        )
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    sized = tuple((str(path.relative_to(folder)), path.stat().st_size) for path in paths)
    return DataUpload(folder, repo, private, sized)


def push_data(upload: DataUpload, say: Callable[[str], object]) -> str:
    """Make the repository where there is none, and upload; the commit's URL. Raises InputError, RemoteError."""
    patterns = ["data/**", "jsonl/**", "*.md", "*.yaml", "*.json", CHECKSUMS]
    return hub.upload(upload.folder, upload.repo, patterns, repo_type="dataset", private=upload.private, say=say)
