"""`--encoder`: another encoder in a contract's place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bioreview_bench.contract import CUSTOM, Contract
from bioreview_bench.encoders.registry import HUB_PREFIX, LOCAL_PREFIX, find_spec
from bioreview_bench.errors import InputError


def with_encoder(contract: Contract, encoder: str | None, encoder_path: Path | None) -> tuple[Contract, Path | None]:
    """The contract with another encoder, if one is asked for (it is `custom` then), and where its files are."""
    if encoder is None:
        return contract, encoder_path
    if encoder_path is not None:
        raise InputError(
            "--encoder and --encoder-path exclude each other.", remedy="use --encoder DIR for another encoder"
        )
    folder = Path(encoder)
    if not encoder.startswith(HUB_PREFIX) and folder.is_dir():
        named = f"{LOCAL_PREFIX}{folder.resolve().name}"
        return replace(contract, name=CUSTOM, encoder=named, revision=None, weights_sha256=None), folder
    spec = find_spec(encoder)
    changed = replace(
        contract,
        name=CUSTOM,
        encoder=spec.id,
        revision=spec.revision,
        weights_sha256=spec.weights_sha256,
        max_length=min(spec.max_length, contract.max_length or spec.max_length),
    )
    return changed, None
