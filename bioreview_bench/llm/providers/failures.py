"""What HTTP services answer when they do not review, in the terms of the engine. Shared by all API reviewers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from bioreview_bench.errors import InputError, printable
from bioreview_bench.llm.providers.said import said_in
from bioreview_bench.llm.review import GiveUp, Review, TryAgain, Usage

# 408 time-out, 409 conflict, 425 too early, 429 too many requests; 5xx as well.
_PASSING = frozenset({408, 409, 425, 429})
# 401 unauthorized, 402 no credit, 403 forbidden, 404 unknown model or address, 405 and 410 wrong address.
_LASTING = frozenset({401, 402, 403, 404, 405, 410})
_NOT_AN_API = "check the address: --base-url URL (most end in /v1)"


def review_or_raise(
    status: int, message: str, *, where: str, too_long: bool, cure: str | None, after: float | None, usage: Usage
) -> Review:
    """A Review with status error when the failure concerns this article alone, which is `too_long` then.

    Raises TryAgain or GiveUp otherwise. `message` is scrubbed already. `cure` is what to type against it.
    """
    reason = f"{where} answered {status}: {message}"
    if too_long and status not in _PASSING | _LASTING:
        return Review(status="error", detail=f"{reason} ({cure})" if cure else reason, usage=usage)
    if status in _PASSING or status >= 500 or status < 400:
        raise TryAgain(reason, after, rate_limited=status == 429, usage=usage, cure=cure)
    if status in _LASTING:
        raise GiveUp(reason, cure)
    raise GiveUp(reason, cure, perhaps_own=True)


def broken_off(where: str, finish: str, usage: Usage) -> TryAgain:
    """What an answer with a finish reason means that is no end of an answer: half a text is none."""
    return TryAgain(f"{where} broke the answer off, finish reason {finish or 'none'}", usage=usage)


def silent(review: Review, *, thought: bool, finish: str) -> TryAgain:
    """What an answer without text means, though the model says that it is done; `review` is how it is read."""
    what = "a thought and no answer" if thought else "nothing"
    detail = f"the model wrote {what}, finish reason {finish}"
    return TryAgain(detail, usage=review.usage, review=replace(review, detail=detail))


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
        line = printable(said_in(body).message, 100)
        raise TryAgain(f"the answer is not JSON{f': {line}' if line else ''}", cure=_NOT_AN_API) from None
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
            f"The base URL {printable(shown_url(url))} is not an http address.",
            remedy="write it as --base-url https://HOST/v1",
        )
    return url


def shown_url(url: str) -> str:
    """An address without user, password, query and fragment, any of which may be secret."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
