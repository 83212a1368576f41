"""Scoring the control reviewers beside a system: their stored counts where at hand, else their texts are embedded."""

from __future__ import annotations

from collections.abc import Sequence

from bioreview_bench.controls import store
from bioreview_bench.controls.reviewers import SCORED_CONTROLS
from bioreview_bench.scoring.backends import Backend
from bioreview_bench.scoring.spaces import Space
from bioreview_bench.scoring.tally import count_matches
from bioreview_bench.scoring.texts import Case, Indices, TextPool


class ControlScores:
    """The control reviewers of one evaluation. Made before texts are embedded, so that theirs are among them."""

    def __init__(self, case_list: Sequence[Case], signature: str, backend: Backend, pool: TextPool) -> None:
        self._cases = case_list
        self._key = store.key(signature, (case.article for case in case_list)) if backend.reusable else None
        self._stored = store.load(self._key) if self._key else None
        self._texts: dict[str, list[Indices]] = {}
        if self._stored is None:
            self._texts = {
                name: [pool.add(write(case.article)) for case in case_list] for name, write in SCORED_CONTROLS.items()
            }

    @property
    def written(self) -> list[list[Indices]]:
        """By control, the texts that it wrote about each case, as far as they are still to be matched."""
        return list(self._texts.values())

    def counts(self, space: Space, threshold: float) -> store.Counts:
        """[predictions, matches, ceilings] by article, for each control that wrote anything."""
        if self._stored is not None:
            return self._stored
        found: store.Counts = {}
        for name, texts in self._texts.items():
            n_pred = [float(len(positions)) for positions in texts]
            if any(n_pred):
                ceiling = [min(n, len(case.references)) for n, case in zip(n_pred, self._cases, strict=True)]
                found[name] = [n_pred, count_matches(self._cases, texts, space, threshold).tolist(), ceiling]
        if self._key:
            store.save(self._key, found)
        return found
