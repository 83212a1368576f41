"""Tables, entries and boards with real results, made under `jaccard` so that nothing needs an encoder."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the leaderboard extra is not installed")

from bioreview_bench import Contract, Result, load_split, score
from bioreview_bench.leaderboard.ranking.entries import Contender, Entry
from bioreview_bench.leaderboard.settings import BoardSettings
from bioreview_bench.leaderboard.store.settings import BoardSplit
from bioreview_bench.results.card import Card, TrainingData

BEGIN = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def demo_split() -> Any:
    return load_split("demo", "test")


@pytest.fixture(scope="session")
def scored(demo_split: Any) -> Callable[[float], Result]:
    """scored(0.5): the result of a system that repeats that share of every article's references, and pads them."""
    made: dict[float, Result] = {}

    def make(share: float) -> Result:
        if share not in made:
            predictions = {}
            for place, article in enumerate(demo_split):
                kept = round(len(article.concerns) * share)
                said = [concern.concern_text for concern in article.concerns[:kept]]
                said += [f"zebra{place} quark{number} unrelated remark" for number in range(4 - min(kept, 3))]
                predictions[article.id] = said
            made[share] = score(demo_split, predictions, Contract.load("jaccard"), draws=200, controls="full")
        return made[share]

    return make


@pytest.fixture
def facts(demo_split: Any) -> BoardSplit:
    return BoardSplit(
        data="local",
        name="test",
        label=demo_split.label,
        fingerprint=demo_split.fingerprint,
        verification="none",
        held_out=True,
        ids=tuple(article.id for article in demo_split),
    )


@pytest.fixture
def settings() -> BoardSettings:
    return BoardSettings(data="/data/pilot", contracts=("jaccard", "other"), ranking="jaccard", draws=200)


@pytest.fixture
def make_submitted() -> Callable[..., Contender]:
    """make_submitted(1, team="A", name="Alpha", marked=True, withdrawn=False, saw_v3_train="yes", ...)."""

    def build(number: int, team: str = "A", name: str = "Alpha", **given: Any) -> Contender:
        training = {key: given.pop(key) for key in list(given) if key in TrainingData.model_fields}
        card = {key: given.pop(key) for key in list(given) if key in Card.model_fields}
        told = {"saw_v3_train": "no", "saw_v4_train": "no", "saw_test_journals": "no", "cutoff": date(2024, 1, 1)}
        return Contender(
            id=f"s_{number:016x}",
            team=team,
            ranks_all=given.pop("ranks_all", False),
            marked=given.pop("marked", False),
            withdrawn=given.pop("withdrawn", False),
            created_at=BEGIN + timedelta(days=number),
            card=Card(
                **{
                    "system_name": name,
                    "system_version": "1.0",
                    "organisation": "A laboratory",
                    "contact": "someone@example.org",
                    "base_model": "Model-1",
                    "training_data": TrainingData(**{**told, **training}),
                    "date": date(2026, 6, 1),
                    **card,
                }
            ),
            facts=given.pop("facts", {}),
            number=number,
        )

    return build


@pytest.fixture
def make_entry(make_submitted: Callable[..., Contender], scored: Callable[[float], Result]) -> Callable[..., Entry]:
    """make_entry(1, 0.5, team="A", ...): a submission with the result of `scored`."""

    def build(number: int, share: float, extras: dict[str, Any] | None = None, **given: Any) -> Entry:
        submitted = make_submitted(number, **given)
        return Entry(submitted, number, scored(share).record, extras or {"exact_match_rate": 0.0})

    return build


@pytest.fixture
def tested() -> Callable[..., Any]:
    """tested(ranked, draws=500): the tests of entries, the best first, as a board makes them."""
    from bioreview_bench.leaderboard.ranking.testing import Remembered, make_tests, packed
    from bioreview_bench.stats.max_t import no_systems

    def make(ranked: Any, draws: int = 500) -> Any:
        counts = {entry.result: packed(entry.record.articles) for entry in ranked}
        return make_tests(ranked, counts, Remembered(no_systems(draws), {}))

    return make


@pytest.fixture
def make_table(settings: BoardSettings, facts: BoardSplit, tested: Callable[..., Any]) -> Callable[..., Any]:
    """make_table(entry, entry, ..., withdrawn=[Contender]): the finished table."""
    from bioreview_bench.leaderboard.ranking.standings import board_table, standings

    def build(*entries: Entry, withdrawn: tuple[Contender, ...] = (), **changed: Any) -> Any:
        submissions = [entry.submitted for entry in entries] + list(withdrawn)
        found = standings(submissions, entries)
        given = facts.model_copy(update=changed)
        return board_table(settings, given, "jaccard", found, tested(found.ranked))

    return build


@pytest.fixture(scope="session")
def shares() -> dict[str, float]:
    """Systems of a board and the share of the references that each repeats."""
    return {"Alpha": 0.9, "Beta": 0.6, "Gamma": 0.3, "Delta": 0.0}


@pytest.fixture
def content_of(demo_split: Any) -> Callable[[float], bytes]:
    """The predictions file of a system that repeats a share of the references."""

    def make(share: float) -> bytes:
        lines = []
        for article in demo_split:
            kept = round(len(article.concerns) * share)
            said = [f"{concern.concern_text} Indeed." for concern in article.concerns[:kept]]
            lines.append(json.dumps({"article_id": article.id, "concerns": [*said, "unrelated zebra quark remark"]}))
        return "\n".join(lines).encode()

    return make


@pytest.fixture(scope="session")
def kept_boards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for boards that are made once a session and copied for every test."""
    return tmp_path_factory.mktemp("boards")


@pytest.fixture
def scored_board(
    kept_boards: Path,
    tmp_path: Path,
    make_board: Callable[..., Any],
    open_database: Callable[..., Any],
    add_submitter: Callable[..., Any],
    make_package: Callable[..., Any],
    content_of: Callable[[float], bytes],
    shares: dict[str, float],
) -> Any:
    """A board with a scored submission for each of `shares`, by a team each, and a second one by the first team."""
    from bioreview_bench.leaderboard.worker.run import Work

    kept = kept_boards / "scored.sqlite"
    if not kept.is_file():
        made = make_board(kept_boards / "making.sqlite")
        for name, share in shares.items():
            team = add_submitter(made, f"user-{name}", team=f"Team {name}")
            weights = "yes" if share > 0.5 else "no"
            team.submit(make_package(name, content_of(share), parameters="8B", open_weights=weights))
            if name == "Alpha":
                team.submit(make_package("Alpha again", content_of(0.95)))
        assert Work(made, None, lambda words: None).score_due() == len(shares) + 1
        with sqlite3.connect(made.path) as source, sqlite3.connect(kept) as copy:
            source.backup(copy)
    shutil.copyfile(kept, tmp_path / "scored.sqlite")
    return open_database(tmp_path / "scored.sqlite")
