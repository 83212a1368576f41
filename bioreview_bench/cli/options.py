"""Options and small helpers that commands share."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from bioreview_bench.cli.progress import CallConsole, ProgressBar
from bioreview_bench.errors import InputError, printable
from bioreview_bench.files.settings import value_of

if TYPE_CHECKING:
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.report.blocks import Block
    from bioreview_bench.scoring.backends import Backend, Progress

EXACT = "exact-bf16"

DATA, SPLIT = "v3", "test"  # what is run, scored and submitted when nothing else is said


def data_setting() -> str:
    """The default of `--data`: what `bench config` remembers, else v3."""
    return value_of("data") or DATA


data_option = click.option(
    "--data",
    default=data_setting,
    show_default="bench config get data, else v3",
    metavar="DATA",
    help="A data folder, demo or known (bundled), a released version (v3, v4), or v3=FOLDER.",
)
split_option = click.option(
    "--split",
    default=SPLIT,
    show_default=True,
    metavar="SPLIT",
    help="train, val (validation), test or all. What is run, scored and submitted is the same split.",
)
limit_option = click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N articles.")
allow_extra_option = click.option("--allow-extra", is_flag=True, help="Ignore rows for articles outside the split.")
require_complete_option = click.option(
    "--require-complete", is_flag=True, help="Refuse missing and failed rows (submissions use it)."
)
allow_unfrozen_option = click.option(
    "--allow-unfrozen", is_flag=True, help="Load data that differ from the release, under their own fingerprint."
)
encoder_option = click.option(
    "--encoder", metavar="NAME", help="Another encoder: a name of the registry, hf:REPO@REVISION, or a folder."
)


def path_option(*names: str, metavar: str, text: str, **more: Any) -> Callable[[Any], Any]:
    """An option that takes a path."""
    return click.option(*names, type=click.Path(path_type=Path), metavar=metavar, help=text, **more)


def output_option(text: str, metavar: str = "DIR", **more: Any) -> Callable[[Any], Any]:
    """-o of every command; --out is its name in earlier releases. The command gets it as `out`."""
    return path_option("-o", "--output", "--out", "out", metavar=metavar, text=text, **more)


encoder_path_option = path_option("--encoder-path", metavar="DIR", text="Where the contract's encoder is.")
draws_option = click.option(
    "--draws",
    type=click.IntRange(min=0),
    default=10_000,
    show_default=True,
    help="Bootstrap draws; 0 for no intervals.",
)
seed_option = click.option("--seed", type=int, default=42, show_default=True, help="Seed of the bootstrap.")
all_option = click.option(
    "--all",
    is_flag=True,
    expose_value=False,
    callback=lambda ctx, _, on: ctx.ensure_object(dict).update(all=on),
    help="List all problems, not only ten.",
)
quiet_option = click.option("--quiet", is_flag=True, help="No progress and no messages.")


DEFAULT_CONTRACT = "v3 for released data, else reader"  # data.load.default_contract in words


def contract_option(
    text: str = "v3, reader, judge:openai:MODEL (or google, vllm), demo, jaccard, or a TOML file.",
    default: str | None = None,
) -> Callable[[Any], Any]:
    """`--contract`, as `contract_name`; None, unless one is a default or remembered, stands for the data's own."""

    def remembered() -> str | None:
        return value_of("contract") or default

    shown = default or DEFAULT_CONTRACT
    return click.option(
        "--contract", "contract_name", default=remembered, show_default=shown, metavar="NAME|FILE", help=text
    )


def contract_names(given: str) -> list[str]:
    """The contracts of `--contract A,B`, each once. Raises InputError.

    >>> contract_names("v3,reader"), contract_names("judge:vllm:M?stop=[1,2]")
    (['v3', 'reader'], ['judge:vllm:M?stop=[1,2]'])
    """
    names = [given] if Path(given).is_file() else [name.strip() for name in comma_separated(given)]
    if "" in names or len(set(names)) < len(names):
        raise InputError(
            f'--contract "{printable(given)}" names a contract twice, or none.', remedy="--contract v3,reader"
        )
    return names


