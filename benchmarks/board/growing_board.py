"""What a large board costs: its first table, one more system, a withdrawal, its pages and its database.

    python benchmarks/board/growing_board.py [--systems 300] [--articles 278] [--load]

A board is filled with results of invented systems (one real record whose counts by article are resampled), so that
tables are made as a worker makes them, with everything else that they hold. Printed are seconds of the whole table, and
of the tests in it (the aim at 300 systems: under 60 s for the first, under 3 s for one more); milliseconds and bytes of
each page, made for the first time (the first of all reads the table); and the size of the database. With --load the
board is served, as in `board.py`, also while a worker makes its table again all the time.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bands import simulated
from board import LOTS, measure, served_board
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from bioreview_bench import Contract, Result, load_split, read_predictions, score
from bioreview_bench.leaderboard import boards
from bioreview_bench.leaderboard.ranking import build as building
from bioreview_bench.leaderboard.ranking.pairs import pairs_of
from bioreview_bench.leaderboard.serving.app import create_app
from bioreview_bench.leaderboard.settings import Limits
from bioreview_bench.leaderboard.store.common import bump
from bioreview_bench.leaderboard.store.database import Database
from bioreview_bench.leaderboard.store.models import (
    Event,
    KeptTests,
    PredictionsFile,
    ResultRow,
    StoredTable,
    Submission,
)
from bioreview_bench.leaderboard.store.submissions import pack, withdraw
from bioreview_bench.leaderboard.store.users import add_user, find_user
from bioreview_bench.leaderboard.worker.tables import rebuild_tables

_WHERE = ("test", "jaccard")
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_SOURCES = ("elife", "plos", "f1000", "nature")


def main() -> None:
    """Make the board, let it grow, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", type=int, default=300)
    parser.add_argument("--articles", type=int, default=278)
    parser.add_argument("--load", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, closing(Database(Path(name) / "board.sqlite")) as database:
        folder = Path(name)
        predictions = _written(folder, asked.articles)
        boards.set_up(database, str(folder), ("test",), ("jaccard",), limits=Limits(requests_per_minute=LOTS))
        split = load_split(folder, "test")
        model = score(split, read_predictions(predictions, split), Contract.load("jaccard"), draws=1000)
        counts = simulated(1, asked.systems + 1, asked.articles, gap=0.02)
        for number in range(asked.systems):
            _add(database, number, model, counts[number])
        _timed(database, f"first table of {asked.systems} systems")
        _add(database, asked.systems, model, counts[asked.systems])
        _timed(database, "one more system")
        gone = _id(asked.systems // 2)
        withdraw(database, gone, find_user(database, f"user{asked.systems // 2}"))
        _timed(database, "one withdrawn")
        _timed(database, "nothing but a changed setting")
        _sizes(database)
        _pages(database)
        mebibytes = sum(file.stat().st_size for file in folder.glob("board.sqlite*")) / 2**20
        print(f"database: {mebibytes:.1f} MiB, of which results {_results(database):.1f} MiB", flush=True)
        if asked.load:
            _load(database, folder / "board.sqlite")


def _written(folder: Path, n: int) -> Path:
    """Articles of a few journals with eight concerns each, and predictions; only their numbers matter here."""
    with (folder / "test.jsonl").open("w") as articles, (folder / "predictions.jsonl").open("w") as predictions:
        for number in range(n):
            source = _SOURCES[number % len(_SOURCES)]
            name = f"{source}:{number}"
            concerns = [
                {"concern_id": f"{name}:R1C{place}", "concern_text": f"Concern {place} about mice of paper {number}.",
                 "category": "design_flaw", "severity": "major"}
                for place in range(8)
            ]  # fmt: skip
            row = {"id": name, "source": source, "paper_text_sections": {"results": f"Paper {number}. " * 50}}
            articles.write(json.dumps({**row, "concerns": concerns}) + "\n")
            said = [f"Remark {place} on the mice of paper {number}." for place in range(8)]
            predictions.write(json.dumps({"article_id": name, "concerns": said}) + "\n")
    return folder / "predictions.jsonl"


def _add(database: Database, number: int, model: Result, counts: Any) -> None:
    """A scored submission of a new team."""
    name = f"user{number}"
    add_user(database, name, f"Team {number}")
    columns = dict(zip(("n_matched", "n_ref", "n_pred"), counts.T.astype(int).tolist(), strict=True))
    articles = [
        {**row, **{column: values[place] for column, values in columns.items()}}
        for place, row in enumerate(model.record.articles)
    ]
    matched, references, predicted = counts.sum(axis=0)
    overall = model.record.overall.model_copy(update={"f1": 2 * matched / (references + predicted)})
    record = model.record.model_copy(update={"articles": articles, "overall": overall})
    moment = _BEGIN + timedelta(minutes=number)
    with database.session() as session:
        if session.get(PredictionsFile, "ab" * 32) is None:
            session.add(PredictionsFile(sha256="ab" * 32, n_bytes=0, content=b""))
            session.flush()
        session.add(
            Submission(
                id=_id(number),
                user_id=number + 1,
                team=f"Team {number}",
                split="test",
                digest=f"{number:064x}",
                predictions_sha256="ab" * 32,
                card={
                    "system_name": f"System {number}",
                    "system_version": "1",
                    "organisation": f"Laboratory {number}",
                    "contact": "x@example.org",
                    "base_model": "none",
                    "date": "2026-01-01",
                },
                state="scored",
                created_at=moment,
                changed_at=moment,
            )
        )
        session.flush()
        session.add(Event(submission_id=_id(number), state="scored", reason=None, at=moment))
        session.add(
            ResultRow(
                submission_id=_id(number),
                contract="jaccard",
                signature=record.signature,
                label="jaccard",
                f1=record.overall.f1,
                record=pack(record),
                extras={},
                created_at=moment,
            )
        )
        bump(session, split="test")


def _id(number: int) -> str:
    return f"s_{number:016x}"


def _timed(database: Database, what: str) -> None:
    spent: dict[str, float] = {}
    real = building.update_tests, building.keep_tests
    building.update_tests, building.keep_tests = (_clocked(one, spent) for one in real)
    with database.session() as session:
        bump(session, split="test")
    began = time.monotonic()
    rebuild_tables(database)
    passed = time.monotonic() - began
    building.update_tests, building.keep_tests = real
    tests, storing = spent["update_tests"], spent["keep_tests"]
    print(f"{what}: {passed:.1f} s, of which tests {tests:.1f} s, storing them {storing:.1f} s", flush=True)


def _clocked(function: Callable[..., Any], spent: dict[str, float]) -> Callable[..., Any]:
    def call(*given: Any) -> Any:
        began = time.monotonic()
        made = function(*given)
        spent[function.__name__] = time.monotonic() - began
        return made

    return call


def _sizes(database: Database) -> None:
    with database.reading() as session:
        kept = session.get(KeptTests, _WHERE)
        table = session.get(StoredTable, _WHERE)
        assert kept is not None
        assert table is not None
        mebibytes = len(kept.content) / 2**20
        bands = len({row["band"] for row in table.content["rows"]} - {None})
    began = time.monotonic()
    tests = pairs_of(database, *_WHERE, _id(0))
    passed = time.monotonic() - began
    least = min(test.p_adjusted for test in tests)
    print(f"{bands} bands; one system against {len(tests)} others read in {1000 * passed:.1f} ms, least p {least:.4f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"kept for the next update: {mebibytes:.1f} MiB; peak of memory {peak:.0f} MiB")


def _pages(database: Database) -> None:
    """Time each page once, before the server has cached it."""
    names = {
        "the board": "/",
        "another order": "/?sort=recall&order=up",
        "a search": "/?q=laboratory+77",
        "its last page": "/?page=3",
        "a choice to compare": "/compare",
        "two compared": f"/compare?a={_id(0)}&b={_id(1)}",
        "a system": f"/systems/{_id(1)}",
        "the feed": "/feed.xml",
        "the table as JSON": "/api/v1/tables/test/jaccard.json",
        "a system's tests as JSON": f"/api/v1/tables/test/jaccard/tests/{_id(1)}.json",
    }
    with TestClient(create_app(database)) as client:
        for name, address in names.items():
            began = time.monotonic()
            with client.stream("GET", address) as answer:
                packed = sum(len(part) for part in answer.iter_raw())
            passed = time.monotonic() - began
            print(f"{name}: {answer.status_code}, {1000 * passed:.0f} ms, {packed / 1024:.0f} KiB as sent", flush=True)


def _load(database: Database, path: Path) -> None:
    asked = argparse.Namespace(rate=200.0, connections=16, seconds=8.0)
    ended = threading.Event()

    def change() -> None:
        while not ended.wait(0.2):
            with database.session() as session:
                bump(session, split="test")

    with served_board(path) as served:
        measure("nothing changes", served, asked, asked.rate)
        measure("90 different views a minute", served, asked, asked.rate, views=90)
        thread = threading.Thread(target=change)
        thread.start()
        measure("its table is made again all the time", served, asked, asked.rate)
        ended.set()
        thread.join()


def _results(database: Database) -> float:
    with database.reading() as session:
        return float(session.scalar(select(func.sum(func.length(ResultRow.record)))) or 0) / 2**20


if __name__ == "__main__":
    main()
