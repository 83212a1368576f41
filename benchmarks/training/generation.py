"""Seconds an article of `bench baseline hf:` and `vllm:` at Qwen3-8B's shape, beside the published 48 s and 281 s.

    python benchmarks/training/generation.py [--answer 1500] [--engines hf,vllm,hf-4-bits]
    python benchmarks/training/generation.py --tiny              a few layers on the CPU: does the script work

The model has random weights, made on the GPU and written to a scratch folder (16 GB); nothing is downloaded. Papers are
cut to the published budget of 15,000 tokens. Random weights hardly ever end a text, so every answer has its greatest
length: `--answer` tokens, about what the published models wrote. The commands are those that anybody runs (vLLM without
a JSON schema, in which random tokens would end early). What a run over one article with an answer of a few tokens takes
is loading, and is taken off.

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

from random_model import SHAPE, TINY, require_gpu, write_model

PUBLISHED = "published on one A100: 48 s an article (8B), 281 s (9B)"
# Reviewer, parameters, articles: transformers reviews two at once, vLLM all of them.
ENGINES = {"hf": ("hf", (), 4), "vllm": ("vllm", (), 16), "hf-4-bits": ("hf", ("bits=4",), 4)}
FEW = 8  # tokens of the answer while loading is timed


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


def reviewed(engine: str, arguments: argparse.Namespace, folder: Path, n: int, answer: int, seconds: float) -> float:
    """Seconds of a run over `n` articles. Raises RuntimeError with what the command said when it fails, and
    subprocess.TimeoutExpired after `seconds`."""
    name, parameters, _ = ENGINES[engine]
    out = folder / f"{engine}-{answer}"
    words = ["baseline", f"{name}:{folder / 'model'}", "--data", str(folder / "data"), "--split", "val"]
    words += ["--prompt", "objects-v1", "--limit", str(n), "--budget", str(arguments.budget), "--out", str(out)]
    words += ["--quiet", *(["--no-structured"] if name == "vllm" else [])]
    given = [f"max_new_tokens={answer}" if name == "hf" else f"max_tokens={answer}", *parameters]
    if arguments.tiny and name == "hf":
        given.append("device=cpu")
    words += [word for parameter in given for word in ("--param", parameter)]
    command = [sys.executable, "-m", "bioreview_bench", *words]
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    took = time.perf_counter() - begun
    rows = out / "predictions.jsonl"
    found = [json.loads(line)["status"] for line in rows.read_text().splitlines()] if rows.is_file() else []
    # Random text is no answer that can be read: it was written all the same.
    answered = set(found) <= {"ok", "repaired", "empty", "parse_failed"}
    if done.returncode not in (0, 5) or len(found) != n or not answered:
        said = " ".join(done.stderr.split())[-200:]
        raise RuntimeError(f"exit code {done.returncode}, {sorted(set(found))} of {len(found)} articles: {said}")
    return took


def measured(engine: str, arguments: argparse.Namespace, folder: Path, begun: float) -> str:
    """A line of the table."""
    if engine == "vllm" and shutil.which(os.environ.get("BIOREVIEW_VLLM") or "vllm") is None:
        return "vllm is not installed"
    n = arguments.articles or (2 if arguments.tiny else ENGINES[engine][2])
    left = 60 * arguments.minutes - (time.monotonic() - begun)
    if left < 1:
        return "no time left: name it in --engines to run it alone"
    try:
        loading = reviewed(engine, arguments, folder, 1, FEW, left)
        left = 60 * arguments.minutes - (time.monotonic() - begun)
        whole = reviewed(engine, arguments, folder, n, arguments.answer, max(left, 1))
    except RuntimeError as error:
        return str(error)
    except subprocess.TimeoutExpired:
        return "did not end in the time that was left"
    return f"{n:>10}{(whole - loading) / n:>14.2f}{loading:>14.1f}"


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=None, help="default: 4 (hf), 16 (vllm); tiny 2")
    parser.add_argument("--answer", type=int, default=None, help="tokens of an answer; default 1,500, tiny 16")
    parser.add_argument("--engines", default=",".join(ENGINES), help=f"of {', '.join(ENGINES)}")
    parser.add_argument("--minutes", type=float, default=9.5, help="end by then")
    parser.add_argument("--tiny", action="store_true", help="a tiny model on the CPU")
    arguments = parser.parse_args()
    engines = arguments.engines.split(",")
    unknown = sorted(set(engines) - set(ENGINES))
    if unknown:
        parser.error(f"no engine {', '.join(unknown)}; there are {', '.join(ENGINES)}")
    device, begun = require_gpu(arguments.tiny), time.monotonic()
    arguments.answer = arguments.answer or (2 * FEW if arguments.tiny else 1_500)
    arguments.budget = 200 if arguments.tiny else 15_000
    print(f"{device}; {PUBLISHED}")
    print(f"{arguments.budget:,} tokens of paper, {arguments.answer:,} of answer")
    print(f"{'engine':16}{'articles':>10}{'s an article':>14}{'s to load':>14}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        part = SimpleNamespace(bits=16, compute_dtype="bfloat16")
        write_model(folder / "model", TINY if arguments.tiny else SHAPE, part, "cpu" if arguments.tiny else "cuda")
        write_data(folder / "data", 16 if arguments.articles is None else arguments.articles, 8 * arguments.budget)
        for engine in engines:
            print(f"{engine:16}{measured(engine, arguments, folder, begun)}", flush=True)


if __name__ == "__main__":
    main()
