"""The board in a real browser: with and without JavaScript, by keyboard, on a phone, in the dark, from a disk.

Skipped where the playwright package or a Chromium is absent; CHROMIUM names one that is not on the PATH.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.leaderboard.ranking.build import load_table
from bioreview_bench.leaderboard.store.users import renew_token
from bioreview_bench.leaderboard.web.choice import COLUMNS
from bioreview_bench.leaderboard.web.static_site import build

LIGHT, DARK = "rgb(250, 248, 243)", "rgb(16, 23, 26)"
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
_NOT_OURS = ("Password forms should have",)  # a hint of Chromium's, no fault of the page


@dataclass
class Visit:
    """An open page, what it complained about, and what it asked for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def go(self, selector: str) -> None:
        """Click what leads to another page, and wait until that is there: a click alone returns on the old page."""
        with self.page.expect_navigation():
            self.page.click(selector)

    def systems(self) -> list[str]:
        """Names in the table, those that can be seen, from top to bottom."""
        rows = self.page.locator("#board tbody tr:not([hidden]) .system")
        found: list[str] = rows.all_text_contents()
        return found

    def sorted_by(self) -> tuple[str, str]:
        """(column, direction) that the table says it is sorted by."""
        heading = self.page.locator("#board th[aria-sort]")
        return str(heading.get_attribute("data-key")), str(heading.get_attribute("aria-sort"))

    def ground(self) -> str:
        """The page's background."""
        return str(self.page.evaluate("getComputedStyle(document.body).backgroundColor"))

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Visit]]:
    """visit(address, viewport=..., color_scheme=..., java_script_enabled=...): open a page, and close it afterwards."""
    contexts: list[Any] = []
    visits: list[Visit] = []

    def start(address: str, **options: Any) -> Visit:
        context = browser.new_context(**{"viewport": DESK, **options})
        contexts.append(context)
        made = Visit(context.new_page())
        made.page.set_default_timeout(60_000)  # a busy machine answers late
        made.page.on("console", lambda message: made.complaints.append(message.text))
        made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
        made.page.on("request", lambda request: made.requests.append(request.url))
        made.page.goto(address)
        visits.append(made)
        return made

    yield start
    for made in visits:
        assert [words for words in made.complaints if not any(hint in words for hint in _NOT_OURS)] == []
    for context in contexts:
        context.close()


@pytest.fixture
def url(scored_board: Any, served: Callable[..., str]) -> str:
    return served(scored_board)


def test_sort_search_filter_open_and_compare(url: str, visit: Callable[..., Visit]) -> None:
    seen = visit(url)
    page = seen.page
    assert seen.systems() == ["Alpha", "Beta", "Gamma", "Delta"]  # one row a team
    seen.go(".shows a:has-text('every submission')")
    assert seen.systems() == ["Alpha", "Beta", "Gamma", "Delta", "Alpha again"]
    seen.go("#board th[data-key=system] .sort")
    assert seen.systems() == ["Alpha", "Alpha again", "Beta", "Delta", "Gamma"]
    assert seen.sorted_by() == ("system", "ascending")
    seen.go("#board th[data-key=system] .sort")
    assert seen.systems() == ["Gamma", "Delta", "Beta", "Alpha again", "Alpha"]
    assert page.url.endswith("&sort=system&order=down&show=every")
    seen.go("#board th[data-key=f1] .sort")
    assert seen.systems()[0] == "Alpha again"
    page.fill("input[name=q]", "team ALPHA")
    seen.go(".toolbar > .apply")
    assert seen.systems() == ["Alpha again", "Alpha"]
    seen.go("text=Show all again")
    page.click(".more-filters summary")
    page.select_option("select[name=weights]", "open")
    seen.go(".filters .apply")
    assert seen.systems() == ["Alpha", "Beta"]
    assert page.text_content("#found") == "2 of 5 submissions"
    seen.go("text=Show all again")
    boxes = page.locator("#board tbody input[name=s]")
    assert page.locator("#compare-button").is_disabled()
    boxes.nth(0).check()
    boxes.nth(1).check()
    seen.go("#compare-button")
    assert page.text_content("h1") == "Two systems side by side"
    seen.go("table.duel thead a >> nth=0")
    assert page.locator("h1 bdi").first.text_content() in ("Alpha", "Beta", "Gamma", "Delta")
    page.click("details:has-text('The figures') summary >> nth=0")
    assert page.locator("table.figures").first.is_visible()
    assert {request.split("/")[2] for request in seen.requests} == {url.split("/")[2]}


