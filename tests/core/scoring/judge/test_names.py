"""Names of judges: what is in a contract and its signature."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bioreview_bench.contracts import judge_names as names
from bioreview_bench.contracts import judge_prompt as prompt
from bioreview_bench.contracts.contract import Contract
from bioreview_bench.errors import InputError


def encoder_in(name: str) -> str:
    signature = Contract.load(name).signature("d")
    return next(part for part in signature.split("|") if part.startswith("enc:"))


def test_the_signature_names_model_and_hash_one_offset_and_no_vectors() -> None:
    contract = Contract.load("judge:openai:gpt-4o-mini")
    assert contract.signature("d/test#1") == (
        f"bioreview|spec:2|data:d/test#1|enc:judge/openai/gpt-4o-mini+{contract.weights_sha256[:8]}|len:-|dtype:-|"  # type: ignore[index]
        "pool:-|tf:none|sim:judge|thr:1.0|match:maxcard|null:1|fig:excluded"
    )
    assert contract.official_name == "judge:openai:gpt-4o-mini"


def test_model_provider_and_parameters_change_the_signature() -> None:
    all_names = [
        "judge:openai:a",
        "judge:openai:b",
        "judge:vllm:a",
        "judge:google:a",
        "judge:openai:a?temperature=0.5",
        "judge:openai:a?temperature=",
        "judge:openai:a?seed=1",
    ]
    assert len({encoder_in(name) for name in all_names}) == len(all_names)


def test_the_order_of_parameters_and_defaults_that_are_spelled_out_do_not_change_it() -> None:
    assert encoder_in("judge:openai:a?seed=1&top_p=0.5") == encoder_in("judge:openai:a?top_p=0.5&seed=1&temperature=0")


@pytest.mark.parametrize("part", ["system", "user"])
def test_the_prompt_changes_the_signature(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    before = encoder_in("judge:openai:a")
    changed = {**prompt._parts(), part: prompt._parts()[part] + " Be kind."}
    monkeypatch.setattr(prompt, "_parts", lambda: changed)
    prompt.prompt_sha256.cache_clear()
    try:
        assert encoder_in("judge:openai:a") != before
    finally:
        prompt.prompt_sha256.cache_clear()


def test_parameters_are_json_values_or_text_and_an_empty_one_takes_a_default_away() -> None:
    judge = names.JudgeName.parse("judge:openai:gpt-5?temperature=&reasoning_effort=low&seed=7&flag=true&x=NaN")
    assert judge.parameters == {
        "max_completion_tokens": 16_000,
        "reasoning_effort": "low",
        "seed": 7,
        "flag": True,
        "x": "NaN",
    }
    json.dumps(dict(judge.parameters), allow_nan=False)


def test_a_model_may_have_colons_and_slashes() -> None:
    assert names.JudgeName.parse("judge:openai:ft:gpt-4o-mini:org::id").model == "ft:gpt-4o-mini:org::id"
    assert names.JudgeName.parse("judge:vllm:Qwen/Qwen3-8B").encoder == "judge/vllm/Qwen/Qwen3-8B"


@pytest.mark.parametrize(
    "name",
    [
        "judge:",
        "judge:openai",
        "judge:openai:",
        "judge:anthropic:x",
        "judge:OpenAI:x",
        "judge:openai:?seed=1",
        "judge:openai:a|thr:0",
        "judge:openai:a b",
        "judge:openai:a\n",
        "judge:openai:a?seed=1&seed=2",
        "judge:openai:a?=1",
        "judge:openai:a?seed",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InputError):
        Contract.load(name)


def test_a_saved_contract_loads_and_one_of_another_prompt_is_refused(tmp_path: Path) -> None:
    contract = Contract.load("judge:google:gemini-test")
    path = tmp_path / "c.toml"
    contract.save(path)
    assert Contract.load(path) == contract
    assert contract.weights_sha256 is not None
    path.write_text(path.read_text().replace(contract.weights_sha256, "0" * 64))
    with pytest.raises(InputError, match="another prompt"):
        Contract.load(path)


@pytest.mark.parametrize("change", [{"threshold": 0.5}, {"null": 20}, {"encoder": "judge/openai/b"}, {"name": "v3"}])
def test_no_field_that_the_name_decides_can_be_changed(change: dict[str, object]) -> None:
    with pytest.raises(InputError):
        replace(Contract.load("judge:openai:a"), **change)  # type: ignore[arg-type]


def test_figures_may_count_under_a_judge() -> None:
    assert replace(Contract.load("judge:openai:a"), figures="included").signature().endswith("fig:included")
