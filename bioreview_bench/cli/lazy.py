"""A group of commands that imports one only when it is wanted, so that help stays instant."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """`table` maps a command's name to where it is (`module:attribute`) and what help says of it.

    `before` is called when a command is carried out, after its arguments are read and its help could be shown.
    """

    def __init__(
        self,
        *arguments: Any,
        table: Mapping[str, tuple[str, str]],
        before: Callable[[], None] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self.table = table
        self.before = before

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self.table:
            return None
        module, _, attribute = self.table[cmd_name][0].partition(":")
        return self.prepared(getattr(import_module(module), attribute))

    def prepared(self, command: click.Command) -> click.Command:
        """The command, with `before` in front of what it does."""
        before, does = self.before, command.callback
        if before is None or does is None:
            return command

        @functools.wraps(does)
        def first(*arguments: Any, **options: Any) -> Any:
            before()
            return does(*arguments, **options)

        command = copy.copy(command)
        command.callback = first
        return command

    def summaries(self) -> list[tuple[str, str]]:
        """(name, summary) for the list in help."""
        return [(name, summary) for name, (_, summary) in self.table.items()]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(self.summaries())
