"""Small runs of DPO and GRPO for the tests beside this: questions, pairs, settings, and judges of letters."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bioreview_bench.training.dpo import train as dpo
from bioreview_bench.training.dpo.config import load_dpo_config
from bioreview_bench.training.grpo import train as grpo
from bioreview_bench.training.grpo.config import load_grpo_config
from bioreview_bench.training.grpo.judges import Judge
from bioreview_bench.training.qa.items.build import build, write
from bioreview_bench.training.qa.items.given import read_pairs
from bioreview_bench.training.rewards.composer import Composed, RewardComposer
from bioreview_bench.training.runs.running import Talk

TINY = (
    "family=qwen3", "chat_template=null", "device=cpu", "bits=16", "compute_dtype=float32",
    "optimiser.name=adamw_torch", "gradient_checkpointing=false", "start.adapters=[]",
    "lora.targets=[q_proj, v_proj, down_proj]",
)  # fmt: skip
DPO = (*TINY, "batch_size=2", "accumulation=1", "effective_batch=2", "save_steps=2", "optimiser.lr=5e-3")
GRPO = (
    *TINY, "max_completion=8", "max_prompt=200", "max_length=208", "batch_size=8", "accumulation=1",
    "effective_batch=8", "steps_per_generation=1", "generations=4", "iterations=1", "save_steps=2", "hold_out=[]",
    "max_steps=2", "optimiser.lr=1e-2",
)  # fmt: skip
FOUR_BITS = ("bits=4", "compute_dtype=bfloat16", "optimiser.name=adamw_8bit", "gradient_checkpointing=true")
PAIRS = [
    {
        "prompt": f"What does the drug do in the {tissue}?",
        "chosen": f"In the {tissue} it raises {number} genes.",
        "rejected": f"In the {tissue} it does nothing at all.",
    }
    for number, tissue in enumerate(("heart", "liver", "spleen", "kidney", "lung", "brain", "skin", "colon"), start=40)
]


def make_questions(folder: Path, pairs: Sequence[dict[str, str]] = PAIRS) -> Path:
    """A folder as `bench train qa-data` writes it, with pairs."""
    folder.mkdir(parents=True, exist_ok=True)
    given = folder.parent / f"{folder.name}-pairs.json"
    given.write_text(json.dumps(list(pairs)))
    write(build(seed=1, pairs=read_pairs(given)), folder)
    return folder


def quiet(say: Callable[[str], None] = lambda text: None) -> Talk:
    return Talk(say, lambda what, done, of: None)


def paths(model: Path, data: Path) -> tuple[str, str]:
    return (f"model.name={json.dumps(str(model))}", f"data.folder={json.dumps(str(data))}")


def dpo_job(model: Path, data: Path, out: Path, *settings: str, say: Callable[[str], None] = print) -> dpo.Job | None:
    config = load_dpo_config("dpo_kmp", (*DPO, *paths(model, data), "held_out=2", *settings))
    return dpo.check(config, out, "COMMAND", quiet(say))


def dpo_run(model: Path, data: Path, out: Path, *settings: str, say: Callable[[str], None] = print) -> dpo.Trained:
    job = dpo_job(model, data, out, *settings, say=say)
    assert job is not None
    return dpo.train(job, quiet(say))


def grpo_job(
    model: Path, data: Path, out: Path, *settings: str, say: Callable[[str], None] = print, config: str = "grpo_full"
) -> grpo.Job | None:
    built = load_grpo_config(config, (*GRPO, *paths(model, data), *settings))
    return grpo.check(built, out, "COMMAND", quiet(say))


def grpo_run(
    model: Path, data: Path, out: Path, *settings: str, say: Callable[[str], None] = print, judge: Judge | None = None
) -> grpo.Trained:
    job = grpo_job(model, data, out, *settings, say=say)
    assert job is not None
    return grpo.train(job if judge is None else dataclasses.replace(job, judge=judge), quiet(say))


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
