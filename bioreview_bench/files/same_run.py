"""Is the run in a folder the one that is asked for? Compared field by field, so that a refusal names what differs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from bioreview_bench.errors import InputError, Problem, printable


def differences(stored: Mapping[str, Any], asked: Mapping[str, Any], free: Collection[str] = ()) -> list[Problem]:
    """Every field of `asked` that differs from what is stored, by its full name; those named in `free`, alone or with
    the group that they are in, may differ.

    >>> [str(problem) for problem in differences({"lr": {"peak": 1e-4}, "seed": 1}, {"lr": {"peak": 3e-4}, "seed": 1})]
    ['lr.peak: 0.0001 in the run, 0.0003 now']
    """
    # Through JSON, so that a tuple equals the list that it became on disk.
    after = dict(_flat(json.loads(json.dumps(asked))))
    before = dict(_flat({key: stored.get(key) for key in asked}))
    return [
        Problem(f"{key}: {_shown(before, key)} in the run, {_shown(after, key)} now")
        for key in sorted(before.keys() | after.keys())
        if not _named(key, free) and (key in before, before.get(key)) != (key in after, after.get(key))
    ]


def require_same_run(
    folder: Path, stored: Mapping[str, Any], asked: Mapping[str, Any], remedy: str, free: Collection[str] = ()
) -> None:
    """Raise InputError naming every field in which the run stored in `folder` differs from the one asked for."""
    problems = differences(stored, asked, free)
    if problems:
        raise InputError(
            f"{folder} contains a different run, so it is not resumed.",
            problems=problems,
            remedy=f"give the settings of that run, or {remedy}",
        )


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value


def _named(key: str, free: Collection[str]) -> bool:
    words = key.split(".")
    return any(".".join(words[:n]) in free for n in range(1, len(words) + 1))


def _shown(values: Mapping[str, Any], key: str) -> str:
    return printable(json.dumps(values[key], ensure_ascii=False), 60) if key in values else "absent"
