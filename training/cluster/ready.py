"""What the command of a job needs to be there when it begins: looked for before it is queued."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from bioreview_bench.data.load import bundled_data, locate, predictions_path
from bioreview_bench.errors import AbsentError, InputError, Needs
from bioreview_bench.llm.local.model_files import adapter_folder, model_folder

from ..config.load import METHODS, as_settings, load, method_of
from ..models.adapters import resolved
from ..runs.run import require_batch
from ..runs.start import find_start

_WRITTEN = {"out", "output", "html", "chart", "answers_out"}  # parameters that name what a command writes
_WEIGHTS = {"model", "baseline"}


def trains(words: Sequence[str]) -> bool:
    """Whether the words after `bench` are a run of training."""
    return len(words) > 1 and words[0] == "train" and words[1] in METHODS


def parsed(words: Sequence[str]) -> click.Context:
    """The words read as `bench` reads them, without running anything. Raises InputError, click's UsageError."""
    if not all(word.isprintable() for word in words):
        raise InputError("The command contains control characters.", remedy="type it again")
    from bioreview_bench.cli.main import bench

    command: click.Command = bench
    context, rest = click.Context(bench, info_name="bench"), list(words)
    while isinstance(command, click.Group):
        if not rest:
            raise click.UsageError("Missing command.", context)
        name, found, rest = command.resolve_command(context, rest)
        if found is None:
            raise click.UsageError(f"No such command {name!r}.", context)
        command = found
        if not isinstance(command, click.Group):
            context = command.make_context(name, rest, parent=context)
        else:
            context = click.Context(command, info_name=name, parent=context)
    return context


def require_fit(words: Sequence[str], n_gpus: int) -> None:
    """Raise InputError, EncoderError for a command that could not run on `n_gpus` of one machine, whatever is there."""
    context = parsed(words)
    parallel = context.params.get("tensor_parallel") or 0
    if parallel > n_gpus:
        raise InputError(
            f"--tensor-parallel {parallel} needs as many GPUs, and {n_gpus} are asked for.",
            remedy=f"--gpus-per-node={parallel}",
        )
    if not trains(words):
        return
    config = _config(words, context)
    if not n_gpus:
        raise InputError("Training needs a GPU, and none is asked for.", remedy="--gpus-per-node=1, or --gres=gpu:1")
    require_batch(config, n_gpus)


def require_present(tasks: Sequence[Sequence[str]]) -> None:
    """Raise what is missing for the commands of a job: corpora, data, models, adapters, files.

    Each place is looked at once, however many tasks name it.
    """
    needs, seen = Needs(), set[str]()
    for words in tasks:
        context = parsed(words)
        if trains(words):
            config = _config(words, context)
            key = repr((config.data, config.model.name, config.start))
            if key not in seen:
                _look_for_training(config, needs)
            seen.add(key)
            continue
        for parameter in context.command.params:
            for value in _values(parameter, context):
                key = f"{parameter.name}={value}"
                if key not in seen:
                    with needs.gather():
                        _look_for(parameter, value)
                seen.add(key)
    needs.require()


def _config(words: Sequence[str], context: click.Context) -> Any:
    """The config of a run of training, with what the command changes."""
    given = context.params
    settings = as_settings(given["settings"], given["folder"], given["model"], given.get("adapters", ()))
    return load(words[1], given["config_name"], settings)


def _look_for_training(config: Any, needs: Needs) -> None:
    with needs.gather():
        method_of(config.method).material(config)
    with needs.gather():
        model_folder(config.model.name)
        if config.start is not None:
            find_start(config, config.start)


def _look_for(parameter: click.Parameter, value: str) -> None:
    name = parameter.name or ""
    if name in _WEIGHTS:
        model_folder(value)
    elif name == "adapters":
        for one in filter(None, map(str.strip, value.split(","))):  # a chain, in evaluate-qa
            adapter_folder(resolved(one))
    elif name == "data":
        locate(value)
    elif name == "predictions":
        if value != "-" and not predictions_path(value).exists() and bundled_data(value) is None:
            raise _absent(value)
    elif isinstance(parameter.type, click.Path) and name not in _WRITTEN and not Path(value).exists():
        raise _absent(value)


def _absent(value: str) -> AbsentError:
    return AbsentError(f"There is no {value} here.", remedy="submit from the folder to which the paths belong")


def _values(parameter: click.Parameter, context: click.Context) -> list[str]:
    """What was given for a parameter. Bundled predictions bring their data: those of the default are not looked for."""
    name = parameter.name or ""
    given = context.params.get(name)
    bundled = any(bundled_data(str(one)) for one in _several(context.params.get("predictions")))
    if name == "data" and bundled and context.get_parameter_source(name) == ParameterSource.DEFAULT:
        return []
    return [str(value) for value in _several(given) if isinstance(value, (str, Path))]


def _several(given: Any) -> Sequence[Any]:
    return given if isinstance(given, (tuple, list)) else [given]
