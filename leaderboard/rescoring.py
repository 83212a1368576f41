"""Which submissions to score again."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from bioreview_bench.contract import Contract

from . import store
from .database import Database
from .models import ResultRow, Submission
from .store import SplitFacts


def scored_or_failed(db: Database) -> list[str]:
    """Everything that can be scored again, the oldest first."""
    return store.submissions_with(db, ("scored", "failed"))


def failed(db: Database) -> list[str]:
    """What could not be scored."""
    return store.submissions_with(db, ("failed",))


def outdated(db: Database) -> list[str]:
    """Scored submissions that have no result under one of the board's contracts and the board's data of today."""
    settings = store.get_settings(db)
    contracts = [store.get_contract(db, name) for name in settings.contracts]
    found = []
    with db.reading() as session:
        for name in settings.splits:
            facts = store.get_split(db, name)
            rows = session.execute(
                select(Submission.id, ResultRow.signature)
                .outerjoin(ResultRow, ResultRow.submission_id == Submission.id)
                .where(Submission.split == name, Submission.state == "scored")
                .order_by(Submission.created_at, Submission.id)
            )
            signatures: dict[str, list[str]] = {}
            for submission_id, signature in rows:
                signatures.setdefault(submission_id, []).extend([signature] if signature else [])
            found += [
                submission_id
                for submission_id, has in signatures.items()
                if not all(is_covered(contract, facts, has) for contract in contracts)
            ]
    return found


def is_covered(contract: Contract, facts: SplitFacts, signatures: Iterable[str]) -> bool:
    """True when one of the signatures is the contract's on the split, whatever weights its encoder had."""
    for signature in signatures:
        fields = dict(part.partition(":")[::2] for part in signature.split("|")[1:])
        _, _, digest = fields["data"].partition("+text#")
        if contract.signature(facts.label, fields["enc"], digest or None) == signature:
            return True
    return False
