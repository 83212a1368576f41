"""What tokens cost: what the user's price file says, else the dated prices of the presets that ship (`prices.toml`).

A model that neither names has no known price, and what has no known price has no known cost. Wherever an amount is
printed, the day of its prices stands with it.
"""

from __future__ import annotations

import datetime
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from bioreview_bench.errors import InputError, Problem, printable
from bioreview_bench.files.reading import read_toml
from bioreview_bench.llm.review import Usage

_KEYS = {"input", "output", "date", "batch_input", "batch_output", "source", "address"}
_SHIPPED = "prices.toml"
TRUE_SHARE = 3 / 4  # the counter takes three characters for a token, to be safe; English prose in JSON has about four
_REMEDY = "bench baseline prices > prices.toml, and put your provider's prices in"


@dataclass(frozen=True)
class Price:
    """USD for a million tokens, and the day on which somebody looked it up.

    `batch` is what the same model charges for work in batches; None where nobody has said. `source` is the page that
    says so, `address` the only one that the price holds for; None for every address.
    """

    input: float
    output: float
    date: str
    batch: Price | None = None
    source: str | None = None
    address: str | None = None

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """USD for these tokens."""
        return (input_tokens * self.input + output_tokens * self.output) / 1_000_000

    def as_dict(self) -> dict[str, Any]:
        """For the run manifest."""
        return {
            "input_usd_per_million": self.input,
            "output_usd_per_million": self.output,
            "date": self.date,
            "source": self.source,
        }


def read_prices(path: str | Path) -> dict[str, Price]:
    """Prices by model name. Raises InputError listing everything that is wrong with the file."""
    path = Path(path)
    return _read(path, read_toml(path, InputError, _REMEDY))


def shipped_prices() -> dict[str, Price]:
    """The prices that ship with the package, by model name."""
    return _read(Path(_SHIPPED), tomllib.loads(shipped_text()))


def find_price(model: str, address: str, given: Mapping[str, Price]) -> Price | None:
    """The price of a model that answers at `address`: the `given` one, else the one that ships; None when unknown."""
    for prices in (given, shipped_prices()):
        price = prices.get(model)
        if price is not None and (price.address is None or price.address.rstrip("/") == address.rstrip("/")):
            return price
    return None


def shipped_text() -> str:
    """The text of the file that ships."""
    return (files("bioreview_bench.llm.calls") / _SHIPPED).read_text(encoding="utf-8")


def _read(path: Path, content: Mapping[str, Any]) -> dict[str, Price]:
    models = content.get("models")
    if not isinstance(models, dict) or set(content) != {"models"}:
        raise InputError(f'{path} must hold tables [models."NAME"] and nothing else.', remedy=_REMEDY)
    prices: dict[str, Price] = {}
    problems: list[Problem] = []
    for name, entry in models.items():
        found = _check(entry)
        if isinstance(found, Price):
            prices[name] = found
        else:
            problems.extend(Problem(f"{printable(name)}: {reason}") for reason in found)
    if problems:
        raise InputError(f"{path} has no usable prices.", problems=problems, remedy=_REMEDY)
    return prices


def dollars(amount: float, date: str | None) -> str:
    """An amount in words, with the day on which its prices were looked up."""
    return f"${amount:.4f} (prices of {date})" if date else f"${amount:.4f}"


def estimate(cost: float | None, most: float | None, date: str | None) -> str:
    """What calls will probably cost and at most, in words; None where it is unknown."""
    if cost is None:
        return "the cost is unknown without --prices FILE"
    limit = "" if most is None else f", at most ${most:.4f}"
    return f"about ${cost:.4f}{limit} (an estimate; prices of {date})"


def with_cost(input_tokens: int | None, output_tokens: int | None, price: Price | None) -> Usage:
    """Usage with its cost; None when tokens or price are unknown."""
    known = price is not None and input_tokens is not None and output_tokens is not None
    cost = price.cost(input_tokens or 0, output_tokens or 0) if known and price is not None else None
    return Usage(input_tokens, output_tokens, cost)


def _check(entry: Any) -> Price | list[str]:
    if not isinstance(entry, Mapping):
        return ["must be a table with input, output and date"]
    reasons = [f"unknown key {printable(key)}" for key in sorted(entry.keys() - _KEYS)]
    wanted = ["input", "output"]
    if entry.keys() & {"batch_input", "batch_output"}:
        wanted += ["batch_input", "batch_output"]
    amounts = []
    for key in wanted:
        value = entry.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            reasons.append(f"{key} must be USD for a million tokens, 0 or more")
        else:
            amounts.append(float(value))
    date = entry.get("date")
    if type(date) is not datetime.date:
        reasons.append("date must be a day such as 2026-01-31, without quotes")
    stated = {key: entry[key] for key in ("source", "address") if key in entry}
    reasons += [f"{key} must be text" for key, value in stated.items() if not isinstance(value, str)]
    if reasons:
        return reasons
    batch = Price(amounts[2], amounts[3], str(date), **stated) if len(amounts) == 4 else None
    return Price(amounts[0], amounts[1], str(date), batch, **stated)
