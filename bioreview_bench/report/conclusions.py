"""What tables come to, in one or two sentences: of a comparison, of a ranking's stability, of controls, of curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bioreview_bench.errors import printable
from bioreview_bench.report.blocks import figure
from bioreview_bench.report.meaning import Note, listed
from bioreview_bench.results.records import ResultRecord
from bioreview_bench.scoring.calibration import THRESHOLDS, Curve
from bioreview_bench.stats.comparison import LEVEL, Comparison
from bioreview_bench.stats.significance import smallest_p
from bioreview_bench.stats.stability import RankAgreement

_LEAST_P = 0.001
_FEW = 10  # articles on which not even a difference on all of them has p below 0.001
_NOTHING = 0.05  # an F1 up to which a control is worth nothing
_WRITES = {
    "echo": "sentences copied from the paper",
    "generic": "stock comments",
    "near_miss": "other points in the references' words",
    "neighbour": "concerns about the most similar train article",
    "random-train": "concerns about any train article",
}


def p_value(p: float) -> str:
    """A p-value to three places, `< 0.001` below.

    >>> p_value(0.0496), p_value(9.999e-05), p_value(1.0)
    ('0.050', '< 0.001', '1.000')
    """
    return f"< {_LEAST_P}" if p < _LEAST_P else f"{p:.3f}"


def compared(comparison: Comparison) -> Note:
    """Who is ahead of whom, and who cannot be told apart."""
    f1 = {
        name: f"{printable(name)} (F1 {figure(result.record.overall.f1)})"
        for name, result in zip(comparison.names, comparison.results, strict=True)
    }
    leaders, others = comparison.groups[0], [name for group in comparison.groups[1:] for name in group]
    best = comparison.names[0]
    tests = {test.b: test for test in comparison.tests if test.a == best}
    if not others:
        least = min(test.p_adjusted for test in tests.values())
        return Note("info", f"{listed(list(f1.values()))} cannot be told apart on these articles ({_p(least)}).")
    most = max(tests[name].p_adjusted for name in others)
    below = listed([f1[name] for name in others])
    verb = "is" if len(others) == 1 else "are"
    if len(leaders) == 1:
        return Note("info", f"{f1[best]} is ahead: {below} {verb} significantly below it ({_p(most)}).")
    return Note(
        "info",
        f"{listed([f1[name] for name in leaders])} lead and are not significantly different; {below} "
        f"{verb} significantly below {printable(best)} ({_p(most)}).",
    )


def too_few(n_articles: int, n_units: int, n_systems: int, least_p: float) -> str | None:
    """Says that few articles are why nothing differs significantly; None where something does, or there are enough.

    `n_units`: families of articles, which tests swap; `least_p`: the smallest adjusted p of all pairs.

    >>> too_few(5, 5, 2, 0.0625)
    '5 articles cannot separate any systems: a difference on all of them has p = 0.062.'
    """
    n_pairs = n_systems * (n_systems - 1) // 2
    p = smallest_p(n_units)
    if n_pairs < 1 or least_p < LEVEL or (n_units > _FEW and n_pairs * p < LEVEL):
        return None
    units = "articles" if n_articles == n_units else "families of articles"
    if p >= LEVEL:
        return f"{n_units} {units} cannot separate any systems: a difference on all of them has {_p(p)}."
    before = f", before {n_pairs} pairs are corrected for" if n_pairs > 1 else ""
    return (
        f"No two of these {n_systems} systems can be told apart: on {n_units} {units} even a difference on all of them "
        f"has {_p(p)}{before}."
    )


def stable(thresholds: Mapping[str, Sequence[RankAgreement]], contracts: Sequence[RankAgreement]) -> list[Note]:
    """Whether the ranking depends on the threshold, and on the contract."""
    found = [_over_thresholds(printable(name), rows) for name, rows in thresholds.items()]
    return [Note("info", text) for text in (*found, *map(_between, contracts))]


def beaten(records: Mapping[str, ResultRecord]) -> Note:
    """What a system must beat: the control of highest F1."""
    scores = {name: record.overall.f1 for name, record in records.items()}
    best, highest = max(scores.items(), key=lambda item: -1.0 if item[1] is None else item[1])
    writes = f"{_WRITES.get(best, best)} ({best}), F1 {figure(highest)}"
    if (highest or 0.0) <= _NOTHING:
        return Note("info", f"No control scores above F1 {_NOTHING}: the highest is {writes}.")
    if best == "echo":
        return Note("warning", f"To beat: {writes}. A system at or below it shows nothing but the topic of the paper.")
    return Note("info", f"To beat: {writes}. A system at or below it shows nothing that reading the paper adds.")


def calibrated(curve: Curve) -> Note:
    """The threshold of a curve and what it costs, or that there is none."""
    limits = ", ".join(f"{name} {limit:.0%}" for name, limit in curve.limits.items())
    at = curve.operating
    if at is None:
        text = f"no threshold keeps all controls within their limits ({limits}), so there is no contract."
        return Note("warning", f"{curve.transform}: {text}")
    found = [
        f"{rates[at]:.0%} of the points of {name}" for name, rates in curve.recall.items() if name not in curve.limits
    ]
    text = f"from threshold {THRESHOLDS[at]:.2f} on all controls stay within their limits ({limits})."
    return Note("info", f"{curve.transform}: {text}" + (f" There it finds {listed(found)}." if found else ""))


def _over_thresholds(name: str, rows: Sequence[RankAgreement]) -> str:
    known = [(row.tau, row.b) for row in rows if row.tau is not None]
    if not known:
        return f"Under {name} the ranking cannot be compared at any threshold: too few systems, or all tied."
    same = sum(tau > _ALIKE for tau, _ in known)
    beside = f"; at {len(rows) - len(known)} more it is undefined" if len(rows) > len(known) else ""
    if same == len(known):
        return f"Under {name} the ranking is the same at all {same} thresholds{beside}."
    lowest, where = min(known)
    return (
        f"Under {name} the ranking is the same at {same} of {len(known)} thresholds{beside}. It differs most at "
        f"{where} (Kendall's tau {lowest:.2f})."
    )


def _between(row: RankAgreement) -> str:
    a, b = printable(row.a), printable(row.b)
    if row.tau is None:
        return f"{a} and {b} cannot be compared: too few systems in common, or all tied."
    if row.tau > _ALIKE:
        return f"{a} and {b} rank the {row.n} systems alike."
    if row.tau < -_ALIKE:
        return f"{a} and {b} rank the {row.n} systems in reverse order: who is better depends on the contract."
    text = f"{a} and {b} rank the {row.n} systems differently (Kendall's tau {row.tau:.2f})"
    return f"{text}: who is better depends on the contract."


_ALIKE = 1 - 1e-9  # tau of the same order


def _p(p: float) -> str:
    return f"p {p_value(p)}" if p < _LEAST_P else f"p = {p_value(p)}"
