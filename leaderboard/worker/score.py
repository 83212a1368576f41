"""Scoring submissions: data and encoders are loaded once, then any number of predictions files is scored with them.

A result goes with its *extras*, which no contract defines and pages show beside it:
  exact_match_rate   share of the predicted concerns whose text equals a reference of the same article (case, white
                     space, invisible and look-alike characters aside); a file that copies references has it near 1,
                     an honest one near 0
  after_cutoff       figures over the articles that were published after the system's training cut-off:
                     {cutoff, n_dated, n_articles, figures, reason}; figures are null, with a reason, where nobody
                     stated a cut-off or fewer than 20 dated articles come after it
  intervals          the intervals that are shown (`store.disclosure`); the record keeps those of the public seed
  n_articles         by source
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.data.article import Article
from bioreview_bench.data.comparable import comparable
from bioreview_bench.data.load import load_split
from bioreview_bench.data.predictions import Predictions
from bioreview_bench.data.released.manifest import RELEASED
from bioreview_bench.data.split import Split
from bioreview_bench.errors import DataError, EncoderError, printable
from bioreview_bench.results.card import Card
from bioreview_bench.results.counts import ArticleCounts
from bioreview_bench.results.records import System
from bioreview_bench.results.validity import ValidityCard
from bioreview_bench.scoring.backends import Backend, Progress, choose
from bioreview_bench.scoring.run import score
from bioreview_bench.stats import summary

from ..intake.card_yaml import card_of
from ..intake.package import refusal
from ..intake.validation import read_content
from ..settings import BoardSettings
from ..store.database import Database
from ..store.disclosure import secret_intervals
from ..store.leases import Claim
from ..store.settings import BoardSplit, board_seed, get_card, get_contract, get_settings, get_split
from ..store.submissions import Scored

MIN_AFTER_CUTOFF: Final = 20
_DATE: Final = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?(?:[T ].*)?")


@dataclass(frozen=True)
class LoadedContract:
    """One of the board's contracts with what compares texts for it, and its validity card if it is the board's own."""

    contract: Contract
    backend: Backend
    card: ValidityCard | None = None


class Scorer:
    """The board's splits and contracts, loaded. `progress(done, total)` counts texts while they are encoded.

    Raises DataError when the data here are not those that the board was made with, EncoderError when an encoder is
    missing, or is not verified and the board does not allow that.
    """

    def __init__(self, db: Database, data: str | None, progress: Progress) -> None:
        self.settings, self._seed = get_settings(db), board_seed(db)
        self._data = data or self.settings.data
        self.splits = {name: self._load(get_split(db, name)) for name in self.settings.splits}
        self.judges: dict[str, LoadedContract] = {}
        for name in self.settings.contracts:
            contract = get_contract(db, name)
            self.judges[name] = LoadedContract(contract, choose(contract, None, None, progress), get_card(db, name))
            _check_verified(self.settings, contract, self.judges[name].backend, self.splits.values())

    def is_current(self, db: Database) -> bool:
        """False when the board's settings or contracts were changed since."""
        settings = get_settings(db)
        return (
            settings == self.settings
            and all(get_contract(db, name) == judge.contract for name, judge in self.judges.items())
            and all(get_card(db, name) == judge.card for name, judge in self.judges.items())
            and all(get_split(db, name).label == split.label for name, split in self.splits.items())
        )

    def score(self, claim: Claim, predictions: bytes) -> list[Scored]:
        """The results of one submission under every contract. Raises InputError when its files are not in order."""
        split = self.splits[claim.split]
        card, problems = card_of(claim.card)
        if card is None:
            raise refusal(problems)
        rows = read_content(predictions, split)
        return [
            score_submission(split, name, judge, rows, card, self.settings.draws, self._seed)
            for name, judge in self.judges.items()
        ]

    def _load(self, facts: BoardSplit) -> Split:
        split = load_split(self._data, facts.name)
        if split.label != facts.label:
            raise DataError(
                f"The data {self._data} are not those that the board was made with: "
                f"{split.label} here, {facts.label} on the board.",
                remedy="name the right data with --data, or bench leaderboard settings --data DATA and rescore",
            )
        return split


