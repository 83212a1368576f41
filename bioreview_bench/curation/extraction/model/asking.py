"""Asking a model one stage's questions: an answer that cannot be used is asked for once more, with what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from bioreview_bench.contracts.judge_names import ModelName
from bioreview_bench.curation.extraction.model.prompts import StagePrompt
from bioreview_bench.curation.extraction.model.questions import StageQuestion, prompt_of
from bioreview_bench.llm.calls.asking import FilledPrompt
from bioreview_bench.llm.calls.prices import with_cost
from bioreview_bench.llm.providers.cures import too_long
from bioreview_bench.llm.review import Review, TryAgain, Usage
from bioreview_bench.llm.stored import CallSettings, make_client
from bioreview_bench.llm.text.fitting import Chars3

_PROBLEMS = 700  # tokens, at most, of what is said to be wrong with an answer
_CUT = "the answer was cut at the limit on output: raise it, such as --with openai:MODEL?max_completion_tokens=32000"


@dataclass(frozen=True)
class StageAsking:
    """How a stage is asked, in the terms of the model clients."""

    prompt: StagePrompt
    schema_name: ClassVar[str] = "extraction"
    adjustable: ClassVar[bool] = False

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of an answer."""
        return dict(self.prompt.schema)

    def describe(self) -> dict[str, Any]:
        """What could change an answer."""
        return {"prompt": {"id": self.prompt.id, "sha256": self.prompt.sha256}, "structured_output": "json_schema"}

    def ask(self, question: StageQuestion) -> FilledPrompt:
        """The messages of one question. Nothing is cut."""
        messages = self.prompt.messages(question.data)
        return FilledPrompt(messages, _count(messages), {"where": question.where})

    def read(self, raw: str, *, truncated: bool, usage: Usage, notes: Mapping[str, Any] | None) -> Review:
        """The row of an answer, of which is not known yet whether it can be used."""
        detail = _CUT if truncated else None
        status = "parse_failed" if truncated else "ok"
        return Review(status=status, raw_output=raw, usage=usage, detail=detail, notes=notes)


class StageModel:
    """A model that is asked the questions of one stage, in the form in which the call engine calls."""

    def __init__(self, model: ModelName, stage: str, settings: CallSettings) -> None:
        """Raises InputError for an address or parameters that cannot be."""
        self.name = model.name
        self._asking = StageAsking(prompt_of(stage))
        self._price = settings.price
        self._client = make_client(
            model.provider, model.model, self._asking, name=model.name, parameters=model.parameters, settings=settings
        )
        self._first: dict[str, Review] = {}  # answers that cannot be used, by question

    def describe(self) -> dict[str, Any]:
        """What could change an answer."""
        return self._client.describe()

    def connect(self) -> None:
        """Raises EncoderError (exit code 3) without the client's library, InputError without the key."""
        self._client.connect()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def tokens(self, question: StageQuestion) -> int:
        """Tokens of a question by the counter."""
        return self._asking.ask(question).n_tokens

    def estimate(self, question: StageQuestion, /) -> Usage:
        """The most that an answer takes: asked twice, each time at the limit on output."""
        once = self._client.most(self._asking.ask(question))
        if once.output_tokens is None:
            return once
        read = 2 * (once.input_tokens or 0) + once.output_tokens + _PROBLEMS
        return with_cost(read, 2 * once.output_tokens, self._price)

    async def review(self, question: StageQuestion, /) -> Review:
        """Ask, and once more where the answer cannot be used. Raises TryAgain, GiveUp."""
        asked = self._asking.ask(question)
        first = self._first.get(question.id)
        if first is None:
            first = _fitting(await self._client.answer(asked))
        wrong = _wrong(question, first)
        if wrong is None:
            return first
        self._first[question.id] = first
        raw = first.raw_output or ""
        messages = [*asked.messages, *self._asking.prompt.repeat(raw, wrong)]
        try:
            second = _fitting(await self._client.answer(FilledPrompt(messages, _count(messages), asked.notes)))
        except TryAgain as error:
            error.usage = error.usage.plus(first.usage)  # counted with this attempt, and no more with the next
            self._first[question.id] = replace(first, usage=Usage())
            raise
        del self._first[question.id]
        notes = {**(second.notes or {}), "asked": 2, "first": wrong}
        second = replace(second, usage=second.usage.plus(first.usage), notes=notes)
        wrong = _wrong(question, second)
        return second if wrong is None else replace(second, status="parse_failed", detail=f"asked twice: {wrong}")


def _wrong(question: StageQuestion, review: Review) -> str | None:
    """What keeps an answer from being used; None where it can be, or where there is none."""
    if review.status != "ok":
        return None
    try:
        question.read(review.raw_output or "")
    except ValueError as error:
        return str(error)
    return None


def _fitting(review: Review) -> Review:
    """The review; one that failed because the request was too long says what that means."""
    if review.status == "error" and too_long(400, review.detail or ""):
        return replace(review, detail=f"the texts do not fit the model's context, and are never cut: {review.detail}")
    return review


def _count(messages: list[dict[str, str]] | list[Any]) -> int:
    counter = Chars3()
    return sum(counter.count(message["content"]) for message in messages)
