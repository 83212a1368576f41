"""OpenAI's Batch API through the official client: files up, batches made and found, answers down.

Every method is one call (or one listing) and retries nothing: `TryAgain` and `GiveUp` mean what they mean to the
engine. Which articles travel in which batch is none of its business (`batch.run`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final, TypeVar

from bioreview_bench.llm.providers.failures import count
from bioreview_bench.llm.providers.openai import OpenAIReviewer
from bioreview_bench.llm.review import GiveUp, TryAgain

if TYPE_CHECKING:
    from openai import APIConnectionError, APIStatusError, OpenAI

ENDPOINT: Final = "/v1/chat/completions"
KEY = "bioreview_part"  # the name under which a batch's metadata hold the key of its part
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
# The clocks of two machines may differ by as much when batches are listed back to the time of a request.
_CLOCKS = 86_400.0
_T = TypeVar("_T")


@dataclass(frozen=True)
class BatchState:
    """A batch as the provider describes it; the numbers count requests. `problems` say why it failed, if it did."""

    id: str
    status: str
    n_completed: int = 0
    n_failed: int = 0
    output_file: str | None = None
    error_file: str | None = None
    problems: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Nothing more will come."""
        return self.status in _ENDED


class OpenAIBatches:
    """Batches of the requests that `reviewer` would send."""

    def __init__(self, reviewer: OpenAIReviewer) -> None:
        self.reviewer = reviewer
        self._made: OpenAI | None = None

    def connect(self) -> None:
        """Make the client. Raises EncoderError without the library, InputError without the key."""
        if self._made is None:
            library = self.reviewer.library("openai")
            self._made = self.reviewer.prepared(library.OpenAI, library.Timeout(120.0, connect=30.0))

    def upload(self, name: str, stream: IO[bytes]) -> str:
        """The id of a new input file. Raises TryAgain, GiveUp."""
        stored = self._call(lambda: self._client.files.create(file=(name, stream), purpose="batch"))
        return _text(stored, "id", "the answer to the upload names no file")

    def create(self, file_id: str, key: str) -> BatchState:
        """A new batch over an input file. After TryAgain it may have been made all the same. Raises GiveUp."""
        return self._state(
            self._call(
                lambda: self._client.batches.create(
                    completion_window="24h", endpoint=ENDPOINT, input_file_id=file_id, metadata={KEY: key}
                )
            )
        )

    def find(self, key: str, since: float) -> list[BatchState]:
        """Batches with this key that were made after `since` (seconds since the epoch), the oldest first."""

        def search() -> list[Any]:
            found = []
            for batch in self._client.batches.list(limit=100):  # the newest first
                if (batch.metadata or {}).get(KEY) == key:
                    found.append(batch)
                if (count(batch.created_at) or 0) < since - _CLOCKS:
                    break
            return found[::-1]

        return [self._state(batch) for batch in self._call(search)]

    def state(self, batch_id: str) -> BatchState:
        """The batch as it is now."""
        return self._state(self._call(lambda: self._client.batches.retrieve(batch_id)))

    def download(self, file_id: str, into: IO[bytes]) -> None:
        """Write the content of a file to the start of `into`."""

        def copy() -> None:
            into.seek(0)
            into.truncate()
            with self._client.files.with_streaming_response.content(file_id) as response:
                for chunk in response.iter_bytes(1 << 20):
                    into.write(chunk)
            into.seek(0)

        self._call(copy)

    def close(self) -> None:
        """Close the connections."""
        if self._made is not None:
            self._made.close()
            self._made = None

    @property
    def _client(self) -> OpenAI:
        self.connect()
        assert self._made is not None
        return self._made

    def _call(self, ask: Callable[[], _T]) -> _T:
        import httpx2
        from openai import APIConnectionError, APIStatusError

        # Dealt with outside the handlers: a traceback would print the client's error, which may quote the key.
        refused: APIStatusError | APIConnectionError | httpx2.HTTPError
        try:
            return ask()
        except (APIStatusError, APIConnectionError, httpx2.HTTPError) as error:
            refused = error
        except (ValueError, AttributeError, TypeError):  # the client reads any JSON into its records unchecked
            raise TryAgain("the answer is not what the Batch API says") from None
        if isinstance(refused, APIStatusError):
            raise GiveUp(self.reviewer.refused(refused).detail or "the service refused")
        raise self.reviewer.disconnected(refused.__cause__ or refused)

    def _state(self, batch: Any) -> BatchState:
        unclear = "the answer describes no batch"
        counts = getattr(batch, "request_counts", None)
        errors = getattr(getattr(batch, "errors", None), "data", None)
        return BatchState(
            id=_text(batch, "id", unclear),
            status=_text(batch, "status", unclear),
            n_completed=count(getattr(counts, "completed", None)) or 0,
            n_failed=count(getattr(counts, "failed", None)) or 0,
            output_file=_optional(batch, "output_file_id"),
            error_file=_optional(batch, "error_file_id"),
            problems=tuple(self._problem(error) for error in errors or () if error is not None),
        )

    def _problem(self, error: Any) -> str:
        line = count(getattr(error, "line", None))
        said = [getattr(error, name, None) for name in ("code", "message")]
        text = ": ".join(str(part) for part in said if part) or "no reason given"
        return self.reviewer.scrub(text if line is None else f"{text} (line {line})")


def _text(record: Any, name: str, unclear: str) -> str:
    value = getattr(record, name, None)
    if not isinstance(value, str) or not value:
        raise TryAgain(unclear)
    return value


def _optional(record: Any, name: str) -> str | None:
    value = getattr(record, name, None)
    return value if isinstance(value, str) and value else None
