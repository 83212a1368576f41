"""The sweep gives at each threshold what scoring at that threshold gives, and encodes nothing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioreview_bench import Contract, load_split, score


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

    def paper() -> str:
        return " ".join(f"Sentence {rng.integers(1_000_000)} of the paper states a result." for _ in range(30))

    articles = [make_article(f"elife:{number}", texts(rng.integers(1, 7)), abstract=paper()) for number in range(8)]
    rows = {article.id: texts(rng.integers(0, 7)) for article in articles}
    contract = replace(Contract.load("demo"), name="custom", threshold=0.42)
    encoder = _Smooth()
    swept = score(articles, rows, contract, encoder=encoder, draws=0, sweep=True, controls="full")
    assert encoder.calls == 1
    assert [point.threshold for point in swept.record.sweep] == sorted({*(n / 20 for n in range(1, 20)), 0.42})
    for point in swept.record.sweep:
        moved = replace(contract, threshold=point.threshold)
        there = score(articles, rows, moved, encoder=_Smooth(), draws=0, controls="full").record
        assert (point.f1, point.null_f1, point.echo_f1, point.skill) == (
            there.overall.f1,
            there.controls.null_f1,
            there.controls.echo_f1,
            there.controls.skill,
        )
    own = next(point for point in swept.record.sweep if point.threshold == 0.42)
    assert own.f1 == swept.record.overall.f1
    assert len({point.echo_f1 for point in swept.record.sweep} - {None}) > 1
    plain = score(articles, rows, contract, encoder=_Smooth(), draws=0, sweep=True)
    assert {point.echo_f1 for point in plain.record.sweep} == {None}


def test_echo_is_swept_when_its_counts_were_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOREVIEW_CACHE", str(tmp_path))
    articles = load_split("demo", "test", limit=4)
    rows = {article.id: [concern.text for concern in article.concerns] for article in articles}
    contract = Contract.load("jaccard")
    first, second = (score(articles, rows, contract, draws=0, sweep=True).record.sweep for _ in range(2))
    assert [point.echo_f1 for point in first] == [point.echo_f1 for point in second]
    assert first[0].echo_f1 is not None
