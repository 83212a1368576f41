"""What of a result is published, and how finely: enough to compare systems, too little to read off single articles.

- Figures have three decimals, and no number of matches stands beside them.
- Intervals are drawn with the board's own seed, which nobody outside knows. With fewer than WHOLE families an interval
  still tells which articles matched, whatever the seed, because it depends on where the matches lie; there matches,
  predictions and ceilings are dealt to the articles anew before drawing. Such an interval is a little wider.
- Figures by category, severity and source, and those made of them, are published for ranked rows only (one for each
  team and split) that are no near copy of another team's file, and only with FEW matches or more: one concern alone, or
  one more than in another file, would show its category otherwise.
- P-values come in few steps: against a system whose matches are known, such as one without concerns, they tell as
  much as intervals.
- A source with fewer than FEW articles has no figures, nor has a category or severity with fewer than FEW_OF_A_KIND
  references: one with a single reference would tell what became of it. What is left out has as many together. Nor have
  human reviewers, or a system beside them, on fewer than FEW articles.

Scores, tests and bands are made of the exact figures; only what is shown is limited.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.data.vocabulary import SOURCES
from bioreview_bench.results.counts import ArticleCounts
from bioreview_bench.results.records import Record, ResultRecord
from bioreview_bench.stats.comparison import LEVEL
from bioreview_bench.stats.sums import columns
from bioreview_bench.stats.uncertainty import Interval, intervals

DECIMALS: Final = 3
P_STEPS: Final = (0.001, 0.01, LEVEL, 0.1, 0.2, 0.5, 1.0)
BELOW_LEVEL: Final = 0.049
FEW: Final = 20  # articles of a source, and matches of a system
FEW_OF_A_KIND: Final = 10  # references of a category or severity
WHOLE: Final = 250  # families; with so many, an interval of three decimals does not tell which articles matched

Intervals = Mapping[str, Interval | None]
_Part = TypeVar("_Part", bound=Record)
_OF_PARTS: Final = ("overall.f1_macro", "per_category", "per_severity", "per_source")
_NOT_HEADLINE: Final = ("f1_macro", "f1_answered", "ceiling_f1")


def secret_intervals(counts: ArticleCounts, draws: int, seed: int, name: str) -> dict[str, Interval | None]:
    """The intervals that are shown of a result: 95 %, by metric path, as `stats.uncertainty.intervals` gives them.

    `seed` is the board's; `name` tells results of one board apart (hexadecimal: the sha256 of their predictions).
    """
    generator = np.random.Generator(np.random.PCG64([seed, int(name, 16)]))
    table = columns(counts)
    if len(set(counts.family)) < WHOLE:
        table = _dealt(table, np.arange(len(counts)), generator)
    else:
        for source in SOURCES:  # a small part of a large board is as telling as a small board
            members = np.flatnonzero([one == source for one in counts.source])
            if 0 < len(members) < WHOLE:
                own = {key: column for key, column in table.items() if key.startswith(f"source.{source}.")}
                table |= _dealt(own, members, generator)
    found = intervals(table, counts.id, counts.family, draws=draws, seed=int(generator.integers(2**63)))
    return {
        path: None if pair is None else _pair((min(pair[0], 1.0), min(pair[1], 1.0))) for path, pair in found.items()
    }


def _dealt(
    table: Mapping[str, NDArray[np.float64]], members: NDArray[np.intp], generator: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    """Matches, predictions and ceilings, each kind as a whole, dealt to other articles among `members`."""
    orders = {letter: generator.permutation(members) for letter in "MPC"}
    found = dict(table)
    for key, column in table.items():
        order = orders.get(key.rpartition(".")[2])
        if order is not None and not key.startswith(("echo.", "generic.", "near_miss.")):
            found[key] = column.copy()
            found[key][members] = column[order]
    return found


def disclosed(record: ResultRecord, shown: Intervals, articles: Mapping[str, int], *, parts: bool) -> ResultRecord:
    """The record as it may be shown, with the intervals `shown`; what may not is null or left out.

    `parts`: figures of parts may be shown where there are FEW matches. `articles`: how many there are by source; a
    source that it does not name has few.
    """
    parts = parts and record.overall.n_matched >= FEW
    few = _few(record, articles)
    hidden = (*(few if parts else _OF_PARTS), "humans.")
    bounds = {path: None if path.startswith(hidden) else _pair(pair) for path, pair in shown.items()}
    overall = _rounded(record.overall)
    update: dict[str, Any] = {"controls": _rounded(record.controls), "intervals": bounds}
    update["overall"] = overall if parts else overall.model_copy(update=dict.fromkeys(_NOT_HEADLINE))
    humans = record.humans if parts else None
    several = humans is not None and humans.n_articles >= FEW
    update["humans"] = humans.model_copy(update={"system": _rounded(humans.system)}) if humans and several else None
    for kind in ("per_category", "per_severity", "per_source"):
        found = getattr(record, kind).items() if parts else ()
        update[kind] = {
            name: _without_figures(part) if f"{kind}.{name}." in few else _rounded(part) for name, part in found
        }
    return record.model_copy(update=update)


def _few(record: ResultRecord, articles: Mapping[str, int]) -> set[str]:
    """The beginnings of the paths of parts without figures."""
    found = {f"per_source.{name}." for name in _hidden({one: articles.get(one, 0) for one in record.per_source}, FEW)}
    for kind in ("per_category", "per_severity"):
        sizes = {name: part.n_ref for name, part in getattr(record, kind).items()}
        found |= {f"{kind}.{name}." for name in _hidden(sizes, FEW_OF_A_KIND)}
    return found


def _hidden(sizes: Mapping[str, int], enough: int) -> set[str]:
    """Parts that are smaller than `enough`, and the next larger ones until together they reach it.

    One small part alone could be worked out by subtracting the others from the whole.

    >>> sorted(_hidden({"a": 40, "b": 17, "c": 6}, 10)), sorted(_hidden({"a": 40, "b": 7, "c": 6}, 10))
    (['b', 'c'], ['b', 'c'])
    """
    found: set[str] = set()
    together = 0
    for name, size in sorted(sizes.items(), key=lambda one: one[1]):
        if size >= enough and (not found or together >= enough):
            break
        found.add(name)
        together += size
    return found


def rounded(value: float | None) -> float | None:
    """A figure as it is shown."""
    return None if value is None else round(value, DECIMALS) + 0.0  # + 0.0: no negative zero


def shown_p(p: float) -> float:
    """A p-value as it is shown: rounded up to the next of P_STEPS, and on the same side of 0.05.

    >>> [shown_p(p) for p in (0.0001, 0.002, 0.0312, 0.05, 0.0501, 0.613)]
    [0.001, 0.01, 0.049, 0.05, 0.1, 1.0]
    """
    step = next((one for one in P_STEPS if p <= one), 1.0)
    return BELOW_LEVEL if p < LEVEL <= step else step


def _pair(pair: Any) -> tuple[float, float] | None:
    return None if pair is None else (round(pair[0], DECIMALS) + 0.0, round(pair[1], DECIMALS) + 0.0)


def _rounded(part: _Part) -> _Part:
    """Every figure of a record with three decimals."""
    update: dict[str, Any] = {}
    for name, value in part:
        if isinstance(value, Record):
            update[name] = _rounded(value)
        elif isinstance(value, float):
            update[name] = rounded(value)
    return part.model_copy(update=update)


def _without_figures(part: _Part) -> _Part:
    update: dict[str, Any] = {}
    for name, value in part:
        if isinstance(value, Record):
            update[name] = _without_figures(value)
        elif isinstance(value, float):
            update[name] = None
    return part.model_copy(update=update)
