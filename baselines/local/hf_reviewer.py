"""`hf:MODEL_OR_PATH`: a model in this process, by transformers. For one accelerator or a small model; `vllm:` is
faster where it can be installed.

Papers that are under review at the same time share batches. An article's text depends on the run's seed and the
article's id, not on its company (`llm.local.model` says what remains of that).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from typing import Any, Generic, TypeVar

from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import EncoderError, InputError
from bioreview_bench.llm.calls.asking import Asking
from bioreview_bench.llm.local.chat import Chat
from bioreview_bench.llm.local.model import LocalModel, Sampling, Written, generator_for
from bioreview_bench.llm.local.model_files import adapter_folder, described, model_folder, shown_name
from bioreview_bench.llm.local.weights import require_peft
from bioreview_bench.llm.review import GiveUp, Review, Usage
from bioreview_bench.llm.text.fitting import load_counter
from bioreview_bench.llm.text.prompt import Prompt

from ..registry import DAY, PROMPTED, Job, Registration

Q = TypeVar("Q")
R = TypeVar("R")
_GATHERING = 0.02  # seconds to wait for calls that are begun together


@dataclass(frozen=True)
class HfSettings(Sampling):
    """Parameters of a run. `batch_tokens` bounds papers at once times the longest with its text: it decides how much
    memory is needed, and no more than rounding of the result. Raises InputError for impossible values."""

    max_new_tokens: int = 4096
    enable_thinking: bool = False
    dtype: str = "auto"
    device: str = "auto"
    batch_tokens: int = 40_000
    bits: int = 16  # 4: the weights as they are held in training, for a GPU that has no room for 16
    chat_template: str | None = None

    def __post_init__(self) -> None:
        for name, holds in (
            ("temperature", 0 <= self.temperature < 100),
            ("top_p", 0 < self.top_p <= 1),
            ("repetition_penalty", 0 < self.repetition_penalty < 100),
            ("max_new_tokens", self.max_new_tokens >= 1),
            ("batch_tokens", self.batch_tokens >= 1),
            ("bits", self.bits in (4, 16)),
        ):
            if not holds:
                raise InputError(f"{name} cannot be {getattr(self, name)}.", remedy=f"--param {name}=VALUE")


# They change rounding at most; the template is known by its sha256.
_NOT_DESCRIBED = ("device", "batch_tokens", "chat_template")


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
        self._shown = described(model, adapters)
        self._model: LocalModel | None = None
        self._batches: Batcher[_Question, Written] | None = None

    def describe(self) -> dict[str, Any]:
        """Model, adapters, parameters and how it is asked. Device and batch size change rounding at most."""
        parameters = {name: value for name, value in asdict(self.settings).items() if name not in _NOT_DESCRIBED}
        if self.settings.bits == 16:
            del parameters["bits"]  # as runs of earlier versions say it
        parameters["enable_thinking"] = self.settings.enable_thinking if self._chat.knows_thinking else None
        parameters["chat_template_sha256"] = self._chat.template_sha256
        return {"provider": "hf", **self._shown, "parameters": parameters, **self.asking.describe()}

    def connect(self) -> None:
        """Load the weights. Raises EncoderError."""
        if self._model is None:
            s = self.settings
            self._model = LocalModel(
                self._folder, self._adapters, self._chat.tokenizer, dtype=s.dtype, device=s.device, bits=s.bits
            )

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
            return self._model.write(prompts, self.settings.max_new_tokens, self.settings, chances)
        except EncoderError as error:
            raise GiveUp(f"{error.message} Lower --param batch_tokens=N or --budget N, or use vllm.") from error

    def _length(self, question: _Question) -> int:
        return len(question.ids) + self.settings.max_new_tokens


class Batcher(Generic[Q, R]):
    """Collects questions that come one by one, and answers them by `work`, a batch at a time, in a thread of its own.

    A batch is the oldest question and those nearest to it in length, as many as keep (number x longest) within
    `most`; a question that is longer than `most` by itself goes alone. An error of `work` is everybody's in its batch.
    """

    def __init__(self, work: Callable[[Sequence[Q]], Sequence[R]], length: Callable[[Q], int], most: int) -> None:
        self._work, self._length, self._most = work, length, most
        self._waiting: list[tuple[Q, asyncio.Future[R]]] = []
        self._loop_task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "reviews")

    async def ask(self, question: Q) -> R:
        """The answer to one question."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._loop_task is None or self._loop_task.done():
            self._loop_task = asyncio.create_task(self._run())
        return await answer

    async def close(self) -> None:
        """Stop; a batch at work is waited for."""
        if self._loop_task is not None:
            self._loop_task.cancel()
            await asyncio.gather(self._loop_task, return_exceptions=True)
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            await asyncio.sleep(_GATHERING)
            batch = self._take()
            if not batch:
                continue
            try:
                found = await loop.run_in_executor(self._thread, self._work, [question for question, _ in batch])
            except Exception as error:  # noqa: BLE001 - handed to whoever asked
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for (_, answer), result in zip(batch, found, strict=True):
                if not answer.done():
                    answer.set_result(result)

    def _take(self) -> list[tuple[Q, asyncio.Future[R]]]:
        self._waiting = [pair for pair in self._waiting if not pair[1].done()]  # those who gave up
        if not self._waiting:
            return []
        size = self._length(self._waiting[0][0])
        nearest = sorted(self._waiting, key=lambda pair: abs(self._length(pair[0]) - size))
        # The oldest is nearest to itself, and sorting keeps the order of arrival among equals.
        batch: list[tuple[Q, asyncio.Future[R]]] = []
        longest = 0
        for pair in nearest:
            longest = max(longest, self._length(pair[0]))
            if batch and (len(batch) + 1) * longest > self._most:
                break
            batch.append(pair)
        taken = {id(answer) for _, answer in batch}
        self._waiting = [pair for pair in self._waiting if id(pair[1]) not in taken]
        return batch


def _build(job: Job) -> HfReviewer:
    if "max_tokens" in job.parameters:
        raise InputError("transformers calls it max_new_tokens.", remedy="--param max_new_tokens=N")
    types = {setting.name: _PLAIN[str(setting.type)] for setting in fields(HfSettings)}
    return HfReviewer(
        job.model,
        job.prompt,
        adapters=job.options.adapters,
        settings=HfSettings(**job.take(**types)),
        counter=job.options.counter or "model",
        budget=job.budget,
        fix_labels=bool(job.options.fix_labels),
    )


_PLAIN = {"float": float, "int": int, "bool": bool, "str": str, "str | None": str}

REVIEWERS = (
    Registration(
        "hf:MODEL",
        "a local model, in this process by transformers",
        _build,
        PROMPTED | {"adapters"},
        concurrency=16,
        timeout=7 * DAY,  # a paper may wait for many batches
    ),
)
