"""Rows of a corpus: each chosen article as the prompt that inference sends, and the answer to be learnt.

The paper is fitted as reviewers fit it, with the same counter and budget. Where prompt and target together would
exceed the training length, more of the paper is cut, never of the target. The target is the concerns as JSON, in the
form that the prompt asks for; the parser of every reviewer's output reads it back to the same concerns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bioreview_bench.cli.progress import ProgressBar
from bioreview_bench.data.article import Concern
from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import InputError, Problem, printable
from bioreview_bench.llm.local.chat import Chat
from bioreview_bench.llm.local.model_files import model_folder, shown_name
from bioreview_bench.llm.text.fitting import Counter, Fitted, fit
from bioreview_bench.llm.text.prompt import Prompt
from bioreview_bench.stats.percentiles import percentiles

from ..models.chat_templates import template_text
from ..models.families import CLOSING, THOUGHT, tokenizer_sha256
from .recipes import Recipe, SelectedArticle

EMPTY_THOUGHT = "<think>\n\n</think>\n\n"
_ROLES = {"system": "system", "user": "human", "assistant": "gpt"}
_PROBE = "probe of the answer"
_SEAMS = 4  # tokens that may be more once the paper is in its place
PERCENTILES = (50, 90, 95, 99, 100)
_LEAST_PAPER = 200  # tokens; a target that leaves less room than this belongs to a longer training length


@dataclass(frozen=True)
class TrainingExample:
    """One example. `messages` end with the target; token counts are those of `Lengths`.

    `fitted` is the paper as it stands in the prompt; `shortened` says that the target needed some of its room.
    """

    article_id: str
    messages: tuple[Mapping[str, str], ...]
    n_prompt_tokens: int
    n_target_tokens: int
    fitted: Fitted
    shortened: bool

    def written(self, form: str) -> dict[str, Any]:
        """For `train.jsonl`, in the form `messages` or in ShareGPT's."""
        turns = [{"from": _ROLES[turn["role"]], "value": turn["content"]} for turn in self.messages]
        return {
            "article_id": self.article_id,
            **({"conversations": turns} if form == "sharegpt" else {"messages": list(map(dict, self.messages))}),
            "n_prompt_tokens": self.n_prompt_tokens,
            "n_target_tokens": self.n_target_tokens,
            "cut": self.fitted.cut,
        }


def load_chat(model: str, chat_template: str | None, *, thinking: bool = False) -> Chat:
    """A model's chat template, or the one that is given by name or file. Raises EncoderError, InputError."""
    source = None if chat_template is None else template_text(chat_template)
    return Chat(model_folder(model), thinking=thinking, source=source)


@dataclass(frozen=True)
class Lengths:
    """How long examples are: by the chat template of the model in training, or by a counter alone.

    A completion is the target and what stands around it: what closes a thought that the prompt opened, and what the
    template writes after it. What follows is None where no model counts.
    """

    name: str
    prompt: Callable[[Sequence[Mapping[str, str]]], int]
    completion: Callable[[Sequence[Mapping[str, str]]], int]
    model: str | None = None
    tokenizer_sha256: str | None = None
    template_sha256: str | None = None

    @classmethod
    def of_chat(cls, chat: Chat, model: str | None = None) -> Lengths:
        """Tokens as the model sees them, control tokens of the template included; `model` is where `chat` is from."""
        after, closing = _tokens_after_answer(chat), _tokens_before_answer(chat)

        def completion(messages: Sequence[Mapping[str, str]]) -> int:
            answer = messages[-1]["content"]
            before = 0 if answer.startswith(THOUGHT) else closing
            return before + len(chat.answer_tokens(answer)) + after

        lengths = cls("model", lambda messages: len(chat.tokens(messages[:-1])), completion)
        if model is None:
            return lengths
        tokenizer, template = tokenizer_sha256(model_folder(model)), chat.template_sha256
        return replace(lengths, model=shown_name(model), tokenizer_sha256=tokenizer, template_sha256=template)

    @classmethod
    def of_counter(cls, counter: Counter) -> Lengths:
        """Tokens of the texts alone."""
        return cls(
            counter.name,
            lambda messages: sum(counter.count(message["content"]) for message in messages[:-1]),
            lambda messages: counter.count(messages[-1]["content"]),
        )


