"""Examples as token ids with labels, validated one by one before anything is trained on them.

For every example: the prompt is the very token sequence that inference asks with; labels are set on the completion
alone; decoded, they are exactly the answer and the token that ends it; and the model's own template, writing the whole
conversation, agrees. Nothing is ever cut here: what is too long is an error.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.errors import DataError, Problem, printable
from bioreview_bench.llm.local.chat import Chat

from .families import THOUGHT, Family, ending, expected_text, prompt_of

if TYPE_CHECKING:
    from ..console import Console

IGNORED = -100  # the label that PyTorch's cross-entropy leaves out
_MOST_LISTED = 50


@dataclass(frozen=True)
class Example:
    """One example: `input_ids` of prompt and completion; the first `n_prompt` are the prompt and carry no loss, unless
    `whole_loss`."""

    article_id: str
    input_ids: NDArray[np.int32]
    n_prompt: int
    whole_loss: bool = False

    @property
    def labels(self) -> NDArray[np.int32]:
        """`input_ids` with the prompt ignored, or as they are with `whole_loss`."""
        labels = self.input_ids.copy()
        if not self.whole_loss:
            labels[: self.n_prompt] = IGNORED
        return labels

    @property
    def n_target(self) -> int:
        """Tokens of the completion."""
        return len(self.input_ids) - self.n_prompt


class ExampleEncoder:
    """Encodes rows of a corpus for one model. `system` is `own` or `in_user`, `thinking` as in generation."""

    def __init__(
        self, chat: Chat, family: Family, end_id: int, *, thinking: bool, system: str, max_length: int
    ) -> None:
        self.chat, self.family, self.end_id = chat, family, end_id
        self.thinking, self.system, self.max_length = thinking, system, max_length

    def encode(self, row: Mapping[str, Any]) -> Example:
        """The example of one row, validated. Raises ValueError with what is wrong."""
        messages: Sequence[Mapping[str, str]] = row["messages"]
        asked, answer = prompt_of(messages, self.system), messages[-1]["content"]
        if not answer.strip():
            raise ValueError("the answer is empty")
        prompt_ids = self.chat.tokens(asked)
        follows = ending(self.family, self.thinking, answer)
        prompt_text = self.chat.prompt_text(asked)
        text = follows.opening + follows.answer
        if self.thinking and prompt_text.endswith(THOUGHT):
            text = text.removeprefix(THOUGHT)  # the prompt has opened the thought already
        completion = [*self._completion(text), self.end_id]
        example = Example(row["article_id"], np.array([*prompt_ids, *completion], np.int32), len(prompt_ids))
        self._validate(example, text)
        self._agrees(messages, prompt_text, answer)
        if len(example.input_ids) > self.max_length:
            raise ValueError(
                f"{example.n_prompt:,} tokens of prompt and {example.n_target:,} of answer exceed max_length "
                f"{self.max_length:,}"
            )
        return example

    def _completion(self, text: str) -> list[int]:
        """Token ids: the brackets of the one thought are tokens, all else is text."""
        if not (self.thinking or self.family.thoughts == "always"):
            return self.chat.answer_tokens(text)
        ids: list[int] = []
        if text.startswith("<think>"):
            ids, text = self._whole("<think>"), text.removeprefix("<think>")
        thought, bracket, rest = text.partition("</think>")
        return [*ids, *self.chat.answer_tokens(thought), *self._whole(bracket), *self.chat.answer_tokens(rest)]

    def _whole(self, text: str) -> list[int]:
        return [int(token) for token in self.chat.tokenizer(text, add_special_tokens=False)["input_ids"]]

    def _validate(self, example: Example, text: str) -> None:
        labels = example.labels
        carrying = labels[labels != IGNORED].tolist()
        if not (labels[: example.n_prompt] == IGNORED).all() or len(carrying) != example.n_target:
            raise ValueError("the loss would not lie on the completion alone")
        shown = self.chat.tokenizer.decode(carrying, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        wanted = text + self.family.end
        # Some tokenizers compose letters and their accents; that is the one difference allowed.
        if unicodedata.normalize("NFC", shown) != unicodedata.normalize("NFC", wanted):
            place = next((n for n, (a, b) in enumerate(zip(shown, wanted, strict=False)) if a != b), len(shown))
            raise ValueError(f"its tokens do not read as the answer, from character {place:,} on")

    def _agrees(self, messages: Sequence[Mapping[str, str]], prompt_text: str, answer: str) -> None:
        whole = self.chat.conversation_text(messages).rstrip("\n")
        if whole != expected_text(self.family, self.thinking, prompt_text, answer):
            raise ValueError("the model's template writes prompt and answer otherwise than inference asks and expects")


def encode_all(
    rows: Sequence[Mapping[str, Any]], encoder: ExampleEncoder, what: str, console: Console | None = None
) -> list[Example]:
    """The examples of all rows, in order. Raises DataError listing every row that cannot be trained on."""
    examples: list[Example] = []
    problems: list[Problem] = []
    for number, row in enumerate(rows, start=1):
        try:
            examples.append(encoder.encode(row))
        except ValueError as error:
            problems.append(Problem(f"{printable(row['article_id'])}: {error}", number))
        if console is not None:
            console.progress(what, number, len(rows))
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems[:_MOST_LISTED])
        more = f"\n  and {len(problems) - _MOST_LISTED:,} more" if len(problems) > _MOST_LISTED else ""
        raise DataError(
            f"{len(problems):,} of {len(rows):,} {what} cannot be trained on as they are:\n{listed}{more}",
            remedy="make the corpus with a smaller --budget for this model; targets are never cut",
        )
    return examples
