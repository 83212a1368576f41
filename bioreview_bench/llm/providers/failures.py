"""What HTTP services answer when they do not review, in the terms of the engine. Shared by all API reviewers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from bioreview_bench.errors import InputError, printable
from bioreview_bench.llm.review import GiveUp, Review, TryAgain, Usage

# 408 time-out, 409 conflict, 425 too early, 429 too many requests; 5xx as well.
_PASSING = frozenset({408, 409, 425, 429})
# 401 unauthorized, 402 no credit, 403 forbidden, 404 unknown model or address, 405 and 410 wrong address.
_LASTING = frozenset({401, 402, 403, 404, 405, 410})
_NOT_AN_API = "check the address: --base-url URL (most end in /v1)"
_TOO_LONG = ("context length", "context_length", "too long", "too many tokens", "token count")


def review_or_raise(
    status: int, message: str, *, where: str, answered: bool, cure: str | None, after: float | None, usage: Usage
) -> Review:
    """A Review with status error when the failure concerns this article alone.

    Raises TryAgain or GiveUp otherwise. `message` is scrubbed already. A request that the service does not
    understand (400, 422) concerns every article unless an earlier one was `answered`.
    `cure` is what to type against it.
    """
    reason = f"{where} answered {status}: {message}"
    if status in _PASSING or status >= 500 or status < 400:
        raise TryAgain(reason, after, rate_limited=status == 429, usage=usage, cure=cure)
    if status in _LASTING:
        raise GiveUp(reason, cure)
    too_long = status == 413 or any(words in message.lower() for words in _TOO_LONG)
    if too_long or answered:
        return Review(status="error", detail=f"{reason} ({cure})" if cure else reason, usage=usage)
    raise GiveUp(reason, cure)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the headers ask to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date."""
    milliseconds = seconds_from(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000.0
    value = headers.get("retry-after")
    if value is None:
        return None
    seconds = seconds_from(value)
    if seconds is None:
        try:
            when = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = ((when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds)


def seconds_from(value: str | None) -> float | None:
    """A number of seconds, "34" or "34s"; None when it is no finite number, or negative."""
    try:
        seconds = float((value or "").strip().removesuffix("s"))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`. Raises TryAgain: a proxy's page or a cut body may not come again."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise TryAgain("the answer is not JSON", cure=_NOT_AN_API) from None
    if not isinstance(value, dict):
        raise TryAgain("the answer is not a JSON object", cure=_NOT_AN_API)
    return value


def count(value: Any) -> int | None:
    """A token count, None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def checked_url(url: str) -> str:
    """`url` when it is an address that can be called. Raises InputError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(
            f"The base URL {printable(shown_url(url))} is no http address.",
            remedy="write it as --base-url https://HOST/v1",
        )
    return url


def shown_url(url: str) -> str:
    """An address without user, password, query and fragment, any of which may be secret."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
