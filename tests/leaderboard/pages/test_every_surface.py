"""What no public page, file or answer of a board may hold, looked for in every route and every file of a site.

A route or parameter that this does not know fails, so that a new one is looked at, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import routing
from fastapi.testclient import TestClient
from sqlalchemy import select

from bioreview_bench.leaderboard.boards import alter
from bioreview_bench.leaderboard.serving.app import create_app
from bioreview_bench.leaderboard.store.models import ResultRow, Setting, Submission, User
from bioreview_bench.leaderboard.store.settings import SEED
from bioreview_bench.leaderboard.store.submissions import disqualify, receive, unpack, withdraw
from bioreview_bench.leaderboard.web.static_site import pages
from bioreview_bench.leaderboard.worker.run import score_due

Make = Callable[..., Any]

# Fields of the database, of records and of facts that stand on no public surface.
FORBIDDEN_FIELDS = (
    *("n_matched", "null_matched", "echo_matched", "exact_match_rate", "matched_ids", "articles_matched"),
    *("near_share", "near_submission", "near_elsewhere", "n_near", "looks_like", "same_name", "facts"),
    *("token_sha256", "contact", "leased_by", "digest", "user_id", "attempts"),
    *("predictions", "run", "trial"),
)
CONTACT = "secret.contact@example.org"


@pytest.fixture
def crowded(board: Any, add_submitter: Make, make_package: Make, content_of: Make) -> dict[str, str]:
    """Ids by what became of them: ranked, second (not ranked), poor (few matches), trial, withdrawn, disqualified."""
    alter(board, {"hub_dataset": "owner/name"}, {}, (), ())
    ann, bo, cy = (add_submitter(board, name) for name in ("ann", "bo", "cy"))
    given = {"contact": CONTACT, "cutoff": "2020-01-01"}
    ids = {
        "ranked": ann.submit(make_package("Ranked", content_of(0.9), **given)),
        "second": ann.submit(make_package("Second", content_of(0.7), **given)),
        "withdrawn": ann.submit(make_package("Takenback", content_of(0.5), **given)),
        "poor": bo.submit(make_package("Poor", content_of(0.12), **given)),
        "disqualified": cy.submit(make_package("Barred", content_of(0.3), **given)),
    }
    ids["trial"], _ = receive(board, ann.user.id, "test", make_package("Tryout", content_of(0.8), **given), trial=True)
    from bioreview_bench.leaderboard.intake.check import validate_received

    validate_received(board, ids["trial"])
    assert score_due(board) == 6
    withdraw(board, ids["withdrawn"], ann.user)
    disqualify(board, ids["disqualified"], "It copies.")
    score_due(board)
    return ids


def addresses(app: Any, ids: dict[str, str]) -> Iterator[str]:
    """Every GET address of the application, with every value of its parameters; and what queries ask for."""
    values = {
        "submission": list(ids.values()),
        "split": ["test"],
        "contract": ["jaccard"],
        "name": ["board.css", "board.js", "theme.js", "mark.svg"],
    }
    every = getattr(routing, "iter_route_contexts", list)(app.routes)  # older ones keep no routers within routers
    for route in every:
        if "GET" not in (route.methods or ()):
            continue
        found = [route.path]
        for parameter in re.findall(r"{(\w+)(?::\w+)?}", route.path):
            found = [re.sub(rf"{{{parameter}(:\w+)?}}", value, one) for one in found for value in values[parameter]]
        yield from found
    yield "/api/v1/openapi.json"
    for query in ("show=every", "show=every&col=sources", "col=skill,cost", "part=severity:major&show=every"):
        yield f"/?{query}"
    for a, b in (("ranked", "poor"), ("ranked", "second"), ("ranked", "disqualified")):
        yield f"/compare?a={ids[a]}&b={ids[b]}"
    yield f"/compare?s={ids['ranked']}&s={ids['poor']}&s={ids['second']}"
    yield f"/compare?s={ids['ranked']}"


def served(board: Any, ids: dict[str, str]) -> dict[str, str]:
    """The text of every address for a visitor who is not logged in."""
    app = create_app(board, public_url="https://board.example.org")
    with TestClient(app, base_url="https://board.example.org") as client:
        return {address: client.get(address).text for address in addresses(app, ids)}


def written(board: Any) -> dict[str, str]:
    """The text of every file of the static site."""
    found = pages(board, "https://board.example.org")
    return {name: content.decode() for name, content in found if not name.endswith(".png")}


def exact_figures(board: Any) -> set[str]:
    """Figures of the stored records and intervals of the public seed that have more digits than are published."""
    found: set[str] = set()

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            for inner in value.values():
                collect(inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                collect(inner)
        elif isinstance(value, float) and abs(round(value, 3) - value) > 1e-6:
            found.add(f"{value:.7f}"[:7])  # 0.12345

    with board.reading() as session:
        for row in session.scalars(select(ResultRow)):
            record = unpack(row.record).model_dump(mode="json")
            for name in ("overall", "controls", "per_category", "per_severity", "per_source", "intervals", "humans"):
                collect(record[name])
            collect(row.extras)
    return found


def secrets_of(board: Any) -> set[str]:
    """What the database keeps for itself."""
    with board.reading() as session:
        seed = session.get(Setting, SEED).value["hex"]
        return {seed, str(int(seed, 16)), CONTACT, *session.scalars(select(User.token_sha256))}


@pytest.mark.parametrize("surface", [served, written])
def test_no_public_surface_holds_what_is_withheld(
    board: Any, crowded: dict[str, str], demo_split: Any, surface: Make
) -> None:
    texts = surface(board, crowded) if surface is served else surface(board)
    assert len(texts) > (60 if surface is served else 25)
    exact, secret = exact_figures(board), secrets_of(board)
    assert len(exact) > 100
    references = {concern.concern_text for article in demo_split for concern in article.concerns}
    names = "|".join(FORBIDDEN_FIELDS)
    fields = re.compile(rf'"({names})":|(^|,)({names})(,|\r|\n)', re.M)
    snake = re.compile("|".join(rf"\b{one}\b" for one in FORBIDDEN_FIELDS if "_" in one))
    for where, text in texts.items():
        assert not secret & {one for one in secret if one in text}, where
        assert not [one for one in references if one in text], where
        assert "zebra" not in text, where  # predictions
        assert "Tryout" not in text, where
        if where.endswith((".css", ".js")) or "assets/" in where:
            continue
        figures = set(re.findall(r"\d\.\d{5}", text))
        assert not figures & exact, where
        if "openapi" not in where and "/docs" not in where:  # these name what a team sees of its own
            assert (fields.search(text), snake.search(text)) == (None, None), where
        if crowded["trial"] not in where:
            assert crowded["trial"] not in text, where


@pytest.mark.parametrize("surface", [served, written])
def test_only_ranked_rows_with_matches_enough_have_figures_of_parts(
    board: Any, crowded: dict[str, str], surface: Make
) -> None:
    texts = surface(board, crowded) if surface is served else surface(board)
    prefix = "/" if surface is served else ""
    for name in ("second", "poor", "disqualified"):
        page = texts[f"{prefix}systems/{crowded[name]}" + ("" if surface is served else ".html")]
        told = json.loads(texts[f"{prefix}systems/{crowded[name]}.json"])
        for title in ("By category", "By severity", "By source"):
            assert title not in page, (name, title)
        [score] = told["scores"]
        assert (score["row"]["per_category"], score["row"]["per_source"]) == ({}, {})
        assert score["row"]["recall_major"]["value"] is None
        assert score["after_cutoff"]["f1"]["value"] is None, name
        lines = texts[f"{prefix}systems/{crowded[name]}.csv"].splitlines()
        assert len(lines) == 1
    assert "By category" in texts[f"{prefix}systems/{crowded['ranked']}" + ("" if surface is served else ".html")]


def test_the_withdrawn_and_trials_have_no_page_and_others_no_sight_of_submissions(
    board: Any, crowded: dict[str, str], add_submitter: Make
) -> None:
    app = create_app(board)
    stranger = {"Authorization": f"Bearer {add_submitter(board, 'stranger').token}"}
    with TestClient(app) as client:
        for name in ("trial", "withdrawn"):
            for end in ("", ".json", ".csv", ".svg", ".hub.yaml"):
                assert client.get(f"/systems/{crowded[name]}{end}").status_code == 404, (name, end)
            tests = client.get(f"/api/v1/tables/test/jaccard/tests/{crowded[name]}.json").json()
            assert tests["tests"] == []
        for submission in crowded.values():
            assert client.get(f"/api/v1/submissions/{submission}").status_code == 401
            assert client.get(f"/api/v1/submissions/{submission}", headers=stranger).status_code in (403, 404)
    with board.reading() as session:
        assert len(session.scalars(select(Submission)).all()) == len(crowded)
