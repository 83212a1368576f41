"""Where an encoder's files are, and whether they are genuine. Only `fetch` downloads; nothing is executed or unpickled.

An encoder is *verified* when every file that decides a vector (weights, configuration, tokenizer, adapter) is the one
that its contract or the registry states, or that the Hub reported for the pinned revision when `bench encoder fetch`
got it. Weights alone do not make an encoder: another tokenizer gives other vectors and another score. Pooling and
normalising are the contract's, whatever `modules.json` and `1_Pooling` say; nothing reads these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from importlib.util import find_spec as find_package
from pathlib import Path

from bioreview_bench.contracts.contract import Contract, encoder_part, files_digest
from bioreview_bench.encoders.adapter import Adapter, check_base, differing_files, find_adapter
from bioreview_bench.encoders.registry import HUB_PREFIX, LOCAL_PREFIX, EncoderSpec, find_spec
from bioreview_bench.errors import EncoderError, InputError
from bioreview_bench.files.atomic import write_json
from bioreview_bench.files.hub import download_all, revision_files
from bioreview_bench.files.install import install_command
from bioreview_bench.files.paths import fetch_records_root, require_folder
from bioreview_bench.files.reading import file_sha256, find_json, read_json
from bioreview_bench.files.settings import folder_of

WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # in the order in which transformers prefers them
TOKENIZER = ("tokenizer.json", "vocab.txt", "tokenizer.model")
# What transformers may read beside the weights: the configuration, and whatever a tokenizer of any kind is made of.
_SIDE = (
    *("config.json", "tokenizer*.json", "special_tokens_map.json", "added_tokens.json", "*processor_config.json"),
    *(
        "*vocab*.txt",
        "*vocab*.json",
        "vocab-*",
        "*merges*.txt",
        "dict.txt",
        "*.model",
        "*.spm",
        "*.codes",
        "*.tiktoken",
    ),
    *("*.tokenizer", "tekken.json", "normalizer.json", "word_*.json", "byte_maps.json", "emoji.json"),
)
_ADAPTER = "adapter_config.json"
_OTHER_WEIGHTS = "transformers_weights"  # a configuration that names the file of its weights


@dataclass(frozen=True)
class EncoderFiles:
    """The files of one encoder. `revision` is None unless the files are known to be that revision.

    `base` has the sha256 by name of every file that decides a vector, the adapter's aside.
    """

    id: str
    folder: Path
    revision: str | None
    weights: Path
    base: Mapping[str, str]
    verified: bool
    adapter: Adapter | None = None

    @property
    def weights_sha256(self) -> str:
        """Of the weights alone."""
        return self.base[self.weights.name]

    @property
    def side_sha256(self) -> str:
        """Of configuration and tokenizer."""
        return _side_digest(self.base)

    @property
    def files_sha256(self) -> str:
        """Of every file that decides a vector."""
        return files_digest(self.base) if self.adapter is None else self.adapter.files_sha256

    @property
    def part(self) -> str:
        """What a signature says of it."""
        adapter = None if self.adapter is None else self.adapter.name
        return encoder_part(self.id, self.revision, self.files_sha256, adapter)


def resolve(contract: Contract, path: Path | None = None) -> EncoderFiles:
    """Find and check the files of the contract's encoder, in `path` if given.

    Raises InputError for an unknown encoder, EncoderError when files are missing, incomplete or not genuine.
    """
    if contract.adapter is None:
        return resolve_spec(_stated(contract, path), path, contract.files_sha256)
    files = resolve_spec(_stated(contract, path), path)
    return _with_adapter(files, find_adapter(contract.adapter), contract)


def require_present(contract: Contract) -> None:
    """Raise EncoderError when the files of the contract's encoder are not on this machine; nothing is read."""
    spec = _stated(contract, None)
    if folder_of("encoder", spec.alias or spec.id) is None:
        locate(spec)


def _stated(contract: Contract, path: Path | None) -> EncoderSpec:
    """The encoder that a contract names, at the revision and with the weights that it states."""
    name = contract.encoder or ""
    if name.startswith(LOCAL_PREFIX):
        if path is None:
            raise InputError(f"The encoder {name} is a folder that was not named.", remedy="--encoder-path DIR")
        spec = EncoderSpec(id=name, repo=None, revision=None, max_length=contract.max_length or 0)
    else:
        spec = find_spec(f"{name}@{contract.revision or ''}" if name.startswith(HUB_PREFIX) else name)
    return replace(
        spec,
        revision=contract.revision or spec.revision,
        weights_sha256=contract.weights_sha256 or spec.weights_sha256,
    )


