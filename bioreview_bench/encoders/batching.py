"""Which texts are encoded together: like lengths, a bounded number of tokens, little padding.

A vector does not depend on its batch beyond the last bits of float32; the plan decides speed only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_WASTE = 1 / 8  # share of a padded batch that may be padding


def plan(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions of `lengths` (tokens of each text) in batches, longest first.

    A batch has at most `budget` tokens, padding included, or one text; at most an eighth of it is padding.
    """
    order = sorted(range(len(lengths)), key=lambda position: (-lengths[position], position))
    batch: list[int] = []
    used = 0
    for position in order:
        if batch:
            padded = lengths[batch[0]] * (len(batch) + 1)
            if padded > budget or padded - used - lengths[position] > _WASTE * padded:
                yield batch
                batch, used = [], 0
        batch.append(position)
        used += lengths[position]
    if batch:
        yield batch


def windows(texts: Sequence[str], size: int) -> Iterator[list[int]]:
    """Positions of `texts` in windows of `size`, longest text first, so that a window holds like lengths.

    Characters stand in for tokens here: windows are tokenised one by one, while the one before is encoded.
    """
    order = sorted(range(len(texts)), key=lambda position: (-len(texts[position]), position))
    for start in range(0, len(order), size):
        yield order[start : start + size]
