"""What the pages of a large board weigh, and how they look.

    python benchmarks/board/board_pages.py [--systems 5 300] [--shots FOLDER]

For each number of SYSTEMS a board is made whose table is invented (seeded figures; nothing is scored), and served.
Printed is the size of each page, plain and compressed, and with --shots where the first row begins at 1400x900, 800x900
and 390x844 pixels. With --shots, screenshots of these pages in light and dark are written to FOLDER, if playwright and
a Chromium (CHROMIUM, or on the PATH) are installed.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import uvicorn

from bioreview_bench.leaderboard import boards
from bioreview_bench.leaderboard.ranking.build import load_table
from bioreview_bench.leaderboard.ranking.pairs import keep_rows
from bioreview_bench.leaderboard.ranking.testing import PairTests
from bioreview_bench.leaderboard.ranking.view import BoardTable, Row
from bioreview_bench.leaderboard.serving.app import create_app
from bioreview_bench.leaderboard.serving.serve import Address, listen, url_of
from bioreview_bench.leaderboard.settings import HumanRow, Limits
from bioreview_bench.leaderboard.store.common import count_table
from bioreview_bench.leaderboard.store.database import Database
from bioreview_bench.leaderboard.store.models import Event, PredictionsFile, StoredTable, Submission, User
from bioreview_bench.leaderboard.store.settings import get_settings, put_settings
from bioreview_bench.leaderboard.store.shown import Figure
from bioreview_bench.leaderboard.web.choice import COLUMNS
from bioreview_bench.results.card import Card, TrainingData

_SIZES = ((1400, 900), (800, 900), (390, 844))
_WORDS = ("Referee", "Second Reader", "Margin Notes", "PaperCheck", "Critique", "Sceptic", "Open Review Model", "Lens")
_MODELS = ("none", "Llama-3.1-8B-Instruct", "Qwen2.5-72B-Instruct", "gpt-oss-120b", "Mistral-Small-24B")
_BEGIN = date(2025, 1, 6)
_HUMAN = HumanRow(
    split="test",
    contract="jaccard",
    f1=0.31,
    f1_low=0.28,
    f1_high=0.34,
    recall=0.33,
    precision=0.29,
    n_articles=412,
    note="invented, like every row here",
    beside=True,
)


def main() -> None:
    """Make the boards, measure their pages, look at them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", type=int, nargs="+", default=[5, 300])
    parser.add_argument("--shots", type=Path)
    asked = parser.parse_args()
    for systems in asked.systems:
        with tempfile.TemporaryDirectory() as folder, closing(Database(Path(folder) / "board.sqlite")) as database:
            ids = make_board(database, systems)
            pages = _pages(ids)
            with _served(database) as url:
                _weigh(url, systems, pages)
                if asked.shots:
                    _shoot(url, systems, pages, asked.shots)


