"""Tokens a second of QLoRA at Qwen3-8B's shape under each setting that the configuration offers, in ten minutes.

    python benchmarks/training/qlora.py [--steps 20] [--shortest 12288] [--longest 16384] [SETTING ...]
    python benchmarks/training/qlora.py --list            the settings, and what each needs
    python benchmarks/training/qlora.py --tiny            a few layers on the CPU: does the script work

The model has the published shape and random weights, made on the GPU itself: nothing is downloaded. Papers are random
tokens of random length, the same for every setting; a timed step is one paper (two or four where a setting says so),
as many steps as make `--steps` papers. Every setting is what `bench train sft qwen3_8b --set ...` runs, by the same
trainer; `plain` is transformers' Trainer with the model's own loss.

Printed for each: tokens a second; the share of the rate that this GPU reaches in products of bfloat16 matrices (counted
are the operations that training needs: forward, and gradients of activations; frozen weights have none, and what
checkpointing computes twice is not counted); peak memory, beside what a dry run estimates; hours for 1,773 steps of
eight such papers, beside the published 18 h (8B) and 35 h (9B) on one A100. Every setting runs in a process of its own.
Those that need a package that is not installed, that do not fit, or for which the time is up, are named.
Kernels of the Hub are taken from its cache; HF_HUB_OFFLINE=0 lets them be fetched.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from each import add_options, measured, settled
from random_model import SHAPE, TINY, bare_tokenizer, build, require_gpu

PUBLISHED_STEPS, PAPERS = 1773, 8
PUBLISHED = "published on one A100: 18 h for 8B, 35 h for 9B"
CONFIG = "qwen3_8b"
GIB = 1024**3


@dataclass(frozen=True)
class Setting:
    """Changes of the preset, papers of a step, and the package that it needs."""

    changes: tuple[str, ...] = ()
    papers: int = 1
    package: str | None = None


_EVERY = "trl.gradient_checkpointing_kwargs={use_reentrant: false, every_n_layers: %d}"
_FA3 = "model.attention=kernels-community/flash-attn3"
# In the order in which they are tried; the first is the preset as it is.
SETTINGS = {
    "preset": Setting(),
    "liger": Setting(("use_liger_kernel=true",), package="liger_kernel"),
    "flash-attention-2": Setting(("model.attention=flash_attention_2",), package="flash_attn"),
    "flash-attention-3": Setting(("model.attention=flash_attention_3",), package="flash_attn_interface"),
    "hub-kernel": Setting((_FA3,), package="kernels"),
    "16-bits": Setting(("bits=16",)),
    "16-bits-liger": Setting(("bits=16", "use_liger_kernel=true"), package="liger_kernel"),
    "every-second-layer": Setting((_EVERY % 2,)),
    "16-bits-every-second-layer": Setting(("bits=16", _EVERY % 2)),
    "two-papers": Setting(("per_device_train_batch_size=2",), papers=2),
    "batch-rebalance": Setting(
        (
            "trl.train_sampling_strategy=batch_rebalance", "per_device_train_batch_size=2",
            "gradient_accumulation_steps=2",
        ),
        papers=4,
    ),
    "packing": Setting(("packing=true", _FA3), package="kernels"),
    "offloading": Setting(("trl.activation_offloading=true",)),
    "compile": Setting(("trl.torch_compile=true",)),
    "plain": Setting(),
}  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """Of the timed steps: seconds, papers, tokens, operations; peak bytes of the GPU (None on a CPU), bytes that a dry
    run of Qwen3-8B estimates, last loss."""

    seconds: float
    papers: int
    tokens: int
    operations: float
    peak: int | None
    estimate: float
    loss: float


def papers(lengths: list[int], answer: int, vocabulary: int) -> Any:
    """Papers of random tokens, of which the last `answer` carry loss."""
    import numpy as np
    from datasets import Dataset

    rng = np.random.default_rng(0)
    ids = [rng.integers(10, vocabulary, size=length, dtype=np.int32) for length in lengths]
    labels = [np.where(np.arange(len(one)) < len(one) - answer, -100, one) for one in ids]
    return Dataset.from_dict({"input_ids": ids, "labels": labels})


def operations(shape: dict[str, Any], lengths: list[int], answer: int) -> float:
    """Additions and multiplications that a step over papers of `lengths` needs: 2 a weight and token forward, 2 more
    for gradients of activations (the output layer for the answers alone); attention by its lower triangle."""
    width, inner, layers = shape["hidden_size"], shape["intermediate_size"], shape["num_hidden_layers"]
    heads, kv, size = shape["num_attention_heads"], shape["num_key_value_heads"], shape["head_dim"]
    weights = layers * (width * size * (2 * heads + 2 * kv) + 3 * width * inner)
    attention = layers * heads * size
    found = 0.0
    for length in lengths:
        found += 4 * weights * length + 4 * width * shape["vocab_size"] * answer + 3 * 2 * attention * length**2
    return found


def clock(warm_up: int, device: str) -> Any:
    """A callback that times the steps after the first `warm_up`."""
    import torch
    from transformers import TrainerCallback

    class Clock(TrainerCallback):  # type: ignore[misc]
        def __init__(self) -> None:
            self.begun = self.ended = 0.0

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if device != "cpu":
                torch.cuda.synchronize()
            self.ended = time.perf_counter()
            if state.global_step == warm_up:
                self.begun = self.ended
                if device != "cpu":
                    torch.cuda.reset_peak_memory_stats()

    return Clock()


def measure(name: str, arguments: argparse.Namespace, folder: Path) -> Measured:
    """Train under the setting `name`: papers of the warm-up first, then those that are timed."""
    import numpy as np
    import torch
    from transformers import PrinterCallback
    from trl.trainer.sft_trainer import SFTTrainer

    from bioreview_bench.training.config.load import arguments as trainer_arguments
    from bioreview_bench.training.config.load import load
    from bioreview_bench.training.models import memory
    from bioreview_bench.training.models.lora import lora_config
    from bioreview_bench.training.runs.start import settle

    setting, device = SETTINGS[name], "cpu" if arguments.tiny else "cuda"
    shape = TINY if arguments.tiny else SHAPE
    steps = max(1, arguments.steps // setting.papers)
    given = [f"effective_batch={setting.papers}", "gradient_accumulation_steps=1", f"max_length={arguments.longest}"]
    given += [
        f"max_steps={arguments.warm_up + steps}",
        "eval_strategy=no",
        "eval_examples=null",
        "shuffle_dataset=false",
    ]
    given += [*setting.changes, *(["device=cpu"] if arguments.tiny else [])]
    config = load("sft", CONFIG, given)
    rng = np.random.default_rng(0)
    n = setting.papers * (arguments.warm_up + steps)
    lengths = rng.integers(arguments.shortest, arguments.longest + 1, size=n).tolist()
    base = build(shape, config.quantisation, config.model.attention, device)
    made = trainer_arguments(config, folder)
    made.save_strategy = "no"
    watch, peft = clock(arguments.warm_up, device), lora_config(base, config.adapter)
    dataset = papers(lengths, arguments.answer, shape["vocab_size"])
    common: dict[str, Any] = {"train_dataset": dataset, "processing_class": bare_tokenizer(), "callbacks": [watch]}
    if name == "plain":
        trainer = plain(base, made, peft, common)
    else:
        trainer = SFTTrainer(base, args=made, **common, peft_config=peft)
        settle(trainer.model, config)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    peak = None if device == "cpu" else torch.cuda.max_memory_allocated()
    # Each paper is seen once, whatever the order: the mean of all stands for those that are timed.
    share = steps / (arguments.warm_up + steps)
    total = operations(shape, lengths, arguments.answer)
    return Measured(
        seconds=watch.ended - watch.begun,
        papers=steps * setting.papers,
        tokens=round(sum(lengths) * share),
        operations=total * share,
        peak=peak,
        estimate=memory.estimate(config, memory.Shape.stated(config)).total,
        loss=losses[-1],
    )


def plain(base: Any, made: Any, peft: Any, common: dict[str, Any]) -> Any:
    """transformers' Trainer with the same model, adapter, optimiser and batches."""
    import torch
    from peft import get_peft_model
    from transformers import Trainer, TrainingArguments, set_seed
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    set_seed(made.seed)
    model = get_peft_model(base, peft)
    model.enable_input_require_grads()
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data = weight.data.to(torch.float32)
    names = [name for name, field in TrainingArguments.__dataclass_fields__.items() if field.init]
    given = TrainingArguments(**{name: getattr(made, name) for name in names})
    return Trainer(model, args=given, **common, data_collator=DataCollatorForLanguageModeling(pad_token_id=0))


def device_rate(device: str) -> float:
    """Operations a second of products of square bfloat16 matrices on this device, the best of five."""
    import torch

    n = 512 if device == "cpu" else 8192
    one = torch.randn(n, n, dtype=torch.bfloat16, device=device)
    best = 0.0
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(1 if device == "cpu" else 20):
            product = one @ one
        if device != "cpu":
            torch.cuda.synchronize()
        best = max(best, 2 * n**3 * (1 if device == "cpu" else 20) / (time.perf_counter() - begun))
    del product
    return best


def row(name: str, one: Measured, rate: float) -> str:
    """A line of the table."""
    hours = PUBLISHED_STEPS * PAPERS * one.seconds / one.papers / 3600
    peak = "-" if one.peak is None else f"{one.peak / GIB:.1f}"
    return (
        f"{name:28}{one.tokens / one.seconds:>12,.0f}{one.operations / one.seconds / rate:>10.1%}{peak:>10}"
        f"{one.estimate / GIB:>10.1f}{hours:>10.1f}{one.loss:>10.4f}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--steps", type=int, default=None, help="timed papers of a setting; default 20, tiny 4")
    parser.add_argument("--warm-up", type=int, default=2, help="steps before, not timed")
    parser.add_argument("--shortest", type=int, default=None, help="tokens of a paper; default 12,288")
    parser.add_argument("--longest", type=int, default=None, help="tokens of a paper; default 16,384")
    parser.add_argument("--answer", type=int, default=None, help="tokens that carry loss; default 1,500")
    return parser