def precision_option(*choices: str) -> Callable[[Any], Any]:
    """`--precision`: how the encoder computes."""
    text = "What the encoder computes in. bf16 is faster and another contract."
    if EXACT in choices:
        text += " exact-bf16 computes in bf16, and again in fp32 what could change a count: same contract as fp32."
    return click.option("--precision", type=click.Choice(choices), help=f"{text} Default: the contract's.")


def format_option(*formats: str) -> Callable[[Any], Any]:
    """`--format`, the first of `formats` being the default."""
    return click.option(
        "--format", "form", type=click.Choice(formats), default=formats[0], show_default=True, help="How to print."
    )


def show(blocks: Sequence[Block], form: str = "text") -> None:
    """A report on stdout, as `text` or as `markdown`."""
    if form == "markdown":
        from bioreview_bench.report.blocks import to_markdown

        click.echo(to_markdown(blocks), nl=False)
        return
    from bioreview_bench.report.terminal import print_blocks

    print_blocks(blocks, sys.stdout)


def same_command(*more: str) -> str:
    """The command that is being carried out, as it was typed, with `more` behind it."""
    from click.core import ParameterSource

    context = click.get_current_context()
    typed: list[str] = []
    for parameter in context.command.params:
        name = str(parameter.name)
        if name not in context.params or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        value: Any = context.params[name]
        values = value if isinstance(value, tuple) else (value,)
        option = parameter.opts[-1]
        if isinstance(parameter, click.Argument):
            typed[:0] = map(str, values)
        elif isinstance(parameter, click.Option) and parameter.is_flag:
            typed.append(option)
        else:
            typed += [part for one in values for part in (option, str(one))]
    return shlex.join([*context.command_path.split(), *typed, *more])


def require_yes(question: str, refused: str) -> None:
    """Ask on stderr. Raises InputError, which says what was `refused`, for a no and where nobody can be asked."""
    try:
        agreed = click.confirm(question, default=False, err=True)
    except (click.Abort, OSError):  # no terminal, and nothing was piped in
        if sys.stdin.isatty():
            raise
        click.echo(err=True)
        agreed = False
    if not agreed:
        raise InputError(refused, remedy=same_command("--yes"))


def show_json(value: Any) -> None:
    """JSON on stdout: on one line for a program, indented on a terminal."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def data_name(given: str, loaded: str) -> str:
    """What data are called in a file that was made on them: a folder's name, else the release's."""
    return Path(given).name if loaded == "local" else loaded


def with_encoder(contract: Contract, encoder: str | None, encoder_path: Path | None) -> tuple[Contract, Path | None]:
    """The contract with the encoder of `--encoder`, if given (it is `custom` then), and where its files are."""
    if contract.similarity == "judge" and (encoder, encoder_path) != (None, None):
        raise InputError(f"{contract.name} has no encoder.", remedy="leave --encoder and --encoder-path out")
    if encoder is None:
        return contract, encoder_path
    from bioreview_bench.contracts.contract import CUSTOM, files_digest
    from bioreview_bench.encoders.registry import HUB_PREFIX, LOCAL_PREFIX, find_spec

    if encoder_path is not None:
        raise InputError(
            "--encoder and --encoder-path exclude each other.", remedy="use --encoder DIR for another encoder"
        )
    contract = replace(contract, adapter=None, files_sha256=None)
    folder = Path(encoder)
    if not encoder.startswith(HUB_PREFIX) and folder.is_dir():
        named = f"{LOCAL_PREFIX}{folder.resolve().name}"
        return replace(contract, name=CUSTOM, encoder=named, revision=None, weights_sha256=None), folder
    spec = find_spec(encoder)
    changed = replace(
        contract,
        name=CUSTOM,
        encoder=spec.id,
        revision=spec.revision,
        weights_sha256=spec.weights_sha256,
        files_sha256=None if spec.files is None else files_digest(spec.files),
        max_length=min(spec.max_length, contract.max_length or spec.max_length),
    )
    return changed, None


def with_precision(contract: Contract, precision: str | None) -> Contract:
    """The contract computed in `--precision`, another contract where that is not its own dtype. Raises InputError."""
    if precision is None or precision == contract.dtype:
        return contract
    from bioreview_bench.contracts.contract import CUSTOM

    if contract.encoder is None or contract.similarity == "judge":
        raise InputError(f"Contract {contract.name} has no encoder.", remedy="leave --precision out")
    return contract if precision == EXACT else replace(contract, name=CUSTOM, dtype=precision)


def exact_backend(
    contract: Contract, precision: str | None, encoder_path: Path | None, progress: Progress
) -> Backend | None:
    """What `--precision exact-bf16` scores with; None for every other precision. Raises EncoderError, InputError."""
    if precision != EXACT:
        return None
    from bioreview_bench.scoring.low_precision.exact import ExactBackend

    return ExactBackend(contract, encoder_path, progress)


def key_value(text: str, example: str) -> tuple[str, str]:
    """Both sides of `KEY=VALUE`. Raises InputError, whose remedy is `example`."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError(f'"{printable(text, 40)}" is not of the form KEY=VALUE.', remedy=example)
    return key.strip(), value


