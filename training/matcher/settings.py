"""Settings of a matcher's training. The defaults are those of the adapter `reader`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Settings:
    """`related_weight` is how often a near miss or related text counts among negatives, `own_words_weight` how much a
    judged text counts that was not written from a reference. `first_layer` is the first layer of the encoder that gets
    an adapter; `max_length` is in word pieces, and that of training alone. `shares` are how much of each kind of text
    an epoch draws; kinds that are not named are drawn whole. `threads` is fixed, because sums in another order give
    other weights.
    """

    seed: int = 0
    epochs: int = 4
    rank: int = 16
    scale: float = 2.0
    learning_rate: float = 7e-4
    warmup: float = 0.06
    weight_decay: float = 0.01
    temperature: float = 0.07
    related_weight: float = 2.0
    own_words_weight: float = 2.0
    papers_at_once: int = 2
    first_layer: int = 3
    max_length: int = 96
    threads: int = 1
    shares: dict[str, float] = field(
        default_factory=lambda: {
            "restated": 0.6, "near_miss": 0.7, "other_place": 0.3, "stock": 0.25, "sentence": 0.3,
        }
    )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self)
