"""The page to label in, in a real browser: two raters, a browser and a server that stop in the middle, an audit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.cli.main import run

MISSING = "Nobody says which 🧬 strain was used."


@pytest.fixture
def visit(browser: Any) -> Any:
    """Open a link in a browser of its own (nothing is shared with others); complaints of the page fail the test."""
    complaints: list[str] = []
    contexts = []

    def open_page(link: str, **settings: Any) -> Any:
        contexts.append(browser.new_context(**settings))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.set_default_timeout(60_000)
        page.goto(link)
        return page

    open_page.complaints = complaints  # type: ignore[attr-defined]
    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


def label_all(page: Any, severity: str = "1") -> None:
    """Label every item that is open with the keyboard: faithful concerns, one missing point, texts by their words."""
    while page.locator("#work").is_visible():
        done = page.locator("#progress").get_attribute("value")
        kind = page.locator("#work").get_attribute("data-kind")
        if kind == "concern":
            for key in ("1", "2", severity):
                page.keyboard.press(key)
        elif kind == "letter":
            select(page, MISSING)
            page.keyboard.press("m")
        elif "control" in page.locator("blockquote").text_content():
            page.keyboard.press("1")  # the same as the first reference, and as no other
            page.keyboard.press("0")
        else:
            page.keyboard.press("0")
        page.keyboard.press("Enter")
        page.locator(f"#progress:not([value='{done}'])").wait_for()


def select(page: Any, words: str) -> None:
    """Select a part of the letter that stands within one text node."""
    page.evaluate(
        """words => {
          const walker = document.createTreeWalker(document.querySelector(".letter"), NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) {
            const at = walker.currentNode.data.indexOf(words);
            if (at >= 0) getSelection().setBaseAndExtent(walker.currentNode, at, walker.currentNode, at + words.length);
          }
        }""",
        words,
    )


def reached(page: Any, n: int) -> None:
    page.locator("#count", has_text=f"{n} of 6").wait_for()


def count(page: Any) -> str:
    page.locator("#work, #end").locator("visible=true").first.wait_for()
    return str(page.locator("#count").text_content())


def complained(page: Any, complaints: list[str], n: int = 1) -> None:
    """Wait for what the browser says about requests that failed."""
    while len(complaints) < n:
        page.wait_for_timeout(10)


def test_two_raters_label_one_breaks_off_and_nothing_is_lost_nor_seen_by_the_other(
    pack: Path, serve: Callable[..., Any], visit: Any, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served = serve(pack)
    ann = visit(served.links["ann"])
    assert count(ann).startswith("0 of 6")
    assert ann.evaluate("location.hash") == ""  # the token is out of the address
    ann.keyboard.press("1")
    ann.keyboard.press("2")
    ann.keyboard.press("2")
    ann.keyboard.press("Enter")
    reached(ann, 1)
    second = ann.locator("blockquote").text_content()
    ann.keyboard.press("2")
    ann.locator("#note").fill("Half of it.")
    ann.get_by_text("Draft saved.").wait_for()
    ann.context.close()  # the browser is closed in the middle of the second item
    served.stop()  # and the server is killed

    served = serve(pack)
    ann = visit(served.links["ann"])
    assert count(ann).startswith("1 of 6")
    assert ann.locator("blockquote").text_content() == second
    assert ann.locator("input[value=partly]").is_checked()
    assert ann.locator("#note").input_value() == "Half of it."

    bob = visit(served.links["bob"])
    assert count(bob).startswith("0 of 6")
    assert not bob.locator("input:checked:not(#shortcuts)").count()
    label_all(bob)
    bob.get_by_role("button", name="Finish").click()
    bob.get_by_text("Your receipt is").wait_for()

    ann.keyboard.press("u")  # the first answer can be taken back until the next is saved
    reached(ann, 0)
    assert ann.locator("input[value=faithful]").is_checked()
    ann.keyboard.press("Enter")
    reached(ann, 1)
    label_all(ann, severity="3")
    ann.get_by_text("All items are answered.").wait_for()
    ann.get_by_role("button", name="Finish").click()
    ann.get_by_text("Your receipt is").wait_for()
    assert not ann.evaluate("window.hacked")
    served.stop()

    pairs = tmp_path / "pairs.jsonl"
    capsys.readouterr()
    assert (
        run(["data", "annotate", "summarize", str(pack), "-o", str(pairs), "--format", "json", "--draws", "200"]) == 0
    )
    summary = json.loads(capsys.readouterr().out)
    assert summary["n_both"] == {"concern": 3, "letter": 1, "pairs": 2}
    assert summary["raters"]["ann"]["n_undone"] == 1
    assert summary["raters"]["bob"]["finished"]
    assert summary["raters"]["ann"]["receipt"] in ann.locator("#end-words").text_content()
    assert summary["omission_overlap"] == 1.0
    assert summary["agreement"]["severity"]["raw"] == 0
    assert summary["agreement"]["relation"]["raw"] == 1

    given = ["--judgements", str(pairs), "--data", str(data), "--draws", "200", "--format", "json"]
    assert run(["contract", "audit", "jaccard", *given]) == 0
    agreement = json.loads(capsys.readouterr().out)["agreement"]
    assert agreement["raters"] == ["ann", "bob"]
    assert agreement["labels"] == summary["agreement"]["relation"]["kappa"] == 1


def test_the_answer_stays_on_the_page_when_the_server_has_gone(
    pack: Path, serve: Callable[..., Any], visit: Any
) -> None:
    served = serve(pack)
    page = visit(served.links["ann"])
    count(page)
    served.stop()
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(request.url.rpartition("/")[2]))
    for key in ("1", "2", "2", "Enter"):
        page.keyboard.press(key)
    while "answer" not in failed:  # a draft may come before it
        page.wait_for_timeout(10)
    page.get_by_text("Not saved: the server does not answer").wait_for()
    assert page.locator("input[value=faithful]").is_checked()
    complained(page, visit.complaints, len(failed))
    assert all("ERR_CONNECTION_REFUSED" in each for each in visit.complaints)
    visit.complaints.clear()


def test_an_answer_does_not_overtake_the_draft_before_it(pack: Path, serve: Callable[..., Any], visit: Any) -> None:
    page = visit(serve(pack).links["ann"])
    count(page)
    held: list[Any] = []
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url.rpartition("/")[2]))

    def hold_the_first(route: Any) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/api/draft", hold_the_first)
    with page.expect_request("**/api/draft"):
        for key in ("1", "2", "2"):
            page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_timeout(100)
    while not held:
        page.wait_for_timeout(10)
    assert "answer" not in sent
    held[0].continue_()
    reached(page, 1)


def test_a_token_that_nobody_has_opens_nothing(pack: Path, serve: Callable[..., Any], visit: Any) -> None:
    link = serve(pack).links["ann"]
    page = visit(link.partition("#")[0])
    page.locator("#token").fill("guessed")
    page.keyboard.press("Enter")
    page.get_by_text("Nobody has this token.").wait_for()
    complained(page, visit.complaints)
    page.locator("#token").fill(link.partition("#")[2])
    page.keyboard.press("Enter")
    assert count(page).startswith("0 of 6")
    assert len(visit.complaints) == 1
    visit.complaints.clear()


def test_an_incomplete_answer_is_not_sent_and_the_page_says_what_is_missing(
    pack: Path, serve: Callable[..., Any], visit: Any
) -> None:
    page = visit(serve(pack).links["ann"])
    count(page)
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    page.get_by_text("Not saved yet: no category is chosen.").wait_for()
    assert page.locator("fieldset.active legend").text_content() == "Category"
    assert count(page).startswith("0 of 6")


def test_a_letter_with_points_in_other_words_can_be_labelled_without_the_keys(
    create: Callable[..., Path], serve: Callable[..., Any], visit: Any
) -> None:
    folder = create("--concerns", "0", "--letters", "1")
    page = visit(serve(folder).links["ann"])
    page.locator("#work").wait_for()
    page.get_by_text("Keys", exact=True).click()
    page.locator("#shortcuts").uncheck()
    page.locator("body").press("1")
    assert not page.locator("fieldset input:checked").count()
    page.get_by_label("Or write it in your words").fill("<b>Which</b> controls?")
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_text("Not saved yet: a point is written and not added.").wait_for()
    page.get_by_role("button", name="Add").click()
    select(page, "Nobody says")
    page.get_by_role("button", name="The selected text is a missing point").click()
    assert page.locator("mark.omission").all_text_contents() == ["Nobody says"]
    assert page.locator(".omissions li span").all_text_contents() == ["<b>Which</b> controls?", "Nobody says"]
    page.get_by_role("button", name="Remove").last.click()
    page.evaluate("new Promise((done) => setTimeout(done, 600))")  # the page counts half seconds by the same clock
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_text("All items are answered.").wait_for()
    line = json.loads((folder / "answers-ann.jsonl").read_text("utf-8").splitlines()[-1])
    assert line["answer"] == {"complete": "missing", "omissions": [{"text": "<b>Which</b> controls?"}]}
    assert line["seconds"] > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_on_a_narrow_screen(pack: Path, serve: Callable[..., Any], visit: Any, scheme: str) -> None:
    page = visit(serve(pack).links["ann"], viewport={"width": 390, "height": 844}, color_scheme=scheme)
    count(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
