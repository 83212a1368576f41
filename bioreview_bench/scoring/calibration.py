"""Calibrating a contract: the smallest threshold at and above which copying and stock phrases do not pay.

Match rates of three reviewers that have not judged the paper are limited (scoring specification, section 4):
`echo` copies sentences, `generic` repeats stock comments, `other` brings another article's references. So is that of
near misses, where there are some: texts in a reference's words that make another point. What is left to a file of
restated references is the figure of merit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.contracts.transforms import CENTER, encode_basis
from bioreview_bench.controls.reviewers import GENERIC_CONCERNS
from bioreview_bench.data.article import Article, Concern
from bioreview_bench.data.predictions import Predictions
from bioreview_bench.data.sentences import echo
from bioreview_bench.errors import InputError
from bioreview_bench.scoring.backends import EncoderBackend, Progress
from bioreview_bench.scoring.fitting import Fitting
from bioreview_bench.scoring.spaces import Space
from bioreview_bench.scoring.tally import count_matches_at
from bioreview_bench.scoring.texts import Case, Indices, TextPool, cases

THRESHOLDS = tuple(round(0.20 + 0.01 * step, 2) for step in range(71))
LIMIT = 0.05
LIMITED = ("echo", "generic", "other")
NEAR_MISSES, NEAR_MISS_LIMIT = "near_misses", 0.10
MIN_ECHO_SLOTS = 200

Rates = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Rates at THRESHOLDS by reviewer name.

    `match_rate` is matches over possible matches, `recall` matches over references. `operating` is the position
    of the operating point in THRESHOLDS, None when no threshold keeps the match rates at or below their `limits`.
    `echo_slots` is the number of matches that echo could have made.
    """

    transform: str
    match_rate: Mapping[str, Rates]
    recall: Mapping[str, Rates]
    operating: int | None
    echo_slots: int
    contract: Contract
    limits: Mapping[str, float]


def calibrate(
    articles: Sequence[Article],
    contract: Contract,
    judged: Mapping[str, Predictions],
    *,
    near_misses: Predictions | None = None,
    basis_articles: Sequence[Article] = (),
    encoder_path: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> Curve:
    """The trade-off curve of `contract` (its threshold is ignored) on `articles`.

    `judged` names further files to follow along the curve, such as restated references; `near_misses` are limited.
    `basis_articles` are those whose mean reference vector the transform `center` subtracts. Raises EncoderError,
    DataError, InputError.
    """
    ordered = sorted(articles, key=lambda article: article.id)
    if contract.similarity != "cos":
        raise InputError(f"Similarity {contract.similarity} is not calibrated.", remedy="name an --encoder")
    backend = EncoderBackend(contract, encoder_path, progress)
    if contract.transform == CENTER:
        contract = replace(contract, basis=encode_basis(_mean_reference(basis_articles, contract, backend)))
    pool = TextPool()
    fitting = Fitting(contract, ordered, pool)
    case_list = cases(ordered, Predictions({}), contract, pool)
    limited = limited_texts(ordered, [case.references for case in case_list])
    written = {name: [pool.add(texts) for texts in by_article] for name, by_article in limited.items()}
    limits = dict.fromkeys(LIMITED, LIMIT)
    taken = sorted({*LIMITED, NEAR_MISSES} & set(judged))
    if taken:
        raise InputError(f"A followed file is called {taken[0]}, as what is limited is.", remedy="rename the file")
    if near_misses is not None:
        limits[NEAR_MISSES] = NEAR_MISS_LIMIT
        judged = {NEAR_MISSES: near_misses, **judged}
    for name, predictions in judged.items():
        followed = cases(ordered, predictions, contract, pool)
        written[name] = [case.prediction_texts for case in followed]
    space = backend.space(pool.texts, fitting.fit)
    match_rate, recall = {}, {}
    for name, texts in written.items():
        match_rate[name], recall[name] = _rates(case_list, texts, space)
    operating = _from_here_on(np.all([match_rate[name] <= limit for name, limit in limits.items()], axis=0))
    slots = _slots(case_list, written["echo"])
    return Curve(
        transform=contract.transform,
        match_rate=match_rate,
        recall=recall,
        operating=operating,
        echo_slots=slots,
        contract=contract,
        limits=limits,
    )


def calibrated_contract(curve: Curve, name: str, calibrated_on: str) -> Contract:
    """The contract at the curve's operating point. Raises InputError when there is none."""
    if curve.operating is None:
        raise InputError(
            f"No threshold up to {THRESHOLDS[-1]} keeps {rule(curve.limits)} under {curve.transform}.",
            remedy="try another --transform or --encoder",
        )
    return replace(curve.contract, name=name, threshold=THRESHOLDS[curve.operating], calibrated_on=calibrated_on)


def rule(limits: Mapping[str, float]) -> str:
    """Limits in words: `echo, generic, other at or below 5%, near_misses at or below 10%`."""
    by_limit: dict[float, list[str]] = {}
    for name, limit in limits.items():
        by_limit.setdefault(limit, []).append(name)
    return ", ".join(f"{', '.join(names)} at or below {limit:.0%}" for limit, names in by_limit.items())


def limited_texts(
    articles: Sequence[Article], references: Sequence[Sequence[Concern]]
) -> dict[str, list[Sequence[str]]]:
    """What reviewers that have not judged a paper write: by reviewer, the texts for each of `articles`.

    `articles` are in id order, `references` those that count of each.
    """
    n = len(articles)
    return {
        "echo": [echo(article) for article in articles],
        "generic": [GENERIC_CONCERNS for _ in articles],
        # In id order the article n // 2 positions on is as far away as any.
        "other": [[concern.text for concern in references[(position + n // 2) % n]] for position in range(n)],
    }


def _rates(case_list: Sequence[Case], written: Sequence[Indices], space: Space) -> tuple[Rates, Rates]:
    matched = count_matches_at(case_list, written, space, THRESHOLDS).sum(axis=1)
    return matched / max(1, _slots(case_list, written)), matched / max(
        1, sum(len(case.references) for case in case_list)
    )


def _slots(case_list: Sequence[Case], written: Sequence[Indices]) -> int:
    return sum(min(len(texts), len(case.references)) for case, texts in zip(case_list, written, strict=True))


def _from_here_on(holds: NDArray[np.bool_]) -> int | None:
    """The first position such that all hold from there on."""
    failing = np.flatnonzero(~holds)
    first = int(failing[-1]) + 1 if len(failing) else 0
    return first if first < len(holds) else None


def _mean_reference(articles: Sequence[Article], contract: Contract, backend: EncoderBackend) -> NDArray[np.float32]:
    pool = TextPool()
    found = cases(articles, Predictions({}), contract, pool)
    positions = np.concatenate([case.reference_texts for case in found])
    vectors = backend.vectors(pool.texts)
    mean: NDArray[np.float32] = vectors[positions].mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean
