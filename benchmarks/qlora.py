"""Tokens a second and peak memory of QLoRA steps at 16,384 tokens, against a plain loop of transformers' Trainer.

    python benchmarks/qlora.py [--steps 4] [--warm-up 2] [--tokens 16384] [--answer 1500]
    python benchmarks/qlora.py --tiny            a few layers on the CPU: does the script work

The model has Qwen3-8B's shape and random weights, in 4 bits, made on the GPU itself: nothing is downloaded, and no
weights of 16 bits are ever whole. `ours` is what `bench train sft qwen3_8b` runs (TRL's SFTTrainer, the config's
values); `plain` is transformers' Trainer with the same model, adapter, optimiser and batches, and the model's own loss.
Both are printed with their ratio, the memory that the dry run estimates, and how long 1,773 steps of eight papers take
at that speed (published: 35 h on one A100, for a 9B model).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PUBLISHED_STEPS, PUBLISHED_HOURS = 1773, 35.0
CONFIG = "qwen3_8b"
SHAPE = {
    "vocab_size": 151_936, "hidden_size": 4096, "intermediate_size": 12_288, "num_hidden_layers": 36,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "tie_word_embeddings": False,
    "max_position_embeddings": 40_960,
}  # fmt: skip
TINY = SHAPE | {
    "vocab_size": 512, "hidden_size": 64, "intermediate_size": 192, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16,
}  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """One way of training: seconds of a step, tokens of a step, peak bytes of the GPU (None on a CPU), last loss."""

    seconds: float
    tokens: int
    peak: int | None
    loss: float


def build(shape: dict[str, Any], part: Any, attention: str, device: str) -> Any:
    """A model with random weights, its linear layers in 4 bits; made layer by layer, so that it fits."""
    import bitsandbytes as bnb
    import torch
    from transformers import AutoModelForCausalLM, Qwen3Config

    torch.manual_seed(0)
    dtype = getattr(torch, part.compute_dtype)
    config = Qwen3Config(**shape, dtype=dtype, attn_implementation=attention, use_cache=False)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    linear = [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and not name.endswith("lm_head")
    ]
    for name in linear:
        parent, _, last = name.rpartition(".")
        old = model.get_submodule(name)
        new = bnb.nn.Linear4bit(
            old.in_features, old.out_features, bias=False, compute_dtype=dtype, compress_statistics=part.double,
            quant_type=part.type,
        )  # fmt: skip
        weight = torch.randn(old.out_features, old.in_features, dtype=dtype, device=device) * 0.02
        new.weight = bnb.nn.Params4bit(
            weight, requires_grad=False, compress_statistics=part.double, quant_type=part.type, module=new
        ).to(device)
        if hasattr(new, "support_avx512bf16_for_cpu"):
            new.support_avx512bf16_for_cpu = False  # see training/models/quantised.py
        setattr(model.get_submodule(parent), last, new)
        del weight
    for module in model.modules():
        for name, weight in list(module.named_parameters(recurse=False)):
            if weight.is_meta:
                drawn = torch.ones if weight.dim() == 1 else torch.randn
                filled = drawn(weight.shape, dtype=dtype, device=device) * (1.0 if weight.dim() == 1 else 0.02)
                setattr(module, name, torch.nn.Parameter(filled, requires_grad=False))
    model.model.rotary_emb = type(model.model.rotary_emb)(config).to(device)
    model.is_loaded_in_4bit = True  # by which PEFT and TRL know it
    return model


def examples(n: int, tokens: int, answer: int, vocabulary: int) -> Any:
    """`n` papers of random tokens, of which the last `answer` carry loss."""
    import numpy as np
    from datasets import Dataset

    rng = np.random.default_rng(0)
    ids = rng.integers(10, vocabulary, size=(n, tokens), dtype=np.int32)
    labels = ids.copy()
    labels[:, : tokens - answer] = -100
    return Dataset.from_dict({"input_ids": list(ids), "labels": list(labels)})


def tokenizer() -> Any:
    """The least that a trainer asks for: a token that pads and ends."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel({"<end>": 0, "<unknown>": 1}, unk_token="<unknown>"))  # noqa: S106
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>", pad_token="<end>")  # noqa: S106


def clock(warm_up: int, device: str) -> Any:
    """A callback that times the steps after the first `warm_up`."""
    import torch
    from transformers import TrainerCallback

    class Clock(TrainerCallback):  # type: ignore[misc]
        def __init__(self) -> None:
            self.begun = self.ended = 0.0
            self.steps = 0

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if device != "cpu":
                torch.cuda.synchronize()
            now = time.perf_counter()
            if state.global_step == warm_up:
                self.begun = now
                if device != "cpu":
                    torch.cuda.reset_peak_memory_stats()
            self.ended, self.steps = now, state.global_step - warm_up

        @property
        def seconds(self) -> float:
            return (self.ended - self.begun) / self.steps

    return Clock()


