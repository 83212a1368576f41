"""The pages of a running board that everybody may see. Forms are in `forms`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from bioreview_bench.errors import InputError

from ..ranking.build import load_table
from ..ranking.export import as_json, reported_csv, system_csv
from ..ranking.rows import reported
from ..ranking.systems import load_system
from ..store import api as store
from ..store.common import NotFound
from .cache import Body, PageCache
from .choice import read_choice
from .pages.about import about_page, trouble_html
from .pages.board import board_page
from .pages.compare import choose_page, compare_page
from .pages.forms import make_forms
from .pages.system import system_page
from .site import FOR_EVER, HTML, TYPES, answer, assets, site_of, versions

if TYPE_CHECKING:
    from ..http.problems import Trouble
    from ..ranking.view import BoardTable, Row
    from ..store.database import Database

_JSON = "application/json"
_CSV = "text/csv; charset=utf-8"


def make_router(db: Database) -> APIRouter:
    """All pages of the board `db`."""
    router = APIRouter(include_in_schema=False)
    cache = PageCache()
    _add_assets(router)
    _add_tables(router, db, cache)
    _add_systems(router, db, cache)
    _add_comparisons(router, db, cache)
    router.include_router(make_forms(db))
    return router


def trouble_page(request: Request, trouble: Trouble) -> Response:
    """The page of an error."""
    return HTMLResponse(trouble_html(site_of(request), trouble))


def _add_assets(router: APIRouter) -> None:
    bodies = {name: Body.of(content) for name, content in assets().items()}
    known = versions(assets())

    @router.api_route("/assets/{name}", methods=["GET", "HEAD"])
    def asset(request: Request, name: str) -> Response:
        if name not in bodies:
            raise HTTPException(404)
        current = request.query_params.get("v") == known[name]
        media_type = TYPES[name.rpartition(".")[2]]
        return answer(request, bodies[name], media_type, FOR_EVER if current else "public, max-age=300")


def _add_tables(router: APIRouter, db: Database, cache: PageCache) -> None:
    @router.api_route("/", methods=["GET", "HEAD"])
    def board(request: Request) -> Response:
        choice = read_choice(request.query_params)
        site, where = site_of(request), _where(request)

        def make() -> str:
            return board_page(site, _table(db, where), choice)

        return answer(request, cache.get(store.board_version(db), ("board", where, choice), make))

    @router.api_route("/reported/{split}.csv", methods=["GET", "HEAD"])
    def reported_figures(request: Request, split: str) -> Response:
        def make() -> str:
            facts = store.get_split(db, split)
            return reported_csv(reported(facts.data, facts.name))

        return answer(request, cache.get(store.board_version(db), ("reported", split), make), _CSV)

    @router.api_route("/how-scoring-works", methods=["GET", "HEAD"])
    def about(request: Request) -> Response:
        site = site_of(request)

        def make() -> str:
            return about_page(site, _table(db, ("", "")))

        return answer(request, cache.get(store.board_version(db), "about", make))


def _add_systems(router: APIRouter, db: Database, cache: PageCache) -> None:
    @router.api_route("/systems/{submission}.json", methods=["GET", "HEAD"])
    def system_json(request: Request, submission: str) -> Response:
        def make() -> str:
            return as_json(load_system(db, submission)[0])

        return answer(request, cache.get(store.board_version(db), ("system.json", submission), make), _JSON)

    @router.api_route("/systems/{submission}.csv", methods=["GET", "HEAD"])
    def system_figures(request: Request, submission: str) -> Response:
        def make() -> str:
            return system_csv(load_system(db, submission)[0])

        return answer(request, cache.get(store.board_version(db), ("system.csv", submission), make), _CSV)

    @router.api_route("/systems/{submission}", methods=["GET", "HEAD"])
    def system(request: Request, submission: str) -> Response:
        site = site_of(request)

        def make() -> str:
            return system_page(site, *load_system(db, submission))

        return answer(request, cache.get(store.board_version(db), ("system", submission), make), HTML)


def _add_comparisons(router: APIRouter, db: Database, cache: PageCache) -> None:
    @router.api_route("/compare", methods=["GET", "HEAD"])
    def compare(request: Request) -> Response:
        query = request.query_params
        wanted = tuple(query.getlist("s")[:3]) or tuple(query[name] for name in ("a", "b") if query.get(name))
        site, where = site_of(request), _where(request)

        def make() -> str:
            table = _table(db, where)
            return compare_page(site, table, *_two(table, wanted)) if wanted else choose_page(site, table)

        return answer(request, cache.get(store.board_version(db), ("compare", where, wanted), make))


def _where(request: Request) -> tuple[str, str]:
    """Split and contract that a query names, empty for those that it does not."""
    return request.query_params.get("split", ""), request.query_params.get("contract", "")


def _table(db: Database, where: tuple[str, str]) -> BoardTable:
    settings = store.get_settings(db)
    split, contract = where
    return load_table(db, split or settings.splits[0], contract or settings.ranking)


def _two(table: BoardTable, wanted: tuple[str, ...]) -> tuple[Row, Row]:
    if len(set(wanted)) != 2:
        raise InputError("A comparison needs two different systems.", remedy="choose two")
    known = {row.submission: row for row in table.rows}
    missing = [one for one in wanted if one not in known]
    if missing:
        raise NotFound(f"There is no system {missing[0][:40]!r} in this table.", remedy="choose one of its systems")
    return known[wanted[0]], known[wanted[1]]
