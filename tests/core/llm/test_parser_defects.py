"""Forms of output that once lost or invented concerns."""

import pytest

from bioreview_bench.llm.text.parser import parse


def _texts(raw: str) -> list[str]:
    return [concern["text"] for concern in parse(raw).concerns]


def test_tags_inside_an_answer_are_part_of_it() -> None:
    raw = '["The tag <think> is not explained", "Nor is </think> closed"]'
    assert _texts(raw) == ["The tag <think> is not explained", "Nor is </think> closed"]
    assert _texts('["[<think></think>{", "cut in the') == ["[<think></think>{"]


def test_several_lists_of_one_object_are_all_read_but_praise_is_not() -> None:
    assert _texts('{"major": [{"text": "No control"}], "minor": [{"text": "A typo"}]}') == ["No control", "A typo"]
    assert _texts('{"strengths": ["Clear aims"], "weaknesses": ["Few animals"]}') == ["Few animals"]
    assert _texts('{"comment": "Good paper", "concerns": [{"text": "No control"}]}') == ["No control"]
    assert _texts('So: {"comment": "Good", "issues": [{"text": "No control"}]} done') == ["No control"]


def test_every_fenced_block_is_read() -> None:
    assert _texts('Major\n```json\n["One issue"]\n```\nMinor\n```json\n["Another issue"]\n```') == [
        "One issue",
        "Another issue",
    ]


def test_stray_backslashes_and_endless_numbers_cost_nothing() -> None:
    assert _texts(r'[{"text": "Only 5\% of \alpha cells"}]') == [r"Only 5\% of \alpha cells"]
    parsed = parse('[{"text": "Too few cells", "confidence": ' + "9" * 5000 + "}]")
    assert parsed.concerns == ({"text": "Too few cells"},)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ("I have no concerns about the design, but the statistics are wrong throughout.", "parse_failed"),
        ("I have no concerns.", "empty"),
        ('["  "]', "empty"),
        ('{"text": "A lone object"}', "repaired"),
    ],
)
def test_status_says_what_was_there(raw: str, status: str) -> None:
    assert parse(raw).status == status


def test_numbered_headings_of_markdown_are_items() -> None:
    assert _texts("### 1. Sample size is small\nOnly four mice.\n\n### 2. No blinding") == [
        "Sample size is small Only four mice.",
        "No blinding",
    ]
