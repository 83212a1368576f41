"""What a machine refuses in the middle of a run, memory or disk: the error, what is kept, and the command that goes on.

Libraries say it in their own ways; some by an error that has no type of its own.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bioreview_bench.errors import BenchError, EncoderError, WriteError, cannot_write, printable

from ..models import memory
from .folder import checkpoints, last_whole
from .run import Run

# CUDA, cuBLAS, the allocator of the CPU, and a worker that the kernel ended.
_NO_MEMORY = ("out of memory", "alloc_failed", "can't allocate memory", "cannot allocate memory", "killed by signal")
# safetensors and torch.save.
_NO_DISK = ("no space left", "quota exceeded", "file too large", "file write failed", "inline_container")


@contextmanager
def machine_errors(run: Run) -> Iterator[None]:
    """Raise EncoderError for a lack of memory and WriteError for a lack of disk; everything else is left alone."""
    try:
        yield
    except (BenchError, KeyboardInterrupt):
        raise
    except Exception as error:
        said = str(error).lower()
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM or _any(_NO_MEMORY, said):
            raise _no_memory(run, error) from error
        if isinstance(error, OSError) and error.errno is not None:
            raise cannot_write(run.out, error) from error
        if _any(_NO_DISK, said):
            raise WriteError(
                f"Cannot write {run.out} ({printable(error, 200)}); {kept(run.out)}.",
                remedy=f"free some space, then {run.command}",
            ) from error
        raise


def kept(out: Path) -> str:
    """Which checkpoint of the run in `out` is whole, in words."""
    last, _ = last_whole(checkpoints(out))
    return f"{last.folder} is whole (step {last.step:,})" if last is not None else "no checkpoint is whole yet"


def _any(marks: tuple[str, ...], said: str) -> bool:
    return any(mark in said for mark in marks)


def _no_memory(run: Run, error: Exception) -> EncoderError:
    less = less_memory(run)
    return EncoderError(
        f"The memory does not suffice (estimated: {run.needed.total / memory.GB:.0f} GiB of a GPU; "
        f"{printable(str(error) or type(error).__name__, 200)}); {kept(run.out)}.",
        remedy=f"{run.command} {less}   (goes on from there), or a larger GPU"
        if less
        else f"a larger GPU, or shorter examples; then {run.command}",
    )


def less_memory(run: Run) -> str:
    """Settings by which the same run needs less memory: a smaller part of the same batch at once, or kept elsewhere."""
    t = run.config.trl
    batch = int(t["per_device_train_batch_size"])
    if batch > 1:
        part = batch // 2 if batch % 2 == 0 else 1
        changed = {"per_device_train_batch_size": part}
        for key in ("gradient_accumulation_steps", "steps_per_generation"):
            changed |= {key: int(t[key]) * batch // part} if key in t else {}
        return " ".join(f"--set trl.{key}={value}" for key, value in changed.items())
    if not (t["gradient_checkpointing"] or t.get("activation_checkpointing")):
        return "--set trl.gradient_checkpointing=true"
    on_gpu = run.config.model.device == "cuda"  # there is nowhere to offload to from the CPU
    if on_gpu and run.method.name != "grpo" and not t.get("activation_offloading"):
        return "--set trl.activation_offloading=true"
    return ""
