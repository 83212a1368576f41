"""The sweep gives at each threshold what scoring at that threshold gives, and encodes nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bioreview_bench import Contract, score


class _Smooth:
    """Vectors on an arc, so that similarities spread over the whole range."""

    id = "smooth"

    def __init__(self) -> None:
        self.calls = 0

    def encode(self, texts: list[str]) -> np.ndarray:
        self.calls += 1
        angles = np.array([sum(map(ord, text)) % 97 / 97 * np.pi for text in texts])
        return np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)


def test_each_point_equals_a_score_at_that_threshold(make_article: Callable[..., Any]) -> None:
    rng = np.random.default_rng(3)

    def texts(n: int) -> list[str]:
        return [f"A concern about number {rng.integers(1_000_000)}" for _ in range(n)]

    articles = [make_article(f"elife:{number}", texts(rng.integers(1, 7))) for number in range(8)]
    rows = {article.id: texts(rng.integers(0, 7)) for article in articles}
    contract = replace(Contract.load("demo"), name="custom", threshold=0.42)
    encoder = _Smooth()
    swept = score(articles, rows, contract, encoder=encoder, draws=0, sweep=True)
    assert encoder.calls == 1
    assert [point.threshold for point in swept.record.sweep] == sorted({*(n / 20 for n in range(1, 20)), 0.42})
    for point in swept.record.sweep:
        there = score(articles, rows, replace(contract, threshold=point.threshold), encoder=_Smooth(), draws=0).record
        assert (point.f1, point.null_f1, point.skill) == (
            there.overall.f1,
            there.controls.null_f1,
            there.controls.skill,
        )
    own = next(point for point in swept.record.sweep if point.threshold == 0.42)
    assert own.f1 == swept.record.overall.f1
