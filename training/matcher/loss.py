"""What training minimises: a text's makers of one point close together, everything else away.

Every text that makes a point is an anchor. Over all texts of a batch of papers, each text that makes the same point is
told apart from all that do not (InfoNCE with several positives, van den Oord et al. 2018; Khosla et al. 2020): near
misses, related points, siblings, stock sentences, sentences of the paper and texts about other papers. Whether two
texts make the same point is only known where one of them makes a point, so that other pairs do not enter.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from sentence_transformers.base.sampler import DefaultBatchSampler
from torch import Tensor, nn
from torch.nn.functional import normalize, softplus
from torch.nn.utils.rnn import pad_sequence

from .papers import OWN_WORDS, REFERENCE, TaughtPaper, Text
from .settings import Settings

_FAR = -1e9


class Relations:
    """Of all texts of `papers` in order: which paper each is about, which points it makes and comes close to."""

    def __init__(self, papers: Sequence[TaughtPaper]) -> None:
        self.texts: list[Text] = [text for paper in papers for text in paper.texts]
        self.paper = [number for number, paper in enumerate(papers) for _ in paper.texts]
        self._same = [self._points(row, text.same) for row, text in enumerate(self.texts)]
        self._related = [self._points(row, text.related) for row, text in enumerate(self.texts)]

    def _points(self, row: int, points: frozenset[str]) -> frozenset[tuple[int, str]]:
        return frozenset((self.paper[row], point) for point in points)

    def of(self, rows: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """For texts `rows`: (n, n) True where two of them make the same point, (n, n) True where one comes close to
        a point of the other, (n,) True where a text makes a point.
        """
        places: dict[tuple[int, str], int] = {}
        for row in rows:
            for point in sorted(self._same[row]):
                places.setdefault(point, len(places))
        made, close = torch.zeros(len(rows), len(places)), torch.zeros(len(rows), len(places))
        for place, row in enumerate(rows):
            for point in self._same[row]:
                made[place, places[point]] = 1
            for point in self._related[row] & places.keys():
                close[place, places[point]] = 1
        same = (made @ made.T) > 0
        near = ((close @ made.T) > 0) & ~same
        return same.fill_diagonal_(False), near | near.T, made.any(dim=1)


class PointLoss(nn.Module):
    """The loss as sentence-transformers' trainer calls it: with tokens of texts, and their rows in `relations`.

    Layers below `first_layer` do not change, so that each text goes through them once, without dropout. `budget` is how
    many tokens go through the others at once: texts of like length together, since padding costs what words do.
    """

    def __init__(self, model: Any, relations: Relations, settings: Settings, budget: int = 1024) -> None:
        super().__init__()
        self.model = model
        self._relations = relations
        self._settings = settings
        self._budget = budget
        self._states: dict[int, Tensor] = {}  # (tokens, d) by row, as they leave the layers that stay

    def forward(self, sentence_features: Sequence[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """The loss of a batch."""
        (features,) = sentence_features
        rows = labels.flatten().tolist()
        same, near, makes = self._relations.of(rows)
        weights = torch.tensor([self._weight(self._relations.texts[row]) for row in rows])
        vectors = self._encode(features, rows)
        logits = vectors @ vectors.T / self._settings.temperature
        return point_loss(logits, (same, near, makes), weights, self._settings.related_weight)

    def _weight(self, text: Text) -> float:
        if text.kind == OWN_WORDS:
            return 0.5 * self._settings.own_words_weight
        return 1.0 if text.kind == REFERENCE else 0.5

    def _encode(self, features: dict[str, Tensor], rows: Sequence[int]) -> Tensor:
        """(n, d) L2-normalised vectors in the order of `rows`, with gradients."""
        lengths = features["attention_mask"].sum(dim=1)
        order = torch.argsort(lengths, descending=True, stable=True)
        parts, start = [], 0
        while start < len(order):
            longest = int(lengths[order[start]])
            places = order[start : start + max(1, self._budget // longest)]
            mask = features["attention_mask"][places, :longest]
            with torch.autocast("cpu", torch.bfloat16):
                states = self._below([rows[place] for place in places.tolist()], features["input_ids"][places], mask)
                encoder = self._bert.encoder
                states = _through(encoder, encoder.layer[self._settings.first_layer :], states, mask)
            summed = (states.float() * mask[..., None]).sum(dim=1)
            parts.append(normalize(summed / mask.sum(dim=1, keepdim=True), dim=1))
            start += len(places)
        return torch.cat(parts)[torch.argsort(order)]

    def _below(self, rows: Sequence[int], tokens: Tensor, mask: Tensor) -> Tensor:
        """(n, longest, d) states of texts as they leave the layers that stay."""
        if not all(row in self._states for row in rows):
            bert = self._bert
            training = bert.training
            bert.eval()
            with torch.no_grad():
                states = bert.embeddings(input_ids=tokens[:, : mask.shape[1]])
                states = _through(bert.encoder, bert.encoder.layer[: self._settings.first_layer], states, mask)
            bert.train(training)
            for row, state, length in zip(rows, states, mask.sum(dim=1).tolist(), strict=True):
                self._states.setdefault(row, state[:length].to(torch.bfloat16).clone())
        return pad_sequence([self._states[row] for row in rows], batch_first=True)

    @property
    def _bert(self) -> Any:
        return self.model[0].auto_model


def _through(encoder: Any, layers: Any, states: Tensor, mask: Tensor) -> Tensor:
    """States after some layers of a BERT, or of an MPNet, whose layers are told how far apart words are."""
    reach = (1.0 - mask[:, None, None, :].float()) * _FAR
    more = (encoder.compute_position_bias(states),) if hasattr(encoder, "compute_position_bias") else ()
    for layer in layers:
        found = layer(states, reach, *more)
        states = found[0] if isinstance(found, tuple) else found
    return states


def point_loss(
    logits: Tensor, relations: tuple[Tensor, Tensor, Tensor], weights: Tensor, related_weight: float
) -> Tensor:
    """The mean over anchors, weighted by `weights` (n,), of the loss of their positives, weighted likewise.

    `logits` (n, n) are similarities over the temperature. A pair that comes close counts `related_weight` times among
    an anchor's negatives.
    """
    same, near, makes = relations
    weighted = logits + near * float(torch.tensor(related_weight).log())
    itself = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    negatives = weighted.masked_fill(same | itself, _FAR).logsumexp(dim=1)
    by_pair = softplus(negatives[:, None] - logits)
    shares = same * weights[None, :]
    total = shares.sum(dim=1)
    anchors = weights * (makes & (total > 0))
    by_anchor = (by_pair * shares).sum(dim=1) / total.clamp(min=1e-6)
    return (by_anchor * anchors).sum() / anchors.sum().clamp(min=1e-6)


class PaperBatches(DefaultBatchSampler):
    """Batches of all drawn texts of a few papers. Every epoch draws papers in another order and texts by `shares`.

    Papers in `twice` come twice an epoch. The order depends on the seed and the epoch alone.
    """

    def __init__(
        self, relations: Relations, papers_at_once: int, twice: frozenset[int], shares: dict[str, float], seed: int
    ) -> None:
        super().__init__(range(len(relations.texts)), batch_size=1, drop_last=False, seed=seed)
        self._rows: dict[int, list[int]] = {}
        for row, paper in enumerate(relations.paper):
            self._rows.setdefault(paper, []).append(row)
        self._kinds = [text.kind for text in relations.texts]
        self._papers = [*self._rows, *sorted(twice)]
        self._at_once = papers_at_once
        self._shares = shares

    def __len__(self) -> int:
        return -(-len(self._papers) // self._at_once)

    def __iter__(self) -> Iterator[list[int]]:
        draw = random.Random(f"{self.seed}:{self.epoch}")  # noqa: S311 (not for secrets)
        papers = list(self._papers)
        draw.shuffle(papers)
        for start in range(0, len(papers), self._at_once):
            chosen = dict.fromkeys(papers[start : start + self._at_once])  # a paper is not beside itself
            yield [
                row
                for paper in chosen
                for row in self._rows[paper]
                if draw.random() < self._shares.get(self._kinds[row], 1.0)
            ]
