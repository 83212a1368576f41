"""What extracting with a model will cost, said before it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bioreview_bench.errors import InputError
from bioreview_bench.llm.calls.prices import TRUE_SHARE, Price, dollars, estimate, with_cost
from bioreview_bench.llm.review import Usage


@dataclass(frozen=True)
class Expected:
    """One question that is left: its tokens by the counter, those that an answer will probably have, and the most
    that it can take."""

    input_tokens: int
    output_tokens: int
    most: Usage


@dataclass(frozen=True)
class ExtractionPlan:
    """Reports, questions that are answered already and those left; tokens and USD of these, probably and at most.

    Questions of the second stage that depend on answers to the first are estimated. `cost` and `cost_most` are None
    where no price or no limit on output is known.
    """

    model: str
    articles: int
    reports: int
    stored: int
    left: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    cost_most: float | None
    price_date: str | None

    @classmethod
    def of(
        cls, model: str, counts: Mapping[str, int], expected: Sequence[Expected], price: Price | None
    ) -> ExtractionPlan:
        """From `articles`, `reports` and `stored` answers, and the questions that are left."""
        read = round(sum(question.input_tokens for question in expected) * TRUE_SHARE)
        written = sum(question.output_tokens for question in expected)
        most = [question.most.cost_usd for question in expected]
        return cls(
            model,
            counts["articles"],
            counts["reports"],
            counts["stored"],
            len(expected),
            read,
            written,
            with_cost(read, written, price).cost_usd,
            None if None in most else sum(cost or 0.0 for cost in most),
            None if price is None else price.date,
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For people."""
        said = [
            f"{self.model}: {self.reports:,} reports of {self.articles:,} articles; {self.stored:,} calls are stored, "
            f"about {self.left:,} to make."
        ]
        if self.left:
            price = estimate(self.cost, self.cost_most, self.price_date)
            said.append(f"  about {self.input_tokens:,} tokens in and {self.output_tokens:,} out; {price}")
        return said

    def require_affordable(self, max_cost: float | None) -> None:
        """Raise InputError when the calls are likely to cost more, or nobody can know whether they do."""
        if max_cost is None or not self.left:
            return
        if self.cost is None or self.cost_most is None:
            limit = "give a limit on output: --with MODEL?max_tokens=N"
            lacks = "give prices with --prices FILE" if self.cost is None else limit
            raise InputError(f"--max-cost needs to know what a call of {self.model} can cost at most.", remedy=lacks)
        if self.cost > max_cost:
            raise InputError(
                f"About {self.left:,} calls of {self.model} cost about {dollars(self.cost, self.price_date)}, over "
                f"the budget of ${max_cost:g}. Nothing was asked.",
                remedy=f"--max-cost {self.cost * 1.5:.2f}, or fewer articles",
            )
