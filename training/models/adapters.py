"""Adapters with what their training recorded of itself: how they must be asked, and what they belong on.

A chain is base -> the first adapter added to its weights -> the next, as published models are made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.errors import DataError, InputError, Problem, printable
from bioreview_bench.files.reading import find_json
from bioreview_bench.llm.local.model_files import ADAPTER as ADAPTER_FILE
from bioreview_bench.llm.local.model_files import adapter_folder, digest, model_folder, shown_name

from .chat_templates import recorded_name
from .summary import SUMMARY, read_summary

MERGED = "merge.json"
_INNER = "adapter"  # where a run keeps its finished adapter


@dataclass(frozen=True)
class TrainedPrompt:
    """How a model was trained to be asked."""

    prompt_id: str
    prompt_sha256: str
    thinking: bool
    budget: int
    counter: str
    chat_template: str | None = None  # by the package's name for it; None is the model's own

    @classmethod
    def of(cls, facts: Mapping[str, Any], where: object) -> TrainedPrompt:
        """From a training summary. Raises DataError."""
        try:
            prompt, counter = facts["prompt"], facts["counter"]["name"]
            sha256, thinking, budget = str(prompt["sha256"]), facts["thinking"], facts["budget"]
            found = cls(str(prompt["id"]), sha256, thinking, budget, str(counter), recorded_name(facts, where))
        except (KeyError, TypeError) as error:
            raise DataError(f"{where} does not say how its model is asked ({error}).", remedy="train again") from error
        if not isinstance(found.thinking, bool) or not isinstance(found.budget, int):
            raise DataError(f"{where}: thinking or budget is of the wrong type.", remedy="train again")
        return found


def run_name(name: str) -> str:
    """What to call an adapter: the folder of its run, or its own; the Hub's name as it is."""
    folder = Path(name).expanduser()
    return folder.resolve().parent.name if folder.name == _INNER and folder.is_dir() else shown_name(name)


def resolved(name: str) -> str:
    """`name`, or the finished adapter inside it when it is the folder of a training run."""
    path = Path(name).expanduser()
    inner = path / _INNER
    return str(inner) if (inner / ADAPTER_FILE).is_file() and not (path / ADAPTER_FILE).is_file() else name


def chain_summaries(adapters: Sequence[str]) -> list[dict[str, Any] | None]:
    """The training summary beside each adapter, None where there is none. Raises EncoderError, DataError."""
    folders = [adapter_folder(name) for name in adapters]
    return [read_summary(folder) if (folder / SUMMARY).is_file() else None for folder in folders]


def corpora_before(model: Path, summaries: Sequence[Mapping[str, Any] | None]) -> list[Mapping[str, Any]]:
    """What a model was trained on before its next training, in order: the `corpus` of each summary, of what that
    training began from, and of what was merged into `model`; empty where a member of the chain does not say it.

    Raises DataError.
    """
    record = merge_record(model)
    records = [*([] if record is None else [record.get("training")]), *summaries]
    found: list[Mapping[str, Any]] = []
    for one in records:
        stated = one or {}
        found += [
            corpus
            for corpus in [*(stated.get("corpora_before") or ()), stated.get("corpus") or {}]
            if corpus not in found
        ]
    return found


def merge_record(folder: Path) -> dict[str, Any] | None:
    """What `bench train merge` wrote into a model's folder, None for other models. Raises DataError."""
    record = find_json(folder / MERGED, DataError, "merge again")
    if record is not None and not isinstance(record.get("base"), dict):
        raise DataError(f"{folder / MERGED} is not a record of a merge.", remedy="merge again")
    return record


def agreed(model: Path, adapters: Sequence[str], summaries: Sequence[Mapping[str, Any] | None]) -> TrainedPrompt | None:
    """How the chain is to be asked, by the records of its members; None when no member has one.

    Raises InputError when members disagree.
    """
    known = [
        (name, TrainedPrompt.of(summary, Path(name) / SUMMARY))
        for name, summary in zip(adapters, summaries, strict=True)
        if summary is not None
    ]
    record = merge_record(model)
    if record is not None and isinstance(record.get("training"), dict):
        known.insert(0, (str(model), TrainedPrompt.of(record["training"], model / MERGED)))
    if not known:
        return None
    first_name, first = known[0]
    problems = [
        Problem(
            f"{field}: {printable(getattr(first, field))} for {first_name}, {printable(getattr(one, field))} for {name}"
        )
        for name, one in known[1:]
        for field in ("prompt_sha256", "thinking", "budget", "counter", "chat_template")
        if getattr(first, field) != getattr(one, field)
    ]
    if problems:
        raise InputError(
            "The adapters were trained to be asked differently.",
            problems=problems,
            remedy="use adapters that were trained with one prompt, budget and way of thinking",
        )
    return first


def require_base(model: Path, summary: Mapping[str, Any] | None, adapter: str) -> None:
    """Raise InputError when the first adapter was trained on another model than `model`."""
    if summary is None:
        return
    record = merge_record(model)
    here = {digest(model), *([str(record["base"].get("digest"))] if record is not None else [])}
    stated = summary.get("base_digest")
    if stated not in here:
        raise InputError(
            f"{adapter} was trained on {printable(summary.get('base_model'))} (digest {printable(stated)}), and "
            f"{model} has another digest ({digest(model)}).",
            remedy="name the model that it was trained on, or add --other-base if you mean this one",
        )


def require_chain(
    model: Path,
    adapters: Sequence[str],
    summaries: Sequence[Mapping[str, Any] | None],
    remedy: str = "name them first, in this order, each with --adapter; or --other-base, if you mean this model",
) -> None:
    """Raise InputError for an adapter that was trained on others, merged, and comes here without them before it.

    On the bare base model it would be another model than the one that was trained.
    """
    before = _merged_into(merge_record(model))
    for name, summary in zip(adapters, summaries, strict=True):
        started = (summary or {}).get("start") or {}
        under = started.get("adapters") or []
        under = under[:-1] if started.get("last") == "continued" else under
        if under and before[-len(under) :] != [str(one.get("digest")) for one in under]:
            names = ", ".join(f"{printable(one.get('name'))} ({printable(one.get('digest'))})" for one in under)
            raise InputError(
                f"{name} was trained on the sum of its base model and {names}, which do not come before it.",
                remedy=remedy,
            )
        before.append(digest(adapter_folder(name)))


def _merged_into(record: Mapping[str, Any] | None) -> list[str]:
    """Digests of the adapters in a merged model's weights, in order."""
    if record is None:
        return []
    return [*_merged_into(record["base"].get("merged_from")), *(str(one["digest"]) for one in record["adapters"])]


def base_name(given: str | None, summaries: Sequence[Mapping[str, Any] | None]) -> str:
    """The model that was named, or the one that the first adapter was trained on. Raises InputError, EncoderError."""
    if given is not None:
        return given
    stated = summaries[0].get("base_model") if summaries and summaries[0] is not None else None
    if not isinstance(stated, str):
        raise InputError("Which model the adapters belong on is not known.", remedy="--model MODEL")
    if "/" not in stated:
        raise InputError(
            f"The model of the first adapter was a folder called {printable(stated)}.", remedy="--model PATH"
        )
    model_folder(stated)
    return stated