def score_submission(
    split: Split, name: str, judge: LoadedContract, predictions: Predictions, card: Card, draws: int, seed: int = 42
) -> Scored:
    """Score one submission under one contract, called `name` on the board. `seed`: of the intervals that are shown."""
    result = score(
        split,
        predictions,
        judge.contract,
        draws=draws,
        controls="full",
        system=System(name=card.system_name, version=card.system_version, postprocessing=card.postprocessing),
        require_complete=True,
        backend=judge.backend,
        card=judge.card,
    )
    file = predictions.sha256 or "0"
    extras = {
        "exact_match_rate": exact_match_rate(split, predictions),
        "after_cutoff": after_cutoff(split, result.counts, card.training_data.cutoff, draws, seed, file),
        "intervals": secret_intervals(result.counts, draws, seed, file),
        "n_articles": Counter(result.counts.source),
    }
    return Scored(name, result.record, extras)


def exact_match_rate(articles: Sequence[Article], predictions: Predictions) -> float:
    """Share of the predicted concerns that equal a reference of their article; 0 when nothing was predicted."""
    n = n_equal = 0
    for article in articles:
        row = predictions.get(article.id)
        said = {comparable(concern.concern_text) for concern in article.concerns}
        for concern in row.concerns if row else ():
            n += 1
            n_equal += comparable(concern.text) in said
    return n_equal / n if n else 0.0


def after_cutoff(
    articles: Sequence[Article], counts: ArticleCounts, cutoff: date | None, draws: int, seed: int = 42, file: str = "0"
) -> dict[str, Any]:
    """Figures over the articles that were published after `cutoff`, with 95 % intervals where they can be had.

    `seed` and `file` (the sha256 of the predictions): as for `disclosure.secret_intervals`.
    """
    dates = {article.id: article.published_date for article in articles}
    n_dated = sum(_earliest(text) is not None for text in dates.values())
    found: dict[str, Any] = {"cutoff": None, "n_dated": n_dated, "n_articles": None, "figures": None, "reason": None}
    if cutoff is None:
        return {**found, "reason": "the card states no training cut-off"}
    later = np.array([_is_after(dates[one], cutoff) for one in counts.id], bool)
    found |= {"cutoff": cutoff.isoformat(), "n_articles": int(later.sum())}
    if later.sum() < MIN_AFTER_CUTOFF:
        words = f"{later.sum()} of {n_dated} dated articles were published after it; {MIN_AFTER_CUTOFF} are needed"
        return {**found, "reason": words}
    part = counts.select(later)
    overall, controls = summary.overall(part), summary.controls(part)
    ranges = secret_intervals(part, draws, seed, file)
    found["figures"] = {
        **{name: getattr(overall, name) for name in ("f1", "recall", "precision", "n_ref", "n_pred")},
        **{name: getattr(controls, name) for name in ("skill", "null_f1")},
        "intervals": {
            path.partition(".")[2]: ranges.get(path)
            for path in ("overall.f1", "overall.recall", "overall.precision", "controls.skill")
        },
    }
    return found


def _check_verified(settings: BoardSettings, contract: Contract, backend: Backend, splits: Any) -> None:
    if settings.allow_unverified:
        return
    if not backend.record.verified:
        raise EncoderError(
            f"The files of {backend.record.id} are not verified, so {contract.name} cannot be ranked with them.",
            remedy=f"bench encoder fetch {backend.record.id}; or, to rank them labelled as unverified, "
            "bench leaderboard settings --allow-unverified",
        )
    for split in splits:
        if split.data in RELEASED and split.verification != "contents":
            raise DataError(
                f"The contents of {split.data} {split.name} are not verified, only their counts.",
                remedy=f"bench data verify --data {printable(settings.data)} --pin; or, to rank results labelled so, "
                "bench leaderboard settings --allow-unverified",
            )


def _earliest(text: str | None) -> date | None:
    """The first day that a date such as 2023, 2023-05 or 2023-05-17 can mean; None for anything else."""
    found = _DATE.fullmatch(text.strip()) if text else None
    if found is None:
        return None
    year, month, day = (int(part) if part else 1 for part in found.groups())
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _is_after(text: str | None, cutoff: date) -> bool:
    earliest = _earliest(text)
    return earliest is not None and earliest > cutoff
