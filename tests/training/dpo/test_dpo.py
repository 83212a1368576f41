"""DPO of tiny models on the CPU: what is proved of pairs, what the reference is, and how a run ends and goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import DataError, InputError
from bioreview_bench.llm.local.model_files import digest
from bioreview_bench.llm.local.weights import add_adapter, load_weights
from bioreview_bench.training.dpo.train import divide
from bioreview_bench.training.models.summary import read_summary, write_summary
from bioreview_bench.training.qa.items.build import build

from ..conftest import killed_at, make_adapter
from ..rl import DPO, FOUR_BITS, PAIRS, dpo_job, dpo_run, log, make_questions, started_from

pytest.importorskip("trl", reason="pip install 'bioreview-bench[training]'")
pytest.importorskip("bitsandbytes", reason="pip install 'bioreview-bench[training]'")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_questions(tmp_path_factory.mktemp("data") / "kmp")


@pytest.fixture(scope="module")
def sft(tiny_qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter with weights that matter, and the record of a training on questions."""
    settings = {"r": 16, "lora_alpha": 32, "lora_dropout": 0.05, "target_modules": ["q_proj", "v_proj", "down_proj"]}
    folder = make_adapter(tiny_qwen3, tmp_path_factory.mktemp("sft") / "adapter", **settings)
    asked = build(seed=1).manifest["asked"]
    facts = {"base_model": "tiny", "base_digest": digest(tiny_qwen3), "corpus": {}, "config": {}, "n_steps": 1}
    write_summary(folder, {**facts, **asked})
    return folder


def by_hand(model: Any, prompt: Any, answer: Any) -> float:
    """log p(answer | prompt), from logits."""
    import torch

    ids = torch.tensor([[*map(int, prompt), *map(int, answer)]])
    with torch.no_grad():
        logits = model.eval()(input_ids=ids).logits[0].float().log_softmax(-1)
    return sum(float(logits[place - 1, ids[0, place]]) for place in range(len(prompt), ids.shape[1]))


@pytest.mark.parametrize("last", ["continued", "merged"])
def test_the_reference_is_the_adapter_that_training_started_from(
    last: str, tiny_qwen3: Path, pairs: Path, sft: Path, tmp_path: Path
) -> None:
    import torch

    from bioreview_bench.training.dpo.trainer import preference

    settings = ("max_steps=4", started_from(sft), f"start.last={last}")
    job = dpo_job(tiny_qwen3, pairs, tmp_path / "run", *settings)
    assert job is not None
    made = dpo_run(tiny_qwen3, pairs, tmp_path / "run", *settings)
    batch = next(iter(made.trainer.get_eval_dataloader()))
    made.trainer.model.eval()
    chosen, rejected = made.trainer.compute_ref_log_probs(made.trainer.model, batch)
    started = add_adapter(load_weights(tiny_qwen3, "float32", "cpu"), sft, merge=False)
    bare = load_weights(tiny_qwen3, "float32", "cpu")
    for place, pair in enumerate(job.examples.kept):
        assert float(chosen[place]) == pytest.approx(by_hand(started, pair.prompt, pair.chosen), abs=1e-3)
        assert float(rejected[place]) == pytest.approx(by_hand(started, pair.prompt, pair.rejected), abs=1e-3)
        assert abs(float(chosen[place]) - by_hand(bare, pair.prompt, pair.chosen)) > 0.01  # it is not the base model
    before = made.summary["metrics"]["held_out"]["before"]
    margins = [by_hand(started, p.prompt, p.chosen) - by_hand(started, p.prompt, p.rejected) for p in job.examples.kept]
    assert before["margin"] == pytest.approx(sum(margins) / 2, abs=1e-3)
    assert before["accuracy"] == sum(margin > 0 for margin in margins) / 2
    assert preference(made.trainer, reference=True).facts() == pytest.approx(before, abs=1e-4)  # also after training
    reference = [weight for name, weight in made.trainer.model.named_parameters() if ".ref." in name]
    assert bool(reference) == (last == "continued")
    assert not any(weight.requires_grad for weight in reference)
    assert not list((tmp_path / "run").glob("start-*"))  # merged weights are gone when they are loaded
    trained = made.trainer.model
    after = made.summary["metrics"]["held_out"]["after"]
    margins = [by_hand(trained, p.prompt, p.chosen) - by_hand(trained, p.prompt, p.rejected) for p in job.examples.kept]
    assert after["margin"] == pytest.approx(sum(margins) / 2, abs=1e-3)
    assert after["margin"] > before["margin"]
    assert torch.isfinite(torch.tensor(after["margin"]))


