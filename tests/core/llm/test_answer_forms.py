"""Forms of answers that models write: what a careful reader would call the concerns is read, nothing else."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.llm.text.parser import parse

CASES = Path(__file__).parents[4] / "shared" / "cases" / "answers.jsonl"
SMALL, BLIND, DOSE = "The sample is small.", "No blinding was done.", "The dose was not justified."


def cases() -> list[Any]:
    if not CASES.exists():
        return [pytest.param({}, marks=pytest.mark.skip("the shared cases are not here"))]
    rows = [json.loads(line) for line in CASES.read_text(encoding="utf-8").split("\n") if line]
    return [pytest.param(row, id=row["name"]) for row in rows]


def folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).replace("*", "").replace("__", "").split())


@pytest.mark.parametrize("case", cases())
def test_shared_answers_are_read_as_a_careful_reader_would(case: dict[str, Any]) -> None:
    parsed = parse(case["text"])
    texts = [folded(concern["text"]) for concern in parsed.concerns]
    readings = case.get("expect_any") or [case["expect"]]
    assert any(
        texts == [folded(text) for text in reading["concerns"]]
        and parsed.status in reading["status"].split("|")
        and all(
            concern.get(key) == value
            for concern, labels in zip(parsed.concerns, reading.get("labels", ()), strict=False)
            for key, value in labels.items()
        )
        for reading in readings
    ), (parsed, readings)


THOUGHTS = {
    "another family": f"<scratchpad>1. Maybe this one.</scratchpad>\n1. {SMALL}\n2. {BLIND}",
    "a name that nobody knows": f"<mull7>1. Maybe this one.</mull7>\n1. {SMALL}\n2. {BLIND}",
    "with attributes": f'<thinking mode="deep">\n1. Maybe this one.\n</thinking>\n1. {SMALL}\n2. {BLIND}',
    "start and end tokens": f"<|START_THINKING|>1. Maybe this.<|END_THINKING|>\n1. {SMALL}\n2. {BLIND}",
    "begin of thought": f"<|begin_of_thought|>- maybe this\n<|end_of_thought|>\n1. {SMALL}\n2. {BLIND}",
    "a thought and an answer": f"<think>1. Maybe this.</think><answer>\n1. {SMALL}\n2. {BLIND}\n</answer> Bye.",
    "a thought in a thought": f"<think>a <think>1. Maybe.</think> b</think>\n1. {SMALL}\n2. {BLIND}",
    "two thoughts": f"<think>1. Maybe.</think>\n1. {SMALL}\n<think>Go on.</think>\n2. {BLIND}",
    "a fence": f"```thinking\n1. Maybe this.\n```\n1. {SMALL}\n2. {BLIND}",
    "a console": f"Thinking...\n1. Maybe this.\n...done thinking.\n\n1. {SMALL}\n2. {BLIND}",
    "end markers": f"1. {SMALL}\n2. {BLIND}<|im_end|>\n</s>",
}


@pytest.mark.parametrize("name", THOUGHTS)
def test_thoughts_of_every_family_are_cut_off(name: str) -> None:
    assert [concern["text"] for concern in parse(THOUGHTS[name]).concerns] == [SMALL, BLIND]


@pytest.mark.parametrize("opening", ["<think>", "<seed:think>", "[THINK]", "◁think▷", "<|channel|>analysis<|message|>"])
def test_an_output_that_ends_inside_a_thought_says_nothing(opening: str) -> None:
    parsed = parse(f'{opening}\n1. {SMALL}\n[{{"text": "{BLIND}"}}]\nThat is, ')
    assert (parsed.concerns, parsed.status, parsed.detail) == (
        (),
        "parse_failed",
        "the output ended inside a thought",
    )


def test_a_tag_that_a_sentence_speaks_of_is_no_thought() -> None:
    assert [
        concern["text"] for concern in parse("1. The tag <think> is not explained.\n2. Nor is it closed.").concerns
    ] == [
        "The tag <think> is not explained.",
        "Nor is it closed.",
    ]


SECTIONS = {
    "letters": f"S1: Clear problem.\nS2: Good data.\nW1: {SMALL}\nW2: {BLIND}\n",
    "a form with both in one heading": f"# Strength And Weaknesses\n## Strengths\n- Nice data.\n"
    f"## Weaknesses\n- {SMALL}\n- {BLIND}\n"
    "# Clarity, Quality, Novelty And Reproducibility\n- The text is clear.\n# Summary Of The Review\n- A fair paper.",
    "paragraphs": f"**Summary**\nThey did it.\n\n**Strengths**\nA great idea.\n\n**Weaknesses**\n"
    f"{SMALL}\n\n{BLIND}\n\n**Rating:** 4",
    "names before text": f"Summary: They did it.\nStrengths: A great idea.\nWeaknesses: {SMALL}\n"
    f"Questions: {BLIND}\nRating: 5",
    "tags": f"<strengths>\n- a good idea\n</strengths>\n<weaknesses>\n- {SMALL}\n- {BLIND}\n</weaknesses>",
    "praise at the end": f"Major issues:\n1. {SMALL}\n\nMinor issues:\n1. {BLIND}\n\n"
    f"Positive aspects:\n1. The topic is timely.",
    "a table of both": f"| Strengths | Weaknesses |\n|---|---|\n| Large cohort | {SMALL} |\n| Open data | {BLIND} |",
    "underlined headings": f"Strengths\n---------\n- Good data here.\n\nWeaknesses\n----------\n- {SMALL}\n- {BLIND}",
    "json in prose": f'Strengths: ["Clear aims here"]\nWeaknesses: ["{SMALL}", "{BLIND}"]',
    "json in json": json.dumps({"review": {"strengths": ["Clear aims"], "weaknesses": [SMALL, BLIND]}, "rating": 3}),
    "json by weight": json.dumps({"positives": ["Clear"], "major": [{"text": SMALL}], "minor": [{"text": BLIND}]}),
    "json with prose inside": json.dumps({"strengths": "1. Clear aims.", "weaknesses": f"1. {SMALL}\n2. {BLIND}"}),
    "items that name their kind": f"- **Strength:** The data are open.\n- {SMALL}\n- {BLIND}\n- Rating: 4 of 10",
    "a form of scores": "THOUGHT:\n1. Not novel at all.\n\nREVIEW JSON:\n```json\n"
    + json.dumps({"Strengths": ["Clear aims"], "Weaknesses": [SMALL], "Questions": [BLIND], "Ethical Concerns": False})
    + "\n```",
    "names of a conference": f"Reasons To Accept: Good data.\n\nReasons To Reject: {SMALL}\n\n"
    f"Questions For The Authors: {BLIND}\n\nSoundness: 3\nReviewer Confidence: 4",
    "liked and to improve": f"What I liked:\n- Good data.\n\nWhat could be improved:\n- {SMALL}\n- {BLIND}",
    "a topic beside sections": f"## Weaknesses\n- {SMALL}\n- {BLIND}\n## Originality\n- Nobody has done this.",
}


@pytest.mark.parametrize("name", SECTIONS)
def test_only_criticism_becomes_concerns(name: str) -> None:
    assert [concern["text"] for concern in parse(SECTIONS[name]).concerns] == [SMALL, BLIND]


def test_praise_and_criticism_under_one_heading_are_not_guessed_apart() -> None:
    parsed = parse("## Strengths and weaknesses\n- The data are open.\n- The sample is small.")
    assert (parsed.concerns, parsed.status) == ((), "parse_failed")


def test_topics_are_headings_of_criticism_where_there_is_no_form() -> None:
    raw = f"## Clarity\n- {SMALL}\n## Introduction\n- {BLIND}\n## Statistics\n- {DOSE}"
    assert [concern["text"] for concern in parse(raw).concerns] == [SMALL, BLIND, DOSE]


JOINED = {
    "bold titles": "**Weaknesses**\n\n**Sample size**\nOnly four mice were used.\n\n**Blinding**\n"
    "The raters knew the groups.",
    "numbered bold": "### Concerns\n\n**1. Sample size**\nOnly four mice were used.\n\n"
    "**2. Blinding**\nThe raters knew the groups.",
    "markdown": "### 1. Sample size\n\nOnly four mice were used.\n\n### 2. Blinding\n\n"
    "The raters knew the groups.\n\nAll in all fine.",
    "one word titles": "1. Sample size\n\nOnly four mice were used.\n\n2. Blinding\n\nThe raters knew the groups.",
}


@pytest.mark.parametrize("name", JOINED)
def test_a_title_joins_its_paragraph(name: str) -> None:
    assert [concern["text"] for concern in parse(JOINED[name]).concerns] == [
        "Sample size Only four mice were used.",
        "Blinding The raters knew the groups.",
    ]


SLIPS = {
    "semicolons": f'[{{"text": "{SMALL}"}}; {{"text": "{BLIND}"}}]',
    "one quotation mark for both": f"{{'concerns': ['{SMALL}', '{BLIND}']}}",
    "bare keys": f'[{{text: "{SMALL}", severity: "major"}}, {{text: "{BLIND}"}}]',
    "hash comment": f'[\n"{SMALL}", # the first\n"{BLIND}"\n]',
    "block comment": f'[/* two */ "{SMALL}", "{BLIND}"]',
    "no comma between objects": f'[{{"text": "{SMALL}"}}\n{{"text": "{BLIND}"}}]',
    "no comma between members": f'[{{"text": "{SMALL}" "severity": "major"}}, {{"text": "{BLIND}"}}]',
    "objects by name": json.dumps({"concern_1": SMALL, "concern_2": BLIND}),
    "map of objects": json.dumps({"issues": {"a": {"text": SMALL}, "b": {"text": BLIND}}}),
    "capital keys": json.dumps({"CONCERNS": [{"Concern Text": SMALL}, {"Comment": BLIND}]}),
    "an ellipsis": f'[{{"text": "{SMALL}"}}, {{"text": "{BLIND}"}}, ...]',
    "json in json": json.dumps(json.dumps([SMALL, BLIND])),
    "guillemets": f"[«{SMALL}», «{BLIND}»]",
    "low quotes": f"[{{„text“: „{SMALL}“}}, {{„text“: „{BLIND}“}}]",
}


@pytest.mark.parametrize("name", SLIPS)
def test_slips_of_json_are_repaired(name: str) -> None:
    parsed = parse(SLIPS[name])
    assert [concern["text"] for concern in parsed.concerns] == [SMALL, BLIND]
    assert parsed.n_unread == 0


@pytest.mark.parametrize(
    ("raw", "texts", "n_unread"),
    [
        ('[{"text": "He said "hi. Bad."}, {"text": "Cages."}]', ["Cages."], 1),
        ('[{"text": "A b.", "severity": "major", {"text": "C d."}]', ["C d."], 1),
        ('{"text": "A b."}\n{"text": "x "y" z", "severity": }\n{"text": "C d."}', ["A b.", "C d."], 1),
        ('["A b c.", 7, {"title": "only"}]', ["A b c."], 2),
        ('[{"text": "The "naive", "old" groups differ."}, {"text": "C d."}]',
         ['The "naive", "old" groups differ.', "C d."], 0),
        ('["A 4" gate was used.", "C d."]', ['A 4" gate was used.', "C d."], 0),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_counted(raw: str, texts: list[str], n_unread: int) -> None:
    parsed = parse(raw)
    assert [concern["text"] for concern in parsed.concerns] == texts
    assert (parsed.n_unread, parsed.status) == (n_unread, "repaired")


@pytest.mark.parametrize("cut", [True, False])
def test_half_an_item_of_a_list_is_no_concern_when_the_output_was_cut(cut: bool) -> None:
    parsed = parse(f"1. {SMALL}\n2. {BLIND}\n3. The primary outc", finish_reason_length=cut)
    assert [concern["text"] for concern in parsed.concerns] == [SMALL, BLIND] + ["The primary outc"] * (not cut)


LISTS = {
    "chinese brackets": ("（1）样本量太小了。\n（2）没有设立对照组。", ["样本量太小了。", "没有设立对照组。"]),
    "chinese form": ("## 优点\n- 数据公开，样本量大。\n## 缺点\n- 没有对照组。", ["没有对照组。"]),
    "full width digits": ("１．样本量太小了。\n２．没有设立对照组。", ["样本量太小了。", "没有设立对照组。"]),
    "circled": (f"① {SMALL}\n② {BLIND}", [SMALL, BLIND]),
    "folded yaml": ("- concern: >\n    The sample\n    is small.\n  severity: major\n"
    "- concern: \"No blinding was done.\"", [SMALL, BLIND]),
    "labels in lines": (f"1. **Concern:** {SMALL}\n   **Severity:** major\n2. **Concern:** {BLIND}\n"
    f"   **Severity:** minor", [SMALL, BLIND]),
    "blocks": (f"Concern: {SMALL}\nSeverity: major\n\nConcern: {BLIND}\nSeverity: minor", [SMALL, BLIND]),
    "toml": (f'[[concerns]]\ntext = "{SMALL}"\n[[concerns]]\ntext = "{BLIND}"', [SMALL, BLIND]),
    "japanese": ("・症例数が少なすぎる。\n・盲検化されていない。", ["症例数が少なすぎる。", "盲検化されていない。"]),
    "roman": (f"i. {SMALL}\nii. {BLIND}", [SMALL, BLIND]),
    "letters and dashes": (f"W1 - {SMALL}\nW2 - {BLIND}", [SMALL, BLIND]),
    "points": (f"Point 1: {SMALL}\nPoint 2: {BLIND}", [SMALL, BLIND]),
    "letters": (f"a) {SMALL}\nb) {BLIND}", [SMALL, BLIND]),
    "table": (f"| No. | Severity | Issue |\n|:--|:--|:--|\n| 1 | major | {SMALL} |\n"
    f"| 2 | minor | {BLIND} |", [SMALL, BLIND]),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_lists_of_every_kind_are_read(name: str) -> None:
    raw, texts = LISTS[name]
    parsed = parse(raw)
    assert [concern["text"] for concern in parsed.concerns] == texts
    if "ajor" in raw and "inor" in raw:
        assert [concern.get("severity") for concern in parsed.concerns] == ["major", "minor"]


@pytest.mark.parametrize(
    "raw",
    [
        "1. Strength of evidence is overstated throughout.\n2. Positive controls are missing.",
        "- Summary data are not given for each group.\n- Rating scales were not validated here.",
        "1. Questions in the survey were leading ones.\n2. Conclusions about cause are not supported.",
    ],
)
def test_words_of_headings_may_open_a_concern(raw: str) -> None:
    assert [concern["text"] for concern in parse(raw).concerns] == [line[2:].strip() for line in raw.split("\n")]
