"""From what a user types after `--data` to a named, checked Split."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path

from bioreview_bench.data.folder import (
    ALL,
    SPLITS,
    StoredArticles,
    canonical_split,
    check_folder,
    data_files,
    read_split,
    split_files,
    stored_groups,
    stored_split,
)
from bioreview_bench.data.near_misses import near_miss_file
from bioreview_bench.data.released import manifest as manifests
from bioreview_bench.data.released.members import changed, membership
from bioreview_bench.data.split import LOCAL, Split
from bioreview_bench.errors import DataError, InputError, did_you_mean, printable
from bioreview_bench.files.paths import data_root
from bioreview_bench.files.settings import folder_of

_BUNDLED = {"demo": "bioreview_bench.data.demo", "known": "bioreview_bench.data.released.known"}
BUNDLED_DATA = tuple(_BUNDLED)  # invented articles of this package


OFFICIAL, READING = "v3", "reader"  # contracts by which data are scored when none is named


def default_contract(data: str) -> str:
    """The contract of a `--data` value when none is named: `v3` for released data, `reader` for any other.

    Published numbers of released versions were made under `v3`, and new ones stay comparable with them.

    >>> default_contract("demo"), default_contract("my/folder"), default_contract("v3=my/folder")
    ('reader', 'reader', 'v3')
    """
    return OFFICIAL if data.partition("=")[0] in manifests.RELEASED else READING


def load_split(data: str | Path, split: str, *, limit: int | None = None, allow_unfrozen: bool = False) -> Split:
    """Load the articles of a split.

    `data` is a folder, `demo` or `known` (bundled), a released version (`v3`, `v4`), or `v3=FOLDER` to check a
    folder against that version. `split` is train, val (or validation), test, or all. `limit` keeps the first N
    articles.

    Raises DataError when data are missing, malformed, or differ from the released version they are called;
    with `allow_unfrozen` a differing folder is loaded under its own fingerprint, never under the version's
    name. Raises InputError for an unknown split.

    >>> split = load_split("demo", "test")
    >>> len(split), sum(len(article.concerns) for article in split)
    (12, 75)
    """
    split = canonical_split(split)
    version, folder = locate(data)
    if version in BUNDLED_DATA:
        loaded = Split.of(read_split(folder, split), version, split, verification="bundled")
    elif version is None:
        loaded = Split.of(read_split(folder, split), LOCAL, split)
    else:
        loaded = _released(manifests.load_manifest(version), folder, split, allow_unfrozen)
    loaded = replace(loaded, near_misses=near_miss_file(folder))
    return loaded if limit is None else loaded.first(limit)


def load_every_split(data: str | Path, *, allow_unfrozen: bool = False) -> list[Split]:
    """Every split of the data that there is; all articles as one split where `splits.json` says what is what.

    Raises DataError when there is none, or when one is not as released; InputError as `locate`.
    """
    _, folder = locate(data)
    present = [] if (folder / "articles.jsonl").is_file() or not folder.is_dir() else _present(folder)
    return [load_split(data, split, allow_unfrozen=allow_unfrozen) for split in present or [ALL]]


def stored_articles(data: str | Path) -> StoredArticles:
    """Every article of a `--data` value, or of a file of articles, to be read one at a time.

    Raises DataError, InputError as `locate`.
    """
    path = Path(data)
    return StoredArticles((path,)) if path.is_file() else stored_split(locate(data)[1], ALL)


def stored_by_split(data: str | Path) -> dict[str, StoredArticles]:
    """The same by split; those of a file as "all", those of a folder that no split names as "rest"."""
    path = Path(data)
    return {ALL: StoredArticles((path,))} if path.is_file() else stored_groups(locate(data)[1])


def bundled_data(predictions: str) -> str | None:
    """The bundled data of `demo:NAME` or `known:NAME`; None for any other name of a predictions file.

    >>> bundled_data("demo:careful"), bundled_data("predictions.jsonl")
    ('demo', None)
    """
    data, colon, _ = predictions.partition(":")
    return data if colon and data in BUNDLED_DATA else None


def predictions_path(given: str) -> Path:
    """The path of a predictions file; `demo:NAME` and `known:NAME` are bundled ones. Raises InputError."""
    data = bundled_data(given)
    if data is None:
        return Path(given)
    folder = locate(data)[1] / "predictions"
    names = sorted(path.stem for path in folder.glob("*.jsonl"))
    known, name = [f"{data}:{listed}" for listed in names], given.partition(":")[2]
    if name not in names:
        raise InputError(
            f'There is no bundled file "{printable(given)}".',
            remedy=f"{did_you_mean(given, known) if name else ''}use {', '.join(known)}",
        )
    return folder / f"{name}.jsonl"


def has_split(data: str | Path, split: str) -> bool:
    """True unless the data hold other splits only. Raises DataError, InputError as `locate`."""
    folder = locate(data)[1]
    return (folder / "articles.jsonl").is_file() or bool(split_files(folder, split))


def locate(data: str | Path) -> tuple[str | None, Path]:
    """(released version, bundled data or None; the folder) for a `--data` value. Raises DataError, InputError."""
    text = str(data)
    if text in BUNDLED_DATA:
        return text, Path(str(resources.files(_BUNDLED[text])))
    if text in manifests.RELEASED:
        folder = folder_of("data", text) or data_root() / text
        if not folder.is_dir():
            raise manifests.not_at_hand(text, folder)
        return text, folder
    version, equals, rest = text.partition("=")
    if equals and version in manifests.RELEASED:
        if rest and Path(rest).is_file():
            check_folder(Path(rest))
        if not rest or not Path(rest).is_dir():
            raise DataError(
                f"There is no data folder {printable(rest)}.",
                remedy=f"--data {version}=FOLDER",
            )
        return version, Path(rest)
    if equals and not Path(text).exists():
        raise InputError(
            f'"{printable(version)}" is not a released version.',
            remedy=f"--data {manifests.RELEASED[0]}={printable(rest) or 'FOLDER'}",
        )
    if not Path(text).exists():
        bundled = bundled_data(Path(text).name)
        if bundled is not None:
            raise DataError(
                f"{printable(Path(text).name)} names predictions, not data.", remedy=f"name their data: {bundled}"
            )
        names = (*BUNDLED_DATA, *manifests.RELEASED)
        raise DataError(
            f"There is no data folder {printable(text)}.",
            remedy=f"{did_you_mean(text, names)}name a folder, or one of {', '.join(names)}, with --data",
        )
    return None, Path(text)


def _released(manifest: manifests.Manifest, folder: Path, split: str, allow_unfrozen: bool) -> Split:
    articles = read_split(folder, split)
    members = manifests.known_members(manifest, split)
    hashes = manifests.known_hashes(manifest)
    wrong = manifests.differences(manifest, split, articles)
    if members is not None:
        wrong += membership(members, articles)
    if hashes and not wrong:
        wrong = manifests.wrong_files(hashes, _files_of(folder, split))
        if wrong and members is not None and all(members.values()):
            # Other files may hold the same articles, as Parquet does what was JSON Lines.
            different = changed(members, articles)
            wrong = [*wrong, *different] if different else []
    if not wrong:
        return Split.of(
            articles,
            manifest.version,
            split,
            verification="contents" if hashes else "counts",
            held_out=split in manifest.held_out or split == ALL,
        )
    if allow_unfrozen:
        return Split.of(articles, LOCAL, split)
    listed = "\n".join(f"  {line}" for line in wrong)
    raise DataError(
        f"{folder} is not the frozen {manifest.version} ({split}):\n{listed}",
        remedy="get the released files, or add --allow-unfrozen to score these under their own fingerprint",
    )


def _present(folder: Path) -> list[str]:
    return [split for split in SPLITS if split_files(folder, split)]


def _files_of(folder: Path, split: str) -> list[Path]:
    if split == ALL or (folder / "articles.jsonl").is_file():
        return data_files(folder)
    return split_files(folder, split)
