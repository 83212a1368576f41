"""Tokens a second of QLoRA at Qwen3-8B's shape under each setting that the configuration offers, in ten minutes.

    python benchmarks/qlora.py [--steps 20] [--shortest 12288] [--longest 16384] [--minutes 10] [SETTING ...]
    python benchmarks/qlora.py --list            the settings, and what each needs
    python benchmarks/qlora.py --tiny            a few layers on the CPU: does the script work

The model has the published shape and random weights, made on the GPU itself: nothing is downloaded. Papers are random
tokens of random length, the same for every setting; a timed step is one paper (two or four where a setting says so),
as many steps as make `--steps` papers. Every setting is what `bench train sft qwen3_8b --set ...` runs, by the same
trainer; `plain` is transformers' Trainer with the model's own loss.

Printed for each: tokens a second; the share of the rate that this GPU reaches in products of bfloat16 matrices (counted
are the operations that training needs: forward, and gradients of activations; frozen weights have none, and what
checkpointing computes twice is not counted); peak memory; hours for 1,773 steps of eight such papers, beside the
published 18 h (8B) and 35 h (9B) on one A100. Settings that need a package that is not installed, that do not fit, or
for which the time is up, are named.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PUBLISHED_STEPS, PAPERS = 1773, 8
PUBLISHED = "published on one A100: 18 h for 8B, 35 h for 9B"
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
    """Of the timed steps: seconds, papers, tokens, operations; peak bytes of the GPU (None on a CPU), last loss."""

    seconds: float
    papers: int
    tokens: int
    operations: float
    peak: int | None
    loss: float


def linear_layers(model: Any) -> list[str]:
    """Names of the linear layers but for the output layer."""
    import torch

    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and not name.endswith("lm_head")
    ]


def build(shape: dict[str, Any], part: Any, attention: str, device: str) -> Any:
    """A model with random weights, its linear layers in 4 bits where `part` says so; made layer by layer, so that it
    fits."""
    import torch
    from transformers import AutoModelForCausalLM, Qwen3Config

    torch.manual_seed(0)
    dtype = getattr(torch, part.compute_dtype)
    config = Qwen3Config(**shape, dtype=dtype, attn_implementation=attention, use_cache=False)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    for name in linear_layers(model) if part.bits == 4 else []:
        import bitsandbytes as bnb

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
    model.is_loaded_in_4bit = part.bits == 4  # by which PEFT and TRL know it
    return model


def papers(lengths: list[int], answer: int, vocabulary: int) -> Any:
    """Papers of random tokens, of which the last `answer` carry loss."""
    import numpy as np
    from datasets import Dataset

    rng = np.random.default_rng(0)
    ids = [rng.integers(10, vocabulary, size=length, dtype=np.int32) for length in lengths]
    labels = [np.where(np.arange(len(one)) < len(one) - answer, -100, one) for one in ids]
    return Dataset.from_dict({"input_ids": ids, "labels": labels})


def tokenizer() -> Any:
    """The least that a trainer asks for: a token that pads and ends."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel({"<end>": 0, "<unknown>": 1}, unk_token="<unknown>"))  # noqa: S106
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>", pad_token="<end>")  # noqa: S106


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
    common: dict[str, Any] = {"train_dataset": dataset, "processing_class": tokenizer(), "callbacks": [watch]}
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
        watch.ended - watch.begun, steps * setting.papers, round(sum(lengths) * share), total * share, peak, losses[-1]
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
    from bioreview_bench.training.models.memory import GB

    hours = PUBLISHED_STEPS * PAPERS * one.seconds / one.papers / 3600
    peak = "-" if one.peak is None else f"{one.peak / GB:.1f} GiB"
    return (
        f"{name:28}{one.tokens / one.seconds:>12,.0f}{one.operations / one.seconds / rate:>10.1%}{peak:>12}"
        f"{hours:>10.1f}{one.loss:>10.4f}"
    )


def tried(arguments: argparse.Namespace, scratch: Path, rate: float) -> None:
    """Every setting in turn, while there is time; a line for each."""
    import torch

    begun = time.monotonic()
    longest = 0.0
    for name in arguments.settings or SETTINGS:
        package, started = SETTINGS[name].package, time.monotonic()
        if package is not None and find_spec(package) is None:
            print(f"{name:28}{package} is not installed")
            continue
        if arguments.tiny and name == "offloading":
            print(f"{name:28}needs a GPU")
            continue
        if started - begun + longest > 60 * arguments.minutes:
            print(f"{name:28}no time left: name it to run it alone")
            continue
        try:
            print(row(name, measure(name, arguments, scratch / name), rate), flush=True)
        except (RuntimeError, ValueError, OSError, ImportError) as error:  # out of memory, or a kernel that is not here
            print(f"{name:28}{type(error).__name__}: {' '.join(str(error).split())[:90]}", flush=True)
        if not arguments.tiny:
            torch.cuda.empty_cache()
        longest = max(longest, time.monotonic() - started)


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", metavar="SETTING", help="default: all, in the order of --list")
    parser.add_argument("--list", action="store_true", help="name the settings")
    parser.add_argument("--steps", type=int, default=None, help="timed papers of a setting; default 20, tiny 4")
    parser.add_argument("--warm-up", type=int, default=2, help="steps before, not timed")
    parser.add_argument("--shortest", type=int, default=None, help="tokens of a paper; default 12,288")
    parser.add_argument("--longest", type=int, default=None, help="tokens of a paper; default 16,384")
    parser.add_argument("--answer", type=int, default=None, help="tokens that carry loss; default 1,500")
    parser.add_argument("--minutes", type=float, default=9.0, help="begin no setting that would end later")
    parser.add_argument("--tiny", action="store_true", help="a tiny model on the CPU")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.settings) - set(SETTINGS))
    if unknown:
        parser.error(f"no setting {', '.join(unknown)}; there are {', '.join(SETTINGS)}")
    if arguments.list:
        for name, setting in SETTINGS.items():
            needed = f"  (needs {setting.package})" if setting.package else ""
            print(f"{name:28}{' '.join(setting.changes) or '-'}{needed}")
        return
    import torch

    if not arguments.tiny and not torch.cuda.is_available():
        print("Skipped: torch sees no GPU here. --tiny tries the script on the CPU.", file=sys.stderr)
        return
    for name, real, tiny in (
        ("steps", 20, 4),
        ("shortest", 12_288, 96),
        ("longest", 16_384, 128),
        ("answer", 1_500, 32),
    ):
        setattr(arguments, name, getattr(arguments, name) or (tiny if arguments.tiny else real))
    rate = device_rate("cpu" if arguments.tiny else "cuda")
    device = "the CPU (tiny model: speeds mean nothing)" if arguments.tiny else torch.cuda.get_device_name()
    print(f"{device}, torch {torch.__version__}; products of bfloat16 matrices: {rate / 1e12:.1f} TFLOP/s")
    print(
        f"Papers of {arguments.shortest:,} to {arguments.longest:,} tokens; {PUBLISHED}, for {PUBLISHED_STEPS:,} steps"
    )
    print(f"{'setting':28}{'tokens/s':>12}{'of rate':>10}{'peak':>12}{'hours':>10}{'loss':>10}")
    with tempfile.TemporaryDirectory() as scratch:
        tried(arguments, Path(scratch), rate)


if __name__ == "__main__":
    main()