@dataclass(frozen=True)
class Builder:
    """What rows are made with. `max_length` bounds prompt and completion together, in tokens of `lengths`.

    `opening` stands before every target: an empty thought, where thinking is trained.
    """

    prompt: Prompt
    recipe: Recipe
    counter: Counter
    budget: int
    lengths: Lengths
    max_length: int | None = None
    opening: str = ""

    def row(self, chosen: SelectedArticle) -> TrainingExample:
        """The example of one article. Raises InputError when its target leaves no room for the paper."""
        manuscript = Manuscript.from_article(chosen.article)
        with_confidence = self.recipe.target_confidence == "annotated"
        text = target(chosen.concerns, self.prompt, with_confidence=with_confidence)
        answer = {"role": "assistant", "content": self.opening + text}
        room = self._room(chosen, answer)
        budget = self.budget
        if room is not None and self.lengths.name == self.counter.name:
            budget = min(budget, room - _SEAMS)  # fitting is slow; this saves a second fit
        while True:
            fitted = fit(manuscript, budget, self.counter)
            messages = (*self.prompt.render(fitted.text), answer)
            n_prompt, n_target = self.lengths.prompt(messages), self.lengths.completion(messages)
            over = 0 if self.max_length is None else n_prompt + n_target - self.max_length
            if over <= 0 or room is None:
                shortened = fitted.cut and budget < self.budget
                return TrainingExample(chosen.article.id, messages, n_prompt, n_target, fitted, shortened)
            held = min(budget, fitted.n_tokens)
            budget = min(held - 1, held * room // (room + over))

    def _room(self, chosen: SelectedArticle, answer: Mapping[str, str]) -> int | None:
        """Tokens of `lengths` that the rest of the example leaves for the paper; None where nothing bounds it."""
        if self.max_length is None:
            return None
        empty = (*self.prompt.render(""), answer)
        n_target = self.lengths.completion(empty)
        room = self.max_length - self.lengths.prompt(empty) - n_target
        if room < _LEAST_PAPER:
            raise InputError(
                f"{printable(chosen.article.id)}: a target of {n_target:,} tokens leaves no room for the paper in "
                f"{self.max_length:,}.",
                remedy="use a larger --max-length",
            )
        return room

    def rows(self, chosen: Sequence[SelectedArticle], bar: ProgressBar | None = None) -> list[TrainingExample]:
        """Examples in the order of `chosen`. Raises InputError listing every article whose target is too long."""
        rows, problems = [], []
        for number, article in enumerate(chosen, start=1):
            try:
                rows.append(self.row(article))
            except InputError as error:
                problems.append(Problem(error.message))
            if bar is not None:
                bar.show(number)
        if problems:
            raise InputError(
                f"{len(problems)} examples cannot be made.", problems=problems, remedy="fix what the lines name"
            )
        return rows


def length_percentiles(lengths: Sequence[tuple[int, int]]) -> dict[str, dict[str, int]]:
    """Of (prompt, target) in tokens: percentiles of prompt, target, and both together."""
    columns = {
        "prompt": [prompt for prompt, _ in lengths],
        "target": [target for _, target in lengths],
        "total": [prompt + target for prompt, target in lengths],
    }
    return {name: percentiles(values, PERCENTILES) for name, values in columns.items()}


def _tokens_before_answer(chat: Chat) -> int:
    """How many tokens close the thought that the template opens in every prompt; 0 where it opens none."""
    if not chat.prompt_text([{"role": "user", "content": "question"}]).endswith(THOUGHT):
        return 0
    bracket, rest = CLOSING[: -len("\n\n")], CLOSING[-len("\n\n") :]
    return len(chat.tokenizer(bracket, add_special_tokens=False)["input_ids"]) + len(chat.answer_tokens(rest))


def _tokens_after_answer(chat: Chat) -> int:
    """How many tokens the template writes after an answer."""
    turns = [{"role": "user", "content": "question"}, {"role": "assistant", "content": _PROBE}]
    after = chat.conversation_text(turns).rpartition(_PROBE)[2]
    return len(chat.tokenizer(after, add_special_tokens=False)["input_ids"])


def target(concerns: Sequence[Concern], prompt: Prompt, *, with_confidence: bool) -> str:
    """JSON of the concerns in their order, laid out as the example in the bundled prompts is.

    Raises InputError when the prompt does not say which form it asks for.
    """
    if prompt.answer == "strings":
        return json.dumps([concern.text for concern in concerns], ensure_ascii=False)
    if prompt.answer is not None:
        lines = (json.dumps(_fields(concern, with_confidence), ensure_ascii=False) for concern in concerns)
        return "[\n  " + ",\n  ".join(lines) + "\n]"
    raise InputError(
        f"The prompt {printable(prompt.id)} does not say which form of answer it asks for.",
        remedy='add answer = "objects", "labels" or "strings" to its file',
    )


def _fields(concern: Concern, with_confidence: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {"text": concern.text, "category": concern.category, "severity": concern.severity}
    if with_confidence and concern.resolution_confidence is not None:
        fields["confidence"] = concern.resolution_confidence
    return fields
