"""What a board is about: its settings, and the splits and contracts that they name, all kept in its database.

The ids of a split are kept, its references never: the server checks submissions without holding them.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.errors import InputError, printable
from bioreview_bench.results.validity import ValidityCard

from ..settings import BoardSettings
from .common import VERSION, NotFound, bump, counter, put_setting
from .database import Database, lock
from .models import Setting

BOARD: Final = "board"
SEED: Final = "secret_seed"  # a key of the settings table, like the secret of the sessions


class BoardSplit(BaseModel):
    """What a board knows of a split: enough to check a submission, and to notice when the data change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str  # v3, v4, demo, known or local
    name: str
    label: str  # the data part of a signature
    fingerprint: str
    verification: str
    held_out: bool
    ids: Annotated[tuple[str, ...], Field(min_length=1)]


def get_settings(db: Database) -> BoardSettings:
    """The board's settings. Raises InputError when there are none."""
    with db.reading() as session:
        row = session.get(Setting, BOARD)
    if row is None:
        raise InputError(f"The board {db} has no settings.", remedy=f"bench leaderboard init --db {db} --data DATA")
    return BoardSettings.model_validate(row.value)


def put_settings(db: Database, settings: BoardSettings) -> None:
    """Replace the settings by others of the same splits and contracts."""
    put_board(db, settings, (), ())


def put_board(
    db: Database,
    settings: BoardSettings,
    splits: Iterable[BoardSplit],
    contracts: Iterable[Contract],
    cards: Mapping[str, ValidityCard] = MappingProxyType({}),
) -> None:
    """Store settings with what is known of their splits and contracts, in one transaction (see `boards`).

    `cards`: by the name of a contract that comes from a file, its validity card.
    """
    with db.session() as session:
        _put_board(session, settings, splits, contracts, cards)


def put_new_board(
    db: Database,
    settings: BoardSettings,
    splits: Iterable[BoardSplit],
    contracts: Iterable[Contract],
    cards: Mapping[str, ValidityCard] = MappingProxyType({}),
) -> bool:
    """The same for a database without settings; False, and nothing is changed, where somebody else was quicker."""
    with db.session() as session:
        lock(session)
        if session.get(Setting, BOARD) is not None:
            return False
        _put_board(session, settings, splits, contracts, cards)
    return True


def _put_board(
    session: Session,
    settings: BoardSettings,
    splits: Iterable[BoardSplit],
    contracts: Iterable[Contract],
    cards: Mapping[str, ValidityCard],
) -> None:
    _keep_seed(session)
    put_setting(session, BOARD, settings.model_dump(mode="json"))
    for facts in splits:
        put_setting(session, f"split:{facts.name}", facts.model_dump(mode="json"))
    for contract in contracts:
        put_setting(session, f"contract:{contract.name}", dataclasses.asdict(contract))
        card = cards.get(contract.name)
        put_setting(session, _card(contract.name), card.model_dump(mode="json") if card else {})
    for split in settings.splits:
        bump(session, split=split)


def board_seed(db: Database) -> int:
    """The board's own seed, of the intervals that it shows: drawn when it was made, neither exported nor logged."""
    with db.session() as session:
        return _keep_seed(session)


def _keep_seed(session: Session) -> int:
    """The seed, drawn now if there is none: a new board, or one of an earlier release."""
    lock(session)
    row = session.get(Setting, SEED)
    if row is None:
        row = Setting(key=SEED, value={"hex": secrets.token_hex(16)})
        session.add(row)
        session.flush()
    return int(row.value["hex"], 16)


def get_split(db: Database, name: str) -> BoardSplit:
    """What is known of one of the board's splits. Raises NotFound."""
    return BoardSplit.model_validate(_stored(db, "split", name))


def get_contract(db: Database, name: str) -> Contract:
    """One of the board's contracts. Raises NotFound."""
    return Contract(**_stored(db, "contract", name))


def get_card(db: Database, name: str) -> ValidityCard | None:
    """The validity card of one of the board's contracts, if it came from a file that had one."""
    with db.reading() as session:
        row = session.get(Setting, _card(name))
    return ValidityCard.model_validate(row.value) if row is not None and row.value else None


def board_version(db: Database) -> int:
    """A number that grows with every change of what a page shows."""
    with db.reading() as session:
        return counter(session, VERSION)


def stale_tables(db: Database) -> list[tuple[str, str, int]]:
    """(split, contract, number of changes) of every table that is older than what it is made of."""
    settings = get_settings(db)
    with db.reading() as session:
        counters = select(Setting).where(or_(Setting.key.startswith("changes:"), Setting.key.startswith("built:")))
        values = {row.key: row.value for row in session.scalars(counters)}
    found = []
    for split in settings.splits:
        changes = int(values.get(f"changes:{split}", {"n": 0})["n"])
        for contract in settings.contracts:
            if values.get(_built(split, contract), {"n": None})["n"] != changes:
                found.append((split, contract, changes))
    return found


def table_built(db: Database, split: str, contract: str, changes: int) -> None:
    """Note that a table was built after `changes` changes; if more came meanwhile, it stays stale.

    Of several workers the one that built after most changes counts, whichever notes it last.
    """
    with db.session() as session:
        bump(session)
        row = session.get(Setting, _built(split, contract))
        if row is None or row.value["n"] < changes:
            put_setting(session, _built(split, contract), {"n": changes})


def _card(contract: str) -> str:
    return f"card:{contract}"


def _built(split: str, contract: str) -> str:
    return f"built:{split}:{contract}"


def _stored(db: Database, kind: str, name: str) -> dict[str, Any]:
    with db.reading() as session:
        settings = session.get(Setting, BOARD)
        known = () if settings is None else settings.value[f"{kind}s"]
        row = session.get(Setting, f"{kind}:{name}") if name in known else None
    if row is None:
        raise NotFound(
            f'The board has no {kind} "{printable(name)}".', remedy=f"it has {', '.join(map(printable, known))}"
        )
    return row.value
