"""Generation asks a model as it was trained to be asked, and a chain of adapters writes what PEFT writes by hand."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import DataError, EncoderError, InputError
from bioreview_bench.llm.local.model_files import digest
from bioreview_bench.llm.text.prompt import Prompt
from bioreview_bench.training.models.chat_templates import in_user
from bioreview_bench.training.models.merge import merge
from bioreview_bench.training.models.summary import write_summary
from bioreview_bench.training.publish.generate import ReviewRequest, plan, timing

from ..conftest import make_adapter
from ..models.test_merge import by_hand

OBJECTS = Prompt.load("objects-v1")


def summary(base: Path, **changes: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "base_model": base.name,
        "base_digest": digest(base),
        "prompt": {"id": "objects-v1", "sha256": OBJECTS.sha256},
        "thinking": False,
        "system": "own",
        "budget": 600,
        "counter": {"name": "model", "tokenizer_sha256": None},
        "corpus": {"fingerprint": "0" * 12},
        "config": {"name": "tiny"},
        "n_steps": 1,
    }
    return {**facts, **changes}


@pytest.fixture(scope="module")
def chain(tiny_qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("chain")
    made = [make_adapter(tiny_qwen3, folder / f"run-{seed}" / "adapter", seed) for seed in (1, 2)]
    for adapter in made:
        write_summary(adapter, summary(tiny_qwen3))
    return made


def request(base: Path | None, *adapters: Path, **changes: Any) -> ReviewRequest:
    return ReviewRequest(None if base is None else str(base), tuple(map(str, adapters)), **{"data": "demo", **changes})


def test_the_run_is_asked_for_as_training_recorded(tiny_qwen3: Path, chain: list[Path]) -> None:
    planned = plan(request(tiny_qwen3, *chain, seed=7, parameters=("dtype=float32",), passed=("--limit", "3")))
    assert planned.arguments == [
        "baseline", f"hf:{tiny_qwen3}", "--data", "demo", "--split", "test", "--out", "runs/run-1+run-2-test",
        "--prompt", "objects-v1", "--budget", "600", "--counter", "model",
        "--adapter", str(chain[0]), "--adapter", str(chain[1]),
        "--param", "seed=7", "--param", "enable_thinking=false", "--param", "dtype=float32", "--limit", "3",
    ]  # fmt: skip
    assert planned.files == {}


def test_a_chain_of_adapters_writes_what_peft_writes_by_hand(
    bench: Callable[..., Any], tiny_qwen3: Path, chain: list[Path], tmp_path: Path
) -> None:
    import torch

    from bioreview_bench.data.load import load_split
    from bioreview_bench.data.manuscript import Manuscript
    from bioreview_bench.llm.calls.asking import Asking
    from bioreview_bench.llm.local.chat import Chat
    from bioreview_bench.llm.text.fitting import load_counter

    command = ["train", "generate", "--model", tiny_qwen3, "--data", "demo", "--split", "val", "--limit", 1]
    cold = ["--param", "temperature=0", "--param", "max_new_tokens=16", "--param", "repetition_penalty=1.0"]
    texts = []
    for name, adapters in (("one", chain[:1]), ("both", chain)):
        given = [word for adapter in adapters for word in ("--adapter", adapter.parent)]
        done = bench(*command, *given, *cold, "--out", tmp_path / name)
        assert "s an article (1 in" in done.out
        assert "48 s for the published 8B model, 281 s for the published 9B model" in done.out
        texts.append(json.loads((tmp_path / name / "predictions.jsonl").read_text())["raw_output"])
    chat = Chat(tiny_qwen3)
    article = load_split("demo", "val")[0]
    asking = Asking(OBJECTS, load_counter("model", chat.tokenizer), 600)
    ids = torch.tensor([chat.tokens(asking.ask(Manuscript.from_article(article)).messages)])
    for adapters, text in zip((chain[:1], chain), texts, strict=True):
        model = by_hand(tiny_qwen3, adapters, torch.float32)
        made = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=16)
        assert text == chat.text(made[0, ids.shape[1] :].tolist())
    assert texts[0] != texts[1]
    run = json.loads((tmp_path / "both" / "run.json").read_text())
    assert [one["digest"] for one in run["reviewer"]["adapters"]] == [digest(adapter) for adapter in chain]
    assert run["reviewer"]["prompt"]["sha256"] == OBJECTS.sha256
    assert (run["reviewer"]["parameters"]["seed"], run["reviewer"]["parameters"]["enable_thinking"]) == (42, False)


def test_the_logits_of_a_generated_chain_are_those_of_peft_by_hand(tiny_qwen3: Path, chain: list[Path]) -> None:
    import torch

    from bioreview_bench.llm.local.chat import Chat
    from bioreview_bench.llm.local.model import LocalModel

    from ..models.test_merge import logits

    for dtype in ("float32", "bfloat16"):
        model = LocalModel(tiny_qwen3, chain, Chat(tiny_qwen3).tokenizer, dtype=dtype, device="cpu").model
        inner = model.get_base_model().model.layers[0].self_attn.q_proj
        assert inner.base_layer.weight.dtype == getattr(torch, dtype)
        assert list(inner.lora_A) == ["default"]  # the first adapter is in the weights, the last beside them
        assert torch.equal(logits(model), logits(by_hand(tiny_qwen3, chain, getattr(torch, dtype))))


def test_in_four_bits_a_model_computes_what_it_computed_in_training(tiny_qwen3: Path, chain: list[Path]) -> None:
    pytest.importorskip("bitsandbytes", reason="pip install 'bioreview-bench[training]'")
    from bioreview_bench.llm.local.chat import Chat
    from bioreview_bench.llm.local.model import LocalModel
    from bioreview_bench.llm.local.weights import put_adapter
    from bioreview_bench.training.config.load import load
    from bioreview_bench.training.models.quantised import load_base

    from ..models.test_merge import logits

    tokenizer, part = Chat(tiny_qwen3).tokenizer, load("sft", "qwen3_8b").quantisation
    ours = LocalModel(tiny_qwen3, chain[:1], tokenizer, device="cpu", bits=4)
    trained = put_adapter(load_base(tiny_qwen3, part, attention="sdpa", device="cpu"), chain[0])
    plain = LocalModel(tiny_qwen3, chain[:1], tokenizer, device="cpu").model
    found = logits(ours.model)  # bitsandbytes repacks weights on some CPUs, which rounds otherwise
    assert float((found - logits(trained)).abs().max()) < 0.02 < 0.05 < float((found - logits(plain)).abs().max())
    assert ours.write([[20, 21, 22]], 4)[0].n_tokens == 4
    with pytest.raises(InputError, match="Adapters cannot be added to weights of 4 bits"):
        LocalModel(tiny_qwen3, chain, tokenizer, device="cpu", bits=4)


def test_a_run_says_of_its_bits_where_they_are_four(tiny_qwen3: Path) -> None:
    from bioreview_bench.baselines.local.hf_reviewer import HfReviewer, HfSettings

    def parameters(bits: int) -> dict[str, Any]:
        return dict(HfReviewer(str(tiny_qwen3), OBJECTS, settings=HfSettings(bits=bits)).describe()["parameters"])

    assert parameters(4) == {**parameters(16), "bits": 4}  # so that runs of earlier versions go on
    with pytest.raises(InputError, match="bits cannot be 8"):
        HfSettings(bits=8)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"thinking": True}, "thinking: True asked for, False in training"),
        ({"budget": 900}, "budget: 900 asked for, 600 in training"),
        ({"counter": "chars3"}, "counter: chars3 asked for, model in training"),
        ({"prompt": "strings-v1"}, "prompt sha256"),
        ({"parameters": ("enable_thinking=true",)}, "an option of its own"),
        ({"parameters": ("seed=3",)}, "an option of its own"),
    ],
)
def test_a_contradiction_of_the_training_record_is_an_error(
    tiny_qwen3: Path, chain: list[Path], changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        plan(request(tiny_qwen3, chain[0], **changes))
    plan(request(tiny_qwen3, chain[0], thinking=False, budget=600, counter="model", prompt="objects-v1"))


def test_adapters_that_were_trained_differently_are_not_chained(
    tiny_qwen3: Path, chain: list[Path], tmp_path: Path
) -> None:
    other = make_adapter(tiny_qwen3, tmp_path / "other", 3)
    write_summary(other, summary(tiny_qwen3, budget=700))
    with pytest.raises(InputError, match=r"budget: 600 for .*run-1.*, 700 for .*other"):
        plan(request(tiny_qwen3, chain[0], other))


def test_an_adapter_of_another_base_is_refused_unless_meant(tiny_qwen3: Path, tiny_gemma: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny_gemma, tmp_path / "adapter")
    write_summary(adapter, summary(tiny_gemma))
    with pytest.raises(InputError, match=r"was trained on tiny-gemma .*another digest"):
        plan(request(tiny_qwen3, adapter))
    assert plan(request(tiny_qwen3, adapter, other_base=True)).arguments[1] == f"hf:{tiny_qwen3}"


def test_an_adapter_trained_on_merged_ones_is_not_put_on_the_bare_model(
    tiny_qwen3: Path, chain: list[Path], tmp_path: Path
) -> None:
    def start(*adapters: Path, last: str = "merged") -> dict[str, Any]:
        return {"adapters": [{"name": one.name, "digest": digest(one)} for one in adapters], "last": last}

    first, second = chain
    third = make_adapter(tiny_qwen3, tmp_path / "third", 3)
    write_summary(third, summary(tiny_qwen3, start=start(first, second)))
    for wrong in ([third], [first, third], [second, first, third]):
        with pytest.raises(InputError, match=r"third was trained on the sum of its base model and adapter \("):
            plan(request(tiny_qwen3, *wrong))
    plan(request(tiny_qwen3, first, second, third))
    plan(request(tiny_qwen3, third, other_base=True))
    merge(str(tiny_qwen3), [str(first), str(second)], tmp_path / "merged")
    plan(request(tmp_path / "merged", third))
    merge(str(tiny_qwen3), [str(first)], tmp_path / "half")
    plan(request(tmp_path / "half", second, third))
    for wrong_base in (tiny_qwen3, tmp_path / "half"):
        with pytest.raises(InputError, match="which do not come before it"):
            merge(str(wrong_base), [str(third)], tmp_path / "none")
    write_summary(third, summary(tiny_qwen3, start=start(first, last="continued")))
    plan(request(tiny_qwen3, third))  # it is the first one, trained on


def test_without_a_record_what_is_not_known_must_be_said(tiny_qwen3: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny_qwen3, tmp_path / "adapter")
    with pytest.raises(InputError, match="no record of the prompt"):
        plan(request(tiny_qwen3, adapter))
    with pytest.raises(InputError, match="no record of whether the model thinks"):
        plan(request(tiny_qwen3, adapter, prompt="objects-v1"))
    planned = plan(request(tiny_qwen3, adapter, prompt="objects-v1", thinking=True))
    assert "enable_thinking=true" in planned.arguments
    with pytest.raises(InputError, match="Which model"):
        plan(request(None, adapter, prompt="objects-v1", thinking=True))


def test_a_prompt_with_its_system_part_moved_is_written_beside_the_run(tiny_gemma: Path, tmp_path: Path) -> None:
    moved = in_user(OBJECTS)
    adapter = make_adapter(tiny_gemma, tmp_path / "adapter")
    write_summary(adapter, summary(tiny_gemma, prompt={"id": moved.id, "sha256": moved.sha256}, system="in_user"))
    planned = plan(request(tiny_gemma, adapter, out=tmp_path / "run"))
    path = Path(planned.arguments[planned.arguments.index("--prompt") + 1])
    assert path.parent == tmp_path / "run"
    assert not path.exists()
    planned.write()
    assert Prompt.load(path) == moved
    mine = make_adapter(tiny_gemma, tmp_path / "mine")
    write_summary(mine, summary(tiny_gemma, prompt={"id": "file:mine", "sha256": "0" * 64}))
    with pytest.raises(InputError, match="the prompt file:mine"):
        plan(request(tiny_gemma, mine))


def test_a_merged_model_remembers_how_it_is_asked(tiny_qwen3: Path, chain: list[Path], tmp_path: Path) -> None:
    merged = tmp_path / "merged"
    merge(str(tiny_qwen3), [str(chain[0])], merged)
    planned = plan(request(merged))
    assert planned.arguments[planned.arguments.index("--prompt") + 1] == "objects-v1"
    assert planned.out == Path("runs/merged-test")
    plan(request(merged, chain[1]))  # trained on the base of what was merged
    with pytest.raises(InputError, match="budget"):
        plan(request(merged, budget=900))


def test_vllm_takes_one_adapter_and_the_command_that_merges_is_named(tiny_qwen3: Path, chain: list[Path]) -> None:
    with pytest.raises(InputError, match=rf"bench train merge --model {tiny_qwen3} --adapter {chain[0]} -o MERGED"):
        plan(request(tiny_qwen3, *chain, engine="vllm"))
    assert plan(request(tiny_qwen3, chain[0], engine="vllm")).arguments[1] == f"vllm:{tiny_qwen3}"


def test_broken_records_and_missing_files_are_said(bench: Callable[..., Any], tiny_qwen3: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny_qwen3, tmp_path / "adapter")
    (adapter / "training_summary.json").write_text("{")
    with pytest.raises(DataError, match=r"training_summary\.json"):
        plan(request(tiny_qwen3, adapter))
    write_summary(adapter, summary(tiny_qwen3, budget="600"))
    with pytest.raises(DataError, match="wrong type"):
        plan(request(tiny_qwen3, adapter))
    with pytest.raises(EncoderError, match="no folder"):
        plan(request(tiny_qwen3, tmp_path / "nowhere"))
    done = bench("train", "generate", "--model", "/nowhere/model", "--data", "demo")
    assert (done.code, "There is no folder" in done.err) == (3, True)


def test_the_vllm_engine_serves_base_and_adapter(
    bench: Callable[..., Any], tiny_qwen3: Path, chain: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for the executable: it notes how it was called and ends, as vLLM does on a machine without GPU."""
    executable = tmp_path / "vllm"
    executable.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/called\necho no accelerator >&2\nexit 1\n')
    executable.chmod(executable.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("BIOREVIEW_VLLM", str(executable))
    done = bench(
        "train", "generate", "--model", tiny_qwen3, "--adapter", chain[0], "--engine", "vllm",
        "--data", "demo", "--split", "val",
        "--out", tmp_path / "run", "--param", "serve.max_model_len=8192",
    )  # fmt: skip
    assert (done.code, "no accelerator" in done.err) == (3, True)
    called = (tmp_path / "called").read_text().split()
    assert called[:2] == ["serve", str(tiny_qwen3)]
    assert f"tiny-qwen3+adapter={chain[0]}" in called
    assert called[called.index("--max-model-len") + 1] == "8192"
    assert os.fspath(tiny_qwen3) in done.err


def test_time_is_reported_beside_the_published() -> None:
    assert timing(30.0, 20).startswith("1.50 s an article (20 in 30.0 s, loading the model included); 48 s for")
    assert "no time to report" in timing(30.0, 0)
