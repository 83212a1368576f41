"""Answers of a model, greedy, to every question of a file: the base model and each adapter chain on it in one run.

Models are asked as the records of their training say, with the one prompt and the template of training. All systems of
a run are asked alike, the baseline too: otherwise what differs between them would not be the adapters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.cli.progress import ProgressBar
from bioreview_bench.errors import EncoderError, InputError, Problem, printable
from bioreview_bench.llm.local.chat import Chat
from bioreview_bench.llm.local.model import LocalModel
from bioreview_bench.llm.local.model_files import adapter_folder, model_folder

from ...corpora.rows import load_chat
from ...models.adapters import chain_summaries, merge_record, require_base, require_chain, resolved, run_name
from ...models.chat_templates import recorded_name
from ...models.summary import SUMMARY
from ..prompt import asked, template_sha256

BASELINE = "baseline"


@dataclass(frozen=True)
class Generation:
    """How answers are generated. Greedy; the seed matters where kernels draw numbers all the same.

    `chat_template` is a name or a file, and wins over the model's own.
    """

    max_new_tokens: int = 256
    batch_size: int = 8
    seed: int = 42
    dtype: str = "auto"
    device: str = "auto"
    chat_template: str | None = None


@dataclass(frozen=True)
class AskedSystem:
    """A base model under a chain of adapters, all merged but the last; no adapter is the baseline."""

    name: str
    adapters: tuple[Path, ...]


def systems(chains: Sequence[str]) -> list[AskedSystem]:
    """The baseline, then one system for each chain ("SFT" or "SFT,GRPO"). Raises EncoderError, InputError."""
    found = [AskedSystem(BASELINE, ())]
    for chain in chains:
        names = [name.strip() for name in chain.split(",") if name.strip()]
        if not names:
            raise InputError("An adapter has no name.", remedy="--adapters DIR, or --adapters FIRST,SECOND for a chain")
        folders = tuple(adapter_folder(resolved(name)) for name in names)
        found.append(AskedSystem(",".join(map(run_name, names)), folders))
    labels = [system.name for system in found]
    if len(set(labels)) != len(labels):
        raise InputError("Two systems have one name.", remedy="give the adapters' folders different names")
    return found


def generate(
    base: str, system: AskedSystem, questions: Sequence[str], how: Generation, *, quiet: bool = False
) -> list[str]:
    """One answer for each question. Raises EncoderError when model, adapter or memory fail."""
    from transformers import set_seed

    chat = load_chat(base, how.chat_template)
    model = LocalModel(model_folder(base), system.adapters, chat.tokenizer, dtype=how.dtype, device=how.device)
    prompts = [chat.tokens(asked(question)) for question in questions]
    set_seed(how.seed)
    # Prompts of like length share a batch; the order is restored at the end.
    order = sorted(range(len(prompts)), key=lambda place: (len(prompts[place]), place))
    answers: dict[int, str] = {}
    bar = ProgressBar(f"Answers of {system.name}", len(prompts), quiet)
    try:
        for start in range(0, len(order), how.batch_size):
            places = order[start : start + how.batch_size]
            written = model.write([prompts[place] for place in places], how.max_new_tokens)
            answers |= {place: chat.text(text.ids).strip() for place, text in zip(places, written, strict=True)}
            bar.show(len(answers))
    except EncoderError as error:
        raise EncoderError(error.message, remedy="a smaller --batch-size") from error
    finally:
        bar.stop()
    return [answers[place] for place in range(len(prompts))]


def answer_rows(system: str, rows: Sequence[Mapping[str, Any]], responses: Sequence[str]) -> list[dict[str, Any]]:
    """Lines for `--answers-out`: what was asked, what holds, and what was answered."""
    keys = ("id", "question", "type", "truth", "verifiers", "tissue")
    return [
        {"system": system, **{key: row[key] for key in keys if key in row}, "response": response}
        for row, response in zip(rows, responses, strict=True)
    ]


def recorded_template(base: str, systems: Sequence[AskedSystem], given: str | None) -> str | None:
    """The chat template of a run, by name or file; None for the model's own.

    It is the one that was `given`, or else that of the first adapter's training. Raises InputError when an adapter was
    trained on another model, with another prompt, another template, or to think first; DataError for broken records.
    """
    folder = model_folder(base)
    records = _records(folder, systems)
    template = given
    if template is None and records:
        template = recorded_name(records[0][1], records[0][0])
    chat = load_chat(base, template)
    problems = [problem for where, record in records for problem in _problems(where, record, chat)]
    if problems:
        raise InputError(
            "A model would be prompted differently from how it was trained.",
            problems=problems,
            remedy="leave --chat-template out, and evaluate adapters of one prompt and template together",
        )
    return template


def _records(folder: Path, systems: Sequence[AskedSystem]) -> list[tuple[Path, Mapping[str, Any]]]:
    """(file, what it says of training) of a merged base and of every adapter that has a record; checked to belong."""
    found: dict[Path, Mapping[str, Any]] = {}
    merged = (merge_record(folder) or {}).get("training")
    if isinstance(merged, Mapping):
        found[folder] = merged
    for system in systems:
        summaries = chain_summaries([str(adapter) for adapter in system.adapters])
        if summaries:
            try:
                require_base(folder, summaries[0], str(system.adapters[0]))
            except InputError as error:
                remedy = "--baseline with the model that the adapter was trained on"
                raise InputError(error.message, remedy=remedy) from error
            remedy = "name them first, in this order: --adapters FIRST,SECOND"
            require_chain(folder, [str(adapter) for adapter in system.adapters], summaries, remedy)
        for adapter, summary in zip(system.adapters, summaries, strict=True):
            if summary is not None:
                found[adapter / SUMMARY] = summary
    return list(found.items())


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
