"""The board's pages as a folder of files that any web server, or a disk, can show. The same board gives the same bytes.

Order and filters are done in the browser there; each part of the articles and each pair of ranked systems has a page of
its own. Comparisons are written for the first systems of a table only, since their number grows with the square.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bioreview_bench.errors import InputError, cannot_write

from ..ranking.build import load_system, load_tables
from ..ranking.export import as_csv, as_json, reported_csv, system_csv
from ..ranking.hub_results import eval_results
from ..ranking.pairs import pairs_among
from ..store.settings import get_settings
from .charts.badge import badge
from .choice import SOURCES_ONLY, TableChoice, occurring
from .links import Folder, Links
from .pages.about import about_page
from .pages.board import board_page
from .pages.choose import choose_page
from .pages.compare import compare_page
from .pages.feed import feed
from .pages.rules import board_rules, rules_page
from .pages.system import system_page
from .site import Site, assets, environment

if TYPE_CHECKING:
    from ..ranking.view import BoardTable
    from ..store.database import Database

COMPARED: Final = 24  # ranked systems of a table whose pairs have a page
MARKER: Final = "board.json"  # says that a folder is one of ours


@dataclass(frozen=True)
class BuiltSite:
    """What was written."""

    n_files: int
    n_systems: int
    changed: bool


def build(db: Database, out: Path, public_url: str = "") -> BuiltSite:
    """Write the site to the folder `out`, as a whole or not at all. `public_url`: where people will find it.

    Raises InputError when `out` holds something else, WriteError.
    """
    _check_place(out)
    files = dict(pages(db, public_url))
    n_systems = sum(name.startswith("systems/") and name.endswith(".html") for name in files)
    if _same(out, files):
        return BuiltSite(len(files), n_systems, False)
    _swap(out, files)
    return BuiltSite(len(files), n_systems, True)


def pages(db: Database, public_url: str = "") -> Iterator[tuple[str, bytes]]:
    """(path, content) of every file of the site."""
    settings = get_settings(db)
    tables = {split: load_tables(db, split) for split in settings.splits}
    every = [table for found in tables.values() for table in found]
    compared = {(table.split, table.contract): _compared(table) for table in every}
    folder = Folder((settings.splits[0], settings.ranking), compared)
    site = Site(settings.title, Links(folder=folder, base=public_url), environment())
    below = replace(site, links=Links(folder=folder, depth=1, base=public_url))
    for name, content in assets().items():
        yield f"assets/{name}", content
    for table in every:
        yield from _table_files(db, site, below, folder, table)
    first = tables[settings.splits[0]][0]
    yield "how-scoring-works.html", about_page(site, first).encode()
    yield "rules.html", rules_page(site, board_rules(db)).encode()
    yield "feed.xml", feed(site.links, [tables[split][0] for split in settings.splits]).encode()
    for submission in dict.fromkeys(row.submission for table in every for row in table.rows):
        system, of_split = load_system(db, submission)
        yield f"systems/{submission}.html", system_page(below, system, of_split, settings.hub_dataset).encode()
        yield f"systems/{submission}.json", as_json(system).encode()
        yield f"systems/{submission}.csv", system_csv(system).encode()
        yield f"systems/{submission}.svg", badge(system).encode()
        if settings.hub_dataset is not None and any(score.row.band is not None for score in system.scores):
            url = below.links.absolute(below.links.system(submission))
            yield f"systems/{submission}.hub.yaml", eval_results(system, settings.hub_dataset, url).encode()
    about = {"board": settings.title, "splits": settings.splits, "contracts": settings.contracts}
    yield MARKER, (json.dumps({**about, "ranking": settings.ranking}, indent=1) + "\n").encode()


def _table_files(
    db: Database, site: Site, below: Site, folder: Folder, table: BoardTable
) -> Iterator[tuple[str, bytes]]:
    where = (table.split, table.contract)
    views = [TableChoice(), TableChoice(show="every"), TableChoice(columns=SOURCES_ONLY)]
    for choice in (*views, *(TableChoice(":".join(part)) for part in occurring(table.rows))):
        yield folder.board_file(where, choice.view), board_page(site, table, choice).encode()
    compared = _compared(table)
    tests = pairs_among(db, *where, compared)
    yield folder.tests_file(where), choose_page(site, table, tests).encode()
    stem = f"tables/{table.split}-{table.contract}"
    yield f"{stem}.json", as_json(table).encode()
    yield f"{stem}.csv", as_csv(table).encode()
    if table.reported:
        yield f"{stem}.reported.csv", reported_csv(table.reported).encode()
    known = {row.submission: row for row in table.rows}
    by_pair = {(test.a, test.b): test for test in tests}
    for a, b in combinations(compared, 2):
        page = compare_page(below, table, known[a], known[b], by_pair.get((a, b)))
        yield str(folder.compare_file(where, a, b)), page.encode()


def _compared(table: BoardTable) -> list[str]:
    return [row.submission for row in table.rows if row.band is not None][:COMPARED]


def _check_place(out: Path) -> None:
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise InputError(f"{out} is not a folder.", remedy="name another place")
    if out.is_dir() and any(out.iterdir()) and not (out / MARKER).is_file():
        raise InputError(
            f"{out} contains files that do not belong to a board.", remedy="name an empty folder, or a new one"
        )
    if not out.parent.is_dir():
        raise InputError(f"There is no folder {out.parent}.", remedy=f"mkdir -p {out.parent}")


def _same(out: Path, files: dict[str, bytes]) -> bool:
    """True when `out` holds exactly these files."""
    if not out.is_dir():
        return False
    present = {path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir()}
    return present == set(files) and all((out / name).read_bytes() == content for name, content in files.items())


def _swap(out: Path, files: dict[str, bytes]) -> None:
    """Write a new folder beside `out`, then put it in its place; the old one goes last."""
    try:
        made = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise cannot_write(out, error) from error
    old = made.with_name(f"{made.name}.old")
    try:
        for name, content in files.items():
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        made.chmod(0o755)
        if out.exists():
            os.replace(out, old)
        os.replace(made, out)
    except OSError as error:
        if old.exists() and not out.exists():
            os.replace(old, out)
        raise cannot_write(out, error) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
