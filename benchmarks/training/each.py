"""Settings in turn, each in a process of its own.

What a setting leaves behind is not there for the next: layers that Liger replaced, memory, a compiled model, a GPU
that reports an error until its process ends. One that fails, or takes too long, costs no other its figures.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

MINUTES = 9.5
_WIDEST = 110
_ERROR = re.compile(r"[\w.]*(Error|Exception|OutOfResources)\b")


def add_options(parser: argparse.ArgumentParser) -> None:
    """What scripts with settings take."""
    parser.add_argument("settings", nargs="*", metavar="SETTING", help="default: all, in the order of --list")
    parser.add_argument("--list", action="store_true", help="name the settings")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="begin no setting that would end later")
    parser.add_argument("--tiny", action="store_true", help="a tiny model on the CPU")
    parser.add_argument("--alone", action="store_true", help="measure the one SETTING in this process, print JSON")


def settled(parser: argparse.ArgumentParser, settings: Mapping[str, tuple[Sequence[str], str | None]]) -> Any:
    """The parsed arguments. `settings` are changes of a config and the package they need, by name: --list prints them
    and ends, and an unknown one ends with a message."""
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.settings) - set(settings))
    if unknown:
        parser.error(f"no setting {', '.join(unknown)}; there are {', '.join(settings)}")
    if arguments.list:
        for name, (changes, package) in settings.items():
            print(f"{name:28}{' '.join(changes) or '-'}" + (f"  (needs {package})" if package else ""))
        raise SystemExit(0)
    return arguments


def measured(
    script: str, settings: Mapping[str, str | None], options: Sequence[str], minutes: float
) -> Iterator[tuple[str, Any]]:
    """(setting, what `script SETTING --alone` printed as JSON, or in words why it has no figures), in order.

    `settings` maps each to the package that it needs; `options` are handed on. None is begun that would take longer,
    by the longest so far, than what is left of `minutes`.
    """
    begun, longest = time.monotonic(), 0.0
    for name, package in settings.items():
        started = time.monotonic()
        left = 60 * minutes - (started - begun)
        if package is not None and find_spec(package) is None:
            yield name, f"{package} is not installed"
        elif left < longest:
            yield name, "no time left: name it to run it alone"
        else:
            yield name, _alone([sys.executable, script, name, "--alone", *options], left)
            longest = max(longest, time.monotonic() - started)


def _alone(command: Sequence[str], seconds: float) -> Any:
    # Nothing is downloaded; HF_HUB_OFFLINE=0 lets kernels of the Hub be fetched.
    environment = {"HF_HUB_OFFLINE": "1", **os.environ}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return "did not end in the time that was left"
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    said = [" ".join(line.split()) for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in said if _ERROR.match(line)]
    return [f"ended with code {done.returncode}", *said[-1:], *errors[-1:]][-1][:_WIDEST]
