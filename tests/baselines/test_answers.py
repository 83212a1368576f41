"""`bench baseline` reads answers of every kind, from a server on loopback to the rows of a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai", reason="pip install 'bioreview-bench[baselines]'")

Bench = Callable[..., Any]


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]


@pytest.fixture
def api(bench: Bench, model_server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Run `openai:small` against the loopback server into tmp_path/run."""
    monkeypatch.setenv("FAKE_KEY", "sk-of-nobody")

    def run(*arguments: object) -> Any:
        return bench(
            "baseline", "openai:small", "--base-url", model_server.url, "--key-variable", "FAKE_KEY", "--data", "demo",
            "--prompt", "strings-v1", "--out", tmp_path / "run", *arguments,
        )  # fmt: skip

    return run


KINDS = {
    "thoughts": ('<seed:think>["The font is small."]</seed:think>["Batch is confounded."]', ["Batch is confounded."]),
    "sections": ("## Strengths\n- Open data.\n## Weaknesses\n- No control group.", ["No control group."]),
    "titles": ("1. **Dose response**\n\nOnly one is shown.", ["Dose response Only one is shown."]),
    "brackets": ("1. Drawn from [0.001, 0.1) at random.\n2. No seed is given.",
                 ["Drawn from [0.001, 0.1) at random.", "No seed is given."]),
    "slips": ("{'concerns': ['Clusters were ignored.',]}", ["Clusters were ignored."]),
    "quotation marks": ('[{"text": "The "naive" mice were old."}, {"text": "Cages."}]',
                        ['The "naive" mice were old.', "Cages."]),
    "lists": ("- text: No vector alone.\n  category: missing_experiment", ["No vector alone."]),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_answers_of_every_kind_become_the_concerns_of_a_row(
    api: Callable[..., Any], model_server: Any, tmp_path: Path, kind: str
) -> None:
    answer, texts = KINDS[kind]
    model_server.answer = lambda body: answer
    assert api("--limit", "1", "--no-structured").code == 0
    (row,) = rows(tmp_path / "run")
    assert [concern["text"] for concern in row["concerns"]] == texts
    assert row["raw_output"] == answer


def test_items_that_cannot_be_read_are_counted_in_the_row_and_in_the_report(
    api: Callable[..., Any], model_server: Any, tmp_path: Path
) -> None:
    model_server.answer = lambda body: '[{"text": "He said "hi. Bad."}, {"text": "Cages."}]'
    said = api("--limit", "2", "--no-structured")
    assert [(row["status"], row["notes"]["n_unread"]) for row in rows(tmp_path / "run")] == [("repaired", 1)] * 2
    assert "2 items of lists could not be read" in said.out + said.err
