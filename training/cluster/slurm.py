"""A SLURM job for any `bench` command, as a file that a person can read and change: one run, or an array of runs.

Options of sbatch are passed on as they are. What stands in the file is quoted for the shell, or refused; every command
is checked now (`cluster.ready`), not after a night in the queue.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from bioreview_bench.errors import EncoderError, InputError, RemoteError, printable
from bioreview_bench.files.reading import read_text

from .ready import require_fit, trains
from .sweep import SWEEP, variant_folders

ENTRY = "{}"  # stands in a command for the line, or the variant's folder, of an array's task
_OPTION = re.compile(r"--[a-z][a-z-]*|-[A-Za-z]")
_VALUE = re.compile(r"[A-Za-z0-9_.,:;=+@%/\[\]*&|!-]+")  # what needs no quotation marks in a line for sbatch
_GPUS = re.compile(r"(?:--gres=gpu|--gpus(?:-per-(?:node|task))?=|-G )(?::?[A-Za-z][\w.-]*:)?:?(\d*)(?=[,(]|$)")
_NODES = re.compile(r"(?:--nodes=|-N )(.+)")
_MODULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*(?:/[A-Za-z0-9_.+-]+){0,4}")
_MOST_TASKS = 1000
_TEMPLATE = "job.sbatch"


@dataclass(frozen=True)
class SlurmJob:
    """`tasks` are the words after `bench`, several make an array; `directives` are lines for sbatch.

    `grace` are seconds between the signal and the end of time; of an array, `at_once` tasks run at the same time.
    """

    tasks: tuple[tuple[str, ...], ...]
    directives: tuple[str, ...]
    grace: int = 300
    at_once: int | None = None
    modules: tuple[str, ...] = ()
    venv: str | None = None

    @property
    def trains(self) -> bool:
        """Whether it is a run of training, which goes through accelerate on several GPUs."""
        return trains(self.tasks[0])

    @property
    def n_nodes(self) -> str:
        """How many machines the directives ask for."""
        asked = [match.group(1) for line in self.directives if (match := _NODES.match(line))]
        return asked[-1] if asked else "1"

    @property
    def n_gpus(self) -> int:
        """How many GPUs the directives ask for, on one machine."""
        asked = [match.group(1) or "1" for line in self.directives if (match := _GPUS.match(line))]
        return int(asked[-1]) if asked else 0


def slurm_job(command: Sequence[str], passed: Sequence[str], array: Path | None = None, **more: Any) -> SlurmJob:
    """The job of `bench ...`, checked. `passed` are words for sbatch, `array` a file of lines or a sweep's folder.

    Raises InputError, EncoderError, and click's UsageError for a command that `bench` would not take.
    """
    if not command or command[0] != "bench" or len(command) < 2:
        raise InputError("There is no command to run.", remedy="bench train slurm ... -- bench train sft CONFIG")
    words = command[1:]
    entries = [""] if array is None else _entries(array)
    if (array is not None) != any(ENTRY in word for word in words):
        raise InputError(
            f"An array and {ENTRY} in the command go together: {ENTRY} stands for a line, or for a variant's folder.",
            remedy=f"--array sweeps/lr -- bench train sft {ENTRY}/config.yaml -o {ENTRY}/run",
        )
    tasks = tuple(tuple(word.replace(ENTRY, entry) for word in words) for entry in entries)
    for module in more.get("modules", ()):
        if not _MODULE.fullmatch(module):
            raise InputError(f'--module "{printable(module)}" names no module.', remedy="see module avail")
    venv = more.get("venv")
    if venv is not None and (venv.startswith(("/", "~", "-")) or not venv.strip() or not venv.isprintable()):
        raise InputError(
            f'--venv "{printable(venv)}" must be a path below the folder from which you submit.',
            remedy="give it relative to that folder",
        )
    job = SlurmJob(tasks, tuple(_directives(passed)), **more)
    for task in tasks:
        require_fit(task, job.n_gpus)
    if job.trains and job.n_nodes != "1":
        raise InputError(
            f"A run trains on one machine, and {job.n_nodes} are asked for.",
            remedy="leave --nodes out, and ask for more GPUs: --gpus-per-node=N",
        )
    return job


def render(job: SlurmJob) -> str:
    """The file for sbatch."""
    import jinja2

    several = len(job.tasks) > 1
    ours = {
        "--job-name": "-".join(["bench", *job.tasks[0][: 2 if job.tasks[0][0] == "train" else 1]]),
        "--nodes": "1",
        "--ntasks": "1",
        "--output": "%x-%A_%a.log" if several else "%x-%j.log",
        "--open-mode": "append",
    }
    named = {line.partition("=")[0] for line in job.directives}
    kept = [f"{option}={value}" for option, value in ours.items() if option not in named]
    array = [f"--array=0-{len(job.tasks) - 1}{f'%{job.at_once}' if job.at_once else ''}"] if several else []
    launched = job.trains and job.n_gpus > 1
    template = resources.files(__package__).joinpath(_TEMPLATE).read_text(encoding="utf-8")
    environment = jinja2.Environment(  # it is a shell script; `quote` escapes for that
        autoescape=False,  # noqa: S701
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["quote"] = shlex.quote
    return environment.from_string(template).render(
        directives=[*kept, *job.directives, *array, "--requeue", f"--signal=B:USR1@{job.grace}"],
        tasks=job.tasks,
        modules=job.modules,
        venv=job.venv,
        grace=job.grace,
        launched=launched,
        n_gpus=job.n_gpus,
        # Training runs in the children of the launcher, which itself would die of USR1, and returns 1 for their 130.
        kill="pkill" if launched else "kill",
        target='-P "$pid"' if launched else '"$pid"',
        signal="USR1" if job.trains else "TERM",
        stopped=1 if launched else 130 if job.trains else 143,
        ending="training writes a checkpoint and ends" if job.trains else "the command ends",
    )


def waits(job: SlurmJob) -> bool:
    """Whether other jobs come first, which may write what this one reads."""
    return any(line.startswith(("--dependency=", "-d ")) for line in job.directives)


def submit(script: str) -> str:
    """Hand the script to sbatch; what sbatch said. Raises EncoderError where there is none, RemoteError."""
    sbatch = shutil.which("sbatch")
    if sbatch is None:
        raise EncoderError("There is no sbatch on this machine.", remedy="submit on the cluster: sbatch FILE")
    try:
        done = subprocess.run([sbatch], input=script, capture_output=True, text=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RemoteError(f"Cannot run sbatch: {error}.", remedy="check it with sinfo, then try again") from error
    if done.returncode:
        raise RemoteError(
            f"sbatch refused: {printable(done.stderr.strip() or done.stdout.strip(), 500)}",
            remedy="change what it names, and submit again",
        )
    return printable(done.stdout.strip(), 500)


def _entries(array: Path) -> list[str]:
    """What the tasks of an array differ in."""
    if (array / SWEEP).is_file():
        entries = [str(array / name) for name in variant_folders(array)]
    else:
        lines = read_text(array, InputError, "a file with one line a task, or a sweep's folder").splitlines()
        entries = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not entries or len(set(entries)) != len(entries):
        raise InputError(f"{array} has no task, or a task is given twice.", remedy="one line a task, each once")
    if len(entries) > _MOST_TASKS:
        raise InputError(f"{len(entries):,} tasks are more than {_MOST_TASKS:,}.", remedy="submit them in parts")
    return entries


def _directives(words: Sequence[str]) -> list[str]:
    """`--time 12:00:00 --requeue -p gpu` as lines for sbatch: `--time=12:00:00`, `--requeue`, `-p gpu`."""
    lines: list[str] = []
    for word in words:
        option, equals, value = word.partition("=")
        if _OPTION.fullmatch(option):
            lines.append(option)
        elif not lines or "=" in lines[-1] or " " in lines[-1]:
            raise InputError(
                f'"{printable(word)}" belongs to no option of sbatch.', remedy="-- bench COMMAND comes last"
            )
        else:
            equals, value = "=" if lines[-1].startswith("--") else " ", word
        if equals:
            if not _VALUE.fullmatch(value):
                raise InputError(
                    f'{lines[-1]} "{printable(value)}" is nothing that a line for sbatch can hold.',
                    remedy="values without white space and quotation marks",
                )
            lines[-1] += ("=" if lines[-1].startswith("--") else " ") + value
    taken = [line for line in lines if line.partition("=")[0] in ("--array", "--signal", "--wrap", "-a")]
    if taken:
        raise InputError(f"{taken[0]} is set by this command.", remedy="see bench train slurm --help")
    return lines
