"""Runs that the machine stopped: the error, what is kept, and that they go on, also with another split of the batch."""

from __future__ import annotations

import json
import resource
import shlex
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import EncoderError, InputError, WriteError
from bioreview_bench.files.same_run import differences
from bioreview_bench.training.config.load import load
from bioreview_bench.training.config.schema import FREE
from bioreview_bench.training.models import quantised
from bioreview_bench.training.models.summary import read_summary
from bioreview_bench.training.runs.folder import checkpoints, last_whole
from bioreview_bench.training.sft.train import Sft

from ..rl import checked, trained

pytest.importorskip("trl", reason="pip install 'bioreview-bench[training]'")
pytest.importorskip("bitsandbytes", reason="pip install 'bioreview-bench[training]'")

SMALL = (
    "device=cpu", "effective_batch=4", "per_device_train_batch_size=2", "gradient_accumulation_steps=2", "max_steps=3",
    "max_length=256", "learning_rate=1e-2", "save_steps=1", "eval_strategy=no", "eval_examples=null",
)  # fmt: skip


def train(model: str | Path, corpus: Path, out: Path, *settings: str, say: Callable[[str], object] = print) -> Any:
    paths = (f"model.name={json.dumps(str(model))}", f"data.folder={json.dumps(str(corpus))}")
    return trained(checked(Sft(), "qwen3_8b", out, (*SMALL, *paths, *settings), say), say)


def weights(run: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(run / "adapter" / "adapter_model.safetensors"))


