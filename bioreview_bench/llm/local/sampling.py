"""Choosing the next token, row by row, so that an article's text does not depend on its company in a batch.

The generator of torch is shared by all rows of a batch, and the repetition penalty of transformers also punishes
padding. Here every row has a generator of its own, seeded by the run's seed and the article's id, and sees only its
own tokens. What is left of the batch is rounding: a matrix product over more rows may differ in the last bits, which
can tip two nearly equal tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


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
