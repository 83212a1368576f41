"""`bench encoder`: what is available, how to get it, and whether it works.

`bench encode`: vectors of a corpus, with several devices or machines.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import options
from bioreview_bench.errors import EncoderError, InputError
from bioreview_bench.files.atomic import check_writable
from bioreview_bench.files.paths import vectors_root

if TYPE_CHECKING:
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.encoders.corpus import Shard, TextCorpus
    from bioreview_bench.encoders.workers import EncodingJob


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def encoder() -> None:
    """List, fetch and check encoders.

    \b
    Examples:
      bench encoder list
      bench encoder fetch specter2
      bench encoder check specter2
    """


@encoder.command("list")
@options.format_option("text", "json")
def list_encoders(form: str) -> None:
    """List encoders, and whether each is on this machine.

    The sha256 of its weights is printed with each.

    \b
    Examples:
      bench encoder list
    """
    from bioreview_bench.encoders.files import get_command, resolve_spec
    from bioreview_bench.encoders.registry import all_specs

    found: list[dict[str, Any]] = []
    for spec in all_specs():
        row: dict[str, Any] = {
            "name": spec.alias or spec.id,
            "id": spec.id,
            "revision": spec.revision,
            "max_length": spec.max_length,
        }
        try:
            files = resolve_spec(spec)
            row |= {"available": True, "verified": files.verified, "weights_sha256": files.weights_sha256, "get": None}
        except EncoderError:
            row |= {"available": False, "verified": False, "weights_sha256": None, "get": get_command(spec)}
        found.append(row)
    if form == "json":
        options.show_json(found)
        return
    from bioreview_bench.report.blocks import Table

    rows = [
        [row["name"], row["id"], (row["revision"] or "-")[:8], (row["weights_sha256"] or "-")[:8], _state(row)]
        for row in found
    ]
    options.show([Table("Encoders", ["name", "id", "revision", "weights", "state"], rows, ("revision", "weights"))])


@encoder.command()
@click.argument("name")
def fetch(name: str) -> None:
    """Download an encoder at its pinned revision.

    Its files are verified against the Hub's checksums.
    \b
    Examples:
      bench encoder fetch specter2
      bench encoder fetch hf:OWNER/MODEL@COMMIT
    """
    from bioreview_bench.encoders.files import fetch as fetch_files
    from bioreview_bench.encoders.registry import find_spec

    with options.Messages(quiet=False) as messages:
        folder = fetch_files(find_spec(name), messages.downloading)
    click.echo(f"{name} is in {folder}, every file verified.")


@encoder.command()
@click.argument("name", default="specter2")
@options.path_option("--encoder-path", metavar="DIR", text="Where its files are.")
@options.format_option("text", "json")
def check(name: str, encoder_path: Path | None, form: str) -> None:
    """Load an encoder, hash its weights, and try it.

    It encodes a pair of test sentences.
    \b
    Examples:
      bench encoder check minilm
      bench encoder check specter2 --encoder-path /my/specter2_base
    """
    from bioreview_bench.encoders.files import resolve_spec
    from bioreview_bench.encoders.model import LocalEncoder
    from bioreview_bench.encoders.registry import CANARY_TEXTS, find_spec

    spec = find_spec(name)
    files = resolve_spec(spec, encoder_path)
    loaded = LocalEncoder(files, spec.max_length)
    left, right = loaded.encode(CANARY_TEXTS)
    canary = float(left @ right)
    if spec.canary is not None and abs(canary - spec.canary) > 1e-3:
        raise EncoderError(
            f"{spec.id} gives the canary pair {canary:.4f}; {spec.canary:.4f} is expected.",
            remedy="install the versions of constraints.txt, then check again",
        )
    found = {
        "id": files.id,
        "folder": str(files.folder),
        "weights": files.weights.name,
        "weights_sha256": files.weights_sha256,
        "files_sha256": files.files_sha256,
        "files": dict(files.base),
        "verified": files.verified,
        "dimensions": len(left),
        "device": loaded.device,
        "canary_similarity": round(canary, 4),
    }
    if form == "json":
        options.show_json(found)
        return
    from bioreview_bench.report.blocks import Facts

    options.show([Facts([(key, str(value)) for key, value in found.items()])])


@encoder.command("export-references")
@click.argument("data")
@options.split_option
@options.contract_option()
@options.encoder_path_option
@options.path_option("-o", "--output", metavar="FILE", text="Where to write the vectors.", required=True)
@options.allow_unfrozen_option
@options.format_option("text", "json")
@options.quiet_option
def export_references(
    data: str,
    split: str,
    contract_name: str | None,
    encoder_path: Path | None,
    output: Path,
    allow_unfrozen: bool,
    form: str,
    quiet: bool,
) -> None:
    """Write the vectors of DATA's references to a file.

    With it, others need to encode only their predictions. The file contains hashes of texts, vectors, the encoder's
    identity and a checksum, but no texts.

    \b
    Examples:
      bench encoder export-references v3 --split test -o v3-test.vectors
      bench encoder export-references demo -o demo.vectors
    """
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.data.load import default_contract, load_split
    from bioreview_bench.scoring.references import export_references as export

    check_writable(output)
    articles = load_split(data, split, allow_unfrozen=allow_unfrozen)
    with options.Messages(quiet) as messages:
        contract = Contract.load(contract_name or default_contract(data))
        made = export(articles, contract, output, encoder_path, messages.encoding)
    if form == "json":
        options.show_json(made)
    else:
        size = output.stat().st_size / 1e6
        click.echo(f"Wrote {made['count']:,} vectors of {made['data']} to {output} ({size:.1f} MB).")
        click.echo(f"sha256 of its content: {made['sha256']}")


@encoder.command("import-references")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--data", metavar="DATA", help="The data that it belongs to. Default: the release that the file names.")
@click.option("--split", metavar="SPLIT", help="Default: what the file says.")
@options.contract_option()
@options.encoder_path_option
@click.option(
    "--verify-sample",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    metavar="N",
    help="How many of its texts to encode here and compare.",
)
@options.allow_unfrozen_option
@options.format_option("text", "json")
def import_references(
    file: Path,
    data: str | None,
    split: str | None,
    contract_name: str | None,
    encoder_path: Path | None,
    verify_sample: int,
    allow_unfrozen: bool,
    form: str,
) -> None:
    """Put the vectors of FILE into the cache.

    A random sample of them is first encoded on this machine and must agree. Other encoder files, another maximum
    length or other library versions are refused.

    \b
    Examples:
      bench encoder import-references v3-test.vectors
      bench encoder import-references mine.vectors --data /my/data --split test --contract demo
    """
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.data.load import BUNDLED_DATA, default_contract, load_split
    from bioreview_bench.data.released.manifest import RELEASED
    from bioreview_bench.encoders.vector_file import load
    from bioreview_bench.scoring.references import import_references as take

    said = load(file).header
    name = data or str(said.get("name"))
    if data is None and name not in (*RELEASED, *BUNDLED_DATA):
        raise InputError(f"{file} was made for a data folder.", remedy="name it with --data")
    articles = load_split(name, split or str(said.get("split")), allow_unfrozen=allow_unfrozen)
    contract = Contract.load(contract_name or default_contract(name))
    found = take(file, articles, contract, encoder_path, verify_sample)
    if form == "json":
        options.show_json(found)
        return
    click.echo(
        f"Imported {found['imported']:,} of {found['in_file']:,} vectors; {found['sampled']} were encoded here "
        f"and agree (largest difference {found['largest']:.1e})."
    )


def _state(row: dict[str, Any]) -> str:
    if not row["available"]:
        return f"absent: {row['get']}"
    return "ready, verified" if row["verified"] else "ready, not verified"


@click.command()
@click.argument("texts")
@options.path_option("-o", "--output", metavar="DIR", text="Where shards go.", required=True)
@options.split_option
@options.contract_option()
@options.encoder_option
@options.encoder_path_option
@click.option(
    "--precision", type=click.Choice(["fp32", "bf16", "fp16"]), help="Default: the contract's. fp16 needs a GPU."
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Processes of this machine, or a Ray cluster.",
)
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
@click.option(
    "--shard-rows", type=click.IntRange(min=1), default=8192, show_default=True, metavar="N", help="Texts in a shard."
)
@click.option("--into-cache", is_flag=True, help="Put the vectors into this machine's cache, too.")
@options.quiet_option
def encode(
    texts: str,
    output: Path,
    split: str,
    contract_name: str | None,
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
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.data.load import default_contract
    from bioreview_bench.encoders.corpus import MANIFEST, prepare, survey
    from bioreview_bench.encoders.files import resolve
    from bioreview_bench.encoders.workers import EncodingJob

    contract_name = contract_name or ("v3" if texts.endswith(".jsonl") else default_contract(texts))
    contract, encoder_path = with_encoder(Contract.load(contract_name), encoder, encoder_path)
    if contract.max_length is None:
        raise InputError(f"Contract {contract.name} has no encoder.", remedy="name another --contract")
    files = resolve(contract, encoder_path)
    source = _source(texts, split, contract, output)
    job = EncodingJob(
        files, contract.max_length, precision or contract.dtype or "fp32", source.resolve(), output.resolve()
    )
    corpus = survey(source, shard_rows)
    shards = prepare(corpus, output, job.encoder(None).identity)
    messages = options.Messages(quiet)
    done = corpus.rows - sum(shard.rows for shard in shards)
    with messages:
        if shards:
            messages.encoding(done, corpus.rows)
        for n in _encoded(job, shards, engine, devices, workers):
            done += n
            messages.encoding(done, corpus.rows)
    if into_cache:
        _store(job, corpus)
    click.echo(f"{output} contains the vectors of {corpus.rows:,} texts in {len(corpus.shards)} shards ({MANIFEST}).")


def _source(texts: str, split: str, contract: Contract, output: Path) -> Path:
    """The input file; texts of DATA are written beside the shards."""
    from bioreview_bench.data.load import load_split
    from bioreview_bench.encoders.corpus import write_texts
    from bioreview_bench.scoring.references import reference_texts

    if texts.endswith(".jsonl"):
        return Path(texts)
    return write_texts(reference_texts(load_split(texts, split), contract), output)


def _encoded(job: EncodingJob, shards: list[Shard], engine: str, wanted: str, workers: int) -> Iterator[int]:
    from bioreview_bench.encoders import workers as engines

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


def _store(job: EncodingJob, corpus: TextCorpus) -> None:
    from bioreview_bench.encoders.cache import VectorCache
    from bioreview_bench.encoders.corpus import read_shard

    cache = VectorCache(vectors_root(), job.encoder(None).identity)
    for shard in corpus.shards:
        keys, vectors = read_shard(job.folder, shard)
        cache.put_keys([key.tobytes() for key in keys], vectors)
