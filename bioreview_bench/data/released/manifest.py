"""Manifests of released data: what a frozen split is known to contain, and whether a folder contains it.

A manifest states counts, and ids of articles where they are public. `bench data verify --pin` records on this machine
what it lacks: sha256 of the files, and id and digest of every article. Until then a match is *by counts*, and every
surface says so.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from bioreview_bench.data import folder as folders
from bioreview_bench.data.article import Article
from bioreview_bench.data.released.members import Members, as_members
from bioreview_bench.errors import DataError
from bioreview_bench.files.atomic import write_json
from bioreview_bench.files.paths import data_root, pins_root
from bioreview_bench.files.reading import file_sha256, find_json

RELEASED = ("v3", "v4")


class SplitFacts(BaseModel):
    """Known counts of one split; None where nothing is known. References are those no figure is needed for.

    `concerns` are all, those of figures too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    articles: int
    by_source: dict[str, int] | None = None
    usable_by_source: dict[str, int] | None = None
    concerns: int | None = None
    references: int | None = None
    references_by_category: dict[str, int] | None = None


class Manifest(BaseModel):
    """One released version: where it is, what it holds, which splits are held out.

    `members`: by split, the ids of its articles, each with a digest or null (`members.article_digest`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    repo: str | None
    revision: str | None
    files: dict[str, str]
    sha256: dict[str, str]
    held_out: tuple[str, ...]
    splits: dict[str, SplitFacts]
    members: dict[str, dict[str, str | None]] = {}
    barred_training: tuple[str, ...] = ()
    note: str = ""


def load_manifest(version: str) -> Manifest:
    """The bundled manifest of `v3` or `v4`."""
    folder = resources.files("bioreview_bench.data.released.manifests")
    manifest = Manifest.model_validate_json(folder.joinpath(f"{version}.json").read_text(encoding="utf-8"))
    ids = folder.joinpath(f"{version}-ids.json")  # of the splits whose articles were published
    if not ids.is_file():
        return manifest
    members: dict[str, Members] = {
        split: dict.fromkeys(named) for split, named in json.loads(ids.read_text(encoding="utf-8")).items()
    }
    return manifest.model_copy(update={"members": members})


def differences(manifest: Manifest, split: str, articles: Sequence[Article]) -> list[str]:
    """What `articles` have that the manifest's split does not, in words; [] when all known counts agree."""
    if split == folders.ALL:
        expected = sum(facts.articles for facts in manifest.splits.values())
        found = _differ("articles", expected, len(articles))
        return found + _differ("articles without concerns", 0, sum(not article.reviewed for article in articles))
    facts = manifest.splits[split]
    references = [str(concern.category) for article in articles for concern in article.concerns if not concern.figure]
    usable = Counter(
        str(article.source) for article in articles if any(not concern.figure for concern in article.concerns)
    )
    found = _differ("articles", facts.articles, len(articles))
    found += _differ("articles without concerns", 0, sum(not article.reviewed for article in articles))
    found += _differ_by("articles of", facts.by_source, Counter(str(article.source) for article in articles))
    found += _differ_by("articles with a usable concern of", facts.usable_by_source, usable)
    found += _differ("concerns", facts.concerns, sum(len(article.concerns) for article in articles))
    found += _differ("references", facts.references, len(references))
    found += _differ_by("references of", facts.references_by_category, Counter(references))
    return found


def known_hashes(manifest: Manifest) -> dict[str, str]:
    """sha256 by file name: the bundled ones, else those pinned on this machine."""
    return manifest.sha256 or _pins(manifest.version)[0]


def known_members(manifest: Manifest, split: str) -> Members | None:
    """Id to digest of the articles of a split: those pinned on this machine, else bundled ones; None if not known."""
    pinned = _pins(manifest.version)[1]
    wanted = folders.SPLITS if split == folders.ALL else (split,)
    found = [pinned.get(name) or manifest.members.get(name) for name in wanted]
    known = [members for members in found if members]
    return {name: digest for members in known for name, digest in members.items()} if len(known) == len(found) else None


def wrong_files(hashes: Mapping[str, str], files: Sequence[Path]) -> list[str]:
    """Files whose bytes differ from `hashes`, in words; [] when all agree."""
    found = []
    for path in files:
        expected, actual = hashes.get(path.name), file_sha256(path, DataError)
        if expected is None:
            found.append(f"{path.name}: no sha256 is recorded for it")
        elif expected != actual:
            found.append(f"{path.name}: sha256 {actual}, recorded is {expected}")
    return found


def pin(manifest: Manifest, files: Sequence[Path], splits: Mapping[str, Members] | None = None) -> Path:
    """Record this machine's copy of the version: sha256 of `files`, ids and digests by split; the file written."""
    path = _pin_path(manifest.version)
    hashes = {file.name: file_sha256(file, DataError) for file in sorted(files, key=lambda file: file.name)}
    write_json(path, {"sha256": hashes, "splits": splits or {}, "version": manifest.version})
    return path


def record_ids(manifest: Manifest, splits: Mapping[str, Sequence[str]]) -> Path:
    """Record which articles the splits have, from a public index; pinned digests stay. Returns the file written."""
    path = _pin_path(manifest.version)
    hashes, pinned = _pins(manifest.version)
    members = {split: dict.fromkeys(ids) for split, ids in splits.items()}
    with_digests = {split: own for split, own in pinned.items() if any(own.values())}
    write_json(path, {"sha256": hashes, "splits": {**members, **with_digests}, "version": manifest.version})
    return path


def not_at_hand(version: str, folder: Path | None = None) -> DataError:
    """The error that names the ways to get a released version."""
    return DataError(
        f"The data of {version} are not on this machine (looked in {folder or data_root() / version}).",
        remedy=(
            f"bench config set data {version}=FOLDER if you hold the files (or --data {version}=FOLDER, once), "
            f"or bench data download {version} --repo OWNER/NAME (a repository that you may read)"
        ),
    )


def _pins(version: str) -> tuple[dict[str, str], dict[str, Members]]:
    """What is pinned of a version: sha256 by file name, and members by split."""
    path = _pin_path(version)
    remedy = f"rm {path}, then bench data verify --pin"
    pins = find_json(path, DataError, remedy) or {"sha256": {}}
    members = as_members(pins.get("splits", {}))
    if not isinstance(pins.get("sha256"), dict) or members is None:
        raise DataError(f"{path} is not a pin file: it has no sha256 by file name.", remedy=remedy)
    return {str(name): str(sha) for name, sha in pins["sha256"].items()}, members


def _pin_path(version: str) -> Path:
    return pins_root() / f"{version}.json"


def _differ(what: str, expected: int | None, actual: int) -> list[str]:
    return [] if expected is None or expected == actual else [f"{what}: {actual:,} here, {expected:,} in the manifest"]


def _differ_by(what: str, expected: Mapping[str, int] | None, actual: Mapping[str, int]) -> list[str]:
    if expected is None:
        return []
    names = [*expected, *sorted(set(actual) - set(expected))]
    return [line for name in names for line in _differ(f"{what} {name}", expected.get(name, 0), actual.get(name, 0))]
