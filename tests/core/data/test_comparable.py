"""Texts are compared as they are read: characters that nobody sees, and look-alikes, make no difference."""

from __future__ import annotations

import unicodedata

import pytest

from bioreview_bench.data.comparable import comparable

PLAIN = "no control was given"


@pytest.mark.parametrize(
    "text",
    [
        "No  control\nwas given",
        "no con\u200btrol was\u2060 given\ufeff",
        "no con\u00adtrol wa\u034fs given",
        "no control\ufe0f was given\U000e0067",
        "no control\u3164 was\uffa0 given\u2800",
        "no \u0441\u043entr\u043el w\u0430s giv\u0435n",
        "\uff4e\uff4f control was given",
        "\U0001d427\U0001d428 control was given",
        "n\u0336o\u0336 c\u0301ontrol was given",
        "\u202eno control was given\u202c",
        "no control\x00 was given\x1b",
    ],
)
def test_disguises_make_no_difference(text: str) -> None:
    assert comparable(text) == PLAIN


def test_what_is_read_makes_a_difference() -> None:
    assert comparable("No control was not given.") == "no control was not given."
    assert comparable("8,484 of 10") != comparable("8,484 of 1O")
    assert comparable("日本語の査読") == unicodedata.normalize("NFKD", "日本語の査読")


def test_format_characters_of_all_unicode_vanish() -> None:
    hidden = "".join(chr(n) for n in range(0x110000) if unicodedata.category(chr(n)) in ("Cf", "Mn", "Me"))
    assert comparable("a" + "".join(f"{char}b" for char in hidden)) == "a" + "b" * len(hidden)
