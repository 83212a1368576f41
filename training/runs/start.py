"""What a run starts from: a base model, adapters added to its weights, or one that is trained on.

The published chain is base, SFT merged into it, then a new adapter. Adding to quantised weights would round the adapter
away, so the sum is made in 16 bits, written to a folder inside the run, loaded from there in 4 bits, and deleted. Of
several processes the first merges, and all load what it wrote.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioreview_bench.errors import InputError, Problem, cannot_write, printable
from bioreview_bench.llm.local.model_files import adapter_config, adapter_folder, digest, model_folder, shown_name
from bioreview_bench.llm.local.weights import put_adapter

from ..config.schema import AdapterPart, RunConfig, StartPart
from ..console import is_first_process
from ..models.adapters import agreed, chain_summaries, require_base, resolved, run_name
from ..models.lora import lora_config, name_base
from ..models.merge import merge, needed_bytes, require_space
from ..models.quantised import load_base
from .inputs import Start
from .processes import wait_for_all

if TYPE_CHECKING:
    from bioreview_bench.cli.options import Messages

_FOLDER = "start"  # inside the run, and gone when the model is loaded
_ASKED = ("prompt", "thinking", "system", "budget", "counter")
_SAME = {"r": "r", "alpha": "lora_alpha", "dropout": "lora_dropout", "rank_stabilised": "use_rslora"}


def find_start(config: RunConfig, part: StartPart) -> Start:
    """The adapters of `part`, fit for the model and for each other. Raises EncoderError, InputError, DataError."""
    names = [resolved(name) for name in part.adapters]
    if part.last == "continued" and not names:
        raise InputError("start.last is continued, and start.adapters names none.", remedy="--set start.last=merged")
    base = model_folder(config.model.name)
    summaries = chain_summaries(names)
    if summaries:
        require_base(base, summaries[0], names[0])
    agreed(base, names, summaries)
    facts = tuple({"name": run_name(name), "digest": digest(adapter_folder(name))} for name in names)
    known = [one for one in summaries if one is not None]
    asked = {key: known[-1].get(key) for key in _ASKED} if known else None
    if part.last == "merged":
        return Start(tuple(names), None, facts, asked)
    _require_same_shape(names[-1], config.adapter)
    return Start(tuple(names[:-1]), names[-1], facts, asked)


def asked_facts(start: Start, data: Mapping[str, Any]) -> dict[str, Any]:
    """How the trained model is to be asked: as the adapters it starts from, or else as the `data` ask.

    Raises InputError when the data ask otherwise than the adapters were trained to be.
    """
    if start.asked is None:
        return {key: data[key] for key in _ASKED}
    trained, here = ({**one, "prompt sha256": (one.get("prompt") or {}).get("sha256")} for one in (start.asked, data))
    problems = [
        Problem(f"{key}: {printable(trained[key])} by the adapter, {printable(here[key])} by the data")
        for key in ("thinking", "budget", "system", "prompt sha256")
        if trained[key] != here[key]
    ]
    if problems:
        raise InputError(
            "The data ask otherwise than the adapter was trained to be asked.",
            problems=problems,
            remedy="name an adapter that was trained with this prompt, or make the data with the adapter's",
        )
    return dict(start.asked)


def require_room(config: RunConfig, out: Path) -> None:
    """Raise WriteError when the merged weights would not fit on the disk of `out` beside the run."""
    require_space(out, needed_bytes(model_folder(config.model.name), config.quantisation.compute_dtype))


@contextmanager
def policy(config: RunConfig, start: Start, out: Path, device: str, console: Messages) -> Iterator[tuple[Any, Any]]:
    """(model, PEFT config of a new adapter): the config is None when the model carries the adapter to be trained.

    Make the trainer inside: merged weights are on disk until then. Raises EncoderError, InputError, WriteError.
    """
    with _weights(config, start, out, console) as folder:
        console.say(f"Loading {config.model.name} on {device} ...")
        base = load_base(folder, config.quantisation, attention=config.model.attention, device=device)
        if start.continued is None:
            yield base, lora_config(base, config.adapter)
        else:
            yield put_adapter(base, Path(start.continued), trainable=True), None


def settle(model: Any, config: RunConfig) -> None:
    """After a trainer took the model: name its base, set the dtype of what is trained (TRL makes it bfloat16 over 4
    bits, in which most small steps are lost), and freeze the copy that is the reference."""
    import torch

    name_base(model, shown_name(config.model.name))
    weights = dict(model.named_parameters())
    for weight in weights.values():
        if weight.requires_grad:
            weight.data = weight.data.to(getattr(torch, config.adapter_dtype))
    for name, weight in weights.items():
        if ".ref." in name:
            weight.requires_grad_(False)
            weight.data = weights[name.replace(".ref.", ".default.")].data.clone()


@contextmanager
def _weights(config: RunConfig, start: Start, out: Path, console: Messages) -> Iterator[Path]:
    base = model_folder(config.model.name)
    if not start.merged:
        yield base
        return
    folder = out / _FOLDER
    try:
        if is_first_process():
            _remove(folder)  # of a run that was killed while it loaded
            merge(str(base), start.merged, folder, dtype=config.quantisation.compute_dtype, say=console.say)
        wait_for_all()
        yield folder
        wait_for_all()
    finally:
        if is_first_process():
            _remove(folder)


def _remove(folder: Path) -> None:
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error


def _require_same_shape(name: str, part: AdapterPart) -> None:
    found = adapter_config(adapter_folder(name))
    stated: dict[str, object] = {key: getattr(part, key) for key in _SAME}
    pairs = {key: (value, found.get(_SAME[key])) for key, value in stated.items()}
    targets = found.get("target_modules")
    pairs["targets"] = (sorted(part.targets), sorted(targets) if isinstance(targets, list) else targets)
    problems = [
        Problem(f"adapter.{key}: {printable(wanted)} in the config, {printable(given)} in the adapter")
        for key, (wanted, given) in pairs.items()
        if wanted != given
    ]
    if problems:
        raise InputError(
            f"{name} cannot be trained on by this config.",
            problems=problems,
            remedy="--set start.last=merged, or state the adapter's own values",
        )
