"""`--encoder` and `--precision`: another encoder in a contract's place, or another way to compute."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bioreview_bench.contract import CUSTOM, Contract
from bioreview_bench.encoders.registry import HUB_PREFIX, LOCAL_PREFIX, find_spec
from bioreview_bench.errors import InputError

if TYPE_CHECKING:
    from bioreview_bench.scoring.backends import Backend, Progress

EXACT = "exact-bf16"


def with_encoder(contract: Contract, encoder: str | None, encoder_path: Path | None) -> tuple[Contract, Path | None]:
    """The contract with another encoder, if one is asked for (it is `custom` then), and where its files are."""
    if contract.similarity == "judge" and (encoder, encoder_path) != (None, None):
        raise InputError(f"{contract.name} has no encoder.", remedy="leave --encoder and --encoder-path out")
    if encoder is None:
        return contract, encoder_path
    if encoder_path is not None:
        raise InputError(
            "--encoder and --encoder-path exclude each other.", remedy="use --encoder DIR for another encoder"
        )
    contract = replace(contract, adapter=None, files_sha256=None)
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


def with_precision(contract: Contract, precision: str | None) -> Contract:
    """The contract computed in `precision`, another contract where that is not its own dtype. Raises InputError."""
    if precision is None or precision == contract.dtype:
        return contract
    if contract.encoder is None or contract.similarity == "judge":
        raise InputError(f"Contract {contract.name} has no encoder.", remedy="leave --precision out")
    return contract if precision == EXACT else replace(contract, name=CUSTOM, dtype=precision)


def exact_backend(
    contract: Contract, precision: str | None, encoder_path: Path | None, progress: Progress
) -> Backend | None:
    """What `--precision exact-bf16` scores with; None for every other precision. Raises EncoderError, InputError."""
    if precision != EXACT:
        return None
    from bioreview_bench.scoring.low_precision.exact import ExactBackend

    return ExactBackend(contract, encoder_path, progress)
