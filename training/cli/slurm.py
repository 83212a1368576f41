"""`bench train slurm`: any `bench` command, or an array of them, as a SLURM job."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

_FILE = click.Path(path_type=Path)


class SlurmCommand(click.Command):
    """A command after whose `--` stands another, whatever its options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Set what follows `--` aside."""
        end = args.index("--") if "--" in args else len(args)
        ctx.meta[__name__] = args[end + 1 :]
        return super().parse_args(ctx, args[:end])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """What may follow `bench train slurm`."""
        return ["[OPTIONS] [SBATCH OPTIONS] -- bench COMMAND ..."]


@click.command(cls=SlurmCommand, context_settings={"ignore_unknown_options": True})
@click.argument("passed", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--array", type=_FILE, metavar="FILE|DIR",
    help="A task for each line of a file, or each variant of a sweep: {} in the command stands for it.",
)  # fmt: skip
@click.option("--at-once", type=click.IntRange(min=1), metavar="N", help="Of an array: at most N at the same time.")
@click.option("--module", "modules", multiple=True, metavar="M", help="module load M first; may be repeated.")
@click.option("--venv", metavar="DIR", help="Activate this environment first; default: the one you submit from.")
@click.option(
    "--grace", type=click.IntRange(min=30, max=3600), default=300, show_default=True, metavar="S",
    help="Seconds before the time is over at which the command is stopped and the job is queued again.",
)  # fmt: skip
@click.option("-o", "--output", "--out", "out", type=_FILE, metavar="FILE", help="Write it there, not to stdout.")
@click.option("--submit", is_flag=True, help="Hand it to sbatch.")
def slurm(passed: tuple[str, ...], array: Path | None, out: Path | None, submit: bool, **more: Any) -> None:
    """Print a file for sbatch that runs a bench command: training, generation, a probe, an evaluation.

    Other options are sbatch's own and are passed on (--partition, --time, --gres, --mem, --account, ...). The command
    is checked now: its options, its config, that batch size x accumulation x GPUs is the effective batch. What it reads
    must be there before it is submitted (corpus, data, model, adapters, files), unless --dependency makes it wait;
    without --submit what is absent is listed. Paths are relative to the folder from which you submit. When the time is
    over, training writes a checkpoint; the job goes back into the queue, and the same command goes on where it was.

    \b
    Examples:
      bench train slurm --partition gpu --time 24:00:00 --gres gpu:1 -o sft.sbatch -- bench train sft qwen3_8b
      bench train slurm --time 12:00:00 --gres gpu:a100:4 --array sweeps/lr --at-once 2 --submit -- \\
          bench train sft {}/config.yaml -o {}/run
      bench train slurm --time 1:00:00 --gres gpu:1 --array sweeps/lr -- bench train probe {}/run
      bench train slurm --time 1:00:00 --cpus-per-task 8 -- bench evaluate predictions.jsonl -o r.result.json
      bench train slurm --time 8:00:00 --gres gpu:1 --dependency afterok:4711 --submit -- \\
          bench train generate --adapter runs/sft --engine vllm

    \b
    Exit codes: 0 done, 2 bad input or usage, 3 no sbatch or model here, 4 data missing, 5 sbatch refused, 6 cannot
    write.
    """
    from bioreview_bench.errors import BenchError
    from bioreview_bench.files.atomic import write_files

    from ..cluster import slurm as jobs
    from ..cluster.ready import require_present

    job = jobs.slurm_job(click.get_current_context().meta[__name__], passed, array, **more)
    script = jobs.render(job)
    try:
        require_present(job.tasks)
    except BenchError as missing:
        if submit and not jobs.waits(job):
            raise
        click.echo(f"Not there yet, and needed when the job begins:\n{missing}", err=True)
    if out is not None:
        write_files({out: script.encode()})
        click.echo(f"{out}: {len(job.tasks)} {'run' if len(job.tasks) == 1 else 'runs'}", err=True)
    elif not submit:
        click.echo(script, nl=False)
    if submit:
        click.echo(jobs.submit(script))
    elif out is not None:
        click.echo(f"Next: sbatch {shlex.quote(str(out))}", err=True)
