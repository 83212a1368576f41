"""The board's settings as a server sees them: changed by a command meanwhile, they hold a few seconds later."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi.concurrency import run_in_threadpool

from bioreview_bench.errors import BenchError

from ..store import api as store
from .logs import logger

if TYPE_CHECKING:
    from ..settings import BoardSettings
    from ..store.database import Database

_SECONDS = 5.0


class Live:
    """`settings` are the newest that were read; `follow` reads them again and again."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.settings: BoardSettings = store.get_settings(db)

    def requests_per_minute(self) -> int:
        """As the settings say."""
        return self.settings.limits.requests_per_minute

    def upload_bytes(self) -> int:
        """Of all files of a submission together."""
        limits = self.settings.limits
        return limits.upload_bytes + limits.card_bytes + limits.run_bytes

    def read(self) -> None:
        """Read them now."""
        self.settings = store.get_settings(self._db)

    async def follow(self, seconds: float = _SECONDS) -> None:
        """Until cancelled. A database that does not answer changes nothing."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await run_in_threadpool(self.read)
            except BenchError as error:
                logger().warning("the settings could not be read", exc_info=error)
