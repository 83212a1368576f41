"""Pages of somebody who is logged in, and the one to log in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bioreview_bench.errors import InputError

from ...store.common import MEANING, WAITING, State
from ..site import Site

if TYPE_CHECKING:
    from ...settings import BoardSettings
    from ...store.api import SubmissionStatus, UserInfo

_STEPS: tuple[State, ...] = ("received", "validating", "queued", "scoring", "scored")
_SHOWN = 200  # problems on a page


@dataclass(frozen=True)
class Step:
    """A state on the way: done, now, or still to come."""

    name: str
    meaning: str
    progress: str
    at: str


def login_page(site: Site, csrf: str, after: str, *, wrong: bool = False) -> str:
    """The page to log in; `after` is where it leads."""
    return site.render("login.html", "login", csrf=csrf, after=after, wrong=wrong)


def submit_page(site: Site, csrf: str, user: UserInfo, settings: BoardSettings, error: InputError | None) -> str:
    """The form to submit, with what was wrong with the files that were sent."""
    problems = () if error is None else error.problems
    return site.render(
        "submit.html",
        "submit",
        csrf=csrf,
        user=user,
        settings=settings,
        error=error,
        problems=[(one.line, one.message) for one in problems[:_SHOWN]],
        n_problems=len(problems),
        megabytes=settings.limits.upload_bytes // (1024 * 1024),
    )


def mine_page(site: Site, csrf: str, user: UserInfo, ranking: str, submissions: Sequence[SubmissionStatus]) -> str:
    """All submissions of a user, the newest first, with their figures under the contract that ranks."""
    shown = [(one, next((found for found in one.results if found.contract == ranking), None)) for one in submissions]
    waiting = any(one.state in WAITING for one in submissions)
    return site.render(
        "mine.html", "submissions", csrf=csrf, user=user, submissions=shown, waiting=waiting, moment=moment
    )


def status_page(site: Site, csrf: str, user: UserInfo, found: SubmissionStatus) -> str:
    """Where one submission stands."""
    return site.render(
        "status.html",
        "submissions",
        csrf=csrf,
        user=user,
        found=found,
        steps=steps(found),
        waiting=found.state in WAITING,
        problems=[(one.line, one.message) for one in found.problems[:_SHOWN]],
        moment=moment,
        can_withdraw=found.state not in ("rejected", "withdrawn"),
        can_mark=not found.marked and found.state in ("received", "validating", "queued") and not found.results,
    )


def steps(found: SubmissionStatus) -> list[Step]:
    """The way of a submission: the states to *scored*, or to where it ended."""
    when = {event.state: moment(event.at) for event in found.events}
    names = list(_STEPS)
    if found.state not in names:
        # It left the way: what came before stays, what did not come is not promised.
        reached = [name for name in names if name in when]
        names = [*reached, found.state]
    place = names.index(found.state)
    shown = []
    for number, name in enumerate(names):
        progress = "done" if number < place else "now" if number == place else "next"
        if name == "scored" and progress == "now":
            progress = "done"
        shown.append(Step(name, MEANING[name], progress, when.get(name, "") if number <= place else ""))
    return shown


def moment(when: datetime) -> str:
    """`2026-07-14 09:30:05 UTC`."""
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"
