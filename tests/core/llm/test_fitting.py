"""Fitting: never above the budget, what matters most first, a visible cut, few calls of the counter."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import EncoderError, InputError
from bioreview_bench.llm.text.fitting import Chars3, Counter, fit, load_counter

WORDS = ["We", "saw", "it.", "Cells", "died.", "Why?", "(n=3)", "µm", "a" * 40]


@dataclass
class Words:
    """A token a word; remembers how often it was asked."""

    name: str = "words"
    calls: list[int] = field(default_factory=list)

    def count(self, text: str) -> int:
        self.calls.append(len(text))
        return len(text.split())


class Merging:
    """Like byte-pair encoding, more text can mean fewer tokens: whole pairs of words are one token."""

    name = "merging"

    def count(self, text: str) -> int:
        n = len(text.split())
        return n // 2 + 3 * (n % 2)


COUNTERS: list[Counter] = [Chars3(), Words(), Merging()]
prose = st.lists(st.sampled_from([*WORDS, "\n\n", "\n"]), max_size=60).map(" ".join)
headings = st.sampled_from(
    ["Methods", "2. Results", "Introduction", "Discussion", "Data", "materials and methods", "X"]
)


def paper(sections: dict[str, str] | None = None, title: str = "A title", abstract: str = "An abstract.") -> Manuscript:
    return Manuscript("elife:1", title, abstract, sections or {}, (), "eLife")


manuscripts = st.builds(paper, st.dictionaries(headings, prose, max_size=5), prose, prose)


@given(manuscripts, st.integers(20, 200), st.sampled_from(COUNTERS))
@settings(max_examples=300, deadline=None)
def test_the_budget_holds_by_the_counter_and_a_cut_is_told(paper: Manuscript, budget: int, counter: Counter) -> None:
    fitted = fit(paper, budget, counter)
    assert fitted.n_tokens == counter.count(fitted.text) <= budget
    assert fitted.cut == (fitted.n_tokens_full > budget) == bool(fitted.cut_sections)
    marker = f"[... cut here to fit {budget} tokens ...]"
    assert fitted.text.endswith(marker) == fitted.cut
    assert fitted == fit(paper, budget, counter)
    # Nothing is invented: what stands before the marker begins the whole paper.
    whole = fit(paper, 10**9, counter)
    assert not whole.cut
    assert whole.text.startswith(fitted.text.removesuffix(marker).rstrip())
    assert fitted.n_tokens_full == whole.n_tokens


def test_sections_are_printed_by_weight_with_headings_and_kinds_keep_file_order() -> None:
    sections = {"Introduction": "i", "Ethics": "e", "2. Results": "r", "Discussion": "d", "Statistical methods": "m2"}
    text = fit(paper({**sections, "Materials and Methods": "m1"}), counter=Chars3()).text
    order = ["A title", "An abstract.", "m2", "Materials and Methods", "m1", "2. Results", "r", "Introduction", "i"]
    positions = []
    position = 0
    for piece in [*order, "Discussion", "d", "Ethics", "e"]:
        found = re.compile(rf"(?m)(?:^|# ){re.escape(piece)}$").search(text, position)
        assert found, piece
        positions.append(position := found.end())


def test_the_section_in_which_the_budget_ends_is_cut_and_the_rest_is_left_out_and_listed() -> None:
    sections = {"Discussion": "Never seen.", "Methods": "Kept whole.", "Results": "One. " * 200, "Data": "Nor this."}
    fitted = fit(paper(sections), 100, Words())
    assert "Kept whole." in fitted.text
    assert "One." in fitted.text
    assert "Never seen." not in fitted.text
    assert fitted.cut_sections == ("Results", "Discussion", "Data")
    assert fitted.n_tokens > 95


def test_a_cut_falls_between_paragraphs_else_between_sentences() -> None:
    text = "First paragraph here.\n\nSecond one. It goes on " + "and on " * 50
    kept = fit(paper({"Methods": text}), 40, Words()).text
    assert kept.rpartition("\n\n[... cut")[0].endswith("First paragraph here.")
    text = "A first sentence. A second sentence. A third without end " + "and on " * 50
    kept = fit(paper({"Methods": text}), 40, Words()).text
    assert kept.rpartition("\n\n[... cut")[0].endswith("A second sentence.")


def test_text_without_a_boundary_is_cut_between_characters() -> None:
    fitted = fit(paper({"Methods": "x" * 1000}), 100, Chars3())
    assert fitted.n_tokens in (99, 100)
    assert "xxx" in fitted.text


def test_a_paper_that_fits_is_whole_and_an_empty_one_is_no_error() -> None:
    fitted = fit(paper({"Results": "All of it."}), counter=Chars3())
    assert (fitted.cut, fitted.cut_sections, fitted.n_tokens) == (False, (), fitted.n_tokens_full)
    assert "cut here" not in fitted.text
    assert fit(paper({}, "", ""), counter=Chars3()).cut is False


@pytest.mark.parametrize("budget", [0, 1, -5])
def test_a_budget_that_holds_not_even_the_marker_is_an_error(budget: int) -> None:
    with pytest.raises(InputError, match="budget"):
        fit(paper({"Methods": "Text. " * 50}), budget, Words())


@pytest.mark.parametrize("unit", ["One sentence. ", "A paragraph.\n\n", "x", "word "])
def test_few_calls_of_the_counter_are_needed(unit: str) -> None:
    counter = Words()
    fit(paper({"Methods": unit * (400_000 // len(unit)), "Results": unit * 100}), 1000, counter)
    assert len(counter.calls) < 80


def test_chars3_rounds_up() -> None:
    assert [Chars3().count("x" * n) for n in range(5)] == [0, 1, 1, 1, 2]


def test_an_unknown_counter_is_named_and_none_replaces_it() -> None:
    with pytest.raises(InputError, match="words"):
        load_counter("words")
    with pytest.raises(InputError, match="model"):
        load_counter("model")


def test_a_folder_without_a_tokenizer_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EncoderError) as caught:
        load_counter("model", tmp_path)
    assert caught.value.exit_code == 3


def test_a_model_counts_with_its_own_tokenizer(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel({"[UNK]": 0, "we": 1}, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="[UNK]")
    tokenizer.save_pretrained(tmp_path)
    for given_as in (tokenizer, tmp_path, str(tmp_path)):
        counter = load_counter("model", given_as)
        assert counter.count("we saw it") == 3
        assert counter.name.startswith("model")
