"""Families of chat templates: how an answer begins and ends, found from the template itself, or refused.

Training builds its examples from the tokens that inference asks with (`Chat.tokens`), the answer, and the token that
ends it. Which token that is, and what stands between prompt and answer, differs between families; a template of none
of them is refused, because guessing wrong trains on wrong tokens without a sign of it.

A digest of a tokenizer, so that a corpus counted with one is not trained with another unnoticed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bioreview_bench.errors import EncoderError, InputError, printable
from bioreview_bench.llm.local.chat import Chat

from .chat_templates import packaged

THOUGHT = "<think>\n"
CLOSED = "<think>\n\n</think>\n\n"
EMPTY_CHANNEL = "<|channel>thought\n<channel|>"  # of Gemma 4, in the prompt alone
CLOSING = "</think>\n\n"  # what a model that always opens a thought is taught to say at once when thinking is off
_END_OF_THOUGHT = "\n</think>\n\n"
_QUESTION, _ANSWER = "What follows from this?", "Nothing does."


EOS = ""


@dataclass(frozen=True)
class Family:
    """`head` opens the answer's turn and `end` is the token that ends it; EOS stands for the tokenizer's own.

    `thoughts`: `switch` when the template opens and closes an empty thought if thinking is off, `always` when it
    opens one whatever is asked, `never` when it knows none, `unsaid` when it writes an empty one in prompts and none in
    conversations.
    """

    name: str
    head: str
    end: str
    thoughts: Literal["switch", "always", "never", "unsaid"]


FAMILIES = (
    Family("qwen3", "<|im_start|>assistant\n", "<|im_end|>", "switch"),
    Family("qwen2.5", "<|im_start|>assistant\n", "<|im_end|>", "never"),
    Family("deepseek_r1", "<｜Assistant｜>", "<｜end▁of▁sentence｜>", "always"),
    Family("gemma", "<start_of_turn>model\n", "<end_of_turn>", "never"),
    Family("gemma4", "<|turn>model\n", "<turn|>", "never"),
    Family("gemma4", "<|turn>model\n", "<turn|>", "unsaid"),  # larger models
    Family("instruction", "### Response:\n", EOS, "never"),
)
_TAILS = {CLOSED: "switch", THOUGHT: "always", "": "never", EMPTY_CHANNEL: "unsaid"}


@dataclass(frozen=True)
class Ending:
    """How one answer continues its prompt: `opening` and the answer's text, then the family's end."""

    opening: str
    answer: str


def detect(chat: Chat) -> Family:
    """The family of `chat`'s template, asked without thinking. Raises InputError for an unknown one."""
    written = chat.prompt_text([{"role": "user", "content": _QUESTION}])
    for family in FAMILIES:
        before, head, tail = written.rpartition(family.head)
        if head and _QUESTION in before and _TAILS.get(tail) == family.thoughts:
            return family if family.end != EOS else replace(family, end=_eos(chat))
    shown = printable(json.dumps(written.rpartition(_QUESTION)[2], ensure_ascii=False))
    known = ", ".join(dict.fromkeys(family.name for family in FAMILIES))
    raise InputError(
        f"Unknown chat template: after the question it writes {shown}, as none of the families {known} does.",
        remedy="use a model of these families; another one needs an entry in training/models/families.py",
    )


def require_family(folder: Path, expected: str, thinking: bool, template: str | None = None) -> tuple[Family, Chat]:
    """The family that the config expects, and the chat to train with. Raises InputError, EncoderError.

    `template` is the name of one of the package's, which then wins over the model's own; None is the model's own.
    """
    source = None if template is None else packaged(template)
    family = detect(Chat(folder, thinking=False, source=source))
    if family.name != expected:
        whose = "of this model" if template is None else template
        raise InputError(
            f"The chat template {whose} is of the family {family.name}, and the config says {expected}.",
            remedy=f"--set model.family={family.name}, if this is how the model should be prompted",
        )
    if thinking and family.thoughts in ("never", "unsaid"):
        raise InputError(
            f"Models of the family {family.name} are not trained to think.", remedy="set thinking to false"
        )
    chat = Chat(folder, thinking=thinking, source=source)
    require_end(chat, folder, family)
    if template is not None:
        require_beginning(chat, folder)
    return family, chat


