"""What leaves the board for elsewhere: its feed, badges, previews, and results for the Hub."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from click.testing import CliRunner

from bioreview_bench.errors import InputError
from bioreview_bench.leaderboard.cli.board import settings as settings_command
from bioreview_bench.leaderboard.cli.publish import eval_results as command
from bioreview_bench.leaderboard.ranking.build import load_system, load_table
from bioreview_bench.leaderboard.ranking.hub_results import benchmark_file, eval_results, task_id
from bioreview_bench.leaderboard.store.settings import get_settings, put_settings
from bioreview_bench.leaderboard.web.charts.badge import badge
from bioreview_bench.leaderboard.web.choice import TableChoice
from bioreview_bench.leaderboard.web.links import Links
from bioreview_bench.leaderboard.web.pages.board import board_page
from bioreview_bench.leaderboard.web.pages.feed import feed
from bioreview_bench.leaderboard.web.pages.rules import board_rules, contact_address, rules_page
from bioreview_bench.leaderboard.web.pages.system import system_page
from bioreview_bench.leaderboard.web.site import assets, served
from bioreview_bench.leaderboard.web.static_site import pages

Make = Callable[..., Any]
ATOM = "{http://www.w3.org/2005/Atom}"
EVIL = "]]></title><script>&x;\ufffe\x0b\U0001f600"
HOST = "https://board.example.org"


@pytest.fixture
def table(make_table: Make, make_entry: Make) -> Any:
    return make_table(make_entry(1, 0.9, name="Alpha"), make_entry(2, 0.3, team="B", name=EVIL, saw_v3_train="yes"))


def test_the_feed_is_atom_whatever_names_hold(table: Any) -> None:
    made = ElementTree.fromstring(feed(Links(base=HOST), [table]).encode())
    assert made.tag == f"{ATOM}feed"
    entries = made.findall(f"{ATOM}entry")
    assert len(entries) == 2
    for part in (made, *entries):
        assert all(part.findtext(f"{ATOM}{tag}") for tag in ("title", "id", "updated"))
        assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", part.findtext(f"{ATOM}id"))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", part.findtext(f"{ATOM}updated"))
    newest, oldest = entries
    assert "]]></title><script>&x;" in str(newest.findtext(f"{ATOM}title"))
    assert oldest.find(f"{ATOM}link").get("href") == f"{HOST}/systems/{table.rows[0].submission}"
    assert f"F1 {table.rows[0].f1.value:.3f} on" in str(oldest.findtext(f"{ATOM}title"))
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert len(set(ids)) == 2
    assert "\ufffe" not in feed(Links(), [table])


def test_a_feed_of_nothing_is_a_feed(table: Any) -> None:
    made = ElementTree.fromstring(feed(Links(), [table.model_copy(update={"rows": ()})]))
    assert made.findtext(f"{ATOM}updated") == "1970-01-01T00:00:00Z"
    assert made.find(f"{ATOM}link").get("href") == "feed.xml"


def test_a_badge_is_a_picture_that_says_the_score(scored_board: Any) -> None:
    row = load_table(scored_board, "test", "jaccard").rows[0]
    view, _ = load_system(scored_board, row.submission)
    made = ElementTree.fromstring(badge(view))
    words = [one.text for one in made.iter("{http://www.w3.org/2000/svg}text")]
    assert words[1] == f"F1 {row.f1.value:.3f}, band 1"
    evil = ElementTree.fromstring(badge(view.model_copy(update={"system": EVIL, "title": EVIL})))
    assert "script" not in {one.tag.partition("}")[2] for one in evil.iter()}


def test_a_badge_may_be_shown_elsewhere_and_pages_may_not(scored_board: Any, served: Make) -> None:
    httpx = pytest.importorskip("httpx")
    submission = load_table(scored_board, "test", "jaccard").rows[0].submission
    with httpx.Client(base_url=served(scored_board), trust_env=False, timeout=120) as client:
        picture, page = client.get(f"/systems/{submission}.svg"), client.get(f"/systems/{submission}")
        feed_of_board, rules = client.get("/feed.xml"), client.get("/rules")
        assert client.get(f"/systems/{submission}.hub.yaml").status_code == 404
    assert picture.headers["content-type"] == "image/svg+xml"
    assert picture.headers["cross-origin-resource-policy"] == "cross-origin"
    assert page.headers["cross-origin-resource-policy"] == "same-origin"
    assert feed_of_board.headers["content-type"] == "application/atom+xml; charset=utf-8"
    ElementTree.fromstring(feed_of_board.content)
    assert "og:image" not in page.text  # a preview needs an address that others can reach
    assert rules.status_code == 200


def test_previews_name_the_page_the_score_and_a_picture(scored_board: Any) -> None:
    row = load_table(scored_board, "test", "jaccard").rows[0]
    site = served("The <board>", assets(), HOST)
    html = system_page(site, *load_system(scored_board, row.submission))
    meta = dict(re.findall(r'<meta property="og:([\w:]+)" content="([^"]*)">', html))
    assert meta["title"] == f"{row.system} {row.version} · The &lt;board&gt;"
    assert f"F1 {row.f1.value:.3f}" in meta["description"]
    assert meta["image"] == f"{HOST}/assets/preview.png"
    assert f"[![score]({HOST}/systems/{row.submission}.svg)]({HOST}/systems/{row.submission})" in html
    assert assets()["preview.png"].startswith(b"\x89PNG")
    board = board_page(site, load_table(scored_board, "test", "jaccard"), TableChoice())
    assert 'type="application/atom+xml"' in board


def test_results_for_the_hub_have_the_documented_fields(scored_board: Any) -> None:
    hub = pytest.importorskip("huggingface_hub")
    row = load_table(scored_board, "test", "jaccard").rows[0]
    view, _ = load_system(scored_board, row.submission)
    url = f"{HOST}/systems/{row.submission}"
    entries = yaml.safe_load(eval_results(view, "lab/bench", url))
    assert set(entries[0]) <= {"dataset", "value", "verifyToken", "date", "source", "evaluation_framework", "notes"}
    (read,) = hub.parse_eval_result_entries(entries)
    assert (read.dataset_id, read.task_id, read.value) == ("lab/bench", "demo_test_jaccard", round(row.f1.value, 3))
    assert (read.date, read.source_url, read.source_name) == (row.submitted, url, view.title)
    assert isinstance(entries[0]["date"], str)  # an unquoted date would be another type
    for said in (f"{row.f1.low:.3f} to {row.f1.high:.3f}", "contract jaccard, band 1", row.submission):
        assert said in read.notes
    tasks = yaml.safe_load(benchmark_file("B", "demo", ("test",), ("jaccard", "a b")))
    assert {task["id"] for task in tasks["tasks"]} == {"demo_test_jaccard", "demo_test_a_b"}
    assert set(tasks) == {"name", "description", "evaluation_framework", "tasks"}
    assert all(set(task) == {"id", "config", "split"} for task in tasks["tasks"])
    assert task_id("v3", "test", "reader") in "v3_test_reader"


def test_a_name_cannot_break_out_of_the_hubs_file(scored_board: Any) -> None:
    view, _ = load_system(scored_board, load_table(scored_board, "test", "jaccard").rows[0].submission)
    evil = view.model_copy(update={"system": "x\n- dataset: {id: a/b}\n  value: 1 # \u202e", "title": "a: b"})
    entries = yaml.safe_load(eval_results(evil, "lab/bench", HOST))
    assert len(entries) == 1
    assert entries[0]["source"]["name"] == "a: b"
    with pytest.raises(InputError, match="does not rank on this board"):
        eval_results(view.model_copy(update={"scores": ()}), "lab/bench", HOST)


def test_what_does_not_rank_is_published_as_such_and_not_on_the_hub(scored_board: Any) -> None:
    view, tables = load_system(scored_board, load_table(scored_board, "test", "jaccard").rows[0].submission)
    site = served("The board", assets(), HOST)
    [score] = view.scores
    for disqualified, said in ((None, "not ranked"), ("It copies.", "disqualified")):
        why = "The team is ranked by another." if disqualified is None else f"Disqualified: {disqualified}"
        row = score.row.model_copy(update={"band": None, "why_unranked": why, "disqualified": disqualified})
        off = view.model_copy(update={"scores": (score.model_copy(update={"row": row}),)})
        assert f"F1 {row.f1.value:.3f}, {said}" in badge(off)
        assert f"{said}." in feed(site.links, [tables[0].model_copy(update={"rows": (row,)})])
        assert f", {said}, on demo/test" in system_page(site, off, tables)
        assert ".hub.yaml" not in system_page(site, off, tables, "lab/bench")
        with pytest.raises(InputError, match=re.escape(why)):
            eval_results(off, "lab/bench", HOST)


def test_the_command_writes_what_the_page_offers(scored_board: Any, tmp_path: Path) -> None:
    submission = load_table(scored_board, "test", "jaccard").rows[0].submission
    runner, db = CliRunner(), ["--db", str(scored_board.path)]

    def run(*given: str) -> Any:
        return runner.invoke(command, [*given, "-o", str(tmp_path / "repository"), *db])

    assert "no benchmark on the Hub" in str(run(submission).exception)
    assert "Write what?" in str(run().exception)
    changed = runner.invoke(settings_command, ["--hub-dataset", "lab/bench", *db], catch_exceptions=False)
    assert changed.exit_code == 0
    assert run(submission, "--public-url", HOST).exit_code == 0
    written = (tmp_path / "repository/.eval_results/bioreview-bench-demo-test.yaml").read_text()
    files = dict(pages(scored_board, HOST))
    offered = files[f"systems/{submission}.hub.yaml"].decode()
    assert yaml.safe_load(written)[0]["source"]["url"] == f"{HOST}/systems/{submission}"
    assert yaml.safe_load(offered)[0] | {"source": 0} == yaml.safe_load(written)[0] | {"source": 0}
    assert f'href="../systems/{submission}.hub.yaml" download' in files[f"systems/{submission}.html"].decode()
    assert run("--benchmark").exit_code == 0
    tasks = yaml.safe_load((tmp_path / "repository/eval.yaml").read_text())["tasks"]
    assert [task["id"] for task in tasks] == [yaml.safe_load(written)[0]["dataset"]["task_id"]]


def test_rules_say_how_to_get_a_token_and_how_far_contracts_are_trusted(scored_board: Any) -> None:
    site = served("The board", assets())
    silent = rules_page(site, board_rules(scored_board))
    assert "have not said how to reach them" in silent
    assert "Never checked against judged pairs" in silent or "are the same point" in silent
    put_settings(scored_board, get_settings(scored_board).model_copy(update={"contact": "board@example.org"}))
    assert 'href="mailto:board@example.org">board@example.org</a>' in rules_page(site, board_rules(scored_board))


@pytest.mark.parametrize(
    ("contact", "address"),
    [
        ("board@example.org", "mailto:board@example.org"),
        ("https://example.org/join", "https://example.org/join"),
        ("Write to Ann, room 3", ""),
        ("javascript:alert(1)", ""),
        ("a@b.org?cc=all@b.org", ""),
        ('https://x.org/" onclick="x', ""),
    ],
)
def test_a_contact_leads_to_mail_or_a_page_only(contact: str, address: str) -> None:
    assert contact_address(contact) == address


def test_human_rows_come_from_a_file_and_are_checked(scored_board: Any, tmp_path: Path) -> None:
    from bioreview_bench.leaderboard.worker.tables import rebuild_tables

    runner, db, file = CliRunner(), ["--db", str(scored_board.path)], tmp_path / "human.json"
    for wrong in ("[]", '{"human": 3}', '{"human": [{"split": "test", "contract": "jaccard", "f1": 2}]}', "{"):
        file.write_text(wrong)
        assert isinstance(runner.invoke(settings_command, ["--human", str(file), *db]).exception, InputError), wrong
    file.write_text('{"human": [{"split": "test", "contract": "jaccard", "f1": 0.31, "note": "<b>two</b> reviewers"}]}')
    assert runner.invoke(settings_command, ["--human", str(file), *db], catch_exceptions=False).exit_code == 0
    rebuild_tables(scored_board)
    table = load_table(scored_board, "test", "jaccard")
    html = board_page(served("B", assets()), table, TableChoice())
    human = html[html.index('class="human"') : html.index('<tbody role="rowgroup" class="entries"')]
    assert "0.310" in human
    assert "&lt;b&gt;two&lt;/b&gt; reviewers" in human
    assert "not ranked" in human
    assert len(table.rows) == len(load_table(scored_board, "test", "jaccard").rows)
