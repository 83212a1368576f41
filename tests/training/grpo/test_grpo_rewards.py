"""The function that TRL gets: composed sample by sample, logged by component, and kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bioreview_bench import load_split
from bioreview_bench.errors import DataError, InputError
from bioreview_bench.training.config.load import load
from bioreview_bench.training.grpo.judges import ComposedReward, forget_samples, judge_of
from bioreview_bench.training.grpo.train import Grpo
from bioreview_bench.training.rewards.composer import Composed, RewardComposer

from ..conftest import corpus_facts, corpus_row
from ..rl import make_questions, samples

WEIGHTS = {"V1": 0.6, "V2": 0.0, "V4": 0.4}


class Given:
    """Composes what it is given."""

    names = tuple(WEIGHTS)

    def __init__(self, parts: Sequence[dict[str, float | None]]) -> None:
        self._parts = parts

    def score(self, keys: Sequence[str], completions: Sequence[str]) -> list[Composed]:
        return [RewardComposer(WEIGHTS).score(one) for one in self._parts]


def called(reward: ComposedReward, texts: Sequence[str], step: int = 0) -> tuple[list[float | None], dict[str, float]]:
    logged: dict[str, float] = {}
    found = reward(
        prompts=None,
        completions=[[{"role": "assistant", "content": text}] for text in texts],
        completion_ids=None,
        key=[f"q{n}" for n in range(len(texts))],
        trainer_state=SimpleNamespace(global_step=step),
        log_metric=logged.__setitem__,
        log_extra=None,
    )
    return found, logged


def test_components_are_logged_as_they_were_composed_and_one_that_does_not_apply_changes_nothing(
    tmp_path: Path,
) -> None:
    parts: list[dict[str, float | None]] = [
        {"V1": 1.0, "V2": 0.3, "V4": 0.5},
        {"V1": 0.5, "V2": None, "V4": None},
        {"V1": None, "V2": None, "V4": None},
        {"V1": 0.0, "V2": 1.0, "V4": -1.0},
    ]
    found, logged = called(ComposedReward(Given(parts), tmp_path), list("abcd"), step=7)
    assert found == [pytest.approx(0.6 + 0.4 * 0.5), 0.5, None, pytest.approx(-0.4)]
    assert logged == {
        "components/V1": pytest.approx(0.5),  # of the three that it applies to
        "components/V1/applies": 0.75,
        "components/V2": pytest.approx(0.65),
        "components/V2/applies": 0.5,
        "components/V4": pytest.approx(-0.25),
        "components/V4/applies": 0.5,
        "unrewarded": 0.25,
    }
    kept = samples(tmp_path)
    assert [(row["step"], row["key"], row["completion"]) for row in kept] == [(7, f"q{n}", "abcd"[n]) for n in range(4)]
    assert [row["components"] for row in kept] == parts
    assert [row["reward"] for row in kept] == found


def test_samples_of_later_steps_are_forgotten_when_a_run_goes_on(tmp_path: Path) -> None:
    reward = ComposedReward(Given([{"V1": 1.0}]), tmp_path)
    for step in (0, 3, 12):
        called(reward, ["x"], step)
    forget_samples(tmp_path, 3)
    assert [row["step"] for row in samples(tmp_path)] == [0]
    assert (reward.n_scored, reward.n_none) == (3, 0)


def test_texts_that_no_file_may_hold_are_escaped(tmp_path: Path) -> None:
    called(ComposedReward(Given([{"V1": 1.0}]), tmp_path), ["\ud83d \x1b[2J"])
    content = next((tmp_path / "samples").iterdir()).read_bytes()
    assert content.isascii()
    assert b"\x1b" not in content
    assert json.loads(content)["completion"] == "\ud83d \x1b[2J"


def test_answers_are_judged_by_the_truth_of_their_question(tmp_path: Path) -> None:
    data = make_questions(tmp_path / "kmp")
    config = load("grpo", "grpo_full", (f"data.folder={json.dumps(str(data))}",))
    material = Grpo().material(config)
    judge = judge_of(config, material)
    rows = [json.loads(line) for line in (data / "grpo.jsonl").read_text().splitlines()]
    keys = [row["id"] for row in rows]
    right = judge.score(keys, [row["answer"] for row in rows])
    restated = judge.score(keys, [row["question"] for row in rows])
    assert all(one.total is not None and one.total > 0.5 for one in right)
    assert all(one.total is not None and one.total < other.total for one, other in zip(restated, right, strict=True))


def test_reviews_are_judged_by_train_references_under_another_contract(
    make_corpus: Callable[..., Path], minilm: None, warm: Path
) -> None:
    articles = load_split("demo", "train")
    rows = [corpus_row(one.id, "You review.", f"Paper {one.id}.", "[]") for one in articles[:3]]
    facts = corpus_facts(system="own")
    facts["data"]["fingerprint"]["train"] = articles.fingerprint
    corpus = make_corpus(train=rows, **facts)
    few = ("effective_batch=8", "gradient_accumulation_steps=4", "steps_per_generation=4")
    given = (f"data.folder={json.dumps(str(corpus))}", "reward.data=demo", *few)
    config = load("grpo", "grpo_review", given)
    material = Grpo().material(config)
    judge = judge_of(config, material)
    keys = [one.id for one in articles[:3] for _ in range(2)]
    own = [json.dumps([_labelled(concern.text) for concern in one.concerns[:3]]) for one in articles[:3]]
    texts = [text for one in own for text in (one, "")]
    found = judge.score(keys, texts)
    assert all(found[n].total > found[n + 1].total for n in (0, 2, 4))  # type: ignore[operator]
    assert found[1].total == 0
    alone = judge.score([keys[2]], [texts[2]])
    assert alone[0].total == pytest.approx(found[2].total, abs=1e-5)  # the company of a text does not matter
    with pytest.raises(InputError, match="would be trained on the score"):
        judge_of(load("grpo", "grpo_review", (*given, "reward.board=reader")), material)
    facts["data"]["fingerprint"]["train"] = "f" * 12
    other = make_corpus(train=rows, name="other", **facts)
    config = load("grpo", "grpo_review", (*given, f"data.folder={json.dumps(str(other))}"))
    with pytest.raises(DataError, match="was made from other articles"):
        judge_of(config, Grpo().material(config))


def _labelled(text: str) -> dict[str, Any]:
    return {"text": text, "category": "design_flaw", "severity": "major"}
