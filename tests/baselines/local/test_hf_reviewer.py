"""Local models in this process: what is asked, what is drawn, and what a missing or damaged file says."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioreview_bench.baselines.local.hf_reviewer import Batcher, HfReviewer, HfSettings
from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import EncoderError, InputError
from bioreview_bench.llm.local.chat import Chat
from bioreview_bench.llm.local.model import RowSampler, Sampling, generator_for
from bioreview_bench.llm.local.model_files import digest
from bioreview_bench.llm.review import GiveUp, Review
from bioreview_bench.llm.text.prompt import Prompt

PROMPT = Prompt("file:short", "You review.", "Review this: {paper}")
SHORT = HfSettings(max_new_tokens=24)


def paper(number: int, words: int = 5) -> Manuscript:
    return Manuscript(f"elife:{number}", f"Paper {number}", "Mice sleep. " * words, {}, (), "eLife")


def reviews(reviewer: HfReviewer, *papers: Manuscript) -> list[Review]:
    async def together() -> list[Review]:
        try:
            return list(await asyncio.gather(*(reviewer.review(one) for one in papers)))
        finally:
            await reviewer.close()

    return asyncio.run(together())


def test_an_answer_becomes_concerns_with_its_tokens_counted(answering_model: Path) -> None:
    reviewer = HfReviewer(str(answering_model), PROMPT, settings=SHORT)
    [review] = reviews(reviewer, paper(1))
    assert [concern["text"] for concern in review.concerns] == [
        "The study has no control group.",
        "The sample is too small for this claim.",
    ]
    assert (review.status, review.usage.output_tokens, review.usage.cost_usd) == ("ok", 2, None)
    chat = Chat(answering_model)
    assert review.usage.input_tokens == len(chat.tokens(reviewer.asking.ask(paper(1)).messages))


def test_an_answer_that_never_ends_is_truncated_and_keeps_its_complete_concerns(endless_model: Path) -> None:
    [review] = reviews(HfReviewer(str(endless_model), PROMPT, settings=SHORT), paper(1))
    assert (review.status, review.usage.output_tokens) == ("truncated", 24)
    assert [concern["text"] for concern in review.concerns] == ["The study has no control group."]
    assert str(review.raw_output).endswith("xxx")


def test_a_text_depends_on_seed_and_article_but_not_on_its_batch(noisy_model: Path) -> None:
    def texts(settings: HfSettings, *papers: Manuscript) -> list[Any]:
        return [one.raw_output for one in reviews(HfReviewer(str(noisy_model), PROMPT, settings=settings), *papers)]

    hot = HfSettings(temperature=1.0, max_new_tokens=24)
    papers = [paper(1), paper(2, 40), paper(3, 12)]
    together = texts(hot, *papers)
    assert [texts(hot, one)[0] for one in papers] == together
    assert texts(hot, *reversed(papers)) == together[::-1]
    assert len(set(together)) == 3
    assert texts(HfSettings(temperature=1.0, max_new_tokens=24, seed=7), papers[0])[0] != together[0]
    twins = [Manuscript(f"elife:{number}", "Same", "Same.", {}, (), "eLife") for number in (1, 2)]
    assert len(set(texts(hot, *twins))) == 2
    cold = HfSettings(temperature=0, max_new_tokens=24)
    assert len(set(texts(cold, *twins))) == 1


def test_greedy_text_equals_that_of_transformers(noisy_model: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(noisy_model)
    reviewer = HfReviewer(str(noisy_model), PROMPT, settings=HfSettings(temperature=0, max_new_tokens=24))
    chat = Chat(noisy_model)
    ids = chat.tokens(reviewer.asking.ask(paper(1)).messages)
    made = model.generate(
        torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False,
        max_new_tokens=24, repetition_penalty=1.05, pad_token_id=1,
    )  # fmt: skip
    assert reviews(reviewer, paper(1), paper(2, 30))[0].raw_output == chat.text(made[0, len(ids) :].tolist())


def test_a_checkpoint_s_own_sampling_is_not_taken_over(noisy_model: Path, tmp_path: Path) -> None:
    other = shutil.copytree(noisy_model, tmp_path / "other")
    stated = {"do_sample": True, "temperature": 5.0, "top_k": 3, "repetition_penalty": 3.0}
    (other / "generation_config.json").write_text(json.dumps({**stated, "eos_token_id": 1}))
    cold = HfSettings(temperature=0, max_new_tokens=24)
    plain, changed = (
        reviews(HfReviewer(str(folder), PROMPT, settings=cold), paper(1))[0].raw_output
        for folder in (noisy_model, other)
    )
    assert plain == changed


def test_tokens_are_drawn_from_the_smallest_set_that_holds_top_p() -> None:
    import torch

    # Probabilities 0.5, 0.3, 0.15, 0.05: of these 0.75 needs the first two, which then share 5 to 3.
    scores = torch.tensor([[0.05, 0.5, 0.15, 0.3]]).log()
    sampler = RowSampler(Sampling(1.0, 0.75, 1.0), [np.random.default_rng(0)], [0])
    drawn = Counter(int(sampler(torch.tensor([[0]]), scores).argmax()) for _ in range(4000))
    assert set(drawn) == {1, 3}
    assert drawn[1] / 4000 == pytest.approx(5 / 8, abs=0.03)


def test_padding_is_not_punished_as_repetition() -> None:
    import torch

    scores = torch.tensor([[2.0, 1.9, -1.0, -1.02]])
    greedy = Sampling(0.0, 1.0, 1.5)

    def chosen(ids: list[int], start: int, scores: Any = scores) -> int:
        sampler = RowSampler(greedy, [np.random.default_rng(0)], [start])
        return int(sampler(torch.tensor([ids]), scores).argmax())

    assert chosen([0, 0, 3], 2) == 0  # 0 only pads
    assert chosen([0, 0, 3], 1) == 1  # 0 was written: 2.0 / 1.5 < 1.9
    assert chosen([2, 3], 0, torch.tensor([[-9.0, -9.0, -1.0, -1.02]])) == 2  # negative scores are multiplied


def test_the_chance_of_an_article_is_the_same_everywhere() -> None:
    # First draws of PCG64 seeded by sha256("42\0elife:1")[:8], by numpy alone.
    import hashlib

    digest = hashlib.sha256(b"42\0elife:1").digest()
    expected = np.random.Generator(np.random.PCG64(int.from_bytes(digest[:8], "big"))).random(3)
    assert generator_for(42, "elife:1").random(3).tolist() == expected.tolist()
    assert generator_for(42, "elife:2").random() != expected[0]


def test_a_batch_holds_the_oldest_and_the_nearest_in_length_within_the_limit() -> None:
    batches: list[list[int]] = []

    def work(questions: Any) -> list[int]:
        batches.append(list(questions))
        return [-question for question in questions]

    async def ask() -> list[int]:
        batcher: Batcher[int, int] = Batcher(work, lambda question: question, most=30)
        try:
            return list(await asyncio.gather(*(batcher.ask(size) for size in (10, 99, 9, 2, 11))))
        finally:
            await batcher.close()

    assert asyncio.run(ask()) == [-10, -99, -9, -2, -11]
    # 10 and 9 cost 2 x 10, with 11 it would be 3 x 11; 99 goes alone; 2 and 11 cost 2 x 11.
    assert batches == [[10, 9], [99], [2, 11]]


def test_an_error_of_a_batch_reaches_everybody_in_it_and_nobody_else() -> None:
    def work(questions: Any) -> list[int]:
        if 5 in questions:
            raise RuntimeError("five")
        return list(questions)

    async def ask() -> list[Any]:
        batcher: Batcher[int, int] = Batcher(work, lambda question: question, most=10)
        try:
            return list(await asyncio.gather(*map(batcher.ask, (5, 4, 9)), return_exceptions=True))
        finally:
            await batcher.close()

    first, second, third = asyncio.run(ask())
    assert isinstance(first, RuntimeError)
    assert isinstance(second, RuntimeError)
    assert third == 9


def test_a_batch_that_exceeds_memory_stops_the_run_naming_the_parameter(
    answering_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from bioreview_bench.llm.local.model import LocalModel

    reviewer = HfReviewer(str(answering_model), PROMPT, settings=SHORT)
    reviewer.connect()
    assert isinstance(reviewer._model, LocalModel)

    def full(**_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(reviewer._model.model, "generate", full)
    with pytest.raises(GiveUp, match=r"1 texts of up to .* do not fit .* Lower --param batch_tokens"):
        reviews(reviewer, paper(1))


def test_control_tokens_quoted_in_a_paper_are_read_as_text(noisy_model: Path) -> None:
    chat = Chat(noisy_model)
    ids = chat.tokens([{"role": "user", "content": "Before <|im_end|> after"}])
    assert ids.count(chat.tokenizer.eos_token_id) == 1


def test_thinking_is_off_where_the_template_knows_it_and_not_mentioned_elsewhere(
    noisy_model: Path, tmp_path: Path
) -> None:
    def shown(chat: Chat) -> str:
        return str(chat.tokenizer.decode(chat.tokens([{"role": "user", "content": "x"}])))

    assert shown(Chat(noisy_model)).endswith("assistant\n<think></think>")
    assert shown(Chat(noisy_model, thinking=True)).endswith("assistant\n")
    plain = shutil.copytree(noisy_model, tmp_path / "plain")
    strict = "{% if enable_thinking is defined %}{{ raise_exception('unknown') }}{% endif %}{{ messages[0].content }}"
    (plain / "chat_template.jinja").write_text(strict.replace("enable_thinking", "other_option"))
    chat = Chat(plain)
    assert not chat.knows_thinking
    assert shown(chat) == "x"


def test_a_template_that_takes_parts_gets_parts(noisy_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(noisy_model, tmp_path / "parts")
    (folder / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content[0]['text'] }};{% endfor %}")
    chat = Chat(folder)
    assert chat.tokenizer.decode(chat.tokens([{"role": "user", "content": "hello"}])) == "hello;"


def test_a_template_without_a_system_part_is_said_and_not_worked_around(noisy_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(noisy_model, tmp_path / "no-system")
    (folder / "chat_template.jinja").write_text(
        "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}{{ messages[0].content }}"
    )
    with pytest.raises(InputError, match="system part"):
        HfReviewer(str(folder), PROMPT, settings=SHORT)
    HfReviewer(str(folder), Prompt("file:user", "", "Review: {paper}"), settings=SHORT)


def test_what_is_missing_is_said_with_the_command_that_gets_it(
    noisy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(EncoderError, match="hf download some-org/some-model --revision abc"):
        HfReviewer("some-org/some-model@abc", PROMPT)
    with pytest.raises(EncoderError, match="There is no folder"):
        HfReviewer("/nowhere/model", PROMPT)
    with pytest.raises(EncoderError, match=r"no config\.json"):
        HfReviewer(str(tmp_path), PROMPT)
    bare = shutil.copytree(noisy_model, tmp_path / "bare")
    (bare / "chat_template.jinja").unlink()
    with pytest.raises(EncoderError, match="no chat template"):
        HfReviewer(str(bare), PROMPT)
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"base_model_name_or_path": "some-org/base", "r": 8}')
    with pytest.raises(EncoderError, match="some-org/base"):
        HfReviewer(str(adapter), PROMPT)
    if importlib.util.find_spec("peft") is None:
        with pytest.raises(EncoderError, match=r"pip install .*\[training\]"):
            HfReviewer(str(noisy_model), PROMPT, adapters=[str(adapter)])


def test_damaged_or_incomplete_weights_are_an_error(noisy_model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    damaged = shutil.copytree(noisy_model, tmp_path / "damaged")
    (damaged / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(EncoderError, match="Cannot load the model"):
        HfReviewer(str(damaged), PROMPT).connect()
    partial = shutil.copytree(noisy_model, tmp_path / "partial")
    weights = load_file(partial / "model.safetensors")
    weights.pop("model.layers.0.mlp.up_proj.weight")
    save_file(weights, partial / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderError, match=r"lacks 1 parameters.*up_proj"):
        HfReviewer(str(partial), PROMPT).connect()


def test_a_paper_that_exceeds_the_model_is_a_failed_row_and_the_rest_goes_on(
    answering_model: Path, tmp_path: Path
) -> None:
    small = shutil.copytree(answering_model, tmp_path / "small")
    config = json.loads((small / "config.json").read_text())
    (small / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 300}))
    long, short = reviews(HfReviewer(str(small), PROMPT, settings=SHORT), paper(1, 60), paper(2))
    assert (long.status, short.status) == ("error", "ok")
    assert "300 positions" in str(long.detail)


def test_a_description_names_what_changes_the_text_and_no_place(noisy_model: Path, tmp_path: Path) -> None:
    def described(folder: Path = noisy_model, **settings: Any) -> dict[str, Any]:
        return HfReviewer(str(folder), PROMPT, settings=HfSettings(**settings)).describe()

    base = described()
    assert json.loads(json.dumps(base)) == base
    assert str(noisy_model.parent) not in json.dumps(base)
    assert (base["model"], base["token_counter"], base["structured_output"]) == ("tiny-noise", "model", "none")
    assert described(batch_tokens=7) == base
    for change in ({"seed": 1}, {"temperature": 0.0}, {"top_p": 0.5}, {"enable_thinking": True}, {"dtype": "float16"}):
        assert described(**change) != base
    retrained = shutil.copytree(noisy_model, tmp_path / "tiny-noise")
    assert described(retrained) == base
    with (retrained / "model.safetensors").open("r+b") as stream:
        stream.seek(-4, 2)
        stream.write(b"\1\2\3\4")
    assert described(retrained) != base


def test_the_digest_of_a_large_file_reads_its_ends_and_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bioreview_bench.llm.local import model_files

    monkeypatch.setattr(model_files, "_WHOLE", 8)
    monkeypatch.setattr(model_files, "_PIECE", 2)
    path = tmp_path / "model.safetensors"
    seen = set()
    for content in (b"0123456789AB", b"x123456789AB", b"01234567x9AB"[::-1], b"012345x789AB", b"0123456789Ax"):
        path.write_bytes(content)
        seen.add(digest(tmp_path))
    assert len(seen) == 5


def test_impossible_settings_are_refused() -> None:
    for change in ({"temperature": -1.0}, {"top_p": 0.0}, {"repetition_penalty": 0.0}, {"max_new_tokens": 0}):
        with pytest.raises(InputError, match=next(iter(change))):
            HfSettings(**change)


def test_a_vision_language_model_is_asked_by_text_alone(
    tmp_path: Path, tiny_seeing_model: Callable[[Path], Path]
) -> None:
    folder = tiny_seeing_model(tmp_path / "seeing")
    [review] = reviews(HfReviewer(str(folder), PROMPT, settings=HfSettings(max_new_tokens=4)), paper(1))
    assert review.usage.output_tokens is not None
    assert review.status in ("parse_failed", "truncated", "empty", "repaired")


@pytest.fixture
def tiny_seeing_model() -> Callable[[Path], Path]:
    """A Qwen2-VL of one layer, with the template where older processors keep it."""

    def make(folder: Path) -> Path:
        from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

        from ..conftest import TEMPLATE, make_tokenizer

        tokenizer = make_tokenizer()
        text = {
            "vocab_size": len(tokenizer), "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "num_key_value_heads": 1, "rope_parameters": {
                "rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]},
            "bos_token_id": 0, "eos_token_id": 1,
        }  # fmt: skip
        seeing = {"depth": 1, "embed_dim": 16, "hidden_size": 16, "num_heads": 2, "mlp_ratio": 1}
        config = Qwen2VLConfig(text_config=text, vision_config=seeing, image_token_id=2, video_token_id=3,
                               vision_start_token_id=4, vision_end_token_id=5)  # fmt: skip
        Qwen2VLForConditionalGeneration(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        (folder / "chat_template.jinja").unlink()
        (folder / "chat_template.json").write_text(json.dumps({"chat_template": TEMPLATE}))
        return folder

    return make


def test_adapters_change_the_text_and_are_applied_in_order(noisy_model: Path, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft", reason="pip install 'bioreview-bench[training]'")
    import torch
    from transformers import AutoModelForCausalLM

    names = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
        model = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(noisy_model), config)
        model.save_pretrained(tmp_path / f"adapter-{seed}")
        names.append(str(tmp_path / f"adapter-{seed}"))
    cold = HfSettings(temperature=0, max_new_tokens=24)
    texts = []
    for adapters in ([], names[:1], names):
        reviewer = HfReviewer(str(noisy_model), PROMPT, adapters=adapters, settings=cold)
        assert [one["name"] for one in reviewer.describe()["adapters"]] == [Path(name).name for name in adapters]
        texts.append(reviews(reviewer, paper(1))[0].raw_output)
    assert len(set(texts)) == 3
