"""`bench config`: settings that are remembered."""

from __future__ import annotations

import click

from bioreview_bench.cli import options
from bioreview_bench.errors import BenchError, DataError, InputError
from bioreview_bench.files import settings

_here = click.option("--here", is_flag=True, help=f"Write {settings.LOCAL_FILE} in this folder, not the user's file.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def config() -> None:
    """Remember which data, contract, encoder folder and board commands mean when none is named.

    An option that is typed comes first, then an environment variable, then bioreview.toml in the working folder, then
    the user's file. No secret is kept: keys and tokens stay in environment variables.

    \b
    Examples:
      bench config set data v3=/data/v3
      bench config set --here contract reader
      bench config list
    """


@config.command("set")
@click.argument("key")
@click.argument("value")
@_here
def set_(key: str, value: str, here: bool) -> None:
    """Set KEY to VALUE; bench config list shows the keys.

    \b
    Examples:
      bench config set data v3=/data/v3
      bench config set encoder specter2=/models/specter2_base
      bench config set --here board https://board.example.org
    """
    settings.check_key(key)
    if key == "contract":
        from bioreview_bench.contracts.contract import Contract

        for name in options.contract_names(value):
            Contract.load(name)
    if key == "data":
        from bioreview_bench.data.folder import check_folder, data_files
        from bioreview_bench.data.load import locate

        try:
            folder = locate(value)[1]
        except BenchError as error:
            error.remedy = (error.remedy or "").replace("--data", "bench config set data")
            raise
        check_folder(folder)
        if not data_files(folder):
            raise DataError(
                f"{folder} contains no articles.", remedy="name a folder with {train,val,test}.jsonl, or articles.jsonl"
            )
    kept = settings.check_value(key, value)
    path = settings.local_file() if here else settings.user_file()
    settings.write_setting(path, key, kept)
    click.echo(f"{key} = {kept} ({path}).")
    current = settings.setting(key)
    if current is not None and current.value != kept:
        click.echo(f"It is not used here: {current.origin} says {current.value}.", err=True)


@config.command()
@click.argument("key")
def get(key: str) -> None:
    """Print the value of KEY, and on stderr where it comes from.

    \b
    Example:
      bench config get data
    """
    settings.check_key(key)
    found = settings.setting(key)
    if found is None:
        raise InputError(f"{key} is not set.", remedy=f"bench config set {key} {settings.KEYS[key].example}")
    click.echo(found.value)
    click.echo(f"from {found.origin}", err=True)


@config.command("list")
@options.format_option("text", "json")
def list_(form: str) -> None:
    """Show every setting, its value, and where that comes from.

    \b
    Example:
      bench config list
    """
    found = {key: settings.setting(key) for key in settings.KEYS}
    if form == "json":
        options.show_json(
            {
                key: {
                    "value": one.value if one else None,
                    "origin": one.origin if one else None,
                    "variable": settings.KEYS[key].variable,
                }
                for key, one in found.items()
            }
        )
        return
    for key, one in found.items():
        click.echo(f"{key:<9} {f'{one.value}  (from {one.origin})' if one else 'not set'}")
        about = settings.KEYS[key]
        click.echo(f"{'':<9} {about.meaning}; {about.variable}, or bench config set {key} {about.example}")
    click.echo(f"Files: {settings.LOCAL_FILE} in the working folder, {settings.user_file()}")


@config.command()
@click.argument("key")
@_here
def unset(key: str, here: bool) -> None:
    """Remove KEY from the user's file, or from bioreview.toml (--here).

    \b
    Example:
      bench config unset data
    """
    settings.check_key(key)
    path = settings.local_file() if here else settings.user_file()
    if key not in settings.read_settings(path):
        raise InputError(f"{path} does not set {key}.", remedy="bench config list shows where values come from")
    settings.write_setting(path, key, None)
    click.echo(f"{key} is no longer set in {path}.")