def _with_adapter(files: EncoderFiles, adapter: Adapter, contract: Contract) -> EncoderFiles:
    check_base(adapter, files.base)
    if contract.files_sha256 not in (None, adapter.files_sha256):
        raise EncoderError(
            f"The adapter in {adapter.folder} is not that of contract {contract.name}: with its base its sha256 is "
            f"{adapter.files_sha256}, and {contract.files_sha256} is expected.",
            remedy="name a contract that was calibrated with this adapter",
        )
    return replace(files, adapter=adapter, verified=contract.files_sha256 is not None)


def resolve_spec(spec: EncoderSpec, path: Path | None = None, files_sha256: str | None = None) -> EncoderFiles:
    """Find and check the files of an encoder, in `path` if given, else where settings say.

    `files_sha256` (of all files) is expected in the place of what the registry states. Raises EncoderError.
    """
    path = path if path is not None else folder_of("encoder", spec.alias or spec.id)
    folder = path if path is not None else locate(spec)
    weights, base = weights_file(folder), deciding_files(folder)
    expected = files_sha256 or (None if spec.files is None else files_digest(spec.files))
    found = EncoderFiles(spec.id, folder, spec.revision, weights, base, verified=True)
    if spec.weights_sha256 not in (None, found.weights_sha256):
        raise EncoderError(
            f"{weights} is not {spec.id}: its sha256 is {found.weights_sha256}, and {spec.weights_sha256} is expected.",
            remedy=_OTHER_FILES,
        )
    if expected is not None:
        if expected != found.files_sha256:
            raise EncoderError(_not_genuine(found, spec, expected), remedy=_OTHER_FILES)
        return found
    recorded = recorded_hashes(spec.repo, spec.revision)
    verified = recorded == {"weights": found.weights_sha256, "side": found.side_sha256}
    if recorded and not verified and path is None:
        raise EncoderError(
            f"The files in {folder} are not those that were fetched (a checksum differs).",
            remedy=fetch_command(spec),
        )
    return found if verified else replace(found, revision=None, verified=False)


_OTHER_FILES = "install or fetch the encoder again; to score with other files use --encoder DIR"


def _not_genuine(found: EncoderFiles, spec: EncoderSpec, expected: str) -> str:
    if spec.files is not None and files_digest(spec.files) == expected:
        return f"{found.folder} is not {spec.id}: {differing_files(spec.files, found.base)}"
    names = ", ".join(sorted(found.base))
    return (
        f"{found.folder} does not hold the files that the contract states: the sha256 of {names} "
        f"is {found.files_sha256}, and {expected} is expected."
    )


def locate(spec: EncoderSpec) -> Path:
    """The folder of an encoder on this machine. Raises EncoderError naming the command that gets it."""
    if spec.package is not None:
        package = find_package(spec.package)
        if package is None or not package.submodule_search_locations:
            raise EncoderError(f"The encoder {spec.id} is not installed.", remedy=get_command(spec))
        return Path(package.submodule_search_locations[0]) / "model"
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(str(spec.repo), "config.json", revision=spec.revision)
    if not isinstance(config, str):
        raise EncoderError(
            f"The encoder {spec.id} (revision {(spec.revision or '-')[:12]}) is not on this machine, "
            "and nothing replaces it.",
            remedy=f"{fetch_command(spec)} (needs a network), bench config set encoder {spec.alias or spec.id}=FOLDER "
            "if you have its files, or --contract reader, which needs no download",
        )
    return Path(config).parent


def get_command(spec: EncoderSpec) -> str:
    """The command that installs or downloads an encoder."""
    return spec.install or (install_command(spec.extra) if spec.extra else fetch_command(spec))


def fetch_command(spec: EncoderSpec) -> str:
    """The command that downloads an encoder."""
    return f"bench encoder fetch {spec.alias or f'{spec.id}@{spec.revision}'}"


def record_path(repo: str, revision: str) -> Path:
    """Where the checksums of a fetched revision are recorded."""
    return fetch_records_root() / f"{repo.replace('/', '--')}@{revision}.json"


