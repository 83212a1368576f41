"""Cards of a trained model: `card.yaml` for a submission, `README.md` for the Hub.

Both are filled from what training and evaluation recorded; what no record can know (who, and where to write to) is
asked for. Nothing is claimed that is not recorded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bioreview_bench.errors import EncoderError, InputError, printable
from bioreview_bench.files.atomic import make_folder, write_files
from bioreview_bench.files.install import install_command
from bioreview_bench.files.paths import require_folder
from bioreview_bench.report.meaning import notes
from bioreview_bench.results.card import Card, Disclosure, TrainingData
from bioreview_bench.results.records import ResultRecord
from bioreview_bench.results.result import Result, load_result

from ..models.adapters import merge_record
from ..models.summary import SUMMARY, read_summary

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

LICENSE = "cc-by-nc-4.0"
CARD, README = "card.yaml", "README.md"
_TEMPLATE = "model_card.md"
_RELEASES = ("v3", "v4")
_LONGEST = 2000  # characters of a description, as a card allows
_LEARNT_FROM = "the concerns of published open peer reviews"
# Parts of a config that decide what was learnt.
_HYPER_PARAMETERS = ("quantisation", "adapter", "trl", "lora", "optimiser", "training")  # the last three: of before


@dataclass(frozen=True)
class Author:
    """What no record knows. `date` None takes the day on which training began."""

    organisation: str
    contact: str
    name: str | None = None
    version: str = "1"
    url: str | None = None
    date: date | None = None
    cost_usd: float | None = None
    open_weights: Disclosure = "undisclosed"


def trained(folder: Path) -> dict[str, Any]:
    """The training summary of an adapter, or of the last adapter in a merged model. Raises InputError, DataError."""
    require_folder(folder)
    if (folder / SUMMARY).is_file():
        return read_summary(folder)
    record = merge_record(folder)
    if record is not None and isinstance(record.get("training"), dict):
        return dict(record["training"])
    raise InputError(
        f"{folder} has no {SUMMARY}.", remedy="name a run of bench train sft, its adapter, or a merged model"
    )


def read_result(path: Path) -> Result:
    """A result that can be quoted. Raises InputError."""
    found = load_result(path)
    if not isinstance(found, Result):
        raise InputError(f"{path} is a predecessor's record.", remedy="evaluate again with bench evaluate -o")
    return found


def submission_card(summary: Mapping[str, Any], result: Result | None, author: Author) -> Card:
    """The card of a submission. Raises InputError for what the card does not allow."""
    fields: dict[str, Any] = {
        "system_name": author.name or mapping(summary.get("config")).get("name") or "",
        "system_version": author.version,
        "organisation": author.organisation,
        "contact": author.contact,
        "base_model": summary["base_model"],
        "parameters": _parameters(summary),
        "open_weights": author.open_weights,
        "postprocessing": result.record.system.postprocessing if result is not None else "none",
        "training_data": _training_data(summary),
        "prompt_sha256": mapping(summary["prompt"]).get("sha256"),
        "cost_usd": author.cost_usd,
        "date": author.date or _day(summary),
        "url": author.url,
    }
    try:
        return Card(**fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = printable(".".join(map(str, first["loc"])))
        raise InputError(
            f"The card cannot be filled: {where}: {printable(first['msg'])}.",
            remedy="see bench train card --help, and bench schema card",
        ) from error


def model_card(summary: Mapping[str, Any], result: Result | None, card: Card, *, merged: bool) -> str:
    """README.md for the Hub, with its metadata."""
    from huggingface_hub import ModelCard

    chain = adapters_before(summary)
    words = ["--model", code(card.base_model), *(word for name in chain for word in ("--adapter", code(name)))]
    released = any(label in _RELEASES for label in _labels(summary))
    filled = ModelCard.from_template(  # Markdown has an escape of its own: `cell`
        _metadata(summary, merged, card.system_name, result),
        template_str=resources.files(__package__).joinpath(_TEMPLATE).read_text(encoding="utf-8"),
        name=cell(card.system_name),
        kind="A merged model" if merged else "A LoRA adapter",
        base_model=cell(card.base_model),
        version=cell(mapping(summary.get("versions")).get("bioreview-bench")),
        command="--model FOLDER" if merged else " ".join([*words, "--adapter FOLDER"]),
        before=[cell(name) for name in chain] if not merged else [],
        learnt_from=_LEARNT_FROM if released else cell(f"the reviews of {', '.join(_labels(summary)) or 'other data'}"),
        released=released,
        prompt_id=code(mapping(summary["prompt"]).get("id")),
        prompt_sha256=code(card.prompt_sha256),
        counter=cell(mapping(summary.get("counter")).get("name")),
        thinking="on" if summary["thinking"] else "off",
        budget=f"{int(summary['budget']):,}",
        training=training_rows(summary),
        hyper_parameters=hyper_parameters(summary),
        result=None if result is None else _figures(result.record),
        held_out=_held_out(card.training_data),
    )
    return str(filled).rstrip("\n") + "\n"


def write_cards(out: Path, card: Card, readme: str) -> None:
    """Write both into `out`. Raises WriteError."""
    make_folder(out)
    text = _yaml(card.model_dump(mode="json", exclude_none=True))
    write_files({out / README: readme.encode(), out / CARD: text.encode()})


def _stages(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The corpus of each training that made the model, in order; empty where one is not on record."""
    return [*map(mapping, summary.get("corpora_before") or ()), mapping(summary.get("corpus"))]


