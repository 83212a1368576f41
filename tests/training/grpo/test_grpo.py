"""GRPO of tiny models on the CPU: what the reward is, that it is learnt, and how a run ends and goes on."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.training.config.load import load
from bioreview_bench.training.grpo.train import Grpo
from bioreview_bench.training.models.summary import read_summary
from bioreview_bench.training.runs.folder import checkpoints, last_whole
from bioreview_bench.training.runs.training import Stopped

from ..conftest import killed_at
from ..rl import FOUR_BITS, GRPO, Silent, Toy, grpo_job, grpo_run, log, make_questions, paths, samples, trained

pytest.importorskip("trl", reason="pip install 'bioreview-bench[training]'")
pytest.importorskip("bitsandbytes", reason="pip install 'bioreview-bench[training]'")


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_questions(tmp_path_factory.mktemp("data") / "kmp")


@pytest.fixture(scope="module")
def eager_qwen3(tiny_qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with an output layer large enough for its layers to decide what is written."""
    from bioreview_bench.llm.local.weights import load_weights

    folder = tmp_path_factory.mktemp("models") / "eager-qwen3"
    shutil.copytree(tiny_qwen3, folder)
    model = load_weights(tiny_qwen3, "float32", "cpu")
    model.lm_head.weight.data *= 10
    model.save_pretrained(folder)
    return folder


def test_the_reward_of_a_toy_objective_rises(eager_qwen3: Path, questions: Path, tmp_path: Path) -> None:
    made = grpo_run(
        eager_qwen3, questions, tmp_path / "run", "max_steps=25", "save_steps=25", "trl.beta=0.0",
        "per_device_train_batch_size=16", "effective_batch=16", "num_generations=8", "learning_rate=2e-2",
        "max_completion_length=6",
        judge=Toy(),
    )  # fmt: skip
    rewards = [row["reward"] for row in log(tmp_path / "run")]
    assert len(rewards) == 25
    first, last = sum(rewards[:5]) / 5, sum(rewards[-5:]) / 5
    assert last > first + 0.1  # of letters
    assert made.summary["metrics"]["last_reward"] == rewards[-1]
    assert all(row["components/V1"] == pytest.approx(row["reward"]) for row in log(tmp_path / "run"))
    assert all(row["components/V2/applies"] == 0 and "components/V2" not in row for row in log(tmp_path / "run"))


def test_four_bits_on_questions_keep_every_sample_with_what_its_reward_is_made_of(
    tiny_qwen3: Path, questions: Path, tmp_path: Path
) -> None:
    import bitsandbytes
    import torch

    made = grpo_run(tiny_qwen3, questions, tmp_path / "run", *FOUR_BITS)
    found = samples(tmp_path / "run")
    assert [row["step"] for row in found] == [0] * 8 + [1] * 8
    weights = {"V1": 0.35, "V2": 0.30, "V3": 0.15, "V4": 0.20}
    for row in found:
        parts = {name: value for name, value in row["components"].items() if value is not None}
        assert set(row["components"]) == set(weights)
        by_hand = sum(weights[name] * value for name, value in parts.items()) / sum(weights[name] for name in parts)
        assert row["reward"] == pytest.approx(by_hand)
    for step, row in enumerate(log(tmp_path / "run")):
        of_step = [one["reward"] for one in found if one["step"] == step]
        assert row["reward"] == pytest.approx(sum(of_step) / 8)  # what TRL was given
        flat = [len(set(of_step[start : start + 4])) == 1 for start in (0, 4)]
        assert row["frac_reward_zero_std"] == sum(flat) / 2
    moved = [weight for weight in made.trainer.model.parameters() if weight.requires_grad]
    assert {weight.dtype for weight in moved} == {torch.float32}
    assert any(isinstance(module, bitsandbytes.nn.Linear4bit) for module in made.trainer.model.modules())
    assert read_summary(tmp_path / "run" / "adapter")["metrics"]["n_samples"] == 16


def test_a_sample_without_reward_is_counted_and_moves_nothing(
    tiny_qwen3: Path, questions: Path, tmp_path: Path
) -> None:
    made = grpo_run(tiny_qwen3, questions, tmp_path / "run", "trl.beta=0.0", judge=Silent())
    assert made.summary["metrics"]["n_unrewarded"] == made.summary["metrics"]["n_samples"] == 16
    assert [row["grad_norm"] for row in log(tmp_path / "run")] == [0, 0]
    assert all(row["unrewarded"] == 1 and row["reward"] is None for row in log(tmp_path / "run"))


