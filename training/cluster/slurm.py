"""A SLURM job for training, as a file that a person can read and change: one run, or an array of runs.

Nothing in it belongs to one machine: no absolute path, no cluster's name but the partition that was asked for. Every
value is checked against what SLURM takes, or quoted for the shell.
"""

from __future__ import annotations

import itertools
import math
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath

from bioreview_bench.errors import EncoderError, InputError, RemoteError, printable

from ..config.parts import SftConfig, load_config
from .sweep import CONFIG, RUN, SWEEP

_TEMPLATE = "sft.sbatch"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.,+-]{0,127}")
_JOB = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.=,+-]{0,127}")
_TIME = re.compile(r"\d{1,6}(?::\d{1,2}){0,2}|\d{1,4}-\d{1,2}(?::\d{1,2}){0,2}")
_GPUS = re.compile(r"(?:[A-Za-z][A-Za-z0-9_.-]{0,63}:)?([1-9]\d?)")
_MEMORY = re.compile(r"[1-9]\d{0,6}[KMGT]?")
_MODULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*(?:/[A-Za-z0-9_.+-]+){0,4}")
_MOST_TASKS = 1000
# What `bench train sft` returns when a signal stopped it, and what accelerate makes of that.
_STOPPED, _STOPPED_LAUNCHER = 130, 1


@dataclass(frozen=True)
class Resources:
    """What to ask SLURM for. `gpus` is N or TYPE:N; `grace` are seconds between the signal and the end of time.

    Raises InputError for a value that SLURM would not take, or that would be more than a value.
    """

    partition: str
    time: str
    gpus: str = "1"
    cpus: int | None = None
    mem: str | None = None
    account: str | None = None
    qos: str | None = None
    grace: int = 300
    at_once: int | None = None
    modules: tuple[str, ...] = ()
    venv: str | None = None

    def __post_init__(self) -> None:
        for option, pattern, value in (
            ("partition", _NAME, self.partition),
            ("time", _TIME, self.time),
            ("gpus", _GPUS, self.gpus),
            ("mem", _MEMORY, self.mem),
            ("account", _NAME, self.account),
            ("qos", _NAME, self.qos),
            *(("module", _MODULE, module) for module in self.modules),
        ):
            if value is not None and not pattern.fullmatch(value):
                raise InputError(
                    f'--{option} "{printable(value)}" is nothing that SLURM takes.', remedy=f"see {_EXAMPLES[option]}"
                )
        if self.venv is not None:
            require_relative(self.venv, "--venv")

    @property
    def n_gpus(self) -> int:
        """How many."""
        found = _GPUS.fullmatch(self.gpus)
        assert found is not None
        return int(found.group(1))


_EXAMPLES = {
    "partition": "sinfo -s",
    "time": "12:00:00, or 2-00:00:00 for two days",
    "gpus": "1, or a100:4",
    "mem": "64G",
    "account": "sacctmgr show user $USER",
    "qos": "sacctmgr show qos",
    "module": "module avail",
}


@dataclass(frozen=True)
class Task:
    """One run: its config, the settings that differ from it, and where it goes."""

    config: str
    settings: tuple[str, ...]
    out: str

    @property
    def words(self) -> list[str]:
        """Arguments of `bench train sft`."""
        given = [word for setting in self.settings for word in ("--set", setting)]
        return [self.config, "-o", self.out, *given]


def tasks(configs: Sequence[str], variations: Sequence[str], runs: str) -> list[Task]:
    """Every config under every combination of `KEY=V1,V2` variations, each with a folder of its own in `runs`.

    A folder that `bench train sweep` wrote stands for its variants, which run where it collects results. Every config
    is read and checked now, not after a night in the queue. Raises InputError, EncoderError.
    """
    require_relative(runs, "--runs")
    choices = [_values(variation) for variation in variations]
    n_tasks = len(configs) * math.prod(map(len, choices))
    if n_tasks > _MOST_TASKS:
        raise InputError(f"{n_tasks:,} runs are more than {_MOST_TASKS:,}.", remedy="submit them in parts")
    found: list[Task] = []
    for config in configs:
        require_relative(config, "CONFIG")
        if (Path(config) / SWEEP).is_file():
            found += _variants(config, variations)
            continue
        for settings in itertools.product(*choices):
            checked = load_config(config, settings)
            varied = [setting for setting, choice in zip(settings, choices, strict=True) if len(choice) > 1]
            found.append(Task(config, settings, str(PurePosixPath(runs) / _folder(checked, varied))))
    folders = [task.out for task in found]
    if len(set(folders)) != len(folders):
        twice = next(folder for folder in folders if folders.count(folder) > 1)
        raise InputError(
            f"Two runs would go to {printable(twice)}.", remedy="give configs different names, and values once"
        )
    return found


