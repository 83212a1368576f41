"""From question data to a trained and judged adapter, on tiny base models without a chat template of their own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import DataError, EncoderError, InputError
from bioreview_bench.llm.local.chat import Chat
from bioreview_bench.llm.local.model_files import digest
from bioreview_bench.llm.text.prompt import Prompt
from bioreview_bench.training.config.load import load
from bioreview_bench.training.corpora.files import read_corpus
from bioreview_bench.training.models.chat_templates import packaged, packaged_file
from bioreview_bench.training.models.encode_examples import ExampleEncoder
from bioreview_bench.training.models.families import detect, require_beginning, require_family
from bioreview_bench.training.models.memory import Shape
from bioreview_bench.training.models.summary import write_summary
from bioreview_bench.training.publish.generate import ReviewRequest, plan
from bioreview_bench.training.qa.evaluation.generating import recorded_template, systems
from bioreview_bench.training.qa.items.build import build
from bioreview_bench.training.qa.prompt import asked, content, template_sha256
from bioreview_bench.training.runs.inputs import base_model
from bioreview_bench.training.sft.train import Sft

from ..conftest import make_adapter
from ..rl import Heard

pytest.importorskip("trl", reason="pip install 'bioreview-bench[training]'")
pytest.importorskip("bitsandbytes", reason="pip install 'bioreview-bench[training]'")

PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
CONFIGS = {  # model, chat template, LoRA's targets
    "kmp_mistral7b": ("mistralai/Mistral-7B-v0.3", "instruction", PROJECTIONS),
    "kmp_qwen2.5_7b": ("Qwen/Qwen2.5-7B-Instruct", None, PROJECTIONS),
    "kmp_phi2": ("microsoft/phi-2", "instruction", ["q_proj", "k_proj", "v_proj", "dense", "fc1", "fc2"]),
}
SMALL = (
    "device=cpu", "per_device_train_batch_size=1", "gradient_accumulation_steps=1", "effective_batch=1",
    "max_steps=2", "max_length=512", "adapter.r=4", "save_steps=2", "eval_strategy=no", "eval_examples=null",
)  # fmt: skip
QUESTION, ANSWER = "How many DEGs has heart?", "112 DEGs.\nConfidence: 95%"
ASKED = f"### Instruction:\n{content(QUESTION)}\n\n### Response:\n"


def lines() -> list[str]:
    """Texts for tokenizers to learn their words from."""
    rows = [json.loads(line) for line in build(seed=1).files["eval.jsonl"].splitlines()[:60]]
    return [*(row["messages"][0]["content"] for row in rows), *(row["answer"] for row in rows), ASKED]


def sentencepiece_tokenizer() -> Any:
    """As Mistral's: a space before every text, bytes for what it does not know, <s> before every text, no padding."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    learnt = Tokenizer(models.BPE())
    learnt.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    learnt.pre_tokenizer = pre_tokenizers.Split(Regex("▁"), "merged_with_next")
    learnt.train_from_iterator(
        [line for text in lines() for line in text.splitlines()],
        trainers.BpeTrainer(vocab_size=400, show_progress=False),
    )
    found = json.loads(learnt.to_str())["model"]
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{n:02X}>" for n in range(256))]
    pieces += sorted(found["vocab"], key=found["vocab"].__getitem__)
    merges = [tuple(pair) for pair in found["merges"]]
    inner = Tokenizer(
        models.BPE(
            {piece: n for n, piece in enumerate(pieces)}, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True
        )
    )
    inner.normalizer = learnt.normalizer
    inner.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    inner.add_special_tokens(["<unk>", "<s>", "</s>"])
    inner.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def gpt2_tokenizer() -> Any:
    """As Phi-2's: bytes, one token that begins and ends, put before no text, no padding."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|endoftext|>"],
        show_progress=False,
    )  # fmt: skip
    inner.train_from_iterator(lines(), trainer)
    end = "<|endoftext|>"
    return PreTrainedTokenizerFast(tokenizer_object=inner, bos_token=end, eos_token=end, unk_token=end)


@pytest.fixture(scope="session")
def tiny_mistral(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a random Mistral of two small layers. Not to be written into."""
    import torch
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(0)
    tokenizer = sentencepiece_tokenizer()
    config = MistralConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=2048, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    return saved(MistralForCausalLM(config), tokenizer, tmp_path_factory.mktemp("base") / "tiny-mistral")


