"""The folder of a training run: what the run is, how far it got, and that nothing else is in it.

`run.json` (what is trained, from what), `checkpoint-N/` on the way, `log.jsonl`, and at the end `adapter/`: the adapter
alone with its `training_summary.json`. The same command resumes a run; another run is refused.

Checkpoints of a run: sealed when they are whole, and found again by their seal.

A process can be killed while it writes one. So the last thing written into a checkpoint is `whole.json`, the sizes and
sha256 of all its files; a checkpoint without it, or one that differs from it, is named and passed over.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioreview_bench.errors import InputError, cannot_write
from bioreview_bench.files.atomic import check_writable, make_folder, write_files, write_json
from bioreview_bench.files.reading import read_json
from bioreview_bench.files.same_run import require_same_run
from bioreview_bench.llm.run.manifest import now

from ..models.summary import SUMMARY, versions

if TYPE_CHECKING:
    from bioreview_bench.cli.options import Messages

RUN, ADAPTER, LOG = "run.json", "adapter", "log.jsonl"
_OTHER = "choose another folder with -o"


def resumed_from(
    out: Path, identity: Mapping[str, Any], free: Sequence[str], console: Messages
) -> tuple[bool, Checkpoint | None]:
    """(whether the run in `out` is finished, the checkpoint to go on from).

    `identity` is what must be equal, `free` the keys in it (full names) that need not. Checkpoints that are not whole
    are named. Raises InputError when `out` holds anything else than this run.
    """
    if not out.exists():
        return False, None
    if not out.is_dir():
        raise InputError(f"{out} is a file.", remedy=_OTHER)
    if not (out / RUN).is_file():
        if any(out.iterdir()):
            raise InputError(f"{out} is not empty, and is not the folder of a run.", remedy=_OTHER)
        return False, None
    require_same_run(out, read_run(out), identity, _OTHER, free)
    if (out / ADAPTER / SUMMARY).is_file():
        return True, None
    last, passed = last_whole(checkpoints(out))
    for one in passed:
        console.say(f"Passed over {one.folder}: {one.fault}.")
    return False, last


def begin(out: Path, identity: Mapping[str, Any]) -> None:
    """Make the folder, and say in it what the run is, unless it is there already. Raises WriteError."""
    check_writable(make_folder(out) / RUN)
    if not (out / RUN).exists():
        write_json(out / RUN, {**identity, "versions": versions(), "started": now()})


def write_log(out: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Write the trainer's log as one row a line, whole. Raises WriteError."""
    write_files({out / LOG: "".join(f"{json.dumps(row)}\n" for row in history).encode()})


def read_run(out: Path) -> dict[str, Any]:
    """What `run.json` says. Raises InputError."""
    return read_json(out / RUN, InputError, f"name a training run, or {_OTHER}")


SEAL = "whole.json"
_NAME = re.compile(r"checkpoint-(\d{1,9})")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's folder and its step."""

    folder: Path
    step: int

    @cached_property
    def fault(self) -> str | None:
        """Why it is not whole, in words; None when it is. All its files are read, once."""
        return _fault(self.folder)


def seal(folder: Path) -> None:
    """Write the seal of a complete checkpoint. Raises WriteError."""
    try:
        names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != SEAL)
        files = {name: _digest(folder / name) for name in names}
    except OSError as error:
        raise cannot_write(folder, error) from error
    write_files({folder / SEAL: (json.dumps(files, indent=1) + "\n").encode()})


def checkpoints(run: Path) -> list[Checkpoint]:
    """All checkpoints in the folder of a run, whole or not, by step."""
    if not run.is_dir():
        return []
    named = [(path, _NAME.fullmatch(path.name)) for path in run.iterdir() if path.is_dir()]
    return sorted((Checkpoint(path, int(match[1])) for path, match in named if match), key=lambda one: one.step)


def last_whole(found: Sequence[Checkpoint]) -> tuple[Checkpoint | None, list[Checkpoint]]:
    """The last whole checkpoint, and those after it, which are not whole."""
    passed: list[Checkpoint] = []
    for one in reversed(found):
        if one.fault is None:
            return one, passed[::-1]
        passed.append(one)
    return None, passed[::-1]


def _fault(folder: Path) -> str | None:
    try:
        stated = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        wanted = {str(name): (int(size), str(sha256)) for name, (size, sha256) in stated.items()}
    except FileNotFoundError:
        return "it was cut off while it was written"
    except (OSError, ValueError, AttributeError, TypeError) as error:
        return f"its {SEAL} cannot be read ({error})"
    for name, value in wanted.items():
        try:
            if _digest(folder / Path(name).name) != value:
                return f"{name} differs from what was written"
        except OSError:
            return f"{name} is gone"
    return None


def _digest(path: Path) -> tuple[int, str]:
    sha = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            sha.update(piece)
    return path.stat().st_size, sha.hexdigest()
