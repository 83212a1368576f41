"""`score`: from articles and predictions to a Result."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from threadpoolctl import threadpool_limits

from bioreview_bench.contracts.contract import CUSTOM, Contract
from bioreview_bench.data.article import Article
from bioreview_bench.data.near_misses import read_near_misses
from bioreview_bench.data.predictions import Predictions, require_answers
from bioreview_bench.data.released.manifest import RELEASED
from bioreview_bench.data.split import Split
from bioreview_bench.data.vocabulary import OUTCOMES
from bioreview_bench.errors import InputError
from bioreview_bench.results import provenance
from bioreview_bench.results.records import SCHEMA_VERSION, Coverage, Data, Provenance, ResultRecord, System
from bioreview_bench.results.result import Result
from bioreview_bench.results.validity import ValidityCard, validity
from bioreview_bench.scoring.backends import Backend, Progress, choose
from bioreview_bench.scoring.fitting import Fitting
from bioreview_bench.scoring.humans import held_out, human_columns, human_questions, humans, matched_reviewers
from bioreview_bench.scoring.inputs import GivenPredictions, resolve
from bioreview_bench.scoring.judge.space import JudgeBackend, JudgedSpace
from bioreview_bench.scoring.low_precision.bounds import questions
from bioreview_bench.scoring.low_precision.exact import MixedSpace
from bioreview_bench.scoring.other_article import other_article
from bioreview_bench.scoring.tally import ControlScores, Tally, article_counts, grid, tally
from bioreview_bench.scoring.tally import sweep as sweep_points
from bioreview_bench.scoring.texts import Case, TextPool, cases
from bioreview_bench.stats import summary
from bioreview_bench.stats.agreement import label_agreement
from bioreview_bench.stats.confidence import confidence
from bioreview_bench.stats.summary import gate
from bioreview_bench.stats.sums import columns
from bioreview_bench.stats.uncertainty import drawing, intervals

ControlSet = Literal["full", "basic"]

# Contract fields that do not describe a caller's encoder.
_NOT_OURS: dict[str, Any] = dict.fromkeys(
    ("revision", "weights_sha256", "adapter", "files_sha256", "max_length", "dtype", "pooling")
)


def score(
    articles: Iterable[Article] | GivenPredictions | None = None,
    predictions: GivenPredictions | None = None,
    contract: Contract | str | Path | None = None,
    encoder: Any = None,
    draws: int = 10_000,
    seed: int = 42,
    *,
    data: str | Path | None = None,
    split: str = "test",
    controls: ControlSet | None = None,
    system: System | None = None,
    encoder_path: Path | None = None,
    allow_extra: bool = False,
    require_complete: bool = False,
    sweep: bool = False,
    backend: Backend | None = None,
    card: ValidityCard | None = None,
    progress: Progress = lambda done, total: None,
) -> Result:
    """Score predictions against the references of articles: `score("predictions.jsonl", data="demo")`.

    `predictions`: the path of a file (or `demo:NAME`, a bundled one, which implies its data), what `read_predictions`
    returns, or a mapping of article id to a list of strings or objects. `data` and `split` name the articles as
    `load_split` does; instead of them, `articles` may be given first: a Split from `load_split`, or any Articles.
    `contract`: a Contract, its name, or the path of its file; default: `v3` for released data, `reader` for any other.

    `encoder`: anything with `id: str` and `encode(texts) -> (n, d) float32 L2-normalised`; it gets normalised unique
    texts, takes the place of the contract's encoder, makes the contract `custom`, and bypasses every cache. `draws`:
    bootstrap draws, 0 for no intervals.

    `controls`: `full` scores the echo and generic reviewers beside the other-article control, `basic` leaves
    these two out. Default: `full` with the contract's encoder; `basic` with a caller's, which then gets only the
    texts that were handed in (it may be no more than a table of them).

    `sweep`: also score at thresholds from 0.05 to 0.95, without encoding again.

    `backend`: what `backends.choose` made for this contract's encoder before, so that a process which scores many
    files checks and loads the encoder once. It excludes `encoder` and `encoder_path`.

    `card`: the validity card of a Contract that comes from a file; those of bundled contracts, and of contracts named
    by path, are known.

    Raises InputError for bad predictions, DataError for bad data, EncoderError when the encoder is unavailable; nothing
    is scored then.

    >>> score("demo:careful", contract="jaccard", draws=0).record.data.label
    'demo/test#2dc7cdf65777'
    >>> from bioreview_bench import load_split
    >>> articles = load_split("demo", "test")
    >>> said_again = {article.id: [concern.text for concern in article.concerns] for article in articles}
    >>> result = score(articles, said_again, Contract.load("jaccard"), draws=0)
    >>> result.record.overall.n_matched == result.record.overall.n_ref, result.record.overall.recall
    (True, 1.0)
    """
    started, clock = datetime.now(UTC), time.monotonic()
    inputs = resolve(articles, predictions, contract, data, split, allow_extra=allow_extra)
    scored, checked, used = inputs.split, inputs.predictions, inputs.contract
    if require_complete:
        require_answers(checked, scored)
    if backend is None:
        backend = choose(used, encoder, encoder_path, progress)
    elif encoder is not None or encoder_path is not None or not backend.serves(used):
        raise InputError(f"The backend was not made for contract {used.name}, or another encoder was named too.")
    if encoder is not None:
        used = replace(used, name=CUSTOM, encoder=backend.part, **_NOT_OURS)
    wanted = controls or ("full" if encoder is None else "basic")
    ids, families = [article.id for article in scored], [article.family for article in scored]
    with drawing(ids, families, draws, seed) as weights:
        pool = TextPool()
        fitting = Fitting(used, scored.articles, pool)
        signature = used.signature(scored.label, backend.part, fitting.text_digest)
        case_list = cases(scored.articles, checked, used, pool)
        thresholds = grid(used) if sweep else []
        controlled = None
        if wanted == "full":
            near_misses = read_near_misses(scored)
            controlled = ControlScores(case_list, signature, backend, pool, near_misses, swept=sweep)
        space = backend.space(pool.texts, fitting.fit)
        # A judge is asked about predictions only: what reviewers say of one another would cost as much again.
        reviewers = [] if isinstance(space, JudgedSpace) else held_out(case_list)
        if isinstance(space, MixedSpace):
            asked = questions(case_list, used, thresholds, controlled.written if controlled else ())
            space.settle([*asked, *human_questions(reviewers, used.threshold)])
        elif isinstance(space, JudgedSpace):
            space.settle(case_list, controlled.written if controlled else ())
        # Products for one article are small: a second thread would only wait for the first, at full speed.
        with threadpool_limits(limits=1, user_api="blas"):
            matched = tally(case_list, space, used.threshold, pool.texts)
            null = other_article(case_list, space, used, thresholds)
            extra = controlled.counts(space, used.threshold) if controlled else {}
            counts = article_counts(case_list, matched, null, extra)
            beside = matched_reviewers(reviewers, space, used.threshold)
            summed = {**columns(counts), **human_columns(beside, ids)}
            found = intervals(summed, ids, families, draws=draws, seed=seed, weights=weights)

    overall, figures = summary.overall(counts), summary.controls(counts)
    label = contract_label(used, scored, backend.record.verified)
    gated = used.official_name == "v3" and scored.data in RELEASED
    parts: dict[str, dict[str, Any]] = {
        "per_category": summary.per_category(counts),
        "per_severity": summary.per_severity(counts),
        "per_source": summary.per_source(counts),
    }
    record = ResultRecord(
        schema_version=SCHEMA_VERSION,
        signature=signature,
        contract={**used.as_dict(), "name": label},
        system=system or System(name=checked.path.stem if checked.path else "unnamed"),
        data=Data(
            label=scored.label,
            name=scored.data,
            split=scored.name,
            fingerprint=scored.fingerprint,
            verification=scored.verification,
            held_out=scored.held_out,
        ),
        encoder=backend.record,
        coverage=_coverage(case_list, checked),
        overall=overall,
        controls=figures,
        **parts,
        label_agreement=_agreement(matched),
        confidence=_confidence(matched),
        gate=gate(overall.f1, overall.recall, figures.saturated) if gated else None,
        judge=backend.note if isinstance(backend, JudgeBackend) else None,
        sweep=sweep_points(case_list, space, counts, null, controlled, thresholds),
        intervals={path: interval for path, interval in found.items() if _occurs(path, parts)},
        bootstrap={"draws": draws, "seed": seed, "unit": "family", "n_units": len(set(families))},
        articles=counts.to_rows(),
        provenance=Provenance(
            predictions_sha256=checked.sha256,
            data_fingerprint=scored.fingerprint,
            package=provenance.package_version(),
            libraries=provenance.libraries(),
            device=backend.device,
            git=provenance.git_state(),
            started=started.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - clock, 3),
        ),
        validity=validity(used, backend.record, inputs.card if card is None else card),
        humans=humans(beside),
    )
    return Result(record, counts, matched.pairs, null.histogram)


def contract_label(contract: Contract, split: Split, encoder_verified: bool) -> str:
    """The contract's name as it may be printed: `v3` alone only for verified weights on the frozen data."""
    name = contract.official_name
    if name != "v3":
        return name
    if not encoder_verified:
        return "v3+unverified-encoder"
    if split.limited:
        return f"v3 (first {len(split)} articles only)"
    if split.verification == "counts":
        return "v3 (counts verified, contents not)"
    return "v3" if split.verification == "contents" else "v3 (not the frozen data)"


