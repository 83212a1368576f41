"""Token buckets by the clock, by key, and in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bioreview_bench.leaderboard.http.security import Limiter, TooMany, address_of

Make = Callable[..., Any]


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills_evenly() -> None:
    clock = _Clock()
    limiter = Limiter(lambda: 6, clock)
    for _ in range(6):
        limiter.take("a")
    with pytest.raises(TooMany) as refused:
        limiter.take("a")
    assert refused.value.wait == 10  # 6 a minute: one in ten seconds
    limiter.take("b")
    clock.now += 9.9
    with pytest.raises(TooMany):
        limiter.take("a")
    clock.now += 0.2
    limiter.take("a")
    with pytest.raises(TooMany):
        limiter.take("a")
    clock.now += 1000
    for _ in range(6):
        limiter.take("a")
    with pytest.raises(TooMany):
        limiter.take("a")


def test_a_dear_request_empties_the_bucket_and_a_changed_setting_holds_at_once() -> None:
    clock, allowed = _Clock(), [4]
    limiter = Limiter(lambda: allowed[0], clock)
    limiter.take("a", cost=10)
    with pytest.raises(TooMany) as refused:
        limiter.take("a")
    assert refused.value.wait == 15
    allowed[0] = 60
    clock.now += 1
    limiter.take("a")


def test_the_longest_unused_keys_are_forgotten() -> None:
    limiter = Limiter(lambda: 1, _Clock())
    for number in range(10_050):
        limiter.take(str(number))
    assert len(limiter) == 10_000
    with pytest.raises(TooMany):
        limiter.take("10049")
    limiter.take("0")


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        (("192.0.2.7", 1), "address:192.0.2.7"),
        (("::ffff:192.0.2.7", 1), "address:192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 1), "address:2001:db8:1:2::/64"),
        (("::1", 1), "address:::/64"),
        (None, "address:unknown"),
        (("x" * 500, 1), "address:" + "x" * 100),
    ],
)
def test_addresses_of_one_customer_share_a_bucket(client: tuple[str, int] | None, expected: str) -> None:
    assert address_of({"type": "http", "client": client}) == expected


@pytest.mark.usefixtures("unrefilled")
def test_guessing_tokens_is_slowed_to_a_few_a_minute_and_keeps_no_right_one_out(
    make_board: Make, tmp_path: Any, served: Make, caller: Make, add_submitter: Make
) -> None:
    board = make_board(tmp_path / "b.sqlite", requests_per_minute=120)
    token = add_submitter(board, "ann").token
    url = served(board)
    asked = caller(url)
    codes = []
    for number in range(40):
        refused = asked.get("/api/v1/submissions", headers={"Authorization": f"Bearer brb_{number}"})
        codes.append(refused.status_code)
    assert codes == [401] * 12 + [429] * 28  # ten requests each, of 120 a minute
    assert int(refused.headers["retry-after"]) >= 1
    assert asked.get("/healthz").status_code == 200
    ann = caller(url, token)
    assert ann.get("/api/v1/submissions").status_code == 200
    # A flood without a token, to the end: health counts, and a wrong token on a public address is a guess as well.
    floods = [asked.get(path).status_code for path in ("/healthz", "/readyz", "/", "/api/v1/board") * 40]
    assert floods[-4:] == [429] * 4
    assert asked.get("/api/v1/board", headers={"Authorization": "Bearer brb_x"}).status_code == 429
    assert ann.get("/api/v1/submissions").status_code == 200
    assert ann.get("/api/v1/board").status_code == 200


@pytest.mark.usefixtures("unrefilled")
def test_the_holder_of_a_right_token_is_held_to_the_limit_as_well(
    make_board: Make, tmp_path: Any, served: Make, caller: Make, add_submitter: Make
) -> None:
    board = make_board(tmp_path / "b.sqlite", requests_per_minute=20)
    url = served(board)
    ann, bob = (caller(url, add_submitter(board, name).token) for name in ("ann", "bob"))
    assert [ann.get("/api/v1/submissions").status_code for _ in range(30)][-1] == 429
    assert bob.get("/api/v1/submissions").status_code == 200