def test_columns_are_chosen_and_points_of_charts_lead_to_systems(url: str, visit: Callable[..., Visit]) -> None:
    seen = visit(url)
    page = seen.page
    page.click(".more-filters summary")
    page.uncheck("input[value=recall]")
    page.check("input[value=null_f1]")
    seen.go(".filters .apply")
    keys = page.eval_on_selector_all("#board th[data-key]", "all => all.map(one => one.dataset.key)")
    assert "null_f1" in keys
    assert "recall" not in keys
    page.click(".parts-box summary")
    seen.go(".parts a:has-text('side by side')")
    assert page.locator("#board th[data-key^=source-]").count() >= 1
    page.goto(url)
    point = page.locator(".chart.wide a").first
    point.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/systems/s_*")


def test_several_systems_are_chosen_from_a_searched_list(url: str, visit: Callable[..., Visit]) -> None:
    seen = visit(f"{url}/compare")
    page = seen.page
    assert page.locator("#compare-button").is_disabled()
    for name in ("Alpha 1.0", "Beta", "Gamma"):
        page.check(f"label:has-text('{name}') input")
    seen.go("#compare-button")
    assert page.text_content("h1") == "3 systems side by side"
    page.goto(f"{url}/compare")
    page.fill("input[name=q]", "gamma")
    seen.go(".toolbar button")
    assert page.locator(".choice tbody tr").count() == 1
    seen.go(".choice a")
    assert page.text_content("#pairs-title") == "Tests of Gamma"
    assert page.locator("#pairs-title ~ .scroll tbody tr").count() == 3
    page.check("label:has-text('Delta') input")
    seen.go("#compare-button")
    assert page.text_content("h1") == "Two systems side by side"


def test_a_part_of_the_articles_has_a_table_of_its_own(url: str, visit: Callable[..., Visit]) -> None:
    seen = visit(url)
    seen.page.click(".parts-box summary")
    seen.go(".parts a:has-text('interpretation')")
    assert seen.page.url.endswith("part=category%3Ainterpretation")
    assert seen.sorted_by() == ("f1", "descending")
    assert "Only: interpretation" in seen.page.text_content(".parts-box summary")


def test_everything_works_without_javascript(url: str, visit: Callable[..., Visit]) -> None:
    seen = visit(url, java_script_enabled=False)
    page = seen.page
    seen.go("#board th[data-key=system] .sort")
    assert seen.systems() == ["Alpha", "Beta", "Delta", "Gamma"]
    assert seen.sorted_by() == ("system", "ascending")
    page.click(".more-filters summary")
    page.select_option("select[name=weights]", "open")
    seen.go(".filters .apply")
    assert seen.systems() == ["Alpha", "Beta"]
    page.fill("input[name=q]", "beta")
    seen.go(".toolbar > .apply")
    assert seen.systems() == ["Beta"]
    page.goto(url)
    page.locator("#board tbody tr:not([hidden]) input[name=s]").nth(0).check()
    page.locator("#board tbody tr:not([hidden]) input[name=s]").nth(1).check()
    seen.go("#compare-button")
    assert page.text_content("h1") == "Two systems side by side"


