"""`bench submit init`.

A commented `card.yaml` to fill in, begun from `run.json` where there is one.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import click

from bioreview_bench.errors import printable

_LARGEST = 16 * 1024 * 1024  # bytes of a run.json


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path), metavar="[RUN]")
@click.option(
    "-o",
    "--output",
    default="card.yaml",
    show_default=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The card to write; an existing one is not overwritten.",
)
def init(run: Path | None, output: Path) -> None:
    """Write a commented card to fill in. RUN is a run's folder, its run.json, or the predictions next to it.

    What the run's manifest says is filled in; the rest is left empty, and the board says what is missing.

    \b
    Examples:
      bench submit init runs/mine
      bench submit init runs/mine/predictions.jsonl -o runs/mine/card.yaml

    \b
    Exit codes: 0 done, 2 bad input or usage, 6 cannot write.
    """
    from datetime import UTC, datetime

    from bioreview_bench.errors import InputError
    from bioreview_bench.files.atomic import write_files

    if output.exists():
        raise InputError(f"{output} already exists.", remedy="-o another file, or edit that one")
    manifest, predictions = _found(run)
    typed = ["bench", "submit", str(predictions), "--card", str(output), *_data(manifest), "--split", _split(manifest)]
    text = draft(manifest, command=shlex.join(typed), today=datetime.now(UTC).date())
    write_files({output: text.encode()})
    filled = f", started from {predictions.parent / 'run.json'}" if manifest else ""
    click.echo(f"Wrote {output}{filled}.")
    click.echo(f"Next: fill it in, then {shlex.join(typed)} --dry-run")


def _found(run: Path | None) -> tuple[dict[str, Any], Path]:
    """(the manifest, empty when there is none; the predictions file)."""
    from bioreview_bench.data.load import bundled_data
    from bioreview_bench.errors import InputError

    if run is None:
        return {}, Path("predictions.jsonl")
    if not run.exists():
        if bundled_data(str(run)) is not None:
            raise InputError(f"{run} has a card of its own.", remedy=f"bench submit {run} --to demo.sqlite")
        raise InputError(
            f"There is no file or folder {run}.", remedy="name a run's folder, its run.json or its predictions"
        )
    if run.is_dir():
        manifest, predictions = run / "run.json", run / "predictions.jsonl"
    elif run.name == "run.json":
        manifest, predictions = run, run.parent / "predictions.jsonl"
    else:
        manifest, predictions = run.parent / "run.json", run
    if not manifest.is_file():
        return {}, predictions
    return _read(manifest), predictions


def _read(manifest: Path) -> dict[str, Any]:
    from bioreview_bench.files.jsonl import parse_object
    from bioreview_bench.files.paths import cannot_read

    try:
        with manifest.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ValueError(f"larger than {_LARGEST:,} bytes")
        return parse_object(content.decode("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise cannot_read(manifest, error, remedy="fix or remove it") from error


def _split(manifest: dict[str, Any]) -> str:
    """The split that the run was made for (its label is data/split#fingerprint); test when it does not say."""
    from bioreview_bench.data.folder import SPLITS

    label = manifest.get("split", {}).get("label") if isinstance(manifest.get("split"), dict) else None
    name = str(label).partition("#")[0].rpartition("/")[2]
    return name if name in SPLITS else "test"


def _data(manifest: dict[str, Any]) -> list[str]:
    """`--data` as the run was given it; nothing where that is the default, or not stated."""
    given = _text(_mapping(_mapping(manifest.get("settings")).get("request")).get("data"))
    return ["--data", given] if given and given != "v3" else []


def draft(run: Mapping[str, Any], *, command: str, today: date) -> str:
    """The card's text; `command` submits with it. What `run` does not say stays empty; nothing is guessed."""
    reviewer = _mapping(run.get("reviewer"))
    model = " @ ".join(filter(None, (_text(reviewer.get("model")), _text(reviewer.get("revision")))))
    prompt = _text(_mapping(reviewer.get("prompt")).get("sha256"))
    cost = _mapping(run.get("totals")).get("cost_usd")
    values = {
        "system_name": _scalar(_text(run.get("name"))),
        "base_model": _scalar(model),
        "postprocessing": _scalar(_text(run.get("postprocessing")) or "none"),
        "prompt_sha256": _scalar(prompt),
        "cost_usd": repr(cost) if isinstance(cost, int | float) and not isinstance(cost, bool) else "",
        "date": (_day(run.get("ended")) or today).isoformat(),
    }
    template = resources.files(__package__ or "").joinpath("card.yaml").read_text(encoding="utf-8")
    text = template.format(command=printable(command, 400), **values)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _scalar(text: str) -> str:
    """A YAML scalar: quoted unless empty; control characters are shown, not passed on."""
    return json.dumps(printable(text, 200), ensure_ascii=False) if text else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _day(value: object) -> date | None:
    try:
        return datetime.fromisoformat(_text(value)).astimezone(UTC).date()
    except ValueError:
        return None
