"""`bench baseline` from the first article to the score: runs, resumes, retries, and what it refuses."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai", reason="pip install 'bioreview-bench[baselines]'")

Bench = Callable[..., Any]
SECRET = "sk-proj-S3CRETs3cretS3CRETs3cret0123456789"


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]


def everything(out: Path) -> str:
    return "\n".join(path.read_text() for path in out.rglob("*") if path.is_file())


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("FAKE_KEY", SECRET)
    return SECRET


@pytest.fixture
def api(bench: Bench, model_server: Any, key: str, tmp_path: Path) -> Callable[..., Any]:
    """Run `openai:small` against the loopback server into tmp_path/run."""

    def run(*arguments: object) -> Any:
        return bench(
            "baseline", "openai:small", "--base-url", model_server.url, "--key-variable", "FAKE_KEY",
            "--data", "demo", "--split", "val",
            "--prompt", "strings-v1", "--out", tmp_path / "run", *arguments,
        )  # fmt: skip

    return run


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Terns on a ledge"},
        {"abstract": "Terns of the second colony returned to the same ledge."},
        {"paper_text_sections": {"Methods": "Terns were counted.", "Results": "There were four."}},
    ],
)
def test_a_run_is_not_resumed_over_other_papers_under_the_same_ids(
    bench: Bench, tmp_path: Path, change: dict[str, Any]
) -> None:
    data, out = tmp_path / "data", tmp_path / "run"
    data.mkdir()
    path = Path(str(resources.files("bioreview_bench.data.demo"))) / "test.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    (data / "test.jsonl").write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    run = ("baseline", "echo", "--data", data, "--split", "test", "--out", out)
    assert bench(*run, "--limit", 1).code == 0
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    changed = "".join(json.dumps({**line, **change}) + "\n" for line in lines)
    (data / "test.jsonl").write_text(changed, encoding="utf-8")
    refused = bench(*run, "--limit", 3)
    assert refused.code == 2
    assert f"{lines[0]['id']}: text" in refused.err
    assert lines[1]["id"] not in refused.err  # it has no review yet
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before


def prices(folder: Path) -> Path:
    path = folder / "prices.toml"
    path.write_text("[models.small]\ninput = 10.0\noutput = 100.0\ndate = 2026-01-31\n")
    return path


@pytest.mark.parametrize("name", ["bm25", "bm25-v3", "echo", "generic", "neighbour", "random-train"])
def test_a_run_can_be_extended_and_scored(bench: Bench, tmp_path: Path, name: str) -> None:
    out = tmp_path / "runs" / name
    first = bench("baseline", name, "--data", "demo", "--split", "val", "--out", out, "--limit", 2)
    assert first.code == 0, first.err
    before = (out / "predictions.jsonl").read_bytes()
    assert len(rows(out)) == 2
    assert "--limit 2" in first.out
    second = bench("baseline", name, "--data", "demo", "--split", "val", "--out", out)
    assert second.code == 0, second.err
    assert "Reviewing: resumed at 2/6" in second.err
    assert (out / "predictions.jsonl").read_bytes().startswith(before)
    assert [row["status"] for row in rows(out)] == ["ok"] * 6
    next_command = shlex.split(second.out.splitlines()[-1].removeprefix("Next: bench "))
    assert next_command[:2] == ["evaluate", str(out / "predictions.jsonl")]
    scored = bench(*next_command, "--contract", "jaccard", "--draws", 0, "--format", "json", "--quiet")
    assert scored.code == 0, scored.err
    assert json.loads(scored.out)["coverage"]["scored"] == 6
    status = json.loads(bench("baseline", "status", out, "--format", "json").out)
    assert (status["rows"], status["left"], status["state"]) == (6, 0, "finished")
    assert status["cost_usd"] is None
    assert bench("baseline", "reparse", out).code == 2


def test_a_local_model_runs_end_to_end_and_is_resumed_alike(
    bench: Bench, tmp_path: Path, noisy_model: Path, answering_model: Path
) -> None:
    options = [
        "--data",
        "demo",
        "--split",
        "val",
        "--prompt",
        "strings-v1",
        "--param",
        "max_new_tokens=8",
        "--budget",
        300,
    ]
    done = bench("baseline", f"hf:{answering_model}", *options, "--out", tmp_path / "a")
    assert done.code == 0, done.err
    assert [len(row["concerns"]) for row in rows(tmp_path / "a")] == [2] * 6
    assert "6 papers were cut" in done.out
    assert all(row["notes"]["cut"]["tokens"] <= 300 < row["notes"]["cut"]["of"] for row in rows(tmp_path / "a"))
    assert str(answering_model) not in done.out.splitlines()[0]
    hot = [*options, "--param", "temperature=1.0"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    noise = bench("baseline", f"hf:{noisy_model}", *hot, "--out", whole)
    assert noise.code == 5
    assert "6 of 6 articles failed for good. The commonest reason: the answer was cut" in noise.err
    assert bench("baseline", f"hf:{noisy_model}", *hot, "--out", parts, "--limit", 3, "--concurrency", 1).code == 5
    assert bench("baseline", f"hf:{noisy_model}", *hot, "--out", parts).code == 5
    texts = [{row["article_id"]: row["raw_output"] for row in rows(out)} for out in (whole, parts)]
    assert texts[0] == texts[1]
    other = bench("baseline", f"hf:{noisy_model}", *hot, "--out", parts, "--param", "seed=1")
    assert other.code == 2
    assert "reviewer.parameters.seed: 42 in the run, 1 now" in other.err


def test_an_api_run_counts_cost_and_shows_its_key_nowhere(
    api: Bench, bench: Bench, model_server: Any, tmp_path: Path
) -> None:
    done = api("--prices", prices(tmp_path), "--max-cost", 50, "--param", "max_tokens=100")
    assert done.code == 0, done.err
    out = tmp_path / "run"
    assert [request["headers"]["authorization"] for request in model_server.requests] == [f"Bearer {SECRET}"] * 6
    # 6 answers of 100 tokens in at 10 and 10 out at 100 USD a million.
    assert "tokens: 600 in, 60 out; cost: $0.0120" in done.out
    status = bench("baseline", "status", out)
    assert "cost: $0.0120" in status.out
    assert SECRET not in everything(out) + done.out + done.err + status.out
    assert json.loads((out / "run.json").read_text())["settings"]["price"]["date"] == "2026-01-31"
    assert json.loads((out / "run.json").read_text())["reviewer"]["prompt"]["id"] == "strings-v1"


def test_a_key_that_the_service_repeats_is_shown_nowhere(api: Bench, model_server: Any, tmp_path: Path) -> None:
    model_server.answer = lambda body: (401, {"error": {"message": f"Incorrect API key provided: {SECRET}"}})
    done = api()
    assert done.code == 5
    assert SECRET not in done.err + done.out
    assert "bench baseline openai:small" in done.err
    assert not (tmp_path / "run").exists()


def test_what_failed_for_good_is_counted_and_retried(
    api: Bench, bench: Bench, model_server: Any, tmp_path: Path
) -> None:
    good = model_server.answer
    asked: Counter[str] = Counter()

    def answer(body: dict[str, Any]) -> Any:
        paper = body["messages"][-1]["content"]
        asked[paper] += 1
        if len(asked) in (2, 3) and asked[paper] == 1:
            text = "maximum context length exceeded"
            return (400, {"error": {"message": text}}) if len(asked) == 2 else "I'm sorry, I cannot review this."
        return good(body)

    model_server.answer = answer
    done = api("--concurrency", 1, "--prices", prices(tmp_path))
    out = tmp_path / "run"
    assert done.code == 5
    assert "2 of 6 articles failed for good. The commonest reason, in 1 of 2: " in done.err
    assert Counter(row["status"] for row in rows(out)) == {"ok": 4, "error": 1, "refused": 1}
    assert f"Next: bench baseline retry {shlex.quote(str(out))}" in done.out
    before = {row["article_id"]: row for row in rows(out) if row["status"] == "ok"}
    again = bench("baseline", "retry", out, "--status", "error", "--status", "refused")
    assert again.code == 0, again.err
    assert [row["status"] for row in rows(out)] == ["ok"] * 6
    assert {row["article_id"]: row for row in rows(out) if row["article_id"] in before} == before
    assert sum(asked.values()) == 8
    assert all(row["usage"]["cost_usd"] == 0.002 for row in rows(out))  # by the prices of the run
    assert "2 earlier rows were asked for again" in again.out


def test_a_retry_without_its_key_changes_nothing(
    api: Bench, bench: Bench, model_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_server.answer = lambda body: "I'm sorry, I cannot review this."
    refused = api()
    assert refused.code == 5
    assert "6 of 6 articles failed for good. The commonest reason: the model refused: I'm sorry, I" in refused.err
    before = (tmp_path / "run" / "predictions.jsonl").read_bytes()
    monkeypatch.delenv("FAKE_KEY")
    done = bench("baseline", "retry", tmp_path / "run")
    assert (done.code, "FAKE_KEY is not set" in done.err) == (2, True)
    assert (tmp_path / "run" / "predictions.jsonl").read_bytes() == before
    assert not (tmp_path / "run" / "superseded.jsonl").exists()


def test_reparse_reads_stored_answers_again_and_asks_nobody(
    api: Bench, bench: Bench, model_server: Any, tmp_path: Path
) -> None:
    model_server.answer = lambda body: '[{"text": "No control group was used.", "category": "Design flaw"}]'
    assert api("--no-structured").code == 0
    out = tmp_path / "run"
    first = rows(out)
    unchanged = bench("baseline", "reparse", out)
    assert unchanged.code == 0
    assert "6 answers read again, 0 rows changed" in unchanged.out
    # As if an earlier parser had failed on these answers.
    worse = [row | {"status": "parse_failed", "concerns": []} for row in first]
    (out / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in worse))
    asked = len(model_server.requests)
    again = bench("baseline", "reparse", out)
    assert "before: 6 parse_failed" in again.out
    assert "after: 6 ok" in again.out
    assert rows(out) == first
    labelled = bench("baseline", "reparse", out, "--fix-labels")
    assert labelled.code == 0, labelled.err
    assert [row["concerns"][0]["category"] for row in rows(out)] == ["design_flaw"] * 6
    assert rows(out)[0]["notes"]["n_fixed_labels"] == 1
    assert len(model_server.requests) == asked
    assert api("--no-structured").code == 2  # the run is one with fixed labels now
    assert api("--no-structured", "--fix-labels").code == 0


def test_reparse_leaves_refusals_of_the_service_alone(
    api: Bench, bench: Bench, model_server: Any, tmp_path: Path
) -> None:
    message = {"role": "assistant", "content": None, "refusal": "1. This is no concern, I just do not review."}
    model_server.answer = lambda body: (200, {"choices": [{"finish_reason": "stop", "message": message}]})
    assert api().code == 5
    before = rows(tmp_path / "run")
    assert {row["status"] for row in before} == {"refused"}
    assert bench("baseline", "reparse", tmp_path / "run").code == 2
    assert rows(tmp_path / "run") == before


def test_a_dry_run_counts_and_neither_sends_nor_writes(
    api: Bench, bench: Bench, model_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FAKE_KEY")
    done = api("--dry-run", "--prices", prices(tmp_path), "--param", "max_tokens=1000", "--budget", 200)
    assert done.code == 0, done.err
    assert "6 articles to review" in done.out
    assert "6 papers cut to the budget" in done.out
    tokens = int(done.out.split("tokens of prompt")[0].split()[-1].replace(",", ""))
    assert f"at most ${(tokens * 10 + 6 * 1000 * 100) / 1e6:.4f}" in done.out
    assert "cost unknown" in api("--dry-run").out
    assert not (tmp_path / "run").exists()
    assert model_server.requests == []
    assert (
        "It is sent no prompt"
        in bench("baseline", "echo", "--data", "demo", "--split", "val", "--dry-run", "--out", tmp_path / "x").out
    )


def test_max_cost_stops_before_it_is_exceeded_and_says_how_to_go_on(
    api: Bench, model_server: Any, tmp_path: Path
) -> None:
    # One answer costs 0.002 USD; beforehand 1,000 tokens of output are reckoned at 0.1 and the prompt at about 0.03.
    options = ["--prices", prices(tmp_path), "--param", "max_tokens=1000", "--concurrency", 1]
    done = api(*options, "--max-cost", 0.14)
    assert done.code == 0, done.err
    n_done = len(rows(tmp_path / "run"))
    assert 0 < n_done < 6
    assert "Stopped: the next review may cost" in done.err
    assert f"{n_done} of 6 articles have a row" in done.out
    # The limit stays in the command until the user lifts it, and so do the prices.
    assert f"--prices {shlex.quote(str(tmp_path / 'prices.toml'))} --max-cost 0.14" in done.out
    assert api(*options, "--max-cost", 5).code == 0
    assert len(rows(tmp_path / "run")) == len(model_server.requests) == 6


def test_max_cost_without_a_price_is_an_error_before_anything_is_sent(
    api: Bench, model_server: Any, tmp_path: Path
) -> None:
    done = api("--max-cost", 1)
    assert (done.code, "--prices" in done.err) == (2, True)
    assert model_server.requests == []
    assert not (tmp_path / "run").exists()


def test_articles_can_be_chosen_by_id(bench: Bench, tmp_path: Path) -> None:
    from bioreview_bench.data.load import load_split

    known = [article.id for article in load_split("demo", "val")]
    ids = tmp_path / "ids.txt"
    ids.write_text(f"{known[3]}\n\n{known[1]}\n")
    out = tmp_path / "run"
    assert bench("baseline", "generic", "--data", "demo", "--split", "val", "--ids", ids, "--out", out).code == 0
    assert [row["article_id"] for row in rows(out)] == [known[3], known[1]]
    ids.write_text(f"{known[3]}\n{known[3]}\n{known[1][:-1]}x\n")
    done = bench("baseline", "generic", "--data", "demo", "--split", "val", "--ids", ids, "--out", tmp_path / "other")
    assert done.code == 2
    assert "line 2" in done.err
    assert f"use {known[1]}" in done.err
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["bm26", "--data", "demo"], 2, "bm25"),
        (["echo", "--data", "demo", "--split", "tset"], 2, "tset"),
        (["echo", "--data", "nowhere"], 4, "nowhere"),
        (["echo"], 4, "bench data download v3"),
        (["echo", "--data", "demo", "--prompt", "x"], 2, "echo does not take --prompt"),
        (["bm25", "--data", "demo", "--adapter", "x"], 2, "does not take --adapter"),
        (["gpt-4o-mini", "--data", "demo", "--prompt", "nowhere.toml"], 2, "no prompt"),
        (["gpt-4o-mini", "--data", "demo", "--counter", "words"], 2, "no token counter"),
        (["gpt-4o-mini", "--data", "demo"], 2, "OPENAI_API_KEY is not set"),
        (["google:m", "--data", "demo"], 2, "GEMINI_API_KEY is not set"),
        (["hf:/nowhere/model", "--data", "demo"], 3, "no folder"),
        (["vllm:/nowhere/model", "--data", "demo"], 3, "no folder"),
        (["openai:m", "--data", "demo", "--base-url", "host/v1"], 2, "http"),
        (["gpt-4o-mini", "--data", "demo", "--prices", "nowhere.toml"], 2, "prices"),
        (["status", "nowhere"], 2, "There is no folder nowhere"),
        (["retry", "nowhere"], 2, "There is no folder nowhere"),
        (["reparse", "nowhere"], 2, "There is no folder nowhere"),
    ],
)
def test_what_is_wrong_is_said_once_and_leaves_nothing_behind(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, said: str
) -> None:
    for name in ("OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    done = bench("baseline", *arguments)
    assert done.code == code, done.err
    assert said in done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == []


def test_an_unreachable_server_is_said_and_leaves_nothing_behind(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    from bioreview_bench.llm.calls import engine
    from bioreview_bench.llm.calls.pacing import Backoff

    monkeypatch.setattr(engine, "Backoff", lambda: Backoff(0.001, 0.002))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    done = bench("baseline", "openai:m", "--base-url", f"http://127.0.0.1:{port}/v1",
        "--data", "demo", "--split", "val",
                 "--out", tmp_path / "run")  # fmt: skip
    assert done.code == 5
    assert "No server answers" in done.err
    assert not (tmp_path / "run").exists()


def test_help_shows_both_forms_and_the_options_of_a_run(bench: Bench) -> None:
    group, run = bench("baseline", "--help").out, bench("baseline", "gpt-4o-mini", "--help").out
    assert "Usage: bench baseline NAME [OPTIONS]... | COMMAND" in group
    for word in ("status", "retry", "reparse", "list", "prices", "bench baseline bm25", "vllm:"):
        assert word in group
    assert "Usage: bench baseline NAME [OPTIONS]" in run
    for option in ("--split", "--max-cost", "--dry-run", "--param", "--counter", "--adapter", "--fix-labels"):
        assert option in run


def test_the_example_of_prices_is_one(bench: Bench, tmp_path: Path) -> None:
    from bioreview_bench.llm.calls.prices import read_prices

    (tmp_path / "prices.toml").write_text(bench("baseline", "prices").out)
    assert read_prices(tmp_path / "prices.toml")


def test_quiet_says_nothing_but_errors(bench: Bench, tmp_path: Path) -> None:
    done = bench("baseline", "generic", "--data", "demo", "--split", "val", "--out", tmp_path / "run", "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_its_rows_and_goes_on(
    api: Bench, bench: Bench, model_server: Any, tmp_path: Path, number: int
) -> None:
    good, go_on = model_server.answer, threading.Event()

    def hanging(body: dict[str, Any]) -> Any:
        if len(model_server.requests) > 2:
            go_on.wait(300)
        return good(body)

    model_server.answer = hanging
    out = tmp_path / "run"
    arguments = ["baseline", "openai:small", "--base-url", model_server.url, "--key-variable", "FAKE_KEY",
                 "--data", "demo", "--split", "val", "--prompt", "strings-v1",
                 "--out", str(out), "--concurrency", "1"]  # fmt: skip
    code = (
        "import sys, importlib; main = importlib.import_module('bioreview_bench.cli.main');"
        "from importlib.metadata import EntryPoint;"
        "point = EntryPoint('baseline', 'bioreview_bench.baselines.cli.baseline:baseline', 'x');"
        "known = main._added(); main._added = lambda: {**known, 'baseline': point}; main.main()"
    )
    running = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env=dict(os.environ))  # fmt: skip
    deadline = time.monotonic() + 120
    while len(model_server.requests) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    listed = Path(f"/proc/{running.pid}/cmdline")
    assert not listed.exists() or SECRET.encode() not in listed.read_bytes()
    running.send_signal(number)
    _, err = running.communicate(timeout=120)
    assert running.returncode == 130
    assert "Interrupted" in err
    assert "Traceback" not in err
    assert len(rows(out)) == 2
    status = bench("baseline", "status", out)
    assert "2 of 6 articles have a row (interrupted)" in status.out
    assert "Next: bench baseline openai:small" in status.out
    model_server.answer = good
    go_on.set()
    assert api().code == 0
    assert len({row["article_id"] for row in rows(out)}) == 6