def require_beginning(chat: Chat, folder: Path) -> None:
    """Raise EncoderError unless a prompt begins as this tokenizer begins texts: base models have learnt no other."""
    begin = chat.tokenizer.bos_token_id
    plain = chat.tokenizer(_QUESTION)["input_ids"]
    asked = chat.tokens([{"role": "user", "content": _QUESTION}])
    if begin is not None and (plain[:1] == [begin]) != (asked[:1] == [begin]):
        raise EncoderError(
            f"The tokenizer in {folder} {'begins' if plain[:1] == [begin] else 'does not begin'} its texts with "
            f"{chat.tokenizer.bos_token}, and the chat template does not agree.",
            remedy="use tokenizer and model as published",
        )


def require_end(chat: Chat, folder: Path, family: Family) -> int:
    """Id of the token that ends an answer, checked to end generated texts too. Raises EncoderError."""
    ids = chat.tokenizer(family.end, add_special_tokens=False)["input_ids"]
    if len(ids) != 1:
        raise EncoderError(
            f"{family.end} is not one token of the tokenizer in {folder}.",
            remedy="use tokenizer and model as published",
        )
    if ids[0] not in {chat.tokenizer.eos_token_id, *_stated_ends(folder)}:
        raise EncoderError(
            f"Generation with the model in {folder} would not stop at {family.end}, which ends every trained answer.",
            remedy="put its id into eos_token_id of generation_config.json, as published instruction models have it",
        )
    return int(ids[0])


def ending(family: Family, thinking: bool, answer: str) -> Ending:
    """What continues the prompt. With thinking on, the answer brings its thought; raises ValueError where it has none.

    A model that always opens a thought is taught to close it at once when thinking is off.
    """
    if not thinking:
        return Ending(CLOSING if family.thoughts == "always" else "", answer)
    if not answer.startswith(THOUGHT) or _END_OF_THOUGHT not in answer:
        raise ValueError("thinking is on, and the answer does not begin with <think>...</think>")
    return Ending("", answer)


def expected_text(family: Family, thinking: bool, prompt: str, answer: str) -> str:
    """The whole conversation as the family's template must write it, given what it writes for the prompt."""
    if family.thoughts == "always":
        prompt = prompt.removesuffix(THOUGHT)
        answer = answer.rpartition("</think>")[2] if thinking else answer
    elif thinking:
        prompt = prompt.removesuffix(THOUGHT)
    elif family.thoughts == "unsaid":
        prompt = prompt.removesuffix(EMPTY_CHANNEL)
    return f"{prompt}{answer}{family.end}"


def prompt_of(messages: Sequence[Mapping[str, str]], system: str) -> Sequence[Mapping[str, str]]:
    """The messages before the answer. Raises ValueError when they are not the parts that `system` says."""
    roles = [message["role"] for message in messages]
    if roles not in (
        (["system", "user", "assistant"], ["user", "assistant"]) if system == "own" else (["user", "assistant"],)
    ):
        raise ValueError(f"the turns are {', '.join(roles)}; with system: {system} that cannot be")
    return messages[:-1]


def _eos(chat: Chat) -> str:
    found = chat.tokenizer.eos_token
    if not found:
        raise EncoderError("The tokenizer names no token that ends a text.", remedy="use the tokenizer as published")
    return str(found)


def _stated_ends(folder: Path) -> set[int]:
    for name in ("generation_config.json", "config.json"):
        try:
            found = json.loads((folder / name).read_text(encoding="utf-8")).get("eos_token_id")
        except (OSError, ValueError, AttributeError):
            continue
        if found is not None:
            return {found} if isinstance(found, int) else set(found)
    return set()


# What decides how text becomes tokens; one file in newer models, several in older ones.
_WHOLE = "tokenizer.json"
_PARTS = ("added_tokens.json", "merges.txt", "tokenizer.model", "vocab.json", "vocab.txt")


def tokenizer_sha256(folder: Path) -> str:
    """Hex sha256 of `tokenizer.json`, or else of the older files' names and contents. Raises EncoderError."""
    whole = folder / _WHOLE
    paths = [whole] if whole.is_file() else [folder / name for name in _PARTS if (folder / name).is_file()]
    if not paths:
        raise EncoderError(f"There is no tokenizer in {folder}.", remedy="fetch the model again")
    sha = hashlib.sha256()
    try:
        for path in paths:
            content = path.read_bytes()
            sha.update(content if path == whole else f"{path.name}\0{len(content)}\0".encode() + content)
    except OSError as error:
        raise EncoderError(f"Cannot read {folder}: {error}.", remedy="check its permissions") from error
    return sha.hexdigest()
