"""Reviewers by name: which there are, what they need, and what a wrong name or a wrong option says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.baselines import registry
from bioreview_bench.baselines.options import RunOptions, read_parameters, slug
from bioreview_bench.baselines.registry import Job
from bioreview_bench.errors import InputError

pytest.importorskip("openai", reason="pip install 'bioreview-bench[baselines]'")

_DOCS = Path(__file__).resolve().parents[2] / "docs" / "baselines.md"


def built(name: str, **options: Any) -> Any:
    return registry.find(name).build(Job(RunOptions(name, data="demo", **options), []))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gpt-4o-mini", ("gpt-4o-mini", "https://api.openai.com/v1", "OPENAI_API_KEY")),
        ("openai:gpt-x", ("gpt-x", "https://api.openai.com/v1", "OPENAI_API_KEY")),
        ("openai:org/model:free", ("org/model:free", "https://api.openai.com/v1", "OPENAI_API_KEY")),
        ("claude-haiku-4.5", ("claude-haiku-4-5-20251001", "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY")),
        ("llama-3.3-70b", ("llama-3.3-70b-versatile", "https://api.groq.com/openai/v1", "GROQ_API_KEY")),
        ("google:gemini-x", ("gemini-x", "https://generativelanguage.googleapis.com", "GEMINI_API_KEY")),
        (
            "gemini-2.5-flash-lite",
            ("gemini-2.5-flash-lite", "https://generativelanguage.googleapis.com", "GEMINI_API_KEY"),
        ),
    ],
)
def test_api_models_have_an_address_and_a_key_of_their_own(name: str, expected: tuple[str, str, str]) -> None:
    reviewer = built(name)
    assert (reviewer.model, reviewer.base_url, reviewer.key_env) == expected
    assert reviewer.name == name


def test_a_key_goes_to_no_other_address_unless_it_is_named() -> None:
    for name in ("gpt-4o-mini", "openai:m", "claude-haiku-4.5"):
        assert built(name, base_url="http://127.0.0.1:1/v1").key_env is None
        assert built(name, base_url="http://127.0.0.1:1/v1", key_variable="HOST_KEY").key_env == "HOST_KEY"
    with pytest.raises(InputError, match="key-variable"):
        built("google:m", base_url="http://127.0.0.1:1")


def test_an_address_that_may_hold_a_secret_is_refused_without_repeating_it() -> None:
    for url in ("https://user:hunter2@host/v1", "https://host/v1?key=hunter2"):
        with pytest.raises(InputError, match="may be secret") as caught:
            built("openai:m", base_url=url)
        assert "hunter2" not in str(caught.value)


def test_a_parameter_replaces_that_of_a_preset_and_null_takes_it_away() -> None:
    assert built("gpt-4o-mini").parameters == {"temperature": 0.0, "max_tokens": 4096}
    changed = built("gpt-4o-mini", parameters={"temperature": None, "max_tokens": 10, "seed": 1})
    assert changed.parameters == {"max_tokens": 10, "seed": 1}
    assert built("openai:m").parameters == {}


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("gpt-4o-mni", "gpt-4o-mini"),
        ("bm52", "bm25"),
        ("statsu", "status"),
        ("opnai:m", "openai:MODEL"),
        ("openai:", "openai:MODEL"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(InputError, match=re.escape(nearest)):
        registry.find(name)


def test_an_unknown_or_mistyped_parameter_is_refused(bench: Callable[..., Any]) -> None:
    for name, parameter, said in (
        ("bm25", "m=3", 'no parameter of bm25 "m"'),
        ("bm25", "n=few", "must be a whole number"),
        ("bm25", "n=true", "must be a whole number"),
        ("random-train", "sead=1", "use seed"),
        ("bm25", "n", "not of the form KEY=VALUE"),
        ("openai:m", "api_key=abc", "could hold a secret"),
    ):
        done = bench("baseline", name, "--data", "demo", "--param", parameter)
        assert (done.code, said in done.err) == (2, True), done.err
    assert registry.find("bm25").build(
        Job(RunOptions("bm25", data="demo", parameters={"n": 3, "weight": 1}), [])
    ).describe()["parameters"]["n"] == 3  # fmt: skip


def test_parameters_are_json_where_they_are_json() -> None:
    given = ["a=0.1", "b=true", "c=null", "d=text", 'e={"x": [1]}', "f=NaN", "g=", "h=x=y", "max_tokens=5"]
    expected = {"a": 0.1, "b": True, "c": None, "d": "text", "e": {"x": [1]}, "f": "NaN", "g": "", "h": "x=y"}
    assert read_parameters(given) == {**expected, "max_tokens": 5}
    with pytest.raises(InputError, match="given twice"):
        read_parameters(["a=1", "a=2"])


def test_a_request_survives_its_record_and_names_its_command() -> None:
    request = RunOptions(
        "openai:m", "v3=my data", "test", 5, prompt="p.toml", parameters={"a": "x y", "b": 0.5}, adapters=("q",),
        fix_labels=True, structured=False, base_url="http://h/v1", key_variable="K",
    )  # fmt: skip
    assert RunOptions.from_dict(json.loads(json.dumps(request.as_dict())), "run.json") == request
    assert request.command("runs/m") == (
        "bench baseline openai:m --data 'v3=my data' --split test --out runs/m --limit 5 --prompt p.toml "
        "--base-url http://h/v1 --key-variable K --adapter q --param 'a=x y' --param b=0.5 --fix-labels --no-structured"
    )
    for broken in (None, {}, {"name": "x"}, {"name": "x", "adapters": 3, "parameters": {}}):
        with pytest.raises(InputError, match="does not say"):
            RunOptions.from_dict(broken, "run.json")


def test_folder_names_come_from_names_and_not_from_places() -> None:
    assert slug("hf:ORG/MODEL") == "hf-ORG-MODEL"
    assert slug("hf:/home/me/models/mine/") == "hf-mine"
    assert slug("gpt-4o-mini") == "gpt-4o-mini"
    assert slug("openai:a/../../b") == "openai-a-..-..-b"


def test_the_list_says_what_is_missing(bench: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("GROQ_API_KEY", "gsk_secret_value_1234567")
    monkeypatch.setenv("BIOREVIEW_VLLM", "no-such-executable")
    done = bench("baseline", "list", "--format", "json")
    found = {kind["name"]: kind for kind in json.loads(done.out)}
    assert done.code == 0
    assert {"gpt-4o-mini", "bm25-v3", "echo", "openai:MODEL", "vllm:MODEL", "hf:MODEL"} <= set(found)
    assert found["gpt-4o-mini"]["missing"] == ["the variable OPENAI_API_KEY"]
    assert found["llama-3.3-70b"]["missing"] == []
    assert found["vllm:MODEL"]["missing"] == ["vllm on the PATH, or BIOREVIEW_VLLM"]
    assert found["echo"]["missing"] == []
    text = bench("baseline", "list").out
    assert "needs the variable OPENAI_API_KEY" in text
    assert "gsk_secret" not in text + done.out


@pytest.mark.parametrize("arguments", [["baseline", "--help"], ["baseline", "list"], ["baseline", "bm25", "--help"]])
def test_looking_around_imports_no_model_library_and_no_client(arguments: list[str]) -> None:
    program = """
