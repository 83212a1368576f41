"""Examples for training: the prompt of inference to the token, loss on the answer alone, and refusals.

The chat templates are those that models are published with; TRL carries copies of them.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioreview_bench.errors import DataError, EncoderError, InputError
from bioreview_bench.llm.local.chat import Chat
from bioreview_bench.llm.text.parser import parse
from bioreview_bench.training.corpora.rows import Lengths
from bioreview_bench.training.models.encode_examples import IGNORED, Example, ExampleEncoder, encode_all
from bioreview_bench.training.models.families import detect, require_end, require_family

from ..conftest import make_tokenizer

CHATML = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
DEEPSEEK = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"]
GEMMA = ["<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"]
GEMMA4 = ["<pad>", "<eos>", "<bos>", "<|turn>", "<turn|>", "<|channel>", "<channel|>"]
THOUGHTS = ["<think>", "</think>"]
EMPTY_CHANNEL = "<|channel>thought\n<channel|>"
# Template in TRL -> (family, control tokens, end of an answer, what stands between the turn's head and the answer).
PUBLISHED = {
    "qwen3": ("qwen3", CHATML, "<|im_end|>", "<think>\n\n</think>\n\n"),
    "qwen3_5_think": ("qwen3", CHATML, "<|im_end|>", "<think>\n\n</think>\n\n"),
    "qwen2_5": ("qwen2.5", CHATML, "<|im_end|>", ""),
    "deepseek_r1_distill": ("deepseek_r1", DEEPSEEK, "<｜end▁of▁sentence｜>", "<think>\n</think>\n\n"),
    "gemma": ("gemma", GEMMA, "<end_of_turn>", ""),
    "gemma4": ("gemma4", GEMMA4, "<turn|>", ""),
    "gemma4_v5": ("gemma4", GEMMA4, "<turn|>", ""),
    "gemma4_v5 with an empty thought": ("gemma4", GEMMA4, "<turn|>", EMPTY_CHANNEL),  # as larger models have it
}
ANSWER = json.dumps([{"text": "No control group.", "severity": "major"}])
PAPER = [{"role": "user", "content": "Review this: mice sleep."}]
SYSTEM = [{"role": "system", "content": "You review papers."}, *PAPER]


@pytest.fixture
def published(tmp_path: Path) -> Callable[[str], Path]:
    """A folder with a published chat template and a small tokenizer that has its control tokens."""
    pytest.importorskip("trl", reason="pip install 'bioreview-bench[training]'")

    def make(name: str) -> Path:
        _, control, end, _ = PUBLISHED[name]
        file, _, emptied = name.partition(" ")
        template = resources.files("trl").joinpath("chat_templates", f"{file}.jinja").read_text(encoding="utf-8")
        if emptied:
            head = "{{- '<|turn>model\\n' -}}"
            before, found, after = template.rpartition(head)
            assert found
            template = f"{before}{head}{{{{- '<|channel>thought\\n<channel|>' -}}}}{after}"
        google = name.startswith("gemma")
        roles = {"eos_token": "<eos>" if google else end, "pad_token": control[0]}
        tokenizer = make_tokenizer(control, THOUGHTS, template, bos_token="<bos>" if google else control[0], **roles)
        folder = tmp_path / name
        tokenizer.save_pretrained(folder)
        ends = [tokenizer.convert_tokens_to_ids(end)]
        (folder / "config.json").write_text(json.dumps({"eos_token_id": ends}))
        return folder

    return make


def encoder_of(folder: Path, *, thinking: bool = False, system: str = "own", max_length: int = 5000) -> ExampleEncoder:
    family = detect(Chat(folder))
    chat = Chat(folder, thinking=thinking)
    end = require_end(chat, folder, family)
    return ExampleEncoder(chat, family, end, thinking=thinking, system=system, max_length=max_length)


def row(answer: str = ANSWER, asked: list[dict[str, str]] | None = None, number: int = 1) -> dict[str, Any]:
    messages = [*(asked or PAPER), {"role": "assistant", "content": answer}]
    return {"article_id": f"elife:{number}", "messages": messages}


def shown(encoder: ExampleEncoder, example: Example) -> tuple[str, str]:
    """What is read without loss, and what carries it."""
    decode = encoder.chat.tokenizer.decode
    carrying = example.labels[example.labels != IGNORED]
    return decode(example.input_ids[: example.n_prompt]), decode(carrying)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_prompt_is_that_of_inference_and_the_loss_lies_on_answer_and_end(
    name: str, published: Callable[[str], Path]
) -> None:
    family, _, end, between = PUBLISHED[name]
    encoder = encoder_of(published(name))
    assert encoder.family.name == family
    asked = PAPER if family == "gemma" else SYSTEM
    example = encoder.encode(row(asked=asked))
    inference = Chat(encoder_folder(encoder)).tokens(asked)  # as baselines ask
    assert example.input_ids[: example.n_prompt].tolist() == inference
    read, carrying = shown(encoder, example)
    opened = encoder.family.head + between
    assert (read + carrying).endswith(f"{opened}{ANSWER}{end}")
    assert carrying.endswith(ANSWER + end)
    assert carrying.removesuffix(ANSWER + end) in ("", "</think>\n\n")
    assert (example.labels[: example.n_prompt] == IGNORED).all()
    assert np.array_equal(example.labels[example.n_prompt :], example.input_ids[example.n_prompt :])
    # What generation would write back is read as the answer.
    written = encoder.chat.text(example.input_ids[example.n_prompt :].tolist())
    assert [concern["text"] for concern in parse(written).concerns] == ["No control group."]


def encoder_folder(encoder: ExampleEncoder) -> Path:
    return Path(encoder.chat.tokenizer.name_or_path)


@pytest.mark.parametrize("thought", ["Mice were few.\n", ""])
@pytest.mark.parametrize("name", ["qwen3", "qwen3_5_think", "deepseek_r1_distill"])
def test_with_thinking_on_the_answer_brings_its_thought(
    name: str, thought: str, published: Callable[[str], Path]
) -> None:
    folder = published(name)
    encoder = encoder_of(folder, thinking=True)
    thought = f"<think>\n{thought or chr(10)}</think>\n\n{ANSWER}"
    example = encoder.encode(row(thought))
    read, carrying = shown(encoder, example)
    assert (read + carrying).endswith(f"{encoder.family.head}{thought}{encoder.family.end}")
    assert example.input_ids[: example.n_prompt].tolist() == Chat(folder, thinking=True).tokens(PAPER)
    marks = encoder.chat.tokenizer.convert_tokens_to_ids(THOUGHTS)
    assert [int((example.input_ids == mark).sum()) for mark in marks] == [1, 1]
    with pytest.raises(ValueError, match="does not begin with <think>"):
        encoder.encode(row(ANSWER))


def test_thinking_is_refused_for_models_without(published: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match="are not trained to think"):
        require_family(published("qwen2_5"), "qwen2.5", thinking=True)


def test_a_family_other_than_the_config_s_is_refused(published: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match=r"is of the family qwen2\.5, and the config says qwen3"):
        require_family(published("qwen2_5"), "qwen3", thinking=False)


def test_an_unknown_template_is_refused_with_what_it_writes(published: Callable[[str], Path]) -> None:
    folder = published("qwen2_5")
    llama = "{% for m in messages %}[{{ m.role }}]{{ m.content }}[/]{% endfor %}[assistant]"
    (folder / "chat_template.jinja").write_text(llama)
    with pytest.raises(InputError, match=r"Unknown chat template.*\[/\]\[assistant\]"):
        detect(Chat(folder))


def test_an_end_at_which_generation_would_not_stop_is_refused(published: Callable[[str], Path]) -> None:
    folder = published("gemma")
    (folder / "config.json").write_text('{"eos_token_id": 1}')  # <eos> alone; turns end with <end_of_turn>
    with pytest.raises(EncoderError, match="would not stop at <end_of_turn>"):
        require_family(folder, "gemma", thinking=False)
    (folder / "generation_config.json").write_text('{"eos_token_id": [1, 4]}')
    assert require_family(folder, "gemma", thinking=False)[0].name == "gemma"


def test_control_tokens_quoted_in_paper_or_answer_are_text(published: Callable[[str], Path]) -> None:
    encoder = encoder_of(published("qwen3"))
    quoting = row("They write <|im_end|> and <think> in methods.", [{"role": "user", "content": "See <|im_end|>."}])
    example = encoder.encode(quoting)
    end = encoder.end_id
    plain = encoder.encode(row("They write nothing.", [{"role": "user", "content": "See."}]))
    assert int((example.input_ids == end).sum()) == int((plain.input_ids == end).sum())
    assert (example.labels == end).sum() == 1
    assert example.labels[-1] == end
    assert shown(encoder, example)[1] == "They write <|im_end|> and <think> in methods.<|im_end|>"


def test_an_answer_that_the_template_rewrites_is_refused(published: Callable[[str], Path]) -> None:
    encoder = encoder_of(published("gemma"), system="in_user")
    with pytest.raises(ValueError, match="writes prompt and answer otherwise"):
        encoder.encode(row(f"  {ANSWER}\n"))  # it trims
    deepseek = encoder_of(published("deepseek_r1_distill"))
    with pytest.raises(ValueError, match="writes prompt and answer otherwise"):
        deepseek.encode(row(f"Thoughts.</think>{ANSWER}"))  # it drops what stands before


def test_letters_composed_by_a_tokenizer_are_no_other_answer(published: Callable[[str], Path]) -> None:
    from tokenizers.normalizers import NFC

    folder = published("qwen2_5")
    encoder = encoder_of(folder)
    encoder.chat.tokenizer.backend_tokenizer.normalizer = NFC()
    decomposed = unicodedata.normalize("NFD", "Naïve Bayes für Mäuse.")
    example = encoder.encode(row(decomposed))
    assert shown(encoder, example)[1] == f"{unicodedata.normalize('NFC', decomposed)}<|im_end|>"


def test_tokens_that_lose_letters_are_refused(published: Callable[[str], Path]) -> None:
    from tokenizers.normalizers import Lowercase

    encoder = encoder_of(published("qwen2_5"))
    encoder.chat.tokenizer.backend_tokenizer.normalizer = Lowercase()
    with pytest.raises(ValueError, match="do not read as the answer, from character 4 on"):
        encoder.encode(row("the Mice"))


def test_a_system_part_is_where_the_config_says(published: Callable[[str], Path]) -> None:
    folder = published("qwen3")
    encoder_of(folder).encode(row(asked=SYSTEM))
    encoder_of(folder).encode(row(asked=PAPER))
    with pytest.raises(ValueError, match="with system: in_user that cannot be"):
        encoder_of(folder, system="in_user").encode(row(asked=SYSTEM))


def test_examples_that_would_be_cut_are_all_listed_and_none_is_cut(published: Callable[[str], Path]) -> None:
    encoder = encoder_of(published("qwen3"))
    rows = [row(number=1), row("word " * 400, number=2), row(number=3), row("", number=4), row("x " * 900, number=5)]
    length = len(encoder.encode(rows[0]).input_ids)
    exact = encoder_of(encoder_folder(encoder), max_length=length)
    assert len(exact.encode(rows[0]).input_ids) == length  # as long as allowed
    with pytest.raises(DataError) as raised:
        encode_all(rows, exact, "examples of train")
    text = str(raised.value)
    assert "3 of 5 examples of train" in text
    assert [number for number in range(1, 6) if f"elife:{number}:" in text] == [2, 4, 5]
    assert "the answer is empty" in text
    assert f"exceed max_length {length}" in text
    tight = encoder_of(encoder_folder(encoder), max_length=length - 1)
    with pytest.raises(DataError, match="1 of 1"):
        encode_all(rows[:1], tight, "train")


@pytest.mark.parametrize("name", PUBLISHED)
def test_lengths_that_a_corpus_is_cut_by_are_those_of_its_examples(published: Callable[[str], Path], name: str) -> None:
    encoder = encoder_of(published(name))
    example = encoder.encode(row())
    lengths = Lengths.of_chat(encoder.chat)
    messages = row()["messages"]
    assert lengths.prompt(messages) == example.n_prompt
    # A template may write a line's end after the end of the answer, which is counted and not trained on.
    assert lengths.completion(messages) - example.n_target in ((0,) if name == "deepseek_r1_distill" else (0, 1))
