"""A causal language model in this process, by transformers: its weights under adapters, and texts written with it.

What a checkpoint's generation_config would change (its own temperature, top_k, penalties) is dropped; of it only the
tokens that end a text are kept. Code that lies beside the weights is not run.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bioreview_bench.errors import EncoderError
from bioreview_bench.llm.local.sampling import RowSampler, Sampling
from bioreview_bench.llm.local.weights import add_adapter, end_tokens, load_weights


@dataclass(frozen=True)
class Written:
    """A text as token ids, without the token that ended it; `cut` when nothing ended it."""

    ids: tuple[int, ...]
    n_tokens: int
    cut: bool


class LocalModel:
    """Weights in `folder` under `adapters`, in that order. Loading raises EncoderError, InputError."""

    def __init__(
        self, folder: Path, adapters: Sequence[Path], tokenizer: Any, *, dtype: str = "auto", device: str = "auto"
    ) -> None:
        import torch

        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = load_weights(folder, dtype, device)
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
