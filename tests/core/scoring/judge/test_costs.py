"""What a judge costs: said before it is asked, and not exceeded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import InputError
from bioreview_bench.files.paths import cache_root
from bioreview_bench.llm.calls.prices import Price
from bioreview_bench.llm.review import Usage
from bioreview_bench.scoring.judge.plan import JudgePlan


def test_the_plan_adds_up_what_is_left() -> None:
    price = Price(1.0, 10.0, "2026-01-31")
    most = [Usage(4_000, 16_000, 0.164), Usage(8_000, 16_000, 0.168)]
    plan = JudgePlan.of("judge:openai:small", 5, most, 20, price)
    assert (plan.calls, plan.stored, plan.left) == (5, 3, 2)
    # Three quarters of the counter's tokens are read, 55 are written for a prediction.
    assert (plan.input_tokens, plan.output_tokens, plan.output_most) == (9_000, 1_100, 32_000)
    assert plan.cost == pytest.approx(0.009 + 0.011)
    assert plan.cost_most == pytest.approx(0.332)
    assert "about $0.0200, at most $0.3320 (an estimate; prices of 2026-01-31)" in "\n".join(plan.lines())


def test_without_a_price_or_a_limit_no_budget_can_be_kept() -> None:
    unpriced = JudgePlan.of("judge:vllm:m", 1, [Usage(10, None)], 1, None)
    assert (unpriced.output_most, unpriced.cost) == (None, None)
    unpriced.require_affordable(None)
    with pytest.raises(InputError, match="--prices"):
        unpriced.require_affordable(1.0)
    with pytest.raises(InputError, match="max_tokens"):
        JudgePlan.of("judge:vllm:m", 1, [Usage(10, None)], 1, Price(1, 1, "2026-01-31")).require_affordable(1.0)
    JudgePlan.of("judge:vllm:m", 1, [], 0, None).require_affordable(1.0)  # everything is stored


def test_a_dry_run_sends_and_writes_nothing_and_needs_no_key(
    loopback_judge: Any, evaluate: Any, prices: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    output = tmp_path / "r.result.json"
    code, out, _ = evaluate("--dry-run", "--prices", prices, "-o", output)
    assert code == 0
    assert "0 of them stored" in out
    assert "about $" in out
    assert not loopback_judge.asked
    assert not output.exists()
    assert not (cache_root() / "judgements").exists()


def test_a_dry_run_foretells_the_calls(loopback_judge: Any, evaluate: Any, prices: Path) -> None:
    code, out, _ = evaluate("--dry-run", "--consistency", "--format", "json", "--prices", prices)
    plan = json.loads(out)
    assert code == 0
    assert evaluate("--consistency")[0] == 0
    assert len(loopback_judge.asked) == plan["left"] == plan["calls"]
    _, out, _ = evaluate("--dry-run", "--consistency", "--format", "json", "--prices", prices)
    assert json.loads(out)["left"] == 0


def test_the_cost_is_said_before_the_first_call(loopback_judge: Any, evaluate: Any, prices: Path) -> None:
    code, _, err = evaluate("--prices", prices)
    lines = err.splitlines()
    assert code == 0
    assert "calls" in lines[0]
    assert "about $" in lines[1]
    assert lines[2].startswith("Judging: 0/")


def test_a_budget_below_the_estimate_is_refused_before_anything_is_sent(
    loopback_judge: Any, evaluate: Any, prices: Path
) -> None:
    code, _, err = evaluate("--prices", prices, "--max-cost", "0.01")
    assert code == 2
    assert "over the budget of $0.01" in err
    assert "Nothing was asked" in err
    assert not loopback_judge.asked


def test_a_budget_without_prices_is_refused(loopback_judge: Any, evaluate: Any, tmp_path: Path) -> None:
    code, _, err = evaluate("--max-cost", "1")
    assert code == 2
    assert "--prices" in err
    other = tmp_path / "other.toml"
    other.write_text('[models."else"]\ninput = 1\noutput = 1\ndate = 2026-01-31\n')
    code, _, err = evaluate("--prices", other)
    assert code == 2
    assert "no price for small" in err
    assert not loopback_judge.asked


def test_a_run_stops_before_it_costs_more_and_goes_on_with_a_larger_budget(
    loopback_judge: Any, model_server: Any, completion: Any, reply: Any, evaluate: Any, prices: Path
) -> None:
    """Answers that cost ten times the estimate: $0.3 each, at most $0.16 expected for one."""

    def costly(request: dict[str, Any]) -> Any:
        answer = completion(loopback_judge.content(request["body"]["messages"]))
        answer["usage"] = {"prompt_tokens": 100_000, "completion_tokens": 20_000}
        return reply(answer)

    model_server.answer = costly
    code, _, err = evaluate("--prices", prices, "--max-cost", "1", "--concurrency", 1)
    asked = len(loopback_judge.asked)
    assert code == 5
    assert "of $1 are spent" in err
    assert "raise --max-cost" in err
    assert "not asked about" in err
    assert asked == 3  # $0.90, and another may cost $0.16
    code, _, _ = evaluate("--prices", prices, "--max-cost", "100")
    assert code == 0
    code, out, _ = evaluate("--dry-run", "--format", "json")
    assert len(loopback_judge.asked) == json.loads(out)["calls"]