def key_values(text: str, example: str) -> tuple[str, list[str]]:
    """Both sides of `KEY=VALUE,VALUE`; a comma within brackets or quotation marks belongs to a value.

    >>> key_values("lr=1e-4,3e-4", "--set lr=1e-4,3e-4")
    ('lr', ['1e-4', '3e-4'])
    >>> key_values("target=[q,v],[q]", "")
    ('target', ['[q,v]', '[q]'])
    """
    key, value = key_value(text, example)
    return key, comma_separated(value)


def comma_separated(text: str) -> list[str]:
    """The parts between the commas of a text, but for commas within brackets or quotation marks."""
    parts, depth, quote = [""], 0, ""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        else:
            depth += (char in "[{") - (char in "]}")
        if char == "," and depth <= 0 and not quote:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def weights(text: str, example: str) -> dict[str, float]:
    """`NAME=NUMBER,NAME=NUMBER`, each name once. Raises InputError, whose remedy is `example`."""
    found: dict[str, float] = {}
    for part in text.split(","):
        name, value = key_value(part, example)
        try:
            if name in found:
                raise ValueError
            found[name] = float(value)
        except ValueError:
            raise InputError(f'"{printable(part)}" is not a weight, or is given twice.', remedy=example) from None
    return found


class Messages:
    """Messages, and progress of encoding, downloads and a judge; silent when quiet. Leaving its block removes bars."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._encoding: ProgressBar | None = None
        self._judging: list[CallConsole] = []
        self._download: ProgressBar | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def say(self, text: str) -> None:
        """One line."""
        if not self._quiet:
            click.echo(text, err=True)

    def encoding(self, done: int, total: int) -> None:
        """Progress of encoding; texts that are done at its first call were encoded before."""
        if self._encoding is None:
            self._encoding = ProgressBar("Encoding", total, self._quiet, before=done, unit="texts")
        self._encoding.show(done)
        if done == total:
            self._encoding.stop()
            self._encoding = None

    def downloading(self, done: int, total: int) -> None:
        """Progress of a download, in bytes."""
        if self._download is None:
            self._download = ProgressBar("Downloading", max(1, round(total / 1e6)), self._quiet, unit="MB")
        self._download.show(round(done / 1e6) if done < total else max(1, round(total / 1e6)))
        if done == total:
            self._download.stop()

    def judging(self, price_date: str | None) -> CallConsole:
        """What shows the progress of a judge."""
        shown = CallConsole("Judging", self._quiet, price_date)
        self._judging.append(shown)
        return shown

    def stop(self) -> None:
        """Remove the bars."""
        for shown in (self._encoding, self._download, *self._judging):
            if shown is not None:
                shown.stop()
        self._encoding = None