def measure(way: str, arguments: argparse.Namespace, config: Any, folder: Path) -> Measured:
    """Train by `ours` or `plain`, from the same weights on the same papers."""
    import torch
    from peft import get_peft_model
    from transformers import PrinterCallback, Trainer, TrainingArguments, set_seed
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling, SFTTrainer

    from bioreview_bench.training.config.load import arguments as trainer_arguments
    from bioreview_bench.training.models.lora import lora_config

    device = "cpu" if arguments.tiny else "cuda"
    shape = TINY if arguments.tiny else SHAPE
    base = build(shape, config.quantisation, config.model.attention, device)
    papers = examples(config.effective_batch, arguments.tokens, arguments.answer, shape["vocab_size"])
    watch = clock(arguments.warm_up, device)
    given = trainer_arguments(config, folder)
    given.save_strategy = "no"
    common = {"args": given, "train_dataset": papers, "processing_class": tokenizer(), "callbacks": [watch]}
    if way == "ours":
        trainer: Any = SFTTrainer(base, **common, peft_config=lora_config(base, config.adapter))
    else:
        set_seed(config.trl["seed"])
        model = get_peft_model(base, lora_config(base, config.adapter))
        model.enable_input_require_grads()
        names = [name for name, field in TrainingArguments.__dataclass_fields__.items() if field.init]
        common["args"] = TrainingArguments(**{name: getattr(given, name) for name in names})
        trainer = Trainer(model, **common, data_collator=DataCollatorForLanguageModeling(pad_token_id=0))
        for weight in model.parameters():
            if weight.requires_grad:
                weight.data = weight.data.to(torch.bfloat16)  # as TRL does with an adapter on 4 bits
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    peak = None if device == "cpu" else torch.cuda.max_memory_allocated()
    tokens = config.effective_batch * arguments.tokens
    return Measured(watch.seconds, tokens, peak, losses[-1])


def report(arguments: argparse.Namespace, config: Any, found: dict[str, Measured]) -> None:
    """Print everything, ratios included."""
    import torch

    from bioreview_bench.training.models.memory import GB, Shape, estimate

    device = "the CPU (tiny model: speeds mean nothing)" if arguments.tiny else torch.cuda.get_device_name()
    print(f"{'device':34} {device}, torch {torch.__version__}")
    print(f"{'a step':34} {config.effective_batch} papers of {arguments.tokens:,} tokens")
    for way, one in found.items():
        peak = "-" if one.peak is None else f"{one.peak / GB:.1f} GiB"
        speed = f"{one.seconds:.2f} s a step, {one.tokens / one.seconds:,.0f} tokens/s"
        print(f"{way:34} {speed}, peak {peak}, loss {one.loss:.4f}")
    ours, plain = found["ours"], found.get("plain")
    if plain is not None:
        print(f"{'plain / ours, time of a step':34} {plain.seconds / ours.seconds:.2f}x")
        if plain.peak is not None and ours.peak is not None:
            print(f"{'plain / ours, peak memory':34} {plain.peak / ours.peak:.2f}x")
    if arguments.tiny:
        return
    needed = estimate(config, Shape.stated(config))
    print(f"{'estimate of the dry run':34} {needed.total / GB:.1f} GiB (context included)")
    hours = PUBLISHED_STEPS * ours.seconds / 3600
    print(
        f"{f'{PUBLISHED_STEPS:,} such steps':34} {hours:.1f} h (every paper at full length; published: "
        f"{PUBLISHED_HOURS:g} h on one A100, for a 9B model)"
    )


def main() -> None:
    """Measure both ways, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4, help="timed steps of eight papers each")
    parser.add_argument("--warm-up", type=int, default=2, help="steps before, not timed")
    parser.add_argument("--tokens", type=int, default=None, help="of a paper with its answer; default 16,384")
    parser.add_argument("--answer", type=int, default=None, help="tokens that carry loss; default 1,500")
    parser.add_argument("--ours-only", action="store_true", help="leave the plain loop out (its logits are large)")
    parser.add_argument("--tiny", action="store_true", help="a tiny model on the CPU")
    arguments = parser.parse_args()
    import torch

    from bioreview_bench.training.config.load import load

    if not arguments.tiny and not torch.cuda.is_available():
        print("Skipped: torch sees no GPU here. --tiny tries the script on the CPU.", file=sys.stderr)
        return
    arguments.tokens = arguments.tokens or (256 if arguments.tiny else 16_384)
    arguments.answer = arguments.answer or (32 if arguments.tiny else 1_500)
    steps = arguments.warm_up + arguments.steps
    changes = [f"max_length={arguments.tokens}", f"max_steps={steps}", "eval_strategy=no", "eval_examples=null"]
    config = load("sft", CONFIG, [*changes, *(["device=cpu"] if arguments.tiny else [])])
    found: dict[str, Measured] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for way in ("ours",) if arguments.ours_only else ("ours", "plain"):
            try:
                found[way] = measure(way, arguments, config, Path(scratch) / way)
            except torch.OutOfMemoryError:
                print(f"{way:34} does not fit into the GPU's memory", file=sys.stderr)
            if not arguments.tiny:
                torch.cuda.empty_cache()
    if "ours" in found:
        report(arguments, config, found)


if __name__ == "__main__":
    main()
