"""The tests of a table's pairs, as pages read them: one system's, or those of a few, and never all.

    pairs_of(db, "test", "v3", submission)         one ranked system against every other, in the table's order
    pairs_among(db, "test", "v3", [a, b, c])       every pair of a few systems, in the order given

Each returns `view.PairTest`: `delta_f1` is F1 of `a` minus F1 of `b`; `p_adjusted` is corrected over all pairs of the
table, `significant` says whether it is below 0.05; all are rounded, as whatever is published.
A system's tests are one row of the database, about 10 kB on a board of 300. `testing` makes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np
from sqlalchemy import delete, select

from bioreview_bench.stats.comparison import LEVEL

from ..store.disclosure import DECIMALS, shown_p
from ..store.models import SystemTests
from ..store.settings import get_contract, get_split
from .view import PairTest, TestsOfOne

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from ..store.database import Database
    from .testing import PairTests

# One entry for each ranked system, itself included; `other` is the number in a submission's id.
_ENTRY: Final = np.dtype([("other", "<u8"), ("delta_f1", "<f8"), ("p_value", "<f8"), ("p_adjusted", "<f8")])


def pairs_of(db: Database, split: str, contract: str, submission: str) -> tuple[PairTest, ...]:
    """A system against every other, in the table's order; nothing unless it is ranked and tested."""
    return _read(db, split, contract, [submission]).get(submission, ())


def tests_json(db: Database, split: str, contract: str, submission: str) -> str:
    """The same for programs (`view.TestsOfOne`). Raises NotFound for a split or contract unknown."""
    get_split(db, split)
    get_contract(db, contract)
    found = TestsOfOne(submission=submission, level=LEVEL, tests=pairs_of(db, split, contract, submission))
    return found.model_dump_json(indent=1) + "\n"


def pairs_among(db: Database, split: str, contract: str, submissions: Sequence[str]) -> tuple[PairTest, ...]:
    """The tests of every two of some systems, in the order given; those that are not ranked have none."""
    by_pair = {(test.a, test.b): test for tests in _read(db, split, contract, submissions).values() for test in tests}
    return tuple(by_pair[pair] for pair in combinations(dict.fromkeys(submissions), 2) if pair in by_pair)


def keep_rows(session: Session, split: str, contract: str, tested: PairTests) -> None:
    """Replace the rows of a table."""
    session.execute(delete(SystemTests).where(SystemTests.split == split, SystemTests.contract == contract))
    entries = np.zeros(len(tested.systems), _ENTRY)
    entries["other"] = [int(one.removeprefix("s_"), 16) for one in tested.systems]
    for place, submission in enumerate(tested.systems):
        for name in ("delta_f1", "p_value", "p_adjusted"):
            entries[name] = getattr(tested, name)[place]
        row = SystemTests(split=split, contract=contract, submission_id=submission, content=entries.tobytes())
        session.add(row)
    session.flush()


def _read(db: Database, split: str, contract: str, submissions: Sequence[str]) -> dict[str, tuple[PairTest, ...]]:
    with db.reading() as session:
        rows = session.execute(
            select(SystemTests.submission_id, SystemTests.content).where(
                SystemTests.split == split,
                SystemTests.contract == contract,
                SystemTests.submission_id.in_(list(submissions)),
            )
        ).all()
    found = {}
    for a, content in rows:
        others = ((f"s_{entry[0]:016x}", *entry[1:]) for entry in np.frombuffer(content, _ENTRY).tolist())
        found[a] = tuple(
            PairTest(a=a, b=b, delta_f1=round(delta, DECIMALS), p_value=shown_p(p), p_adjusted=shown_p(adjusted))
            for b, delta, p, adjusted in others
            if b != a
        )
    return found
