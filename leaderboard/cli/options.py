"""What the commands share: the check that the extra `leaderboard` is installed, and `--db`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from bioreview_bench.errors import EncoderError
from bioreview_bench.files.install import install_command

if TYPE_CHECKING:
    from ..store.database import Database

VARIABLE = "BIOREVIEW_DB"


def _without_password(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    """Refuse a password among the arguments, where every user of the machine could read it."""
    _, mark, rest = value.partition("://")
    login = rest.rpartition("@")[0] if mark else ""
    if ":" in login.split("/")[0] and ctx.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE:
        raise click.BadParameter(
            f"a password can be read by every user of this machine; put it in ~/.pgpass, PGPASSWORD or {VARIABLE}"
        )
    return value


db_option = click.option(
    "--db",
    default="board.sqlite",
    show_default=True,
    envvar=VARIABLE,
    callback=_without_password,
    metavar="FILE|URL",
    help=f"The board: a SQLite file, or postgresql://USER@HOST/NAME. {VARIABLE} names it, too.",
)


@contextmanager
def board(where: str) -> Iterator[Database]:
    """The board, opened and closed again. Raises InputError, DataError when it is not there or not of this version."""
    from ..store.database import Database

    with closing(Database(where)) as db:
        db.require_current()
        yield db


_PACKAGES = (
    "alembic",
    "confusable_homoglyphs",
    "fastapi",
    "httpx",
    "itsdangerous",
    "psycopg",
    "python_multipart",
    "sqlalchemy",
    "uvicorn",
    "yaml",
)


def require_leaderboard() -> None:
    """Raise EncoderError when packages of the extra `leaderboard` are not installed."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise EncoderError(
            f"Boards need {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed.",
            remedy=install_command("leaderboard"),
        )
