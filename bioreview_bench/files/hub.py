"""What is wanted from the Hugging Face Hub: files of a revision, one of them verified, uploads, its errors in words.

Tokens come from where `huggingface_hub` looks (`HF_TOKEN`, `hf auth login`); none is taken as an argument.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from bioreview_bench.errors import BenchError, InputError, RemoteError, cannot_write, printable
from bioreview_bench.files.network import environment_errors

_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)

LOG_IN = "hf auth login, with a token that may do this"

RepoType = Literal["model", "dataset"]


@dataclass(frozen=True)
class HubFile:
    """What the Hub reports: size in bytes, and checksums: sha256 for large files, the git blob id for the others."""

    sha256: str | None
    blob_id: str | None
    size: int = 0


@dataclass(frozen=True)
class HubRevision:
    """A repository at one commit."""

    repo: str
    repo_type: RepoType
    commit: str
    files: Mapping[str, HubFile]


def revision_files(
    repo: str, revision: str, repo_type: RepoType, failure: type[BenchError], remedy: str
) -> HubRevision:
    """The commit that `revision` names and its files with checksums. Raises `failure`."""
    from huggingface_hub import HfApi

    with hub_errors(f"{repo} at {revision}", failure, remedy):
        api = HfApi()
        describe = api.dataset_info if repo_type == "dataset" else api.model_info
        info = describe(repo, revision=revision, files_metadata=True)
    files = {
        sibling.rfilename: HubFile(sibling.lfs.sha256 if sibling.lfs else None, sibling.blob_id, sibling.size or 0)
        for sibling in info.siblings or []
    }
    return HubRevision(repo, repo_type, str(info.sha), files)


def download_all(
    revision: HubRevision,
    names: Iterable[str],
    failure: type[BenchError],
    remedy: str,
    progress: Callable[[int, int], None],
) -> dict[str, Path]:
    """The files of these names; `progress(done, total)` counts bytes, from 0 on. Raises `failure`."""
    wanted = list(names)
    total, finished = sum(revision.files[name].size for name in wanted), 0
    progress(0, total)
    paths = {}
    for name in wanted:
        received = partial(_count_on, progress, finished, total)
        paths[name] = download(revision, name, failure, remedy, received)
        finished += revision.files[name].size
        progress(finished, total)
    return paths


def _count_on(progress: Callable[[int, int], None], before: int, total: int, n_bytes: int) -> None:
    progress(before + n_bytes, total)


def download(
    revision: HubRevision,
    name: str,
    failure: type[BenchError],
    remedy: str,
    received: Callable[[int], None] = lambda n_bytes: None,
) -> Path:
    """Download one file into the Hub cache and check it against the Hub's checksum. Raises `failure`.

    `received` takes the number of bytes that are there so far.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils.tqdm import tqdm

    class Received(tqdm):
        """In the place of the library's bar: hands the bytes on."""

        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **{**settings, "disable": True})  # type: ignore[no-untyped-call]
            self._bytes = int(settings.get("initial") or 0)

        def update(self, n: float | None = 1) -> None:
            self._bytes += int(n or 0)
            received(self._bytes)

    expected = revision.files[name]
    with hub_errors(f"{name} of {revision.repo}", failure, remedy):
        get = partial(
            hf_hub_download,
            revision.repo,
            name,
            repo_type=revision.repo_type,
            revision=revision.commit,
            tqdm_class=Received,
        )
        path = Path(get())
        if not _matches(path, expected):  # it may have lain in the Hub cache, spoilt, for long
            path = Path(get(force_download=True))
        if not _matches(path, expected):
            path.resolve().unlink()  # left there, it would be scored with
            raise failure(
                f"What was downloaded as {name} of {revision.repo} differs from the checksum that the Hub reports.",
                remedy="run the same command again, or use another network",
            )
    return path


def require_repo(repo: str) -> None:
    """Raise InputError unless `repo` is a repository's name with its owner."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise InputError(f'"{printable(repo)}" is not the name of a repository.', remedy="--repo OWNER/NAME") from error
    if repo.count("/") != 1:
        raise InputError(f'"{printable(repo)}" does not name an owner.', remedy="--repo OWNER/NAME")


def upload(
    folder: Path,
    repo: str,
    patterns: Sequence[str],
    *,
    repo_type: RepoType,
    private: bool,
    say: Callable[[str], object],
) -> str:
    """Make the repository where there is none, and upload what `patterns` match in `folder`, in one commit; its URL.

    Raises RemoteError when the Hub refuses or cannot be reached; InputError for a public repository that was to be
    private.
    """
    from huggingface_hub import HfApi

    hub: Any = HfApi(library_name="bioreview-bench")
    with hub_errors(repo, RemoteError, "run the same command later", "upload to {}"):
        hub.create_repo(repo, repo_type=repo_type, private=private, exist_ok=True)
        if private and not hub.repo_info(repo, repo_type=repo_type).private:
            raise InputError(
                f"{repo} already exists, and is public.", remedy="choose another name, or make it private first"
            )
        say(f"Uploading {folder} to {repo} ...")
        done = hub.upload_folder(
            repo_id=repo,
            repo_type=repo_type,
            folder_path=str(folder),
            allow_patterns=list(patterns),
            commit_message=f"Upload {folder.resolve().name}",
        )
    return str(done.commit_url)


def _matches(path: Path, expected: HubFile) -> bool:
    if expected.sha256 is not None:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == expected.sha256
    content = path.read_bytes()
    # Git names a blob by the sha1 of this header and its content.
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    return expected.blob_id is not None and blob.hexdigest() == expected.blob_id


@contextmanager
def hub_errors(what: str, failure: type[BenchError], remedy: str, doing: str = "get {} from the Hub") -> Iterator[None]:
    """Turn whatever huggingface_hub raises in the block into `failure`, and its full disk into WriteError.

    `what` names the repository or file, `doing` what is done with it (`{}` stands for `what`). `remedy` is said
    unless the Hub's answer has a remedy of its own: an account that it refuses, or no token.
    """
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    # Connection failures surface as the base class of the HTTP client that huggingface_hub uses, whose
    # package differs between its versions; its own errors derive from that class.
    transport: type[Exception] = next(
        base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError" and issubclass(base, Exception)
    )
    try:
        with environment_errors():
            yield
    # ValueError and KeyError: what answered is no Hub, but a login page of the network.
    except (EntryNotFoundError, OSError, ValueError, KeyError, transport) as error:
        if isinstance(error, BenchError):
            raise
        if isinstance(error, OSError) and error.errno in _CANNOT_WRITE:
            raise cannot_write("the Hub cache", error) from error
        message, own_remedy = _meaning(error, what, doing.format(what))
        raise failure(message, remedy=own_remedy or remedy) from error


def _meaning(error: Exception, what: str, doing: str) -> tuple[str, str | None]:
    """What an error of huggingface_hub says in our words, and its remedy where there is a particular one."""
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalTokenNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, GatedRepoError):
        return f"{what} is gated and this account has no access.", None
    if isinstance(error, RepositoryNotFoundError):
        return f"{what} does not exist, or is private and no token with access was found.", None
    if isinstance(error, RevisionNotFoundError):
        return f"{what}: there is no such revision.", None
    if isinstance(error, LocalTokenNotFoundError):
        return f"Cannot {doing}: no token of the Hub is at hand.", LOG_IN
    lines = str(getattr(error, "server_message", None) or error).strip().splitlines()
    reason = printable(lines[0] if lines else type(error).__name__, 300)
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return f"Cannot {doing}: the Hub refuses this account: {reason}", LOG_IN
    return f"Cannot {doing}: {reason}", None
