"""`bench leaderboard eval-results`: a system's scores for its model's repository on the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path

import click

from bioreview_bench.errors import InputError, cannot_write

from .options import board, db_option


@click.command("eval-results")
@click.argument("submission", metavar="ID", required=False)
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FOLDER",
    help="The folder to write to.",
)
@click.option("--benchmark", is_flag=True, help="Write eval.yaml, which makes a dataset repository the benchmark.")
@click.option(
    "--dataset", metavar="OWNER/NAME", help="The benchmark's dataset repository. Default: that of the settings."
)
@click.option("--public-url", metavar="URL", help="Where people find the board: the results link to the system's page.")
@db_option
def eval_results(
    submission: str | None, folder: Path, benchmark: bool, dataset: str | None, public_url: str | None, db: str
) -> None:
    """Write the scores of submission ID to FOLDER/.eval_results/, as the Hub's community evaluations have them.

    The figures are those of the system's public page. Copy the folder into the model's repository, or open a pull
    request there. The Hub lists them at the model, and in the leaderboard of the benchmark: a dataset repository with
    an eval.yaml, which --benchmark writes.

    \b
    Examples:
      bench leaderboard settings --hub-dataset OWNER/NAME
      bench leaderboard eval-results --benchmark -o dataset-repository
      bench leaderboard eval-results s_0123456789abcdef -o model-repository --public-url https://board.example.org
    """
    from bioreview_bench.files.atomic import write_files

    from ..ranking import hub_results
    from ..ranking.build import load_system
    from ..serving.serve import check_public
    from ..store.settings import get_settings, get_split

    if (submission is None) is not benchmark:
        raise InputError("Write what?", remedy="name one submission, or --benchmark")
    with board(db) as opened:
        settings = get_settings(opened)
        if submission is None:
            data = get_split(opened, settings.splits[0]).data
            content = hub_results.benchmark_file(settings.title, data, settings.splits, settings.contracts)
            path = folder / "eval.yaml"
        else:
            system, _ = load_system(opened, submission)
            base = check_public(public_url)
            url = f"{base}/systems/{system.submission}" if base else ""
            content = hub_results.eval_results(system, _dataset(dataset or settings.hub_dataset), url)
            path = folder / hub_results.FOLDER / hub_results.file_name(system)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path.parent, error) from error
    write_files({path: content.encode()})
    click.echo(f"Wrote {path}.")


def _dataset(name: str | None) -> str:
    if name is None:
        raise InputError(
            "This board has no benchmark on the Hub.",
            remedy="--dataset OWNER/NAME, or once: bench leaderboard settings --hub-dataset OWNER/NAME",
        )
    return name
