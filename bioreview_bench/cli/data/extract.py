"""`bench data extract`: concerns from letters."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click

from bioreview_bench.cli import options
from bioreview_bench.errors import InputError


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@options.path_option("-o", "--output", metavar="FILE.jsonl", text="Articles with the extracted concerns.")
@click.option("--compare", is_flag=True, help="Instead, compare with the concerns that the articles have.")
@options.format_option("text", "json")
def extract(path: Path, output: Path | None, compare: bool, form: str) -> None:
    """Find the concerns in the letters of articles, by rules.

    PATH is a data folder or a file of articles with decision_letter_raw. Every concern is a verbatim part of its
    letter; replies are found where the response quotes the letter. Labels are a start for people or a model to correct:
    --compare says how far they agree with labels that are there.

    \b
    Examples:
      bench data extract parsed.jsonl -o articles.jsonl
      bench data extract my/folder --compare
    """
    from bioreview_bench.curation.extraction.rules import extract_by_rules
    from bioreview_bench.data.folder import ALL, read_articles, read_split
    from bioreview_bench.files.atomic import check_writable, write_files
    from bioreview_bench.files.jsonl import clean

    if (output is None) != compare:
        raise InputError("Say where the articles go, or --compare.", remedy="-o articles.jsonl")
    if output is not None:
        check_writable(output)
    articles = read_split(path, ALL) if path.is_dir() else read_articles([path])
    lettered = [article for article in articles if article.decision_letter_raw]
    if not lettered:
        raise InputError(
            f"{path} has no article with a letter (decision_letter_raw).", remedy="bench data parse FILE.xml"
        )
    found = {article.id: extract_by_rules(article) for article in lettered}
    if output is None:
        from bioreview_bench.curation.extraction.agreement import agreement
        from bioreview_bench.report.blocks import DASH, Facts, figure

        known = [article for article in lettered if article.reviewed]
        same = agreement(
            [(article.decision_letter_raw or "", found[article.id], article.concerns) for article in known]
        )
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
        return
    rows_of = (
        article.model_copy(update={"concerns": found[article.id]}) if article.id in found else article
        for article in articles
    )
    lines = [json.dumps(clean(a.model_dump(mode="json", exclude_unset=True)), ensure_ascii=False) for a in rows_of]
    write_files({output: ("\n".join(lines) + "\n").encode()})
    n = sum(map(len, found.values()))
    click.echo(f"{output}: {n:,} concerns of {len(lettered):,} of {len(articles):,} articles.")
    click.echo(f"Next: bench data lint {shlex.quote(str(output))}")
