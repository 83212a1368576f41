"""Asking a judge through the call engine, once for each question: answers are kept on disk and never asked for twice.

`judgements/MODEL-HASH/` of the cache holds one folder a command, each a run as the call engine writes it. The hash is
of everything but the texts that decides an answer, and the id of a row is the hash of its ordered texts. So all
commands share their answers, and two commands at a time do not wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bioreview_bench.contracts.judge_names import JudgeName
from bioreview_bench.errors import InputError, Needs, RemoteError, printable
from bioreview_bench.files.paths import judgements_root
from bioreview_bench.llm import stored
from bioreview_bench.llm.calls.watching import Watcher
from bioreview_bench.llm.providers.api import OWN_KEY, ApiReviewer
from bioreview_bench.llm.review import Review, Usage
from bioreview_bench.llm.stored import CallSettings
from bioreview_bench.llm.text.fitting import Chars3
from bioreview_bench.scoring.judge.plan import JudgePlan
from bioreview_bench.scoring.judge.request import JudgeAsking, JudgeRequest, Labels, read_labels

_SHOWN = 10  # articles that a message names


@dataclass(frozen=True)
class JudgeSettings(CallSettings):
    """What does not decide an answer: where the model is, what it costs, how fast to ask, whether to ask twice.

    `max_cost` (USD) is for one command, its repetitions included. `consistency` asks about the predictions once more
    with both lists in reverse order.
    """

    consistency: bool = False


@dataclass(frozen=True)
class JudgeAnswer:
    """Labels in the order of the question, and the model that the service says has answered, if it is another."""

    labels: Labels
    served_model: str | None
    usage: Usage


class ModelJudge:
    """A model behind the API of its provider, in the form in which the call engine calls."""

    def __init__(self, judge: JudgeName, settings: JudgeSettings) -> None:
        """Raises InputError for a base URL or parameters that cannot be."""
        self.name = judge.name
        self.settings = settings
        self._asking = JudgeAsking(Chars3())
        self._client = _client(judge, self._asking, settings)
        self.folder = stored.answers_folder(judgements_root(), judge.provider, judge.model, self.describe())

    def describe(self) -> dict[str, Any]:
        """What could change an answer."""
        return self._client.describe()

    def gather(self, needs: Needs) -> None:
        """Note what a call would lack: the client's library, the key."""
        self._client.gather(needs)

    def connect(self) -> None:
        """Raises EncoderError (exit code 3) without the client's library, InputError without the key."""
        self._client.connect()

    async def review(self, subject: JudgeRequest, /) -> Review:
        """Ask once. Raises TryAgain, GiveUp."""
        return await self._client.answer(self._asking.ask(subject))

    def estimate(self, subject: JudgeRequest, /) -> Usage:
        """Tokens of the question by the counter, the most tokens of an answer, and their price."""
        return self._client.most(self._asking.ask(subject))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def plan(self, requests: Iterable[JudgeRequest]) -> JudgePlan:
        """How many questions there are, how many of them are answered already, and what the others cost."""
        distinct = {request.id: request for request in requests}
        return self.plan_for(distinct, self.answers(distinct))

    def plan_for(self, distinct: Mapping[str, JudgeRequest], known: Mapping[str, JudgeAnswer]) -> JudgePlan:
        """The same where it is known which are answered."""
        left = [request for request_id, request in distinct.items() if request_id not in known]
        most = [self.estimate(request) for request in left]
        n_predictions = sum(len(request.predictions) for request in left)
        return JudgePlan.of(self.name, len(distinct), most, n_predictions, self.settings.price)

    def answers(self, wanted: Mapping[str, JudgeRequest]) -> dict[str, JudgeAnswer]:
        """The stored answers to these questions. Raises InputError for one that was changed on disk."""
        found: dict[str, JudgeAnswer] = {}
        for where, row in stored.stored_answers(self.folder, wanted):
            request = wanted[row["article_id"]]
            found.setdefault(request.id, _answer(row, request, where))
        return found