def test_prompts_are_the_tokens_that_evaluation_asks_with(tiny_qwen3: Path, questions: Path, tmp_path: Path) -> None:
    job = grpo_job(tiny_qwen3, questions, tmp_path / "run", "max_steps=1")
    assert job is not None
    seen: list[list[int]] = []
    chat = job.model.chat
    tokens = chat.tokens
    chat.tokens = lambda messages: seen.append(tokens(messages)) or seen[-1]  # type: ignore[method-assign, func-returns-value]
    made = trained(job)
    texts = [chat.tokenizer.decode(ids) for ids in seen]
    assert len(texts) == 8
    assert all(text.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n") for text in texts)
    assert made.trainer.state.num_input_tokens_seen >= sum(map(len, seen))


def test_completions_are_sampled_with_a_cache_and_without_dropout(
    tiny_qwen3: Path, questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bioreview_bench.training.grpo.trainer import SealingGRPOTrainer

    seen: list[tuple[int, bool]] = []
    generate = SealingGRPOTrainer._generate

    def watched(self: Any, prompts: Any) -> Any:
        def look(module: Any, _: Any, given: dict[str, Any]) -> None:
            seen.append((given["input_ids"].shape[1], module.training))

        hook = self.model.get_base_model().model.register_forward_pre_hook(look, with_kwargs=True)
        try:
            return generate(self, prompts)
        finally:
            hook.remove()

    monkeypatch.setattr(SealingGRPOTrainer, "_generate", watched)
    made = grpo_run(tiny_qwen3, questions, tmp_path / "run", *FOUR_BITS, "max_steps=1", "adapter.dropout=0.5")
    assert [width for width, _ in seen[1:]] == [1] * 7  # after the prompt one token at a time
    assert not any(training for _, training in seen)
    assert made.trainer.model.training


def test_a_killed_run_goes_on_to_the_same_samples_and_weights(tiny_qwen3: Path, tmp_path: Path) -> None:
    few = make_questions(tmp_path / "kmp")
    _keep(few, 4)  # two batches an epoch: the kill is in the second one
    given = ("num_iterations=2", "num_train_epochs=2", "max_steps=-1", "adapter.dropout=0.1", "max_completion_length=4")
    made = grpo_run(tiny_qwen3, few, tmp_path / "whole", *given)
    planned = Grpo().steps(_config(tiny_qwen3, few, given), 4)
    assert made.trainer.state.max_steps == planned.total == made.summary["n_steps"]
    words = [word for setting in (*GRPO, *given) for word in ("--set", setting)]
    words += ["--model", str(tiny_qwen3), "--data", str(few), "-o", str(tmp_path / "killed")]
    killed_at(
        planned.per_epoch + 1, ["train", "grpo", "grpo_full", *words]
    )  # a checkpoint of this epoch's beginning is whole
    said: list[str] = []
    grpo_run(tiny_qwen3, few, tmp_path / "killed", *given, say=said.append)
    assert any(line.startswith("Going on from") for line in said)
    assert samples(tmp_path / "killed") == samples(tmp_path / "whole")
    assert log(tmp_path / "killed") == log(tmp_path / "whole")
    weights = [tmp_path / run / "adapter" / "adapter_model.safetensors" for run in ("killed", "whole")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_signal_waits_until_the_completions_are_used_up(tiny_qwen3: Path, questions: Path, tmp_path: Path) -> None:
    def say(text: str) -> None:
        if text.startswith("step 1/"):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Stopped, match="SIGTERM") as stopped:
        grpo_run(tiny_qwen3, questions, tmp_path / "run", "num_iterations=3", "save_steps=30", "max_steps=30", say=say)
    assert stopped.value.exit_code == 130
    last, _ = last_whole(checkpoints(tmp_path / "run"))
    assert last is not None
    assert last.step == 3


def test_the_command_trains_reports_and_does_nothing_twice(
    tiny_qwen3: Path, questions: Path, bench: Callable[..., Any], tmp_path: Path
) -> None:
    words = [word for setting in GRPO for word in ("--set", setting)]
    command = ["train", "grpo", "grpo_full", "--model", tiny_qwen3, "--data", questions, *words, "-o", tmp_path / "run"]
    first = bench(*command)
    assert first.code == 0, first.err
    assert "2 steps" in first.out
    assert "groups without variance" in first.err
    again = bench(*command)
    assert again.code == 0
    assert "is finished already" in again.err
    other = bench(*command, "--set", "trl.beta=0.5")
    assert other.code == 2
    assert "config.trl.beta: 0.04 in the run, 0.5 now" in other.err


def _config(model: Path, data: Path, given: tuple[str, ...]) -> Any:
    return load("grpo", "grpo_full", (*GRPO, *paths(model, data), *given))


def _keep(folder: Path, n: int) -> None:
    """Leave `n` questions, and let the manifest say so."""
    import hashlib
    import json

    path, manifest = folder / "grpo.jsonl", folder / "manifest.json"
    kept = "".join(path.read_text().splitlines(keepends=True)[:n])
    path.write_text(kept)
    facts = json.loads(manifest.read_text())
    facts["files"]["grpo.jsonl"] = {"rows": n, "sha256": hashlib.sha256(kept.encode()).hexdigest()}
    manifest.write_text(json.dumps(facts))
