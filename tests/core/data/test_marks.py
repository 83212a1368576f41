"""Texts that would take minutes to put in normal form."""

from __future__ import annotations

import time

import pytest

from bioreview_bench import load_split, score
from bioreview_bench.errors import InputError


def said(text: str) -> None:
    articles = load_split("demo", "test")
    score(articles, {articles[0].id: [text]}, "jaccard", draws=0)


def test_thousands_of_marks_on_one_letter_are_refused_at_once() -> None:
    began = time.process_time()
    with pytest.raises(InputError, match="more than 1,000 combining marks in a row"):
        said("There is no control" + "\u0301\u0316" * 100_000)
    assert time.process_time() - began < 20  # putting them in order took minutes


def test_letters_with_marks_are_read() -> None:
    said("Viel\u0301 " * 2_000 + "\u0928\u093f\u092f\u0928\u094d\u0924\u094d\u0930\u0923 " * 500)
