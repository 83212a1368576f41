"""Taking in a submission that arrives as a form, for the API and the web page alike.

The form is spooled to a temporary file while it arrives (its size is counted by `security.BodyGuard`), then read in
bounded memory, in a thread, by the same reader and the same checks as everywhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from bioreview_bench.errors import BenchError, InputError, Problem, printable

from ..intake.check import validate_received
from ..intake.package import Refused, read_package, read_zip
from ..intake.validation import completed
from ..settings import Limits
from ..store.common import QuotaReached
from ..store.settings import get_settings, get_split
from ..store.shown import Submitted
from ..store.status import status
from ..store.submissions import count_refused, receive
from .auth import CSRF_FIELD
from .logs import logger

if TYPE_CHECKING:
    from ..settings import BoardSettings
    from ..store.database import Database
    from ..store.submissions import Package
    from ..store.users import UserInfo

T = TypeVar("T")
FILES = ("predictions", "card", "run", "archive")
FIELDS = ("split", "marked", "trial", CSRF_FIELD)
_FIELD_BYTES = 1024
_TRUE, _FALSE = ("true", "1", "on", "yes"), ("false", "0", "off", "no", "")


class Forms:
    """Reads and stores forms, and makes other changes, a few at a time: many large ones do not fill the memory, and
    while the database cannot be written, those who wait for it take no thread from those who read.
    """

    def __init__(self, db: Database, live: Live, at_once: int = 4, patience: float = 20.0) -> None:
        self._db, self._live, self._patience = db, live, patience
        self._places = asyncio.Semaphore(at_once)

    async def form(self, request: Request, user: UserInfo) -> FormData:
        """The fields and files of a request of `user`; `await form.close()` when done.

        Raises HTTPException for what is no form or too large, InputError for fields that no submission has; both count
        as uploads of the team.
        """
        try:
            form = await request.form(max_files=len(FILES), max_fields=len(FIELDS), max_part_size=_FIELD_BYTES)
        except HTTPException:
            await self.change(count_refused, self._db, user)
            raise
        problems = _misnamed(form)
        if problems:
            await form.close()
            await self.change(count_refused, self._db, user)
            fields = ", ".join((*FILES, *FIELDS[:3]))
            raise InputError("The form has fields that it should not.", problems=problems, remedy=f"use {fields}")
        return form

    async def take(self, form: FormData, user: UserInfo) -> Submitted:
        """Store the submission that `form` holds, and check it. Raises InputError listing what is wrong with it."""
        return await self.change(self._take, form, user)

    async def change(self, write: Callable[..., T], *arguments: Any) -> T:
        """Call what writes into the database, in its turn. Raises HTTPException 503 when that does not come soon."""
        try:
            await asyncio.wait_for(self._places.acquire(), self._patience)
        except TimeoutError:
            raise HTTPException(503, "the board is busy", {"Retry-After": "10"}) from None
        try:
            return await run_in_threadpool(write, *arguments)
        finally:
            self._places.release()

    def _take(self, form: FormData, user: UserInfo) -> Submitted:
        """What it is refused for can be asked for afterwards, by its id, unless card or archive cannot be read.

        Whatever is refused before it has an id is counted.
        """
        try:
            submission, created = self._received(form, user)
        except QuotaReached:
            raise
        except InputError:
            count_refused(self._db, user)
            raise
        if created:
            validate_received(self._db, submission)
        found = status(self._db, submission)
        return Submitted(id=submission, state=found.state, reason=found.reason, created=created)

    def _received(self, form: FormData, user: UserInfo) -> tuple[str, bool]:
        split, marked, trial = _split(form), _flag(form, "marked"), _flag(form, "trial")
        settings = self._live.settings
        try:
            package = _package(form, settings.limits)
        except Refused as error:
            if split not in settings.splits:
                raise
            raise completed(error, get_split(self._db, split), settings.limits) from error
        return receive(self._db, user.id, split, package, marked=marked, trial=trial)


def _misnamed(form: FormData) -> list[Problem]:
    unknown = sorted(set(form) - {*FILES, *FIELDS})
    twice = sorted(name for name in set(form) if len(form.getlist(name)) > 1)
    problems = [Problem(f'there is no field "{printable(name)}"') for name in unknown]
    return problems + [Problem(f'"{printable(name)}" occurs more than once') for name in twice]


def _package(form: FormData, limits: Limits) -> Package:
    files = {name: _file(form, name) for name in FILES}
    archive, predictions, card, run = files["archive"], files["predictions"], files["card"], files["run"]
    if archive is not None:
        if predictions or card or run:
            raise InputError("There is an archive, and files as well.", remedy="send one or the other")
        return read_zip(archive.file, limits)
    if predictions is None or card is None:
        missing = [name for name in ("predictions", "card") if files[name] is None]
        raise InputError(
            f"There is no {' and no '.join(missing)}.", remedy="send predictions and card, or an archive of both"
        )
    said = card.file.read(limits.card_bytes + 1)
    return read_package(predictions.file, said, None if run is None else run.file.read(limits.run_bytes + 1), limits)


def _file(form: FormData, name: str) -> UploadFile | None:
    """The file of a field; None when it is absent or, as browsers send it, was not chosen."""
    given = form.get(name)
    if given is None or given == "":
        return None
    if not isinstance(given, UploadFile):
        raise InputError(f"{name} is not a file.", remedy=f"curl -F {name}=@FILE sends one")
    return given if given.filename or given.size else None


def _split(form: FormData) -> str:
    split = form.get("split")
    if not isinstance(split, str) or not split:
        raise InputError("There is no split.", remedy="send the field split, such as test")
    return split


def _flag(form: FormData, name: str) -> bool:
    given = form.get(name, "")
    if isinstance(given, str) and given.lower() in (*_TRUE, *_FALSE):
        return given.lower() in _TRUE
    raise InputError(f"{name} is neither true nor false.", remedy="leave it out, or send true")


_SECONDS = 5.0


class Live:
    """`settings` are the newest that were read; `follow` reads them again and again."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.settings: BoardSettings = get_settings(db)

    def requests_per_minute(self) -> int:
        """As the settings say."""
        return self.settings.limits.requests_per_minute

    def upload_bytes(self) -> int:
        """Of all files of a submission together."""
        limits = self.settings.limits
        return limits.upload_bytes + limits.card_bytes + limits.run_bytes

    def read(self) -> None:
        """Read them now."""
        self.settings = get_settings(self._db)

    async def follow(self, seconds: float = _SECONDS) -> None:
        """Until cancelled. A database that does not answer changes nothing."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await run_in_threadpool(self.read)
            except BenchError as error:
                logger().warning("the settings could not be read", exc_info=error)
