"""A causal language model in this process, by transformers: its weights under adapters, and texts written with it.

What a checkpoint's generation_config would change (its own temperature, top_k, penalties) is dropped; of it only the
tokens that end a text are kept. Code that lies beside the weights is not run.

The generator of torch is shared by all rows of a batch, and the repetition penalty of transformers also punishes
padding. Here every row has a generator of its own, seeded by the run's seed and the article's id, and sees only its
own tokens, so that an article's text does not depend on its company in a batch. What is left of the batch is
rounding: a matrix product over more rows may differ in the last bits, which can tip two nearly equal tokens.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bioreview_bench.errors import EncoderError, InputError
from bioreview_bench.llm.local.weights import add_adapter, end_tokens, load_weights


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn; a temperature of 0 takes the likeliest."""

    temperature: float = 0.1
    top_p: float = 0.9
    repetition_penalty: float = 1.05
    seed: int = 42


def generator_for(seed: int, article_id: str) -> np.random.Generator:
    """The source of chance of one article: the same on every machine, whatever else is reviewed."""
    digest = hashlib.sha256(f"{seed}\0{article_id}".encode("utf-8", "surrogatepass")).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:8], "big")))


class RowSampler:
    """A logits processor for `generate(do_sample=False)`: it leaves one token a row possible, the one drawn.

    `starts` holds the number of padding tokens before each row (rows are padded on the left).
    """

    def __init__(self, sampling: Sampling, generators: Sequence[np.random.Generator], starts: Sequence[int]) -> None:
        self._sampling, self._generators, self._starts = sampling, generators, starts

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """(rows, vocabulary) of scores in, the same shape out: minus infinity but for the chosen tokens."""
        import torch

        chosen = []
        for row, (generator, start) in enumerate(zip(self._generators, self._starts, strict=True)):
            logits = self._penalised(scores[row].float(), input_ids[row, start:])
            chosen.append(self._draw(logits, generator))
        only = torch.full_like(scores, float("-inf"))
        index = torch.tensor(chosen, device=scores.device).unsqueeze(1)
        return only.scatter(1, index, 0.0)

    def _penalised(self, logits: Any, seen: Any) -> Any:
        """Keskar et al. (2019), equation 1 in the form with signs, over prompt and text alike, as vLLM does it."""
        import torch

        if self._sampling.repetition_penalty == 1.0:
            return logits
        ids = seen.unique()
        held = logits[ids]
        penalty = self._sampling.repetition_penalty
        return logits.scatter(0, ids, torch.where(held > 0, held / penalty, held * penalty))

    def _draw(self, logits: Any, generator: np.random.Generator) -> int:
        """A token of the smallest set of likeliest tokens that holds `top_p` of the probability."""
        # Drawn also where it is not needed, so that every token costs the generator one step.
        draw = float(generator.random())
        if self._sampling.temperature == 0:
            return int(logits.argmax())
        ordered, ids = (logits / self._sampling.temperature).softmax(0).double().sort(descending=True, stable=True)
        reached = ordered.cumsum(0)
        kept = max(1, int((reached - ordered < self._sampling.top_p * reached[-1]).sum()))
        place = int((reached[:kept] <= draw * reached[kept - 1]).sum())
        return int(ids[min(place, kept - 1)])


@dataclass(frozen=True)
class Written:
    """A text as token ids, without the token that ended it; `cut` when nothing ended it."""

    ids: tuple[int, ...]
    n_tokens: int
    cut: bool


class LocalModel:
    """Weights in `folder` under `adapters`, in that order. Loading raises EncoderError, InputError."""

    def __init__(
        self,
        folder: Path,
        adapters: Sequence[Path],
        tokenizer: Any,
        *,
        dtype: str = "auto",
        device: str = "auto",
        bits: int = 16,
    ) -> None:
        import torch

        if bits == 4 and len(adapters) > 1:
            raise InputError(
                "Adapters cannot be added to weights of 4 bits: they would be rounded away.",
                remedy="merge all but the last first: bench train merge --adapter FIRST -o MERGED",
            )

        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = load_weights(folder, dtype, device, bits=bits)
        for number, adapter in enumerate(adapters, start=1):
            # The last one stays beside the weights: adding it to 16-bit weights would round it.
            self.model = add_adapter(self.model, adapter, merge=number < len(adapters))
        self.model.eval()
        self.ends = end_tokens(self.model, tokenizer)
        positions = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        self.positions = positions if isinstance(positions, int) else None
        self._pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else self.ends[0]
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Let texts that are being written end at their next token; for when nobody waits for them."""
        self._stopped.set()

    def write(
        self,
        prompts: Sequence[Sequence[int]],
        max_new_tokens: int,
        sampling: Sampling | None = None,
        generators: Sequence[np.random.Generator] = (),
    ) -> list[Written]:
        """Continue each prompt: greedily, or by `sampling` with one generator a prompt.

        Raises EncoderError when the batch does not fit into memory.
        """
        import torch
        from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

        width = max(map(len, prompts))
        starts = [width - len(prompt) for prompt in prompts]
        rows = [[self._pad] * start + list(prompt) for start, prompt in zip(starts, prompts, strict=True)]
        seen = [[0] * start + [1] * len(prompt) for start, prompt in zip(starts, prompts, strict=True)]
        settings = GenerationConfig(  # type: ignore[no-untyped-call]
            do_sample=False,
            num_beams=1,
            max_new_tokens=max_new_tokens,
            eos_token_id=self.ends,
            pad_token_id=self._pad,
        )
        samplers = [] if sampling is None else [RowSampler(sampling, generators, starts)]
        try:
            with torch.inference_mode():
                made = self.model.generate(
                    input_ids=torch.tensor(rows, device=self.model.device),
                    attention_mask=torch.tensor(seen, device=self.model.device),
                    generation_config=settings,
                    logits_processor=LogitsProcessorList(samplers),
                    stopping_criteria=StoppingCriteriaList([self._stop_criterion()]),
                )
        except torch.OutOfMemoryError as error:
            raise EncoderError(
                f"{len(rows)} texts of up to {width:,} tokens do not fit into the device's memory."
            ) from error
        return [self._written(row) for row in made[:, width:].tolist()]

    def _written(self, row: Sequence[int]) -> Written:
        end = next((place for place, token in enumerate(row) if token in self.ends), None)
        ids = tuple(row if end is None else row[:end])
        return Written(ids, len(ids) + (end is not None), cut=end is None)

    def _stop_criterion(self) -> Any:
        import torch

        def stopped(input_ids: Any, scores: Any, **_: Any) -> Any:
            return torch.full((input_ids.shape[0],), self._stopped.is_set(), device=input_ids.device)

        return stopped
