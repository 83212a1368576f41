"""Token buckets by the clock, by key, and in bounded memory."""

from __future__ import annotations

import pytest

from bioreview_bench.leaderboard.http.security import Limiter, TooMany, address_of


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
