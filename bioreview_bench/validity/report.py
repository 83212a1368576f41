"""A validity card for people: tables of at most 80 columns."""

from __future__ import annotations

from collections.abc import Mapping

from bioreview_bench.errors import printable
from bioreview_bench.report.blocks import DASH, Block, Facts, Notes, Table, figure
from bioreview_bench.report.meaning import Note
from bioreview_bench.results.validity import ALL, OWN_WORDS, Bounded, Bounds, MatchFigures, Share, ValidityCard

NAMES = {
    ALL: "all judged",
    OWN_WORDS: "in own words",
    "echo": "echo: sentences of the paper",
    "generic": "stock comments",
    "other": "another article's references",
}


def blocks(card: ValidityCard, verdict: Note) -> list[Block]:
    """The card: what it was measured on, the verdict, and its tables."""
    people = {**card.reviewers, **{name: card.groups[name] for name in (OWN_WORDS, ALL) if name in card.groups}}
    shown: list[Block] = [
        _facts(card),
        Notes("Verdict", [verdict]),
        _matches(people),
        _rates(card),
        _pairs(people),
        _counted(card),
        Notes("Are reviewers ranked alike by both?", [Note("info", _ranking(card))]),
    ]
    for file, by_kind in card.corpus.items():
        kinds = {"all kinds" if kind == ALL else kind: figures for kind, figures in by_kind.items()}
        shown += [_matches(kinds, f"Texts of {printable(file, 40)}"), _pairs(kinds, f"Pairs of {printable(file, 40)}")]
    return shown


def _facts(card: ValidityCard) -> Facts:
    measured, raters = card.measured_on, card.agreement
    agreement = f"{raters.n_pairs:,} pairs, {len(raters.raters)} rater{'' if len(raters.raters) == 1 else 's'}"
    if raters.measure is not None:
        agreement += f"; {raters.measure} {figure(raters.same)} on same, {figure(raters.labels)} on all labels"
    return Facts(
        [
            ("Contract", f"{printable(card.contract['name'])}, threshold {card.contract['threshold']:g}"),
            ("Data", f"{printable(measured.data)}#{measured.fingerprint}, {measured.n_articles} articles"),
            *(
                ("Judged", f"{printable(file.name)} ({file.n_texts:,} texts, sha256 {file.sha256[:12]})")
                for file in measured.judgements
            ),
            *(
                ("Corpus", f"{printable(file.name)} ({file.n_texts:,} texts, sha256 {file.sha256[:12]})")
                for file in measured.corpus
            ),
            ("Agreement", agreement),
        ]
    )


def _matches(people: Mapping[str, MatchFigures], title: str = "Matched one to one; of these, the same point") -> Table:
    header = ["written by", "texts", "matched", "same", "95% CI", "found", "95% CI"]
    rows = [
        [
            _name(name),
            str(row.n_texts),
            str(row.matched.n),
            figure(row.matched_same.share),
            _bounds(row.matched_same.interval),
            figure(row.found.share),
            _bounds(row.found.interval),
        ]
        for name, row in people.items()
    ]
    return Table(title, header, rows)


def _rates(card: ValidityCard) -> Table:
    shares: dict[str, Share] = {name: row.matched for name, row in card.reviewers.items()}
    shares.update(card.controls)
    rows = [
        [_name(name), str(row.n), str(row.of), figure(row.share), _bounds(row.interval)] for name, row in shares.items()
    ]
    return Table("Match rates", ["written by", "matched", "possible", "rate", "95% CI"], rows)


def _pairs(people: Mapping[str, MatchFigures], title: str = "Pairs of a text and a reference") -> Table:
    rows = [
        [
            _name(name),
            str(row.n_pairs),
            str(row.n_same_pairs),
            figure(row.average_precision.value),
            _bounds(row.average_precision.interval),
            figure(row.auc.value),
            figure(row.eligible_same.share),
            figure(row.eligible_found.share),
        ]
        for name, row in people.items()
    ]
    header = ["written by", "pairs", "same", "AP", "95% CI of AP", "AUC", "prec.", "found"]
    return Table(f"{title} (prec., found: at the threshold)", header, rows)


def _counted(card: ValidityCard) -> Table:
    rows = [
        [
            _name(name),
            str(row.matched.n),
            str(row.n_true),
            figure(row.counted_f1.value),
            _bounds(row.counted_f1.interval),
            figure(row.judged_f1.value),
            _bounds(row.judged_f1.interval),
        ]
        for name, row in card.reviewers.items()
    ]
    header = ["written by", "counted", "true", "F1", "95% CI", "judged", "95% CI"]
    return Table("Counted and judged", header, rows)


def _ranking(card: ValidityCard) -> str:
    ranking = card.ranking
    if ranking.spearman.value is None:
        return f"Not known: {ranking.n_reviewers} judged reviewers do not make a ranking."
    rho, tau = _estimate(ranking.spearman), _estimate(ranking.kendall)
    return f"{ranking.n_reviewers} judged reviewers by F1 and by judged F1: Spearman's rho {rho}, Kendall's tau {tau}."


def _estimate(estimate: Bounded) -> str:
    if estimate.value is None:
        return DASH
    return f"{estimate.value:.2f}" + (
        "" if estimate.interval is None else f" [{estimate.interval[0]:.2f}, {estimate.interval[1]:.2f}]"
    )


def _name(name: str) -> str:
    return NAMES.get(name, printable(name, 20).replace("_", " "))


def _bounds(bounds: Bounds) -> str:
    return DASH if bounds is None else f"[{bounds[0]:.2f}, {bounds[1]:.2f}]"
