"""`bench train config`: which configs there are, and what one says."""

from __future__ import annotations

import click

from bioreview_bench.cli import options


@click.group()
def config() -> None:
    """List the package's configs, or show one with all that it inherits and that its method pins.

    \b
    Examples:
      bench train config list
      bench train config show qwen3_8b
      bench train config show mine.yaml --set trl.learning_rate=1e-4 --format json
    """


@config.command("list")
@options.format_option("text", "json")
def list_(form: str) -> None:
    """List configs with method, base model and a one-line description."""
    from ..config.files import presets, read_values

    rows = [(name, read_values(name)) for name in presets()]
    facts = [
        {"name": name, "method": row["method"], "model": row["model"]["name"], "about": row["about"]}
        for name, row in rows
    ]
    if form == "json":
        options.show_json(facts)
        return
    widths = {key: max(len(row[key]) for row in facts) for key in ("name", "method", "model")}
    for row in facts:
        click.echo("  ".join([*(f"{row[key]:<{width}}" for key, width in widths.items()), row["about"]]))


@config.command()
@click.argument("name", metavar="NAME|FILE")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a value; may be repeated.")
@options.format_option("yaml", "json")
def show(name: str, settings: tuple[str, ...], form: str) -> None:
    """Validate a config and print it resolved.

    What is printed is itself a valid config.
    \b
    Exit codes: 0 done, 2 the config does not hold (every problem is listed), 3 a library is missing.
    """
    from ..config.files import dump
    from ..config.load import load, stated

    values = load(str(stated(name).get("method")), name, settings).model_dump(mode="json")
    if form == "json":
        options.show_json(values)
    else:
        click.echo(dump(values), nl=False)
