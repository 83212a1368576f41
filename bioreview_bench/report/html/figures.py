"""The charts of a report, each drawn or replaced by the reason why it cannot be."""

from __future__ import annotations

from dataclasses import dataclass, replace

from markupsafe import Markup

from bioreview_bench.report.html.charts.lengths import JITTER, lengths_chart
from bioreview_bench.report.html.charts.reliability import reliability_chart
from bioreview_bench.report.html.charts.similarity import similarity_chart
from bioreview_bench.report.html.charts.sweep import sweep_chart
from bioreview_bench.report.html.charts.whiskers import Group, WhiskerRow, axis_limit, whisker_chart
from bioreview_bench.report.html.evidence import Omission, Pairs
from bioreview_bench.report.html.tables import PageTable, sweep_table
from bioreview_bench.report.html.words import bounds, figure, label, source_name
from bioreview_bench.results.records import Overall, PerCategory, PerSeverity, ResultRecord


@dataclass(frozen=True)
class ReportChart:
    """A chart with its title and one sentence on how to read it; `table` has the figures behind it."""

    title: str
    reading: str
    drawn: Markup | Omission
    table: PageTable | None = None

    @property
    def omission(self) -> Omission | None:
        """Why there is no chart; None when there is one."""
        return self.drawn if isinstance(self.drawn, Omission) else None


def figures(record: ResultRecord, pairs: Pairs | Omission) -> list[ReportChart]:
    """All charts, in reading order; one that could only repeat another is not among them."""
    return [
        ReportChart(
            "Scores by threshold",
            "Where F1 runs along the null line it counts concerns; along the echo line it measures topic.",
            _sweep(record),
            sweep_table(record) if record.sweep else None,
        ),
        ReportChart(
            "Similarity of what was matched",
            "The further matched predictions lie from other-article pairs, the more a match says.",
            _similarity(record, pairs),
        ),
        ReportChart(
            "Concerns written per article",
            "Above the diagonal the system writes more concerns than the reviewers did. Counts are whole numbers: "
            f"dots are moved at random by up to {JITTER:g}, so that none hides another.",
            lengths_chart(record.articles),
        ),
        ReportChart(
            "Reliability of stated confidence",
            "On the diagonal, predictions are matched as often as their confidence says.",
            _reliability(record),
        ),
        *_by_group(record),
    ]


def _by_group(record: ResultRecord) -> list[ReportChart]:
    """Recall and precision by category, source and severity, on axes of one length."""
    total = _all(record)
    categories = [_pair(record, f"per_category.{name}", label(name), row) for name, row in record.per_category.items()]
    sources = [_pair(record, f"per_source.{name}", source_name(name), row) for name, row in record.per_source.items()]
    severities = [
        Group(label(name), f"({row.n_ref:,})", _estimate(record, f"per_severity.{name}", row, "recall"))
        for name, row in record.per_severity.items()
    ]
    limit = axis_limit([total, *categories, *sources, *severities])
    reading = "Whiskers are 95% CIs; the number of references is in brackets."
    found = []
    if categories:
        drawn = whisker_chart("categories", "Recall and precision by category", [total, *categories], limit)
        found.append(ReportChart("By category", reading, drawn))
    if len(sources) > 1:
        drawn = whisker_chart("sources", "Recall and precision by source", [total, *sources], limit)
        found.append(ReportChart("By source", "The journals that the articles come from.", drawn))
    if severities:
        drawn = whisker_chart("severities", "Recall by severity", [replace(total, precision=None), *severities], limit)
        found.append(ReportChart("By severity", "Recall only: many predictions state no severity.", drawn))
    return found


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
