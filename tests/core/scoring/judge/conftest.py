"""A judge on loopback that goes by a rule of the test, behind the real openai client."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SECRET = "sk-proj-S3CRETs3cretS3CRETs3cret0123456789"


def by_last_word(prediction: str, reference: str) -> str:
    """The same point when the last word is equal, a related one when the first word is."""
    if prediction.split()[-1] == reference.split()[-1]:
        return "same"
    return "related" if prediction.split()[0] == reference.split()[0] else "different"


@dataclass
class LoopbackJudge:
    """`rule(prediction, reference)` gives a label; `spoil(answer, lists)` may put another text in an answer's place."""

    url: str
    rule: Callable[[str, str], str] = by_last_word
    spoil: Callable[[list[dict[str, Any]], dict[str, Any]], str | None] = lambda answer, lists: None
    asked: list[dict[str, dict[str, str]]] = field(default_factory=list)  # references, predictions by label

    def content(self, messages: list[dict[str, str]]) -> str:
        """What the judge answers to these messages."""
        lists = json.loads(messages[-1]["content"].split("\n", 2)[2])
        self.asked.append(lists)
        judgements = []
        for name, prediction in lists["predictions"].items():
            labels = {label: self.rule(prediction, text) for label, text in lists["references"].items()}
            named = {
                wanted: [key for key, label in labels.items() if label == wanted] for wanted in ("same", "related")
            }
            judgements.append({"prediction": name, "reason": "as the rule says", **named})
        spoilt = self.spoil(judgements, lists)
        return json.dumps({"judgements": judgements}) if spoilt is None else spoilt


@pytest.fixture
def loopback_judge(
    model_server: Any, completion: Any, reply: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> LoopbackJudge:
    pytest.importorskip("openai", reason="pip install 'bioreview-bench[baselines]'")
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    judge = LoopbackJudge(f"{model_server.url}/v1")
    model_server.answer = lambda request: reply(completion(judge.content(request["body"]["messages"])))
    return judge


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`bench ARGUMENTS` in this process: (exit code, stdout, stderr)."""
    main = importlib.import_module("bioreview_bench.cli.main")

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def evaluate(bench: Any, loopback_judge: LoopbackJudge) -> Callable[..., tuple[int, str, str]]:
    """`bench evaluate demo:careful` under the loopback judge, with further arguments."""

    def run(*arguments: object, contract: str = "judge:openai:small") -> tuple[int, str, str]:
        where = ("--data", "demo", "--contract", contract, "--base-url", loopback_judge.url, "--draws", 0)
        found: tuple[int, str, str] = bench("evaluate", "demo:careful", *where, *arguments)
        return found

    return run
