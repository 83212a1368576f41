"""`bench train pairs`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import options

from .generate import engine_option, tensor_parallel_option

if TYPE_CHECKING:
    from ..corpora.files import TrainingCorpus
    from ..publish.generate import ReviewRequest

_SAMPLING = ("samples", "model", "adapters", "temperature", "seed", "parameters", "engine", "tensor_parallel")
_WEIGHTS = "groundedness=0.65,coverage=0.35"


@click.command()
@options.output_option("The folder to write.", required=True)
@click.option(
    "--corpus", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Whose prompts were, or are, asked."
)
@options.data_option
@click.option(
    "--predictions", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
    help="Reviews of the train split, with their raw output; two files or more.",
)  # fmt: skip
@click.option("--samples", type=click.IntRange(2, 64), metavar="N", help="Instead: let a model review so many times.")
@click.option("--model", metavar="MODEL", help="With --samples. Default: the one that the first adapter records.")
@click.option("--adapter", "adapters", multiple=True, metavar="DIR", help="With --samples, in order.")
@click.option(
    "--temperature",
    type=click.FloatRange(0, 2, min_open=True),
    default=1.0,
    show_default=True,
    help="Of --samples: higher makes them differ more.",
)
@click.option("--seed", type=click.IntRange(min=0), default=42, show_default=True, help="Of the first sample; then +1.")
@engine_option
@tensor_parallel_option
@click.option("--param", "parameters", multiple=True, metavar="K=V", help="As for bench baseline; may be repeated.")
@click.option("--contract", default="reader", show_default=True, metavar="NAME|FILE", help="How rewards compare.")
@click.option("--board", default="v3", show_default=True, metavar="NAME|FILE", help="How the board does: not the same.")
@click.option("--weights", default=_WEIGHTS, show_default=True, metavar="NAME=W,...", help="Of the rewards.")
@click.option("--margin", type=float, default=0.1, show_default=True, help="Least difference of the rewards of a pair.")
@click.option("--ratio", type=float, default=1.5, show_default=True, help="Greatest ratio of the lengths of a pair.")
@options.format_option("text", "json")
@options.quiet_option
@click.pass_context
def pairs(
    ctx: click.Context, /, out: Path, corpus: Path, predictions: tuple[Path, ...], form: str, quiet: bool, **given: Any
) -> None:
    """Make preference pairs for bench train dpo: several reviews of each train article, scored by the rewards; the
    better and the worse one of an article are a pair.

    Rewards differ by --margin at least, lengths by --ratio at most, and the chosen text is the longer one as often as
    it is the shorter. Everything is recorded: scores.jsonl has every sample, manifest.json what was dropped and why.

    \b
    Examples:
      bench train pairs --corpus corpora/a --data v3 --samples 8 --adapter runs/sft-a -o pairs/a
      bench train pairs --corpus corpora/a --data v3 --samples 8 --adapter runs/sft-a --engine vllm -o pairs/a
      bench train pairs --corpus corpora/a --data v3 --predictions runs/a-1/predictions.jsonl \\
          --predictions runs/a-2/predictions.jsonl -o pairs/a

    \b
    Exit codes: 0 done, 2 bad input or usage, 3 encoder or model unavailable, 4 data missing or no pair left, 6 cannot
    write.
    """
    from bioreview_bench.cli.progress import ProgressBar
    from bioreview_bench.data.load import load_split
    from bioreview_bench.errors import InputError
    from bioreview_bench.files.atomic import check_writable, make_folder

    from ..corpora.files import MANIFEST, read_corpus, require_messages
    from ..dpo.pairs import choose, read_predictions, score_all, write_pairs
    from ..rewards.composer import RewardComposer
    from ..rewards.review import ReviewReward

    sampling = {name: given.pop(name) for name in _SAMPLING}
    data, weights = given.pop("data"), options.weights(given.pop("weights"), f"--weights {_WEIGHTS}")
    if (sampling["samples"] is None) == (not predictions):
        raise click.UsageError("Give either --predictions (twice or more) or --samples N.")
    if len(predictions) == 1:
        raise InputError("One file of predictions gives no pairs.", remedy="--predictions A --predictions B")
    read = read_corpus(corpus)
    require_messages(read)
    check_writable(make_folder(out) / MANIFEST)
    reward = ReviewReward.load(load_split(data, "train"), given["contract"], given["board"], RewardComposer(weights))
    articles = (row["article_id"] for row in read.train)
    reward.require_known(articles, data, "name the data that the corpus was made from")
    requests = [] if predictions else _requests(out, data, read, quiet, sampling)
    texts = [read_predictions(path, read) for path in (*predictions, *(_reviewed(ctx, one) for one in requests))]
    bar = ProgressBar("Scoring articles", len(read.train), quiet)
    try:
        scored, kept = score_all(read, texts, reward.score, lambda done, of: bar.show(done))
    finally:
        bar.stop()
    facts = {**given, "weights": weights, "predictions": [{"name": one.name, **one.facts} for one in texts]}
    manifest = write_pairs(out, read, choose(scored, given["margin"], given["ratio"]), kept, facts)
    if form == "json":
        options.show_json(manifest)
        return
    n_pairs, dropped = manifest["files"]["pairs.jsonl"]["rows"], manifest["dropped"]
    click.echo(f"{out}: {n_pairs:,} pairs of {len(scored):,} articles, out of {len(kept):,} samples")
    click.echo(f"  chosen longer {manifest['chosen_longer']:,}, shorter {manifest['chosen_shorter']:,}")
    click.echo(f"  articles without a pair: {', '.join(f'{name} {n:,}' for name, n in dropped.items())}")
    words = ["--data", str(out), *(word for adapter in sampling["adapters"] for word in ("--adapter", adapter))]
    words += ["--model", sampling["model"]] if sampling["model"] else []
    click.echo(f"Next: bench train dpo dpo_review {shlex.join(words)} --dry-run")


def _requests(
    out: Path, data: str, corpus: TrainingCorpus, quiet: bool, sampling: dict[str, Any]
) -> list[ReviewRequest]:
    """A run of `bench baseline` for each sample, by seed.

    The model is asked as the corpus asks; adapters that were trained to be asked otherwise are an error.
    """
    from ..models.adapters import resolved
    from ..publish.generate import ReviewRequest

    facts, adapters = corpus.manifest, tuple(map(resolved, sampling["adapters"]))
    parallel = sampling["tensor_parallel"]
    passed = [*(["--quiet"] if quiet else []), *(["--tensor-parallel", str(parallel)] if parallel else [])]
    return [
        ReviewRequest(
            sampling["model"], adapters, data, "train", out / "samples" / f"seed-{seed}", sampling["engine"], seed,
            parameters=(f"temperature={sampling['temperature']}", *sampling["parameters"]),
            prompt=None if adapters else facts["prompt"]["id"], thinking=facts["thinking"], budget=facts["budget"],
            counter=facts["counter"]["name"], passed=tuple(passed),
        )
        for seed in range(sampling["seed"], sampling["seed"] + sampling["samples"])
    ]  # fmt: skip


def _reviewed(ctx: click.Context, request: ReviewRequest) -> Path:
    """The predictions of a run, which is resumed if it is there already."""
    from ..publish.generate import plan
    from .generate import run_bench

    planned = plan(request)
    planned.write()
    run_bench(ctx, planned.arguments)
    return planned.out / "predictions.jsonl"
