"""`bench data download`: released data from the Hub into this machine's data folder, all of it or nothing."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from bioreview_bench.data.folder import FILE_STEMS, SPLITS, read_split
from bioreview_bench.data.released import manifest as manifests
from bioreview_bench.errors import DataError, cannot_write
from bioreview_bench.files.atomic import write_json
from bioreview_bench.files.hub import HubRevision, download_all, revision_files
from bioreview_bench.files.paths import data_root

INDEX = "index"
_ORIGIN = "origin.json"
_INDEX_VERSION = "v4"  # whose public repository holds the index


def download_release(
    version: str,
    repo: str | None = None,
    revision: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Download `v3`, `v4` or `index`; returns the folder. `progress(done, total)` counts bytes.

    Without `repo` the manifest's repository and revision are used. A released version must agree with its
    manifest before it is put in place. Raises DataError, WriteError.
    """
    manifest = manifests.load_manifest(_INDEX_VERSION if version == INDEX else version)
    source = repo or manifest.repo
    if source is None:
        raise manifests.not_at_hand(version)
    wanted = revision or (manifest.revision if source == manifest.repo else None) or "main"
    remedy = _remedy(version)
    found = revision_files(source, wanted, "dataset", DataError, remedy)
    names = _index_files(found) if version == INDEX else _split_files(found, version)
    folder = data_root() / version
    origin = {"repo": source, "commit": found.commit, "files": names}
    if _origin(folder) == origin and all((folder / local).is_file() for local in names):
        return folder
    fetched = download_all(found, names.values(), DataError, remedy, progress)
    paths = {local: fetched[name] for local, name in names.items()}
    try:
        data_root().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=data_root(), prefix=f".{version}.") as scratch:
            fresh = Path(scratch) / version
            fresh.mkdir()
            for local, path in paths.items():
                shutil.copyfile(path, fresh / local)
            write_json(fresh / _ORIGIN, origin)
            if version != INDEX:
                _check(manifest, fresh)
            if folder.exists():
                folder.rename(Path(scratch) / "replaced")
            fresh.rename(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    return folder


def _check(manifest: manifests.Manifest, folder: Path) -> None:
    wrong = [
        f"  {split}: {line}"
        for split in SPLITS
        for line in manifests.differences(manifest, split, read_split(folder, split))
    ]
    if wrong:
        listed = "\n".join(wrong)
        raise DataError(
            f"The downloaded files are not the frozen {manifest.version}; nothing was kept:\n{listed}",
            remedy="name the repository and --revision of the release",
        )


def _split_files(found: HubRevision, version: str) -> dict[str, str]:
    """Local file name to repository path, one for each split. Raises DataError when that is not unique."""
    inside = [name for name in found.files if version in PurePosixPath(name).parts[:-1]]
    candidates = inside or list(found.files)
    chosen: dict[str, str] = {}
    for split in SPLITS:
        endings = (".jsonl", ".parquet", "-00000-of-00001.parquet")
        named = {f"{stem}{ending}" for stem in FILE_STEMS[split] for ending in endings}
        matching = [name for name in candidates if PurePosixPath(name).name in named]
        if len(matching) != 1:
            listed = ", ".join(sorted(found.files)[:12]) or "nothing"
            what = f"{len(matching)} files for the split {split} of {version}; it holds {listed}"
            raise DataError(f"{found.repo} at {found.commit[:12]} has {what}.", remedy=_remedy(version))
        chosen[f"{split}{PurePosixPath(matching[0]).suffix}"] = matching[0]
    return chosen


def _index_files(found: HubRevision) -> dict[str, str]:
    names = [name for name in found.files if PurePosixPath(name).parts[0].split(".")[0] == INDEX]
    chosen = {PurePosixPath(name).name: name for name in names}
    if not names or len(chosen) != len(names):
        what = f"index files of one name: {', '.join(sorted(names)[:12])}" if names else "no index"
        raise DataError(f"{found.repo} at {found.commit[:12]} has {what}.", remedy="name another --repo or --revision")
    return chosen


def _origin(folder: Path) -> object:
    try:
        return json.loads((folder / _ORIGIN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # not there, or not from a finished download: fetch it


def _remedy(version: str) -> str:
    return (
        f"bench data download {version} --repo OWNER/NAME with a token that may read it (hf auth login), "
        f"or use files that you hold: --data {version}=FOLDER"
    )
