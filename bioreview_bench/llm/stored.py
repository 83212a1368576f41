"""Questions to a model whose answers are kept on disk, so that none is asked for twice.

A folder `MODEL-HASH` holds one folder a command, each a run as the call engine writes it. The hash is of everything
but the texts that decides an answer, and the id of a row is the hash of the texts. So all commands share their answers,
and two commands at a time do not wait for each other.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.errors import InputError, Problem
from bioreview_bench.files.jsonl import read_rows
from bioreview_bench.llm.calls.asking import Asks
from bioreview_bench.llm.calls.engine import run
from bioreview_bench.llm.calls.prices import Price
from bioreview_bench.llm.calls.watching import Watcher
from bioreview_bench.llm.providers.api import ApiReviewer
from bioreview_bench.llm.providers.google import GoogleReviewer
from bioreview_bench.llm.providers.openai import OpenAIReviewer
from bioreview_bench.llm.review import Caller, SubjectT
from bioreview_bench.llm.run.store import RunStore
from bioreview_bench.results.provenance import package_version
from bioreview_bench.results.run_manifest import ROWS

VLLM_URL = "http://127.0.0.1:8000/v1"
FAILED = ("error", "refused", "parse_failed")


@dataclass(frozen=True)
class CallSettings:
    """What does not decide an answer: where the model is, what it costs, how fast to ask.

    `max_cost` (USD) is for one command.
    """

    base_url: str | None = None
    key_env: str | None = None
    price: Price | None = None
    max_cost: float | None = None
    concurrency: int = 8


def address_of(provider: str, base_url: str | None) -> str:
    """Where a model of `openai`, `google` or `vllm` is asked."""
    return base_url or (VLLM_URL if provider == "vllm" else _class_of(provider).own_address)


def make_client(
    provider: str, model: str, asking: Asks, *, name: str, parameters: Mapping[str, Any], settings: CallSettings
) -> ApiReviewer:
    """What asks a model, with the key of `settings` or none. Raises InputError for an address that is none."""
    return _class_of(provider)(
        model,
        asking,
        name=name,
        provider=provider,
        base_url=address_of(provider, settings.base_url),
        key_env=settings.key_env,
        parameters=parameters,
        price=settings.price,
    )


def answers_folder(root: Path, provider: str, model: str, described: Mapping[str, Any]) -> Path:
    """Where under `root` the answers of a model that describes itself so are kept."""
    identity = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{provider}-{model}")[:80]
    return root / f"{plain}-{identity[:16]}"


def stored_answers(folder: Path, wanted: Collection[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(file and line, row) of every answer to one of these questions, by their ids."""
    for path in sorted(folder.glob(f"*/{ROWS}")):
        for number, row in read_rows(path, InputError):
            # A line that is cut is being written by another command, or was when it was killed: it is no answer.
            if isinstance(row, Problem) or row.get("status") != "ok" or row.get("article_id") not in wanted:
                continue
            yield f"{path}, line {number}", row


def open_command(folder: Path, *, name: str, described: Mapping[str, Any], kind: str, ids: Collection[str]) -> RunStore:
    """The run of a command that asks these questions; what failed in it before is taken out, to be asked for again."""
    # The package's version is part of a run's identity, and another command is another run.
    command = json.dumps([package_version(), sorted(ids)])
    own = folder / hashlib.sha256(command.encode()).hexdigest()[:16]
    store = RunStore.open(own, name=name, reviewer=described, split=kind, fingerprint="-")
    try:
        store.drop(FAILED)
    except BaseException:
        store.close("interrupted")
        raise
    return store


def ask_left(
    caller: Caller[SubjectT],
    left: Sequence[SubjectT],
    store: RunStore,
    settings: CallSettings,
    watcher: Watcher,
    n_all: int,
) -> str | None:
    """Ask what is left of `n_all` questions; why it was stopped early, if it was. Raises as the engine's `run`."""
    n_left = sum(subject.id not in store for subject in left)
    watcher.begun(n_all - n_left, n_all)
    summary = asyncio.run(
        run(
            caller,
            left,
            store,
            concurrency=settings.concurrency,
            max_cost=settings.max_cost,
            watcher=watcher,
            next_command="run the same command again; nothing is asked for twice",
        )
    )
    return summary.stopped


def reasons_of(folder: Path) -> dict[str, str]:
    """Why questions of a command have no answer, by their ids."""
    if not (folder / ROWS).exists():
        return {}
    rows = [row for _, row in read_rows(folder / ROWS, InputError) if not isinstance(row, Problem)]
    return {row["article_id"]: f"{row['status']}: {row.get('detail')}" for row in rows if row["status"] in FAILED}


def require_no_loop(what: str, remedy: str) -> None:
    """Raise InputError inside a running event loop, such as a notebook's, in which no other can be started."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise InputError(f"{what} cannot be asked from inside a running event loop, such as a notebook's.", remedy=remedy)


def _class_of(provider: str) -> type[ApiReviewer]:
    return GoogleReviewer if provider == "google" else OpenAIReviewer
