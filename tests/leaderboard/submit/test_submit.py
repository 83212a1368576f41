"""`bench submit` against boards that run, boards in a file, and everything that can be wrong on the way."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import yaml

from bioreview_bench.leaderboard.store.submissions import submissions_with
from bioreview_bench.leaderboard.worker.run import score_due

Make = Callable[..., Any]


@pytest.fixture
def files(tmp_path: Path, demo_predictions: Make, card_bytes: Make) -> tuple[str, str]:
    """A predictions file and a card that are in order."""
    predictions, card = tmp_path / "predictions.jsonl", tmp_path / "card.yaml"
    predictions.write_bytes(demo_predictions("careful"))
    card.write_bytes(card_bytes())
    return str(predictions), str(card)


@pytest.fixture
def token(board: Any, add_submitter: Make, tmp_path: Path) -> Path:
    """The file of a user's token."""
    path = tmp_path / "ann.token"
    path.touch(mode=0o600)
    path.write_text(add_submitter(board, "ann").token + "\n")
    return path


def test_a_submission_to_a_running_board_is_waited_for_and_its_figures_shown(
    board: Any, url: str, bench: Make, start_bench: Make, files: tuple[str, str], token: Path
) -> None:
    predictions, card = files
    to = ("--to", url, "--token-file", str(token))
    waiting = start_bench("submit", predictions, "--card", card, *to, "--wait")
    waiting.complained("queued:")
    score_due(board)
    assert waiting.process.wait(120) == 0, waiting.err.read_text()
    submission = submissions_with(board, ("scored",))[0]
    out = waiting.out.read_text()
    assert submission in out
    assert "Scored by the board" in out
    assert "jaccard" in out
    assert "scored:" in waiting.err.read_text()
    code, out, _ = bench("status", submission, *to, "--format", "json")
    assert code == 0
    assert json.loads(out)["state"] == "scored"
    again = (predictions, "--card", card, "--to", url + "/", "--token-file", str(token), "--format", "json")
    code, out, err = bench(*again)
    assert code == 0
    assert json.loads(out)["id"] == submission
    assert "was taken in before" in err


def test_marking_and_withdrawing_by_command(
    board: Any, url: str, bench: Make, files: tuple[str, str], token: Path
) -> None:
    to = ("--to", url, "--token-file", str(token))
    bench(files[0], "--card", files[1], *to)
    submission = submissions_with(board, ("queued",))[0]
    assert "marked" in bench("mark", submission, *to)[1]
    assert "withdrawn" in bench("withdraw", submission, *to)[1]
    code, _, err = bench("withdraw", submission, *to)
    assert code == 5
    assert "is withdrawn" in err
    assert "Traceback" not in err


def test_the_client_lists_what_the_server_would_and_sends_nothing(
    board: Any, url: str, bench: Make, tmp_path: Path, token: Path, caller: Make
) -> None:
    predictions, card = tmp_path / "bad.jsonl", tmp_path / "bad.yaml"
    predictions.write_text('{"article_id": "elife:900301", "concerns": [7]}\n{"article_id": "elife:1"}\n')
    card.write_text("system_name: A\nf1: 7.0\n")
    sent = (str(predictions), "--card", str(card), "--to", url, "--token-file", str(token))
    assert "... and 10 more (--all lists them)" in bench(*sent)[2]
    code, out, err = bench(*sent, "--all")
    assert code == 2
    assert out == ""
    for problem in (
        "line 1: concern 1: must be a string or an object",
        "line 2: concerns is missing",
        "line 2: unknown article id",
        "no row for elife:900302",
        "card.yaml: f1",
        "card.yaml: organisation",
    ):
        assert problem in err
    assert submissions_with(board, ("received", "rejected", "queued")) == []


