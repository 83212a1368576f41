"""Prompts: what is sent is the file to the letter, with the paper in its one place."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES
from bioreview_bench.errors import InputError
from bioreview_bench.llm.text.prompt import Prompt, bundled

OFFERED = [category for category in CATEGORIES if category != "figure_issue"]


def write(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_prompts_are_bundled() -> None:
    assert bundled() == ["adaptive-v1", "objects-v1", "published-9b", "strings-v1"]


def test_the_published_prompt_asks_for_strings_then_for_objects_and_repeats_the_labels() -> None:
    prompt = Prompt.load("published-9b")
    before, _, form = prompt.system.partition("OUTPUT FORMAT:")
    assert before.rstrip().endswith("Return only a JSON array of concern strings.")
    assert "concern objects" in form
    assert form.endswith("Do NOT return a JSON array of strings.")
    for values in (OFFERED, SEVERITIES):
        assert f"one of [{', '.join(values)}]" in form
        assert f"values: {', '.join(values)}.\n" in prompt.user
    assert prompt.user.endswith("\n\n{paper}")  # which nothing follows
    assert "confidence" not in prompt.system + prompt.user
    item = prompt.schema["properties"]["concerns"]["items"]  # type: ignore[index]
    assert item["required"] == ["text", "category", "severity"]
    # A model was trained on these words: they must not change unnoticed.
    assert prompt.sha256 == "7c3d8182ceb91a702fe9ffe64382b21aab0b1c1842a59f94df157f6aa58625b4"


@pytest.mark.parametrize("name", ["adaptive-v1", "objects-v1", "strings-v1"])
def test_a_bundled_prompt_loads_under_its_id_and_asks_for_no_figures(name: str) -> None:
    prompt = Prompt.load(name)
    assert prompt.id == name
    assert prompt.system
    assert re.fullmatch(r"[0-9a-f]{64}", prompt.sha256)
    assert "figure_issue" not in prompt.user
    assert "Do not comment on figures" in prompt.user
    assert "does not repeat another concern" in prompt.user


@pytest.mark.parametrize("name", ["adaptive-v1", "objects-v1"])
def test_prompts_for_objects_define_each_label_on_a_line(name: str) -> None:
    defined = re.findall(r"^- ([a-z_]+): .{20,}$", Prompt.load(name).user, re.MULTILINE)
    assert defined == [*OFFERED, *SEVERITIES]


def test_the_numbers_of_concerns_are_stated() -> None:
    assert Prompt.load("objects-v1").user.count("10 to 15") == 2
    assert Prompt.load("strings-v1").user.count("10 to 15") == 2
    adaptive = Prompt.load("adaptive-v1").user
    assert "at least 3 and at most 20" in adaptive
    assert "10 to 15" not in adaptive


def test_prompts_differ_in_hash_and_the_id_and_layout_do_not_enter_it(tmp_path: Path) -> None:
    assert len({Prompt.load(name).sha256 for name in bundled()}) == 4
    one = write(tmp_path, 'system = "S"\nuser = "U {paper}"', "one.toml")
    two = write(tmp_path, '# a comment\nuser = """U {paper}"""\r\nsystem = """S"""', "two.toml")
    assert Prompt.load(one).sha256 == Prompt.load(two).sha256
    assert Prompt.load(one).sha256 != Prompt("x", "S ", "U {paper}").sha256
    # The parts are told apart: moving words from one to the other is another prompt.
    assert Prompt("x", "ab", "c{paper}").sha256 != Prompt("x", "a", "bc{paper}").sha256


def test_a_prompt_file_is_sent_to_the_letter(tmp_path: Path) -> None:
    path = write(tmp_path, "system = ' {\"a\": {}} '\nuser = '''\n  First {0} {{x}}\n{paper}\n\nlast {\n'''")
    prompt = Prompt.load(str(path))
    assert prompt.id == "file:mine"
    assert prompt.render("P") == [
        {"role": "system", "content": ' {"a": {}} '},
        {"role": "user", "content": "  First {0} {{x}}\nP\n\nlast {\n"},
    ]


def test_an_empty_system_part_gives_no_system_message(tmp_path: Path) -> None:
    for text in ('user = "{paper}"', 'system = ""\nuser = "{paper}"'):
        assert Prompt.load(write(tmp_path, text)).render("P") == [{"role": "user", "content": "P"}]


@given(st.text(), st.text().filter(lambda text: "{paper}" not in text), st.sampled_from(["", "{paper}", "{0}", "%s"]))
def test_only_the_place_of_the_paper_is_replaced(paper: str, around: str, tricky: str) -> None:
    before, after = f"{around}|", f"|{around}"
    rendered = Prompt("x", "", f"{before}{{paper}}{after}").render(paper + tricky)
    assert rendered == [{"role": "user", "content": before + paper + tricky + after}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('user = "no place"', "0 times"),
        ('user = "{paper} {paper}"', "2 times"),
        ('user = "{ paper }"', "0 times"),
        ('system = "{paper}"\nuser = "{paper}"', "system part"),
        ('system = "only"', "user is missing"),
        ('user = "{paper}"\nassistant = "x"', "assistant"),
        ("user = 3", "must be a string"),
        ('user = "{paper}"\nanswer = "prose"', "unknown answer"),
        ("user = ", "not TOML"),
        ("", "is empty"),
    ],
)
def test_a_file_that_is_no_prompt_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        Prompt.load(write(tmp_path, text))
    assert caught.value.exit_code == 2
    assert caught.value.remedy


def test_what_does_not_exist_or_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    for name in ("objects-v9", str(tmp_path / "none.toml"), "a\0b"):
        with pytest.raises(InputError, match="There is no prompt"):
            Prompt.load(name)
    with pytest.raises(InputError, match="is a folder, not a file"):
        Prompt.load(str(tmp_path))
    path = tmp_path / "latin.toml"
    path.write_bytes(b'user = "\xe9 {paper}"')
    with pytest.raises(InputError, match="not UTF-8"):
        Prompt.load(path)


def test_a_file_cannot_pass_as_a_bundled_prompt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, 'user = "{paper}"', "objects-v1.toml")
    assert Prompt.load(path).id == "file:objects-v1"
    (tmp_path / "objects-v1").write_text('user = "{paper}"')
    monkeypatch.chdir(tmp_path)
    assert Prompt.load("objects-v1").system


def test_the_schema_takes_the_answer_that_the_prompt_asks_for() -> None:
    item = {"text": "No controls.", "category": "design_flaw", "severity": "major", "confidence": 0.5}
    for name in ("objects-v1", "adaptive-v1"):
        found = Prompt.load(name).schema
        assert found == Prompt.load(name).schema
        assert found is not None
        jsonschema.Draft202012Validator.check_schema(found)
        jsonschema.validate({"concerns": [item]}, found)
        for wrong in ({"category": "figure_issue"}, {"severity": "Major"}, {"extra": 1}, {"text": None}):
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate({"concerns": [item | wrong]}, found)
        assert found["properties"]["concerns"]["items"]["properties"]["category"]["enum"] == OFFERED
    strings = Prompt.load("strings-v1").schema
    assert strings is not None
    jsonschema.validate({"concerns": ["No controls."]}, strings)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"concerns": [item]}, strings)


def test_every_object_of_a_schema_is_strict() -> None:
    """Strict structured output wants every property required and no others, at each level."""
    for name in bundled():
        objects = [json.loads(json.dumps(Prompt.load(name).schema))]
        while objects:
            node = objects.pop()
            if node.get("type") == "object":
                assert node["required"] == list(node["properties"])
                assert node["additionalProperties"] is False
            objects += [value for value in node.values() if isinstance(value, dict)]


def test_a_prompt_from_a_file_has_a_schema_only_when_it_says_what_it_asks_for(tmp_path: Path) -> None:
    assert Prompt.load(write(tmp_path, 'user = "{paper}"')).schema is None
    stated = Prompt.load(write(tmp_path, 'user = "{paper}"\nanswer = "strings"'))
    assert stated.schema == Prompt.load("strings-v1").schema


def test_a_schema_handed_out_can_be_changed_without_harm() -> None:
    first = Prompt.load("objects-v1").schema
    assert first is not None
    first.clear()
    assert Prompt.load("objects-v1").schema
