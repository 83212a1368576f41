"""Tables fit 80 columns: they lose spare columns or go on below, and no cell is cut or wrapped."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len

from bioreview_bench.report.blocks import Facts, Notes, Table
from bioreview_bench.report.meaning import Note
from bioreview_bench.report.terminal import fitting, print_blocks

ROWS = [["alpha", "1" * 20, "2" * 20, "3" * 20], ["a longer name", "4", "5", "6"]]
TABLE = Table("Title", ["name", "first", "second", "third"], ROWS)


def printed(block: Facts | Notes | Table, width: int | None = None) -> str:
    stream = io.StringIO()
    print_blocks([block], stream, width)
    return stream.getvalue()


# The columns are 13, 20, 20 and 20 wide, with two blanks between: 79 together.
@pytest.mark.parametrize(
    ("width", "parts"),
    [
        (79, [["name", "first", "second", "third"]]),
        (78, [["name", "first", "second"], ["name", "third"]]),
        (57, [["name", "first", "second"], ["name", "third"]]),
        (56, [["name", "first"], ["name", "second"], ["name", "third"]]),
        (10, [["name", "first"], ["name", "second"], ["name", "third"]]),
    ],
)
def test_a_table_goes_on_below_with_its_names_again(width: int, parts: list[list[str]]) -> None:
    found = fitting(TABLE, width)
    assert [part.header for part in found] == parts
    assert [row[0] for part in found for row in part.rows] == ["alpha", "a longer name"] * len(parts)


def test_spare_columns_go_first_and_only_as_many_as_need_be() -> None:
    spare = Table("Title", TABLE.header, ROWS, spare=("second", "first"))
    assert [part.header for part in fitting(spare, 79)] == [["name", "first", "second", "third"]]
    assert [part.header for part in fitting(spare, 78)] == [["name", "first", "third"]]
    assert [part.header for part in fitting(spare, 50)] == [["name", "third"]]


@pytest.mark.parametrize(("columns", "width"), [(None, 80), ("100", 100), ("50", 50)])
def test_off_a_terminal_the_width_is_80_or_what_columns_says(
    columns: str | None, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    wide = Table("Title", ["name", *map(str, range(30))], [["alpha", *["12345"] * 30]])
    lines = printed(wide).splitlines()
    assert width - 8 < max(map(len, lines)) <= width
    sentence = printed(Notes("Title", [Note("info", "word " * 60)])).splitlines()
    assert max(map(len, sentence)) <= width


def test_names_in_wide_letters_are_measured_as_a_terminal_shows_them() -> None:
    wide = Table("Title", ["name", "figure", "other"], [["評価" * 10, "1" * 20, "2" * 20]])
    lines = printed(wide, 80).splitlines()
    assert max(map(cell_len, lines)) <= 80
    assert "1" * 20 in lines[3]
    assert "2" * 20 not in lines[3]


def test_a_sentence_among_facts_is_wrapped_and_a_value_is_not() -> None:
    value = "|".join(["part"] * 40)
    shown = printed(Facts([("Signature", value), ("Verdict", Note("info", "word " * 30))]), 80)
    assert f"Signature  {value}\n" in shown
    assert "\n" + " " * 11 + "word" in shown
    assert all(len(line) <= 80 for line in shown.splitlines() if "word" in line)


def test_an_empty_table_prints_its_header() -> None:
    assert "name" in printed(Table("Title", ["name", "figure"], []))
