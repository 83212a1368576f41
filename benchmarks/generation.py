"""Seconds an article of `bench baseline hf:` and `vllm:` at Qwen3-8B's shape, beside the published 48 s and 281 s.

    python benchmarks/generation.py [--articles 16] [--answer 1500] [--engines hf,hf-4-bits,vllm]
    python benchmarks/generation.py --write FOLDER      only the model's files, for other scripts
    python benchmarks/generation.py --tiny              a few layers on the CPU: does the script work

The model has random weights, made on the GPU and written to a scratch folder (16 GB); nothing is downloaded. Papers are
cut to the published budget of 15,000 tokens. Random weights hardly ever end a text, so every answer has its greatest
length: `--answer` tokens, about what the published models wrote. The commands are those that anybody runs; loading is
counted, and removed by a second run over two articles: seconds an article are those of the articles beyond them.

`vllm` needs the executable (BIOREVIEW_VLLM, or on the path); an engine that is absent is named.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from qlora import SHAPE, TINY, build

PUBLISHED = "published on one A100: 48 s an article (8B), 281 s (9B)"
ENGINES = {"hf": ("hf", ()), "hf-4-bits": ("hf", ("bits=4",)), "vllm": ("vllm", ())}
FEW = 2
_BENCH = "import sys; from bioreview_bench.cli.main import run; sys.exit(run(sys.argv[1:]))"
_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_model(folder: Path, shape: dict[str, Any], device: str) -> None:
    """Files of a model of this shape: random weights of 16 bits, and a tokenizer of bytes with a chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    part = SimpleNamespace(bits=16, compute_dtype="bfloat16")
    model = build(shape, part, "sdpa", device)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE({letter: number for number, letter in enumerate(letters)}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner)
    tokenizer.add_special_tokens({"eos_token": "<|im_end|>", "additional_special_tokens": ["<|im_start|>"]})
    tokenizer.pad_token, tokenizer.chat_template = tokenizer.eos_token, _TEMPLATE
    model.config.eos_token_id = tokenizer.eos_token_id
    del model.is_loaded_in_4bit
    model.save_pretrained(folder, max_shard_size="5GB")
    tokenizer.save_pretrained(folder)


def write_data(folder: Path, n: int, characters: int) -> None:
    """`n` articles of one concern each, with texts long enough to be cut to the budget."""
    folder.mkdir()
    with (folder / "val.jsonl").open("w") as stream:
        for number in range(1, n + 1):
            name = f"elife:{number}"
            text = (f"In paper {number} mice of group {number} slept for {number} hours. " * characters)[:characters]
            concern = {"concern_id": f"{name}:R1C1", "concern_text": "No control group.", "category": "design_flaw"}
            row = {"id": name, "source": "elife", "title": f"Paper {number}", "abstract": "Mice sleep."}
            row |= {"paper_text_sections": {"results": text}, "concerns": [concern | {"severity": "major"}]}
            stream.write(json.dumps(row) + "\n")


def reviewed(engine: str, arguments: argparse.Namespace, model: Path, data: Path, n: int, out: Path) -> float:
    """Seconds of a run over `n` articles. Raises RuntimeError with what the command said when it fails."""
    name, parameters = ENGINES[engine]
    greatest = f"max_new_tokens={arguments.answer}" if name == "hf" else f"max_tokens={arguments.answer}"
    words = ["baseline", f"{name}:{model}", "--data", str(data), "--split", "val", "--prompt", "objects-v1"]
    words += ["--limit", str(n), "--budget", str(arguments.budget), "--out", str(out), "--quiet"]
    if arguments.tiny and name == "hf":
        parameters = (*parameters, "device=cpu")
    for parameter in (greatest, *parameters):
        words += ["--param", parameter]
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _BENCH, *words], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    rows = out / "predictions.jsonl"
    found = [json.loads(line)["status"] for line in rows.read_text().splitlines()] if rows.is_file() else []
    # Random text is no answer that can be read: it was written all the same.
    if (
        done.returncode not in (0, 5)
        or len(found) != n
        or not set(found) <= {"ok", "repaired", "empty", "parse_failed"}
    ):
        said = " ".join(done.stderr.split())[-200:]
        raise RuntimeError(f"exit code {done.returncode}, {sorted(set(found))} of {len(found)} articles: {said}")
    return seconds


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--articles", type=int, default=None, help="beyond the two of the first run; default 16, tiny 2"
    )
    parser.add_argument("--answer", type=int, default=None, help="tokens of an answer; default 1,500, tiny 8")
    parser.add_argument("--engines", default=",".join(ENGINES), help=f"of {', '.join(ENGINES)}")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write the model there, and end")
    parser.add_argument("--tiny", action="store_true", help="a tiny model on the CPU")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.engines.split(",")) - set(ENGINES))
    if unknown:
        parser.error(f"no engine {', '.join(unknown)}; there are {', '.join(ENGINES)}")
    import torch

    if not arguments.tiny and not torch.cuda.is_available():
        print("Skipped: torch sees no GPU here. --tiny tries the script on the CPU.", file=sys.stderr)
        return
    shape, device = (TINY, "cpu") if arguments.tiny else (SHAPE, "cuda")
    if arguments.write is not None:
        write_model(arguments.write, shape, device)
        return
    arguments.articles = arguments.articles or (2 if arguments.tiny else 16)
    arguments.answer = arguments.answer or (8 if arguments.tiny else 1_500)
    arguments.budget = 200 if arguments.tiny else 15_000
    shown = "the CPU (tiny model: times mean nothing)" if arguments.tiny else torch.cuda.get_device_name()
    print(f"{shown}, torch {torch.__version__}; {PUBLISHED}")
    print(f"{arguments.budget:,} tokens of paper, {arguments.answer:,} of answer")
    print(f"{'engine':16}{'s an article':>14}{'s until the first two':>24}")
    with tempfile.TemporaryDirectory() as scratch:
        model, data = Path(scratch) / "model", Path(scratch) / "data"
        write_model(model, shape, device)
        write_data(data, FEW + arguments.articles, 8 * arguments.budget)
        if not arguments.tiny:
            torch.cuda.empty_cache()
        for engine in arguments.engines.split(","):
            if engine == "vllm" and shutil.which(os.environ.get("BIOREVIEW_VLLM") or "vllm") is None:
                print(f"{engine:16}vllm is not installed")
                continue
            try:
                few = reviewed(engine, arguments, model, data, FEW, Path(scratch) / f"{engine}-few")
                both = reviewed(engine, arguments, model, data, FEW + arguments.articles, Path(scratch) / engine)
            except RuntimeError as error:
                print(f"{engine:16}{error}", flush=True)
                continue
            print(f"{engine:16}{(both - few) / arguments.articles:>14.2f}{few:>24.1f}", flush=True)


if __name__ == "__main__":
    main()
