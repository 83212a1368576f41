"""Probes: the checkpoints of a run, each reviewing the same few validation articles, scored under a contract.

Reviewing goes by the command `bench baseline`, as it does for everybody; a probe that was cut off goes on where it was.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.data.load import default_contract, load_split
from bioreview_bench.data.predictions import read_predictions
from bioreview_bench.data.split import Split
from bioreview_bench.errors import BenchError, InputError
from bioreview_bench.files.atomic import make_folder, write_files
from bioreview_bench.scoring.run import score

from ..corpora.files import chosen
from ..models.adapters import resolved
from ..models.summary import SUMMARY, read_summary
from ..runs.folder import ADAPTER, LOG, checkpoints, read_run
from .generate import ReviewRequest, plan

REPORT, IDS = "probe.json", "ids.txt"


@dataclass(frozen=True)
class ProbeSettings:
    """What is probed, and how. `steps` are the checkpoints; empty for all. `model` and `prompt` None: as recorded."""

    run: Path
    n: int = 50
    data: str = "v3"
    seed: int = 42
    contract: str | None = None  # the default of the data
    encoder_path: Path | None = None
    model: str | None = None
    prompt: str | None = None
    steps: tuple[int, ...] = ()
    parameters: tuple[str, ...] = ("temperature=0",)
    engine: str = "transformers"
    tensor_parallel: int | None = None
    allow_unfrozen: bool = False


@dataclass(frozen=True)
class ProbePoint:
    """One checkpoint's scores on the sample. `eval_loss` is the run's own, where it was computed at this step."""

    step: int
    adapter: str
    eval_loss: float | None
    f1: float | None
    skill: float | None
    recall: float | None
    concerns: float
    answered: int


class ReviewingFailed(BenchError):
    """The command that reviews ended with an error, which it has printed; this carries its exit code on."""

    def __init__(self, code: int, adapter: str) -> None:
        remedy = "fix what it says above, then run the same command again: finished reviews are kept"
        super().__init__(f"Reviewing with {adapter} did not finish.", remedy=remedy)
        self.exit_code = code


def probe(settings: ProbeSettings, say: Callable[[str], None]) -> dict[str, Any]:
    """Review and score; the report is also written to `RUN/probes/.../probe.json`.

    Raises InputError, DataError, EncoderError, WriteError, and ReviewingFailed with the code of the command.
    """
    run = read_run(settings.run)
    adapters = _adapters(settings, say)
    contract = Contract.load(settings.contract or default_contract(settings.data))
    sample = _sample(settings)
    folder = settings.run / "probes" / f"n{len(sample)}-seed{settings.seed}-{sample.data}"
    ids = folder / IDS
    _write(ids, "".join(f"{article.id}\n" for article in sample))
    losses = _eval_losses(settings.run / LOG)
    model, before = settings.model or run["config"]["model"]["name"], merged_before(run)
    points = []
    for step, adapter in adapters:
        say(f"Step {step:,}: {len(sample)} articles with {adapter} ...")
        predictions = _review(settings, model, (*before, str(adapter)), folder / _folder(settings, step), ids)
        points.append(
            _point(step, adapter, losses.get(step), sample, predictions, contract, encoder_path=settings.encoder_path)
        )
    report = {
        "schema_version": "1",
        "run": run["config"]["name"],
        "sample": {
            "n": len(sample),
            "seed": settings.seed,
            "split": sample.label,
            "ids": [article.id for article in sample],
        },
        "contract": contract.official_name,
        "parameters": list(settings.parameters),
        "points": [asdict(point) for point in points],
    }
    _write(folder / REPORT, json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    return report


def _adapters(settings: ProbeSettings, say: Callable[[str], None]) -> list[tuple[int, Path]]:
    """(step, folder) of every whole checkpoint, and of the finished adapter where no checkpoint has its step."""
    found: dict[int, Path] = {}
    for one in checkpoints(settings.run):
        if settings.steps and one.step not in settings.steps:
            continue
        if one.fault is not None:
            say(f"Passed over {one.folder}: {one.fault}.")
            continue
        found[one.step] = one.folder
    finished = settings.run / ADAPTER
    if (finished / SUMMARY).is_file():
        step = int(read_summary(finished)["n_steps"])
        if not settings.steps or step in settings.steps:
            found.setdefault(step, finished)
    absent = sorted(set(settings.steps) - set(found))
    if absent or not found:
        which = f"at step {', '.join(map(str, absent))}" if absent else "at all"
        raise InputError(
            f"{settings.run} has no complete checkpoint {which}.", remedy=f"see which there are: ls {settings.run}"
        )
    return sorted(found.items())


def _sample(settings: ProbeSettings) -> Split:
    split = load_split(settings.data, "val", allow_unfrozen=settings.allow_unfrozen)
    ids = set(chosen(split.known_ids, settings.n, settings.seed))
    return Split.of([article for article in split if article.id in ids], split.data, "val")


def merged_before(run: Mapping[str, Any]) -> tuple[str, ...]:
    """The adapters whose sum with the base model the run trained on: its checkpoints belong on them."""
    start = run["config"].get("start") or {}
    named = [resolved(str(name)) for name in start.get("adapters") or ()]
    return tuple(named[:-1] if start.get("last") == "continued" else named)


def _folder(settings: ProbeSettings, step: int) -> str:
    """Where a checkpoint's reviews are kept; engines do not write into each other's."""
    return f"step-{step}" + ("" if settings.engine == "transformers" else f"-{settings.engine}")


def _review(settings: ProbeSettings, model: str, adapters: tuple[str, ...], out: Path, ids: Path) -> Path:
    more = [] if settings.tensor_parallel is None else ["--tensor-parallel", str(settings.tensor_parallel)]
    planned = plan(
        ReviewRequest(
            model,
            adapters,
            data=settings.data,
            split="val",
            out=out,
            engine=settings.engine,
            seed=settings.seed,
            prompt=settings.prompt,
            parameters=settings.parameters,
            passed=("--ids", str(ids), *more, *(["--allow-unfrozen"] if settings.allow_unfrozen else [])),
        )
    )
    planned.write()
    command = [sys.executable, "-m", "bioreview_bench", *planned.arguments]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise ReviewingFailed(done.returncode if done.returncode > 0 else 1, adapters[-1])
    return out / "predictions.jsonl"


def _point(
    step: int,
    adapter: Path,
    eval_loss: float | None,
    sample: Split,
    predictions: Path,
    contract: Contract,
    encoder_path: Path | None,
) -> ProbePoint:
    result = score(
        sample, read_predictions(predictions, sample), contract, draws=0, controls="basic", encoder_path=encoder_path
    )
    overall, controls, coverage = result.record.overall, result.record.controls, result.record.coverage
    return ProbePoint(
        step=step,
        adapter=adapter.name,
        eval_loss=eval_loss,
        f1=overall.f1,
        skill=controls.skill,
        recall=overall.recall,
        concerns=overall.n_pred / len(sample),
        answered=coverage.scored + coverage.empty,
    )


def _eval_losses(path: Path) -> dict[int, float]:
    """Loss on val by step, from the run's log; empty for a run without evaluation."""
    try:
        rows: Sequence[dict[str, Any]] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return {}
    except ValueError as error:
        raise InputError(f"Cannot read {path}: {error}.", remedy="resume the run, which writes it again") from error
    return {int(row["step"]): float(row["eval_loss"]) for row in rows if "eval_loss" in row}


def _write(path: Path, text: str) -> None:
    make_folder(path.parent)
    write_files({path: text.encode()})
