"""`bench data download`: data from the Hub into a folder of this machine, all of it or nothing.

A revision is resolved to its commit once; every file is of that commit, is checked against the Hub's checksum, and is
written down with it in `origin.json`. Files that arrived stay in the Hub cache, so that the same command goes on after
an interruption. A released version must agree with its manifest before it is put in place.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from bioreview_bench.data.folder import SPLITS, claims, read_split
from bioreview_bench.data.released import layouts
from bioreview_bench.data.released import manifest as manifests
from bioreview_bench.data.released.members import membership
from bioreview_bench.errors import DataError, InputError, Problem, cannot_write, did_you_mean, printable
from bioreview_bench.files.atomic import write_json
from bioreview_bench.files.hub import download_all, revision_files
from bioreview_bench.files.jsonl import read_rows
from bioreview_bench.files.parquet import read_column
from bioreview_bench.files.paths import data_root
from bioreview_bench.files.reading import file_sha256

ORIGIN = "origin.json"
_INDEX_VERSION = "v4"  # whose public repository holds the index and the annotations
_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_FORM = "use v3, v4, index, annotations, or OWNER/NAME@REVISION"


@dataclass(frozen=True)
class Wanted:
    """What to download. `version`: v3 or v4, whose manifest the files must agree with; None for anything else."""

    name: str
    repo: str
    revision: str
    config: str | None
    version: str | None

    @property
    def remedy(self) -> str:
        """What to do when the Hub refuses."""
        if self.version is None:
            return (
                "check name, revision and network; for a gated or private repository ask for access at "
                f"https://huggingface.co/datasets/{self.repo}, then hf auth login"
            )
        return (
            f"check the name and the network, then bench data download {self.version} --repo OWNER/NAME "
            f"with a token that may read it (hf auth login), or use files that you hold: --data {self.version}=FOLDER"
        )


@dataclass(frozen=True)
class Downloaded:
    """Where the files are, and of which commit of which repository."""

    folder: Path
    repo: str
    commit: str
    files: Mapping[str, str]


def wanted(name: str, repo: str | None = None, revision: str | None = None, config: str | None = None) -> Wanted:
    """What `name` stands for: v3, v4, index, annotations or OWNER/NAME[@REVISION]. Raises DataError, InputError."""
    released = name in manifests.RELEASED
    if released or name in layouts.TEXT_FREE:
        manifest = manifests.load_manifest(name if released else _INDEX_VERSION)
        source = repo or manifest.repo
        if source is None:
            raise manifests.not_at_hand(name)
        pinned = manifest.revision if source == manifest.repo else None
        own = config if released else name
        return Wanted(name, _checked(source), revision or pinned or "main", own, name if released else None)
    source, at, named = name.partition("@")
    if "/" not in source or (at and not named):
        meant = did_you_mean(name, (*manifests.RELEASED, *layouts.TEXT_FREE))
        raise InputError(f'There is nothing to download called "{printable(name)}".', remedy=f"{meant}{_FORM}")
    if repo is not None or (named and revision is not None):
        twice = "the repository" if repo is not None else "the revision"
        raise InputError(f"{printable(name)} names {twice}, and an option names it again.", remedy="name it once")
    return Wanted(source, _checked(source), revision or named or "main", config, None)


def download(what: Wanted, out: Path | None = None, progress: Callable[[int, int], None] | None = None) -> Downloaded:
    """Download into `out`, or a folder below this machine's data. `progress(done, total)` counts bytes.

    Raises DataError, InputError, WriteError.
    """
    folder = out or _place(what)
    before = _origin(folder)
    if out is not None and before is None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is not empty, and no download of this command.", remedy="name another --out")
    found = revision_files(what.repo, what.revision, "dataset", DataError, what.remedy)
    where = f"{found.repo} at {found.commit[:12]}"
    names = layouts.choose(where, tuple(found.files), what.config, what.version)
    if what.version is not None:
        names = layouts.split_paths(where, names, what.version, tuple(found.files))
    done = Downloaded(folder, what.repo, found.commit, names)
    same = {"repo": what.repo, "commit": found.commit, "files": dict(names)}
    if before is not None and same.items() <= before.items() and _is_whole(folder, before):
        return done
    _check_ours(folder, {*_listed(before), *names})
    show = progress or (lambda received, total: None)
    fetched = download_all(found, names.values(), DataError, what.remedy, show)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
            fresh = Path(scratch) / "fresh"
            fresh.mkdir()
            for local, path in names.items():
                shutil.copyfile(fetched[path], fresh / local)
            hashes = {local: file_sha256(fresh / local, DataError) for local in names}
            write_json(fresh / ORIGIN, {**same, "revision": what.revision, "config": what.config, "sha256": hashes})
            if what.version is not None:
                _require_frozen(manifests.load_manifest(what.version), fresh)
            if folder.exists():
                folder.rename(Path(scratch) / "replaced")
            fresh.rename(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    return done


def record_index(done: Downloaded) -> dict[str, int]:
    """Record the article ids of the public index as those of its version; how many by split.

    {} and nothing recorded for an index of another repository, or of other numbers of articles. Raises DataError.
    """
    manifest = manifests.load_manifest(_INDEX_VERSION)
    if done.repo != manifest.repo:
        return {}
    found: dict[str, list[str]] = {}
    for split in SPLITS:
        files = [name for names in claims(done.files, split) for name in names]
        found[split] = [one for name in files for one in _ids(done.folder / name)]
        if len(found[split]) != manifest.splits[split].articles or len(set(found[split])) != len(found[split]):
            return {}
    manifests.record_ids(manifest, found)
    return {split: len(ids) for split, ids in found.items()}


def _ids(path: Path) -> list[str]:
    if path.suffix == ".parquet":
        return read_column(path, "id")
    rows = list(read_rows(path, DataError))
    broken = [row for _, row in rows if isinstance(row, Problem)]
    ids = [row.get("id") for _, row in rows if not isinstance(row, Problem)]
    named = [one for one in ids if isinstance(one, str)]
    if broken or len(named) != len(ids):
        raise DataError(f"{path} is no index: a row has no id.", problems=broken, remedy="download it again")
    return named


def _require_frozen(manifest: manifests.Manifest, folder: Path) -> None:
    wrong = []
    for split in SPLITS:
        articles, members = read_split(folder, split), manifests.known_members(manifest, split)
        found = manifests.differences(manifest, split, articles)
        found += membership(members, articles) if members is not None else []
        wrong += [f"  {split}: {line}" for line in found]
    if wrong:
        listed = "\n".join(wrong)
        raise DataError(
            f"The downloaded files are not the frozen {manifest.version}; nothing was kept:\n{listed}",
            remedy="name the repository, --revision and --config of the release",
        )


def _is_whole(folder: Path, origin: Mapping[str, object]) -> bool:
    """True when every file is as it was downloaded."""
    hashes = origin.get("sha256")
    return isinstance(hashes, dict) and all(
        (folder / local).is_file() and file_sha256(folder / local, DataError) == hashes.get(local)
        for local in _listed(origin)
    )


def _check_ours(folder: Path, ours: Set[str]) -> None:
    """Refuse to replace a folder in which somebody has put other files. Raises InputError."""
    others = sorted({path.name for path in folder.iterdir()} - ours - {ORIGIN}) if folder.is_dir() else []
    if others:
        shown = ", ".join(printable(name, 60) for name in others[:5])
        raise InputError(
            f"{folder} would be replaced, and holds {len(others)} that no download made: {shown}.",
            remedy="move them away, or name another --out",
        )


def _listed(origin: Mapping[str, object] | None) -> Set[str]:
    files = (origin or {}).get("files")
    return set(files) if isinstance(files, dict) else set()


def _place(what: Wanted) -> Path:
    if what.version is not None or what.name in layouts.TEXT_FREE:
        return data_root() / what.name
    config = f"--{re.sub(r'[^A-Za-z0-9_.-]', '-', what.config)}" if what.config else ""
    return data_root() / "hub" / f"{what.repo.replace('/', '--')}{config}"


def _checked(repo: str) -> str:
    if not _REPO.fullmatch(repo) or ".." in repo:
        raise InputError(f'"{printable(repo)}" is not the name of a repository.', remedy="use OWNER/NAME")
    return repo


def _origin(folder: Path) -> dict[str, object] | None:
    try:
        found = json.loads((folder / ORIGIN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # not there, or not from a finished download: fetch it
    return found if isinstance(found, dict) else None
