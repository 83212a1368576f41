"""Setting a board up, and changing what it is about.

Data and contracts are loaded here, once; the board keeps what it needs of them.

Which submissions to score again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import select

from bioreview_bench.contracts.contract import BUNDLED, CUSTOM, Contract
from bioreview_bench.data.folder import canonical_split
from bioreview_bench.data.load import BUNDLED_DATA, default_contract, load_split
from bioreview_bench.data.released.manifest import RELEASED
from bioreview_bench.data.split import Split, require_reviews
from bioreview_bench.errors import InputError, printable
from bioreview_bench.results.validity import ValidityCard, load_card

from .settings import BoardSettings
from .store.database import Database
from .store.models import ResultRow, Submission, arrival
from .store.settings import BoardSplit, get_contract, get_settings, get_split, put_board, put_new_board

_CONTRACT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


def set_up(
    db: Database, data: str, splits: Sequence[str] = ("test",), contracts: Sequence[str] = (), **others: Any
) -> BoardSettings:
    """Make a board in `db`: load data and contracts, create its tables, and store what it keeps of them.

    `contracts` are names or TOML files, by default that of the data; `others` are further fields of BoardSettings
    (`ranking`: default the first calibrated contract, else the first). Raises BoardExists, also when another process
    made it meanwhile, and DataError when data are missing.
    """
    if is_set_up(db):
        raise BoardExists(db)
    contracts = contracts or (default_contract(data),)
    loaded = load_contracts(contracts)
    ranking = others.pop("ranking", None) or next((one.name for one in loaded if one.calibrated_on), loaded[0].name)
    settings = changed(
        None,
        data=absolute(data),
        splits=tuple(canonical_split(split) for split in splits),
        contracts=tuple(one.name for one in loaded),
        ranking=ranking,
        **others,
    )
    facts = [facts_of(load_split(settings.data, split)) for split in settings.splits]
    db.create_or_upgrade()
    if not put_new_board(db, settings, facts, loaded, _cards(contracts, loaded)):
        raise BoardExists(db)
    return settings


class BoardExists(InputError):
    """There is a board already."""

    def __init__(self, db: Database) -> None:
        super().__init__(
            f"There is a board in {db} already.", remedy=f"bench leaderboard settings --db {db} shows and changes it"
        )


def is_set_up(db: Database) -> bool:
    """True when there is a board with settings. Raises InputError for a database of something else."""
    return db.is_board() and has_settings(db)


def alter(
    db: Database, fields: dict[str, Any], limits: dict[str, Any], added: Sequence[str], removed: Sequence[str]
) -> BoardSettings:
    """Change settings, limits and contracts of a board; with the field `data`, read its splits anew.

    Raises InputError for what is not allowed, DataError when data are missing.
    """
    old = get_settings(db)
    strange = sorted(set(removed) - set(old.contracts))
    if strange:
        raise InputError(
            f'The board has no contract "{printable(strange[0])}".', remedy=f"it has {', '.join(old.contracts)}"
        )
    kept = [get_contract(db, name) for name in old.contracts if name not in removed]
    new = load_contracts(added)
    contracts = check_together([*(one for one in kept if one.name not in {other.name for other in new}), *new])
    if "data" in fields:
        fields = {**fields, "data": absolute(fields["data"])}
    settings = changed(
        old,
        **fields,
        limits={**old.limits.model_dump(), **limits},
        contracts=tuple(one.name for one in contracts),
    )
    splits = [facts_of(load_split(settings.data, split)) for split in settings.splits] if "data" in fields else []
    put_board(db, settings, splits, new, _cards(added, new))
    return settings


def has_settings(db: Database) -> bool:
    """True when the board was set up."""
    try:
        get_settings(db)
    except InputError:
        return False
    return True


def changed(settings: BoardSettings | None, **fields: Any) -> BoardSettings:
    """Settings with some fields changed. Raises InputError for values that are not allowed."""
    old = {} if settings is None else settings.model_dump()
    try:
        return BoardSettings.model_validate({**old, **fields})
    except ValidationError as error:
        found = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}" for one in error.errors(include_url=False)
        )
        raise InputError(
            f"The board's settings are not in order: {printable(found, 500)}.",
            remedy="bench leaderboard settings shows what they are",
        ) from error


def load_contracts(names: Sequence[str]) -> list[Contract]:
    """The contracts of these names and files. Raises InputError when a board cannot keep them side by side."""
    found: list[Contract] = []
    for name in names:
        contract = Contract.load(name)
        if contract.official_name == CUSTOM and contract.name in (*BUNDLED, CUSTOM):
            raise InputError(
                f"{printable(name)} is called {contract.name} without being that contract.",
                remedy="give it a name of its own in the file",
            )
        if not _CONTRACT_NAME.fullmatch(contract.name):
            raise InputError(
                f'"{printable(contract.name)}" cannot be the name of a board\'s contract.',
                remedy="use 1 to 40 letters, digits, dots, dashes and underscores",
            )
        found.append(contract)
    return check_together(found)


def _cards(names: Sequence[str], contracts: Sequence[Contract]) -> dict[str, ValidityCard]:
    """The validity cards that lie beside contract files, by contract; those of bundled contracts are known anywhere."""
    cards = {one.name: load_card(name) for name, one in zip(names, contracts, strict=True) if name not in BUNDLED}
    return {name: card for name, card in cards.items() if card is not None}


def check_together(contracts: list[Contract]) -> list[Contract]:
    """`contracts`, unless two of them have one name or would give the same results. Raises InputError."""
    for place, contract in enumerate(contracts):
        for other in contracts[:place]:
            if contract.name == other.name or contract.signature() == other.signature():
                raise InputError(f"The contracts {other.name} and {contract.name} have the same name or signature.")
    return contracts


def absolute(data: str) -> str:
    """`data` with its folder made absolute: server and worker may start elsewhere."""
    version, equals, folder = data.partition("=")
    if data in (*BUNDLED_DATA, *RELEASED):
        return data
    if equals and version in RELEASED:
        return f"{version}={Path(folder).expanduser().absolute()}"
    return str(Path(data).expanduser().absolute())


def facts_of(split: Split) -> BoardSplit:
    """What a board keeps of a split. Raises DataError when articles have no concerns: nothing could be scored."""
    require_reviews(split)
    same: dict[str, Any] = {name: getattr(split, name) for name in BoardSplit.model_fields if name != "ids"}
    return BoardSplit(**same, ids=tuple(article.id for article in split))


def outdated(db: Database) -> list[str]:
    """Scored submissions that have no result under one of the board's contracts and the board's data of today.

    A result from before intervals were drawn with the board's own seed counts as none: a table shows it without them.
    """
    settings = get_settings(db)
    contracts = [get_contract(db, name) for name in settings.contracts]
    found = []
    with db.reading() as session:
        for name in settings.splits:
            facts = get_split(db, name)
            rows = session.execute(
                select(Submission.id, ResultRow.signature, ResultRow.extras)
                .outerjoin(ResultRow, ResultRow.submission_id == Submission.id)
                .where(Submission.split == name, Submission.state == "scored")
                .order_by(arrival())
            )
            signatures: dict[str, list[str]] = {}
            for submission_id, signature, extras in rows:
                signatures.setdefault(submission_id, []).extend([signature] if "intervals" in (extras or {}) else [])
            found += [
                submission_id
                for submission_id, has in signatures.items()
                if not all(is_covered(contract, facts, has) for contract in contracts)
            ]
    return found


def is_covered(contract: Contract, facts: BoardSplit, signatures: Iterable[str]) -> bool:
    """True when one of the signatures is the contract's on the split, whatever weights its encoder had."""
    for signature in signatures:
        fields = dict(part.partition(":")[::2] for part in signature.split("|")[1:])
        _, _, digest = fields["data"].partition("+text#")
        if contract.signature(facts.label, fields["enc"], digest or None) == signature:
            return True
    return False