def main() -> None:
    """Measure, print."""
    arguments = settled(_parser(), {name: (one.changes, one.package) for name, one in SETTINGS.items()})
    device = require_gpu(arguments.tiny)
    defaults = {"steps": (20, 4), "shortest": (12_288, 96), "longest": (16_384, 128), "answer": (1_500, 32)}
    for name, (real, tiny) in defaults.items():
        setattr(arguments, name, getattr(arguments, name) or (tiny if arguments.tiny else real))
    if arguments.alone:
        [name] = arguments.settings
        with tempfile.TemporaryDirectory() as scratch:
            print(json.dumps(asdict(measure(name, arguments, Path(scratch)))))
        return
    rate = device_rate("cpu" if arguments.tiny else "cuda")
    print(f"{device}; products of bfloat16 matrices: {rate / 1e12:.1f} TFLOP/s")
    print(
        f"Papers of {arguments.shortest:,} to {arguments.longest:,} tokens; {PUBLISHED}, for {PUBLISHED_STEPS:,} steps"
    )
    columns = ("tokens/s", 12), ("of rate", 10), ("peak GiB", 10), ("estimate", 10), ("hours", 10), ("loss", 10)
    print("".join([f"{'setting':28}", *(f"{name:>{width}}" for name, width in columns)]), flush=True)
    chosen = {name: SETTINGS[name].package for name in arguments.settings or SETTINGS}
    if arguments.tiny:
        chosen.pop("offloading", None)  # there is nowhere to offload to from the CPU
    options = [f"--{name}={getattr(arguments, name)}" for name in (*defaults, "warm_up")]
    options = [one.replace("_", "-", 1) for one in options] + (["--tiny"] if arguments.tiny else [])
    for name, found in measured(__file__, chosen, options, arguments.minutes):
        print(f"{name:28}{found}" if isinstance(found, str) else row(name, Measured(**found), rate), flush=True)


if __name__ == "__main__":
    main()
