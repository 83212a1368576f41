"""Errors of a board that a server answers with a status of their own. All are InputErrors: exit code 2."""

from __future__ import annotations

from bioreview_bench.errors import InputError


class NotFound(InputError):
    """There is no such submission, split, contract or user here (HTTP 404)."""


class NotAllowed(InputError):
    """It belongs to somebody else (HTTP 403)."""


class WrongState(InputError):
    """The submission is in a state in which this cannot be done (HTTP 409)."""


class QuotaReached(InputError):
    """Today's submissions are used up (HTTP 429). `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: int, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after = retry_after
