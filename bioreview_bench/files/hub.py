"""The Hugging Face Hub: what files a revision has, one of them, verified, and what can go wrong there, in words.

Tokens come from where `huggingface_hub` looks (`HF_TOKEN`, `hf auth login`); none is taken as an argument.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from bioreview_bench.errors import BenchError, RemoteError, cannot_write, printable

_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)

_LOG_IN = "hf auth login, with a token that may write"

RepoType = Literal["model", "dataset"]


@dataclass(frozen=True)
class HubFile:
    """Checksums that the Hub reports: sha256 for large files, the git blob id for the others."""

    sha256: str | None
    blob_id: str | None


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

    with _translated(f"{repo} at {revision}", failure, remedy):
        api = HfApi()
        describe = api.dataset_info if repo_type == "dataset" else api.model_info
        info = describe(repo, revision=revision, files_metadata=True)
    files = {
        sibling.rfilename: HubFile(sibling.lfs.sha256 if sibling.lfs else None, sibling.blob_id)
        for sibling in info.siblings or []
    }
    return HubRevision(repo, repo_type, str(info.sha), files)


def download(revision: HubRevision, name: str, failure: type[BenchError], remedy: str) -> Path:
    """Download one file into the Hub cache and check it against the Hub's checksum. Raises `failure`."""
    from huggingface_hub import hf_hub_download

    expected = revision.files[name]
    with _translated(f"{name} of {revision.repo}", failure, remedy):
        get = partial(hf_hub_download, revision.repo, name, repo_type=revision.repo_type, revision=revision.commit)
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


def _matches(path: Path, expected: HubFile) -> bool:
    if expected.sha256 is not None:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == expected.sha256
    content = path.read_bytes()
    # Git names a blob by the sha1 of this header and its content.
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    return expected.blob_id is not None and blob.hexdigest() == expected.blob_id


@contextmanager
def _translated(what: str, failure: type[BenchError], remedy: str) -> Iterator[None]:
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except GatedRepoError as error:
        raise failure(f"{what} is gated and this account has no access.", remedy=remedy) from error
    except RepositoryNotFoundError as error:
        raise failure(
            f"{what} does not exist, or is private and no token with access was found.", remedy=remedy
        ) from error
    except RevisionNotFoundError as error:
        raise failure(f"{what}: there is no such revision.", remedy=remedy) from error
    except (EntryNotFoundError, HFValidationError, OSError, ValueError, KeyError, _transport()) as error:
        # ValueError and KeyError: what answered is no Hub, but a login page of the network.
        if isinstance(error, OSError) and error.errno in _CANNOT_WRITE:
            raise cannot_write("the Hub cache", error) from error
        raise failure(f"Cannot get {what} from the Hub: {_reason(error)}", remedy=remedy) from error


@contextmanager
def writing(what: str, remedy: str) -> Iterator[None]:
    """For calls that write to the Hub, such as a pull request or an upload. Raises RemoteError for all that fails."""
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, RepositoryNotFoundError

    try:
        yield
    except RepositoryNotFoundError as error:
        message = f"{what} does not exist, or is private and no token with access was found."
        raise RemoteError(message, remedy="hf auth login") from error
    except LocalTokenNotFoundError as error:
        raise RemoteError(f"{what}: no token of the Hub is at hand.", remedy=_LOG_IN) from error
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else None
        if status in (401, 403):
            raise RemoteError(f"{what}: the Hub refuses this account: {_reason(error)}", remedy=_LOG_IN) from error
        raise RemoteError(f"{what}: the Hub answers {status}: {_reason(error)}", remedy=remedy) from error
    except (OSError, ValueError, KeyError, _transport()) as error:
        raise RemoteError(
            f"{what}: the Hub cannot be reached: {_reason(error)}", remedy="check the network (and HF_HUB_OFFLINE)"
        ) from error


def _transport() -> type[Exception]:
    """What connection failures surface as: the base class of the HTTP client that huggingface_hub uses, whose package
    differs between its versions; its own errors derive from that class."""
    from huggingface_hub.errors import HfHubHTTPError

    return next(base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError" and issubclass(base, Exception))


def _reason(error: Exception) -> str:
    said = getattr(error, "server_message", None) or str(error)
    lines = said.strip().splitlines()
    return printable(lines[0] if lines else type(error).__name__, 300)
