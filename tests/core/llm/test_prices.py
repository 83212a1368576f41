"""What tokens cost: the user's file, read whole or not at all, else the dated prices that ship."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from bioreview_bench.errors import InputError
from bioreview_bench.llm.calls.prices import (
    Price,
    dollars,
    find_price,
    read_prices,
    shipped_prices,
    shipped_text,
    with_cost,
)

_OWN = "https://api.openai.com/v1"
_FILE = """
[models."large"]
input = 2.0
output = 8.0
batch_input = 1.0
batch_output = 4.0
date = 2026-01-31

[models."gpt-4o-mini"]
input = 0.1
output = 0.4
date = 2026-01-31
"""


@pytest.fixture
def prices(tmp_path: Path) -> dict[str, Price]:
    path = tmp_path / "prices.toml"
    path.write_text(_FILE)
    return read_prices(path)


def test_tokens_are_priced_by_the_million_and_unknown_is_unknown(prices: dict[str, Price]) -> None:
    assert with_cost(1_000_000, 500_000, prices["large"]).cost_usd == pytest.approx(6.0)
    assert with_cost(10, 10, find_price("gpt-none", _OWN, prices)).cost_usd is None
    assert with_cost(None, 10, prices["large"]).cost_usd is None


def test_batches_have_prices_of_their_own_or_none(prices: dict[str, Price]) -> None:
    assert with_cost(1_000_000, 500_000, prices["large"].batch).cost_usd == pytest.approx(3.0)
    assert prices["gpt-4o-mini"].batch is None


def test_the_users_price_goes_before_the_one_that_ships(prices: dict[str, Price]) -> None:
    assert find_price("gpt-4o-mini", _OWN, prices) == Price(0.1, 0.4, "2026-01-31")
    shipped = find_price("gpt-4o-mini", f"{_OWN}/", {})
    assert shipped is not None
    assert (shipped.input, shipped.output) == (0.15, 0.6)
    assert shipped.batch is not None
    assert with_cost(2_000_000, 1_000_000, shipped.batch).cost_usd == pytest.approx(0.45)


def test_a_price_that_ships_holds_for_its_providers_address_alone() -> None:
    assert find_price("gpt-4o-mini", "http://127.0.0.1:8000/v1", {}) is None
    assert find_price("llama-3.3-70b-versatile", "https://api.groq.com/openai/v1", {}) is not None


def test_every_price_that_ships_has_a_day_and_a_page_and_can_be_changed_as_a_file(tmp_path: Path) -> None:
    shipped = shipped_prices()
    for price in shipped.values():
        assert datetime.date(2026, 1, 1) < datetime.date.fromisoformat(price.date)
        assert price.source is not None
        assert price.source.startswith("https://")
        assert price.address is not None
    path = tmp_path / "prices.toml"
    path.write_text(shipped_text())
    assert read_prices(path) == shipped


def test_an_amount_is_printed_with_the_day_of_its_prices() -> None:
    assert dollars(1.5, "2026-01-31") == "$1.5000 (prices of 2026-01-31)"
    assert dollars(1.5, None) == "$1.5000"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[models.a]\ninput = 1\noutput = -1\ndate = 2026-01-01", "output must be"),
        ("[models.a]\ninput = 1\noutput = nan\ndate = 2026-01-01", "output must be"),
        ("[models.a]\ninput = true\noutput = 1\ndate = 2026-01-01", "input must be"),
        ("[models.a]\ninput = 1\noutput = 1", "date must be"),
        ("[models.a]\ninput = 1\noutput = 1\ndate = 2026-01-01\ncached = 1", "unknown key cached"),
        ("[models.a]\ninput = 1\noutput = 1\ndate = 2026-01-01\nsource = 3", "source must be text"),
        ("[models.a]\ninput = 1\noutput = 1\nbatch_input = 1\ndate = 2026-01-01", "batch_output must be"),
        (
            "[models.a]\ninput = 1\noutput = 1\nbatch_input = -1\nbatch_output = 1\ndate = 2026-01-01",
            "batch_input must",
        ),
        ("[other]\nx = 1", "must hold tables"),
        ("models = 3 = 4", "is not TOML"),
    ],
)
def test_a_price_file_with_a_mistake_is_not_half_read(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_prices(path)
    assert reason in str(caught.value)
