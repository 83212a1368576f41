"""`bench train matcher`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import options
from bioreview_bench.errors import InputError

if TYPE_CHECKING:
    from ..matcher.run import MatcherJob, TrainedMatcher


@click.command()
@click.option("--base", required=True, metavar="NAME", help="minilm, specter2, or a folder: the encoder to adapt.")
@click.option(
    "--corpus",
    "files",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Matching corpus or judged pairs. May be repeated.",
)
@click.option(
    "--train-only",
    "train_only",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Judged pairs that no audit sees, because they were written for training. May be repeated.",
)
@click.option("--data", metavar="FOLDER", help="The articles that rows with an article_id are about.")
@click.option(
    "--test",
    "tests",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Invented papers that are never trained on, for the card. May be repeated.",
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The adapter.")
@click.option("--folds", default=3, show_default=True, help="Cross-validation by article; 0 for none, and no contract.")
@click.option("--seed", default=0, show_default=True, help="Decides first weights and the order of texts.")
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the texts.")
@click.option("--rank", type=click.IntRange(min=1), help="Rank of the adapter.")
@click.option("--lr", "learning_rate", type=float, help="Learning rate.")
@click.option("--temperature", type=float, help="Of the loss: lower tells the nearest negatives apart.")
@click.option("--first-layer", type=click.IntRange(min=0), help="First layer that is adapted.")
@click.option("--threads", type=click.IntRange(min=1), help="Part of what decides the adapter's bytes.")
@click.option(
    "--transform", default="topic-3", show_default=True, metavar="NAME", help="Of the contract: none, topic-K."
)
@click.option("--dry-run", is_flag=True, help="Check and count; train nothing.")
@options.quiet_option
def matcher(
    base: str,
    files: tuple[Path, ...],
    train_only: tuple[Path, ...],
    data: str | None,
    tests: tuple[Path, ...],
    output: Path,
    folds: int,
    transform: str,
    dry_run: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Train an adapter under which an encoder matches texts that make the same point, and no others.

    The folder gets the adapter, a contract at its operating point, and its validity card, measured on articles that
    an adapter had not seen. The same command goes on where it was interrupted.

    \b
    Examples:
      bench train matcher --base minilm --corpus invented.jsonl --folds 0 -o mine
      bench train matcher --base minilm --corpus concerns.jsonl --corpus judged.jsonl --data folder -o mine
      bench evaluate predictions.jsonl --data folder --contract mine/contract.toml

    \b
    Exit codes: 0 done, 2 bad input or usage, 3 library or encoder unavailable, 4 texts about the test split,
    6 cannot write.
    """
    from bioreview_bench.contracts.transforms import CENTER, is_known

    from ..matcher.run import train

    if not is_known(transform) or transform == CENTER:
        raise InputError(f'No adapter is validated under the transform "{transform}".', remedy="use none or topic-K")
    texts = _Texts(files, train_only, data, tests)
    job = replace(_job(base, texts, output, folds, given), transform=transform)
    for line in _plan(job):
        click.echo(line, err=not dry_run)
    if not dry_run:
        for line in _report(job, train(job, (lambda line: None) if quiet else _say)):
            click.echo(line)


def _say(line: str) -> None:
    click.echo(line, err=True)


@dataclass(frozen=True)
class _Texts:
    """Where the texts are: see the options."""

    corpus: Sequence[Path]
    train_only: Sequence[Path]
    data: str | None
    tests: Sequence[Path]


def _job(base: str, texts: _Texts, output: Path, folds: int, given: dict[str, Any]) -> MatcherJob:
    from bioreview_bench.data.folder import ALL, read_split
    from bioreview_bench.encoders.files import resolve_spec
    from bioreview_bench.encoders.registry import LOCAL_PREFIX, EncoderSpec, find_spec
    from bioreview_bench.errors import cannot_write
    from bioreview_bench.files.atomic import check_writable
    from bioreview_bench.validity.corpus import read_corpus

    from ..config.load import require_training
    from ..matcher.papers import read_material, split_folds
    from ..matcher.run import CONTRACT, MatcherJob
    from ..matcher.settings import Settings

    require_training()
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    folder = Path(base) if Path(base).is_dir() else None
    if folder is None:
        spec = find_spec(base)
    else:
        spec = EncoderSpec(f"{LOCAL_PREFIX}{folder.resolve().name}", None, None, max_length=256)
    encoder = resolve_spec(spec, folder)
    articles = read_split(Path(texts.data), ALL) if texts.data else []
    held_back = _test_split(Path(texts.data)) if texts.data else []
    material = read_material(texts.corpus, articles, held_back, texts.train_only)
    made = split_folds(material.papers, folds) if folds else []
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(output, error) from error
    check_writable(output / CONTRACT)
    return MatcherJob(
        files=encoder,
        material=material,
        tests=tuple(read_corpus(path, ()) for path in texts.tests),
        folds=tuple(map(tuple, made)),
        settings=settings,
        max_length=min(spec.max_length, 256),
        transform="none",
        data=Path(texts.data).resolve().name if texts.data else "invented papers",
        out=output,
    )


def _test_split(folder: Path) -> list[Any]:
    from bioreview_bench.data.folder import read_split
    from bioreview_bench.errors import DataError

    try:
        return list(read_split(folder, "test"))
    except DataError:
        return []  # a folder without one


def _plan(job: MatcherJob) -> list[str]:
    material = job.material
    n_texts = sum(len(paper.texts) for paper in material.papers)
    n_judged = sum(paper.n_judged for paper in material.papers)
    lines = [
        f"{job.files.id}: rank {job.settings.rank} from layer {job.settings.first_layer}, seed {job.settings.seed}, "
        f"{job.settings.epochs} epochs",
        f"{n_texts:,} texts of {len(material.papers)} papers; {n_judged:,} of them judged to make a point",
    ]
    lines += [f"fold {number}: {len(ids)} papers held out" for number, ids in enumerate(job.folds, start=1)]
    return lines


def _report(job: MatcherJob, trained: TrainedMatcher) -> list[str]:
    lines = [f"{job.out}: adapter {trained.adapter.sha256[:12]} of {trained.adapter.base}"]
    if trained.card is None or trained.contract is None:
        return [*lines, "No folds of judged articles, so no contract: bench calibrate finds a threshold."]
    lines.append(f"threshold {trained.contract.threshold}; on articles that an adapter had not seen:")
    for name, figures in {**trained.card.groups, **trained.card.reviewers}.items():
        lines.append(
            f"  {name}: average precision {figures.average_precision.value}, found {figures.found.n} of "
            f"{figures.found.of}, matched {figures.matched.n} of {figures.matched.of}, of them the same point "
            f"{figures.matched_same.n}"
        )
    lines += [f"  {name}: matched {one.n} of {one.of}" for name, one in trained.card.controls.items()]
    for name, kinds in trained.card.corpus.items():
        lines += [
            f"  {name} {kind}: average precision {one.average_precision.value}, found {one.found.n} of {one.found.of}, "
            f"matched {one.matched.n} of {one.matched.of}"
            for kind, one in kinds.items()
        ]
    contract = shlex.quote(str(job.out / "contract.toml"))
    return [*lines, f"Next: bench evaluate demo:careful --data demo --split test --contract {contract}"]
