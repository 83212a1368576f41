"""Labels for any texts: what an audit of a judge reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.contracts.judge_names import JudgeName
from bioreview_bench.errors import InputError, RemoteError
from bioreview_bench.llm.calls.watching import Progress, Watcher
from bioreview_bench.scoring.judge.calls import JudgeSettings, ModelJudge, ask_judge
from bioreview_bench.scoring.judge.request import JudgeRequest
from bioreview_bench.scoring.judge.scorer import JudgeScorer, OnlyPlanned

TEXTS = {
    "elife:1": (("add controls", "cells were few"), ("cells need controls", "statistics lack power")),
    "elife:2": (("report power",), ("statistics lack power",)),
}
Texts = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]


def labels(texts: Texts, settings: JudgeSettings, **how: Any) -> dict[str, Any]:
    """What the judge says of each article's texts."""
    judge = ModelJudge(JudgeName.parse("judge:openai:small"), settings)
    requests = {name: JudgeRequest(name, *both) for name, both in texts.items()}
    answers = ask_judge(judge, list(requests.values()), **how)
    return {name: answers[request.id].labels.tolist() for name, request in requests.items()}


class _Seen(Watcher):
    """Notes what a judge says of its progress."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def begun(self, n_before: int, n_all: int) -> None:
        self.seen.append((n_before, n_all))

    def show(self, progress: Progress) -> None:
        self.seen.append(progress.done)


@pytest.fixture
def settings(loopback_judge: Any) -> JudgeSettings:
    return JudgeSettings(base_url=loopback_judge.url)


def test_one_call_an_article_gives_a_matrix_of_labels(loopback_judge: Any, settings: JudgeSettings) -> None:
    watcher = _Seen()
    plans: list[Any] = []
    found = labels(TEXTS, settings, announce=plans.append, watcher=watcher)
    assert found == {"elife:1": [[2, 0], [1, 0]], "elife:2": [[2]]}
    assert len(loopback_judge.asked) == 2
    assert (plans[0].calls, plans[0].stored) == (2, 0)
    assert watcher.seen == [(0, 2), 0, 1, 2]
    assert labels(TEXTS, settings, announce=plans.append) == found
    assert plans[1].left == 0
    assert len(loopback_judge.asked) == 2


def test_the_order_of_texts_is_part_of_the_question(loopback_judge: Any, settings: JudgeSettings) -> None:
    labels(TEXTS, settings)
    predictions, references = TEXTS["elife:1"]
    assert labels({"elife:1": (predictions[::-1], references)}, settings) == {"elife:1": [[1, 0], [2, 0]]}
    assert len(loopback_judge.asked) == 3


def test_one_article_without_an_answer_fails_all_and_is_named(loopback_judge: Any, settings: JudgeSettings) -> None:
    loopback_judge.spoil = lambda answer, lists: "?" if "P2" in lists["predictions"] else None
    with pytest.raises(RemoteError, match="elife:1") as caught:
        labels(TEXTS, settings)
    assert "elife:2" not in str(caught.value)
    loopback_judge.spoil = lambda answer, lists: None
    labels(TEXTS, settings)
    assert len(loopback_judge.asked) == 3


def test_two_articles_with_the_same_texts_are_asked_about_once_and_both_named(
    loopback_judge: Any, settings: JudgeSettings
) -> None:
    twins = {"elife:1": TEXTS["elife:2"], "elife:2": TEXTS["elife:2"]}
    loopback_judge.spoil = lambda answer, lists: "?"
    with pytest.raises(RemoteError, match=r"2 articles") as caught:
        labels(twins, settings)
    assert "elife:1" in str(caught.value)
    assert "elife:2" in str(caught.value)
    assert len(loopback_judge.asked) == 1


def test_a_contract_without_a_judge_is_refused(settings: JudgeSettings) -> None:
    with pytest.raises(InputError, match="names no judge"):
        JudgeScorer(Contract.load("demo"), settings)


@dataclass
class Question:
    article: Any
    references: tuple[Any, ...]
    texts: tuple[str, ...]


def test_an_audit_gets_scores_for_each_reviewer_and_article(
    loopback_judge: Any, settings: JudgeSettings, make_article: Any
) -> None:
    one, two = make_article("elife:1", ["cells need controls", "statistics lack power"]), make_article("elife:2")
    questions = [
        Question(one, one.concerns, ("add controls", "cells were few")),
        Question(one, one.concerns, ("report power",)),
        Question(two, two.concerns, ("report power",)),
    ]
    contract = Contract.load("judge:openai:small")
    with pytest.raises(OnlyPlanned) as caught:
        JudgeScorer(contract, settings, dry_run=True).scores(questions)
    assert caught.value.plan.left == 2
    assert not loopback_judge.asked
    scorer = JudgeScorer(contract, settings)
    found = scorer.scores(questions)
    assert [scores.tolist() for scores in found[:2]] == [[[1.0, 0.0], [0.5, 0.0]], [[0.0, 1.0]]]
    assert found[2].shape == (1, 0)
    assert len(loopback_judge.asked) == 2
    assert (scorer.encoder.id, scorer.part) == (
        "judge/openai/small",
        contract.signature().split("|enc:")[1].split("|")[0],
    )