def _coverage(cases: Sequence[Case], predictions: Predictions) -> Coverage:
    rows = [predictions[case.article.id] for case in cases if case.article.id in predictions]
    return Coverage(
        n_articles=len(cases),
        **{outcome: sum(case.outcome == outcome for case in cases) for outcome in OUTCOMES},
        n_blank_dropped=sum(row.n_blank for row in rows),
        n_unknown_labels=sum(row.n_unknown_labels for row in rows),
        n_extra_ignored=predictions.n_extra_ignored,
        excluded_figure=sum(case.n_excluded for case in cases),
    )


def _agreement(matched: Tally) -> dict[str, Any]:
    pairs = [pair for pair in matched.pairs if pair["kind"] == "prediction" and pair["concern_id"] is not None]
    return {
        label: label_agreement(
            (pair[reference], pair[label]) for pair in pairs if pair[label] is not None and pair[reference] is not None
        )
        for label, reference in (("category", "reference_category"), ("severity", "reference_severity"))
    }


def _confidence(matched: Tally) -> dict[str, Any] | None:
    stated = [pair for pair in matched.pairs if pair["kind"] == "prediction" and pair["confidence"] is not None]
    return confidence([pair["confidence"] for pair in stated], [pair["concern_id"] is not None for pair in stated])


def _occurs(path: str, parts: Mapping[str, Mapping[str, Any]]) -> bool:
    """True for a metric that has a point in the result, so that absent categories get no interval."""
    section, name = path.split(".")[:2]
    return section not in parts or name in parts[section]