def test_upload_and_watch_it_become_scored(
    scored_board: Any,
    url: str,
    visit: Callable[..., Visit],
    tmp_path: Path,
    content_of: Callable[[float], bytes],
    card_bytes: Callable[..., bytes],
) -> None:
    from bioreview_bench.leaderboard.worker.run import Work

    (tmp_path / "predictions.jsonl").write_bytes(content_of(0.7))
    (tmp_path / "short.jsonl").write_bytes(content_of(0.7).splitlines()[0])
    (tmp_path / "card.yaml").write_bytes(card_bytes("Uploaded"))
    seen = visit(f"{url}/submit")
    page = seen.page
    page.fill("#token", renew_token(scored_board, "user-Gamma"))
    seen.go("button.main")
    assert page.url == f"{url}/submit"
    page.set_input_files("#predictions", tmp_path / "short.jsonl")
    page.set_input_files("#card", tmp_path / "card.yaml")
    seen.go("button.main")
    page.wait_for_selector("#problems")
    assert page.locator("#problems li").count() >= 1
    assert page.locator(".steps .rejected").count() == 1

    page.goto(f"{url}/submit")
    page.set_input_files("#predictions", tmp_path / "predictions.jsonl")
    page.set_input_files("#card", tmp_path / "card.yaml")
    seen.go("button.main")
    page.wait_for_selector(".steps .queued.now")
    assert page.locator(".steps [aria-current=step]").text_content().startswith("queued")
    Work(scored_board, None, lambda words: None).score_due()
    page.wait_for_selector(".steps .scored.done")
    seen.go("text=Its page on the board")
    assert page.locator("h1 bdi").first.text_content() == "Uploaded"
    page.goto(f"{url}/?show=every")
    assert "Uploaded" in seen.systems()
    page.goto(f"{url}/submissions")
    assert page.locator("tbody .state").all_text_contents() == ["scored", "rejected", "scored"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_its_window(
    scored_board: Any, url: str, visit: Callable[..., Visit], scheme: str
) -> None:
    rows = load_table(scored_board, "test", "jaccard").rows
    seen = visit(url, color_scheme=scheme)
    assert seen.ground() == (LIGHT if scheme == "light" else DARK)
    a, b = rows[0].submission, rows[1].submission
    several = "&".join(f"s={row.submission}" for row in rows)
    compared = (f"/compare?a={a}&b={b}", f"/compare?{several}", f"/compare?s={a}", "/compare")
    boards = ("/", "/?show=every", "/?col=sources", "/?q=alpha&weights=open", f"/?col={','.join(COLUMNS)}")
    for path in (*boards, f"/systems/{a}", *compared, "/how-scoring-works", "/rules", "/login"):
        seen.page.goto(url + path)
        for width in (320, 390, 820, 1024, 1280, 1900):
            seen.page.set_viewport_size({"width": width, "height": 800})
            assert seen.overflow() <= 0, (path, width)


def test_rows_are_cards_on_a_phone_and_keep_their_roles(url: str, visit: Callable[..., Visit]) -> None:
    seen = visit(url, viewport=PHONE)
    row = seen.page.locator("#board tbody tr").first
    assert seen.page.evaluate("row => getComputedStyle(row).display", row.element_handle()) == "grid"
    assert seen.page.get_by_role("row").count() >= 4
    assert (
        seen.page.get_by_role("rowheader").count() == 4
    )  # the systems; twelve articles are too few for human reviewers
    label = "getComputedStyle(document.querySelector('td.col-skill'), '::before').content"
    assert seen.page.evaluate(label) == '"Skill"'


@pytest.mark.parametrize("width", [320, 390, 820, 1400])
def test_a_long_version_leaves_the_name_its_place(url: str, visit: Callable[..., Visit], width: int) -> None:
    seen = visit(url, viewport={"width": width, "height": 900})
    title = seen.page.locator(".entries .title").first
    fill = "one => one.innerHTML = '<a class=system>A system of a long name, large</a> <bdi class=version>%s</bdi>'"
    title.evaluate(fill % "2026-11-27-preview-experimental-build-")
    whole, name, version = (place.bounding_box() for place in (title, *title.locator("> *").all()))
    assert name["width"] >= whole["width"] / 2
    assert version["x"] + version["width"] <= whole["x"] + whole["width"] + 1


def test_colours_are_switched_and_remembered(url: str, visit: Callable[..., Visit]) -> None:
    seen = visit(url, color_scheme="light")
    seen.page.click("#theme")
    assert seen.ground() == DARK
    assert seen.page.get_attribute("#theme", "aria-pressed") == "true"
    deadline = time.monotonic() + 60
    seen.page.goto(f"{url}/how-scoring-works")
    while seen.ground() != DARK and time.monotonic() < deadline:  # a busy browser stores after it has answered
        seen.page.reload()
    assert seen.ground() == DARK
    seen.page.click("#theme")
    assert seen.ground() == LIGHT


def test_the_keyboard_is_enough(url: str, visit: Callable[..., Visit]) -> None:
    seen = visit(url)
    page = seen.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.locator("#main:focus").wait_for()
    page.focus("#board th[data-key=skill] .sort")
    page.keyboard.press("Tab")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.focus("#board th[data-key=skill] .sort")
    page.keyboard.press("Enter")
    page.wait_for_url("**sort=skill")
    assert seen.sorted_by() == ("skill", "descending")


def test_scripts_in_names_are_not_run(
    scored_board: Any, url: str, visit: Callable[..., Visit], add_submitter: Any, make_package: Any
) -> None:
    from bioreview_bench.leaderboard.worker.run import Work

    evil = "<img src=x onerror=window.hacked=1>"
    submission = add_submitter(scored_board, "eve", team=evil).submit(
        make_package(f"{evil}</script>", base_model=evil, organisation=evil, description=evil, parameters="'\"><b>")
    )
    Work(scored_board, None, lambda words: None).score_due()
    seen = visit(url)
    for path in (
        "/",
        f"/systems/{submission}",
        "/compare",
        "/?q=img",
        f"/compare?s={submission}",
    ):
        seen.page.goto(url + path)
        assert seen.page.evaluate("window.hacked") is None
        assert seen.page.locator("img").count() == 0


def test_a_static_site_sorts_filters_and_compares_from_a_disk(
    scored_board: Any, visit: Callable[..., Visit], tmp_path: Path
) -> None:
    build(scored_board, tmp_path / "site")
    seen = visit((tmp_path / "site" / "index.html").as_uri())
    page = seen.page
    seen.go("text=every submission")
    page.click("#board th[data-key=system] .sort")
    assert seen.systems() == ["Alpha", "Alpha again", "Beta", "Delta", "Gamma"]
    page.fill("input[name=q]", "GAM")
    assert seen.systems() == ["Gamma"]
    page.goto((tmp_path / "site" / "index.html").as_uri())
    page.click(".more-filters summary")
    page.select_option("select[name=weights]", "open")
    assert seen.systems() == ["Alpha", "Beta"]
    boxes = page.locator("#board tbody tr:not([hidden]) input[name=s]")
    boxes.nth(1).check()
    boxes.nth(0).check()
    seen.go("#compare-button")
    assert page.text_content("h1") == "Two systems side by side"
    assert page.locator("table.duel thead a").all_text_contents() == ["Alpha", "Beta"]
    seen.go("table.duel thead a >> nth=1")
    assert page.locator("h1 bdi").first.text_content() == "Beta"
    seen.go(".links a >> nth=0")
    assert page.text_content("h1") == "Two systems side by side"
    assert all(request.startswith("file:") for request in seen.requests)


def test_columns_of_a_static_site_are_chosen_in_the_browser(
    scored_board: Any, visit: Callable[..., Visit], tmp_path: Path
) -> None:
    build(scored_board, tmp_path / "site")
    page = visit((tmp_path / "site" / "index.html").as_uri()).page

    def headings() -> list[str]:
        return page.locator("#board thead th[data-key]:visible .sort").all_text_contents()

    usual = headings()
    assert "Echo" not in " ".join(usual)
    page.click(".more-filters summary")
    page.check("#columns input[value=echo]")
    page.uncheck("#columns input[value=recall]")
    assert [one for one in headings() if one not in usual] == [page.text_content("th.col-echo .sort")]
    assert [one for one in usual if one not in headings()] == [page.text_content("th.col-recall .sort")]
    assert page.locator("#board tbody.entries tr:first-child td.col-echo .value").is_visible()
    page.goto((tmp_path / "site" / "index.html").as_uri() + "?col=echo,cost")
    assert page.locator("th.col-echo").is_visible()
    assert not page.locator("th.col-precision").is_visible()
