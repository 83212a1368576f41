"""Generating with trained adapters: the options of `bench baseline` that ask a model as it was trained to be asked.

Reviewers live in another part of this package, and are run by command, so that a trained model's predictions are made
by the code that makes everybody's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bioreview_bench.cli.options import SPLIT
from bioreview_bench.errors import InputError, Problem, printable
from bioreview_bench.files.atomic import make_folder, write_files
from bioreview_bench.llm.local.model_files import model_folder
from bioreview_bench.llm.text.prompt import Prompt

from ..models.adapters import (
    TrainedPrompt,
    agreed,
    base_name,
    chain_summaries,
    require_base,
    require_chain,
    run_name,
)
from ..models.chat_templates import as_toml, packaged_file, recorded

ENGINES = {"transformers": "hf", "vllm": "vllm"}
# Seconds an article that the predecessors published, on one A100.
PUBLISHED = {"the published 8B model": 48.0, "the published 9B model": 281.0}
_OURS = {
    "enable_thinking": "--thinking or --no-thinking",
    "seed": "--seed N",
}


@dataclass(frozen=True)
class ReviewRequest:
    """What to generate. None stands for what the adapters' training recorded."""

    model: str | None
    adapters: tuple[str, ...]
    data: str = "v3"
    split: str = SPLIT
    out: Path | None = None
    engine: str = "transformers"
    seed: int = 42
    prompt: str | None = None
    thinking: bool | None = None
    budget: int | None = None
    counter: str | None = None
    other_base: bool = False
    parameters: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()  # options of bench baseline, handed on as they are


@dataclass(frozen=True)
class BaselineCommand:
    """The run as arguments of `bench`, and where it goes. `files` are to be written first."""

    arguments: list[str]
    out: Path
    files: dict[Path, str] = field(default_factory=dict)

    def write(self) -> None:
        """Write the files that the arguments name. Raises WriteError."""
        for path, text in self.files.items():
            make_folder(path.parent)
            write_files({path: text.encode()})


def plan(request: ReviewRequest) -> BaselineCommand:
    """Find models and records, and settle how to ask. Nothing is written.

    Raises InputError for what contradicts the records; EncoderError, DataError for what is missing or broken.
    """
    for parameter in request.parameters:
        name = parameter.partition("=")[0]
        if name in _OURS:
            raise InputError(f"{name} has an option of its own here.", remedy=_OURS[name])
    summaries = chain_summaries(request.adapters)
    model = base_name(request.model, summaries)
    folder = model_folder(model)
    if not request.other_base and summaries:
        require_base(folder, summaries[0], request.adapters[0])
        require_chain(folder, request.adapters, summaries)
    _require_engine(request, model)
    known = agreed(folder, request.adapters, summaries)
    if known is not None:
        _require_agreement(request, known)
    out = request.out or Path("runs") / f"{_name(model, request.adapters)}-{request.split}"
    prompt, files = _prompt(request, known, out)
    thinking = request.thinking if request.thinking is not None else known.thinking if known else None
    if thinking is None:
        raise InputError(
            "There is no record of whether the model thinks.",
            remedy="add --thinking or --no-thinking, as it was trained",
        )
    arguments = ["baseline", f"{ENGINES[request.engine]}:{model}", "--data", request.data, "--split", request.split]
    arguments += ["--out", str(out), "--prompt", prompt]
    arguments += _option("--budget", request.budget or (known.budget if known else None))
    arguments += _template(request, known)
    arguments += _option("--counter", request.counter or (known.counter if known else None))
    for adapter in request.adapters:
        arguments += ["--adapter", adapter]
    for parameter in (f"seed={request.seed}", f"enable_thinking={json.dumps(thinking)}", *request.parameters):
        arguments += ["--param", parameter]
    return BaselineCommand([*arguments, *request.passed], out, files)


def timing(seconds: float, n_articles: int) -> str:
    """A sentence on speed, beside that of the published models."""
    if not n_articles:
        return "No article was reviewed now, so there is no time to report."
    published = ", ".join(f"{value:g} s for {name}" for name, value in PUBLISHED.items())
    each = seconds / n_articles
    return f"{each:.2f} s an article ({n_articles:,} in {seconds:,.1f} s, loading the model included); {published}."


def count_rows(out: Path) -> int:
    """Rows of predictions in `out`, 0 where there are none."""
    try:
        with (out / "predictions.jsonl").open("rb") as stream:
            return sum(1 for line in stream if line.strip())
    except OSError:
        return 0


def _require_engine(request: ReviewRequest, model: str) -> None:
    if request.engine == "vllm" and len(request.adapters) > 1:
        merged = " ".join(f"--adapter {name}" for name in request.adapters[:-1])
        raise InputError(
            "vLLM puts one adapter on a model.",
            remedy=f"bench train merge --model {model} {merged} -o MERGED, then --model MERGED --adapter "
            f"{request.adapters[-1]}; or --engine transformers",
        )


def _require_agreement(request: ReviewRequest, known: TrainedPrompt) -> None:
    given: dict[str, tuple[object, object]] = {
        "thinking": (request.thinking, known.thinking),
        "budget": (request.budget, known.budget),
        "counter": (request.counter, known.counter),
    }
    if request.prompt is not None:
        given["prompt sha256"] = (Prompt.load(request.prompt).sha256, known.prompt_sha256)
    problems = [
        Problem(f"{name}: {printable(asked)} asked for, {printable(trained)} in training")
        for name, (asked, trained) in given.items()
        if asked is not None and asked != trained
    ]
    if problems:
        raise InputError(
            "The model would be prompted differently from how it was trained.",
            problems=problems,
            remedy="leave these options out; they are known from the training summary",
        )


def _prompt(request: ReviewRequest, known: TrainedPrompt | None, out: Path) -> tuple[str, dict[Path, str]]:
    """What `--prompt` gets, and a file for it where it is no bundled one."""
    if request.prompt is not None:
        return request.prompt, {}
    if known is None:
        raise InputError(
            "There is no record of the prompt that the model was trained with.",
            remedy="--prompt ID, or the prompt's file",
        )
    found = recorded(known.prompt_id, known.prompt_sha256)
    if found is None:
        raise InputError(
            f"The model was trained with the prompt {printable(known.prompt_id)}, sha256 "
            f"{printable(known.prompt_sha256[:12])}..., which is not in this package.",
            remedy="--prompt FILE, the file that the corpus was made with",
        )
    if found.id == known.prompt_id and not found.id.startswith("file:"):
        return found.id, {}
    path = out / f"{found.id.removeprefix('file:')}.toml"
    return str(path), {path: as_toml(found)}


def _template(request: ReviewRequest, known: TrainedPrompt | None) -> list[str]:
    """The chat template that training asked with, where it was none of the model's own."""
    if known is None or known.chat_template is None:
        return []
    if request.engine == "vllm":
        raise InputError(
            f"The model was trained with the chat template {known.chat_template}, and vLLM asks by the model's own.",
            remedy="--engine transformers",
        )
    if any(parameter.partition("=")[0] == "chat_template" for parameter in request.parameters):
        raise InputError(
            "The chat template is known from the training summary.", remedy="leave --param chat_template out"
        )
    return ["--param", f"chat_template={packaged_file(known.chat_template)}"]


def _name(model: str, adapters: Sequence[str]) -> str:
    """A folder's name: of the adapters' runs, or of the model."""
    named = "+".join(run_name(adapter) for adapter in adapters) or model.rstrip("/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._+=-]+", "-", named).strip("-.") or "run"


def _option(name: str, value: object) -> list[str]:
    return [] if value is None else [name, str(value)]
