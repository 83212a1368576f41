"""Submissions by way of a dataset repository on the Hugging Face Hub: a pull request in, a merged folder out.

A submission is the folder `submissions/<first 12 digits of its digest>/` with the files of any submission and
`submission.json`, which names the split. Tokens come from where `huggingface_hub` looks for them.

Whose submissions those from the Hub are: one user for each organisation that a card names.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioreview_bench.data.load import load_split
from bioreview_bench.errors import BenchError, InputError, RemoteError, printable
from bioreview_bench.files.hub import HubRevision, download, hub_errors, revision_files
from bioreview_bench.files.jsonl import parse_object

from ..boards import facts_of
from ..intake.package import CARD, PREDICTIONS, RUN, read_package
from ..settings import Limits
from ..store.users import add_user, find_user, list_users
from .submission import Sending

if TYPE_CHECKING:
    from bioreview_bench.results.card import Card

    from ..store.database import Database
    from ..store.submissions import Package
    from ..store.users import UserInfo


SCHEME = "hf://datasets/"
FOLDER = "submissions"
TICKET = "submission.json"
_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_ENTRY = re.compile(rf"{FOLDER}/([0-9a-f]{{12}})/([\w.]+)")
_TICKET_BYTES = 4096
_REMEDY = "check the repository's name and your access: hf auth whoami"


@dataclass(frozen=True)
class MergedFolder:
    """A folder of the repository, fetched."""

    name: str
    split: str
    marked: bool
    package: Package


def parse_address(address: str) -> str:
    """OWNER/NAME of `hf://datasets/OWNER/NAME`. Raises InputError."""
    repo = address.removeprefix(SCHEME).rstrip("/")
    if not address.startswith(SCHEME) or not _REPO.fullmatch(repo):
        raise InputError(
            f"{printable(address)} is not a dataset repository of the Hub.", remedy=f"use {SCHEME}OWNER/NAME"
        )
    return repo


def send(repo: str, sending: Sending, data: str) -> str | None:
    """Check by the rules of any board about `data`, and open a pull request that adds the submission.

    Its address; None when it was only to be checked. Raises RemoteError when the Hub refuses, InputError when the
    repository holds this very submission already.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    if sending.trial:
        raise InputError("A pull request is public, so it cannot be a trial.", remedy="leave --trial out")
    package = sending.checked(facts_of(load_split(data, sending.split)), Limits())
    if sending.dry_run:
        return None
    folder = f"{FOLDER}/{package.digest[:12]}"
    at_hand = revision_files(repo, "main", "dataset", RemoteError, _REMEDY)
    if f"{folder}/{PREDICTIONS}" in at_hand.files:
        raise InputError(f"{repo} already contains this submission: {folder}.", remedy="nothing more is needed")
    content = json.dumps({"split": sending.split, "marked": sending.marked}, indent=2) + "\n"
    files = {PREDICTIONS: sending.predictions, CARD: sending.card, **({RUN: sending.run} if sending.run else {})}
    operations: list[Any] = [CommitOperationAdd(f"{folder}/{TICKET}", content.encode())]
    operations += [CommitOperationAdd(f"{folder}/{name}", path) for name, path in files.items()]
    title = printable(f"Submit {package.card.system_name} {package.card.system_version} to {sending.split}", 150)
    with hub_errors(repo, RemoteError, _REMEDY, "open a pull request on {}"):
        made = HfApi().create_commit(repo, operations, commit_message=title, repo_type="dataset", create_pr=True)
    return str(made.pr_url or made.commit_url)


def merged(repo: str, revision: str, limits: Limits) -> Iterator[MergedFolder | tuple[str, BenchError]]:
    """The submissions of the repository at `revision`, fetched one by one; or (folder, why it cannot be taken).

    Raises RemoteError when the Hub does not answer.
    """
    found = revision_files(repo, revision, "dataset", RemoteError, _REMEDY)
    folders: dict[str, set[str]] = {}
    for path in found.files:
        entry = _ENTRY.fullmatch(path)
        if entry is not None:
            folders.setdefault(entry[1], set()).add(entry[2])
    for name in sorted(folders):
        try:
            yield _fetch(found, name, folders[name], limits)
        except InputError as error:
            yield name, error


def _fetch(revision: HubRevision, name: str, files: set[str], limits: Limits) -> MergedFolder:
    missing = sorted({PREDICTIONS, CARD, TICKET} - files)
    unknown = sorted(files - {PREDICTIONS, CARD, TICKET, RUN})
    if missing or unknown:
        reason = f"it has no {', '.join(missing)}" if missing else f"it contains {printable(', '.join(unknown))}"
        raise InputError(f"{FOLDER}/{name} is not a submission: {reason}.", remedy="have it fixed in the repository")

    def get(file: str) -> Path:
        return download(revision, f"{FOLDER}/{name}/{file}", RemoteError, _REMEDY)

    split, marked = _read_ticket(get(TICKET), name)
    package = read_package(get(PREDICTIONS), get(CARD), get(RUN) if RUN in files else None, limits)
    if package.digest[:12] != name:
        raise InputError(
            f"{FOLDER}/{name} contains another submission ({package.digest[:12]}): its files were changed.",
            remedy="have it submitted again",
        )
    return MergedFolder(name, split, marked, package)


def _read_ticket(path: Path, name: str) -> tuple[str, bool]:
    """What a submission says beside its files: its split, and whether it is the one to rank."""
    try:
        with path.open("rb") as stream:
            content = stream.read(_TICKET_BYTES + 1)
        if len(content) > _TICKET_BYTES:
            raise ValueError(f"larger than {_TICKET_BYTES} bytes")
        found = parse_object(content.decode("utf-8"))
        split, marked = found.pop("split", None), found.pop("marked", False)
        if not isinstance(split, str) or not isinstance(marked, bool) or found:
            raise ValueError('it must hold "split" and perhaps "marked"')
    except ValueError as error:
        raise InputError(f"{FOLDER}/{name}/{TICKET}: {printable(error)}.", remedy="have it submitted again") from error
    return split, marked


_PREFIX = "hub-"


def user_for(db: Database, card: Card) -> UserInfo:
    """The user of the card's organisation, made when there is none; nobody gets their token.

    Raises InputError when the organisation is a team of the board that submits with tokens of its own: a card alone
    does not make anybody one of them.
    """
    team = " ".join(card.organisation.split())[:100]
    name = _PREFIX + hashlib.sha256(team.encode()).hexdigest()[:12]
    users = list_users(db)
    if any(user.name == name for user in users):
        return find_user(db, name)
    if any(user.team == team for user in users):
        raise InputError(
            f'"{printable(team)}" is a team of this board that submits with tokens of its own.',
            remedy="have that team submit it, or sync it for one of its users with --user NAME",
        )
    add_user(db, name, team)
    return find_user(db, name)
