"""`bench encode`: vectors of a corpus, with several devices or machines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bioreview_bench.cli import options

if TYPE_CHECKING:
    from bioreview_bench.contract import Contract
    from bioreview_bench.encoders.corpus import Corpus, Shard
    from bioreview_bench.encoders.workers import Job


@click.command()
@click.argument("texts")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Where shards go.")
@options.split_option
@options.contract_option()
@options.encoder_option
@options.encoder_path_option
@click.option(
    "--precision", type=click.Choice(["fp32", "bf16", "fp16"]), help="Default: the contract's. fp16 needs a GPU."
)
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option(
    "--devices",
    default="auto",
    show_default=True,
    metavar="LIST",
    help="auto (every GPU, else the CPU), cpu, or cuda:0,cuda:1. With ray: cpu or cuda.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Processes that share the CPU, or Ray actors.",
)
@click.option("--shard-rows", type=click.IntRange(min=1), default=8192, show_default=True, metavar="N")
@click.option("--into-cache", is_flag=True, help="Put the vectors into this machine's cache, too.")
@options.quiet_option
def encode(
    texts: str,
    output: Path,
    split: str,
    contract_name: str,
    encoder: str | None,
    encoder_path: Path | None,
    precision: str | None,
    engine: str,
    devices: str,
    workers: int,
    shard_rows: int,
    into_cache: bool,
    quiet: bool,
) -> None:
    """Encode TEXTS (a JSONL file of {"text": ...} rows, or DATA: a split's references and control texts) into shards.

    The same command goes on where it was stopped. Vectors do not depend on engine, devices or workers beyond the last
    bits of float32. With ray, the cluster is the one that RAY_ADDRESS names, else one is started on this machine.

    \b
    Examples:
      bench encode texts.jsonl -o vectors --contract demo
      bench encode v3 --split test -o v3-test-vectors --devices cuda:0,cuda:1 --into-cache
      bench encode texts.jsonl -o vectors --engine ray --workers 8 --devices cuda
    """
    from bioreview_bench.cli.options import with_encoder
    from bioreview_bench.contract import Contract
    from bioreview_bench.encoders.corpus import MANIFEST, prepare, survey
    from bioreview_bench.encoders.files import resolve
    from bioreview_bench.encoders.workers import Job
    from bioreview_bench.errors import InputError

    contract, encoder_path = with_encoder(Contract.load(contract_name), encoder, encoder_path)
    if contract.max_length is None:
        raise InputError(f"Contract {contract.name} has no encoder.", remedy="name another --contract")
    files = resolve(contract, encoder_path)
    source = _source(texts, split, contract, output)
    job = Job(files, contract.max_length, precision or contract.dtype or "fp32", source.resolve(), output.resolve())
    corpus = survey(source, shard_rows)
    shards = prepare(corpus, output, job.encoder(None).identity)
    messages = options.Messages(quiet)
    left = sum(shard.rows for shard in shards)
    if left < corpus.rows:
        messages.say(f"{corpus.rows - left:,} of {corpus.rows:,} texts were encoded before.")
    done = 0
    try:
        for n in _encoded(job, shards, engine, devices, workers):
            messages.encoding(done, left) if done == 0 else None
            done += n
            messages.encoding(done, left)
    finally:
        messages.stop()
    if into_cache:
        _store(job, corpus)
    click.echo(f"{output} holds the vectors of {corpus.rows:,} texts in {len(corpus.shards)} shards ({MANIFEST}).")


def _source(texts: str, split: str, contract: Contract, output: Path) -> Path:
    """The input file; texts of DATA are written beside the shards."""
    from bioreview_bench.data.load import load_split
    from bioreview_bench.encoders.corpus import write_texts
    from bioreview_bench.scoring.references import reference_texts

    if texts.endswith(".jsonl"):
        return Path(texts)
    return write_texts(reference_texts(load_split(texts, split), contract), output)


def _encoded(job: Job, shards: list[Shard], engine: str, wanted: str, workers: int) -> Iterator[int]:
    from bioreview_bench.encoders import workers as engines
    from bioreview_bench.errors import InputError

    if not shards:
        return iter(())
    if engine == "ray":
        if wanted not in ("auto", "cpu", "cuda"):
            raise InputError("Ray chooses the devices of its actors.", remedy="--devices cpu or --devices cuda")
        return engines.encode_ray(job, shards, workers, "cuda" if wanted == "cuda" else "cpu")
    names = engines.devices(wanted, workers)[: len(shards)]
    if len(names) == 1:
        return engines.encode_here(job, shards, names[0])
    return engines.encode_local(job, shards, names)


def _store(job: Job, corpus: Corpus) -> None:
    from bioreview_bench.encoders.cache import VectorCache
    from bioreview_bench.encoders.corpus import read_shard
    from bioreview_bench.files.paths import vectors_root

    cache = VectorCache(vectors_root(), job.encoder(None).identity)
    for shard in corpus.shards:
        keys, vectors = read_shard(job.folder, shard)
        cache.put_keys([key.tobytes() for key in keys], vectors)
