"""From a manuscript to messages, and from a model's text to a Review: what all model reviewers share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.llm.review import Review, Usage
from bioreview_bench.llm.text.fitting import Counter, fit
from bioreview_bench.llm.text.parser import parse
from bioreview_bench.llm.text.prompt import Prompt
from bioreview_bench.llm.text.thoughts import says_nothing


@dataclass(frozen=True)
class FilledPrompt:
    """Messages ({role, content}) for one manuscript, their tokens as the counter sees them, and notes for the row."""

    messages: Sequence[Mapping[str, str]]
    n_tokens: int
    notes: Mapping[str, Any] | None


class Asks(Protocol):
    """What a model client needs to know of the way of asking."""

    schema_name: ClassVar[str]
    adjustable: ClassVar[bool]  # whether its command has --no-structured, --param and --budget

    @property
    def schema(self) -> dict[str, Any] | None:
        """The JSON schema that answers must follow, if any."""
        ...

    def describe(self) -> dict[str, Any]:
        """What could change an answer, beside model and parameters."""
        ...

    def ask(self, subject: Any, /) -> FilledPrompt:
        """The messages about one subject."""
        ...

    def read(self, raw: str, *, truncated: bool, usage: Usage, notes: Mapping[str, Any] | None) -> Review:
        """The row of an answer."""
        ...


@dataclass(frozen=True)
class Asking:
    """One way to ask: a prompt, a budget of paper tokens, the counter of the tokens, and how to read the answer."""

    prompt: Prompt
    counter: Counter
    budget: int = 15_000
    fix_labels: bool = False
    structured: bool = True
    schema_name: ClassVar[str] = "concerns"
    adjustable: ClassVar[bool] = True

    @property
    def schema(self) -> dict[str, Any] | None:
        """The JSON schema that answers must follow; None when the prompt has none or `structured` is off."""
        return self.prompt.schema if self.structured else None

    def describe(self) -> dict[str, Any]:
        """The part of `Reviewer.describe` that this decides."""
        return {
            "prompt": {"id": self.prompt.id, "sha256": self.prompt.sha256, "answer": self.prompt.answer},
            "budget_tokens": self.budget,
            "token_counter": self.counter.name,
            "structured_output": "json_schema" if self.schema is not None else "none",
            "fix_labels": self.fix_labels,
        }

    def ask(self, manuscript: Manuscript) -> FilledPrompt:
        """Fit the paper into the budget and put it into the prompt."""
        fitted = fit(manuscript, self.budget, self.counter)
        messages = self.prompt.render(fitted.text)
        cut = {"tokens": fitted.n_tokens, "of": fitted.n_tokens_full, "sections": list(fitted.cut_sections)}
        n_tokens = sum(self.counter.count(message["content"]) for message in messages)
        return FilledPrompt(messages, n_tokens, {"cut": cut} if fitted.cut else None)

    def read(self, raw: str, *, truncated: bool, usage: Usage, notes: Mapping[str, Any] | None) -> Review:
        """The review in a model's text. A text that says nothing is `empty`, with a detail: it is no review."""
        if not truncated and says_nothing(raw):
            detail = "the model wrote a thought and no answer" if raw.strip() else "the model wrote nothing"
            return Review(status="empty", raw_output=raw, usage=usage, detail=detail, notes=notes)
        parsed = parse(raw, finish_reason_length=truncated, fix_labels=self.fix_labels)
        found = dict(notes or {})
        if parsed.n_fixed_labels:
            found["n_fixed_labels"] = parsed.n_fixed_labels
        if parsed.n_unread:
            found["n_unread"] = parsed.n_unread
        if truncated:
            found["output_cut"] = True  # a later parser must know it, to read the same text again
        return Review(
            concerns=tuple(parsed.concerns),
            status=parsed.status,
            raw_output=raw,
            usage=usage,
            detail=parsed.detail,
            notes=found or None,
        )