def test_out_of_memory_names_the_split_of_the_batch_with_which_the_run_goes_on_to_the_same_weights(
    tiny_qwen3: Path, make_corpus: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from trl.trainer.sft_trainer import SFTTrainer

    corpus = make_corpus()
    exactly = ("bits=16", "compute_dtype=float32", "optim=adamw_torch")
    train(tiny_qwen3, corpus, tmp_path / "whole", *exactly)
    step = SFTTrainer.training_step

    def full(self: Any, *given: Any, **more: Any) -> Any:
        if self.state.global_step == 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return step(self, *given, **more)

    monkeypatch.setattr(SFTTrainer, "training_step", full)
    with pytest.raises(EncoderError, match="The memory does not suffice") as stopped:
        train(tiny_qwen3, corpus, tmp_path / "run", *exactly)
    monkeypatch.setattr(SFTTrainer, "training_step", step)
    assert stopped.value.exit_code == 3
    assert "checkpoint-2 is whole (step 2)" in stopped.value.message
    assert stopped.value.remedy is not None
    words = shlex.split(stopped.value.remedy.partition("   ")[0])
    assert words[0] == "COMMAND"
    settings = words[2::2]
    assert settings == ["trl.per_device_train_batch_size=1", "trl.gradient_accumulation_steps=4"]
    said: list[str] = []
    more = ("model.attention=eager", "logging_steps=3", "save_steps=2")  # other kernels, logging, keeping: all free
    train(tiny_qwen3, corpus, tmp_path / "run", *exactly, *settings, *more, say=said.append)
    assert any(line.startswith(f"Going on from {tmp_path / 'run' / 'checkpoint-2'}") for line in said)
    once, twice = weights(tmp_path / "whole"), weights(tmp_path / "run")
    for name, weight in once.items():
        assert torch.allclose(weight, twice[name], atol=1e-4), name
    with pytest.raises(InputError, match=r"config\.trl\.learning_rate: 0\.01 in the run, 0\.02 now"):
        train(tiny_qwen3, corpus, tmp_path / "run", *exactly, "learning_rate=2e-2")


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Files cannot grow beyond `size` bytes inside: what writes one gets the error of the system."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [50_000, 150_000], ids=["adapter", "optimiser"])
def test_a_full_disk_is_said_and_the_run_goes_on_from_what_is_whole(
    size: int, tiny_qwen3: Path, make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    corpus, run = make_corpus(), tmp_path / "run"

    def say(text: str) -> None:
        if text.startswith("step 2/"):  # checkpoint-1 is whole, checkpoint-2 is about to be written
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

    with largest_file(1 << 30), pytest.raises(WriteError, match="Cannot write") as stopped:
        train(tiny_qwen3, corpus, run, "max_steps=2", say=say)
    assert stopped.value.exit_code == 6
    assert "free some space" in str(stopped.value)
    last, passed = last_whole(checkpoints(run))
    assert last is not None
    assert (last.step, [one.step for one in passed]) == (1, [2])
    train(tiny_qwen3, corpus, run, "max_steps=2")
    assert read_summary(run / "adapter")["n_steps"] == 2
    assert {str(weight.dtype) for weight in weights(run).values()} == {"torch.float32"}  # over four bits


def test_balanced_batches_and_layers_checkpointed_by_twos_go_on_to_the_same_bytes(
    tiny_qwen3: Path, make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    corpus, whole, again = make_corpus(), tmp_path / "whole", tmp_path / "again"
    how = ("trl.train_sampling_strategy=batch_rebalance", "trl.max_steps=4", "adapter.dropout=0.1")
    layers = "trl.gradient_checkpointing_kwargs={use_reentrant: false, every_n_layers: 2}"
    train(tiny_qwen3, corpus, whole, *how, layers)
    shutil.copytree(whole, again, ignore=shutil.ignore_patterns("adapter", "checkpoint-4"))
    train(tiny_qwen3, corpus, again, *how, layers)
    adapters = [run / "adapter" / "adapter_model.safetensors" for run in (whole, again)]
    assert adapters[0].read_bytes() == adapters[1].read_bytes()


@pytest.mark.parametrize("name", ["dpo_review", "grpo_review"])
def test_batches_by_length_are_refused_where_they_would_not_be_made(name: str) -> None:
    with pytest.raises(InputError, match=r"trl\.train_sampling_strategy: is random"):
        load(name.partition("_")[0], name, ("trl.train_sampling_strategy=batch_rebalance",))


def test_slow_linear_attention_is_named_where_its_kernels_are_absent(
    tiny_qwen3: Path, tiny_qwen_vl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"causal_conv1d"}
    monkeypatch.setattr(quantised, "find_spec", lambda name: object() if name in there else None)
    assert quantised.missing_kernels(quantised.read_model_config(tiny_qwen_vl)) == ["flash-linear-attention"]
    assert quantised.missing_kernels(quantised.read_model_config(tiny_qwen3)) == []
    there |= {"fla"}
    assert quantised.missing_kernels(quantised.read_model_config(tiny_qwen_vl)) == []


def test_what_decides_a_result_is_not_free_in_a_resumed_run() -> None:
    def identity(*settings: str) -> dict[str, Any]:
        config = load("grpo", "grpo_review", settings)
        return {"config": config.model_dump(mode="json"), **config.deciding()}

    def differing(*settings: str) -> list[str]:
        return [str(one).partition(":")[0] for one in differences(identity(), identity(*settings), FREE)]

    split = ("per_device_train_batch_size=1", "gradient_accumulation_steps=32")
    assert differing(*split, "steps_per_generation=32", "trl.gradient_checkpointing_kwargs={use_reentrant: true}") == []
    assert differing(*split, "steps_per_generation=64", "save_steps=40") == ["sampled_at_once", "steps_for_each"]
    assert differing("seed=7", "beta=0.1") == ["config.trl.beta", "config.trl.seed"]
    assert differing("adapter.r=8", "start.adapter_dtype=bfloat16") == [
        "config.adapter.r",
        "config.start.adapter_dtype",
    ]
    grouped = load("sft", "qwen3_8b", ("trl.train_sampling_strategy=group_by_length", "gradient_accumulation_steps=4"))
    assert grouped.deciding()["grouped"] == 4  # on two devices; on one it would be 8, and the order another
    assert load("sft", "qwen3_8b").deciding() == {"adapter_dtype": "float32"}  # once it was bfloat16: not resumed


def test_training_asks_the_hub_for_nothing(
    tiny_qwen3: Path, make_corpus: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the name that it has on the Hub: PEFT would look that up at every checkpoint, and TRL would report its use."""
    from huggingface_hub import constants

    cached = tmp_path / "hub" / "models--lab--tiny"
    shutil.copytree(tiny_qwen3, cached / "snapshots" / "0")
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("0")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cached.parent))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    asked: list[Any] = []

    def refused(*given: Any, **_: Any) -> Any:
        asked.append(given)
        raise OSError("no network here")

    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr(socket.socket, "connect", refused)
    made = train("lab/tiny", make_corpus(), tmp_path / "run", "max_steps=2")
    assert asked == []
    assert made.summary["base_model"] == "lab/tiny"
    config = json.loads((tmp_path / "run" / "checkpoint-2" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "lab/tiny"
    assert not constants.HF_HUB_OFFLINE  # of the run alone
