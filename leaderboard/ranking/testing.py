"""The tests of all pairs of a table: made with its first systems, then updated by those that come and go.

Kept are each result's counts by article, a few kB that take the place of its whole record, and `stats.max_t.MaxT`, to
which one system more costs its own pairs only. Both are derived: where they are missing or were made of other counts,
they are made again.
"""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json
from sqlalchemy import select

from bioreview_bench.stats.comparison import unit_counts
from bioreview_bench.stats.max_t import MaxT, Staircases, SwappedPairs, no_systems, updated
from bioreview_bench.stats.significance import label_swap_test, unit_numbers

from ..store.models import KeptTests, ResultCounts, ResultRow
from .pairs import keep_rows

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from ..store.database import Database
    from .entries import Entry

Floats = NDArray[np.float64]

_LAYOUT: Final = 1  # of KeptTests.content; another one is made again
_COUNTS: Final = ("n_matched", "n_ref", "n_pred")


@dataclass(frozen=True)
class Remembered:
    """The tests made before, and by result the digest of the counts that they were made of."""

    tests: MaxT
    digests: Mapping[int, int]


@dataclass(frozen=True)
class PairTests:
    """Tests of every two ranked systems: (n, n) in the order of `systems`, submissions by falling F1.

    `delta_f1` is F1 of the row minus F1 of the column. `remembered` and `new_counts` (by result) are to be stored.
    """

    systems: tuple[str, ...]
    n_units: int
    delta_f1: Floats
    p_value: Floats
    p_adjusted: Floats
    remembered: Remembered | None = None
    new_counts: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def least_p(self) -> float:
        """The smallest adjusted p."""
        return float(self.p_adjusted.min(initial=1.0))


def nothing_tested() -> PairTests:
    """The tests of a table without ranked systems."""
    none = np.zeros((0, 0))
    return PairTests((), 0, none, none, none)


def update_tests(db: Database, split: str, contract: str, ranked: Sequence[Entry], draws: int) -> PairTests:
    """Bring the tests of a table up to date. Reads the database and changes nothing in it.

    All `ranked` must be of one signature.
    """
    if not ranked:
        return nothing_tested()
    known = _known_counts(db, [entry.result for entry in ranked])
    new = {entry.result: _count(db, entry.result) for entry in ranked if entry.result not in known}
    before = _remembered(db, split, contract, ranked[0].record.signature, draws)
    return replace(make_tests(ranked, {**known, **new}, before), new_counts=new)


def make_tests(ranked: Sequence[Entry], counts: Mapping[int, bytes], before: Remembered) -> PairTests:
    """The tests of `ranked`, by falling F1, from packed counts by result; pairs that are remembered are not made."""
    digests = {result: _digest(content) for result, content in counts.items()}
    tables = {result: unpacked(content) for result, content in counts.items()}
    units = {result: unit_counts(rows, groups) for result, (groups, rows) in tables.items()}
    unchanged = [result for result in before.tests.systems if digests.get(result) == before.digests[result]]
    tests = updated(updated(before.tests, {result: units[result] for result in unchanged}), units)
    n = len(ranked)
    delta, p, adjusted = np.zeros((n, n)), np.ones((n, n)), np.ones((n, n))
    place = {entry.result: number for number, entry in enumerate(ranked)}
    a, b = (np.array([place[result] for result in side.tolist()], np.int64) for side in (tests.pairs.a, tests.pairs.b))
    delta[a, b], delta[b, a] = tests.pairs.delta_f1, 0.0 - tests.pairs.delta_f1
    p[a, b] = p[b, a] = tests.p_values()
    adjusted[a, b] = adjusted[b, a] = tests.adjusted()
    if n == 2:  # two systems have a test that is exact for few articles
        (groups, first), (_, second) = (tables[entry.result] for entry in ranked)
        alone = label_swap_test(first, second, groups, tests.draws, tests.seed).p_value
        p[0, 1] = p[1, 0] = adjusted[0, 1] = adjusted[1, 0] = alone
    systems = tuple(entry.submitted.id for entry in ranked)
    n_units = len(units[ranked[0].result]) if ranked else 0
    return PairTests(systems, n_units, delta, p, adjusted, Remembered(tests, digests))


