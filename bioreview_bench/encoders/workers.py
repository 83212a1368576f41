"""Who encodes the shards of a corpus: this process, several processes of this machine, or Ray actors on many.

Each worker loads the encoder on its own device and writes the shards that it is given; only their numbers travel.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bioreview_bench.encoders.corpus import Shard, encode_shard
from bioreview_bench.encoders.files import EncoderFiles
from bioreview_bench.encoders.model import LocalEncoder
from bioreview_bench.errors import BenchError, DataError, EncoderError, InputError, WriteError, printable
from bioreview_bench.files.install import install_command


@dataclass(frozen=True)
class EncodingJob:
    """What every worker must know: the encoder, the input, and where shards go."""

    files: EncoderFiles
    max_length: int
    dtype: str
    source: Path
    folder: Path

    def encoder(self, device: str | None) -> LocalEncoder:
        """The encoder on a device."""
        return LocalEncoder(self.files, self.max_length, self.dtype, device)


def devices(wanted: str, workers: int) -> list[str]:
    """One device for each worker: `auto` is every CUDA device, else `workers` times the CPU; or names with commas.

    `workers` multiplies `cpu` alone. Raises InputError.
    """
    if wanted == "auto":
        import torch

        n = torch.cuda.device_count()
        return [f"cuda:{number}" for number in range(n)] if n else ["cpu"] * workers
    names = [name.strip() for name in wanted.split(",")]
    if names == ["cpu"]:
        return ["cpu"] * workers
    if workers > 1:
        raise InputError(
            "--workers goes with the CPU; a worker serves one device.", remedy="list the --devices instead"
        )
    if not all(names):
        raise InputError(f'"{wanted}" is not a list of devices.', remedy="--devices cuda:0,cuda:1")
    return names


def encode_here(job: EncodingJob, shards: Sequence[Shard], device: str) -> Iterator[int]:
    """Encode in this process; yields the number of texts of each shard."""
    encoder = job.encoder(device)
    for shard in shards:
        yield encode_shard(encoder, job.source, shard, job.folder)


def encode_local(job: EncodingJob, shards: Sequence[Shard], names: Sequence[str]) -> Iterator[int]:
    """Encode in one process for each of the devices `names`; yields the number of texts of each shard, as they come.

    Processes that share the CPU share its cores. Raises what a worker raised.
    """
    from concurrent.futures import ProcessPoolExecutor, as_completed

    context = get_context("spawn")  # CUDA does not survive a fork
    free = context.SimpleQueue()
    for name in names:
        free.put(name)
    threads = max(1, (os.cpu_count() or 1) // max(1, list(names).count("cpu")))
    pool = ProcessPoolExecutor(len(names), context, initializer=_begin, initargs=(job, free, threads))
    try:
        yield from (future.result() for future in as_completed([pool.submit(_work, shard) for shard in shards]))
    finally:
        pool.shutdown(cancel_futures=True)


def encode_ray(job: EncodingJob, shards: Sequence[Shard], workers: int, device: str) -> Iterator[int]:
    """Encode in `workers` Ray Data actors, on the cluster that RAY_ADDRESS names or on one started here.

    `device` is `cpu` or `cuda`; an actor has one GPU, or one CPU core. Input, encoder and folder must be on a file
    system that every node sees. Raises EncoderError without Ray, InputError when its cluster is too small.
    """
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError as error:
        raise EncoderError("Ray is not installed.", remedy=install_command("cluster")) from error
    started = not ray.is_initialized()
    if started:
        ray.init(log_to_driver=False, logging_level="WARNING", include_dashboard=False)
    # Progress and errors are shown by the command; Ray's own go to stderr at length.
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        kind = "GPU" if device == "cuda" else "CPU"
        has = int(ray.cluster_resources().get(kind, 0))
        if has < workers:
            raise InputError(
                f"The Ray cluster has {has} {kind}s, and {workers} actors want one each.",
                remedy=f"--workers {max(1, has)}, or a larger cluster",
            )
        rows = [{"shard": number} for number in range(len(shards))]
        arguments = {"job": job, "shards": tuple(shards), "device": device}
        encoded = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            RayWorker,
            fn_constructor_kwargs=arguments,
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=workers),
            num_cpus=0 if device == "cuda" else 1,
            num_gpus=1 if device == "cuda" else 0,
        )
        for row in encoded.iter_rows():
            if row["failure"]:
                raise _FAILURES[row["failure"]](row["message"], remedy=row["remedy"] or None)
            yield int(row["texts"])
    except ray.exceptions.RayError as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise EncoderError(
            f"A Ray actor failed: {printable(lines[-1], 300)}", remedy="run the same command to go on"
        ) from error
    finally:
        if started:
            ray.shutdown()


# Ray loses the type of what an actor raises, so that our own errors come back as rows.
_FAILURES: Mapping[str, type[BenchError]] = MappingProxyType(
    {kind.__name__: kind for kind in (InputError, EncoderError, DataError, WriteError)}
)


class RayWorker:
    """A Ray Data actor: batches of one row, the number of a shard, to the number of its texts."""

    def __init__(self, job: EncodingJob, shards: Sequence[Shard], device: str) -> None:
        self._job = job
        self._shards = shards
        self._encoder = job.encoder(device)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """{"shard": [number]} to {"texts": [n], "failure": [error's type or ""], "message": [...], "remedy": [...]}."""
        n, failure, message, remedy = 0, "", "", ""
        try:
            (number,) = batch["shard"]
            n = encode_shard(self._encoder, self._job.source, self._shards[int(number)], self._job.folder)
        except BenchError as error:
            failure, message, remedy = type(error).__name__, error.message, error.remedy or ""
        return {"texts": [n], "failure": [failure], "message": [message], "remedy": [remedy]}


class _Worker:
    """What a worker process keeps between shards; a pool hands its functions nothing else."""

    job: EncodingJob
    encoder: LocalEncoder


def _begin(job: EncodingJob, free: Any, threads: int) -> None:
    import signal

    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted, and ends this process
    device = free.get()
    if device == "cpu":
        torch.set_num_threads(threads)
    _Worker.job, _Worker.encoder = job, job.encoder(device)


def _work(shard: Shard) -> int:
    return encode_shard(_Worker.encoder, _Worker.job.source, shard, _Worker.job.folder)
