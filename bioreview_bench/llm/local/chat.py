"""A model's tokenizer and chat template: from messages to the tokens that the model was trained to answer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bioreview_bench.errors import EncoderError, InputError
from bioreview_bench.files.reading import find_json, read_text

_THOUGHT = ("<think>", "</think>")
_LEAD = "\n"  # SentencePiece models encode it as a byte, which is never joined with what follows
_SPACES = ("▁", "Ġ")  # how tokenizers write a space in a token
_PROBE_SYSTEM, _PROBE_USER = "probe of the system part", "probe of the user part"


class Chat:
    """The chat template of the tokenizer in `folder`, or the one in the file `template`, or `source` itself.

    What is given wins over the tokenizer's own; `own_sha256` is the hash of that one, None where it has none.
    A vision-language model is asked through its text tokenizer alone. `thinking` is handed to templates that know
    `enable_thinking`; others do without. What looks like a control token inside a message (a paper may quote one)
    is encoded as text. Raises EncoderError when tokenizer or template are missing, or the template drops a message.
    """

    def __init__(
        self, folder: Path, *, thinking: bool = False, template: str | None = None, source: str | None = None
    ) -> None:
        self.tokenizer = load_tokenizer(folder)
        given = read_text(Path(template), InputError, "name a Jinja file") if template is not None else source
        own = self.tokenizer.chat_template
        if own is None:
            own = _processor_template(folder)
        self.own_sha256 = None if own is None else _sha256(own)
        self.tokenizer.chat_template = own if given is None else given
        if self.tokenizer.chat_template is None:
            raise EncoderError(
                f"The tokenizer in {folder} has no chat template, so how to ask the model is unknown.",
                remedy="use the model's instruction-tuned version, or name a template: --param chat_template=FILE, "
                "--chat-template, or model.chat_template in a training config",
            )
        self.template_sha256 = _sha256(self.tokenizer.chat_template)
        self._lead = self._leading_ids()
        self.knows_thinking = "enable_thinking" in _source(self.tokenizer.chat_template)
        self._options: dict[str, Any] = {"enable_thinking": thinking} if self.knows_thinking else {}
        self._in_parts = False
        if not self._shows([("user", _PROBE_USER)]):
            self._in_parts = True  # templates of some vision-language models take lists of parts only
            if not self._shows([("user", _PROBE_USER)]):
                raise EncoderError(
                    f"The chat template in {folder} drops the user's message.", remedy="--param chat_template=FILE"
                )

    def require_system(self) -> None:
        """Raise InputError when the template has no place for a system message."""
        if not self._shows([("system", _PROBE_SYSTEM), ("user", _PROBE_USER)]):
            raise InputError(
                "The prompt has a system part, but the model's chat template does not take one.",
                remedy="copy the prompt to a file, move its system part to the front of the user part, --prompt FILE",
            )

    def tokens(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """Token ids of the conversation, up to where the answer begins."""
        asked = self.tokenizer.apply_chat_template(
            self._form((message["role"], message["content"]) for message in messages),
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            sanitize_control_tokens=True,
            **self._options,
        )
        return [int(token) for token in asked["input_ids"]]

    def text(self, ids: Sequence[int]) -> str:
        """The text of an answer, without control tokens."""
        return str(self.tokenizer.decode(ids, skip_special_tokens=True))

    def answer_tokens(self, text: str) -> list[int]:
        """Token ids of an answer's text; what looks like a control token or a thought's bracket is encoded as text."""
        added = self.tokenizer.added_tokens_decoder.values()
        control = [token.content for token in added if token.special or token.content in _THOUGHT]
        pieces = re.split(f"({'|'.join(map(re.escape, control))})", text) if control else [text]
        ids: list[int] = []
        for place, piece in enumerate(pieces):
            # A control token stands at every odd place. Cut in two, its halves are text.
            for part in (piece[:1], piece[1:]) if place % 2 else (piece,):
                ids += self._continuing(part) if part else []
        return ids

    def _continuing(self, text: str) -> list[int]:
        """Token ids of a text that follows another: without the space that some tokenizers put before a text."""
        if not self._lead:
            return self._ids(text)
        ids = self._ids(_LEAD + text)
        if ids[: len(self._lead)] != self._lead:
            raise EncoderError(
                "This tokenizer joins a line's end with what follows, so an answer cannot be encoded by itself.",
                remedy="use tokenizer and model as published",
            )
        return ids[len(self._lead) :]

    def _leading_ids(self) -> list[int]:
        """Token ids of a line's end, for tokenizers that put a space before a text (SentencePiece); others: none."""
        pieces = self.tokenizer.convert_ids_to_tokens(self._ids("a"))
        return self._ids(_LEAD) if pieces and str(pieces[0]).startswith(_SPACES) else []

    def _ids(self, text: str) -> list[int]:
        return [int(token) for token in self.tokenizer(text, add_special_tokens=False)["input_ids"]]

    def prompt_text(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The conversation as the template writes it, up to where the answer begins."""
        return self._written(messages, add_generation_prompt=True)

    def conversation_text(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The conversation as the template writes it, its last message being the answer."""
        return self._written(messages, add_generation_prompt=False)

    def _written(self, messages: Sequence[Mapping[str, str]], *, add_generation_prompt: bool) -> str:
        return str(
            self.tokenizer.apply_chat_template(
                self._form((message["role"], message["content"]) for message in messages),
                add_generation_prompt=add_generation_prompt,
                tokenize=False,
                **self._options,
            )
        )

    def _shows(self, messages: Sequence[tuple[str, str]]) -> bool:
        from jinja2 import TemplateError

        try:
            shown = self.tokenizer.apply_chat_template(
                self._form(messages), add_generation_prompt=True, tokenize=False, **self._options
            )
        except (TemplateError, TypeError, ValueError, KeyError):
            return False
        return all(content in shown for _, content in messages)

    def _form(self, messages: Any) -> list[dict[str, Any]]:
        return [
            {"role": role, "content": [{"type": "text", "text": content}] if self._in_parts else content}
            for role, content in messages
        ]


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer in `folder`. Raises EncoderError."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # damaged files raise what the tokenizers library makes of them
        raise EncoderError(f"Cannot load the tokenizer in {folder}: {error}", remedy="fetch the model again") from error


def _sha256(template: Any) -> str:
    return hashlib.sha256(_source(template).encode()).hexdigest()


def _source(template: Any) -> str:
    return "\n".join(map(str, template.values())) if isinstance(template, dict) else str(template)


def _processor_template(folder: Path) -> str | None:
    """Older vision-language models keep the template beside the tokenizer, for their processor."""
    stored = find_json(folder / "chat_template.json", EncoderError, "fetch the model again")
    template = (stored or {}).get("chat_template")
    return template if isinstance(template, str) else None
