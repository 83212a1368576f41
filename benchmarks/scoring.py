"""How long one evaluation of a data set of the v3 test's size takes, and how much memory.

    python benchmarks/scoring.py [--articles 981] [--contract demo] [--threads 2]

Builds articles and predictions of about 42 words a concern from the demo's vocabulary (seeded), in a cache folder
of its own, and prints: encoding (cold), scoring with vectors cached, and a second run of the whole command.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Shares of the v3 test split: articles by source, references and predictions an article.
SOURCES = {"f1000": 403, "elife": 273, "plos": 260, "peerj": 37, "nature": 8}
REFERENCES, PREDICTIONS, WORDS = 13_900, 13_300, 42
CATEGORIES = ("design_flaw", "interpretation", "missing_experiment", "writing_clarity", "statistical_methodology")


# Runs the command and prints its peak memory in kB; ru_maxrss of a child would count its parent's.
_CHILD = """
import re, sys
from bioreview_bench.cli.main import run
code = run(sys.argv[1:])
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read()).group(1), file=sys.stderr)
sys.exit(code)
"""


def build(folder: Path, n_articles: int) -> Path:
    """Write test.jsonl and predictions.jsonl; returns the predictions file."""
    from bioreview_bench import load_split

    vocabulary = sorted(
        {
            word
            for article in load_split("demo", "all")
            for text in article.sections.values()
            for word in re.findall(r"[A-Za-z]+", text)
        }
    )
    rng = random.Random(7)  # noqa: S311 (synthetic data)
    sources = rng.choices(list(SOURCES), weights=list(SOURCES.values()), k=n_articles)

    def text(words: int) -> str:
        return " ".join(rng.choices(vocabulary, k=max(5, round(rng.gauss(words, words / 4))))).capitalize() + "."

    def size(total: int) -> int:
        return max(1, round(rng.gauss(total / 981, 3)))

    with (folder / "test.jsonl").open("w") as articles, (folder / "predictions.jsonl").open("w") as predictions:
        for number, source in enumerate(sources):
            name = f"{source}:{number}"
            concerns = [
                {
                    "concern_id": f"{name}:R1C{c}",
                    "concern_text": text(WORDS),
                    "category": rng.choice(CATEGORIES),
                    "severity": "major",
                }
                for c in range(size(REFERENCES))
            ]
            body = {"results": " ".join(text(18) for _ in range(80))}
            articles.write(
                json.dumps({"id": name, "source": source, "paper_text_sections": body, "concerns": concerns}) + "\n"
            )
            predictions.write(
                json.dumps({"article_id": name, "concerns": [text(WORDS) for _ in range(size(PREDICTIONS))]}) + "\n"
            )
    return folder / "predictions.jsonl"


def main() -> None:
    """Build, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=981)
    parser.add_argument("--contract", default="demo")
    parser.add_argument("--threads", type=int, default=None, help="threads of torch and BLAS; default: all cores")
    parser.add_argument(
        "--controls", choices=["full", "basic"], default="basic", help="full also encodes ten echo sentences an article"
    )
    arguments = parser.parse_args()
    if arguments.threads:
        os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["BIOREVIEW_CACHE"] = str(folder / "cache")
        predictions = build(folder, arguments.articles)
        measure(folder, predictions, arguments)


def measure(folder: Path, predictions: Path, arguments: argparse.Namespace) -> None:
    """Cold run, warm scoring in this process, warm run of the command."""
    from bioreview_bench import Contract, load_split, read_predictions, score

    contract = Contract.load(arguments.contract)
    articles = load_split(folder, "test")
    rows = read_predictions(predictions, articles)
    marks: dict[str, float] = {}

    def progress(done: int, total: int) -> None:
        marks.setdefault("start", time.perf_counter())
        marks["end"], marks["texts"] = time.perf_counter(), total

    cold = score(articles, rows, contract, controls=arguments.controls, progress=progress)
    encode = marks["end"] - marks["start"]
    started = time.perf_counter()
    warm = score(articles, rows, contract, controls=arguments.controls)
    scoring = time.perf_counter() - started
    assert warm.to_dict()["overall"] == cold.to_dict()["overall"]
    command = ["evaluate", str(predictions), "--data", str(folder), "--contract", arguments.contract]
    command += ["--controls", arguments.controls, "--format", "json", "--quiet"]
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _CHILD, *command], check=True, capture_output=True, text=True)
    second = time.perf_counter() - started
    child = int(done.stderr) / 1024
    overall = cold.to_dict()["overall"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for name, value in (
        ("articles, references, predictions", f"{len(articles):,} {overall['n_ref']:,} {overall['n_pred']:,}"),
        ("encode, cold", f"{encode:.1f} s for {marks['texts']:,.0f} texts ({marks['texts'] / encode:.0f} texts/s)"),
        ("matching + controls + 10,000 draws, vectors cached", f"{scoring:.2f} s"),
        ("second run of the command, start-up included", f"{second:.2f} s"),
        ("encode / second run", f"{encode / second:.0f}x"),
        ("peak memory, cold run", f"{peak:.0f} MB"),
        ("peak memory, second run", f"{child:.0f} MB"),
    ):
        print(f"{name:52} {value}")


if __name__ == "__main__":
    main()
