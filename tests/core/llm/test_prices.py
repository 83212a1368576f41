"""What tokens cost: the user's file, read whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from bioreview_bench.errors import InputError
from bioreview_bench.llm.calls.prices import Price, example_prices, read_prices, with_cost


def test_prices_come_from_the_users_file_and_unknown_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(example_prices())
    prices = read_prices(path)
    assert with_cost(1_000_000, 500_000, prices["example-large"]).cost_usd == pytest.approx(6.0)
    assert prices["example-small"] == Price(0.1, 0.4, "2026-01-31")
    assert with_cost(10, 10, prices.get("gpt-4o-mini")).cost_usd is None
    assert with_cost(None, 10, prices["example-small"]).cost_usd is None


def test_batches_have_prices_of_their_own_or_none(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(example_prices())
    prices = read_prices(path)
    assert with_cost(1_000_000, 500_000, prices["example-large"].batch).cost_usd == pytest.approx(3.0)
    assert prices["example-small"].batch is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[models.a]\ninput = 1\noutput = -1\ndate = 2026-01-01", "output must be"),
        ("[models.a]\ninput = 1\noutput = nan\ndate = 2026-01-01", "output must be"),
        ("[models.a]\ninput = true\noutput = 1\ndate = 2026-01-01", "input must be"),
        ("[models.a]\ninput = 1\noutput = 1", "date must be"),
        ("[models.a]\ninput = 1\noutput = 1\ndate = 2026-01-01\ncached = 1", "unknown key cached"),
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
