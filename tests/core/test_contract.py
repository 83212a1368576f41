"""Contracts: what decides a score stands in the signature, and nothing impossible gets as far as an encoder."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import Contract, score
from bioreview_bench.contracts.contract import encoder_part
from bioreview_bench.data.split import Split
from bioreview_bench.errors import InputError
from bioreview_bench.scoring import backends
from bioreview_bench.scoring.run import contract_label

FULL = Contract(
    name="mine",
    encoder="some-encoder",
    threshold=0.5,
    revision="0123456789abcdef",
    weights_sha256="fedcba98" * 8,
    max_length=256,
)
# Another legal value of every field that decides a score.
VARIANTS: dict[str, Any] = {
    "encoder": "other-encoder",
    "threshold": 0.51,
    "revision": "1123456789abcdef",
    "weights_sha256": "edcba987" * 8,
    "max_length": 128,
    "dtype": None,
    "pooling": None,
    "transform": "topic-5",
    "null": 10,
    "figures": "included",
}
# Fields that have no other legal value beside this encoder.
ONE_LEGAL_VALUE = {"similarity": "jaccard", "assignment": "greedy"}
DESCRIPTIVE = {"name": "theirs", "calibrated_on": "the pilot"}


@pytest.mark.parametrize("field", VARIANTS)
def test_every_deciding_field_changes_the_signature(field: str) -> None:
    assert str(replace(FULL, **{field: VARIANTS[field]})) != str(FULL)


@pytest.mark.parametrize("field", ONE_LEGAL_VALUE)
def test_fields_without_an_alternative_are_printed_all_the_same(field: str) -> None:
    changed = copy.copy(FULL)
    object.__setattr__(changed, field, ONE_LEGAL_VALUE[field])
    assert str(changed) != str(FULL)
    assert f":{ONE_LEGAL_VALUE[field]}|" in str(changed)


@pytest.mark.parametrize("field", DESCRIPTIVE)
def test_descriptive_fields_do_not_change_the_signature(field: str) -> None:
    assert str(replace(FULL, **{field: DESCRIPTIVE[field]})) == str(FULL)


@pytest.mark.parametrize("change", [{"adapter": "theirs"}, {"files_sha256": "1" * 64}])
def test_another_adapter_or_other_files_are_another_signature(change: dict[str, str]) -> None:
    adapted = replace(FULL, adapter="folder/ours", files_sha256="2" * 64)
    assert "+22222222+ours|" in str(adapted)
    assert str(adapted) != str(FULL)
    assert str(replace(adapted, **change)) != str(adapted)


def test_files_decide_more_than_weights(tmp_path: Path) -> None:
    stated = replace(FULL, files_sha256="2" * 64)
    assert "+22222222|" in str(stated)
    assert str(replace(stated, files_sha256="3" * 64)) != str(stated)
    stated.save(tmp_path / "mine.toml")
    assert Contract.load(tmp_path / "mine.toml") == stated
    with pytest.raises(InputError, match="needs an encoder"):
        replace(Contract.load("jaccard"), files_sha256="2" * 64)


def test_a_bundled_contract_of_a_release_that_stated_weights_alone_keeps_its_name() -> None:
    # Such ones stand in results and boards; the encoder is checked against the registry all the same.
    assert replace(Contract.load("demo"), files_sha256=None).official_name == "demo"
    assert replace(Contract.load("demo"), files_sha256="2" * 64).official_name == "custom"
    assert replace(Contract.load("reader"), files_sha256=None).official_name == "custom"


def test_another_basis_is_another_signature() -> None:
    # Base64 of the float32 numbers 1 and 2.
    centred = replace(FULL, transform="center", basis="AACAPw==")
    assert str(replace(centred, basis="AAAAQA==")) != str(centred)


def test_no_field_is_forgotten_above() -> None:
    fields = {field.name for field in dataclasses.fields(Contract)}
    assert {*VARIANTS, *ONE_LEGAL_VALUE, *DESCRIPTIVE, "basis", "adapter", "files_sha256"} == fields


def test_signature_of_v3_is_the_published_one() -> None:
    v3 = Contract.load("v3")
    assert v3.revision == "3447645e1def9117997203454fa4495937bfbd83"
    part = encoder_part(v3.encoder, v3.revision, "89abcdef" * 8)
    assert v3.signature("v3/test#0123456789ab", part) == (
        "bioreview|spec:2|data:v3/test#0123456789ab|enc:allenai/specter2_base@3447645e+89abcdef|len:512|dtype:fp32"
        "|pool:mean|tf:none|sim:cos|thr:0.65|match:maxcard|null:20|fig:excluded"
    )
    assert "|data:v3/test#0123456789ab+text#abcdefabcdef|" in v3.signature(
        "v3/test#0123456789ab", part, text_digest="abcdefabcdef"
    )


def test_signature_of_demo_and_jaccard() -> None:
    assert "|data:-|enc:all-MiniLM-L6-v2@-+eadd4b20|len:256|" in str(Contract.load("demo"))
    assert "|thr:0.4|" in str(Contract.load("demo"))
    assert "|enc:-|len:-|dtype:-|pool:-|tf:none|sim:jaccard|thr:0.195|" in str(Contract.load("jaccard"))


class ExplodingEncoder:
    id = "exploding"

    def encode(self, texts: list[str]) -> None:
        raise AssertionError("encoded under an impossible contract")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("threshold", value) for value in (math.nan, math.inf, -math.inf, 1.5, -1.01, "0.5", True, None)],
        *[("transform", "whiten"), ("assignment", "greedy"), ("similarity", "dot"), ("figures", "some")],
        *[("dtype", "fp16"), ("pooling", "cls"), ("null", 0), ("null", True), ("null", 2.0), ("encoder", None)],
    ],
)
def test_impossible_values_are_errors_before_any_encoding(
    field: str, value: Any, make_article: Callable[..., Any]
) -> None:
    articles = [make_article("elife:1", ["A real concern."])]
    with pytest.raises(InputError, match=f"{field}|similarity"):
        score(articles, {"elife:1": ["A comment."]}, replace(FULL, **{field: value}), ExplodingEncoder())


@pytest.mark.parametrize("name", ["no-such-encoder", "hf:owner/repo", "../../etc"])
def test_unknown_encoder_is_an_error_before_any_encoding(
    name: str, make_article: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "embed", ExplodingEncoder.encode)
    contract = replace(FULL, encoder=name, revision=None)
    with pytest.raises(InputError, match=r"no encoder|no revision"):
        score([make_article("elife:1", ["A real concern."])], {"elife:1": ["A comment."]}, contract)


def test_an_integer_threshold_is_the_same_contract() -> None:
    assert str(replace(FULL, threshold=1)) == str(replace(FULL, threshold=1.0))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('name = "x"\nencoder = "e"\nthreshold = 0.5\nthresold = 0.6', "unknown fields \\['thresold'\\]"),
        ('encoder = "e"\n', "missing fields \\['name', 'threshold'\\]"),
        ('name = "x"\nencoder = "e"\nthreshold = "0.5"', "threshold must be a number"),
        ('name = "x"\nencoder = "e"\nthreshold = nan', "threshold must be a finite number"),
        ('name = "x"\nencoder = 5\nthreshold = 0.5', "encoder must be a string"),
        ('name = "x"\nencoder = "e"\nthreshold = 0.5\nmax_length = true', "max_length must be a whole number"),
        ('name = "x"\nthreshold = 0.5', "similarity cos with encoder None"),
        ("name = ", "is not TOML"),
    ],
)
def test_files_with_unknown_missing_or_impossible_fields(lines: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(lines)
    with pytest.raises(InputError, match=said):
        Contract.load(path)


def test_a_contract_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nencoder = "all-MiniLM-L6-v2"\nthreshold = 0.5\nmax_length = 256\nnull = 10\n')
    assert Contract.load(path) == Contract("mine", "all-MiniLM-L6-v2", 0.5, max_length=256, null=10)


def test_no_contract_of_that_name() -> None:
    with pytest.raises(InputError, match='no contract "v33"'):
        Contract.load("v33")


@pytest.mark.parametrize("name", ["v3", "demo", "jaccard"])
def test_a_changed_contract_is_custom_whatever_it_calls_itself(name: str) -> None:
    bundled = Contract.load(name)
    assert bundled.official_name == name
    assert replace(bundled, threshold=0.3).official_name == "custom"
    assert replace(bundled, null=19).official_name == "custom"
    assert replace(FULL, name=name).official_name == "custom"


def test_a_changed_contract_is_printed_as_custom(make_article: Callable[..., Any]) -> None:
    changed = replace(Contract.load("jaccard"), threshold=0.3)
    found = score([make_article("elife:1", ["A real concern."])], {"elife:1": ["A comment."]}, changed, draws=0)
    assert found.record.contract["name"] == "custom"


def test_v3_is_printed_only_for_verified_weights_on_all_of_the_frozen_data(make_article: Callable[..., Any]) -> None:
    v3, articles = Contract.load("v3"), [make_article("elife:1"), make_article("elife:2")]
    frozen = Split.of(articles, "v3", "test", verification="contents")
    assert contract_label(v3, frozen, True) == "v3"
    assert contract_label(v3, frozen, False) == "v3+unverified-encoder"
    counted = replace(frozen, verification="counts")
    assert contract_label(v3, counted, True) == "v3 (counts verified, contents not)"
    assert contract_label(v3, frozen.first(1), True) != "v3"
    assert contract_label(v3, Split.of(articles), True) != "v3"
    assert contract_label(replace(v3, threshold=0.5), frozen, True) == "custom"
