"""The interface of a reviewer: it receives a Manuscript, never an Article, and returns a Review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from bioreview_bench.data.manuscript import Manuscript


@dataclass(frozen=True)
class Usage:
    """What a review cost; None where the provider does not say, or no price is known."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None

    def plus(self, other: Usage) -> Usage:
        """Both together; what only one of them knows counts alone."""

        def add(a: float | None, b: float | None) -> float | None:
            return b if a is None else a if b is None else a + b

        read, written = add(self.input_tokens, other.input_tokens), add(self.output_tokens, other.output_tokens)
        return Usage(
            None if read is None else int(read),
            None if written is None else int(written),
            add(self.cost_usd, other.cost_usd),
        )


@dataclass(frozen=True)
class Review:
    """What a reviewer wrote about one manuscript.

    `concerns` are objects with `text` and optional `category`, `severity`, `confidence`; `status` is one of the
    prediction statuses (`ok`, `repaired`, `truncated`, `empty`, `parse_failed`, `refused`, `error`). `detail` says
    why a review failed, without secrets. `notes` go into the row as they are (how much of the paper was cut, say).
    """

    concerns: tuple[Mapping[str, Any], ...] = ()
    status: str = "ok"
    raw_output: str | None = None
    usage: Usage = Usage()
    detail: str | None = None
    notes: Mapping[str, Any] | None = None


class Subject(Protocol):
    """What a call is about: a manuscript, or a question to a judge. The engine reads no more of it than its id."""

    @property
    def id(self) -> str:
        """The name of its row."""
        ...


SubjectT = TypeVar("SubjectT", bound=Subject, contravariant=True)


class Caller(Protocol[SubjectT]):
    """What the engine needs of whoever answers about a subject; every Reviewer is one."""

    name: str

    async def review(self, subject: SubjectT, /) -> Review:
        """Answer once. Raises TryAgain for what may pass, GiveUp for what concerns every call."""
        ...

    async def close(self) -> None:
        """Let go of clients and processes."""
        ...


class Reviewer(Caller[Manuscript], Protocol):
    """Anything that reviews manuscripts. `describe` names everything that could change its output; a run is resumed
    only by a reviewer that describes itself alike."""

    def describe(self) -> dict[str, Any]:
        """model, provider, parameters, prompt id and sha256, token counter: plain JSON values, no secrets."""
        ...


@runtime_checkable
class Estimates(Protocol):
    """A reviewer that can say beforehand what a review costs at most, for `--dry-run` and `--max-cost`."""

    def estimate(self, subject: Any, /) -> Usage:
        """Input tokens as the run's counter sees them, the most output tokens allowed, and their price; None where
        a limit or a price is not known."""
        ...


class TryAgain(Exception):
    """A failure that may pass (rate limit, server error, time-out); `after` seconds if the server said so.

    `unreachable`: no server answered at all. `usage`: what the failed attempt was billed, if the answer said so.
    `cure`: what to type against it, where that is known. `review`: the row if it stays so; None for an error.
    """

    def __init__(
        self,
        reason: str,
        after: float | None = None,
        *,
        rate_limited: bool = False,
        unreachable: bool = False,
        usage: Usage | None = None,
        cure: str | None = None,
        review: Review | None = None,
    ) -> None:
        super().__init__(reason)
        self.after = after
        self.review = review
        self.cure = cure
        self.rate_limited = rate_limited
        self.unreachable = unreachable
        self.usage = usage or Usage()


class GiveUp(Exception):
    """A failure that every further call would meet too (bad key, unknown model, exhausted quota): stop the run.

    `cure`: what to type against it, where that is known. `perhaps_own`: the request was not understood, which may
    have to do with this manuscript alone; what others are answered shows it.
    """

    def __init__(self, reason: str, cure: str | None = None, *, perhaps_own: bool = False) -> None:
        super().__init__(reason)
        self.cure = cure
        self.perhaps_own = perhaps_own
