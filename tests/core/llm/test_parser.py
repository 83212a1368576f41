"""Parsing: never raises, never invents, keeps every complete item before a cut, and says what it did."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bioreview_bench.data.predictions import check_row
from bioreview_bench.llm.text.parser import parse

SAMPLE = {"text": "The sample is small.", "category": "design_flaw", "severity": "major", "confidence": 0.8}
BLIND = {"text": "No blinding was done.", "category": "other", "severity": "minor"}
BOTH = [SAMPLE, BLIND]
JSON = json.dumps(BOTH)
HUGE = 200_000

FORMS = {
    "bare array": (JSON, "ok"),
    "indented": (json.dumps(BOTH, indent=2), "ok"),
    "fenced": (f"```json\n{JSON}\n```", "ok"),
    "fence without language": (f"```\n{JSON}\n```\n", "ok"),
    "wrapper": (json.dumps({"concerns": BOTH}), "ok"),
    "other key": (json.dumps({"summary": "A study of it.", "issues": BOTH}), "ok"),
    "after a thought": (f"<think>Maybe [1] or {{2}}.\n[draft]</think>\n{JSON}", "ok"),
    "thought opened by the template": (f"Let me see [1].\n</think>\n\n{JSON}", "ok"),
    "reasoning tag": (f"<reasoning>no</reasoning>{JSON}", "ok"),
    "prose and fence": (f"Here are my concerns:\n\n```json\n{JSON}\n```\nI hope this helps!", "repaired"),
    "prose": (f"Sure.\n{JSON}\nDone.", "repaired"),
    "citation before": (f"As shown in [1] and [12, 13]:\n{JSON}", "repaired"),
    "one object a line": ("\n".join(map(json.dumps, BOTH)), "repaired"),
    "objects with commas": (", ".join(map(json.dumps, BOTH)), "repaired"),
    "trailing comma": (f"{JSON[:-1]},]", "repaired"),
    "missing comma": (JSON.replace("}, {", "} {"), "repaired"),
    "missing bracket at the end of a line": (f"{JSON[:-1]}\n", "truncated"),
    "cut in an item": (f'{JSON[:-1]}, {{"text": "Third, and', "truncated"),
    "cut in a wrapper": (json.dumps({"concerns": [*BOTH, SAMPLE]})[:-9], "truncated"),
    "cut in a fence": (f'```json\n{JSON[:-1]}, {{"te', "truncated"),
}


def texts(raw: str, **options: bool) -> list[str]:
    return [concern["text"] for concern in parse(raw, **options).concerns]


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_answer_is_read(name: str) -> None:
    raw, status = FORMS[name]
    parsed = parse(raw)
    assert parsed.status == status
    assert list(parsed.concerns) == BOTH


SMALL, NONE = "The sample is small.", "No controls were used."


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (f"1. The sample is small\n   and not blinded.\n2. {NONE}", ["The sample is small and not blinded.", NONE]),
        (f"Concerns:\n\n- {SMALL}\n- {NONE}", [SMALL, NONE]),
        (f"* {SMALL}\n\n* {NONE}\n\nOverall a fair paper.", [SMALL, NONE]),
        (f"1) {SMALL}\n2) I cannot follow the text.", [SMALL, "I cannot follow the text."]),
    ],
    ids=["numbered", "dashes", "stars", "brackets"],
)
def test_lists_in_prose_are_read_as_repaired(raw: str, expected: list[str]) -> None:
    assert texts(raw) == expected
    assert parse(raw).status == "repaired"
    assert parse(raw, finish_reason_length=True).status == "truncated"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ("[]", "empty"),
        ("```json\n[]\n```", "empty"),
        ('{"concerns": []}', "empty"),
        ("I have no concerns.", "empty"),
        ("There are no major concerns with this manuscript.", "empty"),
        ("I'm sorry, but I can't help with that.", "refused"),
        ("I\u2019m sorry, I cannot review this manuscript.", "refused"),
        ("I am unable to review this.", "refused"),
        ("", "parse_failed"),
        ("   \n", "parse_failed"),
        ("[", "parse_failed"),
        ('[{"text": "Cut here', "parse_failed"),
        ("[1] and [12, 13]", "parse_failed"),
        ("The paper studies mosquitoes.", "parse_failed"),
        ("<think>", "parse_failed"),
        ("<think>The sample is small. So", "parse_failed"),
        (f"<think>{JSON}", "parse_failed"),
        ('[{"title": "x", "severity": "major"}]', "parse_failed"),
    ],
)
def test_an_answer_without_concerns_has_the_status_that_says_why(raw: str, status: str) -> None:
    parsed = parse(raw)
    assert (parsed.concerns, parsed.status) == ((), status)


def test_every_text_key_becomes_text_and_other_keys_are_left_out() -> None:
    keys = ["text", "concern_text", "concern", "comment", "description"]
    raw = json.dumps([{key: f"About {key} here.", "extra": [1], "severity": "minor"} for key in keys])
    assert list(parse(raw).concerns) == [{"text": f"About {key} here.", "severity": "minor"} for key in keys]


def test_strings_and_objects_may_be_mixed_and_blank_ones_are_dropped() -> None:
    assert texts(json.dumps(["No controls.", SAMPLE, "  ", {"text": "\n"}])) == ["No controls.", SAMPLE["text"]]


@pytest.mark.parametrize(
    "given_as", ['"85%"', "85", "-0.1", "true", "NaN", "Infinity", "1e999", '"0.5"', "null", "[1]"]
)
def test_a_confidence_that_is_no_share_is_dropped_and_not_guessed(given_as: str) -> None:
    parsed = parse(f'[{{"text": "No controls.", "confidence": {given_as}}}]')
    assert parsed.concerns == ({"text": "No controls."},)


@pytest.mark.parametrize("value", [0, 0.25, 1, 1.0])
def test_a_share_is_kept(value: float) -> None:
    assert parse(json.dumps([{"text": "No controls.", "confidence": value}])).concerns[0]["confidence"] == value


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Design Flaw", "design_flaw"),
        ("writing-clarity", "writing_clarity"),
        ("statistical_methodolgy", "statistical_methodology"),
        ("PRIOR ART/NOVELTY", "prior_art_novelty"),
        ("zoology", "zoology"),
    ],
)
def test_labels_are_mended_only_on_request_and_counted(written: str, meant: str) -> None:
    raw = json.dumps([{"text": "No controls.", "category": written, "severity": "major"}])
    kept, fixed = parse(raw), parse(raw, fix_labels=True)
    assert (kept.concerns[0]["category"], kept.n_fixed_labels) == (written, 0)
    assert (fixed.concerns[0]["category"], fixed.n_fixed_labels) == (meant, int(written != meant))


def test_quotations_inside_an_item_are_not_taken_for_concerns() -> None:
    item = {"evidence": ["the first quotation", "the second quotation"], "text": "No controls."}
    assert texts(json.dumps([item])) == ["No controls."]
    cut = json.dumps([item, item])
    assert texts(cut[: cut.rindex('"text"') + 3]) == ["No controls."]


def test_a_concern_inside_a_concern_is_not_counted_again() -> None:
    raw = json.dumps([{"text": "No controls.", "reply": {"text": "There are some."}}])
    for written in (raw, f"See:\n{raw}"):
        assert texts(written) == ["No controls."]


def test_half_a_surrogate_pair_is_left_out_and_a_whole_pair_is_kept() -> None:
    raw = r'[{"text": "a \ud83d\ude00 b"}, {"text": "x\ud800y"}]'
    assert texts(raw) == ["a \U0001f600 b", "xy"]
    "".join(texts(raw)).encode("utf-8")


concern = st.fixed_dictionaries(
    {"text": st.text(min_size=1, max_size=30).filter(str.strip)},
    optional={
        "category": st.sampled_from(["design_flaw", "Other", "[x]"]),
        "severity": st.sampled_from(["major", "minor"]),
        "confidence": st.floats(0, 1),
    },
)
PIECES = [*'[]{}",:\\\n-1. ', "```json\n", "```", '{"text": "', '"}', '["', '"]', "\\u", "\\ud800", "no concerns"]
PIECES += ["1. The ", "- a list item\n", '"concerns":', "A b c.", "null", "1e999", "\x00", "\ud800", "é"]
TAGS = ["<think>", "</think>", "<reasoning>"]


def pieced(pieces: list[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.lists(st.sampled_from(pieces), max_size=40).map("".join), st.text())


def folded(text: str) -> str:
    return " ".join("".join(char for char in text if not "\ud800" <= char <= "\udfff").split())


def unescaped(raw: str) -> str:
    """JSON escapes resolved wherever they stand; what is no escape stays."""
    simple = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "\\": "\\", "/": "/"}

    def one(match: re.Match[str]) -> str:
        escape = match.group(1)
        return simple[escape] if escape in simple else chr(int(escape[1:], 16))

    joined = re.sub(r'\\(u[0-9a-fA-F]{4}|[ntrbf"\\/])', one, raw, flags=re.DOTALL)
    return joined.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")


@given(pieced(PIECES), st.booleans(), st.booleans())
@settings(max_examples=600, deadline=None)
def test_every_text_stands_in_the_output(raw: str, cut: bool, fix: bool) -> None:
    for found in parse(raw, finish_reason_length=cut, fix_labels=fix).concerns:
        assert folded(found["text"]) in folded(raw) or folded(found["text"]) in folded(unescaped(raw))


@given(pieced(PIECES + TAGS), st.booleans(), st.booleans())
@settings(max_examples=600, deadline=None)
def test_nothing_raises_and_what_is_returned_makes_a_valid_row(raw: str, cut: bool, fix: bool) -> None:
    parsed = parse(raw, finish_reason_length=cut, fix_labels=fix)
    row = {"article_id": "elife:1", "concerns": list(parsed.concerns), "status": parsed.status}
    checked, problems = check_row(row, None)
    assert not problems
    assert checked is not None
    # A status that has concerns is never given to an answer without any: it would count as an empty answer.
    assert bool(parsed.concerns) == (parsed.status in ("ok", "repaired", "truncated"))


@given(st.lists(concern, min_size=1, max_size=4), st.sampled_from([None, 2]), st.booleans(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_every_complete_item_before_a_cut_is_kept(
    concerns: list[dict[str, Any]], indent: int | None, ascii_only: bool, wrapped: bool
) -> None:
    whole = json.dumps({"concerns": concerns} if wrapped else concerns, indent=indent, ensure_ascii=ascii_only)
    expected = [folded(concern["text"]) for concern in concerns]
    ends, position = [], whole.index("[") + 1
    for _ in concerns:
        start = whole.index("{", position)
        position = start + json.JSONDecoder().raw_decode(whole[start:])[1]
        ends.append(position)
    for cut in range(len(whole)):
        parsed = parse(whole[:cut])
        n_complete = sum(end <= cut for end in ends)
        assert [folded(found["text"]) for found in parsed.concerns] == expected[:n_complete]
        if n_complete and not (wrapped and "]" in whole[ends[-1] : cut]):
            assert parsed.status == "truncated"
    assert parse(whole).status == "ok"


@given(st.lists(st.text(min_size=1, max_size=20).filter(str.strip), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_every_complete_string_before_a_cut_is_kept(strings: list[str]) -> None:
    whole = json.dumps(strings)
    ends, position = [], 1
    for _ in strings:
        start = whole.index('"', position)
        position = start + json.JSONDecoder().raw_decode(whole[start:])[1]
        ends.append(position)
    for cut in range(len(whole)):
        expected = [folded(text) for text, end in zip(strings, ends, strict=True) if end <= cut]
        assert [folded(text) for text in texts(whole[:cut])] == expected


UNITS = [
    "[",
    "{",
    '"',
    '["',
    "[{",
    '{"text":"',
    '{"a":',
    "<think>",
    "</think>",
    "<think>x</think>",
    "```\n",
    "\\",
    '["\\',
]
UNITS += [" ", "\n", "- a\n", "1. ", "{}", "[]", '["a"b ', '{"text":"a b"}']


@pytest.mark.parametrize("unit", UNITS)
def test_hostile_output_takes_time_that_grows_no_faster_than_its_length(unit: str) -> None:
    """Quadratic work on 200,000 characters would run for minutes, and time out; no clock is read."""
    parse(unit * (HUGE // len(unit)))
    parse(unit * (HUGE // (2 * len(unit))) + "]" * (HUGE // 2))
