"""Do 95 % intervals hold the truth 95 % of the time? Simulated data sets from a population whose figures are known.

    python benchmarks/scoring/interval_coverage.py [--sets 500] [--articles 120] [--draws 2000]

Articles differ in length and difficulty, and some families have two versions that share their difficulty. The truth is
the ratio of expectations, which micro averages estimate.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from bioreview_bench.stats.uncertainty import bootstrap

METRICS = ("recall", "precision", "f1")


def draw(rng: np.random.Generator, n_families: int) -> pd.DataFrame:
    """One data set: a fifth of the families have two versions."""
    size = np.where(rng.random(n_families) < 0.2, 2, 1)
    family = np.repeat(np.arange(n_families), size)
    difficulty = np.repeat(rng.beta(2, 3, n_families), size)
    n_ref = 1 + rng.poisson(rng.gamma(4, 3.5, len(family)))
    n_pred = 1 + rng.poisson(12, len(family))
    n_matched = rng.binomial(np.minimum(n_ref, n_pred), difficulty)
    ids = [f"plos:{number:06d}" for number in range(len(family))]
    names = [f"f{number}" for number in family]
    return pd.DataFrame({"id": ids, "family": names, "n_ref": n_ref, "n_pred": n_pred, "n_matched": n_matched})


def figures(table: pd.DataFrame) -> dict[str, float]:
    """Micro recall, precision and F1 of a data set."""
    matched, references, predictions = table.n_matched.sum(), table.n_ref.sum(), table.n_pred.sum()
    return {
        "recall": matched / references,
        "precision": matched / predictions,
        "f1": 2 * matched / (references + predictions),
    }


def main() -> None:
    """Simulate and print coverage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=500)
    parser.add_argument("--articles", type=int, default=120)
    parser.add_argument("--draws", type=int, default=2000)
    arguments = parser.parse_args()
    n_families = round(arguments.articles / 1.2)
    truth = figures(draw(np.random.default_rng(0), 2_000_000))
    covered = dict.fromkeys(METRICS, 0)
    for seed in range(1, arguments.sets + 1):
        table = draw(np.random.default_rng(seed), n_families)
        for name, bounds in bootstrap(table, arguments.draws, seed).items():
            covered[name] += bounds is not None and bounds[0] <= truth[name] <= bounds[1]
    print(f"{arguments.sets} data sets of about {arguments.articles} articles, {arguments.draws} draws, nominal 95 %")
    for name in METRICS:
        print(f"{name:10} truth {truth[name]:.4f}   covered {covered[name] / arguments.sets:.1%}")


if __name__ == "__main__":
    main()
