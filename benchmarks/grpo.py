"""Samples a second of GRPO, and the shares of a step that are sampling, scoring and update.

    python benchmarks/grpo.py [--steps 4] [--warm-up 2] [--prompt 512] [--completion 1024] [--config grpo_phase4]
    python benchmarks/grpo.py --set trl.use_liger_kernel=true --set model.attention=flash_attention_2
    python benchmarks/grpo.py --set bits=16 --set trl.use_vllm=true --base FOLDER     sampling by vLLM, in this process
    python benchmarks/grpo.py --tiny             a few layers on the CPU: does the script work

The model has Qwen3-8B's shape and random weights in 4 bits, made on the GPU itself: nothing is downloaded. Everything
else is as the config says. Random weights hardly ever end a text, so every completion has its greatest length: the
times are the longest that such a step can take. Scored are the bundled questions with answers of that length, since
random tokens are no text.

vLLM loads its model from files: `benchmarks/generation.py --write FOLDER` makes them, of the same shape.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from qlora import SHAPE, TINY, build, tokenizer

CHARACTERS = 4  # to a token of a scored text


class Answers:
    """Scores texts of `tokens` tokens in place of what was sampled, by the rewards of questions."""

    def __init__(self, rows: Sequence[dict[str, Any]], weights: dict[str, float], tokens: int) -> None:
        from bioreview_bench.training.qa.verifiers import QaReward
        from bioreview_bench.training.rewards.composer import RewardComposer

        self.names = tuple(weights)
        self._rows = {row["id"]: row for row in rows}
        self._reward = QaReward(RewardComposer(weights))
        self._characters = tokens * CHARACTERS

    def score(self, keys: Sequence[str], completions: Sequence[str]) -> list[Any]:
        """Every other answer is right, so that groups have variance."""
        return [self._reward.score(self._rows[key], self._text(key, number)) for number, key in enumerate(keys)]

    def _text(self, key: str, number: int) -> str:
        said = self._rows[key]["answer"] if number % 2 else "The study does not tell which genes these are."
        return ((said + " ") * (1 + self._characters // len(said)))[: self._characters] + "\nConfidence: 70%"


def clock(trainer: Any, warm_up: int, device: str) -> Any:
    """A callback that times steps after the first `warm_up`, and what of it was sampling and scoring."""
    import torch
    from transformers import TrainerCallback

    class Clock(TrainerCallback):  # type: ignore[misc]
        def __init__(self) -> None:
            self.begun = 0.0
            self.before = dict(trainer.seconds)
            self.steps = 0
            self.whole = 0.0

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if device != "cpu":
                torch.cuda.synchronize()
            if state.global_step == warm_up:
                self.begun, self.before = time.perf_counter(), dict(trainer.seconds)
                if device != "cpu":
                    torch.cuda.reset_peak_memory_stats()
            self.steps = state.global_step - warm_up
            self.whole = time.perf_counter() - self.begun

    return Clock()


def measure(arguments: argparse.Namespace, config: Any, folder: Path) -> tuple[float, dict[str, float], int | None]:
    """(seconds of a step, its parts, peak bytes of the GPU)."""
    import torch
    from datasets import Dataset

    from bioreview_bench.training.config.load import arguments as trainer_arguments
    from bioreview_bench.training.grpo.judges import ComposedReward
    from bioreview_bench.training.grpo.trainer import SealingGRPOTrainer
    from bioreview_bench.training.models.lora import lora_config
    from bioreview_bench.training.models.quantised import load_base
    from bioreview_bench.training.qa.items.facts import kmp_items
    from bioreview_bench.training.runs.start import settle

    device = "cpu" if arguments.tiny else "cuda"
    shape = TINY if arguments.tiny else SHAPE
    if arguments.base is None:
        base = build(shape, config.quantisation, config.model.attention, device)
    else:
        base = load_base(arguments.base, config.quantisation, attention=config.model.attention, device="cuda:0")
    rows = [item.row() for item in kmp_items()]
    given = trainer_arguments(config, folder)
    given.save_strategy = "no"
    tokens = [token % shape["vocab_size"] for token in range(10, 10 + config.data.max_prompt)]
    judge = Answers(rows, dict(config.reward.weights), config.trl["max_completion_length"])
    trainer = SealingGRPOTrainer(
        model=base,
        reward_funcs=ComposedReward(judge, folder),
        args=given,
        train_dataset=Dataset.from_dict(
            {"prompt": [row["messages"][:-1] for row in rows], "key": [row["id"] for row in rows]}
        ),
        processing_class=tokenizer(),
        peft_config=lora_config(base, config.adapter),
        chat=SimpleNamespace(tokens=lambda messages: tokens),
    )
    settle(trainer.model, config)
    watch = clock(trainer, arguments.warm_up, device)
    trainer.add_callback(watch)
    trainer.train()
    each = watch.whole / watch.steps
    parts = {name: (trainer.seconds[name] - watch.before[name]) / watch.steps for name in trainer.seconds}
    parts["update"] = each - sum(parts.values())
    return each, parts, None if device == "cpu" else torch.cuda.max_memory_allocated()


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="grpo_phase4", help="a preset, or a file")
    parser.add_argument("--steps", type=int, default=4, help="timed steps; a multiple of the config's iterations")
    parser.add_argument("--warm-up", type=int, default=2, help="steps before, not timed")
    parser.add_argument("--prompt", type=int, default=None, help="tokens; default: the config's greatest")
    parser.add_argument("--completion", type=int, default=None, help="tokens; default: the config's greatest")
    parser.add_argument("--base", type=Path, metavar="FOLDER", help="a model's files, in place of random weights")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--tiny", action="store_true", help="a tiny model on the CPU")
    arguments = parser.parse_args()
    import torch

    from bioreview_bench.training.config.load import load
    from bioreview_bench.training.grpo.train import Grpo
    from bioreview_bench.training.models.memory import GB, Shape

    if not arguments.tiny and not torch.cuda.is_available():
        print("Skipped: torch sees no GPU here. --tiny tries the script on the CPU.", file=sys.stderr)
        return
    stated = load("grpo", arguments.config)
    prompt = arguments.prompt or (64 if arguments.tiny else stated.data.max_prompt)
    completion = arguments.completion or (16 if arguments.tiny else stated.trl["max_completion_length"])
    steps = arguments.warm_up + arguments.steps
    changes = [f"max_prompt={prompt}", f"max_completion_length={completion}", f"max_steps={steps}"]
    changes += [*arguments.changes, *(["device=cpu"] if arguments.tiny else [])]
    config = load("grpo", arguments.config, changes)
    with tempfile.TemporaryDirectory() as scratch:
        each, parts, peak = measure(arguments, config, Path(scratch))
    group = config.trl["num_generations"]
    device = "the CPU (tiny model: times mean nothing)" if arguments.tiny else torch.cuda.get_device_name()
    print(f"{'device':28} {device}, torch {torch.__version__}")
    print(
        f"{'a step':28} {config.effective_batch} completions of {prompt:,} + {completion:,} tokens; "
        f"{config.prompts_at_once} prompts x {group} are sampled every {config.span} steps"
    )
    print(f"{'seconds of a step':28} {each:.2f}")
    print(f"{'samples a second':28} {config.sampled_at_once / config.span / each:.2f}")
    for name, seconds in parts.items():
        print(f"{'  ' + name:28} {seconds:.2f} ({seconds / each:.0%})")
    sampled = config.sampled_at_once * completion / config.span
    print(f"{'tokens sampled a second':28} {sampled / parts['generation']:,.0f}")
    if peak is not None:
        needed = Grpo().needed(config, Shape.stated(config))
        print(f"{'peak memory':28} {peak / GB:.1f} GiB (estimate: {needed.total / GB:.1f})")


if __name__ == "__main__":
    main()