def keep_tests(session: Session, split: str, contract: str, signature: str | None, tested: PairTests) -> None:
    """Store what `update_tests` made of results with this signature."""
    keep_rows(session, split, contract, tested)
    for result, content in tested.new_counts.items():
        session.merge(ResultCounts(result_id=result, content=content))
    if tested.remembered is not None:
        content = _packed(tested.remembered)
        session.merge(KeptTests(split=split, contract=contract, signature=str(signature), content=content))


def packed(articles: Sequence[Mapping[str, Any]]) -> bytes:
    """A result's counts from the articles of its record: int32 (articles, unit and counts), by article id."""
    rows = sorted(articles, key=_id)
    units = unit_numbers(len(rows), [row["family"] for row in rows])
    table = np.zeros((len(rows), 1 + len(_COUNTS)), "<i4")
    table[:, 0] = units
    table[:, 1:] = [[row[name] for name in _COUNTS] for row in rows]
    return table.tobytes()


def unpacked(content: bytes) -> tuple[list[int], Floats]:
    """The unit of each article, and its counts (articles, 3)."""
    table = np.frombuffer(content, "<i4").reshape(-1, 1 + len(_COUNTS))
    return table[:, 0].tolist(), table[:, 1:].astype(np.float64)


def _id(article: Mapping[str, Any]) -> str:
    return str(article["id"])


def _known_counts(db: Database, results: Sequence[int]) -> dict[int, bytes]:
    with db.reading() as session:
        query = select(ResultCounts.result_id, ResultCounts.content).where(ResultCounts.result_id.in_(results))
        return {result: content for result, content in session.execute(query)}


def _count(db: Database, result: int) -> bytes:
    with db.reading() as session:
        record = session.scalars(select(ResultRow.record).where(ResultRow.id == result)).one()
    return packed(from_json(zlib.decompress(record))["articles"])


def _digest(content: bytes) -> int:
    return int.from_bytes(hashlib.sha256(content).digest()[:7])


def _remembered(db: Database, split: str, contract: str, signature: str, draws: int) -> Remembered:
    with db.reading() as session:
        row = session.get(KeptTests, (split, contract))
    nothing = no_systems(draws)
    if row is None or row.signature != signature:
        return Remembered(nothing, {})
    found = np.load(io.BytesIO(row.content), allow_pickle=False)
    if found["about"].tolist() != [_LAYOUT, draws, nothing.seed]:
        return Remembered(nothing, {})
    pairs = SwappedPairs(*(_wide(found[name]) for name in ("a", "b", "delta_f1", "spread", "n_extreme")))
    steps = Staircases(*(_wide(found[name]) for name in ("draw", "pair", "value")))
    systems = found["systems"].tolist()
    digests = dict(zip(systems, found["digests"].tolist(), strict=True))
    return Remembered(MaxT(draws, nothing.seed, tuple(systems), pairs, steps), digests)


def _packed(remembered: Remembered) -> bytes:
    stream = io.BytesIO()
    tests, digests = remembered.tests, remembered.digests
    pairs, steps = tests.pairs, tests.steps
    np.savez(
        stream,
        about=np.array([_LAYOUT, tests.draws, tests.seed]),
        systems=np.array(tests.systems, np.int64),
        digests=np.array([digests[result] for result in tests.systems], np.int64),
        a=pairs.a,
        b=pairs.b,
        delta_f1=pairs.delta_f1,
        spread=pairs.spread,
        n_extreme=pairs.n_extreme.astype(np.int32),
        draw=steps.draw.astype(np.int32),
        pair=steps.pair.astype(np.int32),
        value=steps.value,
    )
    return stream.getvalue()


def _wide(column: NDArray[Any]) -> NDArray[Any]:
    return column if column.dtype == np.float64 else column.astype(np.int64)
