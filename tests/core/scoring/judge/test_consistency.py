"""The swapped second pass: what it asks, and how agreement is counted."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from bioreview_bench.scoring.judge.consistency import order_agreement
from bioreview_bench.scoring.judge.request import DIFFERENT, LABELS, RELATED, SAME


def test_agreement_equals_scikit_learn_and_counts_by_hand() -> None:
    generator = np.random.default_rng(3)
    first = [generator.integers(0, 3, size=shape).astype(np.int8) for shape in ((4, 3), (2, 5))]
    second = [np.where(generator.random(labels.shape) < 0.2, RELATED, labels).astype(np.int8) for labels in first]
    found = order_agreement(first, second)
    one, two = (np.concatenate([labels.ravel() for labels in side]) for side in (first, second))
    assert found.n_pairs == 22
    assert found.same_kappa == pytest.approx(cohen_kappa_score(one == SAME, two == SAME))
    assert found.label_kappa == pytest.approx(cohen_kappa_score(one, two))
    assert found.n_same_both == int(((one == SAME) & (two == SAME)).sum())


def test_matches_are_counted_one_to_one_for_each_pass() -> None:
    first = [np.array([[SAME, SAME], [SAME, DIFFERENT]], np.int8)]
    second = [np.array([[SAME, DIFFERENT], [SAME, DIFFERENT]], np.int8)]
    found = order_agreement(first, second)
    assert found.n_matched == (2, 1)
    assert (found.n_same_first, found.n_same_second, found.n_same_both) == (3, 2, 2)
    assert order_agreement(first, first).same_kappa == 1.0
    assert order_agreement([first[0] * 0], [first[0] * 0]).same_kappa is None
    assert LABELS[SAME] == "same"


def test_a_judge_that_reads_agrees_with_itself_and_one_that_counts_places_does_not(
    loopback_judge: Any, evaluate: Any
) -> None:
    code, out, err = evaluate("--consistency", "--format", "json")
    assert code == 0, err
    order = json.loads(out)["judge"]["order"]
    assert order["same_kappa"] in (None, 1.0)
    assert order["label_kappa"] == 1.0
    assert order["n_matched"][0] == order["n_matched"][1]

    def first_reference(answer: list[dict[str, Any]], lists: Any) -> str:
        return json.dumps({"judgements": [{**entry, "same": ["R1"], "related": []} for entry in answer]})

    loopback_judge.spoil = first_reference
    code, out, _ = evaluate("--consistency", "--full", contract="judge:openai:other")
    assert code == 0
    assert "Asked again in reverse order" in out
    code, out, _ = evaluate("--consistency", "--format", "json", contract="judge:openai:other")
    order = json.loads(out)["judge"]["order"]
    assert order["n_same_first"] == order["n_same_second"] > order["n_same_both"]
    assert order["same_kappa"] < 0.1


def test_the_second_pass_reverses_both_lists_of_the_system_and_no_control(loopback_judge: Any, evaluate: Any) -> None:
    assert evaluate()[0] == 0
    first = {(*lists["predictions"].values(), "|", *lists["references"].values()) for lists in loopback_judge.asked}
    n = len(loopback_judge.asked)
    assert evaluate("--consistency")[0] == 0
    again = loopback_judge.asked[n:]
    assert len(again) == 11  # the demo's articles with references that count
    for lists in again:
        predictions, references = list(lists["predictions"].values()), list(lists["references"].values())
        assert (*predictions[::-1], "|", *references[::-1]) in first


def test_the_score_is_that_of_the_first_pass(loopback_judge: Any, evaluate: Any) -> None:
    loopback_judge.spoil = lambda answer, lists: json.dumps(
        {"judgements": [{**entry, "same": ["R1"], "related": []} for entry in answer]}
    )
    once, twice = (json.loads(evaluate(*more, "--format", "json")[1]) for more in ((), ("--consistency",)))
    assert once["overall"] == twice["overall"]
    assert once["judge"]["order"] is None
