"""How models are to be asked, by the records of their training: with the one prompt, and the template of training.

All systems of a run are asked alike, the baseline too: otherwise what differs between them would not be the adapters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bioreview_bench.errors import InputError, Problem, printable
from bioreview_bench.llm.local.chat import Chat
from bioreview_bench.llm.local.model_files import model_folder

from ..adapters import chain_summaries, merge_record, require_base
from ..chat_templates import recorded_name, template_text
from ..summary import SUMMARY
from .generating import System
from .prompt import template_sha256


def settled_template(base: str, systems: Sequence[System], given: str | None) -> str | None:
    """The chat template of a run, by name or file; None for the model's own.

    It is the one that was `given`, or else that of the first adapter's training. Raises InputError when an adapter was
    trained on another model, with another prompt, another template, or to think first; DataError for broken records.
    """
    folder = model_folder(base)
    records = _records(folder, systems)
    template = given
    if template is None and records:
        template = recorded_name(records[0][1], records[0][0])
    chat = Chat(folder, source=None if template is None else template_text(template))
    problems = [problem for where, record in records for problem in _problems(where, record, chat)]
    if problems:
        raise InputError(
            "A model would be asked otherwise than it was trained to be.",
            problems=problems,
            remedy="leave --chat-template out, and evaluate adapters of one prompt and template together",
        )
    return template


def _records(folder: Path, systems: Sequence[System]) -> list[tuple[Path, Mapping[str, Any]]]:
    """(file, what it says of training) of a merged base and of every adapter that has a record; checked to belong."""
    found: dict[Path, Mapping[str, Any]] = {}
    merged = (merge_record(folder) or {}).get("training")
    if isinstance(merged, Mapping):
        found[folder] = merged
    for system in systems:
        summaries = chain_summaries([str(adapter) for adapter in system.adapters])
        if summaries:
            _require_base(folder, summaries[0], system.adapters[0])
        for adapter, summary in zip(system.adapters, summaries, strict=True):
            if summary is not None:
                found[adapter / SUMMARY] = summary
    return list(found.items())


def _require_base(folder: Path, summary: Mapping[str, Any] | None, adapter: Path) -> None:
    try:
        require_base(folder, summary, str(adapter))
    except InputError as error:
        raise InputError(error.message, remedy="--baseline with the model that the adapter was trained on") from error


def _problems(where: Path, record: Mapping[str, Any], chat: Chat) -> list[Problem]:
    prompt = record.get("prompt")
    sha = prompt.get("sha256") if isinstance(prompt, Mapping) else None
    trained = {
        "prompt": (sha, template_sha256()),
        "chat template": (record.get("chat_template_sha256"), chat.template_sha256),
    }
    problems = [
        Problem(f"{where}: trained with the {what} {_short(stated)}, asked with {_short(here)}")
        for what, (stated, here) in trained.items()
        if stated != here
    ]
    if record.get("thinking") is not False:
        problems.append(Problem(f"{where}: trained to think first, asked without"))
    return problems


def _short(sha: object) -> str:
    return f"sha256 {printable(sha)[:12]}" if isinstance(sha, str) else "none on record"
