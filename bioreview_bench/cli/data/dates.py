"""Days given on the command line."""

from __future__ import annotations

import datetime

from bioreview_bench.errors import InputError, printable


def day(text: str, option: str) -> str:
    """A day as YYYY-MM-DD. Raises InputError.

    >>> day("2025-06-30", "--after")
    '2025-06-30'
    """
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise InputError(f'{option} "{printable(text)}" is not a day.', remedy=f"{option} 2025-06-30") from error
