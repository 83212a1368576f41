"""`bench train merge`: weights with adapters merged into them."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from bioreview_bench.cli import options


@click.command()
@click.option("--model", metavar="MODEL", help="The base model. Default: the one that the first adapter records.")
@click.option("--adapter", "adapters", multiple=True, required=True, metavar="PATH", help="Merged in the order given.")
@options.output_option("A new folder.", required=True)
@click.option(
    "--dtype",
    type=click.Choice(["bfloat16", "float16", "float32"]),
    default="bfloat16",
    show_default=True,
    help="What the merged weights are stored in.",
)
@click.option("--other-base", is_flag=True, help="Use MODEL though the adapter was trained on another.")
@options.quiet_option
def merge(model: str | None, adapters: tuple[str, ...], out: Path, dtype: str, other_base: bool, quiet: bool) -> None:
    """Write MODEL with the adapters added to its weights into DIR: safetensors, tokenizer, and merge.json, which says
    what was merged.

    vLLM takes one adapter; merge all but the last of a chain for it.

    \b
    Examples:
      bench train merge --adapter runs/sft-a -o merged/sft-a
      bench train merge --model ORG/MODEL --adapter runs/sft-a --adapter runs/dpo -o merged/dpo

    \b
    Exit codes: 0 done, 2 bad input or usage, 3 model or adapter unavailable, 4 broken record, 6 cannot write.
    """
    from bioreview_bench.cli.options import Messages

    from ..models.adapters import base_name, chain_summaries, resolved
    from ..models.merge import merge as write_merged

    chain = [resolved(name) for name in adapters]
    base = base_name(model, chain_summaries(chain))
    record = write_merged(base, chain, out, dtype=dtype, other_base=other_base, say=Messages(quiet).say)
    names = " + ".join([record["base"]["name"], *(one["name"] for one in record["adapters"])])
    click.echo(f"{out}: {names} in {dtype}")
    click.echo(f"Next: bench train generate --model {shlex.quote(str(out))}")
