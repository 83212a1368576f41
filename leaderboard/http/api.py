"""The API of a board, version 1. What it takes and says is described at /api/v1/openapi.json and /api/docs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.concurrency import run_in_threadpool

from bioreview_bench.results.provenance import package_version

from ..ranking.build import load_table
from ..ranking.export import as_csv, as_json
from ..ranking.pairs import tests_json
from ..ranking.view import BoardTable, TestsOfOne
from ..store.settings import get_split
from ..store.shown import BoardInfo, SplitIds, SplitInfo, Submitted
from ..store.status import SubmissionStatus, status_for, submissions_of
from ..store.submissions import mark as mark_submission
from ..store.submissions import withdraw as withdraw_submission
from ..store.users import UserInfo
from .answers import CSV
from .auth import token_user
from .problems import Trouble
from .uploads import Forms

if TYPE_CHECKING:
    from ..store.database import Database
    from .answers import Pages
    from .uploads import Live


_PREFIX = "/api/v1"
_SHORT = "public, max-age=60"
_User = Annotated[UserInfo, Depends(token_user)]
_Id = Annotated[str, Path(max_length=64, description="The submission's id, such as s_0123456789abcdef.")]
_Split = Annotated[str, Path(max_length=200, description="One of the board's splits, such as test.")]
_Contract = Annotated[str, Path(max_length=200, description="One of the board's contracts, such as v3.")]


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    meanings = {
        400: "The request cannot be read.",
        401: "A token is needed, or it is unknown.",
        403: "It belongs to somebody else.",
        404: "There is no such thing.",
        408: "The request stalled.",
        409: "The submission's state does not allow it.",
        413: "The request is too large.",
        422: "What was sent has problems; all of them are listed.",
        429: "Too many requests, or today's submissions are used up; Retry-After says how long to wait.",
        503: "The board cannot do this now; Retry-After says when to try again.",
        507: "The board's disk is full.",
    }
    return {status: {"model": Trouble, "description": meanings[status]} for status in (*statuses, 429, 503)}


_FORM = {
    "requestBody": {
        "required": True,
        "description": "`predictions` and `card` (and `run`), or `archive`: a .zip with predictions.jsonl, card.yaml "
        "and, if there is one, run.json.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["split"],
                    "anyOf": [{"required": ["predictions", "card"]}, {"required": ["archive"]}],
                    "additionalProperties": False,
                    "properties": {
                        "split": {
                            "type": "string",
                            "minLength": 1,
                            "description": "One of the board's splits, such as test.",
                        },
                        "marked": {
                            "type": "boolean",
                            "default": False,
                            "description": "This is the one to rank among the team's submissions to the split.",
                        },
                        "trial": {
                            "type": "boolean",
                            "default": False,
                            "description": "Scored for the team only: it is in no table and never ranks.",
                        },
                        "predictions": {"type": "string", "format": "binary", "description": "predictions.jsonl"},
                        "card": {"type": "string", "format": "binary", "description": "card.yaml"},
                        "run": {"type": "string", "format": "binary", "description": "run.json"},
                        "archive": {"type": "string", "format": "binary", "description": "A .zip of these."},
                    },
                }
            }
        },
    }
}


def make_api(db: Database, live: Live, forms: Forms, pages: Pages) -> APIRouter:
    """The routes."""
    router = APIRouter()
    router.include_router(_public(db, live, pages), prefix=_PREFIX, tags=["board"])
    router.include_router(_submissions(db, forms), prefix=_PREFIX, tags=["submissions"])
    return router


def _public(db: Database, live: Live, pages: Pages) -> APIRouter:
    router = APIRouter()

    @router.get("/board", response_model=BoardInfo, responses=_errors())
    def board(response: Response) -> BoardInfo:
        """What the board is about and what it allows."""
        response.headers["Cache-Control"] = _SHORT
        settings = live.settings
        splits = tuple(SplitInfo(name=name, n_articles=len(get_split(db, name).ids)) for name in settings.splits)
        return BoardInfo(
            title=settings.title,
            data=get_split(db, settings.splits[0]).data,
            splits=splits,
            contracts=settings.contracts,
            ranking=settings.ranking,
            limits=settings.limits,
            version=package_version(),
        )

    @router.get("/splits/{split}/ids", response_model=SplitIds, responses=_errors(404, 422))
    def split_ids(split: _Split, response: Response) -> SplitIds:
        """The article ids of a split, which a predictions file must name, all of them and no others."""
        response.headers["Cache-Control"] = _SHORT
        return SplitIds.model_validate(get_split(db, split).model_dump())

    @router.get("/tables/{split}/{contract}.json", response_model=BoardTable, responses=_errors(404, 422))
    async def table_json(request: Request, split: _Split, contract: _Contract) -> Response:
        """The table of a split under a contract."""
        key = ("json", split, contract)
        return await pages.answer(request, key, lambda: as_json(load_table(db, split, contract)), "application/json")

    @router.get(
        "/tables/{split}/{contract}.csv",
        response_class=Response,
        responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **_errors(404, 422)},
    )
    async def table_csv(request: Request, split: _Split, contract: _Contract) -> Response:
        """The same for a spreadsheet."""
        key = ("csv", split, contract)
        return await pages.answer(request, key, lambda: as_csv(load_table(db, split, contract)), CSV)

    @router.get(
        "/tables/{split}/{contract}/tests/{submission}.json", response_model=TestsOfOne, responses=_errors(404, 422)
    )
    async def tests_of_one(request: Request, split: _Split, contract: _Contract, submission: _Id) -> Response:
        """The label-swap tests of one ranked system against every other of a table."""
        key = ("tests", split, contract, submission)
        make = partial(tests_json, db, split, contract, submission)
        return await pages.answer(request, key, make, "application/json")

    return router


def _submissions(db: Database, forms: Forms) -> APIRouter:
    router = APIRouter(responses=_errors(401))

    @router.post(
        "/submissions",
        status_code=201,
        response_model=Submitted,
        openapi_extra=_FORM,
        responses={
            200: {"model": Submitted, "description": "This submission had been taken in before; nothing changed."},
            **_errors(400, 404, 408, 413, 422, 507),
        },
    )
    async def submit(request: Request, response: Response, user: _User) -> Submitted:
        """Send a submission. Sent twice, it is taken in once."""
        # Read here and not by the framework, so that nobody without a token makes the board store anything.
        form = await forms.form(request, user)
        try:
            taken = await forms.take(form, user)
        finally:
            await form.close()
        response.status_code = 201 if taken.created else 200
        response.headers["Location"] = f"{_PREFIX}/submissions/{taken.id}"
        return taken

    @router.get("/submissions", response_model=list[SubmissionStatus])
    def mine(user: _User) -> list[SubmissionStatus]:
        """The user's own submissions, the newest first."""
        return submissions_of(db, user.id)

    @router.get("/submissions/{submission}", response_model=SubmissionStatus, responses=_errors(404, 422))
    def status(submission: _Id, user: _User) -> SubmissionStatus:
        """Where a submission stands: its state with time and reason, its problems, its headline figures."""
        return status_for(db, submission, user)

    @router.post(
        "/submissions/{submission}/withdraw", response_model=SubmissionStatus, responses=_errors(404, 409, 422)
    )
    async def withdraw(submission: _Id, user: _User) -> SubmissionStatus:
        """Take a submission back. It leaves the board; that it was made still counts."""
        await forms.change(withdraw_submission, db, submission, user)
        return await run_in_threadpool(status_for, db, submission, user)

    @router.post("/submissions/{submission}/mark", response_model=SubmissionStatus, responses=_errors(404, 409, 422))
    async def mark(submission: _Id, user: _User) -> SubmissionStatus:
        """Name a submission as the one of its team to rank, before the team's first score on the split."""
        await forms.change(mark_submission, db, submission, user)
        return await run_in_threadpool(status_for, db, submission, user)

    return router
