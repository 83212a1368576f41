"""The command in this process, a model server on loopback, and tiny models made on the spot."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ..conftest import JsonHandler

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}{% endif %}"
)
ANSWER = '["The study has no control group.", "The sample is too small for this claim."]'
CUT_ANSWER = '["The study has no control group.", "The sample is too'


@pytest.fixture
def bench(command: Callable[..., Any]) -> Any:
    """Run `bench ARGUMENTS` in this process."""
    return command("baseline", "bioreview_bench.baselines.cli.baseline:baseline")


@dataclass
class ModelServer:
    """Answers chat completions with `answer(body)`: a text, or (status, body)."""

    url: str = ""
    answer: Callable[[dict[str, Any]], Any] = lambda body: ANSWER
    requests: list[dict[str, Any]] = field(default_factory=list)  # headers (lower case), body


@pytest.fixture
def model_server(loopback: Callable[..., str]) -> ModelServer:
    """A server of chat completions on loopback."""
    models = ModelServer()

    class Handler(JsonHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            models.requests.append({"headers": {k.lower(): v for k, v in self.headers.items()}, "body": body})
            answer = models.answer(body)
            status, content = (200, completion(answer, body["model"])) if isinstance(answer, str) else answer
            self.send_json(content, status)

    models.url = f"{loopback(Handler)}/v1"
    return models


def completion(text: str, model: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": usage}


def make_tokenizer(pieces: Sequence[str] = (), template: str | None = TEMPLATE) -> Any:
    """Bytes, the control tokens of a chat, and `pieces` that are one token each."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    control = ["<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=258, initial_alphabet=alphabet, special_tokens=control, show_progress=False
    )
    inner.train_from_iterator([], trainer)
    inner.add_tokens([AddedToken(piece, normalized=False) for piece in pieces])
    # As many published models have it: what pads is what ends.
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|im_end|>", pad_token="<|im_end|>")
    tokenizer.chat_template = template
    return tokenizer


def random_model(folder: Path, seed: int = 0, template: str | None = TEMPLATE) -> Path:
    """A Llama of two small layers with random weights: it writes noise."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    tokenizer = make_tokenizer(template=template)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=32_768, eos_token_id=tokenizer.eos_token_id, initializer_range=0.5,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def chain_model(folder: Path, answer: str, *, ends: bool = True) -> Path:
    """A Llama that answers every prompt with `answer`, and then ends, or writes x for ever.

    Its layers add nothing, so the next token depends on the last one alone: the output layer holds the successors.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    opening = "<think></think>"
    tokenizer = make_tokenizer([opening, answer])
    n = len(tokenizer) + len(tokenizer) % 2
    config = LlamaConfig(
        vocab_size=n, hidden_size=n, intermediate_size=4, num_hidden_layers=1, num_attention_heads=1,
        head_dim=2, max_position_embeddings=32_768, eos_token_id=tokenizer.eos_token_id, tie_word_embeddings=False,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    number = {piece: tokenizer(piece)["input_ids"][0] for piece in (opening, answer, "x")}
    after = {number[opening]: number[answer], number[answer]: tokenizer.eos_token_id if ends else number["x"]}
    after[number["x"]] = number["x"]
    with torch.no_grad():
        for parameter in model.model.layers.parameters():
            parameter.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(n))
        model.lm_head.weight.zero_()
        for token, following in after.items():
            model.lm_head.weight[following, token] = 10.0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def answering_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose every answer is two concerns."""
    return chain_model(tmp_path_factory.mktemp("models") / "tiny-answer", ANSWER)


@pytest.fixture(scope="session")
def endless_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that never ends its answer."""
    return chain_model(tmp_path_factory.mktemp("models") / "tiny-endless", CUT_ANSWER, ends=False)


@pytest.fixture(scope="session")
def noisy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that writes noise."""
    return random_model(tmp_path_factory.mktemp("models") / "tiny-noise")
