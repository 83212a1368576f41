"""`bench data lint`: what is wrong, odd or worth knowing about articles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import options
from bioreview_bench.errors import SHOWN

if TYPE_CHECKING:
    from bioreview_bench.curation.lint.run import LintReport, PlacedFinding


@click.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option(
    "--level",
    type=click.Choice(["error", "warning", "note"]),
    default="note",
    show_default=True,
    help="The least that is listed.",
)
@click.option("--all", "everything", is_flag=True, help="List all findings, not only ten of a level.")
@click.option("--rules", is_flag=True, help="List the rules, and lint nothing.")
@options.format_option("text", "json")
def lint(path: Path | None, level: str, everything: bool, rules: bool, form: str) -> int:
    """Check the articles of PATH, rule by rule.

    PATH is a data folder, a file of articles, demo, v3 or v4. Every finding has its file, line, field and rule.
    Errors are what commands refuse or what makes a score wrong, warnings are very likely mistakes, notes are worth
    knowing. The exit code is 2 when there are errors.

    \b
    Examples:
      bench data lint my/folder
      bench data lint my/folder --level warning --all
      bench data lint test.jsonl --format json
      bench data lint --rules
    """
    if rules:
        _show_rules(form)
        return 0
    if path is None:
        raise click.UsageError("Missing argument 'PATH'.")
    from bioreview_bench.curation.lint import run
    from bioreview_bench.curation.lint.rules import LEVELS, RULES
    from bioreview_bench.data.load import locate

    if not path.exists():
        path = locate(str(path))[1]
    report = run.lint(path)
    wanted = LEVELS[: LEVELS.index(level) + 1]
    found = [one for one in report.findings if RULES[one.finding.rule].level in wanted]
    if form == "json":
        options.show_json(_as_json(path, report, found))
    else:
        for name in wanted:
            _print_level(name, [one for one in found if RULES[one.finding.rule].level == name], report, everything)
        _print_summary(path, report)
    return 2 if report.by_level["error"] else 0


def _print_level(level: str, found: list[PlacedFinding], report: LintReport, everything: bool) -> None:
    shown = found if everything else found[:SHOWN]
    for one in shown:
        place = f"{one.file}:{one.line}" if one.line else one.file
        where = f" {one.finding.field}" if one.finding.field else ""
        click.echo(f"{place}: {level} {one.finding.rule}{where}: {one.finding.message}")
    left = report.by_level[level] - len(shown)
    if left:
        hint = " (--all lists them)" if not everything else ""
        click.echo(f"  ... and {left:,} more {level}s{hint}")


def _print_summary(path: Path, report: LintReport) -> None:
    from bioreview_bench.curation.lint.rules import LEVELS, RULES
    from bioreview_bench.report.blocks import Table

    if report.counts:
        in_order = [rule for level in LEVELS for rule in RULES.values() if rule.level == level]
        rows = [[rule.level, rule.id, f"{report.counts[rule.id]:,}"] for rule in in_order if report.counts[rule.id]]
        options.show([Table("Findings by rule", ["level", "rule", "findings"], rows)])
    counts = ", ".join(f"{n:,} {level}{'' if n == 1 else 's'}" for level, n in report.by_level.items())
    click.echo(f"{path}: {report.articles:,} articles, {report.concerns:,} concerns: {counts}.")


def _as_json(path: Path, report: LintReport, found: list[PlacedFinding]) -> dict[str, Any]:
    from bioreview_bench.curation.lint.rules import RULES

    return {
        "path": str(path),
        "n_articles": report.articles,
        "n_concerns": report.concerns,
        "by_level": report.by_level,
        "by_rule": dict(report.counts),
        "findings": [
            {
                "file": one.file,
                "line": one.line or None,
                "article_id": one.article_id or None,
                "field": one.finding.field or None,
                "level": RULES[one.finding.rule].level,
                "rule": one.finding.rule,
                "message": one.finding.message,
            }
            for one in found
        ],
    }


def _show_rules(form: str) -> None:
    from dataclasses import asdict

    from bioreview_bench.curation.lint.rules import RULES
    from bioreview_bench.report.blocks import Table

    if form == "json":
        options.show_json([asdict(rule) for rule in RULES.values()])
        return
    rows = [[rule.id, rule.level, rule.text] for rule in RULES.values()]
    options.show([Table("Rules", ["rule", "level", "what is found"], rows)])
