"""What a submitter reads about a submission, in a terminal."""

from __future__ import annotations

from bioreview_bench.errors import InputError, Problem, RemoteError, printable
from bioreview_bench.report.blocks import Block, Facts, Table, figure
from bioreview_bench.report.meaning import SATURATED

from ..store.api import SubmissionStatus
from ..store.shown import Figure


def blocks(status: SubmissionStatus) -> list[Block]:
    """Identity, states and headline figures."""
    facts = [
        ("Submission", status.id),
        ("System", printable(f"{status.system} {status.version}")),
        ("Team", printable(status.team)),
        ("Split", status.split + (", marked as the one to rank" if status.marked else "")),
        ("State", status.state + (f": {printable(status.reason, 300)}" if status.reason else "")),
        ("", status.meaning),
    ]
    found: list[Block] = [Facts(facts)]
    moments = [
        [event.state, event.at.strftime("%Y-%m-%d %H:%M:%S"), printable(event.reason or "", 200)]
        for event in status.events
    ]
    found.append(Table("States", ["state", "since (UTC)", "why"], moments))
    if status.results:
        rows = [
            [
                printable(one.label),
                _with_interval(one.f1),
                SATURATED if one.saturated else _with_interval(one.skill),
                figure(one.null_f1),
                figure(one.echo_match_rate),
                _with_interval(one.recall),
                _with_interval(one.precision),
            ]
            for one in status.results
        ]
        header = ["contract", "F1", "skill", "null F1", "echo match rate", "recall", "precision"]
        found.append(Table("Scored by the board", header, rows))
    return found


def raise_for(status: SubmissionStatus) -> None:
    """Raise what makes a submission a failure of the command: InputError when rejected, RemoteError when failed."""
    if status.state == "rejected":
        listed = [Problem(printable(one.message, 300), one.line) for one in status.problems]
        raise InputError(
            f"Submission {status.id} is rejected: {status.n_problems:,} problems.",
            problems=listed,
            remedy="fix them and submit again",
        )
    if status.state == "failed":
        raise RemoteError(
            f"Submission {status.id} could not be scored: {printable(status.reason or 'no reason given', 300)}",
            remedy="tell the board's maintainers; they can have it scored again",
        )


def _with_interval(shown: Figure) -> str:
    if shown.bounds is None:
        return figure(shown.value)
    return f"{figure(shown.value)} [{figure(shown.low)}, {figure(shown.high)}]"
