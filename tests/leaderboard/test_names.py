"""Names that deceive: refused, or found to look like others."""

from __future__ import annotations

import pytest

from bioreview_bench.leaderboard.names import (
    LONGEST_WORD,
    columns,
    confusable,
    forbidden,
    lookalikes,
    mixed_scripts,
    skeleton,
    unfit_text,
)


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
        ("Alpha", "𝐀𝐥𝐩𝐡𝐚"),
        ("Alpha", "ᎪӀpha"),  # Cherokee and Cyrillic
        ("Alpha", "ꓮꓡpha"),  # Lisu
        ("Scope", "Ѕсоре"),
        ("Alpha", "Alpha."),
        ("Alpha", "A.l.p.h.a"),
        ("Alpha", "Alpha™"),
        ("Alpha", "Ⓐⓛⓟⓗⓐ"),
        ("Alpha", "🅰🅻🅿🅷🅰"),
        ("Alpha", "🇦🇱🇵🇭🇦"),
        ("Alpha", "ᴀʟᴘʜᴀ"),
        ("Alpha", "Ạƚƥħå"),
        ("Scope", "5c0pe"),  # digits for letters
        ("Review", "R3vi3w"),
        ("GPT-3", "GPT-З"),  # letters for digits
        ("GPT-3", "GPT-з"),
        ("GPT-4", "GPT-Ч"),
    ],
)
def test_names_that_look_alike_have_one_skeleton(name: str, other: str) -> None:
    assert skeleton(name) == skeleton(other)
    assert lookalikes(name, [other, name, "something else"]) == [other]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("GPT-4", "GPT-5"),
        ("GPT-4", "GPT-4.1"),
        ("Llama-3-8B", "Llama-3-70B"),
        ("v1.5", "v15"),
        ("Model 5", "Model S"),
        ("Reviewer-4", "Reviewer-A"),
        ("alpha", "beta"),
        ("日本", "中国"),
    ],
)
def test_names_that_differ_to_the_eye_differ(name: str, other: str) -> None:
    assert lookalikes(name, [other]) == []


def test_every_pair_of_unicodes_table_is_found_unless_one_is_refused() -> None:
    from confusable_homoglyphs.confusables import confusables_data

    pairs = {
        (source, one["c"])
        for source, resembled in confusables_data.items()
        for one in resembled
        if any(map(str.isalnum, source)) and any(map(str.isalnum, one["c"]))
    }
    taken = [pair for pair in pairs if not any(unfit_text(f"a{one}", 80) for one in pair)]
    assert len(taken) > 7000
    missed = [pair for pair in taken if not confusable(f"Model x{pair[0]}", [f"Model x{pair[1]}"])]
    assert len(missed) < 25, missed  # what NFKD reads as letters and signs


def test_words_of_two_scripts_are_found() -> None:
    assert mixed_scripts("GРТ-4")
    assert not mixed_scripts("Модель GPT-4")
    assert not mixed_scripts("査読くん テスト α-reviewer")
    assert not mixed_scripts("Größe 5 µm")


@pytest.mark.parametrize(
    "char",
    [
        *("\u202e", "\u2066", "\u200b", "\ufeff", "\0", "\x1b", "\x7f", "\u2028", "\ue000"),
        *("\u2800", "\u3164", "\u115f", "\u1160", "\uffa0", "\u17b4", "\u034f", "\ufe0f", "\u180e"),  # blank
        *("\u00a0", "\u2003", "\u3000", "\u20dd"),  # other spaces; a circle around the letter before
    ],
)
def test_hidden_characters_are_forbidden(char: str) -> None:
    assert forbidden(f"a{char}b", lines=False) is not None
    assert forbidden(f"a{char}b", lines=True) is not None


def test_ordinary_characters_are_allowed() -> None:
    assert forbidden("Ångström µ 日本 עברית (v1.0) é 👍", lines=False) is None
    assert forbidden("two\nlines", lines=True) is None
    assert forbidden("two\nlines", lines=False) == "\\n"


def test_a_name_is_found_in_another_teams_also_when_it_is_the_same() -> None:
    assert confusable("Alpha", ["Alpha", "Аlpha", "Beta"]) == ["Alpha", "Аlpha"]
    assert confusable("👍", ["🎉", "👍"]) == ["👍"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Z\u0338\u0321\u0322algo", "marks on one letter"),
        ("Z\u0338\u0321\u0322" * 20, "marks on one letter"),
        ("\u0301a", "a mark without a letter"),
        ("a \u0301", "a mark without a letter"),
        ("x" * (LONGEST_WORD + 1), "a word of 41 columns"),
        ("x" * 20 + "_" + "y" * (LONGEST_WORD + 1), "a word of 41 columns"),
        ("\ufdfd" * 4, "a word of 48 columns"),  # one character, drawn as a sentence
        ("𒐫" * 11, "a word of 44 columns"),
        ("名前 " * 20, "100 columns wide"),
        ("word " * 20, "100 columns wide"),
        ("   ", "blank"),
    ],
)
def test_what_would_push_a_table_apart_is_refused(text: str, why: str) -> None:
    assert why in str(unfit_text(text, 80))


@pytest.mark.parametrize(
    "text",
    [
        "meta-llama/Meta-Llama-3.1-405B-Instruct-FP8",
        "Việt Nam Đại học",
        "שָׁלוֹם",
        "สวัสดีครับ",
        "東京大学大学院情報理工学系研究科コンピュータ科学専攻",
        "e\u0301tude",
    ],
)
def test_names_of_all_languages_are_taken(text: str) -> None:
    assert unfit_text(text, 80) is None


def test_wide_characters_take_two_columns_and_marks_none() -> None:
    assert [columns(text) for text in ("abc", "名前", "e\u0301", "ﷺ", "👍")] == [3, 4, 1, 18, 2]
