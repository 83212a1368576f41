"""`bench train slurm`: a training run, or a sweep of them, as a SLURM job."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("configs", metavar="CONFIG...", nargs=-1)
@click.option("--partition", required=True, metavar="P")
@click.option("--time", "limit", required=True, metavar="T", help="Such as 12:00:00, or 2-00:00:00 for two days.")
@click.option("--gpus", default="1", show_default=True, metavar="N", help="On one machine: N, or TYPE:N.")
@click.option("--cpus", type=click.IntRange(min=1), metavar="N", help="Processor cores.")
@click.option("--mem", metavar="SIZE", help="Main memory, such as 64G.")
@click.option("--account", metavar="A")
@click.option("--qos", metavar="Q")
@click.option("--array", "listed", type=click.Path(path_type=Path), metavar="FILE", help="More configs, one a line.")
@click.option("--set", "variations", multiple=True, metavar="KEY=V,V", help="A run for each value; may be repeated.")
@click.option("--at-once", type=click.IntRange(min=1), metavar="N", help="Of an array: at most N at the same time.")
@click.option("--runs", default="runs", show_default=True, metavar="DIR", help="Where the runs' folders go.")
@click.option("--name", metavar="TEXT", help="Of the job. Default: the config's.")
@click.option("--module", "modules", multiple=True, metavar="M", help="module load M first; may be repeated.")
@click.option("--venv", metavar="DIR", help="Activate this environment first; default: the one you submit from.")
@click.option(
    "--grace",
    type=click.IntRange(min=30, max=3600),
    default=300,
    show_default=True,
    metavar="S",
    help="Seconds before the time is over at which a checkpoint is written and the job is queued again.",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write it there, not to stdout.")
@click.option("--submit", is_flag=True, help="Hand it to sbatch.")
def slurm(
    configs: tuple[str, ...],
    partition: str,
    limit: str,
    gpus: str,
    cpus: int | None,
    mem: str | None,
    account: str | None,
    qos: str | None,
    listed: Path | None,
    variations: tuple[str, ...],
    at_once: int | None,
    runs: str,
    name: str | None,
    modules: tuple[str, ...],
    venv: str | None,
    grace: int,
    out: Path | None,
    submit: bool,
) -> None:
    """Print a file for sbatch that runs bench train sft CONFIG; several configs, values, or the folder of a sweep make
    an array.

    Paths are relative to the folder from which you submit. When the time is over the job writes a checkpoint and goes
    back into the queue, where it resumes.

    \b
    Examples:
      bench train slurm qwen3_8b --partition gpu --time 24:00:00 -o sft.sbatch
      bench train slurm mine.yaml --partition gpu --time 12:00:00 --set lr=1e-4,3e-4 --submit
      bench train slurm sweeps/lr --partition gpu --time 12:00:00 --gpus a100:4 --at-once 2

    \b
    Exit codes: 0 done, 2 bad input or usage, 3 no sbatch here, 5 sbatch refused, 6 cannot write.
    """
    from bioreview_bench.files.atomic import write_files

    from ..config.parts import load_config
    from . import slurm as jobs

    named = [*configs, *([] if listed is None else _lines(listed))]
    if not named:
        raise click.UsageError("Missing argument 'CONFIG...'.")
    asked = jobs.Resources(partition, limit, gpus, cpus, mem, account, qos, grace, at_once, modules, venv)
    tasks = jobs.tasks(named, variations, runs)
    script = jobs.render(tasks, asked, name or load_config(tasks[0].config).name)
    if out is not None:
        write_files({out: script.encode()})
        click.echo(f"{out}: {len(tasks)} {'run' if len(tasks) == 1 else 'runs'}", err=True)
    elif not submit:
        click.echo(script, nl=False)
    if submit:
        click.echo(jobs.submit(script))
    elif out is not None:
        click.echo(f"Next: sbatch {out}", err=True)


def _lines(path: Path) -> list[str]:
    from bioreview_bench.errors import InputError

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read {path}: {error}.", remedy="a file with one config a line") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
