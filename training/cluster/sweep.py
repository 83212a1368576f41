"""Sweeps: a config in several variants, each in a folder of its own, and what came of them in one table.

Nothing is run here: every variant is a config like any other, trained by its method's command or on a cluster.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from bioreview_bench.cli.options import key_values
from bioreview_bench.errors import DataError, InputError
from bioreview_bench.files.atomic import make_folder, write_files, write_json
from bioreview_bench.files.reading import read_json

from ..config.files import dump, merged, put, scalar
from ..config.load import build, stated
from ..models.summary import SUMMARY, read_summary
from ..publish.probe import REPORT
from ..runs.folder import ADAPTER, checkpoints

SWEEP, CONFIG, RUN = "sweep.json", "config.yaml", "run"
_EXAMPLE = "--set learning_rate=1e-4,3e-4"
_REMEDY = f"bench train sweep CONFIG {_EXAMPLE} -o DIR"
_MOST = 200  # variants; more is a mistake in typing sooner than a plan


@dataclass(frozen=True)
class Variant:
    """One config of a sweep: the folder's name, what it sets (full key to value), and the whole config."""

    folder: str
    values: Mapping[str, Any]
    config: Mapping[str, Any]


def variants(name: str, settings: Sequence[str]) -> list[Variant]:
    """Every combination of `KEY=VALUE[,VALUE...]` settings, in their order. Raises InputError, EncoderError."""
    base = stated(name)
    choices: dict[str, list[Any]] = {}
    for setting in settings:
        key, values = key_values(setting, _EXAMPLE)
        full = put(merged(base, {}), key, None)
        if full in choices:
            raise InputError(f"{full} is set twice.", remedy=f"give all its values at once: {_EXAMPLE}")
        choices[full] = [scalar(value) for value in values]
    varied = [key for key, values in choices.items() if len(values) > 1]
    if not varied:
        raise InputError("Nothing varies: no setting has several values.", remedy=_EXAMPLE)
    combinations = list(product(*choices.values()))
    if len(combinations) > _MOST:
        raise InputError(f"That makes {len(combinations):,} variants, more than {_MOST}.", remedy="vary less at once")
    made = [_variant(base, dict(zip(choices, values, strict=True)), varied) for values in combinations]
    if len({variant.folder for variant in made}) != len(made):
        raise InputError("Two variants are equal.", remedy="give every value once")
    return made


def write_sweep(name: str, made: Sequence[Variant], out: Path) -> None:
    """Write every variant to `out/FOLDER/config.yaml`, and `out/sweep.json`. Raises InputError, WriteError."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is not an empty folder.", remedy="choose another folder with -o")
    write_files({make_folder(out / variant.folder) / CONFIG: dump(variant.config).encode() for variant in made})
    rows = [{"folder": variant.folder, "values": dict(variant.values)} for variant in made]
    write_json(out / SWEEP, {"schema_version": "1", "config": name, "variants": rows})


def variant_folders(out: Path) -> dict[str, Mapping[str, Any]]:
    """What each variant of the sweep in `out` sets, by its folder, in its order. Raises InputError."""
    try:
        return {str(row["folder"]): row["values"] for row in read_json(out / SWEEP, InputError, _REMEDY)["variants"]}
    except (KeyError, TypeError) as error:
        raise InputError(f"{out / SWEEP} lists no variants.", remedy=_REMEDY) from error


def collect(out: Path) -> list[dict[str, Any]]:
    """What came of every variant of the sweep in `out`, in its order. Raises InputError, DataError.

    Of each `folder`, `values` (what it sets), `state` (not begun, begun, at step N, finished), `n_steps`, its losses,
    and of its best probed checkpoint `step`, `f1`, `skill` and what was `probed`; None is what is not known.
    """
    return [_outcome(out, name, values) for name, values in variant_folders(out).items()]


def command(variant: Variant, out: Path) -> str:
    """The command that trains a variant of the sweep in `out`."""
    folder = out / variant.folder
    return shlex.join(["bench", "train", variant.config["method"], str(folder / CONFIG), "-o", str(folder / RUN)])


def _variant(base: Mapping[str, Any], values: Mapping[str, Any], varied: Sequence[str]) -> Variant:
    config = merged(base, {})
    for key, value in values.items():
        put(config, key, value)
    folder = ",".join(f"{key.rpartition('.')[2]}={_word(values[key])}" for key in varied)[:80]
    config["name"] = f"{str(config['name'])[:60]}+{folder}"[:100]
    build(config, f"The variant {folder}")
    return Variant(folder, {key: values[key] for key in varied}, config)


def _outcome(out: Path, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    run = out / Path(name).name / RUN
    finished = run / ADAPTER
    summary = read_summary(finished) if (finished / SUMMARY).is_file() else None
    begun = checkpoints(run)
    if summary is None and begun and (begun[-1].folder / SUMMARY).is_file():
        summary = read_summary(begun[-1].folder)
        state = f"at step {begun[-1].step}"
    else:
        state = "finished" if summary is not None else "not begun" if not run.exists() else "begun"
    known, best = summary or {"metrics": {}}, _best_probe(run)
    return {
        "folder": name,
        "values": dict(values),
        "state": state,
        "n_steps": known.get("n_steps"),
        **{loss: known["metrics"].get(loss) for loss in ("train_loss", "eval_loss")},
        **{key: best.get(key) for key in ("step", "f1", "skill", "probed")},
    }


def _best_probe(run: Path) -> dict[str, Any]:
    """The point of highest skill (or F1, where skill is undefined) over the run's last probe; empty without one.

    Probes of other samples or contracts are not comparable, so only the one written last counts, and it is named.
    """
    reports = sorted(run.glob(f"probes/*/{REPORT}"), key=lambda path: path.stat().st_mtime)
    if not reports:
        return {}
    report = read_json(reports[-1], DataError, "probe the run again")
    points: list[dict[str, Any]] = report["points"]
    best = max(points, key=lambda point: (_rank(point["skill"]), _rank(point["f1"]), -point["step"]))
    sample = report["sample"]
    return {**best, "probed": f"{sample['n']} articles, seed {sample['seed']}, contract {report['contract']}"}


def _rank(value: float | None) -> float:
    return float("-inf") if value is None else value


def _word(value: Any) -> str:
    shown = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return re.sub(r"[^A-Za-z0-9._-]+", "-", shown).strip("-")
