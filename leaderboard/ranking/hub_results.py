"""A system's scores as the Hub's community evaluations: `.eval_results/*.yaml` of a model repository.

The Hub shows such results at the model and in the leaderboard of a benchmark, which is a dataset repository with an
`eval.yaml` (https://huggingface.co/docs/hub/eval-results). Both files are made of the public record of the board.
A task of the benchmark is a split under a contract, since scores compare only within one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from bioreview_bench.errors import InputError, printable

from .view import ContractScore, SystemView

FRAMEWORK = "bioreview-bench"
FOLDER = ".eval_results"


def eval_results(system: SystemView, dataset: str, url: str) -> str:
    """The YAML of a system, an entry for each contract. `dataset`: the benchmark's repository; `url`: its page here.

    Raises InputError unless the system ranks: the Hub has a ranking too, and the best of many has no place in one.
    """
    scores = [score for score in system.scores if score.row.band is not None]
    if not scores:
        why = next((score.row.why_unranked for score in system.scores if score.row.why_unranked), "It has no score.")
        raise InputError(
            f"{printable(system.system)} does not rank on this board. {printable(why, 500)}",
            remedy="publish the submission that ranks for the team",
        )
    return _yaml([_entry(system, score, dataset, url) for score in scores])


def benchmark_file(title: str, data: str, splits: Sequence[str], contracts: Sequence[str]) -> str:
    """`eval.yaml` of the benchmark's dataset repository: a task for each split under each contract."""
    tasks = [
        {"id": task_id(data, split, contract), "config": "default", "split": split}
        for split in splits
        for contract in contracts
    ]
    about = (
        "Do machine reviewers of biomedical papers raise the concerns that human reviewers raised? F1 of concerns "
        "matched one to one, scored by the board from predictions, with controls for chance and for copying."
    )
    return _yaml({"name": title, "description": about, "evaluation_framework": FRAMEWORK, "tasks": tasks})


def task_id(data: str, split: str, contract: str) -> str:
    """`v3_test_reader`: letters, digits, underscores, dots and dashes."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", f"{data}_{split}_{contract}")


def file_name(system: SystemView) -> str:
    """The file's name in the folder `.eval_results` of the model: one for each split of a board."""
    return re.sub(r"[^a-z0-9-]+", "-", f"{FRAMEWORK}-{system.data}-{system.split}".lower()) + ".yaml"


def _entry(system: SystemView, score: ContractScore, dataset: str, url: str) -> dict[str, Any]:
    value = score.row.f1.value
    assert value is not None
    entry: dict[str, Any] = {
        "dataset": {"id": dataset, "task_id": task_id(system.data, system.split, score.contract)},
        "value": round(value, 3),
        "date": score.row.submitted,
    }
    if url:
        entry["source"] = {"url": url, "name": system.title}
    return {**entry, "notes": _notes(system, score)}


def _notes(system: SystemView, score: ContractScore) -> str:
    row = score.row
    said = [f"F1 of {system.system} {system.version}"]
    if row.f1.bounds is not None:
        said.append(f"95% CI {row.f1.low:.3f} to {row.f1.high:.3f}")
    if row.null_f1 is not None:
        said.append(f"chance {row.null_f1:.3f}")
    said.append("saturated: skill is undefined" if row.saturated else "")
    said.append(f"contract {score.label}, band {row.band}")
    said.append(f"submission {system.submission}")
    return printable("; ".join(one for one in said if one), 500)


def _yaml(content: Any) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