def adapters_before(summary: Mapping[str, Any]) -> list[str]:
    """Names of the adapters that are added to the base model before this one."""
    started = mapping(summary.get("start"))
    found = [str(mapping(one).get("name")) for one in started.get("adapters") or ()]
    return found[:-1] if started.get("last") == "continued" else found


def _training_data(summary: Mapping[str, Any]) -> TrainingData:
    """What all trainings of the model saw: yes where one saw it, no where none did."""
    parts = [_seen(_label(corpus), corpus) for corpus in _stages(summary)]

    def together(name: str) -> Disclosure:
        said = {getattr(part, name) for part in parts}
        return "yes" if "yes" in said else "undisclosed" if "undisclosed" in said else "no"

    return TrainingData(
        description="; then ".join(part.description for part in parts)[:_LONGEST],
        saw_v3_train=together("saw_v3_train"),
        saw_v4_train=together("saw_v4_train"),
        saw_test_journals=together("saw_test_journals"),
    )


def _label(corpus: Mapping[str, Any]) -> str:
    return str(mapping(corpus.get("data")).get("label") or "")


def _labels(summary: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(filter(None, map(_label, _stages(summary)))))


def _seen(label: str, corpus: Mapping[str, Any]) -> TrainingData:
    """v3 and v4 hold articles of the test journals; what is in other data, their owner knows."""
    if not corpus:
        return TrainingData(description="data that are not on record")
    given = {"questions": "questions and answers", "pairs": "pairs of answers"}.get(label)
    if given is not None:
        return TrainingData(description=f"{given}, corpus {corpus.get('fingerprint')}")
    recipe = mapping(corpus.get("recipe")).get("name")
    what = "pairs of reviews" if recipe is None else f"recipe {recipe}"
    described = f"bioreview-bench {what} on {printable(label)} train, corpus {corpus.get('fingerprint')}"
    if label == "demo":
        described += " (12 invented articles)"
        return TrainingData(description=described, saw_v3_train="no", saw_v4_train="no", saw_test_journals="no")
    if label not in _RELEASES:
        return TrainingData(description=described)
    # The test split of v4 is part of v3, so a model that saw one version's train split has not seen the other's.
    return TrainingData(
        description=described,
        saw_v3_train="yes" if label == "v3" else "undisclosed",
        saw_v4_train="yes" if label == "v4" else "undisclosed",
        saw_test_journals="yes",
    )


def _held_out(data: TrainingData) -> str:
    if data.saw_v3_train == "yes":
        return "It saw v3 train, which contains articles of v4 test, and is therefore barred from v4 test."
    return ""


def _metadata(summary: Mapping[str, Any], merged: bool, name: str, result: Result | None) -> ModelCardData:
    """Metadata of the card; with a result also `model-index`, by which the Hub shows scores at the model."""
    from huggingface_hub import ModelCardData

    base = str(summary["base_model"])
    return ModelCardData(
        base_model=base if base.count("/") == 1 else None,
        library_name="transformers" if merged else "peft",
        license=LICENSE if any(label in _RELEASES for label in _labels(summary)) else "other",
        language=["en"],
        pipeline_tag="text-generation",
        tags=["biology", "medical", "peer-review", "bioreview-bench", *([] if merged else ["lora"])],
        model_name=None if result is None else printable(name),
        eval_results=None if result is None else _model_index(result.record),
    )


def _model_index(record: ResultRecord) -> list[EvalResult]:
    """The headline figures on the data that were scored, by their own label: what is undefined is left out."""
    from huggingface_hub import EvalResult

    data = record.data
    figures = {
        "f1": record.overall.f1, "recall": record.overall.recall, "precision": record.overall.precision,
        "skill": record.controls.skill, "null_f1": record.controls.null_f1, "echo_f1": record.controls.echo_f1,
    }  # fmt: skip
    return [
        EvalResult(
            task_type="text-generation",
            task_name="Concerns of reviewers",
            dataset_type=f"bioreview-bench-{data.name}",
            dataset_name=printable(f"{data.label}, {_VERIFIED[data.verification]}"),
            dataset_split=data.split,
            metric_type=name,
            metric_name=f"{name} (contract {printable(record.contract['name'])})",
            metric_value=round(value, 3),
        )
        for name, value in figures.items()
        if value is not None
    ]


