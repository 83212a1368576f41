"""A group of commands that imports one only when it is wanted, so that help stays instant."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import click

from bioreview_bench.errors import InputError, did_you_mean, printable


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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A command by its name. Raises InputError naming the nearest ones."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and self.get_command(ctx, name) is None:
            raise InputError(
                f'There is no command "{ctx.command_path} {printable(name)}".', remedy=self._meant(ctx, name)
            )
        return super().resolve_command(ctx, args)

    def _meant(self, ctx: click.Context, wrong: str) -> str:
        """The commands whose summary has the word, else the one whose name is near."""
        word = wrong.lower()
        about = [name for name, text in self.summaries() if len(word) > 2 and word in text.lower()]
        meant = f"did you mean {' or '.join(about[:3])}? " if about else did_you_mean(word, self.list_commands(ctx))
        return f"{meant}{ctx.command_path} --help lists the commands"

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


class _Unnamed(click.Context):
    @property
    def command_path(self) -> str:
        """That of the group."""
        return self.parent.command_path if self.parent is not None else super().command_path


class UnnamedCommand(click.Command):
    """A command that is called by the name of its group alone, and shown so in usage and messages."""

    context_class = _Unnamed
