"""The command in this process, tiny models made on the spot, and small corpora."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

# As Qwen3's: without thinking the answer begins after an empty thought, and an answer in the last turn carries one.
QWEN_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' and loop.last and '</think>' not in m.content %}<think>\n\n</think>\n\n{% endif %}"
    "{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
# As Gemma 2's: no system part, the assistant is called model, roles alternate.
GEMMA_TEMPLATE = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
    "<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content | trim }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


@pytest.fixture
def bench(command: Callable[..., Any]) -> Any:
    """Run `bench ARGUMENTS` in this process."""
    return command("train", "bioreview_bench.training.cli.group:train")


_KILLED = """
import os, signal, sys
from bioreview_bench.cli.main import run
from bioreview_bench.training.runs.trainers import Watch
on_log = Watch.on_log
def killed(self, args, state, control, **given):
    on_log(self, args, state, control, **given)
    if state.global_step == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
Watch.on_log = killed
sys.exit(run(sys.argv[2:]))
"""


def killed_at(step: int, command: Sequence[str]) -> None:
    """`bench COMMAND` in a process that is killed as it shows the loss of a step, however fast it trains."""
    done = subprocess.run([sys.executable, "-c", _KILLED, str(step), *command], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert f"step {step}/" in done.stderr


def make_tokenizer(control: Sequence[str], added: Sequence[str], template: str, **roles: str) -> Any:
    """A byte-level BPE that encodes any text: `control` tokens are special, `added` ones are whole but text.

    It has learnt the words of the prompts, so that a prompt is some 1,400 tokens and not 4,500 bytes.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    from bioreview_bench.llm.text.prompt import Prompt

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=640,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=list(control),
        show_progress=False,
    )
    prompts = [Prompt.load(name) for name in ("objects-v1", "adaptive-v1", "strings-v1")]
    inner.train_from_iterator([part for prompt in prompts for part in (prompt.system, prompt.user)], trainer)
    inner.add_tokens([AddedToken(piece, normalized=False) for piece in added])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, **roles)
    tokenizer.chat_template = template
    return tokenizer


def qwen_tokenizer() -> Any:
    """ChatML with thoughts; as published, what pads is not what ends."""
    control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    roles = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    return make_tokenizer(control, ["<think>", "</think>"], QWEN_TEMPLATE, **roles)


def gemma_tokenizer() -> Any:
    """Turns, and a token that begins every text."""
    control = ["<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"]
    roles = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>"}
    return make_tokenizer(control, [], GEMMA_TEMPLATE, **roles)


def make_qwen3(folder: Path, seed: int = 0) -> Path:
    """A Qwen3 of two small layers with random weights."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(seed)
    tokenizer = qwen_tokenizer()
    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, max_position_embeddings=32_768, tie_word_embeddings=False,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, bos_token_id=None,
    )  # fmt: skip
    return _save(Qwen3ForCausalLM(config), tokenizer, folder)


def make_qwen_vl(folder: Path, seed: int = 0) -> Path:
    """A Qwen3.5 (vision-language class) of two small layers, one of linear and one of full attention."""
    import torch
    from transformers import Qwen3_5Config, Qwen3_5ForConditionalGeneration

    torch.manual_seed(seed)
    tokenizer = qwen_tokenizer()
    text = {
        "vocab_size": len(tokenizer), "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "layer_types": ["linear_attention", "full_attention"], "num_attention_heads": 4, "num_key_value_heads": 2,
        "head_dim": 16, "linear_key_head_dim": 16, "linear_value_head_dim": 16, "linear_num_key_heads": 2,
        "linear_num_value_heads": 2, "max_position_embeddings": 32_768, "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id, "rope_parameters": {
            "rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": 0.5, "mrope_section": [2, 1, 1],
            "mrope_interleaved": True},
    }  # fmt: skip
    vision = {
        "depth": 1, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 64,
        "num_position_embeddings": 16, "patch_size": 4,
    }  # fmt: skip
    config = Qwen3_5Config(
        text_config=text, vision_config=vision, image_token_id=5, video_token_id=6, vision_start_token_id=7,
        vision_end_token_id=8, tie_word_embeddings=False,
    )  # fmt: skip
    return _save(Qwen3_5ForConditionalGeneration(config), tokenizer, folder)


def make_gemma(folder: Path, seed: int = 0) -> Path:
    """A Gemma 2 of two small layers with random weights."""
    import torch
    from transformers import Gemma2Config, Gemma2ForCausalLM

    torch.manual_seed(seed)
    tokenizer = gemma_tokenizer()
    config = Gemma2Config(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, max_position_embeddings=8192, sliding_window=4096,
        query_pre_attn_scalar=16, eos_token_id=[1, 4], pad_token_id=0, bos_token_id=2,
    )  # fmt: skip
    return _save(Gemma2ForCausalLM(config), tokenizer, folder)


def _save(model: Any, tokenizer: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_qwen3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a random Qwen3; its template knows `enable_thinking`. Not to be written into."""
    return make_qwen3(tmp_path_factory.mktemp("models") / "tiny-qwen3")