def make_board(database: Database, systems: int) -> list[str]:
    """A board with an invented table; returns the ids of its submissions in the table's order."""
    limits = Limits(requests_per_minute=1_000_000)
    boards.set_up(database, "demo", ("test",), ("jaccard",), title="Reviewers of papers", limits=limits)
    settings = get_settings(database).model_copy(update={"human": (_HUMAN,), "contact": "board@example.org"})
    put_settings(database, settings)
    dice = random.Random(7)  # noqa: S311 - invented figures
    rows = [_row(dice, number, systems) for number in range(systems)]
    ranked = [row for row in rows if row.why_unranked is None]
    step = max(1, len(ranked) // 12)
    ranked = [row.model_copy(update={"band": 1 + place // step}) for place, row in enumerate(ranked)]
    rows = [*ranked, *(row for row in rows if row.why_unranked is not None)]
    empty = load_table(database, "test", "jaccard")
    filled: dict[str, Any] = {
        "rows": tuple(rows),
        "label": "jaccard",
        "signature": rows[0].signature,
        "n_references": 4021,
        "human": (_HUMAN,),
        "validity": "71% of 210 matches are the same point",
        "trusted": True,
        "validity_sentence": "Of the pairs this contract matches, 71% are the same point (149 of 210; invented).",
        "notice": ("The articles of this split were invented: the table shows how a board works, and ranks nothing.",),
    }
    table = empty.model_copy(update=filled)
    _store(database, rows, table)
    return [row.submission for row in rows]


def _row(dice: random.Random, number: int, systems: int) -> Row:
    f1 = round(0.62 * (1 - number / systems) ** 1.4 + 0.02, 3)
    half = 0.03 if number % 7 else 0.08
    figure = Figure(value=f1, low=round(max(0, f1 - half), 3), high=round(f1 + half, 3))
    second = number % 6 == 5  # a second submission of the team before
    team = number - 1 if second else number
    sources = {
        name: {
            "n_ref": 800,
            "f1": round(f1 * share, 3),
            "recall": f1,
            "precision": f1,
            "intervals": {"f1": [figure.low, figure.high]},
        }
        for name, share in (("elife", 1.1), ("plos", 0.9), ("f1000", 1.0), ("peerj", 0.8), ("nature", 0.95))
    }
    model = _MODELS[number % len(_MODELS)]
    badges = [
        "rescored",
        "complete",
        *(["undisclosed"] if number % 4 == 0 else []),
        *(["trained-on-v3-train", "cutoff-after-articles"] if number % 9 == 3 else []),
    ]
    return Row(
        band=None,
        why_unranked=_unranked(number, team),
        disqualified="Its card says nothing of its training on the test articles." if number == 40 else None,
        submission=f"s_{number:016x}",
        system=f"{_WORDS[number % 8]} {number}"
        + (" with a name that somebody made far too long" if number == 3 else ""),
        version=f"{1 + number % 3}.{number % 10}",
        team=f"Team {team}",
        organisation=f"University of City {team % 40}",
        base_model=model,
        parameters=None if model == "none" else "8B",
        billions=None if model == "none" else 8.0,
        open_weights=("yes", "no", "undisclosed")[number % 3],
        postprocessing="none",
        cost_usd=None if number % 3 == 2 else round(0.9 + 40 * dice.random(), 2),
        paper_url="https://example.org/paper" if number % 2 else None,
        code_url="https://example.org/code" if number % 3 else None,
        model_url="https://example.org/model" if number % 5 == 1 else None,
        submitted=(_BEGIN + timedelta(days=(number * 37) % 400)).isoformat(),
        badges=badges,
        f1=figure,
        skill=Figure(value=round(f1 * 0.8 - 0.02, 3), low=round(f1 * 0.7 - 0.02, 3), high=round(f1 * 0.9, 3)),
        recall=Figure(value=round(f1 * 1.1, 3), low=round(f1, 3), high=round(f1 * 1.2, 3)),
        precision=Figure(value=round(f1 * 0.9, 3), low=round(f1 * 0.8, 3), high=round(f1, 3)),
        recall_major=figure,
        f1_macro=figure,
        null_f1=round(0.03 + 0.01 * dice.random(), 3),
        match_rate=f1,
        null_match_rate=0.04,
        echo_match_rate=0.09,
        echo_f1=0.071,
        generic_match_rate=0.03,
        generic_f1=0.02,
        ceiling_f1=0.9,
        f1_answered=f1,
        n_ref=4021,
        n_pred=3900,
        few_matches=False,
        beside_humans=round(f1 * 0.7, 3),
        mean_concerns=round(5 + 15 * dice.random(), 2),
        coverage=1.0,
        saturated=False,
        gate=None,
        n_team_submissions=2 if number % 6 in (4, 5) else 1,
        per_category={},
        per_severity={},
        per_source=sources,
        signature="bioreview-bench|spec:2|contract:jaccard|data:demo/test#1234567890ab",
    )


def _unranked(number: int, team: int) -> str | None:
    if number != team:
        return f"The team is ranked by {_WORDS[team % 8]} {team} 1.0, the first it had scored."
    return "Disqualified." if number == 40 else None


def _store(database: Database, rows: list[Row], table: BoardTable) -> None:
    """The table, and the submissions that its links lead to."""
    moment = datetime(2026, 2, 1, tzinfo=UTC)
    ranked = [row for row in rows if row.band is not None]
    f1 = np.array([row.f1.value for row in ranked])
    apart = f1[:, None] - f1[None, :]
    p = np.clip(1.0 - 12 * abs(apart), 0.0001, 1.0)
    tests = PairTests(tuple(row.submission for row in ranked), 12, apart, p, np.minimum(1.0, 3 * p))
    with database.session() as session:
        session.merge(StoredTable(split="test", contract="jaccard", content=table.model_dump(mode="json")))
        session.add(PredictionsFile(sha256="ab" * 32, n_bytes=0, content=b""))
        for number, row in enumerate(rows):
            training = TrainingData(saw_v3_train="no", saw_v4_train="no", saw_test_journals="no")
            card = Card(
                system_name=row.system,
                system_version=row.version,
                organisation=row.organisation,
                contact="x@example.org",
                base_model=row.base_model,
                training_data=training,
                date=date(2025, 1, 31),
                cost_usd=row.cost_usd,
            )
            session.merge(
                User(
                    id=number + 1, name=f"user{number}", team=row.team, token_sha256=f"{number:064x}", created_at=moment
                )
            )
            session.merge(
                Submission(
                    id=row.submission,
                    user_id=number + 1,
                    team=row.team,
                    split="test",
                    digest=f"{number:064x}",
                    predictions_sha256="ab" * 32,
                    card=card.model_dump(mode="json"),
                    marked=False,
                    state="scored",
                    created_at=moment,
                    changed_at=moment,
                    attempts=0,
                )
            )
            session.add(Event(submission_id=row.submission, state="scored", reason=None, at=moment))
        session.flush()
        keep_rows(session, table.split, table.contract, tests)
        count_table(session, table.split, table.contract)


def _pages(ids: list[str]) -> dict[str, str]:
    some = "&".join(f"s={one}" for one in ids[:4])
    return {
        "board": "/",
        "board-every": "/?show=every",
        "board-sources": "/?col=sources",
        "board-wide": f"/?col={','.join(COLUMNS)}",
        "board-search": "/?q=referee",
        "compare": "/compare",
        "compare-four": f"/compare?{some}",
        "compare-two": f"/compare?s={ids[0]}&s={ids[1]}",
        "tests-of": f"/compare?s={ids[0]}",
        "system": f"/systems/{ids[0]}",
        "rules": "/rules",
        "feed": "/feed.xml",
    }


@contextmanager
def _served(database: Database) -> Iterator[str]:
    listener = listen(Address("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(database), log_config=None, access_log=False, ws="none"))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield url_of(listener)
    finally:
        server.should_exit = True
        thread.join()


def _weigh(url: str, systems: int, pages: dict[str, str]) -> None:
    with httpx.Client(base_url=url, trust_env=False, headers={"Accept-Encoding": "identity"}, timeout=60) as client:
        for name, path in pages.items():
            began = time.perf_counter()
            answer = client.get(path)
            took = time.perf_counter() - began
            packed = len(gzip.compress(answer.content, 6)) / 1000
            print(
                f"{systems:>4} systems  {name:<14} {answer.status_code} {len(answer.content) / 1000:8.1f} kB "
                f"{packed:7.1f} kB packed {took * 1000:6.0f} ms"
            )


def _shoot(url: str, systems: int, pages: dict[str, str], folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--disable-gpu", "--no-first-run"])
        for width, height in _SIZES:
            for scheme in ("light", "dark"):
                page = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme).new_page()
                for name, address in pages.items():
                    if name == "feed":
                        continue
                    page.goto(url + address)
                    page.screenshot(path=folder / f"{systems}-{name}-{width}-{scheme}.png")
                    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                    first = page.evaluate(
                        "document.querySelector('#board .entries tr')?.getBoundingClientRect().top ?? 0"
                    )
                    if wide > 0 or (name == "board" and scheme == "light"):
                        print(f"{systems:>4} systems  {name} at {width}: first row at {first:.0f}, {wide} too wide")
        browser.close()


if __name__ == "__main__":
    main()