def test_a_dry_run_needs_no_token_and_stores_nothing(
    board: Any, url: str, bench: Make, files: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BIOREVIEW_TOKEN", raising=False)
    code, _, err = bench(files[0], "--card", files[1], "--to", url, "--dry-run")
    assert code == 0
    assert "nothing was sent" in err
    assert submissions_with(board, ("received", "queued")) == []


def test_tokens_come_from_the_environment_or_a_private_file_and_from_nowhere_else(
    url: str, bench: Make, files: tuple[str, str], token: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    send = (files[0], "--card", files[1], "--to", url)
    monkeypatch.delenv("BIOREVIEW_TOKEN", raising=False)
    code, _, err = bench(*send)
    assert (code, "BIOREVIEW_TOKEN is not set" in err) == (2, True)
    token.chmod(0o640)
    code, _, err = bench(*send, "--token-file", str(token))
    assert code == 2
    assert f"chmod 600 {token}" in err
    token.chmod(0o600)
    for content in ("", "two words", "x" * 500, "\u00fc"):
        other = tmp_path / "other"
        other.write_text(content)
        other.chmod(0o600)
        assert bench(*send, "--token-file", str(other))[0] == 2
    assert bench(*send, "--token-file", str(tmp_path / "none"))[0] == 2
    monkeypatch.setenv("BIOREVIEW_TOKEN", "brb_wrong")
    code, _, err = bench(*send)
    assert code == 5
    assert "unknown or revoked" in err
    assert "brb_wrong" not in err
    monkeypatch.setenv("BIOREVIEW_TOKEN", token.read_text().strip())
    assert bench(*send)[0] == 0
    assert bench(*send, "--token", "brb_x")[0] == 2


def test_a_token_is_not_sent_unencrypted_to_another_machine(bench: Make, files: tuple[str, str], token: Path) -> None:
    send = (files[0], "--card", files[1], "--token-file", str(token))
    code, _, err = bench(*send, "--to", "http://board.example.org")
    assert code == 2
    assert "could be read on the way" in err
    for address in (
        "http://",
        "https://user:secret@board.example.org",
        "https://board.example.org/?token=x",
        "ftp://b",
    ):
        code, _, err = bench(*send, "--to", address)
        assert code == 2
        assert "secret" not in err


Answer = Callable[[int], tuple[int, dict[str, str], bytes]]


class _Elsewhere:
    """A server that answers everything with what it is told, and remembers what it was asked."""

    def __init__(self, answer: Answer, loopback: Callable[..., str]) -> None:
        asked = self.asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append((self.path, self.headers.get("Authorization")))
                status, headers, body = answer(len(asked))
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

        self.url = loopback(Handler)


@pytest.fixture
def elsewhere(loopback: Callable[..., str]) -> Callable[[Answer], _Elsewhere]:
    return lambda answer: _Elsewhere(answer, loopback)


def test_a_redirect_is_not_followed_with_the_token(
    bench: Make, elsewhere: Make, files: tuple[str, str], token: Path
) -> None:
    thief = elsewhere(lambda n: (200, {}, b"{}"))
    board = elsewhere(lambda n: (307, {"Location": thief.url + "/api/v1/board"}, b""))
    code, _, err = bench(files[0], "--card", files[1], "--to", board.url, "--token-file", str(token))
    assert code == 5
    assert f"redirects to {thief.url}" in err
    assert thief.asked == []


def test_what_answers_and_is_no_board_is_said_so(
    bench: Make, elsewhere: Make, files: tuple[str, str], token: Path
) -> None:
    for body in (b"<html>Log in to the network</html>", b"[]", b'{"title": 3}', b"\xff", b"", b"7" * (17 << 20)):
        board = elsewhere(lambda n, body=body: (200, {}, body))
        code, _, err = bench(files[0], "--card", files[1], "--to", board.url, "--token-file", str(token))
        assert code == 5, body[:40]
        assert "Traceback" not in err
    strange = elsewhere(lambda n: (500, {}, b'{"error": {"a": "\\u001b[2J"}}'))
    code, _, err = bench(files[0], "--card", files[1], "--to", strange.url, "--token-file", str(token))
    assert code == 5
    assert "\x1b[2J" not in err


def test_a_board_that_is_away_is_asked_again_and_then_given_up(elsewhere: Make) -> None:
    from bioreview_bench.errors import RemoteError
    from bioreview_bench.leaderboard.submit.client import BoardClient

    waits: list[float] = []
    busy = elsewhere(lambda n: (503, {"Retry-After": "7"} if n < 3 else {}, b'{"error": "busy"}'))
    with BoardClient(busy.url, sleep=waits.append) as client, pytest.raises(RemoteError, match="busy"):
        client.board()
    assert waits == [7, 7, 4, 8]
    assert len(busy.asked) == 5
    waits.clear()
    with BoardClient("http://127.0.0.1:9", sleep=waits.append) as client, pytest.raises(RemoteError, match="answer"):
        client.board()
    assert waits == [1, 2, 4, 8]
    waits.clear()
    tomorrow = elsewhere(lambda n: (429, {"Retry-After": "40000"}, b'{"error": "used up"}'))
    with BoardClient(tomorrow.url, sleep=waits.append) as client, pytest.raises(RemoteError, match="used up"):
        client.board()
    assert waits == []


def test_a_board_that_comes_back_is_gone_on_with(elsewhere: Make, url: str, caller: Make) -> None:
    from bioreview_bench.leaderboard.submit.client import BoardClient

    said = caller(url).get("/api/v1/board").content
    flaky = elsewhere(lambda n: (502, {}, b"") if n < 3 else (200, {}, said))
    heard: list[str] = []
    with BoardClient(flaky.url, on_retry=heard.append, sleep=lambda seconds: None) as client:
        assert client.board().ranking == "jaccard"
    assert len(heard) == 2


def test_a_local_board_is_made_scored_and_used_again(
    bench: Make, files: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, card_bytes: Make
) -> None:
    monkeypatch.chdir(tmp_path)
    send = (files[0], "--card", files[1])
    code, out, err = bench(*send, "--data", "demo", "--contract", "jaccard")
    assert code == 0, err
    assert "Scored by the board" in out
    assert oct((tmp_path / "board.sqlite").stat().st_mode & 0o777) == "0o600"
    code, out, err = bench(*send, "--format", "json")
    assert code == 0, err
    status = json.loads(out)
    assert (status["state"], status["team"]) == ("scored", "local")
    assert "was taken in before" in err
    (tmp_path / "other.yaml").write_bytes(card_bytes("Another"))
    assert bench(files[0], "--card", "other.yaml", "--to", "board.sqlite")[0] == 0
    code, _, err = bench(*send, "--data", "v3")
    assert code == 2
    assert "is about demo, not v3" in err
    code, _, err = bench(*send, "--contract", "demo")
    assert code == 2
    assert "scores under jaccard, not demo" in err
    code, _, err = bench(*send, "--split", "val")
    assert code == 2
    code, out, _ = bench("withdraw", status["id"])
    assert code == 0
    assert "withdrawn" in out


def test_a_check_that_fails_and_a_dry_run_make_no_board(
    bench: Make, files: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert bench(files[0], "--card", files[0], "--data", "demo", "--contract", "jaccard")[0] == 2
    assert bench(files[0], "--card", files[1], "--data", "demo", "--contract", "jaccard", "--dry-run")[0] == 0
    assert bench(files[0], "--card", files[1])[0] == 4  # v3 is not on this machine
    assert bench(files[0], "--card", files[1], "--data", "demo", "--contract", "none")[0] == 2
    assert list(tmp_path.glob("board.sqlite*")) == []
    assert bench("status", "s_0123456789abcdef")[0] == 2
    assert list(tmp_path.glob("board.sqlite*")) == []


def test_targets_that_are_none_are_refused(bench: Make, files: tuple[str, str], tmp_path: Path) -> None:
    send = (files[0], "--card", files[1], "--to")
    for target in (str(tmp_path), "hf://models/a/b", "hf://datasets/a", "hf://datasets/a/b/c", "mysql://x/y"):
        code, _, err = bench(*send, target)
        assert code == 2, target
        assert "Next:" in err
    before = Path(files[0]).read_bytes()
    code, _, err = bench(*send, files[0])
    assert code == 4
    assert "not an intact SQLite database" in err
    assert Path(files[0]).read_bytes() == before


def test_a_board_that_cannot_be_written_is_exit_6(bench: Make, files: tuple[str, str], tmp_path: Path) -> None:
    to = str(tmp_path / "no" / "b.sqlite")
    code, _, err = bench(files[0], "--card", files[1], "--data", "demo", "--contract", "jaccard", "--to", to)
    assert code == 6
    assert "mkdir -p" in err


def test_init_writes_a_card_that_only_lacks_what_nobody_can_know(bench: Make, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    manifest = {
        "name": "gpt \u202e evil: '\"#",
        "reviewer": {"model": "m-1", "revision": "abc", "prompt": {"sha256": "a" * 64}},
        "split": {"label": "v3/val#0123456789ab"},
        "postprocessing": "dedup+cap20",
        "ended": "2025-03-04T23:30:00-05:00",
        "totals": {"cost_usd": 1.25},
    }
    (run / "run.json").write_text(json.dumps(manifest))
    card = tmp_path / "card.yaml"
    code, out, _ = bench("init", str(run), "-o", str(card))
    assert code == 0
    assert f"bench submit {run / 'predictions.jsonl'} --card {card} --split val" in out
    written = yaml.safe_load(card.read_text())
    assert written["system_name"] == "gpt \\u202e evil: '\"#"
    assert written["base_model"] == "m-1 @ abc"
    assert written["postprocessing"] == "dedup+cap20"
    assert written["prompt_sha256"] == "a" * 64
    assert written["cost_usd"] == 1.25
    assert str(written["date"]) == "2025-03-05"  # in UTC
    assert [key for key, value in written.items() if value is None] == [
        "system_version",
        "organisation",
        "contact",
        "parameters",
        "url",
        "paper_url",
        "code_url",
        "model_url",
    ]
    from bioreview_bench.leaderboard.intake.card_yaml import read_card

    filled = card.read_text()
    for name in ("system_version", "organisation", "contact"):
        filled = filled.replace(f"\n{name}:\n", f"\n{name}: x\n")
    found, problems = read_card(filled.encode())
    assert problems == []
    assert found is not None
    code, _, err = bench("init", str(run), "-o", str(card))
    assert (code, "already exists" in err) == (2, True)
    assert bench("init", str(tmp_path / "nothing"))[0] == 2
    (run / "run.json").write_text("{broken")
    assert bench("init", str(run / "predictions.jsonl"), "-o", str(tmp_path / "2.yaml"))[0] == 2


def test_a_manifest_beside_the_predictions_is_sent_unless_left_out(
    board: Any, url: str, bench: Make, files: tuple[str, str], token: Path, tmp_path: Path
) -> None:
    from bioreview_bench.leaderboard.store.models import Submission

    manifest = {"schema_version": 1, "name": "mine", "reviewer": {}, "postprocessing": "none"}
    manifest["predictions"] = {"file": Path(files[0]).name, "sha256": None}
    (tmp_path / "run.json").write_text(json.dumps(manifest))
    send = (files[0], "--card", files[1], "--to", url, "--token-file", str(token))
    _, _, err = bench(*send)
    assert "is sent along" in err
    with board.reading() as session:
        assert session.get(Submission, submissions_with(board, ("queued",))[0]).run == manifest
    assert bench(*send, "--run", "x", "--no-run")[0] == 2
    assert "sent along" not in bench(*send, "--no-run")[2]


def test_help_names_all_commands_and_imports_nothing_heavy() -> None:
    import subprocess
    import sys

    script = (
        "import sys; from bioreview_bench.leaderboard.cli.submit import submit\n"
        "try: submit(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'fastapi', 'sqlalchemy', 'httpx', 'torch', 'pandas', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for word in ("init", "status", "mark", "withdraw", "--token-file", "Examples", "Exit codes"):
        assert word in done.stdout
    assert done.stdout.endswith("[]\n")


def test_an_interrupt_while_waiting_says_how_to_go_on(
    board: Any, url: str, files: tuple[str, str], token: Path, start_bench: Make
) -> None:
    import signal

    waiting = start_bench("submit", files[0], "--card", files[1], "--to", url, "--token-file", str(token), "--wait")
    waiting.complained("queued:")
    assert waiting.end(signal.SIGINT) == 130
    submission = submissions_with(board, ("queued",))[0]
    assert f"bench submit status {submission} --to {url}" in waiting.err.read_text()
    assert "Traceback" not in waiting.err.read_text()
    assert os.environ.get("BIOREVIEW_TOKEN") is None
