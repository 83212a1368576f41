"""`score`, the one call: what it asks of an encoder, what it accepts, what does not matter to it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import Contract, Result, read_predictions, score
from bioreview_bench.controls.reviewers import GENERIC_CONCERNS
from bioreview_bench.data.split import Split
from bioreview_bench.errors import EncoderError, InputError

DEMO = Contract.load("demo")
ABSTRACT = "We measured the growth of yeast in glucose. It grew faster in the dark, which nobody had seen before."


@pytest.fixture
def articles(make_article: Callable[..., Any]) -> list[Any]:
    return [
        make_article("elife:2", ["Cells were not\n counted  blind.", "The dose is missing."], abstract=ABSTRACT),
        make_article("elife:10", ["The dose is missing."], abstract=ABSTRACT),
        make_article("plos:1", [{"concern_text": "Figure 2 is unreadable.", "category": "figure_issue"}]),
    ]


PREDICTIONS = {
    "elife:2": ["The dose is missing.", "Something else."],
    "elife:10": ["The  dose\tis missing.", "   "],
    "plos:1": ["Figure 2 is unreadable."],
}


def figures(result: Result) -> dict[str, Any]:
    """All that does not name the run or the order of articles; sums of fractions round differently in another order."""

    def rounded(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: rounded(member) for name, member in value.items()}
        if isinstance(value, list):
            return [rounded(member) for member in value]
        return round(value, 12) if isinstance(value, float) else value

    found = result.to_dict()
    found["articles"] = sorted(found["articles"], key=lambda row: row["id"])
    return {name: rounded(value) for name, value in found.items() if name not in ("provenance", "signature", "data")}


def test_encoder_gets_each_normalised_text_once_and_nothing_else(articles: list[Any], table_encoder: type) -> None:
    texts = ["Cells were not counted blind.", "The dose is missing.", "Something else.", "Figure 2 is unreadable."]
    encoder = table_encoder({text: [float(k == place) for k in range(4)] for place, text in enumerate(texts)})
    found = score(articles, PREDICTIONS, DEMO, encoder, draws=0)
    assert Counter(encoder.asked) == dict.fromkeys(texts, 1)
    assert (found.record.overall.n_ref, found.record.overall.n_pred, found.record.overall.n_matched) == (3, 4, 2)


def test_a_callers_encoder_makes_the_contract_custom(articles: list[Any], hash_encoder: Any) -> None:
    found = score(articles, PREDICTIONS, DEMO, hash_encoder, draws=0)
    assert found.record.contract["name"] == "custom"
    assert "|enc:hash|len:-|dtype:-|pool:-|" in found.signature
    assert found.record.encoder.verified is False


def test_an_encoder_that_is_none_is_refused(articles: list[Any], hash_encoder: Any) -> None:
    with pytest.raises(InputError, match="encode"):
        score(articles, PREDICTIONS, DEMO, "all-MiniLM-L6-v2")
    hash_encoder.encode = lambda texts: [[2.0, 0.0]] * len(texts)
    with pytest.raises(EncoderError, match="not L2-normalised"):
        score(articles, PREDICTIONS, DEMO, hash_encoder)


def test_control_reviewers_are_scored_when_asked_for(articles: list[Any], hash_encoder: Any) -> None:
    basic = score(articles, PREDICTIONS, DEMO, hash_encoder, draws=0).record.controls
    assert (basic.echo_f1, basic.generic_f1) == (None, None)
    articles[1] = articles[1].model_copy(
        update={"concerns": (articles[1].concerns[0].model_copy(update={"concern_text": GENERIC_CONCERNS[0]}),)}
    )
    full = score(articles, PREDICTIONS, DEMO, hash_encoder, draws=0, controls="full").record.controls
    # Both abstracts' two sentences against three references; ten stock comments for each of three articles.
    assert (full.echo_f1, full.echo_match_rate) == (0, 0)
    assert full.generic_f1 == pytest.approx(2 * 1 / (3 + 30))
    assert full.generic_match_rate == pytest.approx(1 / 3)


def test_strings_objects_and_tuples_say_the_same(articles: list[Any], hash_encoder: Any) -> None:
    said = {"elife:2": ["The dose is missing.", "Something else."]}
    same: list[dict[str, Any]] = [
        {"elife:2": [{"text": "The dose is missing."}, {"concern_text": "Something else."}]},
        {"elife:2": [{"text": "The dose is missing.", "tool": "mine"}, "Something else."]},
        {"elife:2": ("The dose is missing.", "Something else.")},
    ]
    expected = figures(score(articles, said, DEMO, hash_encoder, draws=0))
    assert expected["overall"]["n_matched"] == 1
    for predictions in same:
        assert figures(score(articles, predictions, DEMO, hash_encoder, draws=0)) == expected


def test_unknown_ids_are_errors_with_the_nearest_known_one(articles: list[Any], hash_encoder: Any) -> None:
    with pytest.raises(InputError, match=r'unknown article id "elif:2".*"elife:2"'):
        score(articles, {**PREDICTIONS, "elif:2": []}, DEMO, hash_encoder)


def test_allow_extra_ignores_and_counts_them_but_checks_their_form(articles: list[Any], hash_encoder: Any) -> None:
    extra = {**PREDICTIONS, "elife:99": ["A comment."]}
    found = score(articles, extra, DEMO, hash_encoder, draws=0, allow_extra=True)
    assert found.record.coverage.n_extra_ignored == 1
    assert found.record.overall == score(articles, PREDICTIONS, DEMO, hash_encoder, draws=0).record.overall
    with pytest.raises(InputError, match="elife:99"):
        score(articles, {**extra, "elife:99": [7]}, DEMO, hash_encoder, allow_extra=True)


def test_require_complete_lists_what_has_no_answer(
    articles: list[Any], hash_encoder: Any, write_jsonl: Callable[..., Path]
) -> None:
    rows = [{"article_id": "elife:2", "concerns": [], "status": "refused"}, {"article_id": "elife:10", "concerns": []}]
    predictions = read_predictions(write_jsonl(rows), articles)
    assert score(articles, predictions, DEMO, hash_encoder, draws=0).record.coverage.missing == 1
    with pytest.raises(InputError) as caught:
        score(articles, predictions, DEMO, hash_encoder, require_complete=True)
    assert [str(problem) for problem in caught.value.problems] == [
        "line 1: status refused for elife:2",
        "no row for plos:1",
    ]


def test_nothing_is_encoded_for_predictions_with_a_problem(articles: list[Any], table_encoder: type) -> None:
    encoder = table_encoder({})
    with pytest.raises(InputError, match="2 problems"):
        score(articles, {"elife:2": [{}], "elife:10": "text"}, DEMO, encoder)
    assert encoder.asked == []


def test_no_draws_no_intervals(articles: list[Any], hash_encoder: Any) -> None:
    found = score(articles, PREDICTIONS, DEMO, hash_encoder, draws=0).record
    assert set(found.intervals.values()) == {None}
    assert found.bootstrap.draws == 0
    drawn = score(articles, PREDICTIONS, DEMO, hash_encoder, draws=50).record
    assert drawn.intervals["overall.f1"] is not None


def test_order_of_articles_and_of_predictions_changes_nothing(
    make_article: Callable[..., Any], hash_encoder: Any
) -> None:
    # With more than 21 articles, who lends predictions to whom depends on the order by id.
    articles = [make_article(f"elife:{number}", [f"concern number {number * number % 7}"]) for number in range(30)]
    predictions = {article.id: [f"concern number {place % 9}"] for place, article in enumerate(articles)}
    expected = score(articles, predictions, DEMO, hash_encoder, draws=100)
    assert 0 < expected.record.controls.null_matched < expected.record.overall.n_pred
    found = score(articles[::-1], dict(reversed(predictions.items())), DEMO, hash_encoder, draws=100)
    assert figures(found) == figures(expected)
    assert found.signature == expected.signature


def test_a_split_scores_like_the_list_of_its_articles(articles: list[Any], hash_encoder: Any) -> None:
    split = Split.of(articles, "demo", "test", verification="bundled")
    listed, named = (score(given, PREDICTIONS, DEMO, hash_encoder, draws=100) for given in (articles, split))
    assert figures(listed) == figures(named)
    assert named.signature == listed.signature.replace("data:local/-#", "data:demo/test#")


def test_the_first_articles_are_labelled_and_the_rest_stay_known(articles: list[Any], hash_encoder: Any) -> None:
    cut = score(Split.of(articles).first(1), PREDICTIONS, DEMO, hash_encoder, draws=0)
    assert cut.signature.split("|")[2].endswith("[:1]")
    assert (cut.record.coverage.n_articles, cut.record.overall.n_ref) == (1, 2)


def test_two_articles_with_one_id_are_refused(articles: list[Any], hash_encoder: Any) -> None:
    with pytest.raises(InputError, match="elife:2"):
        score([*articles, articles[0]], PREDICTIONS, DEMO, hash_encoder)


def test_provenance_names_the_bytes_of_the_file(
    articles: list[Any], hash_encoder: Any, write_jsonl: Callable[..., Path]
) -> None:
    path = write_jsonl([{"article_id": "elife:2", "concerns": ["The dose is missing."]}], "mine.jsonl")
    found = score(articles, read_predictions(path, articles), DEMO, hash_encoder, draws=0).record
    assert found.provenance.predictions_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.system.name == "mine"
    assert score(articles, PREDICTIONS, DEMO, hash_encoder, draws=0).record.provenance.predictions_sha256 is None


def test_a_callers_encoder_leaves_no_cache(articles: list[Any], hash_encoder: Any, cache: Path) -> None:
    score(articles, PREDICTIONS, DEMO, hash_encoder, draws=0, controls="full")
    assert not cache.exists()


def test_two_encoders_of_one_name_do_not_share_vectors(articles: list[Any], table_encoder: type) -> None:
    texts = ["Cells were not counted blind.", "The dose is missing.", "Something else.", "Figure 2 is unreadable."]
    alike = table_encoder({text: [1.0, 0.0] for text in texts})
    apart = table_encoder({text: [float(k == place) for k in range(4)] for place, text in enumerate(texts)})
    contract = replace(DEMO, name="custom")
    assert score(articles, PREDICTIONS, contract, alike, draws=0).record.overall.n_matched == 3
    assert score(articles, PREDICTIONS, contract, apart, draws=0).record.overall.n_matched == 2
