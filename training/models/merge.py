"""Merging adapters into a model's weights: base + first adapter + next, written as a model of its own.

The sum is rounded to the dtype that is written. Quantised weights are refused: adding to them rounds far more than
that, so merge into the 16-bit model, whatever the adapter was trained over.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bioreview_bench.errors import EncoderError, InputError, WriteError, cannot_write, printable
from bioreview_bench.files.atomic import write_json
from bioreview_bench.files.reading import read_json
from bioreview_bench.llm.local.model_files import adapter_folder, digest, model_folder, shown_name
from bioreview_bench.llm.local.weights import add_adapter, load_weights, require_peft

from .adapters import MERGED, agreed, chain_summaries, merge_record, require_base, require_chain, run_name
from .summary import versions

SCHEMA_VERSION = "1"
BYTES = {"bfloat16": 2, "float16": 2, "float32": 4}
_MARGIN = 64 << 20  # bytes for tokenizer, configs and headers
_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".onnx", ".h5", ".msgpack")
_WRITTEN = ("config.json", "model.safetensors.index.json", MERGED)
_COPIED = (".json", ".jinja", ".model", ".txt")


def merge(
    model: str,
    adapters: Sequence[str],
    out: Path,
    *,
    dtype: str = "bfloat16",
    other_base: bool = False,
    say: Callable[[str], object] = len,
) -> dict[str, Any]:
    """Write the merged model into the new folder `out`; returns its record (`merge.json`).

    Raises InputError, EncoderError, WriteError; then `out` is not there.
    """
    require_peft()
    if out.exists():
        raise InputError(f"{out} already exists.", remedy="choose another folder with -o")
    folder, chain = model_folder(model), [adapter_folder(name) for name in adapters]
    _require_whole_numbers(folder)
    summaries = chain_summaries(adapters)
    if not other_base and summaries:
        require_base(folder, summaries[0], adapters[0])
        require_chain(folder, adapters, summaries)
    asked = agreed(folder, adapters, summaries)
    require_space(out, needed_bytes(folder, dtype))
    earlier = merge_record(folder)
    record: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "base": {"name": shown_name(model), "digest": digest(folder), "merged_from": earlier},
        "adapters": [{"name": run_name(name), "digest": digest(at)} for name, at in zip(adapters, chain, strict=True)],
        "dtype": dtype,
        "training": next((one for one in reversed(summaries) if one is not None), None) if asked else None,
        "versions": versions(),
    }
    if record["training"] is None and earlier is not None:
        record["training"] = earlier.get("training")
    say(f"Loading {shown_name(model)} in {dtype} ...")
    merged = load_weights(folder, dtype, "cpu")
    for name, at in zip(adapters, chain, strict=True):
        say(f"Adding {run_name(name)} ...")
        merged = add_adapter(merged, at, merge=True)
    require_space(out, sum(weight.nbytes for weight in merged.parameters()) + _MARGIN)  # an output layer may be new
    say(f"Writing {out} ...")
    with _new_folder(out) as temporary:
        merged.save_pretrained(str(temporary), max_shard_size="5GB")
        _copy_rest(folder, temporary)
        write_json(temporary / MERGED, record)
    return record


def needed_bytes(folder: Path, dtype: str) -> int:
    """Bytes that the weights in `folder` take when written as `dtype`. Raises EncoderError."""
    files = [path for path in folder.iterdir() if path.suffix in (".safetensors", ".bin") and path.is_file()]
    tensors = [path for path in files if path.suffix == ".safetensors"]
    if not tensors:  # the older format does not state its shapes: at most doubled
        return 2 * sum(path.stat().st_size for path in files) + _MARGIN
    return BYTES[dtype] * sum(map(_n_parameters, tensors)) + _MARGIN


def require_space(out: Path, needed: int) -> None:
    """Raise WriteError when the disk of `out` has less than `needed` bytes free."""
    at = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(at).free
    if free < needed:
        raise WriteError(
            f"Cannot write {out}: it needs {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free.",
            remedy="free some space, or choose a folder on another disk with -o",
        )


def _n_parameters(path: Path) -> int:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as tensors:
            return sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise EncoderError(f"{path} is not a file of weights: {error}.", remedy="fetch the model again") from error


def _require_whole_numbers(folder: Path) -> None:
    config = read_json(folder / "config.json", EncoderError, "fetch the model again")
    if config.get("quantization_config") is not None:
        raise InputError(
            f"{printable(folder.name)} has quantised weights, and adding to them would round the adapter away.",
            remedy="name the same model in 16 bits; an adapter trained over 4 bits belongs on it as well",
        )


def _copy_rest(folder: Path, out: Path) -> None:
    """Tokenizer, templates, licence and generation settings as they are; configs of weights are written anew."""
    for path in sorted(folder.iterdir()):
        legal = path.name.upper().startswith(("LICENSE", "NOTICE"))
        if not path.is_file() or path.name in _WRITTEN or not (legal or path.suffix in _COPIED):
            continue
        if path.name.endswith(tuple(f"{suffix}.index.json" for suffix in _WEIGHTS)):
            continue
        shutil.copyfile(path, out / path.name)


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """A temporary folder beside `out` that becomes it at the end, or vanishes."""
    temporary = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
        yield temporary
        temporary.chmod(0o755)
        temporary.rename(out)
    except OSError as error:
        raise cannot_write(out, error) from error
    finally:
        if temporary is not None and temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
