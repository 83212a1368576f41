"""What commands are given to read: a file, a run's folder, standard input (`-`), or a bundled file (`demo:NAME`).

Everything that an evaluation needs is looked for at once, and what is missing is gathered.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
from click.core import ParameterSource

from bioreview_bench.errors import AbsentError, BenchError, InputError, Needs, printable

if TYPE_CHECKING:
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.data.predictions import Predictions
    from bioreview_bench.data.split import Split

ROWS = "predictions.jsonl"
_NOT_PREDICTIONS = ("superseded.jsonl",)  # other files of a run's folder


def predictions_path(given: str) -> Path:
    """The predictions file that `given` names; whether it is there is left to who reads it.

    Raises InputError for a bundled file that there is not, a folder without predictions, and an empty pipe.
    """
    from bioreview_bench.data import load

    if given == "-":
        return _copied(sys.stdin.buffer, "stdin.jsonl")
    path = load.predictions_path(given)
    if path.is_dir():
        return _in_folder(path)
    if path.exists() and not path.is_file():  # a pipe can be read once only
        with path.open("rb") as stream:
            return _copied(stream, path.name)
    return path


def result_path(given: Path) -> Path:
    """A result file, or the one in a run's folder. Raises InputError for a folder that holds none, or several."""
    if not given.is_dir():
        return given
    results = sorted(given.glob("*.result.json"))
    if len(results) == 1:
        return results[0]
    if results:
        raise InputError(f"{given} holds {len(results)} results: {_listed(results)}.", remedy="name one of them")
    made = f"bench evaluate {given} -o {given / 'scored.result.json'}"
    raise InputError(f"{given} contains no result.", remedy=f"score its predictions: {made}")


def implied(given: str, data: str, contract: str | None) -> tuple[str, str | None]:
    """(data, contract) for predictions: `demo:NAME` brings its data and their contract, unless others are typed."""
    from bioreview_bench.data.load import bundled_data

    bundled = bundled_data(given)
    if bundled is None:
        return data, contract
    source = click.get_current_context().get_parameter_source
    typed = {name for name in ("data", "contract_name") if source(name) is ParameterSource.COMMANDLINE}
    return data if "data" in typed else bundled, contract if "contract_name" in typed else None


def read_scored(
    needs: Needs, given: str, data: str, split: str, *, limit: int | None, allow_extra: bool, allow_unfrozen: bool
) -> tuple[Split | None, Predictions | None]:
    """Articles and checked predictions, each None where `needs` holds why; the file is looked for before the data."""
    from bioreview_bench.data.elsewhere import all_in_demo, misplaced
    from bioreview_bench.data.load import load_split, locate
    from bioreview_bench.data.predictions import read_predictions

    path, articles, rows = None, None, None
    with needs.gather():
        path = there(given)
    with needs.gather():
        if path is None:
            locate(data)  # articles are not read for nothing
        else:
            articles = load_split(data, split, limit=limit, allow_unfrozen=allow_unfrozen)
    if path is not None:
        with needs.gather():
            try:
                rows = read_predictions(path, articles, allow_extra=allow_extra)
            except InputError as error:
                raise error if articles is None else misplaced(path, articles, data, error) from None
        place = all_in_demo(path) if articles is None else None
        if place is not None:
            words = f"bench evaluate {given} --data {place.data}{f' --split {place.split}' * (place.split != 'test')}"
            needs.trial = f"{words} (all its article ids are in the {place.data} data)"
    return articles, rows


def there(given: str) -> Path:
    """The predictions file, which exists. Raises InputError."""
    from bioreview_bench.files.paths import check_path

    path = predictions_path(given)
    if not path.exists():
        remedy = check_path(path)
        raise AbsentError(f"There is no file {path}.", remedy=_demo_name(given) or remedy)
    return path


def trial() -> str:
    """An evaluation that works on this machine as it is, without a network."""
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.data.load import default_contract

    command = "bench evaluate demo:careful"
    try:
        require_encoder(Contract.load(default_contract("demo")), None)
    except BenchError:
        return f"{command} --contract jaccard"
    return command


def require_encoder(contract: Contract, folder: Path | None) -> None:
    """Raise EncoderError when the contract's encoder is not on this machine; `folder` is `--encoder-path`."""
    if contract.encoder is None or contract.similarity == "judge" or folder is not None:
        return
    from bioreview_bench.encoders.files import require_present

    require_present(contract)


def require_suffix(path: Path | None, suffixes: tuple[str, ...], option: str, what: str) -> None:
    """Raise InputError when an option that writes `what` names a file of another kind."""
    if path is not None and path.suffix.lower() not in suffixes:
        raise InputError(
            f"{option} writes {what}, and {path} does not end in {' or '.join(suffixes)}.",
            remedy=f"{option} {path.with_suffix(suffixes[0])}",
        )


def _demo_name(given: str) -> str | None:
    from bioreview_bench.data.load import BUNDLED_DATA, locate

    for data in BUNDLED_DATA:
        if given and "/" not in given and (locate(data)[1] / "predictions" / f"{given}.jsonl").is_file():
            return f"did you mean {data}:{given}?"
    return None


def _in_folder(folder: Path) -> Path:
    if (folder / ROWS).is_file():
        return folder / ROWS
    if any((folder / name).exists() for name in ("articles.jsonl", "test.jsonl", "test.parquet", "val.jsonl")):
        raise InputError(f"{folder} is a data folder; it contains no {ROWS}.", remedy=f"add --data {folder} to a file")
    rows = sorted(path for path in folder.glob("*.jsonl") if path.name not in _NOT_PREDICTIONS)
    holds = f"it contains {_listed(rows)}" if rows else "it contains no .jsonl file"
    raise InputError(
        f"{folder} is a folder without {ROWS}; {holds}.",
        remedy=f"name the file: {rows[0]}" if rows else "name a predictions file or a run's folder",
    )


def _listed(paths: list[Path]) -> str:
    more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
    return ", ".join(printable(path.name) for path in paths[:5]) + more


def _copied(stream: BinaryIO, name: str) -> Path:
    """What can be read once only, as a file that lasts as long as the command."""
    if stream.isatty():
        raise InputError("- is standard input, and nothing is piped into it.", remedy="COMMAND | bench ... -")
    folder = click.get_current_context().with_resource(tempfile.TemporaryDirectory(prefix="bench-"))
    path = Path(folder) / name
    with path.open("wb") as copy:
        shutil.copyfileobj(stream, copy)
    return path