def render(runs: Sequence[Task], asked: Resources, name: str) -> str:
    """The file for sbatch."""
    import jinja2

    if not _JOB.fullmatch(name):
        raise InputError(
            f'"{printable(name)}" is no name of a job.',
            remedy="--name with letters, digits, and . _ = , + - among them",
        )
    template = resources.files(__package__).joinpath(_TEMPLATE).read_text(encoding="utf-8")
    environment = jinja2.Environment(  # it is a shell script; `quote` escapes for that
        autoescape=False,  # noqa: S701
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["quote"] = shlex.quote
    several = asked.n_gpus > 1
    return environment.from_string(template).render(
        **asked.__dict__,
        n_gpus=asked.n_gpus,
        name=name,
        tasks=[task.words for task in runs],
        # Training runs in the children of the launcher, which itself would die of USR1.
        signal="pkill" if several else "kill",
        target='-P "$pid"' if several else '"$pid"',
        stopped=_STOPPED_LAUNCHER if several else _STOPPED,
    )


def submit(script: str) -> str:
    """Hand the script to sbatch; what sbatch said. Raises EncoderError where there is none, RemoteError."""
    found = shutil.which("sbatch")
    if found is None:
        raise EncoderError("There is no sbatch on this machine.", remedy="submit on the cluster: sbatch FILE")
    try:
        done = subprocess.run([found], input=script, capture_output=True, text=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RemoteError(f"Cannot run sbatch: {error}.", remedy="check it with sinfo, then try again") from error
    if done.returncode:
        raise RemoteError(
            f"sbatch refused: {printable(done.stderr.strip() or done.stdout.strip(), 500)}",
            remedy="change what it names, and submit again",
        )
    return printable(done.stdout.strip(), 500)


def require_relative(path: str, option: str) -> None:
    """Raise InputError for a path that belongs to one machine, or is none."""
    if path.startswith(("/", "~", "-")) or not path.strip() or not path.isprintable() or "\\" in path:
        raise InputError(
            f'{option} "{printable(path)}" must be a path below the folder from which you submit.',
            remedy="give it relative to that folder",
        )


def _variants(folder: str, variations: Sequence[str]) -> list[Task]:
    """The runs of a sweep's folder."""
    if variations:
        raise InputError(f"{printable(folder)} is a sweep, and --set varies configs.", remedy="leave --set out")
    configs = sorted(Path(folder).glob(f"*/{CONFIG}"))
    for config in configs:
        load_config(str(config))
    return [Task(str(config), (), str(config.parent / RUN)) for config in configs]


def _values(variation: str) -> list[str]:
    """`lr=1e-4,3e-4` as `lr=1e-4`, `lr=3e-4`; commas in brackets belong to a list."""
    key, equals, text = variation.partition("=")
    if not equals or not key.strip() or not text.strip():
        raise InputError(f'"{printable(variation)}" is not of the form KEY=VALUE,VALUE.', remedy="--set lr=1e-4,3e-4")
    if not variation.isprintable():
        raise InputError(f'"{printable(variation)}" holds control characters.', remedy="--set lr=1e-4,3e-4")
    values = [text] if text.startswith(("[", '"', "'")) else text.split(",")
    return [f"{key}={value}" for value in values]


def _folder(config: SftConfig, varied: Sequence[str]) -> str:
    """A run's folder: the config's name and what is varied."""
    parts = [config.name]
    for setting in varied:
        key, _, value = setting.partition("=")
        parts.append(f"{key.rpartition('.')[2]}={value}")
    return re.sub(r"[^A-Za-z0-9._=+,-]+", "-", "-".join(parts))
