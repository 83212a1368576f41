"""Pages with forms: log in, submit by upload, look at one's submissions, take one back, mark one.

Who asks, and that a form came from here, is `auth`'s to say; what a form holds is read by `uploads`, as for the API.
Nothing here is kept by browsers or caches.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from bioreview_bench.errors import InputError

from ...http.auth import check_csrf, csrf_token, current_user, log_in, log_out
from ...store import api as store
from ...store.common import MEANING, WAITING, State
from ..site import Site, site_of

if TYPE_CHECKING:
    from ...settings import BoardSettings
    from ...store.api import SubmissionStatus, UserInfo
    from ...store.database import Database

_NEXT = re.compile(r"/(submit|submissions(/s_[0-9a-f]{16})?)")
_LARGEST_FIELD = 1024
_STEPS: tuple[State, ...] = ("received", "validating", "queued", "scoring", "scored")
_SHOWN = 200  # problems on a page


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
        return _page(login_page(site_of(request), csrf_token(request), _local(request.query_params.get("next", ""))))

    @router.post("/login")
    async def enter(request: Request) -> Response:
        async with request.form(max_files=0, max_fields=4, max_part_size=_LARGEST_FIELD) as form:
            check_csrf(request, form)
            token, after = str(form.get("token", "")).strip(), _local(str(form.get("next", "")))
        user = await run_in_threadpool(log_in, request, token)
        if user is None:
            page = login_page(site_of(request), csrf_token(request), after, wrong=True)
            return _page(page, status=401)
        return _to(after)

    @router.post("/logout")
    async def leave(request: Request) -> Response:
        await _checked(request)
        log_out(request)
        return _to("/")


def _add_upload(router: APIRouter, db: Database) -> None:
    @router.get("/submit")
    def submit(request: Request) -> Response:
        user = current_user(request)
        if user is None:
            return _to("/login?next=/submit")
        return _page(_form_page(request, db, user))

    @router.post("/submit")
    async def upload(request: Request) -> Response:
        user = await run_in_threadpool(current_user, request)
        if user is None:
            return _to("/login?next=/submit")
        forms = request.app.state.forms
        try:
            form = await forms.form(request)
            try:
                check_csrf(request, form)
                taken = await forms.take(form, user)
            finally:
                await form.close()
        except InputError as error:
            if not error.problems:
                raise
            page = await run_in_threadpool(_form_page, request, db, user, error)
            return _page(page, status=422)
        return _to(f"/submissions/{taken.id}")


def _add_submissions(router: APIRouter, db: Database) -> None:
    @router.get("/submissions")
    def mine(request: Request) -> Response:
        user = current_user(request)
        if user is None:
            return _to("/login?next=/submissions")
        ranking, found = store.get_settings(db).ranking, store.submissions_of(db, user.id)
        return _page(mine_page(site_of(request), csrf_token(request), user, ranking, found))

    @router.get("/submissions/{submission}")
    def status(request: Request, submission: str) -> Response:
        user = current_user(request)
        if user is None:
            return _to(f"/login?next={_local(f'/submissions/{submission}')}")
        found = store.status_for(db, submission, user)
        return _page(status_page(site_of(request), csrf_token(request), user, found))

    @router.post("/submissions/{submission}/withdraw")
    async def withdraw(request: Request, submission: str) -> Response:
        return await _change(request, submission, store.withdraw)

    @router.post("/submissions/{submission}/mark")
    async def mark(request: Request, submission: str) -> Response:
        return await _change(request, submission, store.mark)

    async def _change(request: Request, submission: str, change: Any) -> Response:
        await _checked(request)
        user = await run_in_threadpool(current_user, request)
        if user is None:
            return _to("/login?next=/submissions")
        await run_in_threadpool(change, db, submission, user)
        return _to(f"/submissions/{submission}")


async def _checked(request: Request) -> None:
    """Raises Forbidden unless the form came from here."""
    async with request.form(max_files=0, max_fields=2, max_part_size=_LARGEST_FIELD) as form:
        check_csrf(request, form)


def _form_page(request: Request, db: Database, user: UserInfo, error: InputError | None = None) -> str:
    return submit_page(site_of(request), csrf_token(request), user, store.get_settings(db), error)


def _local(address: str) -> str:
    """A page of the board to go on to; nothing else is taken from an address."""
    return address if _NEXT.fullmatch(address) else "/submissions"


def _to(address: str) -> Response:
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})


def _page(html: str, status: int = 200) -> Response:
    return HTMLResponse(html, status, {"Cache-Control": "no-store"})


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
