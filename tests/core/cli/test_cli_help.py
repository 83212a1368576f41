"""Help texts: every command's, walked in this process, at the width of a plain terminal."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from bioreview_bench.cli.main import bench


def _walk(command: click.Command, ctx: click.Context) -> Iterator[click.Context]:
    yield ctx
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            assert below is not None
            yield from _walk(below, click.Context(below, info_name=name, parent=ctx, terminal_width=80))


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    """What each command prints for --help, by its path."""
    top = click.Context(bench, info_name="bench", terminal_width=80)
    return {ctx.command_path: ctx.command.get_help(ctx) for ctx in _walk(bench, top)}


def test_no_summary_is_cut_off(helps: dict[str, str]) -> None:
    assert len(helps) > 50
    cut = []
    for path, text in helps.items():
        listed = text.partition("\nCommands:\n")[2]
        cut += [f"{path}: {line.strip()}" for line in listed.splitlines() if line.endswith("...")]
    assert not cut


def test_every_command_says_what_it_does(helps: dict[str, str]) -> None:
    bare = [
        f"{path}: {line.strip()}"
        for path, text in helps.items()
        for line in text.partition("\nCommands:\n")[2].splitlines()
        if line and len(line.split()) < 2
    ]
    assert not bare
