"""`bench data extract`: concerns from letters, by rules or by a model."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import options
from bioreview_bench.cli.progress import CallConsole
from bioreview_bench.errors import InputError, Problem, RemoteError, printable

if TYPE_CHECKING:
    from bioreview_bench.curation.extraction.model.extract import Extraction, ModelExtractor
    from bioreview_bench.data.article import Article, Concern

RULES = "rules"
_OF_MODELS = ("prices", "max_cost", "dry_run", "base_url", "key_variable", "concurrency")


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@options.path_option("-o", "--output", metavar="FILE.jsonl", text="Articles with the extracted concerns.")
@click.option(
    "--with",
    "by",
    default=RULES,
    show_default=True,
    metavar="NAME",
    help="rules, gpt-4o-mini, openai:MODEL, google:MODEL or vllm:MODEL (parameters: MODEL?temperature=1&seed=2).",
)
@click.option("--compare", is_flag=True, help="Instead, compare with the concerns that the articles have.")
@options.path_option("--prices", metavar="FILE", text="What the model's tokens cost. Default: bench baseline prices.")
@click.option("--max-cost", type=click.FloatRange(min=0), metavar="USD", help="Stop before it costs more.")
@click.option("--dry-run", is_flag=True, help="Count calls, tokens and cost; send and write nothing.")
@click.option("--base-url", metavar="URL", help="Where the model is served.")
@click.option("--key-variable", metavar="NAME", help="The environment variable that holds the key.")
@click.option("--concurrency", type=click.IntRange(min=1), metavar="N", help="Calls in flight at once. Default: 8.")
@options.format_option("text", "json")
@options.quiet_option
def extract(path: Path, output: Path | None, by: str, form: str, quiet: bool, **asking: Any) -> None:
    """Find the concerns in the letters of articles, by rules or by a language model.

    PATH is a data folder or a file of articles with decision_letter_raw. Every concern is a verbatim part of its
    letter, every reply paragraphs of the response. Rules work offline; their labels are a start for people or a model
    to correct. A model is asked about each reviewer's report, whole, in two stages; answers are stored, so the same
    command goes on after an interruption. An article with a report that fails is left out and named (exit code 5).
    --compare says how far concerns and labels agree with those that are there.

    \b
    Examples:
      bench data extract parsed.jsonl -o articles.jsonl
      bench data extract parsed.jsonl -o made/articles.jsonl --with gpt-4o-mini --dry-run
      bench data extract my/folder --compare --with vllm:MODEL
    """
    from bioreview_bench.files.atomic import check_writable, make_folder

    if not asking["dry_run"] and (output is None) != asking["compare"]:
        raise InputError("Say where the articles go, or --compare.", remedy="-o articles.jsonl")
    if output is not None and not asking["dry_run"]:
        make_folder(output.parent)
        check_writable(output)
    if by == RULES:
        _by_rules(path, output, form, asking)
    else:
        _by_model(path, output, by, form, quiet, asking)


def _by_rules(path: Path, output: Path | None, form: str, asking: Mapping[str, Any]) -> None:
    from bioreview_bench.curation.extraction.model.manifest import not_its_own
    from bioreview_bench.curation.extraction.rules import RULES as RULES_ID
    from bioreview_bench.curation.extraction.rules import extract_by_rules

    useless = [name for name in _OF_MODELS if asking[name] not in (None, False)]
    if useless:
        raise InputError(
            f"Rules have no use for --{useless[0].replace('_', '-')}.", remedy="leave it out, or --with openai:MODEL"
        )
    articles, lettered = _read(path, compare=output is None)
    found = {article.id: extract_by_rules(article) for article in lettered}
    if output is None:
        _show_agreement(lettered, found, form)
        return
    rows = [
        article.model_copy(update={"concerns": found[article.id], "extraction_manifest_id": RULES_ID})
        if article.id in found
        else article
        for article in articles
    ]
    lines = _lines(rows)
    if output.exists() and output.read_bytes() != lines:
        raise not_its_own(output)
    _write(output, lines, found, len(articles))


def _by_model(path: Path, output: Path | None, by: str, form: str, quiet: bool, asking: Mapping[str, Any]) -> None:
    from bioreview_bench.curation.extraction.model.manifest import require_own

    extractor = _extractor(by, asking)
    articles, lettered = _read(path, compare=asking["compare"])
    if asking["dry_run"]:
        plan = extractor.plan(lettered)
        if form == "json":
            options.show_json(plan.as_dict())
        else:
            click.echo("\n".join(plan.lines()))
        plan.require_affordable(extractor.settings.max_cost)
        return
    manifest = None if output is None else require_own(output, _files(path))
    price = extractor.settings.price
    console = CallConsole("Extracting", quiet, price.date if price is not None else None)
    try:
        done = extractor.extract(lettered, lambda plan: console.say("\n".join(plan.lines())), console)
    finally:
        console.stop()
    if output is None or manifest is None:
        _require_all(done, "so nothing was compared")
        _show_agreement(lettered, done.concerns, form)
        return
    _write_extraction(path, output, manifest, articles, extractor, done)
    _require_all(done, f"and are not in {output}")


def _extractor(by: str, asking: Mapping[str, Any]) -> ModelExtractor:
    from bioreview_bench.contracts.judge_names import ModelName
    from bioreview_bench.curation.extraction.model.extract import ModelExtractor
    from bioreview_bench.llm.calls.prices import find_price, read_prices
    from bioreview_bench.llm.providers.api import OWN_KEY
    from bioreview_bench.llm.providers.failures import shown_url
    from bioreview_bench.llm.stored import CallSettings, address_of

    model = ModelName.parse(by)
    base_url, key = asking["base_url"], asking["key_variable"]
    if base_url is not None and shown_url(base_url) != base_url:
        raise InputError(
            f"The base URL at {shown_url(base_url)} carries a user, a query or a fragment, which may be secret.",
            remedy="leave it out of the address; keys go into a variable that --key-variable names",
        )
    if model.provider == "google" and base_url is not None and key is None:
        raise InputError(
            "No key is named for that address, and Google's is not sent elsewhere.", remedy="add --key-variable NAME"
        )
    if key is None and base_url is None and model.provider != "vllm":
        key = OWN_KEY  # it goes to the service that it was made for, and to another address only when named
    prices = read_prices(asking["prices"]) if asking["prices"] is not None else {}
    price = find_price(model.model, address_of(model.provider, base_url), prices)
    if asking["prices"] is not None and price is None:
        raise InputError(f"{asking['prices']} has no price for {model.model}.", remedy=f'add [models."{model.model}"]')
    return ModelExtractor(model, CallSettings(base_url, key, price, asking["max_cost"], asking["concurrency"] or 8))


def _read(path: Path, *, compare: bool) -> tuple[list[Article], list[Article]]:
    """All articles, and those with a letter, and with concerns to `compare`. Raises InputError when there are none."""
    from bioreview_bench.data.load import stored_articles

    articles = list(stored_articles(path))
    lettered = [article for article in articles if (article.decision_letter_raw or "").strip()]
    if not lettered:
        raise InputError(
            f"{path} has no article with a letter (decision_letter_raw).", remedy="bench data parse FILE.xml"
        )
    if not compare:
        return articles, lettered
    known = [article for article in lettered if article.reviewed]
    if not known:
        raise InputError(f"{path} has no concerns to compare with.", remedy=f"bench data extract {path} -o FILE.jsonl")
    return articles, known


def _files(path: Path) -> list[Path]:
    """The files that articles are read from."""
    from bioreview_bench.data.folder import data_files

    return data_files(path) if path.is_dir() else [path]


def _write_extraction(
    path: Path,
    output: Path,
    manifest: Path,
    articles: Sequence[Article],
    extractor: ModelExtractor,
    done: Extraction,
) -> None:
    from bioreview_bench.curation.extraction.model.manifest import files_read, make_manifest, manifest_id

    read = files_read(_files(path))
    name = manifest_id(extractor, read)
    rows = [
        article.model_copy(update={"concerns": done.concerns[article.id], "extraction_manifest_id": name})
        if article.id in done.concerns
        else article
        for article in articles
        if article.id not in done.failed
    ]
    lines = _lines(rows)
    said = make_manifest(extractor, done, name=name, read=read, output=output, content=lines, n_articles=len(articles))
    _write(output, lines, done.concerns, len(articles), {manifest: said})


def _lines(articles: Sequence[Article]) -> bytes:
    from bioreview_bench.files.jsonl import clean

    rows = (clean(article.model_dump(mode="json", exclude_unset=True)) for article in articles)
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _write(
    output: Path,
    lines: bytes,
    found: Mapping[str, Sequence[Concern]],
    n_articles: int,
    manifests: Mapping[Path, Mapping[str, Any]] | None = None,
) -> None:
    from bioreview_bench.files.atomic import write_files

    texts = {path: json.dumps(said, indent=1, ensure_ascii=False) + "\n" for path, said in (manifests or {}).items()}
    write_files({**{path: text.encode("utf-8", "backslashreplace") for path, text in texts.items()}, output: lines})
    n = sum(map(len, found.values()))
    click.echo(f"{output}: {n:,} concerns of {len(found):,} of {n_articles:,} articles.")
    click.echo(f"Next: bench data lint {shlex.quote(str(output))}")


def _require_all(done: Extraction, what: str) -> None:
    """Raise RemoteError naming the articles that failed."""
    if done.failed:
        raise RemoteError(
            f"{len(done.failed):,} of {len(done.failed) + len(done.concerns):,} articles failed, {what}.",
            problems=[
                Problem(printable(" ".join(why.split()), 400)) for reasons in done.failed.values() for why in reasons
            ],
            remedy="the same command again asks only for what has no valid answer",
        )


def _show_agreement(articles: Sequence[Article], found: Mapping[str, Sequence[Concern]], form: str) -> None:
    from bioreview_bench.curation.extraction.agreement import agreement
    from bioreview_bench.report.blocks import DASH, Facts, figure

    same = agreement([(article.decision_letter_raw or "", found[article.id], article.concerns) for article in articles])
    facts = {
        "n_articles": same.n_articles, "n_extracted": same.n_extracted, "n_human": same.n_human, "span_f1": same.f1,
        "character_f1": same.character_f1, "category_kappa": same.category_kappa,
        "severity_kappa": same.severity_kappa, "stance_kappa": same.stance_kappa,
    }  # fmt: skip
    if form == "json":
        options.show_json(facts)
        return
    rows = [
        (name, f"{value:,}" if isinstance(value, int) else figure(value) if value is not None else DASH)
        for name, value in facts.items()
    ]
    options.show([Facts(rows)], form)
