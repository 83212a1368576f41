"""A model of Qwen3-8B's shape with random weights, made where it is used: no benchmark downloads one."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

SHAPE = {
    "vocab_size": 151_936, "hidden_size": 4096, "intermediate_size": 12_288, "num_hidden_layers": 36,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "tie_word_embeddings": False,
    "max_position_embeddings": 40_960,
}  # fmt: skip
TINY = SHAPE | {
    "vocab_size": 512, "hidden_size": 64, "intermediate_size": 192, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16,
}  # fmt: skip
SHAPE_OF = "_qwen3_8b"  # the config that states this shape, for estimates
_END = "<|im_end|>"
_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def require_gpu(tiny: bool) -> str:
    """What this runs on, in words. Without a GPU the script ends, unless the model is the tiny one."""
    import torch

    if tiny:
        return f"the CPU (tiny model: speeds mean nothing), torch {torch.__version__}"
    if not torch.cuda.is_available():
        print("Skipped: torch sees no GPU here. --tiny tries the script on the CPU.", file=sys.stderr)
        raise SystemExit(0)
    return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"


def linear_layers(model: Any) -> list[str]:
    """Names of the linear layers but for the output layer."""
    import torch

    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and not name.endswith("lm_head")
    ]


def build(shape: dict[str, Any], part: Any, attention: str, device: str) -> Any:
    """The model, its linear layers in 4 bits where `part` (of a config: quantisation) says so; made layer by layer, so
    that it fits."""
    import torch
    from transformers import AutoModelForCausalLM, Qwen3Config

    torch.manual_seed(0)
    dtype = getattr(torch, part.compute_dtype)
    config = Qwen3Config(**shape, dtype=dtype, attn_implementation=attention)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    for name in linear_layers(model) if part.bits == 4 else []:
        import bitsandbytes as bnb

        parent, _, last = name.rpartition(".")
        old = model.get_submodule(name)
        new = bnb.nn.Linear4bit(
            old.in_features, old.out_features, bias=False, compute_dtype=dtype, compress_statistics=part.double,
            quant_type=part.type,
        )  # fmt: skip
        weight = torch.randn(old.out_features, old.in_features, dtype=dtype, device=device) * 0.02
        new.weight = bnb.nn.Params4bit(
            weight, requires_grad=False, compress_statistics=part.double, quant_type=part.type, module=new
        ).to(device)
        if hasattr(new, "support_avx512bf16_for_cpu"):
            new.support_avx512bf16_for_cpu = False  # see training/models/quantised.py
        setattr(model.get_submodule(parent), last, new)
        del weight
    for module in model.modules():
        for name, weight in list(module.named_parameters(recurse=False)):
            if weight.is_meta:
                drawn = torch.ones if weight.dim() == 1 else torch.randn
                filled = drawn(weight.shape, dtype=dtype, device=device) * (1.0 if weight.dim() == 1 else 0.02)
                setattr(module, name, torch.nn.Parameter(filled, requires_grad=False))
    model.model.rotary_emb = type(model.model.rotary_emb)(config).to(device)
    model.is_loaded_in_4bit = part.bits == 4  # by which PEFT and TRL know it
    # As for weights that are loaded: no cache in training, and one where texts are sampled (generation_config).
    model.config.use_cache = False
    return model


def bare_tokenizer() -> Any:
    """The least that a trainer asks for: a token that pads and ends."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel({"<end>": 0, "<unknown>": 1}, unk_token="<unknown>"))  # noqa: S106
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>", pad_token="<end>")  # noqa: S106


def write_model(folder: Path, shape: dict[str, Any], part: Any, device: str) -> None:
    """Files of the model in 16 bits, and a tokenizer of bytes with a chat template. Other tokens of the vocabulary are
    read as words, so that whatever random weights write is text."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [f"word{number}" for number in range(shape["vocab_size"] - len(letters) - 2)]
    inner = Tokenizer(models.BPE({piece: number for number, piece in enumerate([*letters, *words])}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner)
    tokenizer.add_special_tokens({"eos_token": _END, "additional_special_tokens": ["<|im_start|>"]})
    tokenizer.pad_token, tokenizer.chat_template = tokenizer.eos_token, _TEMPLATE
    model = build(shape, part, "sdpa", device)
    del model.is_loaded_in_4bit
    model.config.use_cache = True
    model.config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder, max_shard_size="5GB")
    tokenizer.save_pretrained(folder)
    del model
    gc.collect()
    if device != "cpu":
        torch.cuda.empty_cache()  # whoever loads the files finds the GPU free
