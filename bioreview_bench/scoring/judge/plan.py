"""What asking a judge will cost, said before it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bioreview_bench.errors import InputError
from bioreview_bench.llm.calls.prices import TRUE_SHARE, Price, dollars, estimate, with_cost
from bioreview_bench.llm.review import Usage

# A judgement with its reason is some 200 characters of JSON.
_OUTPUT_PER_PREDICTION = 55


@dataclass(frozen=True)
class JudgePlan:
    """Questions in all and how many are answered already; tokens and USD of the others, probably and at most.

    `output_most` is None without a limit on output, `cost` and `cost_most` where no price is known.
    """

    judge: str
    calls: int
    stored: int
    input_tokens: int
    output_tokens: int
    output_most: int | None
    cost: float | None
    cost_most: float | None
    price_date: str | None

    @classmethod
    def of(cls, judge: str, calls: int, most: Sequence[Usage], n_predictions: int, price: Price | None) -> JudgePlan:
        """From what each question that is left needs at most, and the number of predictions in all of these."""
        read = round(sum(usage.input_tokens or 0 for usage in most) * TRUE_SHARE)
        written = n_predictions * _OUTPUT_PER_PREDICTION
        limits = [usage.output_tokens for usage in most]
        costs = [usage.cost_usd for usage in most]
        return cls(
            judge=judge,
            calls=calls,
            stored=calls - len(most),
            input_tokens=read,
            output_tokens=written,
            output_most=None if None in limits else sum(limit or 0 for limit in limits),
            cost=with_cost(read, written, price).cost_usd,
            cost_most=None if price is None or None in costs else sum(cost or 0.0 for cost in costs),
            price_date=None if price is None else price.date,
        )

    @property
    def left(self) -> int:
        """Questions that will be asked."""
        return self.calls - self.stored

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "left": self.left}

    def lines(self) -> list[str]:
        """For people."""
        said = [f"{self.judge}: {self.calls:,} calls, {self.stored:,} of them stored, {self.left:,} to make."]
        if self.left:
            limit = "without a limit" if self.output_most is None else f"at most {self.output_most:,}"
            price = estimate(self.cost, self.cost_most, self.price_date)
            said.append(f"  about {self.input_tokens:,} tokens in and {self.output_tokens:,} out ({limit}); {price}")
        return said

    def require_affordable(self, max_cost: float | None) -> None:
        """Raise InputError when the calls are likely to cost more, or nobody can know whether they do."""
        if max_cost is None or not self.left:
            return
        if self.cost is None or self.cost_most is None:
            lacks = "give prices with --prices FILE" if self.cost is None else "give a limit: judge:...?max_tokens=N"
            raise InputError(f"--max-cost needs to know what a call of {self.judge} can cost at most.", remedy=lacks)
        if self.cost > max_cost:
            raise InputError(
                f"{self.left:,} calls of {self.judge} cost about {dollars(self.cost, self.price_date)}, over the "
                f"budget of ${max_cost:g}. Nothing was asked.",
                remedy=f"--max-cost {self.cost * 1.5:.2f}, or fewer articles with --limit",
            )
