"""Samples a second of GRPO under several settings, and the shares of a step that are sampling, scoring and update.

    python benchmarks/training/grpo.py [--steps 4] [--warm-up 2] [--prompt 512] [--completion 1024] [SETTING ...]
    python benchmarks/training/grpo.py preset --config grpo_full --set trl.num_generations=16
    python benchmarks/training/grpo.py --list            the settings, and what each needs
    python benchmarks/training/grpo.py --tiny            a few layers on the CPU: does the script work

The model has Qwen3-8B's shape and random weights, made on the GPU itself: nothing is downloaded. Everything else is as
the config says (grpo_phase4: 16 completions of a prompt). Random weights hardly ever end a text, so every completion
has its greatest length: the times are the longest that such a step can take. Scored are the bundled questions with
answers of that length, since random tokens are no text. Every setting runs in a process of its own; `vllm` writes the
model to a scratch folder first (16 GB), since vLLM loads files.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from each import add_options, measured, settled
from random_model import SHAPE, SHAPE_OF, TINY, bare_tokenizer, build, require_gpu, write_model

_FA3 = "model.attention=kernels-community/flash-attn3"
# In the order in which they are tried: changes of the config, and the package that they need.
SETTINGS: dict[str, tuple[tuple[str, ...], str | None]] = {
    "preset": ((), None),
    "vllm": (("bits=16", "trl.use_vllm=true"), "vllm"),
    "16-bits": (("bits=16",), None),
    "hub-kernel": ((_FA3,), "kernels"),
    "liger": (("trl.use_liger_kernel=true",), "liger_kernel"),
}
GIB = 1024**3
CHARACTERS = 4  # to a token of a scored text


@dataclass(frozen=True)
class Measured:
    """Of a step: seconds, those of its parts, completions and tokens sampled for it; peak bytes of the GPU (None on a
    CPU), and those that a dry run estimates."""

    seconds: float
    parts: dict[str, float]
    samples: float
    tokens: float
    peak: int | None
    estimate: float


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


def configured(arguments: argparse.Namespace, setting: str) -> Any:
    """The config under the setting, with the lengths and steps that were asked for."""
    from bioreview_bench.training.config.files import read_values
    from bioreview_bench.training.config.load import load

    stated = load("grpo", arguments.config)
    prompt = arguments.prompt or (64 if arguments.tiny else stated.data.max_prompt)
    completion = arguments.completion or (16 if arguments.tiny else stated.trl["max_completion_length"])
    changes = [f"max_prompt={prompt}", f"max_completion_length={completion}"]
    changes += [f"max_steps={arguments.warm_up + arguments.steps}", *SETTINGS[setting][0], *arguments.changes]
    changes += [f"architecture={json.dumps(read_values(SHAPE_OF)['architecture'])}"]  # of the model that is made here
    return load("grpo", arguments.config, [*changes, *(["device=cpu"] if arguments.tiny else [])])


def measure(arguments: argparse.Namespace, config: Any, folder: Path) -> Measured:
    """Train on the bundled questions; steps after the warm-up are timed."""
    import torch
    from datasets import Dataset

    from bioreview_bench.training.config.load import arguments as trainer_arguments
    from bioreview_bench.training.grpo.judges import ComposedReward
    from bioreview_bench.training.grpo.train import Grpo
    from bioreview_bench.training.grpo.trainer import SealingGRPOTrainer
    from bioreview_bench.training.models.lora import lora_config
    from bioreview_bench.training.models.memory import Shape
    from bioreview_bench.training.models.quantised import load_base
    from bioreview_bench.training.qa.items.facts import kmp_items
    from bioreview_bench.training.runs.start import settle

    device = "cpu" if arguments.tiny else "cuda"
    shape, part, attention = TINY if arguments.tiny else SHAPE, config.quantisation, config.model.attention
    if config.trl["use_vllm"]:
        write_model(folder / "model", shape, part, device)
        base = load_base(folder / "model", part, attention=attention, device=f"{device}:0")
    else:
        base = build(shape, part, attention, device)
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
        processing_class=bare_tokenizer(),
        peft_config=lora_config(base, config.adapter),
        chat=SimpleNamespace(tokens=lambda messages: tokens),
    )
    settle(trainer.model, config)
    watch = clock(trainer, arguments.warm_up, device)
    trainer.add_callback(watch)
    trainer.train()
    each = watch.whole / watch.steps
    parts = {name: (trainer.seconds[name] - watch.before[name]) / watch.steps for name in trainer.seconds}
    samples = config.sampled_at_once / config.span
    return Measured(
        seconds=each,
        parts={**parts, "update": each - sum(parts.values())},
        samples=samples,
        tokens=samples * config.trl["max_completion_length"],
        peak=None if device == "cpu" else torch.cuda.max_memory_allocated(),
        estimate=Grpo().needed(config, Shape.stated(config)).total,
    )


def row(name: str, one: Measured) -> str:
    """A line of the table."""
    shares = "".join(f"{one.parts[part] / one.seconds:>10.0%}" for part in ("generation", "scoring", "update"))
    peak = "-" if one.peak is None else f"{one.peak / GIB:.1f}"
    return (
        f"{name:14}{one.seconds:>10.2f}{one.samples / one.seconds:>12.2f}{shares}"
        f"{one.tokens / one.parts['generation']:>12,.0f}{peak:>10}{one.estimate / GIB:>10.1f}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--config", default="grpo_phase4", help="a preset, or a file")
    parser.add_argument(
        "--steps", type=int, default=4, help="timed steps; a multiple of those that samples are used for"
    )
    parser.add_argument("--warm-up", type=int, default=2, help="steps before, not timed")
    parser.add_argument("--prompt", type=int, default=None, help="tokens; default: the config's greatest")
    parser.add_argument("--completion", type=int, default=None, help="tokens; default: the config's greatest")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
    return parser


def main() -> None:
    """Measure, print."""
    arguments = settled(_parser(), SETTINGS)
    device = require_gpu(arguments.tiny)
    if arguments.alone:
        [name] = arguments.settings
        with tempfile.TemporaryDirectory() as scratch:
            print(json.dumps(asdict(measure(arguments, configured(arguments, name), Path(scratch)))))
        return
    config = configured(arguments, "preset")
    print(device)
    print(
        f"{config.name}: a step is {config.effective_batch} completions of {config.data.max_prompt:,} + "
        f"{config.trl['max_completion_length']:,} tokens; {config.prompts_at_once} prompts x "
        f"{config.trl['num_generations']} are sampled every {config.span} steps"
    )
    columns = ("s/step", 10), ("samples/s", 12), ("sampling", 10), ("scoring", 10), ("update", 10), ("tokens/s", 12)
    print(
        "".join(
            [f"{'setting':14}", *(f"{name:>{width}}" for name, width in (*columns, ("peak GiB", 10), ("estimate", 10)))]
        ),
        flush=True,
    )
    chosen = {name: SETTINGS[name][1] for name in arguments.settings or SETTINGS}
    options = [f"--config={arguments.config}", f"--steps={arguments.steps}", f"--warm-up={arguments.warm_up}"]
    options += [f"--{name}={value}" for name in ("prompt", "completion") if (value := getattr(arguments, name))]
    options += [f"--set={change}" for change in arguments.changes] + (["--tiny"] if arguments.tiny else [])
    for name, found in measured(__file__, chosen, options, arguments.minutes):
        print(f"{name:14}{found}" if isinstance(found, str) else row(name, Measured(**found)), flush=True)


if __name__ == "__main__":
    main()
