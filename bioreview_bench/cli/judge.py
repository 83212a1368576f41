"""The options of commands that may ask a judge, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bioreview_bench.cli.options import Messages, path_option, show_json
from bioreview_bench.errors import InputError

if TYPE_CHECKING:
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.data.predictions import Predictions
    from bioreview_bench.data.split import Split
    from bioreview_bench.llm.calls.watching import Watcher
    from bioreview_bench.scoring.judge.calls import JudgeSettings
    from bioreview_bench.scoring.judge.plan import JudgePlan
    from bioreview_bench.scoring.judge.scorer import JudgeScorer
    from bioreview_bench.scoring.judge.space import JudgeBackend

_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS = (
    path_option("--prices", metavar="FILE", text="What a judge's tokens cost. Default: bench baseline prices."),
    click.option(
        "--max-cost",
        type=click.FloatRange(min=0),
        metavar="USD",
        help="Stop before a judge costs more.",
    ),
    click.option("--dry-run", is_flag=True, help="Count a judge's calls, tokens and cost; send and write nothing."),
    click.option("--base-url", metavar="URL", help="Where a judge's model is served."),
    click.option("--key-variable", metavar="NAME", help="The environment variable that holds a judge's key."),
    click.option(
        "--concurrency", type=click.IntRange(min=1), metavar="N", help="A judge's calls in flight at once. Default: 8."
    ),
)

consistency_option = click.option(
    "--consistency", is_flag=True, help="Ask a judge a second time, in reverse order, and print the agreement."
)


def judge_options(command: _Command) -> _Command:
    """Options that say where a judge is, what it costs, and how it is asked. They go to `judge_settings`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def judge_settings(contract: Contract, **given: Any) -> JudgeSettings | None:
    """The settings of a judge's contract; None for any other, which has no use for them.

    Raises InputError when another contract is given one of them, or when the price file cannot be used.
    """
    from bioreview_bench.contracts.judge_names import FORMS, JudgeName
    from bioreview_bench.llm.calls.prices import find_price, read_prices
    from bioreview_bench.llm.stored import address_of
    from bioreview_bench.scoring.judge.calls import JudgeSettings

    if contract.similarity != "judge":
        useless = sorted(name for name, value in given.items() if value not in (None, False))
        if useless:
            raise InputError(
                f"Contract {contract.name} does not use a judge, so it does not take --{useless[0].replace('_', '-')}.",
                remedy=f"leave it out, or --contract {FORMS}",
            )
        return None
    judge = JudgeName.parse(contract.name)
    prices = read_prices(given["prices"]) if given["prices"] is not None else {}
    price = find_price(judge.model, address_of(judge.provider, given["base_url"]), prices)
    if given["prices"] is not None and price is None:
        raise InputError(f"{given['prices']} has no price for {judge.model}.", remedy=f'add [models."{judge.model}"]')
    return JudgeSettings(
        base_url=given["base_url"],
        key_env=given["key_variable"],
        price=price,
        max_cost=given["max_cost"],
        concurrency=given["concurrency"] or 8,
        consistency=given.get("consistency", False),
    )


def judge_backend(contract: Contract, messages: Messages, **given: Any) -> JudgeBackend | None:
    """What asks the judge of a contract, with its plan and progress on stderr; None for any other contract."""
    settings = judge_settings(contract, **given)
    if settings is None:
        return None
    from bioreview_bench.scoring.judge.space import JudgeBackend

    return JudgeBackend(contract, settings, _announcing(messages), _watching(messages, settings))


def judge_backends(contracts: Sequence[Contract], messages: Messages, **given: Any) -> list[JudgeBackend | None]:
    """The same for each of several contracts. Raises InputError for options of a judge when none of them is one."""
    asked = [contract for contract in contracts if contract.similarity == "judge"] or contracts[:1]
    return [judge_backend(contract, messages, **given) if contract in asked else None for contract in contracts]


def judge_scorer(contract: Contract, messages: Messages, **given: Any) -> JudgeScorer | None:
    """The same for an audit. With `--dry-run`, its `scores` raises OnlyPlanned."""
    settings = judge_settings(contract, **given)
    if settings is None:
        return None
    from bioreview_bench.scoring.judge.scorer import JudgeScorer

    return JudgeScorer(
        contract,
        settings,
        announce=_announcing(messages),
        watcher=_watching(messages, settings),
        dry_run=given["dry_run"],
    )


def print_plan(
    backend: JudgeBackend, split: Split, systems: Sequence[Predictions], *, controls: str, form: str
) -> None:
    """What scoring these systems would ask and cost in all, on stdout."""
    from bioreview_bench.scoring.judge.space import score_questions

    asked = [
        request
        for predictions in systems
        for request in score_questions(split, predictions, backend, controls=controls == "full")
    ]
    say_plan(backend.judge.plan(asked), form, backend.settings.max_cost)


def say_plan(plan: JudgePlan, form: str, max_cost: float | None) -> None:
    """A plan on stdout, as text or as `json`. Raises InputError when it is over a budget (USD)."""
    if form == "json":
        show_json(plan.as_dict())
    else:
        click.echo("\n".join(plan.lines()))
    plan.require_affordable(max_cost)


def _watching(messages: Messages, settings: JudgeSettings) -> Watcher:
    return messages.judging(settings.price.date if settings.price is not None else None)


def _announcing(messages: Messages) -> Callable[[JudgePlan], None]:
    return lambda plan: messages.say("\n".join(plan.lines()))
