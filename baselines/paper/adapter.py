"""`adapter:PATH`: a model under an adapter, asked as the adapter's training recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bioreview_bench.errors import DataError, EncoderError, InputError, printable
from bioreview_bench.files.reading import find_json
from bioreview_bench.llm.local.model_files import ADAPTER, adapter_config, adapter_folder
from bioreview_bench.llm.text.prompt import Prompt

from ..options import RunOptions

PREFIX = "adapter:"
_SUMMARY = "training_summary.json"  # what `bench train` writes beside an adapter


def with_adapter(options: RunOptions) -> RunOptions:
    """The options for the model under the adapter that they name; any others as they are.

    Prompt, budget, counter and thinking come from the record of its training, unless they are given. Raises
    EncoderError where adapter or base are missing, DataError for a damaged record, InputError where it is not known
    how the model is asked.
    """
    if not options.name.startswith(PREFIX):
        return options
    path = options.name.removeprefix(PREFIX)
    inner = Path(path).expanduser() / "adapter"  # where a run keeps its finished adapter
    name = str(inner) if (inner / ADAPTER).is_file() else path
    folder = adapter_folder(name)
    summary = find_json(folder / _SUMMARY, DataError, "fetch the adapter again") or {}
    base = summary.get("base_model") or adapter_config(folder).get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise EncoderError(f"{folder} does not say what model it belongs on.", remedy="--with hf:MODEL --adapter PATH")
    found = replace(options, name=f"hf:{base}", adapters=(*options.adapters, name))
    return _asked_as_trained(found, summary, folder) if summary else found


def _asked_as_trained(options: RunOptions, summary: Mapping[str, Any], folder: Path) -> RunOptions:
    try:
        prompt, counter = summary["prompt"], str(summary["counter"]["name"])
        prompt_id, sha256 = str(prompt["id"]), str(prompt["sha256"])
        thinking, budget = summary["thinking"], summary["budget"]
    except (KeyError, TypeError) as error:
        raise DataError(f"{folder / _SUMMARY} does not say how its model is asked.", remedy="train again") from error
    if options.prompt is None:
        if prompt_id.startswith("file:") or Prompt.load(prompt_id).sha256 != sha256:
            raise InputError(
                f"The model was trained with the prompt {printable(prompt_id)}, which is not in this package.",
                remedy="--prompt FILE, the file that its corpus was made with",
            )
        options = replace(options, prompt=prompt_id)
    if summary.get("chat_template") is not None and "chat_template" not in options.parameters:
        raise InputError(
            "The model was trained with a chat template that is not its own.", remedy="--param chat_template=FILE"
        )
    return replace(
        options,
        budget=options.budget or int(budget),
        counter=options.counter or counter,
        parameters={"enable_thinking": bool(thinking), **options.parameters},
    )
