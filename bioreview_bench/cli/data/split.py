"""`bench data split`: articles into train, val and test, no family of manuscripts in two of them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import options
from bioreview_bench.errors import InputError, did_you_mean, printable

if TYPE_CHECKING:
    from bioreview_bench.curation.split.make import Division


@click.command()
@click.argument("data")
@options.path_option("-o", "--output", metavar="FOLDER", text="Folder to make. Default: DATA-split.")
@click.option("--test", "counts", metavar="SOURCE=N,...", help="Articles to test on, by source.")
@click.option("--ratio", metavar="A,B,C", help="Shares of train, val and test, such as .7,.15,.15.")
@options.path_option("--frozen-test", metavar="IDS.json", text="Test on these ids: a list, or an earlier manifest.")
@click.option(
    "--val", type=click.FloatRange(0, 1, max_open=True), help="Share of val in what is not test. Default: 0.15."
)
@click.option("--seed", type=int, default=42, show_default=True, help="Decides which families are drawn.")
@click.option(
    "--by",
    default="source",
    show_default=True,
    metavar="FIELD,...",
    help="Stratify: source, review_format, year, license, editorial_decision.",
)
@click.option("--after", metavar="DATE", help="Test only on articles published after this day (YYYY-MM-DD).")
@options.format_option("text", "json")
def split(
    data: str,
    output: Path | None,
    counts: str | None,
    ratio: str | None,
    frozen_test: Path | None,
    val: float | None,
    seed: int,
    by: str,
    after: str | None,
    form: str,
) -> None:
    """Divide articles so that no family of manuscripts is in two splits.

    DATA is a data folder, a file of articles, demo, v3 or v4. A family: versions of one DOI or id, the same title,
    nearly the same title or abstract. Corrections and retractions are left out. The same input and seed give the same
    bytes; an existing split is never overwritten.

    \b
    Examples:
      bench data split articles/ -o fresh --test elife=150,plos=150 --after 2025-06-30
      bench data split articles.jsonl -o fresh --ratio .7,.15,.15 --by source,review_format
      bench data split articles/ -o next --frozen-test fresh/split-manifest.json --val 0.1
    """
    from bioreview_bench.cli.data.dates import day
    from bioreview_bench.curation.split.files import check_new, split_articles
    from bioreview_bench.curation.split.make import Wish
    from bioreview_bench.data.load import stored_articles

    if sum(given is not None for given in (counts, ratio, frozen_test)) != 1:
        raise InputError(
            "Say what to test on, in one way.",
            remedy="--test elife=150,plos=150, --ratio .7,.15,.15 or --frozen-test IDS.json",
        )
    if ratio is not None and val is not None:
        raise InputError("--ratio says the share of val already.", remedy="leave --val out")
    wish = Wish(
        _counts(counts) if counts is not None else None,
        _ratio(ratio) if ratio is not None else None,
        _ids(frozen_test) if frozen_test is not None else None,
        0.15 if val is None else val,
        seed,
        _fields(by),
        day(after, "--after") if after is not None else None,
    )
    folder = output or Path(data).with_name(f"{Path(data).resolve().stem}-split")
    check_new(folder)
    manifest, division = split_articles(stored_articles(data), folder, wish)
    if form == "json":
        options.show_json(manifest)
        return
    _show(manifest, division, folder)


def _show(manifest: dict[str, Any], division: Division, folder: Path) -> None:
    from bioreview_bench.data.vocabulary import sources_in_order
    from bioreview_bench.report.blocks import Table

    splits = manifest["splits"]
    sources = sources_in_order(source for split in splits.values() for source in split["by_source"])
    rows = [
        [
            name,
            f"{split['articles']:,}",
            f"{split['references']:,}",
            *(f"{split['by_source'].get(s, 0):,}" for s in sources),
            split["fingerprint"],
        ]
        for name, split in splits.items()
    ]
    options.show([Table(f"Splits in {folder}", ["split", "articles", "references", *sources, "fingerprint"], rows)])
    several = manifest["families"]["of_several"]
    largest = max(map(len, several), default=1)
    click.echo(
        f"{manifest['families']['n']:,} families, {len(several):,} of several articles (the largest has {largest:,}); "
        f"left out: {len(division.left_out):,}"
        + (f" (see left_out in {folder / 'split-manifest.json'})." if division.left_out else ".")
    )
    _say_short(manifest, largest)
    left = manifest["leftovers"]
    click.echo(
        f"Leftovers: {left['families_in_two_splits']} families in two splits, "
        f"{left['articles_unassigned']} articles in none."
    )
    click.echo(f"Next: bench audit {shlex.quote(str(folder))} --strict")


def _say_short(manifest: dict[str, Any], largest: int) -> None:
    """Say which splits have less than their share by more than a family."""
    wanted, splits = manifest["wanted"], manifest["splits"]
    n_articles = sum(split["articles"] for split in splits.values())
    for name, share in zip(("train", "val", "test"), wanted["ratio"] or (), strict=False):
        there = splits[name]["articles"] if name in splits else 0
        if share and (not there or share * n_articles - there > largest):
            why = f": no more appeared after {wanted['after']}" if name == "test" and wanted["after"] else ""
            click.echo(f"{name} has {there:,} articles instead of {share * n_articles:,.1f}{why}.")


def _counts(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in text.split(","):
        source, equals, number = part.strip().partition("=")
        if not (source and equals and re.fullmatch(r"[0-9]{1,9}", number)) or source in found or int(number) == 0:
            raise InputError(
                f'--test "{printable(text)}" is not SOURCE=N,... with each source once.',
                remedy="--test elife=150,plos=150",
            )
        found[source] = int(number)
    return found


def _ratio(text: str) -> tuple[float, float, float]:
    try:
        train, val, test = (float(part) for part in text.split(","))
    except ValueError:
        train = val = test = -1.0
    if not (min(train, val, test) >= 0 and abs(train + val + test - 1) < 1e-9):
        raise InputError(
            f'--ratio "{printable(text)}" is not three shares (train, val, test) with the sum 1.',
            remedy="--ratio .7,.15,.15",
        )
    return train, val, test


def _ids(path: Path) -> list[str]:
    import json

    from bioreview_bench.data.article import canonical_id
    from bioreview_bench.files.reading import read_filled

    remedy = 'name a file with ["id", ...], {"test": ["id", ...]}, or a split-manifest.json'
    text = read_filled(path, InputError, remedy, "utf-8-sig")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON.", remedy=remedy) from error
    if isinstance(value, dict):
        value = value.get("splits", value)
        value = value.get("test") if isinstance(value, dict) else None
        value = value.get("ids") if isinstance(value, dict) else value
    if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
        raise InputError(f"{path} has no list of test ids.", remedy=remedy)
    ids = [canonical_id(each) for each in value]
    if len(set(ids)) < len(ids):
        raise InputError(f"{path} has an id twice.", remedy="name each id once")
    return ids


def _fields(text: str) -> tuple[str, ...]:
    from bioreview_bench.curation.split.make import STRATA

    fields = tuple(part.strip() for part in text.split(","))
    for field in fields:
        if field not in STRATA:
            raise InputError(
                f'Splits are not stratified by "{printable(field)}".',
                remedy=f"{did_you_mean(field, STRATA)}--by any of {', '.join(STRATA)}",
            )
    return fields
