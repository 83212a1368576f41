"""Which files of a repository on the Hub are wanted: a repository has configurations, one folder each.

A folder bears a configuration's name (`data/elife/train.jsonl`), or its files are the only ones (`data/train.jsonl`,
`train.jsonl`: the configuration `default`). A split may be a folder of its own (`elife/train/0000.parquet`), as where
the Hub converts a data set to Parquet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePosixPath

from bioreview_bench.data.folder import FILE_STEMS, SPLITS, claims, missing_shards
from bioreview_bench.errors import DataError, did_you_mean, printable

DEFAULT = "default"
INDEX, ANNOTATIONS = "index", "annotations"
TEXT_FREE = (INDEX, ANNOTATIONS)  # configurations of the public repository: ids, DOIs and labels, no texts
_SUFFIXES = (".jsonl", ".parquet")
_STEMS = tuple(stem for stems in FILE_STEMS.values() for stem in stems)

Folders = Mapping[str, Mapping[str, str]]  # folder in the repository to {local file name: path in the repository}


def folders(paths: Iterable[str]) -> Folders:
    """The folders of a repository that hold data files."""
    found: dict[str, dict[str, str]] = {}
    in_splits: dict[tuple[str, str, str], list[str]] = {}
    for path in sorted(paths):
        parts = PurePosixPath(path)
        if parts.suffix not in _SUFFIXES and parts.name != "splits.json":
            continue
        if parts.parent.name in _STEMS and parts.suffix in _SUFFIXES and parts.stem not in _STEMS:
            in_splits.setdefault((str(parts.parent.parent), parts.parent.name, parts.suffix), []).append(path)
        else:
            found.setdefault(str(parts.parent), {})[parts.name] = path
    for (folder, stem, suffix), shards in in_splits.items():
        names = (f"{stem}-{n:05d}-of-{len(shards):05d}{suffix}" for n in range(len(shards)))
        found.setdefault(folder, {}).update(zip(names, shards, strict=True))
    return {folder: names for folder, names in found.items() if any(name != "splits.json" for name in names)}


def configuration(folder: str) -> str:
    """The name of the configuration that a folder holds."""
    return DEFAULT if folder in (".", "data") else PurePosixPath(folder).name


def choose(where: str, paths: Collection[str], config: str | None, version: str | None = None) -> Mapping[str, str]:
    """The files of a configuration: local file name to path in the repository `where`, which is a name for messages.

    Without `config` that is the only one, else `default`; folders below one with the name of `version` go first.
    Raises DataError naming the configurations that there are.
    """
    found = folders(paths)
    if not found:
        listed = ", ".join(sorted(map(printable, paths))[:12]) or "nothing"
        raise DataError(
            f"{where} has no .jsonl or .parquet files; it holds {listed}.", remedy="name another repository"
        )
    inside = {folder: names for folder, names in found.items() if version in PurePosixPath(folder).parts}
    found = inside or found
    if config is not None:
        fitting = [
            folder for folder in found if config in (folder, folder.removeprefix("data/"), configuration(folder))
        ]
    else:
        fitting = [folder for folder in found if configuration(folder) not in TEXT_FREE or version is None]
        if len(fitting) > 1:
            fitting = [folder for folder in fitting if configuration(folder) == DEFAULT] or fitting
    if len(fitting) == 1:
        return found[fitting[0]]
    names = sorted({configuration(folder) for folder in found})
    if config is not None and not fitting:
        meant = did_you_mean(config, names)
        raise DataError(
            f'{where} has no configuration "{printable(config)}"; it has {_listed(names)}.',
            remedy=f"{meant}name one of these with --config",
        )
    if not fitting:
        raise DataError(
            f"{where} holds no articles: {_listed(names)} are ids and labels without texts.",
            remedy="name a repository with full texts (--repo OWNER/NAME), or use your files: --data "
            f"{version or 'v3'}=FOLDER",
        )
    places = sorted(fitting) if config is not None else names
    raise DataError(
        f"{where} has {len(fitting)} configurations to choose from: {_listed(places)}.",
        remedy="name one with --config",
    )


def split_paths(where: str, names: Mapping[str, str], version: str, held: Collection[str]) -> Mapping[str, str]:
    """Those of `names` that hold the three splits of a released version, no split twice. Raises DataError.

    `held` is all that the repository holds, for the message.
    """
    chosen: dict[str, str] = {}
    for split in SPLITS:
        found = claims(names, split)
        what = f"{len(found)} files for the split {split} of {version}" if len(found) != 1 else missing_shards(found[0])
        if what:
            raise DataError(
                f"{where} has not one of each split: {what}; it holds {_listed(sorted(held))}.",
                remedy="name another --repo, --revision or --config",
            )
        chosen.update({name: names[name] for name in found[0]})
    return chosen


def _listed(names: Iterable[str]) -> str:
    shown = [printable(name) for name in names]
    return ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")
