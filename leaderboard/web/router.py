"""The pages of a running board that everybody may see. Forms are in `forms`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from bioreview_bench.errors import InputError

from ..http.answers import CSV, FOR_EVER, HTML, Body, answer
from ..ranking.build import load_system, load_table
from ..ranking.export import as_json, reported_csv, system_csv
from ..ranking.hub_results import eval_results
from ..ranking.pairs import pairs_among, pairs_of
from ..ranking.rows import reported
from ..store.common import NotFound
from ..store.settings import get_settings, get_split
from .charts.badge import badge
from .choice import TableChoice, page_number, read_choice, require_source, searched
from .pages.about import about_page, trouble_html
from .pages.board import board_page
from .pages.choose import MOST, Asked, choose_page
from .pages.compare import compare_page, several_page
from .pages.feed import ATOM, all_tables, feed
from .pages.forms import make_forms
from .pages.rules import board_rules, rules_page
from .pages.system import system_page
from .site import TYPES, Site, assets, site_of, versions

if TYPE_CHECKING:
    from ..http.problems import Trouble
    from ..ranking.view import BoardTable, Row
    from ..store.database import Database

_JSON = "application/json"
_SVG = "image/svg+xml"
_YAML = "application/yaml"
_EMBEDDED = {"Cross-Origin-Resource-Policy": "cross-origin"}  # a badge is for pages elsewhere


def make_router(db: Database) -> APIRouter:
    """All pages of the board `db`."""
    router = APIRouter(include_in_schema=False)
    _add_assets(router)
    _add_pages(router, db)
    router.include_router(make_forms(db))
    return router


def trouble_page(request: Request, trouble: Trouble) -> Response:
    """The page of an error."""
    return HTMLResponse(trouble_html(site_of(request), trouble))


def _add_assets(router: APIRouter) -> None:
    bodies = {name: Body.of(content) for name, content in assets().items()}
    known = versions(assets())

    @router.get("/assets/{name}")
    def asset(request: Request, name: str) -> Response:
        if name not in bodies:
            raise HTTPException(404)
        current = request.query_params.get("v") == known[name]
        media_type = TYPES[name.rpartition(".")[2]]
        return answer(request, bodies[name], media_type, FOR_EVER if current else "public, max-age=300")


def _add_pages(router: APIRouter, db: Database) -> None:
    """Pages that everybody may see, made once for every version of the board and every different question."""

    def add(
        path: str,
        media_type: str,
        asked: Callable[[Request], Any],
        make: Callable[[Site, Any], str],
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        @router.get(path)
        async def page(request: Request) -> Response:
            what, site, pages = asked(request), site_of(request), request.app.state.pages
            made: Response = await pages.answer(request, (path, what), lambda: make(site, what), media_type)
            made.headers.update(more)
            return made

    def board(site: Site, asked: tuple[tuple[str, str], TableChoice]) -> str:
        table = _table(db, asked[0])
        require_source(asked[1], table.rows)
        return board_page(site, table, asked[1])

    def compare(site: Site, asked: tuple[tuple[str, str], tuple[str, ...], Asked]) -> str:
        table = _table(db, asked[0])
        where, rows = (table.split, table.contract), _rows(table, asked[1])
        if len(rows) < 2:
            best = [row.submission for row in rows or table.rows if row.band is not None][:1]
            return choose_page(site, table, pairs_of(db, *where, best[0]) if best else (), asked[2])
        tests = pairs_among(db, *where, [row.submission for row in rows])
        if len(rows) == 2:
            return compare_page(site, table, rows[0], rows[1], next(iter(tests), None))
        return several_page(site, table, rows, tests)

    def system(site: Site, one: str) -> str:
        return system_page(site, *load_system(db, one), get_settings(db).hub_dataset)

    def figures(site: Site, split: str) -> str:
        facts = get_split(db, split)
        return reported_csv(reported(facts.data, facts.name))

    def submission(request: Request) -> str:
        return str(request.path_params["submission"])

    add("/", HTML, lambda request: (_where(request), _choice(request)), board)
    add("/compare", HTML, lambda request: (_where(request), *_wanted(request)), compare)
    add("/rules", HTML, lambda request: None, lambda site, _: rules_page(site, board_rules(db)))
    add("/feed.xml", ATOM, lambda request: None, lambda site, _: feed(site.links, all_tables(db)))
    add("/how-scoring-works", HTML, lambda request: None, lambda site, _: about_page(site, _table(db, ("", ""))))
    add("/reported/{split}.csv", CSV, lambda request: request.path_params["split"], figures)
    add("/systems/{submission}.json", _JSON, submission, lambda site, one: as_json(load_system(db, one)[0]))
    add("/systems/{submission}.csv", CSV, submission, lambda site, one: system_csv(load_system(db, one)[0]))
    add("/systems/{submission}.hub.yaml", _YAML, submission, lambda site, one: _hub_file(db, site, one))
    add("/systems/{submission}.svg", _SVG, submission, lambda site, one: badge(load_system(db, one)[0]), _EMBEDDED)
    add("/systems/{submission}", HTML, submission, system)


def _choice(request: Request) -> TableChoice:
    """What a query asks of a table; checkboxes send a name for each."""
    query = request.query_params
    return read_choice({**query, "col": ",".join(query.getlist("col"))})


def _wanted(request: Request) -> tuple[tuple[str, ...], Asked]:
    """The systems that a comparison names, and what the page to choose them shows. Raises InputError."""
    query = request.query_params
    named = tuple(query.getlist("s")) or tuple(query[name] for name in ("a", "b") if query.get(name))
    wanted = tuple(dict.fromkeys(named))
    if len(wanted) == 1 < len(named):
        raise InputError("A comparison needs two different systems.", remedy="choose two")
    if len(wanted) > MOST:
        raise InputError(f"{len(wanted)} systems do not fit beside each other.", remedy=f"choose at most {MOST}")
    chosen = wanted[0] if len(wanted) == 1 else ""
    return wanted, Asked(searched(query.get("q", "")), page_number(query.get("page", "1")), chosen)


def _where(request: Request) -> tuple[str, str]:
    """Split and contract that a query names, empty for those that it does not."""
    return request.query_params.get("split", ""), request.query_params.get("contract", "")


def _table(db: Database, where: tuple[str, str]) -> BoardTable:
    settings = get_settings(db)
    split, contract = where
    return load_table(db, split or settings.splits[0], contract or settings.ranking)


def _rows(table: BoardTable, wanted: tuple[str, ...]) -> list[Row]:
    known = {row.submission: row for row in table.rows}
    missing = [one for one in wanted if one not in known]
    if missing:
        raise NotFound(f"There is no system {missing[0][:40]!r} in this table.", remedy="choose one of its systems")
    return [known[one] for one in wanted]


def _hub_file(db: Database, site: Site, submission: str) -> str:
    dataset = get_settings(db).hub_dataset
    if dataset is None:
        raise NotFound("This board has no benchmark on the Hub.", remedy="ask its maintainers to name one")
    view, _ = load_system(db, submission)
    return eval_results(view, dataset, site.links.absolute(site.links.system(submission)))
