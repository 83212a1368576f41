"""`hf:MODEL_OR_PATH`: a model in this process, by transformers. For one accelerator or a small model; `vllm:` is
faster where it can be installed.

Papers that are under review at the same time share batches. An article's text depends on the run's seed and the
article's id, not on its company (`sampling` says what remains of that).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import EncoderError, InputError
from bioreview_bench.llm.calls.asking import Asking
from bioreview_bench.llm.local.chat import Chat
from bioreview_bench.llm.local.model import LocalModel, Written
from bioreview_bench.llm.local.model_files import adapter_folder, digest, model_folder, shown_name
from bioreview_bench.llm.local.sampling import Sampling, generator_for
from bioreview_bench.llm.local.weights import require_peft
from bioreview_bench.llm.review import GiveUp, Review, Usage
from bioreview_bench.llm.text.fitting import load_counter
from bioreview_bench.llm.text.prompt import Prompt

from .batching import Batcher


@dataclass(frozen=True)
class HfSettings:
    """Parameters of a run. `batch_tokens` bounds papers at once times the longest with its text: it decides how much
    memory is needed, and no more than rounding of the result. Raises InputError for impossible values."""

    temperature: float = 0.1
    top_p: float = 0.9
    repetition_penalty: float = 1.05
    max_new_tokens: int = 4096
    seed: int = 42
    enable_thinking: bool = False
    dtype: str = "auto"
    device: str = "auto"
    batch_tokens: int = 40_000
    chat_template: str | None = None

    def __post_init__(self) -> None:
        for name, holds in (
            ("temperature", 0 <= self.temperature < 100),
            ("top_p", 0 < self.top_p <= 1),
            ("repetition_penalty", 0 < self.repetition_penalty < 100),
            ("max_new_tokens", self.max_new_tokens >= 1),
            ("batch_tokens", self.batch_tokens >= 1),
        ):
            if not holds:
                raise InputError(f"{name} cannot be {getattr(self, name)}.", remedy=f"--param {name}=VALUE")

    @property
    def sampling(self) -> Sampling:
        """The part that decides how tokens are drawn."""
        return Sampling(self.temperature, self.top_p, self.repetition_penalty, self.seed)


@dataclass(frozen=True)
class _Question:
    article_id: str
    ids: Sequence[int]


class HfReviewer:
    """Reviews with the model `model` (a folder, or a name in the local Hub cache) under `adapters`, in order.

    `counter` is `model` for the model's own tokenizer, or another counter's name. Raises EncoderError when files are
    missing, InputError when the prompt does not fit the model. Weights are loaded by `connect`.
    """

    def __init__(
        self,
        model: str,
        prompt: Prompt,
        *,
        adapters: Sequence[str] = (),
        settings: HfSettings | None = None,
        counter: str = "model",
        budget: int = 15_000,
        fix_labels: bool = False,
    ) -> None:
        self.name = f"hf:{shown_name(model)}"
        self.settings = settings or HfSettings()
        self._folder = model_folder(model)
        self._adapters = [adapter_folder(adapter) for adapter in adapters]
        if adapters:
            require_peft()
        self._chat = Chat(self._folder, thinking=self.settings.enable_thinking, template=self.settings.chat_template)
        if prompt.system:
            self._chat.require_system()
        chosen = load_counter(counter, self._chat.tokenizer)
        self.asking = Asking(prompt, chosen, budget, fix_labels, structured=False)
        self._shown = {
            "model": shown_name(model),
            "model_digest": digest(self._folder),
            "adapters": [
                {"name": shown_name(name), "digest": digest(folder)}
                for name, folder in zip(adapters, self._adapters, strict=True)
            ],
        }
        self._model: LocalModel | None = None
        self._batches: Batcher[_Question, Written] | None = None

    def describe(self) -> dict[str, Any]:
        """Model, adapters, parameters and how it is asked. Device and batch size change rounding at most."""
        s = self.settings
        parameters: Mapping[str, Any] = {
            "temperature": s.temperature,
            "top_p": s.top_p,
            "repetition_penalty": s.repetition_penalty,
            "max_new_tokens": s.max_new_tokens,
            "seed": s.seed,
            "enable_thinking": s.enable_thinking if self._chat.knows_thinking else None,
            "dtype": s.dtype,
            "chat_template_sha256": self._chat.template_sha256,
        }
        return {"provider": "hf", **self._shown, "parameters": dict(parameters), **self.asking.describe()}

    def connect(self) -> None:
        """Load the weights. Raises EncoderError."""
        if self._model is None:
            s = self.settings
            self._model = LocalModel(self._folder, self._adapters, self._chat.tokenizer, dtype=s.dtype, device=s.device)

    async def review(self, manuscript: Manuscript) -> Review:
        """Ask once, in a batch with whatever else is asked now. Raises GiveUp when memory does not suffice."""
        self.connect()
        assert self._model is not None
        asked = self.asking.ask(manuscript)
        ids = self._chat.tokens(asked.messages)
        room, needed = self._model.positions, len(ids) + self.settings.max_new_tokens
        if room is not None and needed > room:
            detail = (
                f"{len(ids):,} tokens of prompt and {self.settings.max_new_tokens:,} of text exceed the model's "
                f"{room:,} positions: use a smaller --budget or max_new_tokens"
            )
            return Review(status="error", detail=detail, usage=Usage(0, 0, None), notes=asked.notes)
        if self._batches is None:
            self._batches = Batcher(self._write, self._length, self.settings.batch_tokens)
        written = await self._batches.ask(_Question(manuscript.id, ids))
        return self.asking.read(
            self._chat.text(written.ids),
            truncated=written.cut,
            usage=Usage(len(ids), written.n_tokens, None),
            notes=asked.notes,
        )

    async def close(self) -> None:
        """Stop writing, and let go of the weights."""
        if self._model is not None:
            self._model.stop()
        if self._batches is not None:
            await self._batches.close()
        self._model, self._batches = None, None

    def _write(self, questions: Sequence[_Question]) -> list[Written]:
        assert self._model is not None
        chances = [generator_for(self.settings.seed, question.article_id) for question in questions]
        prompts = [question.ids for question in questions]
        try:
            return self._model.write(prompts, self.settings.max_new_tokens, self.settings.sampling, chances)
        except EncoderError as error:
            raise GiveUp(f"{error.message} Lower --param batch_tokens=N or --budget N, or use vllm.") from error

    def _length(self, question: _Question) -> int:
        return len(question.ids) + self.settings.max_new_tokens
