"""The charts of a report, each drawn or replaced by the reason why it cannot be."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from bioreview_bench.report.html.charts.lengths import lengths_chart
from bioreview_bench.report.html.charts.reliability import reliability_chart
from bioreview_bench.report.html.charts.similarity import similarity_chart
from bioreview_bench.report.html.charts.sweep import sweep_chart
from bioreview_bench.report.html.charts.whiskers import Group, WhiskerRow, whisker_chart
from bioreview_bench.report.html.evidence import Omission, Pairs
from bioreview_bench.report.html.tables import PageTable, sweep_table
from bioreview_bench.report.html.words import bounds, figure, label, source_name
from bioreview_bench.results.records import Overall, PerCategory, PerSeverity, ResultRecord


@dataclass(frozen=True)
class ReportChart:
    """A chart with its title and one sentence on how to read it; `table` has the figures behind it.

    A `tall` one stands beside two others.
    """

    title: str
    reading: str
    drawn: Markup | Omission
    table: PageTable | None = None
    tall: bool = False

    @property
    def omission(self) -> Omission | None:
        """Why there is no chart; None when there is one."""
        return self.drawn if isinstance(self.drawn, Omission) else None


def figures(record: ResultRecord, pairs: Pairs | Omission) -> list[ReportChart]:
    """All charts, in reading order."""
    return [
        ReportChart(
            "Scores by threshold",
            "Where the system's line runs along the null line, F1 counts concerns and reads none.",
            _sweep(record),
            sweep_table(record) if record.sweep else None,
        ),
        ReportChart(
            "Similarity of what was matched",
            "The further matched predictions lie from other-article pairs, the more a match says.",
            _similarity(record, pairs),
        ),
        ReportChart(
            "By category", "Whiskers are 95 % intervals; references in brackets.", _categories(record), tall=True
        ),
        ReportChart("By source", "The same for the journals that the articles come from.", _sources(record)),
        ReportChart("By severity", "Recall only: many predictions state no severity.", _severities(record)),
        ReportChart(
            "Concerns written per article",
            "Above the diagonal the system writes more concerns than the reviewers did.",
            lengths_chart(record.articles),
        ),
        ReportChart(
            "Reliability of stated confidence",
            "On the diagonal, predictions are matched as often as their confidence says.",
            _reliability(record),
        ),
    ]


def _sweep(record: ResultRecord) -> Markup | Omission:
    if not record.sweep:
        return Omission(
            "The sweep over thresholds is not in this result; evaluate with --sweep.",
            "bench evaluate PREDICTIONS --sweep -o R.result.json",
        )
    return sweep_chart(record.sweep, float(record.contract["threshold"]))


def _similarity(record: ResultRecord, pairs: Pairs | Omission) -> Markup | Omission:
    if isinstance(pairs, Omission):
        return pairs
    predictions = [row for found in pairs.articles.values() for row in found.predictions]
    matched = [row["similarity"] for row in predictions if row["concern_id"] is not None]
    unmatched = [
        row["best_similarity"]
        for row in predictions
        if row["concern_id"] is None and row["best_similarity"] is not None
    ]
    if not matched and not unmatched:
        return Omission("No article has both references and predictions, so nothing was compared.")
    return similarity_chart(matched, unmatched, pairs.other_article, float(record.contract["threshold"]))


def _categories(record: ResultRecord) -> Markup | Omission:
    groups = [_pair(record, f"per_category.{name}", label(name), row) for name, row in record.per_category.items()]
    return whisker_chart("categories", "Recall and precision by category", [_all(record), *groups], _tall(record))


def _tall(record: ResultRecord) -> float:
    """A row height with which the chart of categories is about as tall as the two charts beside it."""
    beside = 34 * (len(record.per_source) + len(record.per_severity) + 2) + 210
    return min(58.0, max(34.0, beside / (len(record.per_category) + 1)))


def _sources(record: ResultRecord) -> Markup | Omission:
    groups = [_pair(record, f"per_source.{name}", source_name(name), row) for name, row in record.per_source.items()]
    return whisker_chart("sources", "Recall and precision by source", [_all(record), *groups])


def _severities(record: ResultRecord) -> Markup | Omission:
    overall = record.overall
    total = Group("all", f"({overall.n_ref:,})", _estimate(record, "overall", overall, "recall"), overall=True)
    groups = [
        Group(label(name), f"({row.n_ref:,})", _estimate(record, f"per_severity.{name}", row, "recall"))
        for name, row in record.per_severity.items()
    ]
    return whisker_chart("severities", "Recall by severity", [total, *groups])


def _reliability(record: ResultRecord) -> Markup | Omission:
    stated = record.confidence
    if stated is None:
        return Omission('No prediction states a confidence: add "confidence" (0 to 1) to the predicted concerns.')
    rate = stated.overconfidence_rate
    bold = "none states more than 0.8" if rate is None else f"of those above 0.8, {rate:.1%} were not matched"
    summary = Markup('<p class="summary-line">{}</p>').format(
        f"{stated.n:,} predictions: expected calibration error {figure(stated.ece)}, Brier score "
        f"{figure(stated.brier)}; {bold}."
    )
    return reliability_chart(stated.bins) + summary


def _all(record: ResultRecord) -> Group:
    found = _pair(record, "overall", "all", record.overall)
    return Group(found.name, found.detail, found.recall, found.precision, overall=True)


def _pair(record: ResultRecord, path: str, name: str, row: Overall | PerCategory) -> Group:
    return Group(
        name, f"({row.n_ref:,})", _estimate(record, path, row, "recall"), _estimate(record, path, row, "precision")
    )


def _estimate(record: ResultRecord, path: str, row: Overall | PerCategory | PerSeverity, metric: str) -> WhiskerRow:
    return WhiskerRow(getattr(row, metric), bounds(record, f"{path}.{metric}"))
