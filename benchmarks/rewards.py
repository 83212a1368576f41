"""Seconds to score 16 completions of one article, reference vectors cached: `python benchmarks/rewards.py DATA`.

DATA is a folder with a train split and `predictions/close_reader.jsonl`, such as the eLife pilot. Each completion is a
review of its own words: concerns of one file are dealt out, and no text is asked for twice. Prints median and greatest
over the articles, of wall time and of processor time (on a busy machine the two are far apart: OMP_NUM_THREADS=1 then
keeps threads from waiting for each other), and the share of it that encoding takes.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bioreview_bench import Contract, load_split
from bioreview_bench.contracts.transforms import Vectors
from bioreview_bench.training.rewards.composer import RewardComposer
from bioreview_bench.training.rewards.references import CachedVectorizer, References
from bioreview_bench.training.rewards.review import ReviewReward

COMPLETIONS, CONCERNS = 16, 6
WEIGHTS = {"V1": 0.35, "V2": 0.30, "V3": 0.15, "V4": 0.20}


class Timed(CachedVectorizer):
    """Counts the seconds spent on new texts."""

    seconds = 0.0

    def new(self, texts: Sequence[str]) -> Vectors:
        start = time.perf_counter()
        vectors = super().new(texts)
        self.seconds += time.perf_counter() - start
        return vectors


def completions(folder: Path) -> list[str]:
    """16 reviews of 6 concerns, all different, as JSON."""
    lines = (folder / "predictions" / "close_reader.jsonl").read_text(encoding="utf-8").splitlines()
    concerns = [{**one, "confidence": 0.5} for line in lines for one in json.loads(line)["concerns"]]
    chosen = concerns[: COMPLETIONS * CONCERNS]
    assert len({one["text"] for one in chosen}) == COMPLETIONS * CONCERNS
    return [json.dumps({"concerns": chosen[start::COMPLETIONS]}) for start in range(COMPLETIONS)]


def main(folder: Path) -> None:
    contract = Contract.load("demo-topic")
    vectorizer = Timed(contract)
    references = References(load_split(folder, "train"), contract, Contract.load("v3"), vectorizer)
    scorer = ReviewReward(references, vectorizer, RewardComposer(WEIGHTS))
    written = completions(folder)
    scorer.score(references.ids[0], written)  # loads the model
    first: list[tuple[float, float]] = []
    again: list[tuple[float, float]] = []
    encoding = []
    for article_id in references.ids:
        for seconds in (first, again):  # the article is prepared at the first
            vectorizer.seconds, wall, own = 0.0, time.perf_counter(), time.process_time()
            scorer.score(article_id, written)
            seconds.append((time.perf_counter() - wall, time.process_time() - own))
        encoding.append(vectorizer.seconds)
    print(f"{COMPLETIONS} completions of {CONCERNS} concerns, {len(references.ids)} articles")
    for name, seconds in (("first of an article", first), ("again", again)):
        for kind, values in zip(("wall", "processor"), zip(*seconds, strict=True), strict=True):
            print(f"  {name}, {kind}: median {statistics.median(values):.3f} s, greatest {max(values):.3f} s")
    print(f"  encoding: {sum(encoding) / sum(wall for wall, _ in again):.0%} of the wall time")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
