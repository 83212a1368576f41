"""Tables of a board: made from its results, kept in its database, read by pages and API.

Who ranks is decided in `entries`, order and bands in `standings`, by the tests of `testing`, which stand beside the
table and not in it (`pairs`). Making them takes a while, so it happens outside a transaction; what a table was made of
is read again before it is stored, and if that changed meanwhile the table is made again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from bioreview_bench.errors import printable
from bioreview_bench.results.card import Card

from ..names import skeleton
from ..store.common import NotFound, bump, count_table, counter, newest, table_counter
from ..store.models import Event, ResultRow, StoredTable, Submission, User, arrival
from ..store.settings import get_contract, get_settings, get_split
from ..store.shown import Figure
from ..store.submissions import unpack_summary
from ..store.users import confirmed_organisations
from .entries import Contender, Entry, folded
from .rows import after_cutoff, disclosed_cutoff
from .standings import Standings, board_table, standings
from .testing import keep_tests, nothing_tested, update_tests
from .view import BoardTable, ContractScore, HistoryItem, Row, SystemView

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.orm import Session

    from ..store.database import Database


_DECIDES = ("id", "team", "ranks_all", "marked", "withdrawn", "trial", "disqualified", "scored")
_DRAWS = 10_000  # of the tests at least: few draws find too many differences (benchmarks/board/bands.py)


@dataclass(frozen=True)
class _Inputs:
    """Everything that a table is made of. `stamp` is equal when nothing of it changed."""

    stamp: tuple[tuple[Any, ...], ...]
    submissions: tuple[Contender, ...]
    results: tuple[int, ...]
    n_waiting: int


def load_table(db: Database, split: str, contract: str) -> BoardTable:
    """The finished table; one without rows before the first result. Raises NotFound for a split or contract unknown."""
    settings = get_settings(db)
    if split not in settings.splits or contract not in settings.contracts:
        get_split(db, split)
        get_contract(db, contract)
    with db.reading() as session:
        generation = counter(session, table_counter(split, contract))
    stored: BoardTable | None = db.tables.get((split, contract), generation, lambda: _stored(db, split, contract))
    return stored or board_table(settings, get_split(db, split), contract, Standings(), nothing_tested())


def _stored(db: Database, split: str, contract: str) -> BoardTable | None:
    with db.reading() as session:
        kept = session.get(StoredTable, (split, contract))
        return None if kept is None else BoardTable.model_validate(kept.content)


def rebuild_table(db: Database, split: str, contract: str) -> BoardTable:
    """Make the table of a split and contract from its results, and store it."""
    settings, facts = get_settings(db), get_split(db, split)
    while True:
        with db.reading() as session:
            inputs = _read(session, split, contract)
            entries = _entries(session, inputs)
        found = standings(inputs.submissions, entries, inputs.n_waiting)
        tested = update_tests(db, split, contract, found.ranked, max(settings.draws, _DRAWS))
        table = board_table(settings, facts, contract, found, tested)
        with db.session() as session:
            count_table(session, split, contract)
            if _read(session, split, contract).stamp == inputs.stamp:
                keep_tests(session, split, contract, table.signature, tested)
                session.merge(StoredTable(split=split, contract=contract, content=table.model_dump(mode="json")))
                bump(session)
                return table


def submitted(
    number: int, submission: Submission, user: User, organisations: Collection[str], scored: bool
) -> Contender:
    """What ranking knows of the `number`-th submission; its team may name the `organisations`, which are skeletons."""
    card = Card.model_validate(submission.card)
    confirmed = user.ranks_all or skeleton(card.organisation) in organisations
    return Contender(
        id=submission.id,
        number=number,
        team=submission.team,
        ranks_all=user.ranks_all,
        marked=submission.marked,
        withdrawn=submission.state == "withdrawn",
        created_at=submission.created_at,
        card=card,
        facts={**(submission.facts or {}), "unconfirmed_organisation": not confirmed},
        trial=submission.trial,
        disqualified=submission.disqualified,
        scored=scored,
    )


def contenders(session: Session, split: str) -> list[Contender]:
    """All submissions of a split that were scored or are marked, withdrawn ones too, in order of arrival."""
    scored = set(
        session.scalars(
            select(Event.submission_id).join(Submission).where(Event.state == "scored", Submission.split == split)
        )
    )
    rows = session.execute(
        select(Submission, User)
        .join(User, Submission.user_id == User.id)
        .where(Submission.split == split, or_(Submission.id.in_(scored), Submission.marked))
        .order_by(arrival())
    )
    known = confirmed_organisations(session)
    return [
        submitted(number, submission, user, known[user.team], submission.id in scored)
        for number, (submission, user) in enumerate(rows)
    ]


def _read(session: Session, split: str, contract: str) -> _Inputs:
    submissions = contenders(session, split)
    by_id = {one.id: one for one in submissions}
    rows = session.execute(
        select(ResultRow.id, ResultRow.submission_id, ResultRow.signature, ResultRow.created_at)
        .where(ResultRow.contract == contract, ResultRow.submission_id.in_(list(by_id)))
        .order_by(ResultRow.id)
    ).all()
    # A changed contract or changed data have another signature; the newest result tells which one is in force.
    in_force = newest(session, split, contract)
    if in_force is None and rows:
        in_force = max(rows, key=lambda one: (one.created_at, one.id)).signature
    listed = {one.id for one in submissions if not (one.withdrawn or one.trial)}
    current = [one for one in rows if one.signature == in_force and one.submission_id in listed]
    older = {one.submission_id for one in rows if one.submission_id in listed} - {one.submission_id for one in current}
    stamp = tuple(
        (*(getattr(one, name) for name in _DECIDES), one.facts["unconfirmed_organisation"]) for one in submissions
    )
    return _Inputs(
        stamp + tuple((one.id, one.created_at) for one in current),
        tuple(submissions),
        tuple(one.id for one in current),
        len(older),
    )


def _entries(session: Session, inputs: _Inputs) -> list[Entry]:
    by_id = {one.id: one for one in inputs.submissions}
    rows = session.execute(
        select(ResultRow.id, ResultRow.submission_id, ResultRow.record, ResultRow.extras).where(
            ResultRow.id.in_(inputs.results)
        )
    )
    # Results of earlier releases have intervals of a public seed, which are not shown: rescore makes others.
    return [
        Entry(by_id[one.submission_id], one.id, unpack_summary(one.record), {"intervals": {}, **(one.extras or {})})
        for one in rows
    ]


def load_tables(db: Database, split: str) -> tuple[BoardTable, ...]:
    """The tables of a split under every contract, the one that ranks first."""
    settings = get_settings(db)
    order = sorted(settings.contracts, key=lambda contract: contract != settings.ranking)
    return tuple(load_table(db, split, contract) for contract in order)


def load_system(db: Database, submission: str) -> tuple[SystemView, tuple[BoardTable, ...]]:
    """The page's view and the tables of its split. Raises NotFound for what is not on the board.

    Submissions that were never scored, withdrawn ones, and trials have no page.
    """
    with db.reading() as session:
        row = session.get(Submission, submission) if submission.isascii() and submission.isprintable() else None
        if row is None or row.trial or row.state == "withdrawn" or not _was_scored(session, row.id):
            raise NotFound(
                f'There is no system "{printable(submission, 40)}" on this board.', remedy="look at its table"
            )
        found = session.execute(select(ResultRow.signature, ResultRow.extras).where(ResultRow.submission_id == row.id))
        extras = {one.signature: one.extras for one in found}
    tables = load_tables(db, row.split)
    rows = [(table, one) for table in tables for one in table.rows if one.submission == row.id]
    card = Card.model_validate(row.card)
    with db.reading() as session:
        history = _history(session, row, tables)
    view = SystemView(
        title=tables[0].title,
        data=tables[0].data,
        split=row.split,
        submission=row.id,
        system=card.system_name,
        version=card.system_version,
        team=row.team,
        card=card.model_dump(mode="json", exclude={"contact"}),
        predictions_sha256=row.predictions_sha256,
        scores=tuple(
            ContractScore(
                contract=table.contract,
                label=table.label,
                ranking=table.ranking,
                row=one,
                after_cutoff=disclosed_cutoff(after_cutoff(extras.get(one.signature) or {}), one, table.n_articles),
            )
            for table, one in rows
        ),
        history=history,
    )
    return view, tables


def _was_scored(session: Session, submission: str) -> bool:
    scored = select(Event.id).where(Event.submission_id == submission, Event.state == "scored").limit(1)
    return session.scalar(scored) is not None


def _history(session: Session, row: Submission, tables: Sequence[BoardTable]) -> tuple[HistoryItem, ...]:
    """The team's scored submissions to the split, the oldest first; withdrawn ones without figures."""
    first = tables[0]
    shown: dict[str, Row] = {one.submission: one for one in first.rows}
    teams = session.scalars(select(Submission.team).where(Submission.split == row.split).distinct())
    same = [team for team in teams if folded(team) == folded(row.team)]
    scored = select(Event.submission_id).where(Event.state == "scored")
    query = select(Submission).where(Submission.split == row.split, Submission.team.in_(same))
    found = []
    for one in session.scalars(query.where(~Submission.trial, Submission.id.in_(scored)).order_by(arrival())):
        card, line = Card.model_validate(one.card), shown.get(one.id)
        found.append(
            HistoryItem(
                submission=one.id,
                system=card.system_name,
                version=card.system_version,
                submitted=one.created_at.date().isoformat(),
                state="withdrawn" if one.state == "withdrawn" else "scored",
                disqualified=one.disqualified,
                marked=one.marked,
                ranked=line is not None and line.band is not None,
                f1=line.f1 if line else Figure(value=None),
                skill=line.skill if line else Figure(value=None),
                mean_concerns=line.mean_concerns if line else None,
            )
        )
    return tuple(found)