def test_preferences_are_learnt_in_four_bits(tiny_qwen3: Path, pairs: Path, tmp_path: Path) -> None:
    made = dpo_run(
        tiny_qwen3, pairs, tmp_path / "run", *FOUR_BITS, "num_train_epochs=6", "save_steps=18", "learning_rate=1e-2"
    )
    rows = log(tmp_path / "run")
    assert len(rows) == 18  # six pairs, two a step, six epochs
    assert rows[0]["loss"] == pytest.approx(0.6931, abs=1e-3)  # log 2: nothing is learnt yet
    assert rows[-1]["loss"] < 0.3
    assert [row["rewards/accuracies"] for row in rows[-3:]] == [1, 1, 1]
    summary = read_summary(tmp_path / "run" / "adapter")
    assert summary["metrics"]["held_out"]["after"]["margin"] > summary["metrics"]["held_out"]["before"]["margin"]
    assert (summary["method"], summary["prompt"]["id"], summary["budget"]) == ("dpo", "qa", 0)
    assert made.summary["metrics"]["n_pairs"] == 6


def test_a_killed_run_goes_on_to_the_same_weights(tiny_qwen3: Path, pairs: Path, sft: Path, tmp_path: Path) -> None:
    settings = ("num_train_epochs=2", started_from(sft), "start.last=continued")
    dpo_run(tiny_qwen3, pairs, tmp_path / "whole", *settings)
    words = [word for setting in (*DPO, "held_out=2", *settings) for word in ("--set", setting)]
    words += ["--model", str(tiny_qwen3), "--data", str(pairs), "-o", str(tmp_path / "killed")]
    killed_at(5, ["train", "dpo", "dpo_kmp", *words])
    said: list[str] = []
    dpo_run(tiny_qwen3, pairs, tmp_path / "killed", *settings, say=said.append)
    assert any(line.startswith("Going on from") for line in said)
    assert log(tmp_path / "killed") == log(tmp_path / "whole")
    weights = [tmp_path / run / "adapter" / "adapter_model.safetensors" for run in ("killed", "whole")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    metrics = [read_summary(path.parent)["metrics"]["held_out"] for path in weights]
    assert metrics[0] == metrics[1]  # before is measured with the reference, also after a kill


def test_pairs_of_one_question_are_held_out_together() -> None:
    rows = [
        {"id": f"{question}{n}", "prompt": [{"role": "user", "content": question}]}
        for question in "abcd"
        for n in (1, 2)
    ]
    train, apart = divide(rows, 2, seed=3)
    asked = [{row["prompt"][0]["content"] for row in part} for part in (train, apart)]
    assert (len(train), len(apart)) == (4, 4)
    assert not asked[0] & asked[1]
    with pytest.raises(InputError, match="nothing is left to train on"):
        divide(rows, 4, seed=3)


def test_what_is_wrong_is_said_before_anything_is_written(
    tiny_qwen3: Path, pairs: Path, sft: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"

    def refused(error: type[Exception], complaint: str, *settings: str, data: Path = pairs) -> None:
        with pytest.raises(error, match=complaint):
            dpo_job(tiny_qwen3, data, run, *settings)
        assert not run.exists()

    refused(DataError, "cannot be trained on as they are", "max_length=40")
    refused(DataError, "the config wants 0123456789ab", "data.fingerprint='0123456789ab'")
    refused(InputError, "effective_batch is 4", "effective_batch=4")
    refused(InputError, "start.adapters names none", "start.last=continued")
    refused(InputError, r"adapter.r: 8 in the config, 16", started_from(sft), "start.last=continued", "adapter.r=8")
    refused(InputError, "nothing is left to train on", f"held_out={len(PAIRS)}")
    other = make_adapter(tiny_qwen3, tmp_path / "other")
    facts = {**read_summary(sft), "prompt": {"id": "objects-v1", "sha256": "a" * 64}}
    write_summary(other, facts)
    refused(InputError, "The data ask otherwise", started_from(other))
    write_summary(other, {**read_summary(sft), "base_digest": "0" * 16})
    refused(InputError, "was trained on", started_from(other))
    refused(DataError, "contains no data to train on", data=tmp_path / "nowhere")
    changed = make_questions(tmp_path / "changed")
    with (changed / "pairs.jsonl").open("a") as stream:
        stream.write("{}\n")
    refused(DataError, "was changed after it was made", data=changed)


def test_a_small_beta_warns_and_the_command_shows_accuracy_before_and_after(
    tiny_qwen3: Path, pairs: Path, bench: Callable[..., Any], tmp_path: Path
) -> None:
    words = [word for setting in (*DPO, "held_out=2", "max_steps=2") for word in ("--set", setting)]
    command = ["train", "dpo", "dpo_kmp", "--model", tiny_qwen3, "--data", pairs, *words, "-o", tmp_path / "run"]
    first = bench(*command)
    assert first.code == 0, first.err
    assert "on 2 held-out pairs" in first.out
    assert "chosen likelier, as a whole" in first.out
    assert "trl.beta" not in first.err
    assert "is finished already" in bench(*command).err
    low = bench(*command[:-1], tmp_path / "low", "--set", "trl.beta=0.05")
    assert low.code == 0
    assert "0.05 destroyed knowledge" in low.err
