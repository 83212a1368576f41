"""Auditing a matcher: what it matches, held against what raters judged to be the same point."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from bioreview_bench.data.article import Article
from bioreview_bench.data.split import fingerprint
from bioreview_bench.errors import InputError
from bioreview_bench.results.provenance import package_version
from bioreview_bench.results.records import Bootstrap
from bioreview_bench.results.validity import (
    ALL,
    CARD_VERSION,
    OWN_WORDS,
    JudgedFileRecord,
    MatchFigures,
    MeasuredOn,
    Ranking,
    Share,
    ValidityCard,
)
from bioreview_bench.scoring.calibration import limited_texts
from bioreview_bench.scoring.fitting import Fitting
from bioreview_bench.scoring.matching import max_matches
from bioreview_bench.scoring.texts import TextPool, counted_references
from bioreview_bench.stats.formulas import ratio
from bioreview_bench.stats.sums import Sums
from bioreview_bench.validity.agreement import rater_agreement
from bioreview_bench.validity.corpus import JudgedCorpus
from bioreview_bench.validity.judgements import JudgedFile, Judgements
from bioreview_bench.validity.rank_correlation import rank_correlations
from bioreview_bench.validity.scorers import PairScorer, Scores
from bioreview_bench.validity.sheets import Question, sheets
from bioreview_bench.validity.tally import Marked, Units, columns_of, estimate, judged, share


def audit(
    judgements: Judgements,
    articles: Iterable[Article],
    scorer: PairScorer,
    data: str,
    corpora: Sequence[JudgedCorpus] = (),
    *,
    draws: int = 10_000,
    seed: int = 42,
) -> ValidityCard:
    """The validity card of `scorer`, measured on the judged ones among `articles`; `data` names these.

    `corpora` add the figures of their texts. Echo, stock comments and another article's references are asked about
    the judged articles too. Intervals are drawn over families of articles. Raises InputError without a judged
    pair, or for a judged article that is not given.
    """
    contract = scorer.contract
    named = {text.article_id for text in judgements.texts}
    members = sorted((article for article in articles if article.id in named), key=lambda article: article.id)
    absent = sorted(named - {article.id for article in members})
    if absent:
        raise InputError(f"Judged articles are not among the given ones: {', '.join(absent[:5])}.")
    laid_out = sheets(judgements, members, contract)
    if not any(sheet.gold.size for sheet in laid_out):
        raise InputError(
            "No judged text belongs to an article of the split with references that count.",
            remedy="name the data and the split that the judgements are about",
        )
    built = [corpus.sheets(contract) for corpus in corpora]
    controls = _controls(members, scorer)
    every_sheet = [*laid_out, *(sheet for part in built for sheet in part)]
    answers = scorer.scores([*(sheet.question for sheet in every_sheet), *controls])
    marked = [Marked(sheet, scores) for sheet, scores in zip(every_sheet, answers, strict=False)]
    units, threshold = Units.of(members, draws, seed), contract.threshold
    own, rest = marked[: len(laid_out)], marked[len(laid_out) :]
    reviewers = _by_reviewer(own)
    groups = {ALL: own, OWN_WORDS: [mark for mark in own if mark.sheet.own_words]}
    return ValidityCard(
        schema_version=CARD_VERSION,
        contract=contract.as_dict(),
        signature=_signature(scorer, members, data),
        encoder=scorer.encoder,
        measured_on=MeasuredOn(
            data=data,
            fingerprint=fingerprint(members),
            n_articles=len(members),
            judgements=[_file(file) for file in judgements.files],
            corpus=[_file(corpus.file) for corpus in corpora],
        ),
        agreement=rater_agreement(judgements, members, contract),
        groups={name: judged(part, threshold, units) for name, part in groups.items() if part},
        reviewers={name: judged(part, threshold, units) for name, part in reviewers.items()},
        controls=_match_rates(controls, answers[len(every_sheet) :], threshold, units),
        corpus=_corpora(corpora, built, rest, threshold, units),
        ranking=_ranking(reviewers, threshold, units),
        bootstrap=Bootstrap(draws=draws, seed=seed, unit="family", n_units=units.count),
        package=package_version(),
    )


def _controls(members: Sequence[Article], scorer: PairScorer) -> list[Question]:
    """Texts of reviewers that judged nothing, by reviewer, then by article."""
    references = [counted_references(article, scorer.contract) for article in members]
    return [
        Question(name, article, counted, tuple(texts))
        for name, written in limited_texts(members, references).items()
        for article, counted, texts in zip(members, references, written, strict=True)
    ]


def _match_rates(
    controls: Sequence[Question], answers: Sequence[Scores], threshold: float, units: Units
) -> dict[str, Share]:
    """Matches of possible matches."""
    place = units.place
    rates = {}
    for name in dict.fromkeys(question.reviewer for question in controls):
        columns = {"M": np.zeros(len(place)), "C": np.zeros(len(place))}
        for question, scores in zip(controls, answers, strict=True):
            if question.reviewer == name:
                columns["M"][place[question.article.id]] = max_matches(np.asarray(scores) >= float(threshold))
                columns["C"][place[question.article.id]] = question.slots
        interval = units.intervals(columns, _rate)["rate"]
        rates[name] = share(int(columns["M"].sum()), int(columns["C"].sum()), interval)
    return rates


def _rate(sums: Sums) -> dict[str, np.ndarray]:
    return {"rate": ratio(sums["M"], sums["C"])}


def _corpora(
    corpora: Sequence[JudgedCorpus],
    built: Sequence[Sequence[object]],
    marked: Sequence[Marked],
    threshold: float,
    units: Units,
) -> dict[str, dict[str, MatchFigures]]:
    """Figures of each corpus, over all of its kinds and by kind; its own articles are drawn."""
    figures, start = {}, 0
    for corpus, part in zip(corpora, built, strict=True):
        own = list(marked[start : start + len(part)])
        start += len(part)
        drawn = Units.of(corpus.articles, units.draws, units.seed)
        kinds = {ALL: own, **_by_reviewer(own)}
        figures[corpus.file.name] = {kind: judged(some, threshold, drawn) for kind, some in kinds.items() if some}
    return figures


def _ranking(reviewers: dict[str, list[Marked]], threshold: float, units: Units) -> Ranking:
    columns = {
        f"{name}|{count}": column
        for name, part in reviewers.items()
        for count, column in columns_of(part, threshold, units).items()
        if count in ("R", "P", "M", "T")
    }

    def statistics(sums: Sums) -> dict[str, np.ndarray]:
        def f1(matches: str) -> np.ndarray:
            scores = [ratio(2 * sums[f"{name}|{matches}"], sums[f"{name}|R"] + sums[f"{name}|P"]) for name in reviewers]
            return np.stack(scores, axis=-1)

        return rank_correlations(f1("M"), f1("T"))

    points = statistics({name: np.asarray(column.sum()) for name, column in columns.items()})
    bounds = units.intervals(columns, statistics)
    estimates = {name: estimate(value, bounds[name]) for name, value in points.items()}
    return Ranking(n_reviewers=len(reviewers), **estimates)


def _by_reviewer(marked: Iterable[Marked]) -> dict[str, list[Marked]]:
    by_reviewer: dict[str, list[Marked]] = {}
    for mark in marked:
        by_reviewer.setdefault(mark.sheet.question.reviewer, []).append(mark)
    return by_reviewer


def _signature(scorer: PairScorer, members: Sequence[Article], data: str) -> str:
    text_digest = Fitting(scorer.contract, members, TextPool()).text_digest
    return scorer.contract.signature(f"{data}#{fingerprint(members)}", scorer.part, text_digest)


def _file(file: JudgedFile) -> JudgedFileRecord:
    return JudgedFileRecord(name=file.name, sha256=file.sha256, n_texts=file.n_texts)
