"""Low precision with exact counts: encode in bfloat16, then in float32 what could change a count.

The margin within which a bfloat16 similarity is trusted is measured, not derived: twice the largest error between texts
of a sample that is encoded both ways. Every text that is encoded again is checked against it, and one error beyond it
ends the run. Given the margin, it is known exactly which counts are certain (see bounds). What the result file holds is
then that of float32; in the pairs file, similarities of pairs that do not match may be off by the margin, and so may
its histogram.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.contracts.transforms import topic_rank
from bioreview_bench.encoders.cache import VectorCache, embed
from bioreview_bench.encoders.model import LocalEncoder
from bioreview_bench.errors import EncoderError, InputError
from bioreview_bench.files.paths import vectors_root
from bioreview_bench.scoring.backends import EncoderBackend, Fit, Progress
from bioreview_bench.scoring.low_precision.bounds import Matrix, Question
from bioreview_bench.scoring.spaces import CosineSpace, Vectors
from bioreview_bench.scoring.texts import Indices

SAMPLE = 256  # texts encoded both ways to measure the margin
SAFETY = 2.0  # the margin, over the largest error seen between texts of the sample
_PATIENCE = 12  # rounds after which all texts are made exact
_BLOCK = 2048


class ExactBackend(EncoderBackend):
    """The contract's encoder (float32), sparing it where bfloat16 is as good."""

    def __init__(self, contract: Contract, encoder_path: Path | None, progress: Progress) -> None:
        if contract.dtype != "fp32":
            raise InputError(f"Contract {contract.name} asks for {contract.dtype}.", remedy="--precision bf16")
        if topic_rank(contract.transform) is not None:
            raise InputError(
                f"exact-bf16 spares nothing under {contract.transform}: the sentences that it learns from, sixty an "
                "article, would all be encoded in float32.",
                remedy="--precision fp32, or a contract without a topic transform",
            )
        super().__init__(contract, encoder_path, progress)
        self._rough = LocalEncoder(self._encoder.files, self._encoder.max_length, "bf16")

    def space(self, texts: Sequence[str], fit: Fit) -> MixedSpace:
        """The texts in float32 where cached so, else in bfloat16; `settle` makes exact what has to be."""
        self._encoded = False
        exact, found = VectorCache(vectors_root(), self._encoder.identity).read(texts)
        rough = np.flatnonzero(~exact)
        if len(rough):
            cache = VectorCache(vectors_root(), self._rough.identity)
            added = embed([texts[row] for row in rough.tolist()], self._rough, cache, self._noted)
            if len(rough) == len(texts):
                found = added
            else:
                found[rough] = added
        return MixedSpace(self, texts, found, exact, fit)

    @property
    def device(self) -> str | None:
        """Where encoding ran, and how."""
        return f"{self._rough.device} (exact-bf16)" if self._encoded else None


class MixedSpace:
    """A cosine space whose texts are exact (float32) or rough (bfloat16)."""

    def __init__(
        self, backend: ExactBackend, texts: Sequence[str], vectors: Vectors, exact: NDArray[np.bool_], fit: Fit
    ) -> None:
        self._backend = backend
        self._texts = texts
        self._vectors = vectors
        self.exact = exact
        self._transform = fit(vectors)
        self._space = CosineSpace(vectors, self._transform)
        self.margin = 0.0

    def similarity(self, rows: Indices, columns: Indices, article_id: str) -> Matrix:
        """(len(rows), len(columns)) cosines, exact between exact texts, else to within the margin."""
        return self._space.similarity(rows, columns, article_id)

    def look(self, rows: Indices, columns: Indices, article_id: str) -> tuple[Matrix, Matrix]:
        """Similarities and how far each may be off, in float64."""
        off = ~(self.exact[rows][:, None] & self.exact[columns][None, :])
        return self.similarity(rows, columns, article_id).astype(np.float64), off * self.margin

    def settle(self, questions: Sequence[Question]) -> int:
        """Make texts exact until the answers to all questions are certain; how many of the texts are exact then.

        Raises EncoderError when an error exceeds the margin.
        """
        self._measure()
        doubted = list(questions)
        for round_ in range(_PATIENCE + 1):
            doubts = [(question, question.doubtful(self.look)) for question in doubted]
            doubted = [question for question, texts in doubts if texts]
            wanted = {text for _, texts in doubts for text in texts if not self.exact[text]}
            if not wanted:
                break
            last = round_ == _PATIENCE
            self._refine(np.flatnonzero(~self.exact) if last else np.array(sorted(wanted), np.intp))
        return int(self.exact.sum())

    def _measure(self) -> None:
        """Encode a random sample both ways; the margin is SAFETY times the largest error between two of its texts."""
        rough = np.flatnonzero(~self.exact)
        chosen = np.sort(np.random.default_rng(0).choice(rough, min(SAMPLE, len(rough)), replace=False))
        if not len(chosen):
            return
        before = self._space.compared(chosen, "")
        self._replace(chosen)
        self._panel = self._space.compared(chosen, "")
        self.margin = SAFETY * _largest_error(before, self._panel, self._panel)

    def _refine(self, rows: Indices) -> None:
        before = self._space.compared(rows, "")
        self._replace(rows)
        error = _largest_error(before, self._space.compared(rows, ""), self._panel)
        if error > self.margin:
            raise EncoderError(
                f"bfloat16 is off by {error:.2e} on this encoder's texts, and {self.margin:.2e} was the margin that "
                f"{SAMPLE} sampled texts gave.",
                remedy="--precision fp32",
            )

    def _replace(self, rows: Indices) -> None:
        self._vectors[rows] = self._backend.vectors([self._texts[row] for row in rows.tolist()])
        self.exact[rows] = True
        self._space = CosineSpace(self._vectors, self._transform)


def _largest_error(before: Vectors, after: Vectors, panel: Vectors) -> float:
    """The largest change of a similarity when one text or both become exact: among themselves, and with a panel."""
    largest = 0.0
    for start in range(0, len(before), _BLOCK):
        rough, exact = before[start : start + _BLOCK], after[start : start + _BLOCK]
        for others_rough, others_exact in ((before, after), (panel, panel)):
            true = exact @ others_exact.T
            for estimate in (rough @ others_rough.T, rough @ others_exact.T):
                largest = max(largest, float(np.abs(estimate - true).max()))
    return largest
