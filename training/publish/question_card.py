"""README.md of a model that answers questions: what it was trained on, and what its evaluation found.

It is no reviewer, so no board takes it and there is no card.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from bioreview_bench.errors import InputError
from bioreview_bench.files.reading import read_json

from .card import adapters_before, cell, code, hyper_parameters, mapping, number, training_rows

_TEMPLATE = "question_card.md"
_TAGS = ("biology", "transcriptomics", "question-answering", "calibration", "bioreview-bench")


def answers_questions(summary: Mapping[str, Any]) -> bool:
    """Whether a model was trained on the questions of `bench train qa-data`, or on pairs of answers to them."""
    return bool(mapping(summary["prompt"]).get("id") == "qa")


def read_evaluation(path: Path) -> dict[str, Any]:
    """What `bench train evaluate-qa --format json` printed. Raises InputError."""
    remedy = "bench train evaluate-qa ... --format json > FILE"
    found = read_json(path, InputError, remedy)
    systems = found.get("systems")
    if not isinstance(systems, list) or not systems or not all(isinstance(one, dict) for one in systems):
        raise InputError(f"{path} is no evaluation of answers: it names no systems.", remedy=remedy)
    return found


def question_card(summary: Mapping[str, Any], evaluation: Mapping[str, Any] | None, name: str, *, merged: bool) -> str:
    """README.md, with its metadata for the Hub."""
    from huggingface_hub import ModelCard, ModelCardData

    base, systems = str(summary["base_model"]), (evaluation or {}).get("systems") or []
    metadata = ModelCardData(
        base_model=base if base.count("/") == 1 else None,
        library_name="transformers" if merged else "peft",
        license="mit",
        language=["en"],
        pipeline_tag="text-generation",
        tags=[*_TAGS, *([] if merged else ["lora"])],
    )
    filled = ModelCard.from_template(
        metadata,
        template_str=resources.files(__package__).joinpath(_TEMPLATE).read_text(encoding="utf-8"),
        name=cell(name),
        kind="A merged model" if merged else "A LoRA adapter",
        base_model=cell(base),
        baseline="FOLDER" if merged else code(base),
        adapters="" if merged else ",".join([*map(code, adapters_before(summary)), "FOLDER"]),
        version=cell(mapping(summary.get("versions")).get("bioreview-bench")),
        prompt_sha256=code(mapping(summary["prompt"]).get("sha256")),
        training=training_rows(summary),
        hyper_parameters=hyper_parameters(summary),
        systems=[_figures(one) for one in systems],
        right_by=cell(" or ".join(dict.fromkeys(str(one.get("right_by")) for one in systems))),
        notes=[cell(note) for note in _notes(evaluation or {})],
        held_out=_held_out(summary),
    )
    return str(filled).rstrip("\n") + "\n"


def _figures(system: Mapping[str, Any]) -> list[str]:
    stated = mapping(system.get("calibration"))
    shown = [system.get("reward"), system.get("share_right")]
    calibrated = [stated.get(key) for key in ("ece", "brier", "overconfidence")]
    return [
        cell(system.get("system")),
        cell(system.get("n")),
        *(_shown(value) for value in shown),
        cell(stated.get("n")),
        *(_shown(value) for value in calibrated),
    ]


def _shown(value: Any) -> str:
    return number(float(value)) if isinstance(value, int | float) else "-"


def _notes(evaluation: Mapping[str, Any]) -> list[str]:
    """Which questions were trained on, as far as a training file was named."""
    found = [mapping(one) for one in evaluation.get("contamination") or []]
    if not found:
        return ["Which of the questions were trained on was not looked for (--trained-on)."]
    seen = [one for one in found if one.get("n_normalised")]
    return [
        f"{one['n_normalised']} of {one.get('n_questions')} questions are in a training file, {one.get('file')}."
        for one in seen
    ]


def _held_out(summary: Mapping[str, Any]) -> str:
    tissues = mapping(mapping(summary.get("corpus")).get("data")).get("held_out") or []
    named = ", ".join(cell(one) for one in tissues)
    return f"No question of {named} was trained on." if named else "No tissue was held out."
