"""Pages with forms: log in, submit by upload, look at one's submissions, take one back, mark one.

Who asks, and that a form came from here, is `auth`'s to say; what a form holds is read by `uploads`, as for the API.
Nothing here is kept by browsers or caches.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from bioreview_bench.errors import InputError, Problem

from ...http.auth import check_csrf, csrf_token, current_user, log_in, log_out
from ...store.common import MEANING, WAITING, NotAllowed, NotFound, QuotaReached, State, WrongState
from ...store.settings import get_settings
from ...store.status import status_for, submissions_of
from ...store.submissions import mark as mark_submission
from ...store.submissions import withdraw as withdraw_submission
from ..site import site_of

if TYPE_CHECKING:
    from ...store.database import Database
    from ...store.status import ShownProblem, SubmissionStatus
    from ...store.users import UserInfo

_NEXT = re.compile(r"/(submit|submissions(/s_[0-9a-f]{16})?)")
_LARGEST_FIELD = 1024
_STEPS: tuple[State, ...] = ("received", "validating", "queued", "scoring", "scored")
_SHOWN = 10  # problems at first sight, as the command shows them
_LISTED = 500  # those that can be opened


def make_forms(db: Database) -> APIRouter:
    """The routes."""
    router = APIRouter()
    _add_login(router)
    _add_upload(router, db)
    _add_submissions(router, db)
    return router


def _add_login(router: APIRouter) -> None:
    @router.get("/login")
    def login(request: Request) -> Response:
        after = _local(request.query_params.get("next", ""))
        return _page(request, "login.html", "login", after=after, wrong=False)

    @router.post("/login")
    async def enter(request: Request) -> Response:
        async with request.form(max_files=0, max_fields=4, max_part_size=_LARGEST_FIELD) as form:
            check_csrf(request, form)
            token, after = str(form.get("token", "")).strip(), _local(str(form.get("next", "")))
        user = await run_in_threadpool(log_in, request, token)
        if user is None:
            return _page(request, "login.html", "login", status=401, after=after, wrong=True)
        return _to(after)

    @router.post("/logout")
    async def leave(request: Request) -> Response:
        await _checked(request)
        await request.app.state.forms.change(log_out, request)
        return _to("/")


def _add_upload(router: APIRouter, db: Database) -> None:
    @router.get("/submit")
    def submit(request: Request) -> Response:
        user = current_user(request)
        if user is None:
            return _to("/login?next=/submit")
        return _upload_page(request, db, user)

    @router.post("/submit")
    async def upload(request: Request) -> Response:
        user = await run_in_threadpool(current_user, request)
        if user is None:
            return _to("/login?next=/submit")
        forms = request.app.state.forms
        try:
            form = await forms.form(request, user)
            try:
                check_csrf(request, form)
                taken = await forms.take(form, user)
            finally:
                await form.close()
        except (NotAllowed, NotFound, QuotaReached, WrongState):
            raise  # no fault of the files: these have pages and statuses of their own
        except InputError as error:
            return await run_in_threadpool(_upload_page, request, db, user, error)
        return _to(f"/submissions/{taken.id}")


def _add_submissions(router: APIRouter, db: Database) -> None:
    @router.get("/submissions")
    def mine(request: Request) -> Response:
        user = current_user(request)
        if user is None:
            return _to("/login?next=/submissions")
        ranking, own = get_settings(db).ranking, submissions_of(db, user.id)
        return _page(
            request,
            "mine.html",
            "submissions",
            user=user,
            submissions=[(one, next((it for it in one.results if it.contract == ranking), None)) for one in own],
            waiting=any(one.state in WAITING for one in own),
            moment=moment,
        )

    @router.get("/submissions/{submission}")
    def status(request: Request, submission: str) -> Response:
        user = current_user(request)
        if user is None:
            return _to(f"/login?next={_local(f'/submissions/{submission}')}")
        found = status_for(db, submission, user)
        return _page(
            request,
            "status.html",
            "submissions",
            user=user,
            found=found,
            steps=steps(found),
            waiting=found.state in WAITING,
            problems=_listed(found.problems),
            n_shown=_SHOWN,
            moment=moment,
            can_withdraw=found.state not in ("rejected", "withdrawn"),
            can_mark=_can_mark(found),
        )

    @router.post("/submissions/{submission}/withdraw")
    async def withdraw(request: Request, submission: str) -> Response:
        return await _change(request, submission, withdraw_submission)

    @router.post("/submissions/{submission}/mark")
    async def mark(request: Request, submission: str) -> Response:
        return await _change(request, submission, mark_submission)

    async def _change(request: Request, submission: str, change: Any) -> Response:
        await _checked(request)
        user = await run_in_threadpool(current_user, request)
        if user is None:
            return _to("/login?next=/submissions")
        await request.app.state.forms.change(change, db, submission, user)
        return _to(f"/submissions/{submission}")


async def _checked(request: Request) -> None:
    """Raises Forbidden unless the form came from here."""
    async with request.form(max_files=0, max_fields=2, max_part_size=_LARGEST_FIELD) as form:
        check_csrf(request, form)


def _upload_page(request: Request, db: Database, user: UserInfo, error: InputError | None = None) -> Response:
    """The form to submit, with what was wrong with the files that were sent."""
    problems = () if error is None else error.problems
    settings = get_settings(db)
    return _page(
        request,
        "submit.html",
        "submit",
        status=200 if error is None else 422,
        user=user,
        settings=settings,
        error=error,
        problems=_listed(problems),
        n_shown=_SHOWN,
        n_problems=len(problems),
        megabytes=settings.limits.upload_bytes // (1024 * 1024),
    )


def _listed(problems: Sequence[Problem | ShownProblem]) -> list[tuple[int | None, str]]:
    return [(one.line, one.message) for one in problems[:_LISTED]]


def _can_mark(found: SubmissionStatus) -> bool:
    """A trial never ranks, and a mark comes before the score."""
    early = found.state in ("received", "validating", "queued") and not found.results
    return early and not found.marked and not found.trial


def _local(address: str) -> str:
    """A page of the board to go on to; nothing else is taken from an address."""
    return address if _NEXT.fullmatch(address) else "/submissions"


def _to(address: str) -> Response:
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})


def _page(request: Request, template: str, page: str, *, status: int = 200, **context: Any) -> Response:
    html = site_of(request).render(template, page, csrf=csrf_token(request), **context)
    return HTMLResponse(html, status, {"Cache-Control": "no-store"})


def steps(found: SubmissionStatus) -> list[dict[str, str]]:
    """The way of a submission: the states to *scored*, or to where it ended; each is done, now, or next."""
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
        at = when.get(name, "") if number <= place else ""
        shown.append({"name": name, "meaning": MEANING[name], "progress": progress, "at": at})
    return shown


def moment(when: datetime) -> str:
    """`2026-07-14 09:30:05 UTC`."""
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"