@pytest.fixture(scope="session")
def tiny_phi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a random Phi of two small layers, with room in its vocabulary that no token uses."""
    import torch
    from transformers import PhiConfig, PhiForCausalLM

    torch.manual_seed(0)
    tokenizer = gpt2_tokenizer()
    config = PhiConfig(
        vocab_size=len(tokenizer) + 16, hidden_size=64, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=2048, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    return saved(PhiForCausalLM(config), tokenizer, tmp_path_factory.mktemp("base") / "tiny-phi")


def saved(model: Any, tokenizer: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def base(request: pytest.FixtureRequest, tiny_mistral: Path, tiny_phi: Path) -> Path:
    return {"kmp_mistral7b": tiny_mistral, "kmp_phi2": tiny_phi}[request.param]


def options(settings: Sequence[str]) -> list[str]:
    return [word for setting in settings for word in ("--set", setting)]


@pytest.mark.parametrize(("base", "name"), [(name, name) for name in ("kmp_mistral7b", "kmp_phi2")], indirect=["base"])
def test_a_base_model_is_trained_and_evaluated_with_the_same_prompt_tokens(
    bench: Callable[..., Any], base: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "kmp"
    made = bench("train", "qa-data", "-o", data, "--model", base, "--chat-template", "instruction")
    assert made.code == 0, made.err
    bits = 4 if name == "kmp_mistral7b" else 16
    settings = (*SMALL, f"bits={bits}")
    common = ["train", "sft", name, "--corpus", data, "--model", base, *options(settings)]
    done = bench(*common, "-o", tmp_path / "run")
    assert "bench train evaluate-qa --baseline" in done.out
    done = bench(*common, "-o", tmp_path / "run", "--format", "json")  # finished: its summary again
    assert done.code == 0, done.err
    summary = json.loads(done.out)
    own = Chat(base, source=packaged("instruction"))
    assert summary["chat_template"] == {"name": "instruction", "sha256": own.template_sha256, "instead_of": None}
    assert (summary["family"], summary["prompt"]) == ("instruction", {"id": "qa", "sha256": template_sha256()})
    assert summary["corpus"]["fingerprint"] in made.out
    assert json.loads((tmp_path / "run" / "adapter" / "adapter_config.json").read_text())["r"] == 4

    paths = (f"data.folder={json.dumps(str(data))}", f"model.name={json.dumps(str(base))}")
    config = load("sft", name, (*settings, *paths, "eval_strategy=steps", "eval_steps=1", "eval_examples=1000"))
    material = Sft().material(config)
    validated = Sft().examples(config, material, base_model(config, material), Heard())
    held = {one.article_id: one for one in validated.kept}
    corpus = read_corpus(data)
    rows = [json.loads(line) for line in (data / "val.jsonl").read_text().splitlines()]
    for row in [*corpus.train, *corpus.val]:
        assert row["n_prompt_tokens"] + row["n_target_tokens"] < 512
    for row in corpus.val:  # what qa-data counted is what is trained on
        assert (row["n_prompt_tokens"], row["n_target_tokens"]) == (
            held[row["article_id"]].n_prompt, held[row["article_id"]].n_target,
        )  # fmt: skip

    sent: list[list[int]] = []
    real = Chat.tokens
    monkeypatch.setattr(Chat, "tokens", lambda self, messages: sent.append(real(self, messages)) or sent[-1])
    questions = tmp_path / "eval.jsonl"
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows[:3]))
    command = ["train", "evaluate-qa", "--baseline", base, "--questions", questions, "--adapters", tmp_path / "run"]
    command += ["--max-new-tokens", 4, "--device", "cpu", "--format", "json"]
    done = bench(*command)
    assert done.code == 0, done.err
    assert [system["system"] for system in json.loads(done.out)["systems"]] == ["baseline", "run"]
    trained = [held[row["id"]].input_ids[: held[row["id"]].n_prompt].tolist() for row in rows[:3]]
    assert sent == trained * 2  # the baseline, then the adapter

    other = tmp_path / "other.jinja"
    other.write_text(packaged("instruction").replace("Response", "Answer"))
    refused = bench(*command, "--chat-template", other)
    assert refused.code == 2
    assert "trained with the chat template" in refused.err
    path = tmp_path / "run" / "adapter" / "training_summary.json"
    path.write_text(json.dumps({**summary, "schema_version": "1", "prompt": {"id": "qa", "sha256": "a" * 64}}))
    refused = bench(*command)
    assert refused.code == 2
    assert "trained with the prompt sha256 aaaaaaaaaaaa" in refused.err


def encoder(folder: Path, source: str | None = None) -> ExampleEncoder:
    chat = Chat(folder, source=source or packaged("instruction"))
    family = detect(chat)
    end = chat.tokenizer.convert_tokens_to_ids(family.end)
    return ExampleEncoder(chat, family, end, thinking=False, system="own", max_length=500)


@pytest.mark.parametrize(("base", "begin"), [("kmp_mistral7b", [1]), ("kmp_phi2", [])], indirect=["base"])
def test_an_example_has_the_tokens_of_the_whole_text_as_base_models_read_it(base: Path, begin: list[int]) -> None:
    held = encoder(base)
    row = {"article_id": "q", "messages": [*asked(QUESTION), {"role": "assistant", "content": ANSWER}]}
    example = held.encode(row)
    tokenizer = held.chat.tokenizer
    # The predecessor encoded the text as one; so the tokens before the end must be the tokenizer's own.
    assert example.input_ids[:-1].tolist() == tokenizer(ASKED + ANSWER)["input_ids"]
    assert example.input_ids[-1] == tokenizer.eos_token_id
    ids = example.input_ids.tolist()
    assert ids[: len(begin)] == begin
    assert tokenizer.decode(ids[len(begin) :]) == f"{ASKED}{ANSWER}{tokenizer.eos_token}"
    assert example.n_prompt == len(tokenizer(ASKED)["input_ids"])


def test_control_tokens_quoted_in_an_answer_stay_text(tiny_mistral: Path) -> None:
    held = encoder(tiny_mistral)
    answer = "It says </s> and <s> twice."
    row = {"article_id": "q", "messages": [*asked(QUESTION), {"role": "assistant", "content": answer}]}
    carrying = held.encode(row).input_ids[held.encode(row).n_prompt :]
    assert [int(token) for token in carrying].count(2) == 1
    assert held.chat.text(carrying) == answer


def test_a_template_that_begins_otherwise_than_the_tokenizer_is_refused(tiny_mistral: Path, tmp_path: Path) -> None:
    without = packaged("instruction").replace("{{- bos_token -}}", "")
    with pytest.raises(EncoderError, match="begins its texts with <s>, and the chat template does not agree"):
        require_beginning(Chat(tiny_mistral, source=without), tiny_mistral)
    folder = tmp_path / "bare"  # the template writes <s>, and this tokenizer puts it before no text
    shutil.copytree(tiny_mistral, folder)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps({**tokenizer, "post_processor": None}))
    with pytest.raises(EncoderError, match="does not begin its texts with <s>"):
        require_family(folder, "instruction", False, "instruction")


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        [{"role": "user", "content": "u"}, {"role": "user", "content": "u"}],
        [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "u"}],
    ],
)
def test_the_template_refuses_what_its_form_cannot_say(tiny_mistral: Path, messages: list[dict[str, str]]) -> None:
    from jinja2 import TemplateError

    with pytest.raises(TemplateError, match="one message of the user and one answer"):
        Chat(tiny_mistral, source=packaged("instruction")).prompt_text(messages)


def test_a_base_model_without_a_template_is_refused(
    bench: Callable[..., Any], tiny_mistral: Path, tmp_path: Path
) -> None:
    assert bench("train", "qa-data", "-o", tmp_path / "kmp").code == 0
    command = ["train", "sft", "kmp_mistral7b", "--corpus", tmp_path / "kmp", "--model", tiny_mistral, *options(SMALL)]
    done = bench(*command, "--set", "chat_template=null", "-o", tmp_path / "run")
    assert (done.code, (tmp_path / "run").exists()) == (3, False)
    assert "has no chat template" in done.err
    assert "model.chat_template" in done.err
    done = bench(*command, "--set", "chat_template=alpaca", "-o", tmp_path / "run")
    assert done.code == 2
    assert "model.chat_template" in done.err
    done = bench("train", "evaluate-qa", "--baseline", tiny_mistral, "--questions", tmp_path / "kmp" / "eval.jsonl")
    assert done.code == 3


def test_the_config_wins_over_a_models_own_template_and_says_so(
    bench: Callable[..., Any], tiny_qwen3: Path, tmp_path: Path
) -> None:
    assert bench("train", "qa-data", "-o", tmp_path / "kmp").code == 0
    settings = (*SMALL, "chat_template=instruction", "family=instruction", "bits=16")
    command = ["train", "sft", "kmp_qwen2.5_7b", "--corpus", tmp_path / "kmp", "--model", tiny_qwen3]
    done = bench(*command, *options(settings), "-o", tmp_path / "run", "--format", "json")
    assert done.code == 0, done.err
    own = Chat(tiny_qwen3).template_sha256
    assert f"not by the model's own (sha256 {own[:12]})" in done.err
    recorded = json.loads(done.out)["chat_template"]
    assert (recorded["name"], recorded["instead_of"]) == ("instruction", own)
    assert recorded["sha256"] == json.loads(done.out)["chat_template_sha256"] != own
    # An adapter that was trained by the model's own template cannot be judged in the same run.
    other = tmp_path / "other"
    shutil.copytree(tmp_path / "run" / "adapter", other)
    changed = json.loads((other / "training_summary.json").read_text())
    changed["chat_template_sha256"] = own
    changed["config"]["model"]["chat_template"] = None
    (other / "training_summary.json").write_text(json.dumps(changed))
    questions = tmp_path / "kmp" / "eval.jsonl"
    chains = ["--adapters", tmp_path / "run", "--adapters", other]
    refused = bench("train", "evaluate-qa", "--baseline", tiny_qwen3, *chains, "--questions", questions)
    assert refused.code == 2
    assert f"trained with the chat template sha256 {own[:12]}" in refused.err


def test_a_merged_model_is_asked_as_its_record_says(tiny_mistral: Path, tmp_path: Path) -> None:
    merged = tmp_path / "merged"
    shutil.copytree(tiny_mistral, merged)
    training = {
        "prompt": {"id": "qa", "sha256": template_sha256()}, "thinking": False,
        "chat_template_sha256": Chat(merged, source=packaged("instruction")).template_sha256,
        "config": {"model": {"chat_template": "instruction"}},
    }  # fmt: skip
    record = {"base": {"name": "tiny-mistral", "digest": digest(tiny_mistral)}, "training": training}
    (merged / "merge.json").write_text(json.dumps(record))
    assert recorded_template(str(merged), systems([]), None) == "instruction"
    (merged / "merge.json").write_text(json.dumps({**record, "training": {**training, "thinking": True}}))
    with pytest.raises(InputError, match="trained to think first, asked without"):
        recorded_template(str(merged), systems([]), None)


def test_an_adapter_of_another_model_is_refused(tiny_mistral: Path, tiny_phi: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny_phi, tmp_path / "adapter", target_modules=["q_proj"])
    facts = dict.fromkeys(("prompt", "thinking", "system", "budget", "corpus", "config", "n_steps"))
    write_summary(adapter, {**facts, "base_model": "tiny-phi", "base_digest": digest(tiny_phi)})
    with pytest.raises(InputError, match="was trained on tiny-phi"):
        recorded_template(str(tiny_mistral), systems([str(adapter)]), "instruction")


def test_a_family_that_contradicts_the_template_is_refused(tiny_qwen3: Path, tiny_mistral: Path) -> None:
    with pytest.raises(InputError, match="of this model is of the family qwen3, and the config says instruction"):
        require_family(tiny_qwen3, "instruction", False)
    with pytest.raises(InputError, match="template instruction is of the family instruction, and the config says qwen"):
        require_family(tiny_qwen3, "qwen3", False, "instruction")
    with pytest.raises(InputError, match="are not trained to think"):
        require_family(tiny_mistral, "instruction", True, "instruction")


def test_a_corpus_counted_with_another_template_is_refused(
    bench: Callable[..., Any], tiny_qwen3: Path, tmp_path: Path
) -> None:
    assert bench("train", "qa-data", "-o", tmp_path / "kmp", "--model", tiny_qwen3).code == 0
    settings = (*SMALL, "chat_template=instruction", "family=instruction")
    command = ["train", "sft", "kmp_qwen2.5_7b", "--corpus", tmp_path / "kmp", "--model", tiny_qwen3]
    done = bench(*command, *options(settings), "-o", tmp_path / "run")
    assert done.code == 4
    assert "another chat template" in done.err


def test_generation_asks_by_the_template_of_training(tiny_mistral: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny_mistral, tmp_path / "adapter")
    prompt = Prompt.load("objects-v1")
    facts = {
        "base_model": "tiny-mistral", "base_digest": digest(tiny_mistral), "thinking": False, "system": "own",
        "prompt": {"id": prompt.id, "sha256": prompt.sha256}, "budget": 100, "counter": {"name": "chars3"},
        "corpus": {}, "config": {"model": {"chat_template": "instruction"}}, "n_steps": 1,
    }  # fmt: skip
    write_summary(adapter, facts)
    made = plan(ReviewRequest(str(tiny_mistral), (str(adapter),), out=tmp_path / "out"))
    assert f"chat_template={packaged_file('instruction')}" in made.arguments
    with pytest.raises(InputError, match="vLLM asks by the model's own"):
        plan(ReviewRequest(str(tiny_mistral), (str(adapter),), engine="vllm", out=tmp_path / "out"))
    with pytest.raises(InputError, match="known from the training summary"):
        plan(ReviewRequest(str(tiny_mistral), (str(adapter),), parameters=("chat_template=x",), out=tmp_path / "out"))
    write_summary(adapter, {**facts, "config": {"model": {"chat_template": "../../x"}}})
    with pytest.raises(DataError, match="which is not in this package"):
        plan(ReviewRequest(str(tiny_mistral), (str(adapter),), out=tmp_path / "out"))


@pytest.mark.parametrize("name", CONFIGS)
def test_a_shipped_config_states_the_published_recipe(name: str) -> None:
    config = load("sft", name)
    model, template, targets = CONFIGS[name]
    assert (config.name, config.model.name, config.model.chat_template) == (name, model, template)
    a, t = config.adapter, config.trl
    assert (a.r, a.alpha, a.dropout, a.targets) == (64, 128, 0.05, targets)
    assert (t["learning_rate"], t["warmup_steps"], config.quantisation.bits) == (1e-4, 0.1, 4)
    assert (t["num_train_epochs"], t["max_length"], config.effective_batch) == (10, 1536, 16)
    assert t["per_device_train_batch_size"] * t["gradient_accumulation_steps"] == 16


def test_stated_sizes_are_those_of_the_architectures() -> None:
    from transformers import MistralConfig, PhiConfig, Qwen2Config

    made = {  # the published config.json of each
        "kmp_mistral7b": MistralConfig(
            vocab_size=32_768, hidden_size=4096, intermediate_size=14_336, num_hidden_layers=32,
            num_attention_heads=32, num_key_value_heads=8, tie_word_embeddings=False,
        ),
        "kmp_qwen2.5_7b": Qwen2Config(
            vocab_size=152_064, hidden_size=3584, intermediate_size=18_944, num_hidden_layers=28,
            num_attention_heads=28, num_key_value_heads=4, tie_word_embeddings=False,
        ),
        "kmp_phi2": PhiConfig(
            vocab_size=51_200, hidden_size=2560, intermediate_size=10_240, num_hidden_layers=32,
            num_attention_heads=32, num_key_value_heads=32, tie_word_embeddings=False,
        ),
    }  # fmt: skip
    for name, architecture in made.items():
        config = load("sft", name)
        found = Shape.stated(config)
        assert Shape.of(architecture, config.adapter.targets, found.source) == found


def test_dry_runs_need_neither_gpu_nor_weights(bench: Callable[..., Any], tmp_path: Path) -> None:
    assert bench("train", "qa-data", "-o", tmp_path / "kmp", "--drill", 2).code == 0
    corpus = read_corpus(tmp_path / "kmp")
    n = len(corpus.train)
    # Three characters a token, rounded up, of the whole prompt and answer.
    row = corpus.train[0]
    assert row["n_prompt_tokens"] == -(-len(content(row["question"])) // 3)
    assert row["n_target_tokens"] == -(-len(row["answer"]) // 3)
    for name in CONFIGS:
        command = ["train", "sft", name, "--corpus", tmp_path / "kmp", "--model", "nowhere/absent", "--dry-run"]
        done = bench(*command, "--format", "json")
        assert done.code == 0, done.err
        found = json.loads(done.out)
        assert found["steps"] == {
            "examples": n, "effective_batch": 16, "per_epoch": -(-n // 16), "total": 10 * -(-n // 16),
        }  # fmt: skip
        assert "chars3, an estimate" in found["lengths"]["from"]
        assert found["lengths"]["percentiles"]["together"]["p100"] < 1536
        assert any("not on this machine" in remark for remark in found["remarks"])
        assert 3 < found["memory_gib"] < 16


def test_files_of_given_rows_do_not_share_ids(tmp_path: Path) -> None:
    from bioreview_bench.training.qa.items.given import read_sft

    rows = []
    for name in ("one", "two"):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps([{"text": f"### Instruction:\n{name}?\n\n### Response:\nYes, {name}."}]))
        rows += read_sft(path)[0]
    ids = [json.loads(line)["article_id"] for line in build(seed=1, sft=rows).files["train.jsonl"].splitlines()]
    assert len(set(ids)) == len(ids)
    assert {"given-1", "given-2"} <= set(ids)


def test_a_changed_corpus_of_questions_is_refused(bench: Callable[..., Any], tmp_path: Path) -> None:
    assert bench("train", "qa-data", "-o", tmp_path / "kmp").code == 0
    path = tmp_path / "kmp" / "train.jsonl"
    path.write_text(path.read_text().replace("112", "113"))
    done = bench("train", "sft", "kmp_phi2", "--corpus", tmp_path / "kmp", "--dry-run")
    assert done.code == 4
    assert "Wrong corpus fingerprint" in done.err