def recorded_hashes(repo: str | None, revision: str | None) -> dict[str, str]:
    """{"weights": sha256, "side": sha256} as recorded by fetch; {} when it was never fetched."""
    if repo is None or revision is None:
        return {}
    path = record_path(repo, revision)
    remedy = f"rm {path}, then fetch again"
    record = find_json(path, EncoderError, remedy)
    if record is None:
        return {}
    if not {"weights", "side"} <= record.keys():
        raise EncoderError(f"{path} is not a fetch record: it lacks a checksum.", remedy=remedy)
    return {name: str(record[name]) for name in ("weights", "side")}


def weights_file(folder: Path) -> Path:
    """The weights that will be loaded from `folder`. Raises EncoderError when files are missing."""
    require_folder(folder, EncoderError, "name a folder with config.json and weights")
    weights = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    has_tokenizer = any((folder / name).is_file() for name in TOKENIZER)
    if weights is None or not has_tokenizer or not (folder / "config.json").is_file():
        raise EncoderError(
            f"{folder} is not a complete encoder: it needs config.json, one of {', '.join(WEIGHTS)}, "
            f"and one of {', '.join(TOKENIZER)}.",
            remedy="fetch it again, or name a complete folder",
        )
    if (folder / _ADAPTER).exists():
        raise EncoderError(
            f"{folder} has {_ADAPTER}: an adapter would change the vectors of the same weights.",
            remedy="name a folder without an adapter, or with the adapter merged into the weights",
        )
    if _OTHER_WEIGHTS in read_json(folder / "config.json", EncoderError, "fetch it again"):
        raise EncoderError(
            f"{folder / 'config.json'} names other weights ({_OTHER_WEIGHTS}) than {weights.name}.",
            remedy=f"put these weights in the place of {weights.name}, and take the line out",
        )
    return weights


def deciding_files(folder: Path) -> dict[str, str]:
    """The sha256 by name of weights, configuration and tokenizer of an encoder folder. Raises EncoderError."""
    paths = [weights_file(folder), *(path for path in sorted(folder.iterdir()) if is_side_file(path.name))]
    return {path.name: file_sha256(path, EncoderError) for path in paths if path.is_file()}


def is_side_file(name: str) -> bool:
    """True for a configuration or tokenizer file, which decides vectors as much as weights do.

    >>> [name for name in ("config.json", "merges.txt", "modules.json", "README.md") if is_side_file(name)]
    ['config.json', 'merges.txt']
    """
    return any(fnmatchcase(name, pattern) for pattern in _SIDE)


def _side_digest(files: Mapping[str, str]) -> str:
    """One sha256 over the configuration and tokenizer files among `files`."""
    digest = hashlib.sha256()
    for name in sorted(filter(is_side_file, files)):
        digest.update(f"{name}\0{files[name]}\n".encode())
    return digest.hexdigest()


def fetch(spec: EncoderSpec, progress: Callable[[int, int], None] = lambda done, total: None) -> Path:
    """Download the encoder into the Hub cache, verify every file, record it; returns the folder.

    `progress(done, total)` counts bytes.

    Raises EncoderError when the Hub refuses or a file differs, InputError for an encoder that is no download.
    """
    if spec.package is not None or spec.repo is None or spec.revision is None:
        raise InputError(f"{spec.id} is not downloaded.", remedy=get_command(spec))
    remedy = "check the network and, for a gated repository, the token (hf auth login); then run the command again"
    found = revision_files(spec.repo, spec.revision, "model", EncoderError, remedy)
    if found.commit != spec.revision:
        raise EncoderError(
            f"{spec.repo} at {spec.revision} is the commit {found.commit}: a branch or tag can move.",
            remedy=f"bench encoder fetch hf:{spec.repo}@{found.commit}",
        )
    weights = next((name for name in WEIGHTS if name in found.files), None)
    if weights is None or not any(name in found.files for name in TOKENIZER):
        raise EncoderError(
            f"{spec.repo} at {spec.revision[:12]} has no {' or '.join(WEIGHTS)} with a tokenizer.",
            remedy="name another repository",
        )
    names = [name for name in found.files if is_side_file(name) and "/" not in name]
    paths = download_all(found, [*names, weights], EncoderError, remedy, progress)
    folder = paths[weights].parent
    record = {
        "repo": spec.repo,
        "revision": spec.revision,
        "weights_file": weights,
        "weights": found.files[weights].sha256 or file_sha256(paths[weights], EncoderError),
        "side": _side_digest(deciding_files(folder)),
    }
    write_json(record_path(spec.repo, spec.revision), record)
    return folder