@pytest.fixture(scope="session")
def tiny_qwen_vl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a random Qwen3.5, a class that takes images beside text. Not to be written into."""
    return make_qwen_vl(tmp_path_factory.mktemp("models") / "tiny-qwen-vl")


@pytest.fixture(scope="session")
def tiny_gemma(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a random Gemma 2, whose template refuses a system part. Not to be written into."""
    return make_gemma(tmp_path_factory.mktemp("models") / "tiny-gemma")


def make_adapter(base: Path, folder: Path, seed: int = 1, **settings: Any) -> Path:
    """A LoRA adapter of `base` with random weights, saved in `folder`."""
    import torch
    from peft import LoraConfig, get_peft_model

    from bioreview_bench.llm.local.weights import load_weights

    torch.manual_seed(seed)
    given = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj", "down_proj"], **settings}
    config = LoraConfig(task_type="CAUSAL_LM", init_lora_weights=False, **given)
    get_peft_model(load_weights(base, "auto", "cpu"), config).save_pretrained(folder)
    return folder


def corpus_row(article_id: str, system: str, user: str, answer: str, cut: bool = False) -> dict[str, Any]:
    """A row of a corpus; token counts are of characters, three to a token."""
    messages = [{"role": "user", "content": user}, {"role": "assistant", "content": answer}]
    if system:
        messages.insert(0, {"role": "system", "content": system})
    counts = {"n_prompt_tokens": -(-len(system + user) // 3), "n_target_tokens": -(-len(answer) // 3)}
    return {"article_id": article_id, "messages": messages, **counts, "cut": cut}


def corpus_facts(**changes: Any) -> dict[str, Any]:
    """What a manifest says of a small corpus made by hand."""
    data = {
        "label": "local",
        "fingerprint": {"train": "0" * 12, "val": "1" * 12},
        "verification": {"train": "none", "val": "none"},
    }
    facts: dict[str, Any] = {
        "recipe": {"name": "A", "min_confidence": 0.0, "min_concerns": 1, "target_confidence": "annotated"},
        "data": data,
        "prompt": {"id": "objects-v1", "sha256": "a" * 64, "answer": "objects"},
        "counter": {"name": "chars3", "tokenizer_sha256": None},
        "thinking": False,
        "budget": 15_000,
        "filters": {},
        "truncation": {},
        "lengths": {},
    }
    return {**facts, **changes}


@pytest.fixture
def make_corpus(tmp_path: Path) -> Callable[..., Path]:
    """Write a corpus by hand: make_corpus(train=rows, val=rows, **facts) gives its folder.

    Without rows there are eight short ones for train and two for val.
    """
    from bioreview_bench.training.corpora.files import write_corpus

    def make(
        train: Sequence[Mapping[str, Any]] | None = None,
        val: Sequence[Mapping[str, Any]] | None = None,
        name: str = "corpus",
        **facts: Any,
    ) -> Path:
        def rows(numbers: range) -> list[dict[str, Any]]:
            return [
                corpus_row(
                    f"elife:{number}",
                    "You review papers.",
                    f"Review paper {number}: mice sleep {number} hours.",
                    json.dumps([{"text": f"Concern about the {number} hours.", "category": "design_flaw"}]),
                )
                for number in numbers
            ]

        given = {"train": list(train or rows(range(1, 9))), "val": list(val or rows(range(9, 11)))}
        write_corpus(tmp_path / name, given, corpus_facts(**facts))
        return tmp_path / name

    return make


def make_answering_model(folder: Path, answers: list[str]) -> Path:
    """A Qwen3 that answers every prompt with one of `answers`, each as likely as the others, and then stops.

    Its output layer holds the successors of each token. Its one layer adds nothing, but it is there to be trained.
    """
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    roles = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = make_tokenizer(control, ["<think>", "</think>", *answers], QWEN_TEMPLATE, **roles)
    n = -(-len(tokenizer) // 64) * 64
    config = Qwen3Config(
        vocab_size=n, hidden_size=n, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, head_dim=32, max_position_embeddings=32_768, tie_word_embeddings=False,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, bos_token_id=None,
    )  # fmt: skip
    model = Qwen3ForCausalLM(config)
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "x"}], add_generation_prompt=True, enable_thinking=False, return_dict=True
    )["input_ids"]
    with torch.no_grad():
        for parameter in model.model.layers.parameters():
            parameter.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(n))
        model.lm_head.weight.zero_()
        for answer in answers:
            [token] = tokenizer(answer, add_special_tokens=False)["input_ids"]
            model.lm_head.weight[token, asked[-1]] = 1.0
            model.lm_head.weight[tokenizer.eos_token_id, token] = 1.0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
