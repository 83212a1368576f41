"""What README, docs and `--help` tell people to type can be typed: commands and options exist, links lead somewhere.

Commands are read as `bench` reads them and not carried out. Outputs that pages quote have tests of their own.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click
import pytest

from bioreview_bench.cli.main import bench
from bioreview_bench.errors import InputError
from bioreview_bench.training.cluster.ready import parsed

_ROOT = Path(__file__).resolve().parents[1]
_PAGES = [_ROOT / "README.md", _ROOT / "CONTRIBUTING.md", *sorted((_ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_TYPED = re.compile(r"(?:^|(?<=[;&|(]) *|(?<=srun )|(?<=-- ))bench (?=\S)")


def typed(text: str) -> list[list[str]]:
    """The `bench` commands among lines of a shell, each as the words behind `bench`; `\\` continues a line."""
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        start = _TYPED.search(line.strip())
        words = shlex.split(line.strip()[start.end() :], comments=True) if start else []
        ends = [place for place, word in enumerate(words) if word in (">", "|", "&&")]
        words = words[: ends[0]] if ends else words
        found += [words] if words else []
        if "--" in words[:-1] and words[words.index("--") + 1] == "bench":
            found.append(words[words.index("--") + 2 :])
    return found


def in_blocks(page: Path) -> list[list[str]]:
    return [
        words for kind, text in _BLOCK.findall(page.read_text("utf-8")) if kind in ("", "bash") for words in typed(text)
    ]


def in_sentences(page: Path) -> list[list[str]]:
    """Commands in the text and in tables, which may leave out what they are not about."""
    text = _BLOCK.sub("", page.read_text("utf-8"))
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]
    return [words for span in spans for words in typed(span) if not any("..." in word for word in words)]


def refusal(words: list[str]) -> str:
    """Why `bench` would not take the words; "" when it takes them."""
    try:
        parsed(words)
    except click.exceptions.Exit:  # such as --list
        return ""
    except click.UsageError as error:
        return error.format_message()
    except InputError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_is_one_that_bench_takes(page: Path) -> None:
    refused = [f"bench {shlex.join(words)}: {why}" for words in in_blocks(page) if (why := refusal(words))]
    for words in in_sentences(page):
        why = refusal(words)
        if why and not why.startswith("Missing ") and not why.endswith("requires an argument."):
            refused.append(f"bench {shlex.join(words)}: {why}")
    assert not refused


def commands(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """A command and all below it, each with what is typed to call it."""
    yield context.command_path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, click.Context(below, info_name=name, parent=context))
        if context.command_path in ("bench baseline", "bench submit"):  # what they do with a name or a file
            name, hidden, _ = command.resolve_command(context, ["x"])
            assert hidden is not None
            yield f"{context.command_path} {name}", hidden


_COMMANDS = dict(commands(bench, click.Context(bench, info_name="bench")))


@pytest.mark.parametrize("path", _COMMANDS)
def test_every_command_has_examples_that_bench_takes_and_explains_its_options(path: str) -> None:
    command = _COMMANDS[path]
    lines = cleandoc(command.help or "").replace("\\\n", " ").splitlines()
    examples = typed("\n".join(line for line in lines if line.startswith("  ")))
    assert examples or path == "bench submit"  # its help is that of sending
    assert not [f"bench {shlex.join(words)}: {why}" for words in examples if (why := refusal(words))]
    assert not [param.opts for param in command.params if isinstance(param, click.Option) and not param.help]


def test_what_a_command_writes_is_named_alike() -> None:
    """`-o` and `--output` everywhere; `--out` is what some commands called it."""
    for path, command in _COMMANDS.items():
        for option in command.params:
            if {"-o", "--output", "--out"} & set(option.opts):
                assert {"-o", "--output"} <= set(option.opts), path


def anchors(page: Path) -> set[str]:
    """What links to headings of a page may name, as GitHub makes it."""
    text = _BLOCK.sub("", page.read_text("utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.stem)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    text = _BLOCK.sub("", page.read_text("utf-8"))
    lost = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if "://" not in link and (not target.exists() or (anchor and anchor not in anchors(target))):
            lost.append(link)
    assert not lost


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.stem)
def test_python_of_pages_compiles(page: Path) -> None:
    for kind, text in _BLOCK.findall(page.read_text("utf-8")):
        if kind == "python":
            compile(text, page.name, "exec")


def test_the_python_of_the_readme_prints_what_it_says(
    minilm: None, warm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code = "\n".join(
        text for kind, text in _BLOCK.findall((_ROOT / "README.md").read_text("utf-8")) if kind == "python"
    )
    exec(compile(code, "README.md", "exec"), {})
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    promised = re.findall(r"^print\(.*\)  # ([\d. ]+)$", code, re.MULTILINE)
    assert len(promised) == 2
    for figures in promised:
        shown = [[f"{float(word):.3f}" for word in line] for line in printed if re.fullmatch(r"[\d.]+", "".join(line))]
        assert figures.split() in shown
