"""What the page of a system shows, read from the board: its results, its card, and the team's submissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from bioreview_bench.errors import printable
from bioreview_bench.results.card import Card

from ..store.api import get_settings
from ..store.common import NotFound
from ..store.models import Event, ResultRow, Submission
from ..store.shown import Figure
from .build import load_table, scored_once
from .entries import folded
from .rows import after_cutoff
from .view import BoardTable, ContractScore, HistoryItem, Row, SystemView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from ..store.database import Database


def load_tables(db: Database, split: str) -> tuple[BoardTable, ...]:
    """The tables of a split under every contract, the one that ranks first."""
    settings = get_settings(db)
    order = sorted(settings.contracts, key=lambda contract: contract != settings.ranking)
    return tuple(load_table(db, split, contract) for contract in order)


def load_system(db: Database, submission: str) -> tuple[SystemView, tuple[BoardTable, ...]]:
    """The page's view and the tables of its split. Raises NotFound for what is not on the board.

    Submissions that were never scored, and withdrawn ones, have no page.
    """
    with db.reading() as session:
        row = session.get(Submission, submission) if submission.isascii() and submission.isprintable() else None
        if row is None or row.state == "withdrawn" or not _was_scored(session, row.id):
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
                after_cutoff=after_cutoff(extras.get(one.signature) or {}),
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
    found = []
    for one in scored_once(session, row.split):
        if folded(one.team) != folded(row.team):
            continue
        line = shown.get(one.id)
        found.append(
            HistoryItem(
                submission=one.id,
                system=one.card.system_name,
                version=one.card.system_version,
                submitted=one.created_at.date().isoformat(),
                state="withdrawn" if one.withdrawn else "scored",
                marked=one.marked,
                ranked=line is not None and line.band is not None,
                f1=line.f1 if line else Figure(value=None),
                skill=line.skill if line else Figure(value=None),
                mean_concerns=line.mean_concerns if line else None,
            )
        )
    return tuple(found)
