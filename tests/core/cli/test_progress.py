"""Progress: at once, once a minute, and at the end; a rate limit is said when it begins."""

from __future__ import annotations

import sys
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
    bar = ProgressBar("Reviewing", 9, quiet=False)
    bar.show(4)
    time.sleep(0.5)
    bar.stop()
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["Reviewing: 0/9", "Reviewing: 4/9"]
    assert 2 < len(lines) <= 11
    time.sleep(0.12)
    assert capsys.readouterr().err == ""


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
    bar.show(3, until=time.time() + 60)
    time.sleep(0.3)
    bar.stop()
    shown = capsys.readouterr().err
    assert "0/12" in shown
    assert "rate-limited until" in shown


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    bar = ProgressBar("Encoding", 2, quiet=True, before=1)
    bar.show(2)
    console = CallConsole("Reviewing", quiet=True)
    console.begun(1, 2)
    console.show(Progress(1, 0, 0, 1, 0.0))
    assert capsys.readouterr().err == ""
