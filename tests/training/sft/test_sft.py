"""QLoRA runs of tiny models on the CPU: what is trained, what is kept, and how a run ends and goes on."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import DataError, EncoderError, InputError
from bioreview_bench.llm.local.model_files import digest
from bioreview_bench.training.config.schema import QuantisationPart
from bioreview_bench.training.corpora.files import read_corpus
from bioreview_bench.training.models.summary import read_summary
from bioreview_bench.training.runs.folder import checkpoints, last_whole, seal
from bioreview_bench.training.runs.training import Stopped, Trained
from bioreview_bench.training.sft.train import Sft

from ..conftest import killed_at
from ..rl import checked
from ..rl import trained as run_trained

pytest.importorskip("trl", reason="pip install 'bioreview-bench[training]'")
pytest.importorskip("bitsandbytes", reason="pip install 'bioreview-bench[training]'")

SMALL = (
    "device=cpu", "gradient_accumulation_steps=2", "effective_batch=2", "num_train_epochs=2", "max_length=256",
    "learning_rate=1e-2", "save_strategy=steps", "save_steps=3", "save_total_limit=null", "eval_strategy=no",
    "eval_examples=null",
)  # fmt: skip
FOUR_BITS = QuantisationPart(bits=4, type="nf4", double=True, compute_dtype="bfloat16")


def trained(
    name: str, model: Path, corpus: Path, out: Path, settings: Sequence[str] = (),
    say: Callable[[str], object] = lambda text: None,
) -> Trained:  # fmt: skip
    """A whole run by the Python interface."""
    paths = (f"model.name={json.dumps(str(model))}", f"data.folder={json.dumps(str(corpus))}")
    return run_trained(checked(Sft(), name, out, (*SMALL, *paths, *settings), say), say)


def options(model: Path, corpus: Path, settings: Sequence[str] = ()) -> list[str]:
    """The same run as options of the command."""
    words = ["--model", str(model), "--corpus", str(corpus)]
    return [*words, *(word for setting in (*SMALL, *settings) for word in ("--set", setting))]


def log(run: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{key: row[key] for key in ("step", "loss", "grad_norm")} for row in rows if "loss" in row]


def accuracy(run: Path) -> list[float]:
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [row["mean_token_accuracy"] for row in rows if "loss" in row]


def adapter_names(run: Path) -> list[str]:
    from safetensors import safe_open

    with safe_open(run / "adapter" / "adapter_model.safetensors", "pt") as tensors:
        return list(tensors.keys())


def test_loss_falls_when_a_small_corpus_is_overfitted_in_four_bits(
    tiny_qwen3: Path, make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    import bitsandbytes

    corpus = make_corpus()
    settings = ("num_train_epochs=12", "save_steps=48", "eval_strategy=steps", "eval_steps=24", "eval_examples=1")
    made = trained("qwen3_8b", tiny_qwen3, corpus, tmp_path / "run", settings)
    losses = [row["loss"] for row in log(tmp_path / "run")]
    assert len(losses) == 48  # 8 examples, 2 a step, 12 epochs
    assert losses[-1] < losses[0] - 1.0  # as far as the tiny output layer, which is not trained, lets it fall
    assert accuracy(tmp_path / "run")[0] == 0.0
    assert accuracy(tmp_path / "run")[-1] > 0.9  # of tokens foretold
    summary = read_summary(tmp_path / "run" / "adapter")
    assert summary == {"schema_version": "1", **made.summary}
    assert (summary["n_steps"], summary["state"], summary["base_digest"]) == (48, "finished", digest(tiny_qwen3))
    manifest = read_corpus(corpus).manifest
    assert (summary["prompt"], summary["budget"]) == ({"id": "objects-v1", "sha256": "a" * 64}, manifest["budget"])
    assert (summary["thinking"], summary["system"], summary["family"]) == (False, "own", "qwen3")
    assert summary["corpus"]["data"] == manifest["data"]
    assert summary["config"]["adapter"]["r"] == 16
    assert summary["metrics"]["eval_loss"] < losses[0]
    assert {"trl", "peft", "torch", "bitsandbytes"} <= summary["versions"].keys()
    assert str(tiny_qwen3.parent) not in (tmp_path / "run" / "adapter" / "adapter_config.json").read_text()
    # Every linear layer of the language model is in four bits; the output layer is not.
    inner = made.trainer.model.get_base_model()
    kinds = {name: module for name, module in inner.named_modules() if name.endswith("base_layer")}
    assert len(kinds) == 14
    assert all(isinstance(module, bitsandbytes.nn.Linear4bit) for module in kinds.values())
    assert not isinstance(inner.lm_head, bitsandbytes.nn.Linear4bit)


def test_evaluating_on_the_way_changes_nothing_in_training(
    tiny_qwen3: Path, make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    corpus = make_corpus()
    trained("qwen3_8b", tiny_qwen3, corpus, tmp_path / "plain", ("max_steps=4",))
    trained(
        "qwen3_8b",
        tiny_qwen3,
        corpus,
        tmp_path / "looked",
        ("max_steps=4", "eval_strategy=steps", "eval_steps=1", "eval_examples=2"),
    )
    assert log(tmp_path / "looked") == log(tmp_path / "plain")


def test_the_loss_lies_on_prompts_too_when_the_config_says_so_and_checkpoints_may_be_those_of_epochs(
    tiny_qwen3: Path, make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    corpus = make_corpus()
    settings = ("save_strategy=epoch", "save_total_limit=3", "quantisation.bits=16", "compute_dtype=float32")
    losses = {}
    for whole in (False, True):
        out = tmp_path / f"run-{whole}"
        made = trained("qwen3_8b", tiny_qwen3, corpus, out, (*settings, f"completion_only_loss={not whole}".lower()))
        losses[whole] = log(out)[0]["loss"]
        assert [one.step for one in checkpoints(out)] == [4, 8]  # 8 examples, 2 a step, 2 epochs
    # The first batch by another way: the base model (a new adapter adds nothing), cross-entropy over its tokens.
    model = AutoModelForCausalLM.from_pretrained(tiny_qwen3, dtype=torch.float32).eval()
    examples = [torch.tensor(row["input_ids"])[None] for row in made.trainer.train_dataset]
    with torch.no_grad():
        each = [(float(model(ids, labels=ids).loss) * (ids.shape[1] - 1), ids.shape[1] - 1) for ids in examples]
    pairs = [(a[0] + b[0]) / (a[1] + b[1]) for n, a in enumerate(each) for b in each[n + 1 :]]
    assert min(abs(losses[True] - pair) for pair in pairs) < 1e-5
    assert min(abs(losses[False] - pair) for pair in pairs) > 1e-4


def test_a_class_that_takes_images_is_trained_in_its_language_model_alone(
    tiny_qwen_vl: Path, make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    import bitsandbytes

    made = trained("qwen3.5_9b", tiny_qwen_vl, make_corpus(), tmp_path / "run", ("max_steps=2",))
    names = adapter_names(tmp_path / "run")
    # One layer of linear attention with three projections of its MLP, one of full attention with all seven; A and B.
    assert len(names) == 2 * (3 + 7)
    assert all(".language_model.layers." in name for name in names)
    inner = made.trainer.model.get_base_model()
    seeing = [module for name, module in inner.named_modules() if ".visual." in f"{name}."]
    assert seeing
    assert not any(isinstance(module, bitsandbytes.nn.Linear4bit) for module in seeing)
    assert not any(weight.requires_grad for weight in inner.model.visual.parameters())


def test_gemma_is_trained_without_a_system_part(
    tiny_gemma: Path, make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    from ..conftest import corpus_row

    rows = [corpus_row(f"elife:{n}", "", f"Review {n}.", '["No control group."]') for n in range(1, 5)]
    corpus = make_corpus(train=rows, system="in_user")
    made = trained("gemma2_9b", tiny_gemma, corpus, tmp_path / "run", ("max_steps=2",))
    assert (made.summary["system"], made.summary["family"]) == ("in_user", "gemma")
    assert len(adapter_names(tmp_path / "run")) == 2 * 14
    with pytest.raises(InputError, match="which sdpa would leave out"):
        trained("gemma2_9b", tiny_gemma, corpus, tmp_path / "other", ("attention=sdpa",))
    with pytest.raises(InputError, match="system: own in the config, in_user in the corpus"):
        trained("gemma2_9b", tiny_gemma, corpus, tmp_path / "other", ("data.system=own",))


def test_an_adapter_gives_the_same_logits_in_a_new_process(
    tiny_qwen3: Path, make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    import torch

    made = trained("qwen3_8b", tiny_qwen3, make_corpus(), tmp_path / "run")
    made.trainer.model.eval()
    ids = torch.arange(20, 60)[None]
    with torch.no_grad():
        logits = made.trainer.model(input_ids=ids).logits[0].float()
        base = made.trainer.model.get_base_model()
        with made.trainer.model.disable_adapter():
            untrained = base(input_ids=ids).logits[0].float()
    torch.save(ids, tmp_path / "ids.pt")
    script = (
        "import sys, torch; from pathlib import Path; from peft import PeftModel\n"
        "from bioreview_bench.training.models.quantised import load_base\n"
        "from bioreview_bench.training.config.schema import QuantisationPart\n"
        f"part = QuantisationPart(**{FOUR_BITS.model_dump()!r})\n"
        "base = load_base(Path(sys.argv[1]), part, attention='sdpa', device='cpu')\n"
        "model = PeftModel.from_pretrained(base, sys.argv[2], autocast_adapter_dtype=False).eval()\n"
        "with torch.no_grad(): logits = model(input_ids=torch.load(sys.argv[3])).logits[0].float()\n"
        "torch.save(logits, sys.argv[4])\n"
    )
    words = [tiny_qwen3, tmp_path / "run" / "adapter", tmp_path / "ids.pt", tmp_path / "logits.pt"]
    subprocess.run([sys.executable, "-c", script, *map(str, words)], check=True, capture_output=True)
    reloaded = torch.load(tmp_path / "logits.pt")
    assert torch.equal(reloaded, logits)
    assert not torch.allclose(untrained, logits, atol=1e-2)


def test_a_run_killed_after_a_checkpoint_goes_on_to_the_same_losses(
    tiny_qwen3: Path, make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    corpus = make_corpus()
    settings = ("num_train_epochs=3", "adapter.dropout=0.1")  # dropout draws: their state must come back, too
    trained("qwen3_8b", tiny_qwen3, corpus, tmp_path / "whole", settings)
    command = ["train", "sft", "qwen3_8b", *options(tiny_qwen3, corpus, settings), "-o", str(tmp_path / "killed")]
    killed_at(4, command)  # of 12; checkpoint-3 is whole
    assert not (tmp_path / "killed" / "adapter").exists()
    said: list[str] = []
    trained("qwen3_8b", tiny_qwen3, corpus, tmp_path / "killed", settings, said.append)
    assert any(line.startswith("Going on from") for line in said)
    assert [row["step"] for row in log(tmp_path / "killed")] == list(range(1, 13))
    assert log(tmp_path / "killed") == log(tmp_path / "whole")
    weights = [tmp_path / run / "adapter" / "adapter_model.safetensors" for run in ("killed", "whole")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_checkpoint_cut_off_as_it_was_written_is_named_and_passed_over(
    tiny_qwen3: Path, make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    corpus, run = make_corpus(), tmp_path / "run"
    settings = ("save_steps=2",)
    trained("qwen3_8b", tiny_qwen3, corpus, run, settings)
    curve = log(run)
    shutil.rmtree(run / "adapter")
    (run / "checkpoint-8" / "whole.json").unlink()  # the seal is written last
    with (run / "checkpoint-6" / "optimizer.pt").open("r+b") as stream:
        stream.truncate(100)
    said: list[str] = []
    trained("qwen3_8b", tiny_qwen3, corpus, run, settings, said.append)
    assert f"Passed over {run / 'checkpoint-6'}: optimizer.pt differs from what was written." in said
    assert f"Passed over {run / 'checkpoint-8'}: it was cut off while it was written." in said
    assert f"Going on from {run / 'checkpoint-4'} (step 4)." in said
    assert log(run) == curve
    assert [one.fault for one in checkpoints(run)] == [None] * 4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_stops_a_run_with_a_checkpoint_and_the_command_that_goes_on(
    number: signal.Signals, tiny_qwen3: Path, make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    before = signal.getsignal(number)

    def say(text: str) -> None:
        if text.startswith("step 2/"):
            os.kill(os.getpid(), number)

    with pytest.raises(Stopped) as stopped:
        trained("qwen3_8b", tiny_qwen3, make_corpus(), tmp_path / "run", ("save_steps=50",), say)
    assert stopped.value.exit_code == 130
    assert number.name in str(stopped.value)
    assert "Next: COMMAND" in str(stopped.value)
    last, passed = last_whole(checkpoints(tmp_path / "run"))
    assert last is not None
    assert last.step in (2, 3)  # the step after the log in which it came
    assert not passed
    assert read_summary(last.folder)["state"] == "checkpoint"
    assert signal.getsignal(number) == before


def test_the_command_trains_reports_and_does_nothing_twice(
    tiny_qwen3: Path, make_corpus: Callable[..., Path], bench: Callable[..., Any], tmp_path: Path
) -> None:
    corpus, run = make_corpus(), tmp_path / "run"
    command = ["train", "sft", "qwen3_8b", *options(tiny_qwen3, corpus, ("max_steps=2",)), "-o", str(run)]
    first = bench(*command)
    assert first.code == 0, first.err
    assert f"{run / 'adapter'}: 2 steps" in first.out
    assert "step 2/2  loss" in first.err
    assert "Validating examples of train: 8/8" in first.err
    again = bench(*command, "--format", "json", "--quiet")
    assert (again.code, again.err) == (0, "")
    assert json.loads(again.out) == read_summary(run / "adapter")
    other = bench(*command, "--set", "learning_rate=1e-3")
    assert other.code == 2
    assert "config.trl.learning_rate: 0.01 in the run, 0.001 now" in other.err
    moved = shutil.copytree(corpus, tmp_path / "moved")
    assert bench(*command, "--corpus", moved).code == 0  # the same corpus in another place


def test_an_interrupted_command_prints_itself_for_going_on(
    tiny_qwen3: Path, make_corpus: Callable[..., Path], bench: Callable[..., Any], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    corpus, run = make_corpus(), tmp_path / "a run"
    words = ["train", "sft", "qwen3_8b", "-o", str(run), *options(tiny_qwen3, corpus, ("max_steps=5",))]

    from bioreview_bench.training.runs import trainers

    def ctrl_c(self: Any, *_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)

    monkeypatch.setattr(trainers.Watch, "on_log", ctrl_c)  # twice: at once
    done = bench(*words)
    assert done.code == 130
    assert "Stopped by Ctrl-C; no checkpoint is whole yet." in done.err
    resume = next(line for line in done.err.splitlines() if "Next: bench train sft" in line)
    assert shlex.split(resume.split("Next: bench ")[1].split("   (goes on")[0]) == [
        "train", "sft", "qwen3_8b", "-o", str(run), "--corpus", str(corpus), "--model", str(tiny_qwen3),
        *words[words.index("--set"):],
    ]  # fmt: skip


def test_what_is_wrong_is_said_before_anything_is_written(
    tiny_qwen3: Path, make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    corpus, run = make_corpus(), tmp_path / "run"

    def refused(error: type[Exception], complaint: str, *settings: str, corpus: Path = corpus) -> None:
        with pytest.raises(error, match=complaint):
            trained("qwen3_8b", tiny_qwen3, corpus, run, settings)
        assert not run.exists()

    refused(EncoderError, "asks for liger_kernel, which is not installed", "use_liger_kernel=true")
    refused(EncoderError, "asks for flash_attn", "attention=flash_attention_2", "packing=true")
    refused(EncoderError, "asks for wandb", "report_to=[wandb]")
    refused(EncoderError, "torch sees none", "device=cuda")
    refused(EncoderError, "hf download some/model", "model.name=some/model")
    refused(DataError, "Wrong corpus fingerprint: .* wants 0123456789ab", "data.fingerprint='0123456789ab'")
    refused(InputError, "data.thinking: true in the config, false in the corpus", "thinking=true")
    refused(InputError, "is of the family qwen3", "family=gemma")
    refused(InputError, r"= 4, and effective_batch is 2", "gradient_accumulation_steps=4")
    refused(DataError, "8 of 8 examples of train", "max_length=20")
    refused(DataError, "is not a corpus", corpus=tmp_path / "nowhere")
    other = make_corpus(name="other", counter={"name": "model", "tokenizer_sha256": "b" * 64})
    refused(DataError, "made for another tokenizer", corpus=other)
    with (corpus / "train.jsonl").open("a") as stream:
        stream.write("{}\n")
    refused(DataError, "Wrong corpus fingerprint")


def test_targets_that_no_module_bears_are_an_error(
    tiny_qwen3: Path, make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="is called qkv_proj"):
        trained("qwen3_8b", tiny_qwen3, make_corpus(), tmp_path / "run", ("targets=[q_proj, qkv_proj]",))


def test_a_seal_covers_every_file_of_a_checkpoint(tmp_path: Path) -> None:
    for step in (9, 10, 200):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "a.bin").write_bytes(b"12345")
        (folder / "b.json").write_text("{}")
        seal(folder)
    (tmp_path / "checkpoint-x").mkdir()
    assert [(one.step, one.fault) for one in checkpoints(tmp_path)] == [(9, None), (10, None), (200, None)]
    (tmp_path / "checkpoint-200" / "a.bin").write_bytes(b"12346")
    (tmp_path / "checkpoint-10" / "b.json").unlink()
    last, passed = last_whole(checkpoints(tmp_path))
    assert last is not None
    assert last.step == 9
    assert [(one.step, one.fault) for one in passed] == [
        (10, "b.json is gone"),
        (200, "a.bin differs from what was written"),
    ]
    (tmp_path / "checkpoint-9" / "whole.json").write_text("[")
    assert last_whole(checkpoints(tmp_path))[0] is None
