"""Batches and money: what is not submitted, what is not asked twice, and what leaves the house."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai", reason="pip install 'bioreview-bench[baselines]'")

Bench = Callable[..., Any]
PRICES = (
    "[models.small]\ninput = 1000.0\noutput = 1000.0\nbatch_input = 10.0\nbatch_output = 100.0\ndate = 2026-01-31\n"
)


def test_max_cost_submits_no_more_than_the_sum_allows_at_the_highest_price(
    api: Any, batch_server: Any, tmp_path: Path, rows: Any, parts: Any
) -> None:
    (tmp_path / "prices.toml").write_text(PRICES)
    # An answer may cost 1,000 tokens at 100 USD a million, and its prompt about 0.03 USD; it costs 0.002.
    options = ["--prices", tmp_path / "prices.toml", "--param", "max_tokens=1000", "--max-cost"]
    refused = api("--max-cost", 1)
    assert (refused.code, "batch_input" in refused.err) == (2, True)
    none = api(*options, 0.05)
    assert (none.code, len(batch_server.files)) == (2, 0)
    assert "Nothing was reviewed: the next review may cost $0.1" in none.err
    assert not (tmp_path / "run").exists()
    some = api(*options, 0.45)
    assert some.code == 0, some.err
    n = len(rows())
    assert n == batch_server.submitted().total() == 3
    assert parts()[0]["most_cost_usd"] <= 0.45
    assert "Stopped" in some.err
    assert "--max-cost 0.45 --param max_tokens=1000 --batch" in some.out
    more = api(*options, 0.45)  # what came back cost less than it might have
    assert more.code == 0
    assert len(rows()) == 6
    assert set(batch_server.submitted().values()) == {1}


def test_max_cost_counts_what_is_out(api: Any, batch_server: Any, tmp_path: Path, parts: Any) -> None:
    (tmp_path / "prices.toml").write_text(PRICES)
    options = ["--prices", tmp_path / "prices.toml", "--param", "max_tokens=1000"]
    batch_server.replies["GET /v1/batches/batch_0"] = [(401, {"error": {"message": "no"}})]
    assert api(*options, "--limit", 3).code == 5
    most = parts()[0]["most_cost_usd"]
    assert 0.3 < most < 0.45
    batch_server.looks = 10**6
    batch_server.replies["GET /v1/batches/batch_0"] = [(401, {"error": {"message": "no"}})]
    assert api(*options, "--max-cost", most + 0.05).code == 5
    assert len(batch_server.batches) == 1


def test_max_cost_is_refused_while_something_without_a_price_is_out(
    api: Any, batch_server: Any, tmp_path: Path
) -> None:
    (tmp_path / "prices.toml").write_text(PRICES)
    batch_server.replies["GET /v1/batches/batch_0"] = [(401, {"error": {"message": "no"}})]
    assert api("--limit", 3, "--param", "max_tokens=1000").code == 5
    done = api("--prices", tmp_path / "prices.toml", "--param", "max_tokens=1000", "--max-cost", 5)
    assert (done.code, "while their price was unknown" in done.err) == (2, True), done.err
    assert len(batch_server.batches) == 1


def test_a_dry_run_prices_by_the_batch_and_leaves_out_what_is_out(api: Any, batch_server: Any, tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text(PRICES)
    options = ["--prices", tmp_path / "prices.toml", "--param", "max_tokens=1000", "--dry-run"]
    done = api(*options)
    tokens = int(done.out.split("tokens of prompt")[0].split()[-1].replace(",", ""))
    assert f"at most ${(tokens * 10 + 6 * 1000 * 100) / 1e6:.4f}" in done.out
    assert batch_server.requests == []
    (tmp_path / "prices.toml").write_text(PRICES.replace("batch_input = 10.0\nbatch_output = 100.0\n", ""))
    unknown = api(*options)
    assert "no batch_input and batch_output for openai:small" in unknown.err
    assert "cost unknown" in unknown.out
    batch_server.replies["GET /v1/batches/batch_0"] = [(401, {"error": {"message": "no"}})]
    assert api("--limit", 2, "--param", "max_tokens=1000").code == 5
    assert "4 articles to review" in api(*options).out
    assert "2 more are in batches already" in api(*options).out


def test_single_calls_and_retries_are_refused_while_a_batch_is_out(
    asked: Any, api: Any, bench: Bench, batch_server: Any, tmp_path: Path, rows: Any
) -> None:
    batch_server.replies["GET /v1/batches/batch_0"] = [(401, {"error": {"message": "no"}})]
    assert api("--limit", 4).code == 5
    status = bench("baseline", "status", tmp_path / "run")
    assert "4 articles are in batch batch_0" in status.out
    assert "Next: bench baseline openai:small" in status.out
    assert "--batch" in status.out
    before = len(batch_server.requests)
    for done in (bench(*asked[:-1], "--limit", 4), bench("baseline", "retry", tmp_path / "run")):
        assert (done.code, "4 articles of" in done.err, "--batch" in done.err) == (2, True, True), done.err
    assert len(batch_server.requests) == before
    assert api("--limit", 4).code == 0
    assert len(rows()) == 4


@pytest.mark.parametrize("name", ["claude-haiku-4.5", "google:m", "gemini-2.5-flash", "bm25", "echo", "hf:x", "vllm:x"])
def test_reviewers_without_batches_say_so(bench: Bench, tmp_path: Path, name: str) -> None:
    done = bench("baseline", name, "--data", "demo", "--split", "val", "--out", tmp_path / "run", "--batch")
    assert (done.code, f"{name} does not take --batch" in done.err) == (2, True)
    assert not (tmp_path / "run").exists()


def test_concurrency_and_a_missing_key_are_told_before_anything_is_sent(
    api: Any, batch_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert api("--concurrency", 4).code == 2
    monkeypatch.delenv("FAKE_KEY")
    assert "FAKE_KEY is not set" in api().err
    assert batch_server.requests == []
    assert not (tmp_path / "run").exists()


def test_nothing_that_tells_of_a_review_and_no_key_is_in_what_is_sent_and_kept(
    api: Any, bench: Bench, batch_server: Any, tmp_path: Path, make_article: Any, secret: str
) -> None:
    article = make_article(
        "elife:1", ["CANARY-concern is long enough."], doi="10.7554/CANARY-doi", title="VISIBLE", abstract="Short.",
        decision_letter_raw="CANARY-letter", author_response_raw="CANARY-response", editorial_decision="CANARY-dec",
        paper_text_sections={"Results": "VISIBLE-BODY", "Decision letter": "CANARY-section", "Funding": "CANARY-fund"},
    )  # fmt: skip
    data = tmp_path / "data"
    data.mkdir()
    for split in ("train", "val", "test"):
        rows_of_split = article.model_dump_json() + "\n" if split == "val" else ""
        (data / f"{split}.jsonl").write_text(rows_of_split)
    done = api("--data", data, "--budget", 100_000)
    assert done.code == 0, done.err
    sent = b"".join(request["raw"] for request in batch_server.requests)
    assert b"VISIBLE-BODY" in sent
    assert b"CANARY" not in sent
    assert {request["headers"]["authorization"] for request in batch_server.requests} == {f"Bearer {secret}"}
    kept = b"".join(path.read_bytes() for path in (tmp_path / "run").iterdir())
    assert secret.encode() not in sent + kept + (done.out + done.err).encode()
