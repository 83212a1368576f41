"""Vectors of references as data: everything of a split that scoring embeds, except anybody's predictions.

A file of them can ship with a data release; whoever scores against it then encodes only predictions. It holds hashes of
texts, no texts. Before its vectors are used, a random sample of its texts is encoded here and compared.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.controls.reviewers import SCORED_CONTROLS
from bioreview_bench.data.near_misses import near_miss_reviewer, read_near_misses
from bioreview_bench.data.predictions import Predictions
from bioreview_bench.data.split import Split
from bioreview_bench.encoders.cache import VectorCache, text_keys
from bioreview_bench.encoders.files import resolve
from bioreview_bench.encoders.model import LocalEncoder
from bioreview_bench.encoders.vector_file import VectorFile, load, save
from bioreview_bench.errors import EncoderError, InputError, printable
from bioreview_bench.files.paths import vectors_root
from bioreview_bench.scoring.backends import EncoderBackend, Progress
from bioreview_bench.scoring.fitting import Fitting
from bioreview_bench.scoring.texts import TextPool, cases

# How far a vector may be from the one that this machine makes, by element: float32 differs in its last bits between
# machines, bfloat16 in its rounding.
_AGREE = {"fp32": 1e-5, "bf16": 2e-2}


def reference_texts(split: Split, contract: Contract) -> list[str]:
    """Distinct normalised texts of a split: counted references, sentences that a transform learns from, controls."""
    pool = TextPool()
    Fitting(contract, split.articles, pool)
    cases(split.articles, Predictions({}), contract, pool)
    for write in {**SCORED_CONTROLS, **near_miss_reviewer(read_near_misses(split))}.values():
        for article in split.articles:
            pool.add(write(article))
    return pool.texts


def export_references(
    split: Split, contract: Contract, path: Path, encoder_path: Path | None, progress: Progress
) -> dict[str, Any]:
    """Write the vectors of a split's references to `path`; what was written. Raises EncoderError, WriteError."""
    texts = reference_texts(split, contract)
    backend = EncoderBackend(contract, encoder_path, progress)
    vectors = backend.vectors(texts)
    header = {"identity": backend.identity, "data": split.label, "name": split.data, "split": split.name}
    checksum = save(path, header, text_keys(texts), vectors)
    return {**header, "count": len(texts), "dimensions": vectors.shape[1], "sha256": checksum}


def import_references(
    path: Path, split: Split, contract: Contract, encoder_path: Path | None, sample: int
) -> dict[str, Any]:
    """Put the vectors of a file into the cache, after encoding `sample` of its texts; what was imported.

    Only vectors of texts of `split` are taken, for only these can be checked; what is cached already stays.
    Raises InputError for a damaged file, EncoderError when the encoder is another or a sampled vector differs.
    """
    given = load(path)
    if contract.max_length is None:
        raise InputError(f"Contract {contract.name} has no encoder.", remedy="name the contract of the file")
    encoder = LocalEncoder(resolve(contract, encoder_path), contract.max_length, contract.dtype or "fp32")
    _check_identity(path, given, encoder.identity)
    wanted = reference_texts(split, contract)
    texts = {key.tobytes(): text for key, text in zip(text_keys(wanted), wanted, strict=True)}
    rows = [row for row, key in enumerate(given.keys) if key.tobytes() in texts]
    if not rows:
        raise InputError(
            f"{path} has no vector of {split.label}; it was made for {printable(given.header.get('data', '-'))}.",
            remedy="--data and --split of the data that it belongs to",
        )
    # Not a seeded sample: whoever made the file must not know which texts are looked at.
    chosen = random.SystemRandom().sample(rows, min(sample, len(rows)))
    sampled = [texts[given.keys[row].tobytes()] for row in chosen]
    off = np.abs(encoder.encode(sampled) - given.vectors[chosen]).max(axis=1)
    tolerance = _AGREE[contract.dtype or "fp32"]
    if not (off <= tolerance).all():
        raise EncoderError(
            f"{path}: {int((~(off <= tolerance)).sum())} of {len(chosen)} sampled vectors differ from those of this "
            f"machine's {encoder.id} (by up to {off.max():.1e}, {tolerance:.0e} is allowed). Nothing was imported.",
            remedy="get the file again, or encode here",
        )
    cache = VectorCache(vectors_root(), encoder.identity)
    cache.put_keys([given.keys[row].tobytes() for row in rows], given.vectors[rows])
    return {"imported": len(rows), "in_file": len(given.keys), "sampled": len(chosen), "largest": float(off.max())}


def _check_identity(path: Path, given: VectorFile, own: dict[str, Any]) -> None:
    theirs = given.identity
    names = sorted(name for name in {*own, *theirs} if own.get(name) != theirs.get(name))
    if names:
        listed = "; ".join(
            f"{name}: {printable(theirs.get(name))} there, {printable(own.get(name))} here" for name in names
        )
        raise EncoderError(
            f"{path} was made by another encoder ({listed}).",
            remedy="name its --contract, install the versions that made it, or encode here",
        )
