"""Errors for users: what they print, their exit codes, and that texts from files cannot steer a terminal."""

from __future__ import annotations

import errno

import pytest

from bioreview_bench.errors import (
    BenchError,
    DataError,
    EncoderError,
    InputError,
    Problem,
    RemoteError,
    WriteError,
    cannot_write,
    printable,
)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[2J\x1b]0;owned\x07", r"\x1b[2J\x1b]0;owned\x07"),
        ("elife:1\u202e87", r"elife:1\u202e87"),  # right-to-left override
        ("\u2066a\u2069\u200f\u061c", r"\u2066a\u2069\u200f\u061c"),  # isolates and marks
        ("a\r\nline 7: fine\tb", r"a\r\nline 7: fine\tb"),
        ("a\u2028b\u2029c\u0085d", r"a\u2028b\u2029c\x85d"),
        ("a\u00a0b\u200bc\ufeff", r"a\xa0b\u200bc\ufeff"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),  # an invisible tag character
        ("naïve 細胞 α → β", "naïve 細胞 α → β"),
        ("", ""),
    ],
)
def test_control_and_bidirectional_characters_are_escaped(raw: str, shown: str) -> None:
    assert printable(raw) == shown


def test_every_control_format_and_separator_character_is_escaped_and_nothing_printable_is() -> None:
    for code in range(0x3000):
        char = chr(code)
        assert printable(char).isprintable()
        assert (printable(char) == char) == char.isprintable()


def test_long_text_is_cut_to_the_limit() -> None:
    assert printable("x" * 120) == "x" * 120
    assert printable("x" * 121) == "x" * 117 + "..."
    assert printable("\x1b" * 1000, 10) == r"\x1b\x1" + "..."


def test_exit_codes_are_those_of_the_documentation() -> None:
    codes = {error: error.exit_code for error in (InputError, EncoderError, DataError, RemoteError, WriteError)}
    assert codes == {InputError: 2, EncoderError: 3, DataError: 4, RemoteError: 5, WriteError: 6}
    assert all(issubclass(error, BenchError) for error in codes)


def test_message_ends_with_the_next_command() -> None:
    assert (
        str(DataError("It is gone.", remedy="bench data download v3")) == "It is gone.\n  Next: bench data download v3"
    )
    assert str(DataError("It is gone.")) == "It is gone."


def test_input_error_prints_all_problems_before_the_remedy() -> None:
    error = InputError("Bad file.", problems=[Problem("first", 3), Problem("second")], remedy="mend it")
    assert str(error) == "Bad file.\n  line 3: first\n  second\n  Next: mend it"


def test_wrong_input_can_be_caught_as_a_value_error() -> None:
    assert issubclass(InputError, ValueError)


def test_full_disk_is_said_in_words() -> None:
    assert "the disk is full" in str(cannot_write("result.json", OSError(errno.ENOSPC, "No space left on device")))
    assert "Permission denied" in str(cannot_write("result.json", OSError(errno.EACCES, "Permission denied")))
