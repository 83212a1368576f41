"""The loss by its definition, pair by pair, and batches that hold whole papers."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from bioreview_bench.training.matcher.loss import PaperBatches, Relations, point_loss  # noqa: E402
from bioreview_bench.training.matcher.papers import TaughtPaper, Text  # noqa: E402

A, B = frozenset("a"), frozenset("b")
PAPERS = [
    TaughtPaper(
        "one",
        (
            Text("a", "reference", A),
            Text("b", "reference", B),
            Text("a again", "restated", A),
            Text("near a", "near_miss", frozenset(), A),
            Text("nothing", "stock"),
        ),
        1,
        True,
    ),
    TaughtPaper("two", (Text("also called a", "reference", A), Text("more", "stock")), 0, False),
]


def test_a_point_is_a_point_of_its_paper() -> None:
    same, near, makes = Relations(PAPERS).of(range(7))
    assert {(i, j) for i, j in same.nonzero().tolist()} == {(0, 2), (2, 0)}
    assert {(i, j) for i, j in near.nonzero().tolist()} == {(0, 3), (3, 0), (2, 3), (3, 2)}
    assert makes.tolist() == [True, True, True, False, False, True, False]


def test_the_loss_is_what_it_is_by_definition() -> None:
    torch.manual_seed(0)
    logits = torch.randn(7, 7)
    logits = (logits + logits.T) * 3
    same, near, makes = Relations(PAPERS).of(range(7))
    weights = torch.tensor([1.0, 1.0, 0.5, 0.5, 0.5, 1.0, 0.5])
    total, share = 0.0, 0.0
    for anchor in range(7):
        positives = [other for other in range(7) if same[anchor, other]]
        if not positives or not makes[anchor]:
            continue
        negatives = sum(
            math.exp(float(logits[anchor, other])) * (2.0 if near[anchor, other] else 1.0)
            for other in range(7)
            if other != anchor and not same[anchor, other]
        )
        losses = [
            -math.log(math.exp(float(logits[anchor, one])) / (math.exp(float(logits[anchor, one])) + negatives))
            for one in positives
        ]
        mean = sum(float(weights[one]) * loss for one, loss in zip(positives, losses, strict=True)) / sum(
            float(weights[one]) for one in positives
        )
        total += float(weights[anchor]) * mean
        share += float(weights[anchor])
    found = point_loss(logits, (same, near, makes), weights, related_weight=2.0)
    assert float(found) == pytest.approx(total / share, rel=1e-5)


def test_a_batch_without_two_makers_of_a_point_costs_nothing() -> None:
    same, near, makes = Relations(PAPERS).of([1, 4])
    assert float(point_loss(torch.randn(2, 2), (same, near, makes), torch.ones(2), 1.0)) == 0.0


def batches(seed: int, epoch: int, shares: dict[str, float] | None = None) -> list[list[int]]:
    sampler = PaperBatches(Relations(PAPERS), 1, frozenset({0}), shares or {}, seed)
    sampler.set_epoch(epoch)
    made = list(sampler)
    assert len(made) == len(sampler) == 3  # the first paper comes twice
    return made


def test_batches_hold_whole_papers_in_an_order_of_seed_and_epoch() -> None:
    assert sorted(batches(0, 0)) == [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4], [5, 6]]
    assert batches(3, 1) == batches(3, 1)
    assert len({str(batches(seed, epoch)) for seed in range(4) for epoch in range(4)}) > 1


def test_kinds_are_drawn_by_their_share_and_others_whole() -> None:
    drawn = [row for epoch in range(200) for batch in batches(0, epoch, {"stock": 0.25}) for row in batch]
    assert drawn.count(0) == 400
    assert 60 <= drawn.count(4) <= 140
