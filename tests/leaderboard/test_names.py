"""Names that deceive: refused, or found to look like others."""

from __future__ import annotations

import pytest

from bioreview_bench.leaderboard.names import forbidden, lookalikes, mixed_scripts, skeleton


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("GPT-4", "GРТ-4"),  # Cyrillic Р and Т
        ("paypal", "раураl"),
        ("Reviewer", "Revіewer"),
        ("Model I", "Model l"),
        ("Model 1", "Model l"),
        ("O1", "01"),
        ("modern", "modem"),
        ("vvide", "wide"),
        ("naive", "naïve"),
        ("Full Width", "Ｆｕｌｌ Ｗｉｄｔｈ"),
        ("two words", "two-words"),
        ("αβ", "ab"),
    ],
)
def test_names_that_look_alike_have_one_skeleton(name: str, other: str) -> None:
    assert skeleton(name) == skeleton(other)
    assert lookalikes(name, [other, name, "something else"]) == [other]


@pytest.mark.parametrize(("name", "other"), [("GPT-4", "GPT-5"), ("v1.5", "v15"), ("alpha", "beta"), ("日本", "中国")])
def test_names_that_differ_to_the_eye_differ(name: str, other: str) -> None:
    assert lookalikes(name, [other]) == []


def test_words_of_two_scripts_are_found() -> None:
    assert mixed_scripts("GРТ-4")
    assert not mixed_scripts("Модель GPT-4")
    assert not mixed_scripts("査読くん テスト α-reviewer")
    assert not mixed_scripts("Größe 5 µm")


@pytest.mark.parametrize("char", ["\u202e", "\u2066", "\u200b", "\ufeff", "\0", "\x1b", "\x7f", "\u2028", "\ue000"])
def test_hidden_characters_are_forbidden(char: str) -> None:
    assert forbidden(f"a{char}b", lines=False) is not None
    assert forbidden(f"a{char}b", lines=True) is not None


def test_ordinary_characters_are_allowed() -> None:
    assert forbidden("Ångström µ 日本 עברית (v1.0) é 👍", lines=False) is None
    assert forbidden("two\nlines", lines=True) is None
    assert forbidden("two\nlines", lines=False) == "\\n"