def ask_judge(
    judge: ModelJudge,
    requests: Sequence[JudgeRequest],
    *,
    announce: Callable[[JudgePlan], None] = lambda plan: None,
    watcher: Watcher | None = None,
) -> dict[str, JudgeAnswer]:
    """The answer to every question, by its id; what is stored is not asked for.

    Raises RemoteError, naming the articles, when a question has no valid answer after all: nothing may be counted
    then. Raises InputError without key, or when `max_cost` cannot be kept; EncoderError without the client's library.
    """
    distinct = {request.id: request for request in requests}
    known = judge.answers(distinct)
    plan = judge.plan_for(distinct, known)
    announce(plan)
    plan.require_affordable(judge.settings.max_cost)
    left = {request_id: request for request_id, request in distinct.items() if request_id not in known}
    if not left:
        return known
    stored.require_no_loop(
        "A judge",
        "bench evaluate PREDICTIONS --contract judge:... first: its answers are stored, and found here",
    )
    judge.connect()
    stopped, folder = _ask(judge, distinct, left, watcher or Watcher())
    known |= judge.answers(left)
    _require_all(judge.name, requests, known, folder, stopped)
    return known


def _ask(
    judge: ModelJudge,
    distinct: Mapping[str, JudgeRequest],
    left: Mapping[str, JudgeRequest],
    watcher: Watcher,
) -> tuple[str | None, Path]:
    """Ask what is left; (why it was stopped, if it was; the folder of this command)."""
    with stored.open_command(
        judge.folder, name=judge.name, described=judge.describe(), kind="judgements", ids=distinct
    ) as store:
        questions = list(left.values())
        return stored.ask_left(judge, questions, store, judge.settings, watcher, len(distinct)), store.folder


def _require_all(
    name: str, requests: Sequence[JudgeRequest], known: Mapping[str, JudgeAnswer], folder: Path, stopped: str | None
) -> None:
    missing = [request for request in requests if request.id not in known]
    if not missing:
        return
    reasons = stored.reasons_of(folder)
    said: dict[str, str] = {}
    # An article may stand in several questions; what went wrong says more than what was not asked.
    for request in sorted(missing, key=lambda request: request.id not in reasons):
        said.setdefault(request.article_id, reasons.get(request.id, "not asked about"))
    shown = [f"  {printable(article_id)}: {printable(said[article_id], 200)}" for article_id in sorted(said)[:_SHOWN]]
    if len(said) > _SHOWN:
        shown.append(f"  ... and {len(said) - _SHOWN:,} more")
    why = f" It was stopped: {stopped}." if stopped else ""
    again = "raise --max-cost and run the same command again" if stopped else "run the same command again"
    raise RemoteError(
        "\n".join([f"{name} has not judged {len(said):,} articles, so nothing was scored.{why}", *shown]),
        remedy=f"{again}: only what has no valid answer is asked for (the answers are in {folder})",
    )


def _answer(row: Mapping[str, Any], request: JudgeRequest, where: str) -> JudgeAnswer:
    try:
        labels = read_labels(row["raw_output"], len(request.predictions), len(request.references))
        notes, usage = row.get("notes") or {}, row.get("usage") or {}
        spent = Usage(usage.get("input_tokens"), usage.get("output_tokens"), usage.get("cost_usd"))
        return JudgeAnswer(labels, notes.get("served_model"), spent)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{where}: this stored answer was changed by something else ({error}).",
            remedy="remove the line; the judge is then asked again",
        ) from error


def _client(judge: JudgeName, asking: JudgeAsking, settings: JudgeSettings) -> ApiReviewer:
    own = settings if settings.key_env or judge.provider == "vllm" else replace(settings, key_env=OWN_KEY)
    return stored.make_client(
        judge.provider, judge.model, asking, name=judge.name, parameters=judge.parameters, settings=own
    )
