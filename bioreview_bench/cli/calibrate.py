"""`bench calibrate`: choose a threshold under which copying the paper and stock phrases do not pay."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import click

from bioreview_bench.cli import inputs, options
from bioreview_bench.errors import InputError
from bioreview_bench.files.atomic import check_writable, write_files


@click.command()
@options.data_option
@click.option(
    "--split",
    default="val",
    show_default=True,
    help="val or train: test is what contracts are used on, so it stays unseen. --explore takes any.",
)
@options.contract_option("The contract to start from.")
@options.encoder_option
@options.encoder_path_option
@options.precision_option("fp32", "bf16")
@click.option(
    "--transform", "transforms", multiple=True, metavar="NAME", help="none, center, topic-K. May be repeated."
)
@click.option("--near-misses", metavar="FILE", help="Other points in a reference's words: limited to 10 %.")
@click.option("--paraphrases", metavar="FILE", help="Paraphrased references, whose recall is the figure of merit.")
@click.option("--also", multiple=True, metavar="FILE", help="Further predictions to follow along the curve.")
@options.path_option("-o", "--output", metavar="contract.toml", text="Write the contract.")
@click.option("--name", help="Name of the contract. Default: the file's.")
@options.path_option("--chart", metavar="FILE.svg", text="Draw the curves.")
@click.option("--small", is_flag=True, help="Accept fewer than 200 possible matches of echo.")
@click.option("--explore", is_flag=True, help="Any split; print curves, write no contract.")
@options.format_option("text", "json")
@options.quiet_option
def calibrate(
    data: str,
    split: str,
    contract_name: str | None,
    encoder: str | None,
    encoder_path: Path | None,
    precision: str | None,
    transforms: tuple[str, ...],
    near_misses: str | None,
    paraphrases: str | None,
    also: tuple[str, ...],
    output: Path | None,
    name: str | None,
    chart: Path | None,
    small: bool,
    explore: bool,
    form: str,
    quiet: bool,
) -> None:
    """Find the smallest threshold at and above which echo, generic and other articles match at most 5 %.

    With --near-misses, these must match at most 10 % as well.

    The test split is refused: a contract tuned on it would no longer measure anything there.

    \b
    Examples:
      bench calibrate --data demo --split train --contract demo --transform topic-20 --small -o mine.toml
      bench calibrate --data v3 --split val --transform none --transform topic-20 --explore
      bench calibrate --data DIR --split train --near-misses near.jsonl --also hurried.jsonl -o mine.toml
    """
    from bioreview_bench.cli.options import with_encoder, with_precision
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.contracts.transforms import CENTER
    from bioreview_bench.data.folder import canonical_split
    from bioreview_bench.data.load import default_contract, load_split
    from bioreview_bench.data.predictions import read_predictions
    from bioreview_bench.scoring.calibration import MIN_ECHO_SLOTS, calibrated_contract
    from bioreview_bench.scoring.calibration import calibrate as trace

    split = canonical_split(split)
    if not explore:
        _check_request(split, output, transforms)
    if output is not None and output.exists():
        raise InputError(
            f"{output} exists, and scores may have been made with it; it is not overwritten.",
            remedy="-o another file, or remove that one",
        )
    inputs.require_suffix(chart, (".svg",), "--chart", "an SVG")
    for path in filter(None, (output, chart)):
        check_writable(path)
    contract, encoder_path = with_encoder(Contract.load(contract_name or default_contract(data)), encoder, encoder_path)
    contract = with_precision(contract, precision)
    articles = load_split(data, split)
    # A basis is learnt on train; exploring "all" has no other articles to learn it from.
    basis = articles if split == "all" or CENTER not in transforms else load_split(data, "train")
    files = {**({"paraphrases": paraphrases} if paraphrases else {}), **{Path(path).stem: path for path in also}}
    judged = {
        label: read_predictions(inputs.predictions_path(path), articles, allow_extra=True)
        for label, path in files.items()
    }
    near = read_predictions(inputs.predictions_path(near_misses), articles, allow_extra=True) if near_misses else None
    messages = options.Messages(quiet)
    curves = []
    with messages:
        for transform in transforms or (contract.transform,):
            # Made on the way; until then a contract with `center` cannot be without one.
            pending = "pending" if transform == CENTER else None
            wanted = replace(contract, name="custom", transform=transform, basis=pending)
            curve = trace(
                articles,
                wanted,
                judged,
                near_misses=near,
                basis_articles=list(basis),
                encoder_path=encoder_path,
                progress=messages.encoding,
            )
            curves.append(curve)
    if not (explore or small) and curves[0].echo_slots < MIN_ECHO_SLOTS:
        raise InputError(
            f"{articles.label} allows echo {curves[0].echo_slots} matches; a limit of 5 % needs {MIN_ECHO_SLOTS}.",
            remedy="calibrate on more articles, or add --small",
        )
    if output is not None and not explore:
        where = f"{options.data_name(data, articles.data)}/{split}#{articles.fingerprint}"
        if near is not None:
            where += f"+near_misses#{(near.sha256 or '-')[:12]}"
        made = calibrated_contract(curves[0], name or output.stem, where)
        made.save(output)
        following = ["bench", "evaluate", "predictions.jsonl", "--data", data, "--contract", str(output)]
        messages.say(f"Wrote {output}.\nNext: {shlex.join(following)}")
    from bioreview_bench.report.curves import blocks, points, svg

    if form == "json":
        options.show_json([points(curve) for curve in curves])
    else:
        options.show(blocks(curves))
    if chart is not None:
        write_files({chart: svg(curves).encode()})
        messages.say(f"Wrote {chart}.")


def _check_request(split: str, output: Path | None, transforms: tuple[str, ...]) -> None:

    if split not in ("train", "val"):
        raise InputError(f"A contract is not calibrated on {split}.", remedy="use --split val or train, or --explore")
    if output is None:
        raise InputError("There is no file to write the contract to.", remedy="add -o contract.toml, or --explore")
    if len(transforms) > 1:
        raise InputError(
            "A contract has exactly one transform.", remedy="name one --transform, or compare them with --explore"
        )
