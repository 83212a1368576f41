"""`bench data push`: a release to a data set repository of the Hub, in one commit, private unless it may be public."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.curation.release.export import CHECKSUMS, MANIFEST, wrong_checksums
from bioreview_bench.errors import DataError, InputError, RemoteError, printable
from bioreview_bench.files.hub import hub_errors
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
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise InputError(f'"{printable(repo)}" is not the name of a repository.', remedy="--repo OWNER/NAME") from error
    if repo.count("/") != 1:
        raise InputError(f'"{printable(repo)}" does not name an owner.', remedy="--repo OWNER/NAME")
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
    from huggingface_hub import HfApi

    hub: Any = HfApi(library_name="bioreview-bench")
    with hub_errors(upload.repo, RemoteError, "run the same command later", "upload to {}"):
        hub.create_repo(upload.repo, repo_type="dataset", private=upload.private, exist_ok=True)
        if upload.private and not hub.repo_info(upload.repo, repo_type="dataset").private:
            raise InputError(
                f"{upload.repo} already exists, and is public.", remedy="choose another name, or make it private first"
            )
        say(f"Uploading {len(upload.files)} files to {upload.repo} ...")
        done = hub.upload_folder(
            repo_id=upload.repo,
            repo_type="dataset",
            folder_path=str(upload.folder),
            allow_patterns=["data/**", "jsonl/**", "*.md", "*.yaml", "*.json", CHECKSUMS],
            commit_message=f"Upload {upload.folder.resolve().name}",
        )
    return str(done.commit_url)
