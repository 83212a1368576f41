"""Writing an adapter in the form that the core reads (`bioreview_bench.encoders.adapter`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bioreview_bench.encoders.adapter import DOWN, FACTORS, FACTS, UP
from bioreview_bench.encoders.files import EncoderFiles
from bioreview_bench.files.atomic import write_files

from .fit import Factors
from .settings import Settings


def factors_bytes(factors: Factors, scale: float) -> bytes:
    """The content of `adapter.safetensors`."""
    from safetensors.numpy import save

    tensors = {}
    for name, (down, up) in factors.items():
        tensors[f"{name}{DOWN}"], tensors[f"{name}{UP}"] = down, up
    return save(tensors, metadata={"scale": repr(scale)})


def describe(
    files: EncoderFiles, factors: Factors, settings: Settings, max_length: int, more: Mapping[str, Any]
) -> dict[str, Any]:
    """The content of `adapter.json`: the base, what is changed in it, and what it was trained on (`more`)."""
    return {
        "format": 1,
        "base": {"id": files.id, "revision": files.revision, "files": dict(files.base)},
        "rank": settings.rank,
        "scale": settings.scale,
        "targets": sorted(factors),
        "pooling": "mean",
        "max_length": max_length,
        "seed": settings.seed,
        **more,
    }


def write_adapter(folder: Path, content: bytes, facts: Mapping[str, Any]) -> None:
    """Write both files, or none. Raises WriteError."""
    described = json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_files({folder / FACTORS: content, folder / FACTS: described.encode("utf-8")})
