"""Small runs for the tests beside this: consoles, questions, pairs, settings, and judges of letters."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bioreview_bench.training.config.load import load
from bioreview_bench.training.console import Console
from bioreview_bench.training.dpo.train import Dpo
from bioreview_bench.training.grpo.judges import Rewarder
from bioreview_bench.training.grpo.train import Grpo
from bioreview_bench.training.qa.items.build import build, write
from bioreview_bench.training.qa.items.given import read_pairs
from bioreview_bench.training.rewards.composer import Composed, RewardComposer
from bioreview_bench.training.runs.run import Method, Run, check
from bioreview_bench.training.runs.training import Trained, train

TINY = (
    "family=qwen3", "chat_template=null", "device=cpu", "bits=16", "compute_dtype=float32", "optim=adamw_torch",
    "gradient_checkpointing=false", "start.adapters=[]", "adapter.targets=[q_proj, v_proj, down_proj]",
)  # fmt: skip
DPO = (
    *TINY, "per_device_train_batch_size=2", "gradient_accumulation_steps=1", "effective_batch=2", "save_steps=2",
    "learning_rate=5e-3",
)  # fmt: skip
GRPO = (
    *TINY, "max_completion_length=8", "max_prompt=200", "per_device_train_batch_size=8",
    "gradient_accumulation_steps=1", "effective_batch=8", "steps_per_generation=1", "num_generations=4",
    "num_iterations=1", "save_steps=2", "hold_out=[]", "max_steps=2", "learning_rate=1e-2",
)  # fmt: skip
FOUR_BITS = ("bits=4", "compute_dtype=bfloat16", "optim=adamw_8bit", "gradient_checkpointing=true")
PAIRS = [
    {
        "prompt": f"What does the drug do in the {tissue}?",
        "chosen": f"In the {tissue} it raises {number} genes.",
        "rejected": f"In the {tissue} it does nothing at all.",
    }
    for number, tissue in enumerate(("heart", "liver", "spleen", "kidney", "lung", "brain", "skin", "colon"), start=40)
]


class Heard(Console):
    """A console that hands what is said to `say`, and shows no progress."""

    def __init__(self, say: Callable[[str], object] = lambda text: None) -> None:
        super().__init__(quiet=True)
        self.say = say  # type: ignore[method-assign, assignment]


def make_questions(folder: Path, pairs: Sequence[dict[str, str]] = PAIRS) -> Path:
    """A folder as `bench train qa-data` writes it, with pairs."""
    folder.mkdir(parents=True, exist_ok=True)
    given = folder.parent / f"{folder.name}-pairs.json"
    given.write_text(json.dumps(list(pairs)))
    write(build(seed=1, pairs=read_pairs(given)), folder)
    return folder


def checked(
    method: Method, config: str, out: Path, settings: Sequence[str], say: Callable[[str], object] = print
) -> Run | None:
    """A run by the Python interface, checked."""
    return check(method, load(method.name, config, settings), out, "COMMAND", Heard(say))


def trained(run: Run | None, say: Callable[[str], object] = print) -> Trained:
    assert run is not None
    return train(run, Heard(say))


def paths(model: Path, data: Path) -> tuple[str, str]:
    return (f"model.name={json.dumps(str(model))}", f"data.folder={json.dumps(str(data))}")


def dpo_job(model: Path, data: Path, out: Path, *settings: str, say: Callable[[str], object] = print) -> Run | None:
    return checked(Dpo(), "dpo_kmp", out, (*DPO, *paths(model, data), "held_out=2", *settings), say)


def dpo_run(model: Path, data: Path, out: Path, *settings: str, say: Callable[[str], object] = print) -> Trained:
    return trained(dpo_job(model, data, out, *settings, say=say), say)


def grpo_job(
    model: Path, data: Path, out: Path, *settings: str, say: Callable[[str], object] = print, config: str = "grpo_full"
) -> Run | None:
    return checked(Grpo(), config, out, (*GRPO, *paths(model, data), *settings), say)


def grpo_run(
    model: Path,
    data: Path,
    out: Path,
    *settings: str,
    say: Callable[[str], object] = print,
    judge: Rewarder | None = None,
) -> Trained:
    run = grpo_job(model, data, out, *settings, say=say)
    assert run is not None
    return trained(run if judge is None else dataclasses.replace(run, judge=judge), say)


def started_from(*adapters: Path) -> str:
    return f"start.adapters={json.dumps([str(one) for one in adapters])}"


class Toy:
    """Rewards the letter e: V1 is its share of the letters, V2 never applies."""

    names = ("V1", "V2")

    def score(self, keys: Sequence[str], completions: Sequence[str]) -> list[Composed]:
        composer = RewardComposer({"V1": 1.0, "V2": 1.0})
        return [composer.score({"V1": text.count("e") / max(1, len(text)), "V2": None}) for text in completions]


class Silent:
    """Has no reward for anything."""

    names = ("V1",)

    def score(self, keys: Sequence[str], completions: Sequence[str]) -> list[Composed]:
        return [Composed(None, {"V1": None}) for _ in completions]


def log(run: Path) -> list[dict[str, Any]]:
    """Rows of the log that say the same in every run: no times, and no count that TRL's DPO begins anew."""
    timed = ("seconds/generation", "seconds/scoring", "step_time", "num_tokens")
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{key: row[key] for key in row if key not in timed} for row in rows if "loss" in row]


def samples(run: Path) -> list[dict[str, Any]]:
    files = sorted((run / "samples").glob("*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]