import sys
from bioreview_bench.cli.main import run
assert run(sys.argv[1:]) == 0
heavy = {"torch", "transformers", "openai", "google.genai", "bm25s", "sklearn", "scipy", "pandas", "peft"}
print("loaded:", *sorted(heavy & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr.strip().splitlines()[-1] == "loaded:"


def test_every_reviewer_is_registered_once_in_the_file_that_makes_it() -> None:
    entries = registry.every()
    names = [entry.name for entry in entries]
    assert len(set(names)) == len(names)
    assert [name for name in names if name.endswith(":MODEL")] == names[-4:], "families come last"
    for entry in entries:
        assert registry.find(entry.name.replace("MODEL", "m")).build == entry.build


def test_the_reviewer_of_the_docs_runs_as_written(
    bench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = re.search(r"<!-- example: my_reviewer\.py -->\n```python\n(.*?)```", _DOCS.read_text(), re.DOTALL)
    assert found is not None
    assert len(found.group(1).splitlines()) <= 40
    (tmp_path / "my_reviewer.py").write_text(found.group(1))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_reviewer", raising=False)
    point = EntryPoint("counting", "my_reviewer:build", registry.ENTRY_POINT)
    broken = EntryPoint("broken", "no_such_module:build", registry.ENTRY_POINT)
    monkeypatch.setattr(registry, "third_party", lambda: {"counting": point, "broken": broken})
    out = tmp_path / "run"
    done = bench(
        "baseline", "counting", "--data", "demo", "--split", "val", "--out", out, "--param", 'words=["unicorns"]'
    )
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    assert len(rows) == 6
    assert rows[0]["concerns"] == [{"text": "The number of unicorns is not stated.", "severity": "major"}]
    assert "counting" in bench("baseline", "list").out
    refused = bench("baseline", "broken", "--data", "demo", "--split", "val", "--out", tmp_path / "other")
    assert (refused.code, "no_such_module" in refused.err) == (2, True)
