"""`bench train config`: which configs there are, what one says, and a copy to change."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from bioreview_bench.cli import options


@click.group()
def config() -> None:
    """List the package's configs, show one with all that it inherits and that its method pins, or copy one to change.

    \b
    Examples:
      bench train config list
      bench train config copy qwen3_8b mine.yaml
      bench train config show qwen3_8b
      bench train config show mine.yaml --set trl.learning_rate=1e-4 --format json
    """


@config.command("list")
@options.format_option("text", "json")
def list_(form: str) -> None:
    """List configs with method, base model and a one-line description.

    \b
    Examples:
      bench train config list
    """
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
    Examples:
      bench train config show qwen3_8b
      bench train config show mine.yaml --set trl.learning_rate=1e-4

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


@config.command()
@click.argument("name", metavar="NAME|FILE")
@click.argument("out", metavar="NEW_FILE", type=click.Path(path_type=Path))
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a value; may be repeated.")
def copy(name: str, out: Path, settings: tuple[str, ...]) -> None:
    """Write a config with all that it inherits into NEW_FILE, to be changed. Its name is that of the file.

    What its method pins is left out; bench train config show NEW_FILE prints that too.

    \b
    Examples:
      bench train config copy qwen3_8b mine.yaml
      bench train config copy qwen3_8b mine.yaml --set trl.learning_rate=1e-4

    \b
    Exit codes: 0 done, 2 no such config, one that does not hold, or NEW_FILE is there, 3 a library is missing, 6
    cannot write.
    """
    from bioreview_bench.errors import InputError
    from bioreview_bench.files.atomic import make_folder, write_files

    from ..config.files import changed, dump, read_values
    from ..config.load import load, stated

    if out.exists():
        raise InputError(f"{out} is there already.", remedy="name a new file, or remove that one")
    method = str(stated(name).get("method"))
    settings = (f"name={out.stem}", *settings)
    load(method, name, settings)
    values = changed(read_values(name), settings)
    make_folder(out.parent)
    write_files({out: f"# A copy of {name}, with all that it inherits.\n{dump(values)}".encode()})
    click.echo(f"{out}: a copy of {name}")
    click.echo(f"Next: bench train {method} {shlex.quote(str(out))} --dry-run")
