"""Progress: at once, once a minute, and at the end; a rate limit is said when it begins."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from bioreview_bench.cli import progress
from bioreview_bench.cli.progress import CallConsole, ProgressBar
from bioreview_bench.llm.calls.watching import Progress


def test_without_a_terminal_there_is_a_line_at_once_and_one_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    bar = ProgressBar("Encoding", 1_000, quiet=False, unit="texts")
    assert capsys.readouterr().err == "Encoding: 0/1,000 texts\n"
    for done in range(1, 1_001):
        bar.show(done)
    bar.show(1_000)
    assert capsys.readouterr().err == "Encoding: 1,000/1,000 texts\n"


def test_a_line_comes_every_minute_also_when_nothing_moves(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.05)
    began = time.monotonic()
    bar = ProgressBar("Reviewing", 9, quiet=False)
    bar.show(4)
    lines: list[str] = []
    while lines.count("Reviewing: 4/9") < 3 and time.monotonic() < began + 60:
        time.sleep(0.01)
        lines += capsys.readouterr().err.splitlines()
    bar.stop()
    lines += capsys.readouterr().err.splitlines()
    assert lines == ["Reviewing: 0/9"] + ["Reviewing: 4/9"] * (len(lines) - 1)
    assert 3 <= len(lines) - 1 <= (time.monotonic() - began) / 0.05
    time.sleep(0.12)
    assert capsys.readouterr().err == ""


def test_a_line_that_is_being_written_as_the_bar_is_stopped_does_not_follow_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, go_on, lines = threading.Event(), threading.Event(), []

    def echo(text: str, err: bool) -> None:
        if threading.current_thread() is not threading.main_thread():
            begun.set()
            assert go_on.wait(60)
        lines.append(text)

    monkeypatch.setattr(progress, "EVERY", 0.01)
    monkeypatch.setattr(progress.click, "echo", echo)
    bar = ProgressBar("Reviewing", 9, quiet=False)
    assert begun.wait(60)
    stopping = threading.Thread(target=bar.stop)
    stopping.start()
    stopping.join(0.2)
    assert stopping.is_alive()
    go_on.set()
    stopping.join()
    written = len(lines)
    time.sleep(0.1)
    assert len(lines) == written


def test_a_run_that_goes_on_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    console = CallConsole("Reviewing", quiet=False)
    console.begun(5, 20)
    console.show(Progress(15, 0, 0, 1, 0.5))
    console.stop()
    assert capsys.readouterr().err.splitlines() == ["Reviewing: resumed at 5/20", "Reviewing: 20/20, $0.5000"]


def test_a_rate_limit_is_said_at_once_but_not_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    console = CallConsole("Reviewing", quiet=False, price_date="2026-01-31")
    console.begun(0, 20)
    until = time.time() + 3600
    for retries in range(1, 5):
        console.show(Progress(2, 0, retries, 1, 0.25, until))
    console.stop()
    shown = time.strftime("%H:%M:%S", time.localtime(until))
    assert capsys.readouterr().err.splitlines() == [
        "Reviewing: 0/20",
        f"Reviewing: 2/20, rate-limited until {shown}, 1 call tried again, $0.2500 (prices of 2026-01-31)",
    ]


def test_on_a_terminal_a_bar_shows_the_count_and_the_limit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    bar = ProgressBar("Judging", 12, quiet=False)
    bar.show(3, until=time.time() + 3600)
    deadline, shown = time.monotonic() + 60, ""
    while "rate-limited until" not in shown and time.monotonic() < deadline:
        time.sleep(0.01)
        shown += capsys.readouterr().err
    bar.stop()
    assert "0/12" in shown
    assert "rate-limited until" in shown


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    bar = ProgressBar("Encoding", 2, quiet=True, before=1)
    bar.show(2)
    console = CallConsole("Reviewing", quiet=True)
    console.begun(1, 2)
    console.show(Progress(1, 0, 0, 1, 0.0))
    assert capsys.readouterr().err == ""