_VERIFIED = {"contents": "verified", "counts": "counts verified", "bundled": "invented", "none": "not a released split"}


def training_rows(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    corpus, metrics = mapping(summary.get("corpus")), mapping(summary.get("metrics"))
    data, git = mapping(corpus.get("data")), mapping(summary.get("git"))
    prints = mapping(data.get("fingerprint"))
    rows = [
        ("base model", f"{summary['base_model']}, digest {summary['base_digest']}"),
        ("parameters", f"{summary['parameters']:,}" if isinstance(summary.get("parameters"), int) else None),
        ("data", ", ".join(f"{data.get('label')}/{name}#{value}" for name, value in prints.items())),
        ("trained before on", "; ".join(_seen(_label(one), one).description for one in _stages(summary)[:-1])),
        ("recipe", json.dumps(corpus.get("recipe"), ensure_ascii=False)),
        ("corpus fingerprint", corpus.get("fingerprint")),
        ("prompt", f"{summary['prompt'].get('id')}, sha256 {str(summary['prompt'].get('sha256'))[:12]}"),
        ("steps", summary["n_steps"]),
        ("examples", metrics.get("n_examples")),
        ("loss on train", metrics.get("train_loss")),
        ("loss on val", metrics.get("eval_loss")),
        ("seconds", summary.get("seconds")),
        ("versions", ", ".join(f"{name} {value}" for name, value in mapping(summary.get("versions")).items())),
        ("commit", f"{git.get('commit')}{' (with changes)' if git.get('dirty') else ''}"),
    ]
    return [(label, cell(value)) for label, value in rows if value not in (None, "", "null")]


def hyper_parameters(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    config = mapping(summary.get("config"))
    return [
        (f"{part}.{key}", cell(json.dumps(value)))
        for part in _HYPER_PARAMETERS
        for key, value in mapping(config.get(part)).items()
    ]


def _figures(record: ResultRecord) -> dict[str, Any]:
    overall, controls, coverage = record.overall, record.controls, record.coverage
    named = [
        ("recall", overall.recall, "overall.recall"), ("precision", overall.precision, "overall.precision"),
        ("F1", overall.f1, "overall.f1"), ("macro F1", overall.f1_macro, "overall.f1_macro"),
        ("ceiling F1", overall.ceiling_f1, None), ("null F1 (control)", controls.null_f1, None),
        ("skill (control)", controls.skill, "controls.skill"),
        ("match rate", controls.match_rate, None), ("echo match rate (control)", controls.echo_match_rate, None),
        ("echo F1 (control)", controls.echo_f1, None), ("generic F1 (control)", controls.generic_f1, None),
    ]  # fmt: skip
    warned = [note.text for note in notes(record) if note.level == "alarm"]  # saturation, and the echo rule
    if record.data.verification == "none":
        warned.append("The data are not a released split; the score compares with nothing published.")
    return {
        "figures": [(name, number(value), _interval(record, key)) for name, value, key in named],
        "signature": code(record.signature),
        "articles": f"{coverage.n_articles:,}",
        "unanswered": f"{coverage.parse_failed + coverage.refused + coverage.error + coverage.missing:,}",
        "postprocessing": cell(record.system.postprocessing),
        "notes": warned,
    }


def _interval(record: ResultRecord, path: str | None) -> str:
    found = record.intervals.get(path) if path is not None else None
    return "-" if found is None else f"{found[0]:.3f} to {found[1]:.3f}"


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _parameters(summary: Mapping[str, Any]) -> str | None:
    """Those of the model that was trained, as training counted them; the config's are those of the model it is for."""
    count = summary.get("parameters")
    if not isinstance(count, int):
        return None
    units = ((1e9, "B"), (1e6, "M"), (1e3, "K"))
    return next((f"{count / size:.3g}{unit}" for size, unit in units if count >= 0.9995 * size), str(count))


def _day(summary: Mapping[str, Any]) -> date:
    try:
        return date.fromisoformat(str(summary.get("started"))[:10])
    except ValueError:
        raise InputError("The training summary has no date.", remedy="--date YYYY-MM-DD") from None


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def cell(value: object) -> str:
    """Text for a table or paragraph of Markdown, in which nothing is markup."""
    return "".join(f"\\{char}" if char in "\\`*_[]<>|" else char for char in printable(value, 600))


def code(value: object) -> str:
    """Text between backticks."""
    return printable(value, 600).replace("`", "'")


def _yaml(values: Mapping[str, Any]) -> str:
    try:
        import yaml
    except ImportError as error:
        raise EncoderError("Cards need pyyaml, which is not installed.", remedy=install_command("training")) from error
    return str(yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=110))
