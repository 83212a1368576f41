"""A model on loopback that divides and labels as the annotations of articles say, behind the real clients."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.data.article import Article
from bioreview_bench.data.vocabulary import normalise

SECRET = "sk-proj-S3CRETs3cretS3CRETs3cret0123456789"
CHANGED = {True: "yes", False: "no", None: "unknown"}

LETTER = """Thank you for sending your work to our journal.

Reviewer #1:

Major points:

1) There is no control for the drug in Figure 2.   Please add one.

2) It is unclear why only males were used.

Reviewer #2:

This is a fine paper. The legend of Figure 3 should name the stain. The dose must be justified."""

RESPONSE = """We thank the reviewers.

There is no control for the drug in Figure 2. Please add one.

We have added it as panel B.

The text now says why.

Only males fight, so we disagree."""


def concern(text: str, reply: str | None, stance: str, changed: bool | None, **labels: Any) -> dict[str, Any]:
    return {
        "concern_id": text[:40],
        "concern_text": text,
        "category": "missing_experiment",
        "severity": "major",
        "requires_figure_reading": False,
        "author_response_text": reply,
        "author_stance": stance,
        "evidence_of_change": changed,
        **labels,
    }


CONCERNS = [
    concern(
        "There is no control for the drug in Figure 2.   Please add one.",
        "We have added it as panel B.\n\nThe text now says why.",
        "conceded",
        True,
    ),
    concern(
        "It is unclear why only males were used.",
        "Only males fight, so we disagree.",
        "rebutted",
        False,
        category="design_flaw",
    ),
    concern(
        "The legend of Figure 3 should name the stain.",
        None,
        "no_response",
        None,
        category="figure_issue",
        severity="minor",
        requires_figure_reading=True,
    ),
    concern("The dose must be justified.", None, "no_response", None, severity="optional"),
]


@dataclass
class LoopbackExtractor:
    """Answers from the concerns of `articles`. `spoil(stage, data, answer)` may put another text in its place."""

    url: str
    articles: Sequence[Article] = ()
    spoil: Callable[[str, dict[str, Any], dict[str, Any]], str | None] = lambda stage, data, answer: None
    asked: list[tuple[str, dict[str, Any], int]] = field(default_factory=list)  # stage, data, messages

    def content(self, messages: Sequence[Mapping[str, str]]) -> str:
        said = next(message["content"] for message in messages if message["role"] == "user")
        data = json.loads(said[said.index("{") :])
        stage = "segments" if "paragraphs" in data else "labels"
        self.asked.append((stage, data, len(messages)))
        answer = self.segments(data) if stage == "segments" else self.labels(data)
        spoilt = self.spoil(stage, data, answer)
        return json.dumps(answer) if spoilt is None else spoilt

    def segments(self, data: dict[str, Any]) -> dict[str, Any]:
        report = normalise(" ".join(data["paragraphs"]))
        article = next(a for a in self.articles if report in normalise(a.decision_letter_raw or ""))
        return {"concerns": [c.text for c in article.concerns if c.text in report]}

    def labels(self, data: dict[str, Any]) -> dict[str, Any]:
        report = normalise(" ".join(data["report"]))
        article = next(a for a in self.articles if report in normalise(a.decision_letter_raw or ""))
        known = {c.text: c for c in article.concerns}
        paragraphs = {normalise(text): label for label, text in data["response"].items()}
        return {
            "labels": [
                {
                    "concern": name,
                    "category": known[normalise(text)].category,
                    "severity": known[normalise(text)].severity,
                    "requires_figure_reading": known[normalise(text)].requires_figure_reading,
                    "reply": [
                        paragraphs[normalise(part)]
                        for part in (known[normalise(text)].author_response_text or "").split("\n\n")
                        if part
                    ],
                    "author_stance": known[normalise(text)].author_stance,
                    "evidence_of_change": CHANGED[known[normalise(text)].evidence_of_change],
                }
                for name, text in data["concerns"].items()
            ]
        }


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    from bioreview_bench.llm.calls.pacing import Backoff

    monkeypatch.setattr(Backoff, "wait", lambda *_: 0.0)


@pytest.fixture
def articles() -> list[Article]:
    """Two articles with annotated letters."""
    row = {"source": "elife", "decision_letter_raw": LETTER, "author_response_raw": RESPONSE, "concerns": CONCERNS}
    other = LETTER.replace("drug", "toxin").replace("stain", "dye")
    said = [
        {**one, "concern_text": one["concern_text"].replace("drug", "toxin").replace("stain", "dye")}
        for one in CONCERNS
    ]
    return [
        Article.model_validate({"id": "elife:1", **row}),
        Article.model_validate({"id": "elife:2", **row, "decision_letter_raw": other, "concerns": said}),
    ]


@pytest.fixture
def parsed(tmp_path: Path, articles: list[Article]) -> Path:
    """Both as `bench data parse` leaves them: without concerns."""
    path = tmp_path / "parsed.jsonl"
    rows = [article.model_dump(mode="json", exclude_unset=True, exclude={"concerns"}) for article in articles]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def extractor(
    model_server: Any,
    completion: Any,
    reply: Any,
    articles: list[Article],
    monkeypatch: pytest.MonkeyPatch,
) -> LoopbackExtractor:
    pytest.importorskip("openai", reason="pip install 'bioreview-bench[baselines]'")
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    model = LoopbackExtractor(f"{model_server.url}/v1", articles)
    model_server.answer = lambda request: reply(completion(model.content(request["body"]["messages"])))
    return model


Ended = tuple[int, str, str]


@pytest.fixture
def bench_extract(capsys: pytest.CaptureFixture[str], extractor: LoopbackExtractor) -> Callable[..., Ended]:
    """`bench data extract ... --with openai:small` at the loopback model: (exit code, stdout, stderr)."""
    main = importlib.import_module("bioreview_bench.cli.main")

    def run(*arguments: object, by: str = "openai:small", where: tuple[str, ...] | None = None) -> Ended:
        capsys.readouterr()
        there = ("--base-url", extractor.url) if where is None else where
        code = main.run(["data", "extract", *map(str, arguments), "--with", by, *there])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
