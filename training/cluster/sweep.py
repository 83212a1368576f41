"""Sweeps: a config in several variants, each in a folder of its own, and what came of them in one table.

Nothing is run here: every variant is a config like any other, trained by `bench train sft` or on a cluster.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from bioreview_bench.errors import InputError, cannot_write
from bioreview_bench.files.atomic import write_files
from bioreview_bench.files.jsonl import parse_object

from ..config.files import dump, merged, put, scalar
from ..config.load import build, stated
from ..models.summary import SUMMARY, read_summary
from ..publish.probe import REPORT
from ..runs.folder import ADAPTER, checkpoints

SWEEP, CONFIG, RUN = "sweep.json", "config.yaml", "run"
_MOST = 200  # variants; more is a mistake in typing sooner than a plan


@dataclass(frozen=True)
class Variant:
    """One config of a sweep: the folder's name, what it sets (full key to value), and the whole config."""

    folder: str
    values: Mapping[str, Any]
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What came of a variant. `state`: not begun, begun, at step N, finished. Scores: of its best probed checkpoint."""

    folder: str
    values: Mapping[str, Any]
    state: str
    n_steps: int | None
    train_loss: float | None
    eval_loss: float | None
    step: int | None
    f1: float | None
    skill: float | None
    probed: str | None


def variants(name: str, settings: Sequence[str]) -> list[Variant]:
    """Every combination of `KEY=VALUE[,VALUE...]` settings, in their order. Raises InputError, EncoderError."""
    base = stated(name)
    keys: dict[str, list[Any]] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise InputError(f'"{setting}" is not of the form KEY=VALUE,VALUE.', remedy="--set learning_rate=1e-4,3e-4")
        values = [scalar(part) for part in _split(text)]
        full = put(merged(base, {}), key, None)
        if full in keys:
            raise InputError(
                f"{full} is set twice.", remedy="give all its values at once: --set learning_rate=1e-4,3e-4"
            )
        keys[full] = values
    varied = [key for key, values in keys.items() if len(values) > 1]
    if not varied:
        raise InputError("Nothing varies: no setting has several values.", remedy="--set learning_rate=1e-4,3e-4")
    combinations = list(product(*keys.values()))
    if len(combinations) > _MOST:
        raise InputError(f"That makes {len(combinations):,} variants, more than {_MOST}.", remedy="vary less at once")
    found = [_variant(base, dict(zip(keys, values, strict=True)), varied) for values in combinations]
    if len({one.folder for one in found}) != len(found):
        raise InputError("Two variants are equal.", remedy="give every value once")
    return found


def write_sweep(name: str, found: Sequence[Variant], out: Path) -> None:
    """Write every variant to `out/FOLDER/config.yaml`, and `out/sweep.json`. Raises InputError, WriteError."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is not an empty folder.", remedy="choose another folder with -o")
    contents: dict[Path, bytes] = {}
    for one in found:
        folder = out / one.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(folder, error) from error
        contents[folder / CONFIG] = dump(one.config).encode()
    facts = {
        "schema_version": "1",
        "config": name,
        "variants": [{"folder": one.folder, "values": dict(one.values)} for one in found],
    }
    write_files({**contents, out / SWEEP: (json.dumps(facts, indent=1) + "\n").encode()})


def collect(out: Path) -> list[Outcome]:
    """What came of every variant of the sweep in `out`, in its order. Raises InputError, DataError."""
    path = out / SWEEP
    try:
        stated = parse_object(path.read_text(encoding="utf-8"))["variants"]
        return [_outcome(out, str(one["folder"]), one["values"]) for one in stated]
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{out} is no sweep: cannot read {path}: {error}.",
            remedy="bench train sweep CONFIG --set learning_rate=1e-4,3e-4 -o DIR",
        ) from error


def rows(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """For machines."""
    return [asdict(one) for one in outcomes]


def command(folder: Path) -> str:
    """The command that trains one variant."""
    return f"bench train sft {folder / CONFIG} -o {folder / RUN}"


def _variant(base: Mapping[str, Any], values: Mapping[str, Any], varied: Sequence[str]) -> Variant:
    config = merged(base, {})
    for key, value in values.items():
        put(config, key, value)
    parts = [f"{key.rpartition('.')[2]}={_word(values[key])}" for key in varied]
    folder = ",".join(parts)[:80]
    config["name"] = f"{str(config['name'])[:60]}+{folder}"[:100]
    build(config, f"The variant {folder}")
    return Variant(folder, {key: values[key] for key in varied}, config)


def _outcome(out: Path, name: str, values: Mapping[str, Any]) -> Outcome:
    run = out / Path(name).name / RUN
    finished = run / ADAPTER
    summary = read_summary(finished) if (finished / SUMMARY).is_file() else None
    begun = checkpoints(run)
    if summary is None and begun and (begun[-1].folder / SUMMARY).is_file():
        summary = read_summary(begun[-1].folder)
        state = f"at step {begun[-1].step}"
    else:
        state = "finished" if summary is not None else "not begun" if not run.exists() else "begun"
    metrics = summary["metrics"] if summary is not None else {}
    best = _best_probe(run)
    return Outcome(
        folder=name,
        values=dict(values),
        state=state,
        n_steps=summary["n_steps"] if summary is not None else None,
        train_loss=metrics.get("train_loss"),
        eval_loss=metrics.get("eval_loss"),
        step=best.get("step"),
        f1=best.get("f1"),
        skill=best.get("skill"),
        probed=best.get("probed"),
    )


def _best_probe(run: Path) -> dict[str, Any]:
    """The point of highest skill (or F1, where skill is undefined) over the run's last probe; empty without one.

    Probes of other samples or contracts are not comparable, so only the one written last counts, and it is named.
    """
    reports = sorted(run.glob(f"probes/*/{REPORT}"), key=lambda path: path.stat().st_mtime)
    if not reports:
        return {}
    report = parse_object(reports[-1].read_text(encoding="utf-8"))
    points: list[dict[str, Any]] = report["points"]
    best = max(points, key=lambda point: (_rank(point["skill"]), _rank(point["f1"]), -point["step"]))
    sample = report["sample"]
    return {**best, "probed": f"{sample['n']} articles, seed {sample['seed']}, contract {report['contract']}"}


def _rank(value: float | None) -> float:
    return float("-inf") if value is None else value


def _split(text: str) -> list[str]:
    """At commas that stand in no bracket."""
    parts, depth, start = [], 0, 0
    for place, char in enumerate(text):
        depth += (char in "[{") - (char in "]}")
        if char == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


def _word(value: Any) -> str:
    shown = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return re.sub(r"[^A-Za-z0-9._-]+", "-", shown).strip("-")
