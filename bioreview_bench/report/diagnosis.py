"""A diagnosis as blocks: failures by source, precision by position, missed references, one split against another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bioreview_bench.data.vocabulary import sources_in_order
from bioreview_bench.errors import SHOWN, printable
from bioreview_bench.report.blocks import DASH, Block, Notes, Table, figure
from bioreview_bench.report.meaning import Note
from bioreview_bench.results.result import Result
from bioreview_bench.stats.diagnosis import MODES, Diagnosis, Missed, worst_articles


def diagnosis_blocks(name: str, result: Result, found: Diagnosis, statuses_known: bool) -> list[Block]:
    """What is wrong with one system."""
    sources = sources_in_order(found.n_articles)
    header = ["failure", "articles", *(sources if len(sources) > 1 else [])]
    rows = []
    for mode, counts in found.by_mode().items():
        by_source = [f"{counts[source]:,} of {found.n_articles[source]:,}" for source in sources]
        rows.append([MODES[mode], f"{counts.total():,}", *(by_source if len(sources) > 1 else [])])
    notes = [Note("info", f"{figure(found.duplicate_share)} of the predictions repeat one of the same article.")]
    if not statuses_known:
        notes.append(Note("info", "Answers that were cut off are not known: keep the predictions next to the result."))
    worst = worst_articles(result, SHOWN)
    notes += [
        Note("info", f"{printable(article_id)}: 0 of {n_ref} references found by {n_pred} concerns.")
        for article_id, n_ref, n_pred in worst
    ]
    title = printable(name)
    return [
        Table(f"{title}: failures among {len(result.counts):,} articles", header, rows),
        Notes(f"{title}: what else", notes),
        Table(
            f"{title}: by position, and with a cap",
            ["position", "predictions", "precision there", "capped precision", "recall", "F1"],
            [
                [
                    f"{row.cap}",
                    f"{row.n_pred:,}",
                    *(
                        figure(value)
                        for value in (row.precision, row.capped_precision, row.capped_recall, row.capped_f1)
                    ),
                ]
                for row in found.positions
            ],
        ),
    ]


def missed_blocks(found: Missed, n_systems: int) -> list[Block]:
    """References that every system misses, and that only one finds."""
    n = found.n_references
    rows = [
        [f"{by} of {n_systems}", f"{count:,}", figure(count / n if n else None)]
        for by, count in enumerate(found.found_by)
    ]
    listed = [f"{printable(article_id)} {printable(concern_id)}" for article_id, concern_id in found.never[:SHOWN]]
    left = len(found.never) - len(listed)
    notes = [Note("info", f"{one}.") for one in listed] + (
        [Note("info", f"... and {left:,} more (--format json has all).")] if left else []
    )
    return [
        Table(
            f"{n:,} references by how many of the {n_systems} systems find them",
            ["found by", "references", "share"],
            rows,
        ),
        Table(
            "References that only one system finds",
            ["system", "references"],
            [[printable(name), f"{len(only):,}"] for name, only in found.only.items()],
        ),
        Table(
            "Found by none, by category",
            ["category", "references", "found by none", "share"],
            [
                [printable(c), f"{refs:,}", f"{none:,}", figure(none / refs)]
                for c, (refs, none) in found.by_category.items()
            ],
        ),
        Notes("Found by none", notes or [Note("info", "Every reference is found by some system.")]),
    ]


def splits_table(name: str, results: Mapping[str, Result]) -> Table:
    """One system on several splits: a large fall from val to test is a sign of tuning on val."""
    rows: list[list[str]] = []
    first: float | None = None
    for label, result in results.items():
        record = result.record
        f1 = record.overall.f1
        first = f1 if not rows else first
        change = DASH if f1 is None or first is None or not rows else f"{f1 - first:+.3f}"
        rates = [
            figure(value) for value in (f1, record.overall.recall, record.overall.precision, record.controls.skill)
        ]
        rows.append([printable(label), f"{record.coverage.n_articles:,}", *rates, change])
    return Table(
        f"{printable(name)} on its splits",
        ["split", "articles", "F1", "recall", "precision", "skill", "F1 change"],
        rows,
    )


def in_split_order(results: Sequence[Result]) -> list[Result]:
    """train, val, test, then others by label."""
    order = {"train": 0, "val": 1, "test": 2}
    return sorted(results, key=lambda result: (order.get(result.record.data.split, 3), result.record.data.label))
