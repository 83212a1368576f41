"""The finished table of a split under a contract, from its entries: order, bands, and the sentences it opens with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bioreview_bench.report.conclusions import too_few
from bioreview_bench.report.meaning import (
    ENOUGH,
    echo_among,
    saturation,
    trusted,
    validity_in_short,
    validity_note,
    validity_of,
    validity_sentence,
)
from bioreview_bench.results.records import ResultRecord
from bioreview_bench.stats.comparison import LEVEL, tied_groups

from ..settings import BoardSettings, HumanRow
from ..store.disclosure import DECIMALS, FEW, rounded
from ..store.settings import BoardSplit
from .entries import Contender, Entry, folded, why_unranked
from .rows import reported, row
from .testing import PairTests
from .view import BoardTable, Row

_UNDEFINED = "F1 is undefined: there are neither references nor predictions."


@dataclass(frozen=True)
class Standings:
    """Entries in their order: the ranked, the best first, and the others with the reason why.

    `per_team` has for each team how many submissions of it were scored; `n_waiting` systems have results of older
    signatures only.
    """

    ranked: tuple[Entry, ...] = ()
    others: tuple[tuple[Entry, str], ...] = ()
    per_team: Mapping[str, int] = field(default_factory=dict)
    n_waiting: int = 0


def standings(submissions: Sequence[Contender], entries: Sequence[Entry], n_waiting: int = 0) -> Standings:
    """Who ranks. `submissions` are all of the split that were scored once, withdrawn ones too."""
    reasons = why_unranked(submissions)
    scored = [one for one in submissions if one.scored]
    order = by_f1(lambda entry: entry.record.overall.f1)
    ranked, others = [], []
    for entry in sorted(entries, key=order):
        reason = reasons[entry.submitted.id] or (_UNDEFINED if entry.record.overall.f1 is None else None)
        if reason is None:
            ranked.append(entry)
        else:
            others.append((entry, reason))
    return Standings(tuple(ranked), tuple(others), Counter(folded(one.team) for one in scored), n_waiting)


def board_table(
    settings: BoardSettings,
    facts: BoardSplit,
    contract: str,
    found: Standings,
    tested: PairTests,
) -> BoardTable:
    """The table. `tested` are the tests of the ranked."""

    def made(entry: Entry, band: int | None, reason: str | None) -> Row:
        return row(entry, band, reason, found.per_team[folded(entry.submitted.team)])

    band = bands(tested)
    ranked = [made(entry, band[entry.submitted.id], None) for entry in found.ranked]
    ranked.sort(key=lambda one: one.band or 0)  # stable: by F1 within a band
    rows = [*ranked, *(made(entry, None, reason) for entry, reason in found.others)]
    records = [entry.record for entry in (*found.ranked, *(entry for entry, _ in found.others))]
    record = records[0] if records else None
    claim = None if record is None else validity_of(record)
    saturated = _saturated(ranked or rows)
    return BoardTable(
        title=settings.title,
        data=facts.data,
        split=facts.name,
        contract=contract,
        label=str(record.contract["name"]) if record is not None else contract,
        contracts=settings.contracts,
        splits=settings.splits,
        ranking=contract == settings.ranking,
        signature=record.signature if record is not None else None,
        n_articles=len(facts.ids),
        n_references=record.overall.n_ref if record is not None else None,
        saturated=saturated,
        notice=tuple([*_notices(facts, record, rows, saturated, found.n_waiting), *_few(len(facts.ids), tested)]),
        validity="" if claim is None else validity_in_short(claim),
        validity_sentence="" if claim is None else validity_sentence(claim),
        trusted=claim is not None and trusted(claim),
        human=_human(settings, facts.name, contract, record),
        rows=tuple(rows),
        reported=reported(facts.data, facts.name),
    )


def _human(settings: BoardSettings, split: str, contract: str, record: ResultRecord | None) -> tuple[HumanRow, ...]:
    """The rows that the maintainers put there, else what the results say of reviewers held out in turn.

    The latter depends on the articles alone: every result of a signature says the same. Like a source, they have no
    figures on fewer than FEW articles.
    """
    stored = tuple(one for one in settings.human if (one.split, one.contract) == (split, contract))
    if stored or record is None or record.humans is None or record.humans.n_articles < FEW:
        return stored
    found, their = record.humans, record.humans.reviewer
    low, high = record.intervals.get("humans.reviewer.f1") or (None, None)
    row = HumanRow(
        split=split,
        contract=contract,
        f1=round(their.f1, DECIMALS),
        f1_low=rounded(low),
        f1_high=rounded(high),
        recall=round(their.recall, DECIMALS),
        precision=None if their.precision is None else round(their.precision, DECIMALS),
        n_articles=found.n_articles,
        note=f"each of {found.n_reviewers:,} reviewers against the others of the article",
        beside=True,
    )
    return (row,)


def _saturated(rows: Sequence[Row]) -> bool:
    """More than half of the rows are: saturation is the contract's doing, and one odd system does not decide it."""
    return sum(one.saturated for one in rows) * 2 > len(rows)


def _notices(
    facts: BoardSplit, record: ResultRecord | None, rows: Sequence[Row], saturated: bool, n_waiting: int
) -> list[str]:
    found = []
    if saturated:
        found.append(_saturation(rows))
    elif record is not None:
        found += _echo(record, rows)
    if record is not None:
        found.append(validity_note(record).text)
    found += _about_data(facts)
    if record is not None and record.encoder.id is not None and not record.encoder.verified:
        found.append("The encoder's files are not verified: these are not official scores.")
    if n_waiting:
        some = "One system has" if n_waiting == 1 else f"{n_waiting} systems have"
        found.append(f"{some} results of an earlier signature only and will appear when scored again.")
    return found


def _few(n_articles: int, tested: PairTests) -> list[str]:
    said = too_few(n_articles, tested.n_units, len(tested.systems), tested.least_p)
    return [] if said is None else [said]


def _saturation(rows: Sequence[Row]) -> str:
    rates = [one.null_match_rate for one in rows if one.saturated and one.null_match_rate is not None]
    low, high = f"{min(rates):.1%}", f"{max(rates):.1%}"
    share = low if low == high else f"{low} to {high}"
    return saturation(share)


def _echo(record: ResultRecord, rows: Sequence[Row]) -> list[str]:
    said = echo_among(
        record.controls.echo_match_rate, [(one.match_rate, 0 if one.few_matches else ENOUGH) for one in rows]
    )
    return [] if said is None else [said]


def _about_data(facts: BoardSplit) -> list[str]:
    found = []
    if facts.data == "v3" and facts.name == "test":
        found.append("The references of v3 test are open to anyone who has v3; a system may have seen them.")
    if facts.verification == "counts":
        found.append("The data agree with the release by counts only; their contents are not verified.")
    if facts.verification == "bundled":
        found.append("The articles of this split were invented: the table shows how a board works, and ranks nothing.")
    return found


def bands(tested: PairTests) -> dict[str, int]:
    """Band of each system, 1 is best: those of a band are not significantly below its first."""
    groups = tied_groups((tested.p_adjusted < LEVEL) & (tested.delta_f1 > 0))
    return {tested.systems[number]: band for band, group in enumerate(groups, start=1) for number in group}


def by_f1(key: Callable[[Entry], float | None]) -> Callable[[Entry], tuple[bool, float, int, str]]:
    """A sort key: the highest figure first, undefined ones last, the earlier submission first among equals."""

    def rank(entry: Entry) -> tuple[bool, float, int, str]:
        value = key(entry)
        return value is None, -(value or 0.0), entry.submitted.number, entry.submitted.id

    return rank
