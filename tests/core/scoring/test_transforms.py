"""Transforms against their definitions, and what they add to the signature."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bioreview_bench import Contract, score
from bioreview_bench.contracts.transforms import (
    Center,
    Topic,
    decode_basis,
    encode_basis,
    is_known,
    topic_basis,
    topic_rank,
)
from bioreview_bench.errors import DataError, InputError

_DEMO = Contract.load("demo")


def test_topic_removes_exactly_the_first_directions_of_the_sample() -> None:
    rng = np.random.default_rng(0)
    sample = rng.standard_normal((30, 8)).astype(np.float32)
    basis = topic_basis(sample, 3)
    # The eigenvectors of the uncentred second moment, by another route.
    values, vectors = np.linalg.eigh(sample.astype(np.float64).T @ sample.astype(np.float64))
    expected = vectors[:, np.argsort(values)[::-1][:3]]
    assert np.allclose(np.abs(basis @ expected), np.eye(3), atol=1e-6)
    left = Topic({"elife:1": basis})("elife:1", sample)
    assert left.dtype == np.float32
    assert np.abs(left @ basis.T).max() < 1e-5


def test_topic_uses_all_directions_when_there_are_fewer_than_k() -> None:
    assert topic_basis(np.eye(2, 5, dtype=np.float32), 20).shape == (2, 5)


def test_center_subtracts_the_mean_and_refuses_another_dimension() -> None:
    center = Center(np.array([1.0, 2.0], np.float32))
    assert center("elife:1", np.array([[1.0, 2.0], [3.0, 2.0]], np.float32)).tolist() == [[0, 0], [2, 0]]
    with pytest.raises(InputError, match="2 dimensions"):
        center("elife:1", np.zeros((1, 3), np.float32))


def test_a_basis_survives_the_contract_file() -> None:
    mean = np.random.default_rng(1).standard_normal(384).astype(np.float32)
    assert (decode_basis(encode_basis(mean)) == mean).all()
    for damaged in ("", "not base64!", "AAA="):
        with pytest.raises(InputError):
            decode_basis(damaged)


@pytest.mark.parametrize(
    ("name", "rank", "known"),
    [
        ("none", None, True),
        ("center", None, True),
        ("topic-1", 1, True),
        ("topic-20", 20, True),
        ("topic-0", None, False),
    ]
    + [(name, None, False) for name in ("topic-", "topic-100", "Topic-1", "topic-1 ", "whiten")],
)
def test_transform_names(name: str, rank: int | None, known: bool) -> None:
    assert topic_rank(name) == rank
    assert is_known(name) is known


def test_contracts_refuse_impossible_transforms() -> None:
    for change in ({"transform": "center"}, {"basis": "AAAA"}, {"transform": "topic-100"}):
        with pytest.raises(InputError):
            replace(_DEMO, name="custom", **change)
    with pytest.raises(InputError, match="needs vectors"):
        replace(Contract.load("jaccard"), transform="topic-1")


def test_topic_without_sentences_is_an_error_naming_the_article(
    make_article: Callable[..., Any], hash_encoder: Any
) -> None:
    articles = [make_article("elife:1", ["A concern about the controls."])]
    with pytest.raises(DataError, match="elife:1"):
        score(articles, {}, replace(_DEMO, name="custom", transform="topic-1"), encoder=hash_encoder)


def test_the_signature_carries_the_sentences_a_topic_was_learnt_from(
    make_article: Callable[..., Any], hash_encoder: Any
) -> None:
    contract = replace(_DEMO, name="custom", transform="topic-1")
    sentence = "The receptor binds its ligand in every cell line that we tested."

    def signature(abstract: str) -> str:
        articles = [make_article("elife:1", ["A concern about the controls."], abstract=abstract)]
        return score(articles, {}, contract, encoder=hash_encoder, draws=0).signature

    plain, changed = signature(sentence), signature(sentence.replace("every", "each"))
    assert "+text#" in plain.split("|")[2]
    assert plain != changed
    assert "|tf:topic-1|" in plain


def test_predictions_are_transformed_with_the_article_they_are_matched_against(
    make_article: Callable[..., Any], table_encoder: Any
) -> None:
    # Both articles speak along axis 0. The concerns agree in axis 0 alone, so nothing is left to match.
    sentence = "All of the sentences in this paper speak about the same thing."
    vectors = {
        sentence: [1, 0, 0],
        "First reference concern": [0.9, np.sqrt(1 - 0.81), 0],
        "A prediction on topic": [0.9, 0, np.sqrt(1 - 0.81)],
    }
    article = make_article("elife:1", ["First reference concern"], abstract=sentence)
    contract = replace(_DEMO, name="custom", threshold=0.8)
    rows = {"elife:1": ["A prediction on topic"]}
    plain = score([article], rows, contract, encoder=table_encoder(vectors), draws=0)
    topic = score([article], rows, replace(contract, transform="topic-1"), encoder=table_encoder(vectors), draws=0)
    assert plain.record.overall.n_matched == 1
    assert topic.record.overall.n_matched == 0
