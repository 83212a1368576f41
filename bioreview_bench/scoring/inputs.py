"""What `score` may be given in short (a path, a name) and what it stands for: articles, predictions, a contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.data.article import Article
from bioreview_bench.data.load import bundled_data, default_contract, load_split, predictions_path
from bioreview_bench.data.predictions import Predictions, as_predictions, read_predictions
from bioreview_bench.data.split import Split
from bioreview_bench.errors import InputError
from bioreview_bench.results.validity import ValidityCard, load_card

GivenPredictions = Mapping[str, Any] | str | Path
_BOTH_WAYS = 'score("predictions.jsonl", data="demo"), or score(articles, predictions)'


@dataclass(frozen=True)
class Inputs:
    """What is scored: predictions on the articles of a split under a contract, which may have a validity card."""

    split: Split
    predictions: Predictions
    contract: Contract
    card: ValidityCard | None


def resolve(
    articles: Iterable[Article] | GivenPredictions | None,
    predictions: GivenPredictions | None,
    contract: Contract | str | Path | None,
    data: str | Path | None,
    split: str,
    *,
    allow_extra: bool,
) -> Inputs:
    """Load what was only named. Raises DataError, InputError."""
    if predictions is None and (data is not None or isinstance(articles, str | Path)):
        articles, predictions = None, articles
    if predictions is None or (articles is not None and data is not None):
        raise InputError("Articles and predictions are needed, each once.", remedy=_BOTH_WAYS)
    if data is None and isinstance(predictions, str | Path):
        data = bundled_data(str(predictions)) if articles is None else None
    if data is not None:
        loaded = load_split(data, split)
    elif articles is None or isinstance(articles, str | Path | Mapping):
        raise InputError("The articles that the predictions are about were not named.", remedy=_BOTH_WAYS)
    else:
        loaded = articles if isinstance(articles, Split) else Split.of(articles)
    if isinstance(predictions, str | Path):
        rows = read_predictions(predictions_path(str(predictions)), loaded, allow_extra=allow_extra)
    else:
        rows = as_predictions(predictions, loaded, allow_extra=allow_extra)
    if contract is None:
        contract = default_contract(loaded.data if data is None else str(data))
    if isinstance(contract, Contract):
        return Inputs(loaded, rows, contract, None)
    return Inputs(loaded, rows, Contract.load(contract), load_card(contract))
