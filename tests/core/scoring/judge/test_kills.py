"""A judge that is killed or interrupted, with the real openai client: what was answered is not asked for again."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

pytest.importorskip("openai", reason="pip install 'bioreview-bench[baselines]'")


@pytest.fixture
def start(loopback_judge: Any, child: Callable[..., Any]) -> Callable[[], Any]:
    """Begin `bench evaluate demo:careful` under the judge in a child process."""
    asked = ("--data", "demo", "--contract", "judge:openai:small", "--draws", 0, "--concurrency", 2)
    return partial(child, "evaluate", "demo:careful", *asked, "--base-url", loopback_judge.url)


def questions(judge: Any) -> Counter[str]:
    return Counter(str(lists) for lists in judge.asked)


def test_kills_bill_no_stored_answer_twice(loopback_judge: Any, model_server: Any, start: Any) -> None:
    generator = random.Random(5)
    for _ in range(3):
        model_server.stop_after(generator.randrange(4, 9))
        process = start()
        model_server.wait_until_stopped()
        process.kill()
        process.communicate()
    model_server.limit = float("inf")
    process = start()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert out.startswith("System ")
    # At each kill no more than the two calls in flight are lost.
    repeated = sum(count - 1 for count in questions(loopback_judge).values())
    assert repeated <= 3 * 2
    assert " 0 of them stored" not in err
    asked = len(loopback_judge.asked)
    assert start().communicate(timeout=120)[0] == out
    assert len(loopback_judge.asked) == asked


def test_ctrl_c_keeps_what_was_answered(loopback_judge: Any, model_server: Any, start: Any) -> None:
    model_server.stop_after(6)
    process = start()
    model_server.wait_until_stopped()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Run the same command to go on" in err
    model_server.limit = float("inf")
    process = start()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert sum(count - 1 for count in questions(loopback_judge).values()) <= 2


def test_two_commands_at_a_time_share_the_cache_and_do_not_wait(
    loopback_judge: Any, model_server: Any, start: Any, bench: Any
) -> None:
    """Another system while the first is being judged: neither is refused."""
    model_server.stop_after(3)
    first = start()
    model_server.wait_until_stopped()
    model_server.limit = float("inf")
    where = ("--data", "demo", "--contract", "judge:openai:small", "--base-url", loopback_judge.url, "--draws", 0)
    code, _, err = bench("evaluate", "demo:gaps", *where)
    assert code == 0, err
    first.communicate(timeout=120)
    assert first.returncode == 0
