"""Sentences of an article and the samples taken from them (scoring specification, section 4)."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bioreview_bench.data.article import Article
from bioreview_bench.data.sentences import digest, echo, pick, sentences, topic_sample
from bioreview_bench.data.vocabulary import normalise


@pytest.fixture
def paper(make_article):
    """An article of n distinct sentences of 45 characters, over two sections."""

    def build(n: int) -> Any:
        lines = [f"Sentence {number:04d} of the paper says something new." for number in range(n)]
        half = n // 2
        sections = {"Results": "\n".join(lines[:half]), "Methods": " ".join(lines[half:])}
        return make_article("elife:1", paper_text_sections=sections)

    return build


def numbers(found: list[str]) -> list[int]:
    return [int(sentence.split()[1]) for sentence in found]


def test_abstract_comes_first_then_sections_in_file_order(make_article) -> None:
    a, b, c = ("A" + "a" * 45 + ".", "B" + "b" * 45 + ".", "C" + "c" * 45 + ".")
    article = make_article("elife:1", abstract=a, paper_text_sections={"Z": c, "Empty": None, "A": b}, title="T" * 50)
    assert sentences(article) == [a, c, b]


def test_sentences_end_at_newlines_and_before_a_capital_or_a_bracket(make_article) -> None:
    text = (
        "We measured 3.5 mM of the salt, e.g. in the first cohort of mice. "
        "Was the effect of the drug large enough to matter at all?  (It was, "
        "in both cohorts, although cf. fig. 2 shows it less!)  Then we\tstopped\u00a0treatment of the whole cohort!\n"
        "a heading in lower case without a full stop\r\n"
        "vs. Controls of the same age and of either sex were kept."
    )
    assert sentences(make_article("elife:1", abstract=text)) == [
        "We measured 3.5 mM of the salt, e.g. in the first cohort of mice.",
        "Was the effect of the drug large enough to matter at all?",
        # The bracket stands between the mark and the space, so no sentence ends there.
        "(It was, in both cohorts, although cf. fig. 2 shows it less!) Then we stopped treatment of the whole cohort!",
        "a heading in lower case without a full stop",
        "Controls of the same age and of either sex were kept.",
    ]


def test_length_limits_hold_for_the_normalised_sentence(make_article) -> None:
    kept = ["a" * 40, "b" * 400, "c" * 20 + " " + "c" * 19]
    text = "\n".join(["x" * 39, kept[0], "y" * 401, kept[1], "c" * 20 + "    " + "c" * 19, "z" + " " * 50 + "z"])
    assert sentences(make_article("elife:1", abstract=text)) == kept


def test_pick_as_worked_out_by_hand() -> None:
    assert pick(0, 10) == []
    assert pick(3, 10) == [0, 1, 2]
    assert pick(10, 10) == list(range(10))
    # Steps of 10/9: 5 falls between 4.44 and 5.56.
    assert pick(11, 10) == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]
    # Steps of 24/9: 0, 2.67, 5.33, 8, 10.67, 13.33, 16, 18.67, 21.33, 24.
    assert pick(25, 10) == [0, 3, 5, 8, 11, 13, 16, 19, 21, 24]
    # Halves go to the even neighbour: 1.5, 2.5, 3.5.
    assert [pick(n, 3) for n in (4, 6, 8)] == [[0, 2, 3], [0, 2, 5], [0, 4, 7]]


def test_pick_agrees_with_numpy_and_spreads_over_the_whole_range() -> None:
    for n in range(1, 700):
        for k in (10, 60):
            chosen = pick(n, k)
            expected = np.arange(n) if n <= k else np.unique(np.rint(np.linspace(0, n - 1, k)).astype(int))
            assert chosen == expected.tolist()
            assert (len(chosen), chosen[0], chosen[-1]) == (min(n, k), 0, n - 1)


@pytest.mark.parametrize(
    ("n", "sampled", "echoed"),
    [(5, 5, 5), (60, 60, 10), (61, 60, 1), (66, 60, 6), (70, 60, 10), (200, 60, 10)],
)
def test_echo_copies_sentences_outside_the_topic_sample_while_there_are_any(paper, n, sampled, echoed) -> None:
    article = paper(n)
    topic, copied = numbers(topic_sample(article)), numbers(echo(article))
    assert (len(topic), len(copied)) == (sampled, echoed)
    assert topic == sorted(topic)
    assert copied == sorted(copied)
    if n > 60:
        assert not set(topic) & set(copied)
    else:
        assert set(copied) <= set(topic)


def test_echo_as_worked_out_by_hand(paper) -> None:
    assert numbers(echo(paper(5))) == [0, 1, 2, 3, 4]
    # Nothing is left over, so pick(60, 10) of all: steps of 59/9 = 6.56.
    assert numbers(echo(paper(60))) == [0, 7, 13, 20, 26, 33, 39, 46, 52, 59]
    # linspace(0, 60, 60) has steps of 60/59: position 29 is 29.49 and position 30 is 30.51, so 30 is left over.
    assert numbers(echo(paper(61))) == [30]


def test_article_without_sentences_has_no_samples(make_article) -> None:
    bare = make_article("elife:1", ["A concern of a reviewer, which is long enough to be a sentence."])
    short = make_article("elife:1", abstract="Too short.", paper_text_sections={"Methods": None})
    for article in (bare, short):
        assert (sentences(article), topic_sample(article), echo(article)) == ([], [], [])


def test_digest_depends_on_every_text_and_on_where_one_ends() -> None:
    assert digest(["a", "é"]) == hashlib.sha256(b"a\0\xc3\xa9\0").hexdigest()[:12]
    assert len({digest(texts) for texts in ([], [""], ["ab"], ["a", "b"], ["b", "a"], ["a", "b", ""])}) == 6


PIECES = [
    "the cohort of the first study was not described at all", "A", "A\u0300", "(", ".", "! ", "?  ", " ", "\u00a0",
    "\u2003", "\t", "\x1c", "\u00e9", "e\u0301", "\u0344", "\ufeff", "\n",
]  # fmt: skip


def by_definition(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_sentences_are_those_of_the_specification(text: str) -> None:
    article = Article(id="elife:1", source="elife", concerns=(), paper_text_sections={"Results": text})
    boundary = re.compile(r"(?<=[.!?])\s+(?=[A-Z(])")
    pieces = [by_definition(piece) for line in text.split("\n") for piece in boundary.split(line)]
    assert sentences(article) == [piece for piece in pieces if 40 <= len(piece) <= 400]


@settings(max_examples=1000, deadline=None)
@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join)))
def test_normalising_is_nfc_with_single_spaces(text: str) -> None:
    assert normalise(text) == by_definition(text)
