"""A table of hundreds of systems stays a page: what rows share is said once, rows are few, comparisons are bounded."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bioreview_bench.leaderboard.ranking.entries import Entry
from bioreview_bench.leaderboard.web.charts.progress import DatedPoint, bests, progress
from bioreview_bench.leaderboard.web.choice import TableChoice, read_choice
from bioreview_bench.leaderboard.web.links import Folder, Links
from bioreview_bench.leaderboard.web.pages.board import board_page
from bioreview_bench.leaderboard.web.pages.choose import Asked, choose_page
from bioreview_bench.leaderboard.web.pages.compare import several_page
from bioreview_bench.leaderboard.web.pages.shared import shared
from bioreview_bench.leaderboard.web.site import Site, assets, environment, served

Make = Callable[..., Any]
KB = 1000


@pytest.fixture(scope="module")
def site() -> Site:
    return served("The board", assets())


@pytest.fixture
def long(make_table: Make, make_entry: Make) -> Any:
    """A table of 300 systems, of which every sixth is the second one of its team."""
    row = make_table(make_entry(1, 0.6, name="Model")).rows[0]

    def made(number: int) -> Any:
        second = number % 6 == 5
        changed = {
            "submission": f"s_{number:016x}",
            "system": f"System {number}",
            "team": f"Team {number - second}",
            "band": None if second else 1 + number // 30,
            "why_unranked": "The team is ranked by another." if second else None,
            "submitted": f"2026-{1 + number % 12:02}-{1 + number % 28:02}",
        }
        return row.model_copy(update=changed)

    table = make_table(make_entry(1, 0.6))
    return table.model_copy(update={"rows": tuple(made(number) for number in range(300))})


def rows_of(html: str) -> list[str]:
    return re.findall(r'<a class="system"[^>]*><bdi>(.*?)</bdi>', html)


def test_a_table_of_300_systems_is_shown_a_hundred_rows_at_a_time(site: Site, long: Any) -> None:
    first = board_page(site, long, TableChoice())
    assert len(rows_of(first)) == 100
    assert '<span id="n-shown">250</span> of 300 submissions' in first
    pages = re.findall(r'<nav class="pager".*?</nav>', first, re.S)
    assert pages[0].count("<a ") == 3
    assert len(first.encode()) < 300 * KB
    third = board_page(site, long, read_choice({"page": "3"}))
    assert len(rows_of(third)) == 50
    assert not set(rows_of(first)) & set(rows_of(third))
    every = board_page(site, long, read_choice({"show": "every", "page": "3"}))
    assert len(rows_of(every)) == 100
    assert "No system fits." in board_page(site, long, read_choice({"page": "4"}))


def test_a_search_is_over_all_pages(site: Site, long: Any) -> None:
    assert rows_of(board_page(site, long, read_choice({"q": "system 297"}))) == ["System 297"]
    html = board_page(site, long, read_choice({"q": "<b>nobody"}))
    assert "No system fits." in html
    assert "<b>nobody" not in html


def test_the_page_to_compare_is_small_and_leads_to_every_system(site: Site, long: Any) -> None:
    html = choose_page(site, long, ())
    assert len(html.encode()) < 60 * KB
    assert html.count('type="checkbox"') == 50
    assert "System 299" in choose_page(site, long, (), Asked(page=6))
    found = choose_page(site, long, (), Asked(search="297", chosen="s_0000000000000001"))
    assert found.count('type="checkbox"') == 1
    assert "Compare <bdi>System 1</bdi> with" in found
    assert len(several_page(site, long, long.rows[:8], ()).encode()) < 60 * KB


def test_what_all_rows_have_is_said_once(site: Site, make_table: Make, make_entry: Make) -> None:
    same = {"base_model": "Model-1", "postprocessing": "dedup+cap20"}
    table = make_table(make_entry(1, 0.9, **same), make_entry(2, 0.3, team="B", **same))
    assert {"Post-processing", "Base model", "Answered"} <= {title for title, _ in shared(table.rows).facts}
    html = board_page(site, table, TableChoice())
    head, rows = html.split('<tbody role="rowgroup" class="entries">')
    assert "Post-processing: <b>dedup+cap20</b>" in head
    assert head.count("dedup+cap20") == 1
    body = rows.split("</tbody>")[0]
    assert not any(text in body for text in ("dedup+cap20", "Model-1", "rescored", "complete"))
    other = make_table(make_entry(1, 0.9, **same), make_entry(2, 0.3, team="B", postprocessing="none"))
    html = board_page(site, other, TableChoice())
    assert "dedup+cap20" in html.split('class="entries">')[1]
    assert "Post-processing" not in html
    assert shared(table.rows[:1]).facts == ()


def test_cost_and_links_stand_in_the_row_where_a_card_has_them(site: Site, make_table: Make, make_entry: Make) -> None:
    url = "https://example.org/p?a=1&b=2"
    plain = make_table(make_entry(1, 0.9), make_entry(2, 0.3, team="B"))
    html = board_page(site, plain, TableChoice())
    assert 'class="col-cost"' not in html
    assert 'class="col-links"' not in html
    html = board_page(
        site, make_table(make_entry(1, 0.9, cost_usd=3.5, paper_url=url), make_entry(2, 0.3, team="B")), TableChoice()
    )
    assert '<span class="value">$3.50</span>' in html
    link = '<a href="https://example.org/p?a=1&amp;b=2" rel="nofollow noopener noreferrer ugc">paper</a>'
    assert link in html


def test_columns_are_those_that_were_asked_for(site: Site, make_table: Make, make_entry: Make) -> None:
    table = make_table(make_entry(1, 0.9), make_entry(2, 0.3, team="B"))

    def keys(**query: str) -> list[str]:
        html = board_page(site, table, read_choice(query))
        return re.findall(r'<th scope="col" role="columnheader" class="col-[\w-]+[^"]*" data-key="([\w-]+)"', html)

    assert keys()[:6] == ["band", "system", "f1", "skill", "recall", "precision"]
    assert keys(col="echo,coverage") == ["band", "system", "f1", "echo", "coverage"]
    sources = [f"source-{name}" for name in table.rows[0].per_source]
    assert sources
    assert keys(col="sources") == ["band", "system", "f1", *sources]


def test_a_disqualified_row_says_why(site: Site, make_table: Make, make_entry: Make) -> None:
    table = make_table(make_entry(1, 0.9), make_entry(2, 0.3, team="B"))
    off = table.rows[1].model_copy(update={"band": None, "disqualified": "It copies <b>references</b>"})
    table = table.model_copy(update={"rows": (table.rows[0], off)})
    html = board_page(site, table, TableChoice())
    assert "disqualified, because <bdi>It copies &lt;b&gt;references&lt;/b&gt;</bdi>" in html


def test_points_of_charts_are_links(site: Site, long: Any) -> None:
    html = board_page(site, long, TableChoice())
    charts = re.findall(r'<svg class="chart wide".*?</svg>', html, re.S)
    assert len(charts) == 2
    for chart in charts:
        assert 'role="group"' in chart  # an image would hide its links
        assert chart.count('<a href="/systems/s_') >= 100
    everywhere = Site("B", Links(folder=Folder(("test", "jaccard"))), environment())
    assert '<a href="systems/s_' in board_page(everywhere, long, TableChoice())


def test_f1_over_time_rises_with_ranked_ones_only() -> None:
    given = [
        ("2026-01-01", 0.2, True),
        ("2026-01-02", 0.9, False),
        ("2026-01-05", 0.1, True),
        ("2026-01-09", 0.4, True),
    ]
    points = [DatedPoint(day, day, f1, ranked, "/x") for day, f1, ranked in given]
    assert [point.f1 for point in bests(points)] == [0.2, 0.4]
    svg = progress("p", "t", points)
    assert "Best ranked F1 so far: 2026-01-01: 0.200; 2026-01-09: 0.400." in svg
    assert "No submission is ranked." in progress("p", "t", [points[1], points[1]])


def of_many(entry: Entry, n_articles: int) -> Entry:
    """The same, but so many articles have several reviewers."""
    assert entry.record.humans is not None
    humans = entry.record.humans.model_copy(update={"n_articles": n_articles})
    intervals = {**entry.record.intervals, "humans.reviewer.f1": (0.12345, 0.23456), "humans.system.f1": (0.4, 0.5)}
    return replace(entry, record=entry.record.model_copy(update={"humans": humans, "intervals": intervals}))


def test_too_few_articles_have_no_human_row(site: Site, make_table: Make, make_entry: Make) -> None:
    """On the demo 11 articles have several reviewers: neither they nor a system beside them have a figure."""
    table = make_table(make_entry(1, 0.9), make_entry(2, 0.3, team="B"))
    assert table.human == ()
    assert {row.beside_humans for row in table.rows} == {None}
    assert '<tr role="row" class="human"' not in board_page(site, table, TableChoice())
    for n_articles, n_rows in ((19, 0), (20, 1)):
        table = make_table(of_many(make_entry(1, 0.9), n_articles), of_many(make_entry(2, 0.3, team="B"), n_articles))
        assert len(table.human) == n_rows
        assert {row.beside_humans is None for row in table.rows} == {n_rows == 0}
    published = table.model_dump_json()
    assert "0.123" in published
    assert "0.12345" not in published


def test_the_human_row_stands_where_it_compares(site: Site, make_table: Make, make_entry: Make) -> None:
    table = make_table(of_many(make_entry(1, 0.9), 21), of_many(make_entry(2, 0.3, team="B"), 21))
    (human,) = table.human
    assert (human.n_articles, human.f1_low, human.f1_high, human.beside) == (21, 0.123, 0.235, True)
    alone = tuple(row.model_copy(update={"beside_humans": None}) for row in table.rows)
    html = board_page(site, table.model_copy(update={"rows": alone}), TableChoice())
    shown = html[html.index('<tr role="row" class="human"') : html.index('class="entries"')]
    assert f'<span class="value">{human.f1:.3f}</span> <small>[0.123, 0.235]</small>' in shown
    assert "on 21 articles" in shown
    assert "each of 28 reviewers against the others of the article" in shown
    beside = tuple(row.model_copy(update={"beside_humans": 0.25}) for row in table.rows)
    raised = human.model_copy(update={"f1": 0.123, "recall": 0.4})
    html = board_page(site, table.model_copy(update={"rows": beside, "human": (raised,)}), TableChoice())
    shown = html[html.index('<tr role="row" class="human"') : html.index('class="entries"')]
    assert 'class="col-humans" data-label="Beside humans"><span class="value">0.123</span>' in shown
    assert "0.400" not in shown  # recall against other references
    assert shown.count("0.123") == 1
    assert html.count('data-label="Beside humans"><span class="value">0.250</span>') == 2
