"""The house shows itself: short folders, files that can be read, one meaning for each class name, plain words."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_ROOMS = ("bioreview_bench", "baselines", "leaderboard", "training")
_MAP = _ROOT / "docs" / "architecture.md"
_MOST_LINES = 450
_MOST_ENTRIES = 16
# Words of ours that a reader has to guess the meaning of, where English has a plain one.
_QUAINT = re.compile(
    r"\b(mend|mended|mends|too dear|rows are there|put that right|in passing|by accident|share of what accident|"
    r"echo slots|from which on|is no run|is no corpus|papers of now|parser of now|downloaded unasked|thereof|whence|"
    r"lest|begun anew|submitted anew|loading anew|who wrote the texts)\b",
    re.IGNORECASE,
)


def _files(*rooms: str) -> Iterator[Path]:
    for room in rooms:
        yield from sorted((_ROOT / room).rglob("*.py"))


def _entries(folder: Path) -> list[str]:
    unread = ("__pycache__", ".hypothesis", "py.typed")  # the last is an empty marker (PEP 561)
    return [entry.name for entry in folder.iterdir() if entry.name not in unread]


@pytest.mark.parametrize("room", [*_ROOMS, "tests", "benchmarks"])
def test_no_file_is_too_long_to_read_at_one_sitting(room: str) -> None:
    long = {str(path): n for path in _files(room) if (n := len(path.read_text("utf-8").splitlines())) > _MOST_LINES}
    assert not long


@pytest.mark.parametrize("room", [*_ROOMS, "tests", "benchmarks"])
def test_no_folder_has_more_entries_than_can_be_taken_in(room: str) -> None:
    folders = {path.parent for path in (_ROOT / room).rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    full = {str(folder): n for folder in folders if (n := len(_entries(folder))) > _MOST_ENTRIES}
    assert not full


def test_every_folder_says_what_lives_there() -> None:
    silent = [
        str(path)
        for path in _files(*_ROOMS)
        if path.name == "__init__.py" and ast.get_docstring(ast.parse(path.read_text("utf-8"))) is None
    ]
    assert not silent


def test_a_class_name_has_one_meaning() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for path in _files(*_ROOMS):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(str(path.relative_to(_ROOT)))
    assert not {name: where for name, where in homes.items() if len(where) > 1}


def test_texts_use_plain_words() -> None:
    quaint = []
    for path in [*_files(*_ROOMS), _ROOT / "README.md", *(_ROOT / "docs").glob("*.md")]:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            quaint += [f"{path.relative_to(_ROOT)}:{number}: {word}" for word in _QUAINT.findall(line)]
    assert not quaint


def test_the_walks_of_the_map_pass_files_that_exist() -> None:
    text = _MAP.read_text("utf-8")
    named = re.findall(r"`((?:bioreview_bench|baselines|leaderboard|training)/[a-z_/0-9]+\.py)`", text)
    assert len(named) > 30
    assert not [name for name in named if not (_ROOT / name).is_file()]


def test_the_map_names_every_room() -> None:
    named = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", _MAP.read_text("utf-8")))))
    rooms = {
        folder.name for room in _ROOMS for folder in (_ROOT / room).iterdir() if (folder / "__init__.py").is_file()
    }
    assert not rooms - named
