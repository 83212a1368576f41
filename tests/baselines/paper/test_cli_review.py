"""`bench review`: what is shown before anything is sent, what is sent and printed, and never paid twice."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.data.papers import child

pytest.importorskip("openai", reason="pip install 'bioreview-bench[baselines]'")

SECRET = "sk-proj-S3CRETs3cretS3CRETs3cret0123456789"
ANSWER = json.dumps(
    {
        "concerns": [
            {
                "text": "The counts were made by one observer.",
                "category": "design_flaw",
                "severity": "major",
                "confidence": 0.7,
            },
            {
                "text": "The decline is attributed to boats | without \u202e evidence.",
                "category": "interpretation",
                "severity": "minor",
            },
        ]
    }
)


@pytest.fixture
def api(
    bench: Callable[..., Any], model_server: Any, paper: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Any]:
    """Review the paper with `openai:small` at the loopback server, at 10 and 100 USD a million tokens."""
    monkeypatch.setenv("FAKE_KEY", SECRET)
    model_server.answer = lambda body: ANSWER
    prices = tmp_path / "prices.toml"
    prices.write_text("[models.small]\ninput = 10.0\noutput = 100.0\ndate = 2026-01-31\n")

    def run(*arguments: object) -> Any:
        return bench(
            "review", paper, "--with", "openai:small", "--base-url", model_server.url, "--key-variable", "FAKE_KEY",
            "--prices", prices, "--param", "max_tokens=100", *arguments,
        )  # fmt: skip

    return run


def answer(monkeypatch: pytest.MonkeyPatch, said: bool) -> list[str]:
    """Somebody at the terminal, who says yes or no; gives the questions."""
    module = import_module("bioreview_bench.baselines.paper.command")
    asked: list[str] = []
    monkeypatch.setattr(module.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(module.click, "confirm", lambda text, **_: asked.append(text) or said)
    return asked


def test_a_newcomer_reviews_a_paper_without_a_model(bench: Callable[..., Any], paper: Path) -> None:
    done = bench("review", paper, "--with", "echo")
    assert done.code == 0, done.err
    assert done.out.startswith('echo raises 4 concerns about "Terns on a ledge".')
    assert "Terns were counted by one observer from a boat" in done.out
    assert "nothing: it is sent to no model" in done.err
    row = json.loads((paper.parent / "runs" / "echo-terns" / "predictions.jsonl").read_text())
    assert row["article_id"] == "own:terns"
    assert bench("baseline", "status", "runs/echo-terns").out.splitlines()[-1].startswith("Next: bench review")


def test_sections_words_tokens_and_dollars_are_shown_and_nothing_is_sent(
    api: Callable[..., Any], model_server: Any, paper: Path
) -> None:
    done = api("--dry-run")
    assert done.code == 0, done.err
    assert not model_server.requests
    assert not (paper.parent / "runs").exists()
    lines = done.out.splitlines()
    assert lines[0].startswith("Cost")
    rows = {line.split()[0]: line.split()[1:] for line in lines if line}
    text = "Terns were counted by one observer from a boat, once a summer, in fine weather only."
    assert rows["Methods"] == ["16", str(-(-len(text) // 3)), "sent"]
    assert rows["Acknowledgements"][-1] == "withheld"
    plan = json.loads(api("--dry-run", "--format", "json").out)
    # The prompt at 10 USD a million tokens, and 100 tokens of answer at 100 USD.
    assert plan["most_cost_usd"] == round((plan["input_tokens"] * 10 + 100 * 100) / 1e6, 6)
    assert plan["leaves_this_machine"] is True
    assert [part["heading"] for part in plan["paper"]["sections"]][:2] == ["Abstract", "Introduction"]


def test_nothing_is_sent_without_a_yes(
    api: Callable[..., Any], model_server: Any, monkeypatch: pytest.MonkeyPatch, paper: Path
) -> None:
    unasked = api()
    assert unasked.code == 2
    assert "Nothing was sent" in unasked.err
    assert "--yes" in unasked.err.splitlines()[-1]
    asked = answer(monkeypatch, False)
    assert api().code == 2
    assert model_server.url in asked[0]
    assert not model_server.requests
    assert not (paper.parent / "runs").exists()
    answer(monkeypatch, True)
    assert api().code == 0
    assert len(model_server.requests) == 1


def test_a_yes_may_be_piped_in(
    api: Callable[..., Any], model_server: Any, monkeypatch: pytest.MonkeyPatch, paper: Path
) -> None:
    for said in ("", "n\n", "\n", "maybe\n"):
        monkeypatch.setattr("sys.stdin", io.StringIO(said))
        assert api().code == 2
    assert not model_server.requests
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert api().code == 0
    assert len(model_server.requests) == 1


def test_what_was_paid_for_is_shown_again_without_a_second_call(
    api: Callable[..., Any], model_server: Any, paper: Path
) -> None:
    first = api("--yes")
    assert first.code == 0, first.err
    assert "2 concerns" in first.out
    assert "major" in first.out
    assert "design_flaw" in first.out
    # 100 tokens in at 10 and 10 out at 100 USD a million.
    assert "$0.0020 (prices of 2026-01-31)" in first.out
    assert first.err.index("Cost") < first.err.index("Reviewing")
    again = api()
    assert (again.code, again.out) == (0, first.out)
    assert "has the answer" in again.err
    assert len(model_server.requests) == 1
    stored = "".join(path.read_text() for path in (paper.parent / "runs").rglob("*") if path.is_file())
    assert SECRET not in stored + first.out + first.err


def test_what_the_reviewer_may_not_see_is_not_sent(api: Callable[..., Any], model_server: Any) -> None:
    assert api("--yes").code == 0
    sent = json.dumps(model_server.requests[0]["body"])
    assert "fine weather" in sent
    for withheld in ("boatman", "University of Somewhere", "J. Birds"):
        assert withheld not in sent


def test_texts_of_a_model_cannot_move_the_cursor_or_break_a_table(api: Callable[..., Any]) -> None:
    assert "\u202e" not in api("--yes").out
    markdown = api("--format", "markdown").out
    assert r"boats \| without \\u202e evidence" in markdown
    assert json.loads(api("--format", "json").out)["concerns"][1]["text"].endswith("evidence.")


def test_a_failed_review_is_no_empty_one_and_is_asked_for_again(
    api: Callable[..., Any], model_server: Any, bench: Callable[..., Any]
) -> None:
    model_server.answer = lambda body: "I am sorry, but I cannot help with that."
    failed = api("--yes")
    assert failed.code == 5
    assert "There is no review" in failed.err
    assert "bench review" in failed.err
    model_server.answer = lambda body: ANSWER
    assert api("--yes").code == 0
    assert len(model_server.requests) == 2


def test_a_changed_paper_is_not_shown_the_answer_of_the_old_one(
    api: Callable[..., Any], model_server: Any, paper: Path
) -> None:
    assert api("--yes").code == 0
    paper.write_text(paper.read_text().replace("forty", "fifty"))
    changed = api("--yes")
    assert changed.code == 2
    assert "--out" in changed.err
    assert len(model_server.requests) == 1


def test_what_is_missing_is_said_before_the_paper_leaves(
    bench: Callable[..., Any], paper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    missing = bench("review", paper, "--with", "gpt-4o-mini", "--yes")
    assert missing.code == 2
    assert "OPENAI_API_KEY" in missing.err
    assert "--with echo" in missing.err
    assert bench("review", paper, "--with", "gpt-4o-mini", "--dry-run").code == 0
    nowhere = bench("review", paper, "--with", "hf:/no/such/model")
    assert nowhere.code == 3
    unknown = bench("review", paper, "--with", "gtp-4o-mini")
    assert unknown.code == 2
    assert "gpt-4o-mini" in unknown.err
    assert bench("review", paper.with_name("none.pdf"), "--with", "echo").code == 2


def test_a_budget_that_does_not_bear_the_review_sends_nothing(api: Callable[..., Any], model_server: Any) -> None:
    assert api("--yes", "--max-cost", "0.0001").code == 2
    assert not model_server.requests


def test_concerns_are_borrowed_for_a_paper_without_a_model(bench: Callable[..., Any], paper: Path) -> None:
    done = bench("review", paper, "--with", "bm25", "--data", "demo", "--format", "json", "--quiet")
    assert done.code == 0, done.err
    shown = json.loads(done.out)
    assert len(shown["concerns"]) == 12
    assert {concern["severity"] for concern in shown["concerns"]} <= {"major", "minor", "optional"}


def test_help_imports_neither_torch_nor_a_client_nor_a_parser() -> None:
    heavy = ("torch", "openai", "pdfminer", "docx", "lxml", "pandas")
    code = f"import sys, bioreview_bench.baselines.paper.command; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_form_whose_library_is_not_installed_names_the_extra(
    bench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "find_spec", lambda name: None)
    path = tmp_path / "paper.pdf"
    path.write_bytes(b"%PDF-1.7 ...")
    done = bench("review", path, "--with", "echo")
    assert done.code == 3
    assert "pdfminer.six" in done.err
    assert "[papers]" in done.err


def test_a_failed_review_can_be_retried_as_any_run(
    api: Callable[..., Any], model_server: Any, bench: Callable[..., Any]
) -> None:
    model_server.answer = lambda body: "I am sorry, but I cannot help with that."
    assert api("--yes").code == 5
    model_server.answer = lambda body: ANSWER
    retried = bench("baseline", "retry", "runs/openai-small-terns")
    assert retried.code == 0, retried.err
    assert "has the answer" in api().err
    assert len(model_server.requests) == 2
