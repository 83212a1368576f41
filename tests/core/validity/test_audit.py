"""An audit counts what it says: by hand, by brute force, and on the pilot by code that is not the project's."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, roc_auc_score

from bioreview_bench import Article, Contract, load_split
from bioreview_bench.errors import InputError
from bioreview_bench.results.validity import load_card
from bioreview_bench.validity.audit import audit
from bioreview_bench.validity.corpus import read_corpus
from bioreview_bench.validity.judgements import RELATED, SAME, JudgedText, Judgements, read_judgements
from bioreview_bench.validity.scorers import ContractScorer
from bioreview_bench.validity.sheets import Question, Sheet
from bioreview_bench.validity.tally import Marked, counts

A, B = "The control is missing.", "The sample is too small."


def text(words: str, same: str | None = None, related: str | None = None, **fields: Any) -> JudgedText:
    said = {**({same: SAME} if same else {}), **({related: RELATED} if related else {})}
    return JudgedText("elife:1", words, {"a": said, "b": said}, fields.pop("reviewer", "reader"), **fields)


def test_figures_of_a_case_worked_out_by_hand(
    make_article: Callable[..., Any], table_scorer: Callable[..., Any]
) -> None:
    article = make_article("elife:1", [A, B])
    judgements = Judgements(
        (
            text("right", same="elife:1:R1C1"),
            text("stolen", related="elife:1:R1C2"),
            text("lost", same="elife:1:R1C2"),
            text("close", written_from="elife:1:R1C1", reviewer="near"),
        ),
        (),
    )
    # "stolen" takes B from "lost", which is below the threshold; "close" takes A although it makes another point.
    scorer = table_scorer({("right", A): 0.9, ("stolen", B): 0.8, ("lost", B): 0.4, ("close", A): 0.7}, 0.5)
    card = audit(judgements, [article], scorer, "here/all", draws=0)
    reader, near = card.reviewers["reader"], card.reviewers["near"]
    assert (reader.n_texts, reader.n_references, reader.n_pairs, reader.n_same_pairs) == (3, 2, 6, 2)
    assert (reader.n_same, reader.n_true, reader.own_words) == (2, 2, True)
    assert (reader.matched.n, reader.matched.of) == (2, 2)
    assert (reader.matched_same.n, reader.matched_same.of, reader.matched_same.share) == (1, 2, 0.5)
    assert (reader.matched_related.n, reader.found.n, reader.found.of) == (1, 1, 2)
    assert (reader.eligible_same.n, reader.eligible_same.of, reader.eligible_found.n) == (1, 2, 1)
    assert (reader.counted_f1.value, reader.judged_f1.value) == (0.8, 0.8)
    assert reader.average_precision.value == pytest.approx((1 + 2 / 3) / 2, abs=1e-6)
    assert reader.auc.value == pytest.approx(7 / 8)  # of 2 x 4 pairs only "stolen" stands above "lost"
    assert (near.matched.n, near.matched_same.n, near.n_true, near.own_words) == (1, 0, 0, False)
    assert near.average_precision.value is None
    assert near.found.share is None
    assert set(card.groups) == {"all", "own_words"}
    assert card.natural == ("own_words", reader)
    assert card.groups["all"].matched_same.of == 3
    assert card.groups["own_words"] == reader
    assert card.ranking.spearman.value is None


@given(
    arrays(np.float64, (3, 3), elements=st.integers(0, 999).map(lambda value: value / 1000), unique=True),
    arrays(np.int8, (3, 3), elements=st.integers(0, 2)),
)
def test_matches_are_those_of_the_best_assignment(scores: np.ndarray, gold: np.ndarray) -> None:
    references = [
        {"concern_id": f"c{at}", "concern_text": "A concern of ten.", "category": "other", "severity": "minor"}
        for at in range(3)
    ]
    article = Article(id="elife:1", source="elife", concerns=references)
    sheet = Sheet(Question("r", article, article.concerns, ("a", "b", "c")), gold, own_words=True)
    found = counts(Marked(sheet, scores), 0.5)
    ways = [[(row, column) for row, column in enumerate(way)] for way in itertools.permutations(range(3))]
    kept = [[pair for pair in way if scores[pair] >= 0.5] for way in ways]
    best = max(kept, key=lambda way: (len(way), sum(scores[pair] for pair in way)))
    assert found["M"] == len(best)
    assert found["MS"] == sum(gold[pair] == SAME for pair in best)
    assert found["MR"] == sum(gold[pair] == RELATED for pair in best)
    assert found["T"] == max(sum(gold[pair] == SAME for pair in way) for way in ways)
    assert found["S"] == sum(any(row == SAME) for row in gold)
    assert found["E"] == int((scores >= 0.5).sum())


def test_nothing_judged_about_these_articles_is_an_error(
    make_article: Callable[..., Any], table_scorer: Callable[..., Any]
) -> None:
    judgements, scorer = Judgements((text("x"),), ()), table_scorer({}, 0.5)
    with pytest.raises(InputError, match=r"not among the given ones: elife:1\."):
        audit(judgements, [make_article("elife:2", [A])], scorer, "here/all")
    with pytest.raises(InputError, match="No judged text"):
        audit(judgements, [make_article("elife:1", [])], scorer, "here/all")


def test_the_rates_of_copying_are_those_of_calibration(minilm: None, warm: Path) -> None:
    from bioreview_bench.scoring.calibration import THRESHOLDS, calibrate

    split = load_split("demo", "train")
    judgements = Judgements(
        tuple(JudgedText(one.id, "A text that says nothing.", {"a": {}}, "reader") for one in split), ()
    )
    contract = Contract.load("demo-topic")
    card = audit(judgements, split, ContractScorer(contract), "demo/train", draws=0)
    curve = calibrate(split.articles, contract, {})
    at = THRESHOLDS.index(contract.threshold)
    for name, rate in card.controls.items():
        assert rate.share == pytest.approx(curve.match_rate[name][at], abs=1e-6)
    assert set(card.controls) == {"echo", "generic", "other"}


def test_the_pilots_judgements_are_counted_as_they_stand(pilot: Path) -> None:
    """By the readme of the corpus: 70 of 324 comments of the blind reader, kappa 0.95 and 0.90 over 2,712 pairs."""
    from bioreview_bench.validity.agreement import rater_agreement

    split = load_split(pilot, "all")
    blind = read_judgements([pilot / "judgements" / "blind_reader.jsonl"], split)
    found = rater_agreement(blind, split, Contract.load("demo"))
    assert found.n_pairs == 2712
    assert (round(found.same or 0, 2), round(found.labels or 0, 2)) == (0.95, 0.90)
    card = load_card("demo")
    assert card is not None
    assert (card.reviewers["blind_reader"].n_same, card.reviewers["blind_reader"].n_texts) == (70, 324)
    assert (card.reviewers["near_miss"].n_same, card.reviewers["restated"].n_same) == (0, 80)


def test_the_card_of_demo_agrees_with_code_that_is_not_the_projects(
    pilot: Path, pilot_vectors: dict[str, np.ndarray]
) -> None:
    import networkx

    articles = {row["id"]: row for row in map(json.loads, (pilot / "articles.jsonl").open(encoding="utf-8"))}
    rows = [json.loads(line) for line in (pilot / "judgements" / "blind_reader.jsonl").open(encoding="utf-8")]
    scores, same, n_matched, n_right = [], [], 0, 0
    for article_id in sorted({row["article_id"] for row in rows}):
        concerns = [
            one
            for one in articles[article_id]["concerns"]
            if one["category"] != "figure_issue" and not one["requires_figure_reading"]
        ]
        own = [row for row in rows if row["article_id"] == article_id]
        written = np.array([pilot_vectors[" ".join(row["text"].split())] for row in own])
        cosine = written @ np.array([pilot_vectors[" ".join(one["concern_text"].split())] for one in concerns]).T
        agreed = np.array(
            [
                [all(row[who].get(one["concern_id"]) == "same" for who in ("rater_a", "rater_b")) for one in concerns]
                for row in own
            ]
        )
        scores.append(cosine.ravel())
        same.append(agreed.ravel())
        graph = networkx.Graph()
        graph.add_weighted_edges_from(
            (("p", p), ("r", r), float(cosine[p, r])) for p, r in zip(*np.nonzero(cosine >= 0.40), strict=True)
        )
        for a, b in networkx.max_weight_matching(graph, maxcardinality=True):
            (_, p), (_, r) = sorted((a, b))
            n_matched, n_right = n_matched + 1, n_right + int(agreed[p, r])
    card = load_card("demo")
    assert card is not None
    found = card.reviewers["blind_reader"]
    assert (found.matched.n, found.matched_same.n) == (n_matched, n_right) == (172, 31)
    everything = np.concatenate(same), np.concatenate(scores)
    assert found.average_precision.value == pytest.approx(average_precision_score(*everything), abs=1e-4)
    assert found.auc.value == pytest.approx(roc_auc_score(*everything), abs=1e-4)


def test_the_vectors_of_the_pilot_are_those_of_sentence_transformers(pilot_vectors: dict[str, np.ndarray]) -> None:
    from sentence_transformers import SentenceTransformer

    from bioreview_bench.encoders.files import resolve

    some = sorted(pilot_vectors)[::25]
    loaded = SentenceTransformer(str(resolve(Contract.load("demo"), None).folder), device="cpu")
    found = loaded.encode(some, normalize_embeddings=True)
    assert found == pytest.approx(np.array([pilot_vectors[text] for text in some]), abs=1e-5)


@pytest.mark.parametrize("name", ["demo", "demo-topic", "jaccard"])
def test_bundled_cards_are_what_an_audit_gives(name: str, minilm: None, warm: Path, pilot: Path) -> None:
    split = load_split(pilot, "all")
    files = [pilot / "judgements" / "pairs.jsonl", pilot / "judgements" / "blind_reader.jsonl"]
    # Encoding the large corpus takes a minute; the contract without an encoder checks it.
    names = ("elife_pilot.jsonl", "invented_demo.jsonl") if name == "jaccard" else ()
    corpora = [read_corpus(pilot.parent / "matching" / file, split) for file in names]
    scorer = ContractScorer(Contract.load(name))
    made = audit(read_judgements(files, split), split, scorer, "elife_pilot/all", corpora, draws=1000).model_dump()
    card = load_card(name)
    assert card is not None
    bundled = card.model_dump()
    assert made["measured_on"].pop("corpus") in ([], bundled["measured_on"].pop("corpus"))
    for part in ("measured_on", "signature", "contract", "encoder", "agreement", "package"):
        assert made[part] == bundled[part]
    for part in ("groups", "reviewers", "controls", "ranking", *(["corpus"] if names else [])):
        assert _points(made[part]) == pytest.approx(_points(bundled[part]), abs=2e-4)


def _points(tree: Any, path: str = "") -> dict[str, float]:
    """All numbers but those of intervals, which depend on the number of draws."""
    if isinstance(tree, dict):
        kept = {key: value for key, value in tree.items() if key != "interval"}
        return {name: value for key, part in kept.items() for name, value in _points(part, f"{path}/{key}").items()}
    return {path: tree} if isinstance(tree, int | float) else {}


def test_intervals_cover_their_points_and_are_clustered_by_family(pilot: Path) -> None:
    card = load_card("demo")
    assert card is not None
    share = card.groups["own_words"].matched_same
    assert share.interval is not None
    assert share.interval[0] < (share.share or 0) < share.interval[1]
    assert card.bootstrap.n_units == 27
