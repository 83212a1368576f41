"""The HTML report in a real browser: it asks for nothing, runs nothing of a stranger's, and can be used by keyboard.

Skipped where the playwright package or a Chromium is absent; CHROMIUM names one that is not on the PATH.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from bioreview_bench import Contract, Result, score
from bioreview_bench.data.predictions import Predictions, as_predictions
from bioreview_bench.data.split import Split
from bioreview_bench.report.html import render
from bioreview_bench.results.records import SweepPoint, System

ATTACK = "<script>window.hacked=1</script> and </script><img src=x onerror=window.hacked=1> in one concern"
LIGHT, DARK = "rgb(246, 246, 243)", "rgb(19, 22, 26)"
CATEGORIES = ("design_flaw", "interpretation")


@pytest.fixture
def scored(make_article: Callable[..., Any], hash_encoder: Any) -> tuple[Result, Predictions, Split]:
    """Twelve articles of two sources; each has a matched pair, a missed reference and an unmatched prediction."""
    articles, written = [], {}
    for number in range(12):
        article_id = f"{'elife' if number % 2 else 'f1000'}:{number:02}"
        missed = {"concern_text": f"Nobody saw the matter of {number:02}.", "category": CATEGORIES[number % 2]}
        articles.append(make_article(article_id, [f"A concern about {number:02}.", {**missed, "severity": "minor"}]))
        written[article_id] = [
            {"text": f"A concern about {number:02}.", "category": "design_flaw", "confidence": 0.9},
            {"text": f"Raised in vain for {number:02}.", "confidence": 0.4},
        ]
    articles.append(make_article("peerj:1", [ATTACK], title=ATTACK))
    written["peerj:1"] = [ATTACK]
    articles.append(make_article("peerj:2", ["Nobody answered this one."]))
    split = Split.of(articles, "local", "test")
    predictions = as_predictions(written, split)
    system = System(name=ATTACK, version="1", postprocessing="dedup")
    return score(split, predictions, Contract.load("demo"), hash_encoder, draws=100, system=system), predictions, split


@pytest.fixture
def html(scored: tuple[Result, Predictions, Split]) -> str:
    """The whole report: texts, sweep, confidences."""
    result, predictions, split = scored
    points = [
        SweepPoint(threshold=step / 10, f1=1 - step / 10, null_f1=0.1, echo_f1=step / 20, skill=0.3)
        for step in range(2, 9)
    ]
    record = result.record.model_copy(update={"sweep": points})
    whole = Result(record, result.counts, result.pairs.to_dict("records"), result.other_article_histogram)
    return render(whole, predictions, split)


def test_a_hostile_concern_is_shown_as_text(visit: Callable[..., Any], html: str) -> None:
    opened = visit(html, fragment="#article=peerj%3A1")
    assert opened.shown() == "peerj:1"
    assert opened.page.locator("#detail .words").all_text_contents() == [ATTACK, ATTACK]
    assert opened.page.locator("h1").text_content().startswith(ATTACK)
    opened.page.locator("#search").fill("<script>")
    assert opened.ids() == ["peerj:1"]
    assert opened.page.locator("#detail mark").first.text_content() == "<script>"
    assert opened.page.evaluate("typeof window.hacked") == "undefined"
    assert opened.page.locator("img").count() == 0


def test_the_policy_stops_what_would_get_through(visit: Callable[..., Any], html: str) -> None:
    opened = visit(html)
    opened.page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.hacked = 1";
          document.body.append(script);
          const image = new Image();
          image.src = "https://example.invalid/x.png";
        }"""
    )
    while len(opened.complaints) < 2:
        opened.page.wait_for_timeout(10)
    assert opened.page.evaluate("typeof window.hacked") == "undefined"
    assert len(opened.complaints) == 2
    assert all("Content Security Policy" in said for said in opened.complaints)
    opened.complaints.clear()
    opened.requests.clear()


def test_choosing_an_article_shows_pairs_and_what_has_none(visit: Callable[..., Any], html: str) -> None:
    opened = visit(html)
    page = opened.page
    assert len(opened.ids()) == 14
    assert opened.shown() == "f1000:00"
    page.locator("#list li", has_text="elife:03").click()
    page.locator("#detail h3", has_text="elife:03").wait_for()
    assert page.locator("#detail h4").all_text_contents() == [
        "Matched pairs (1)",
        "Missed references (1)",
        "Unmatched predictions (1)",
    ]
    pair = page.locator(".pair.matched")
    assert pair.locator(".words").all_text_contents() == ["A concern about 03.", "A concern about 03."]
    assert pair.locator(".similarity").text_content() == "1.000"
    assert pair.locator(".margin").text_content().endswith(" ahead of R1C2")
    nearest = page.locator(".pair.missed .nearest button")
    assert nearest.text_content().startswith("nearest P")
    nearest.click()
    assert page.locator(".concern.pointed b").text_content() in nearest.text_content()
    page.locator("#list li", has_text="peerj:2").click()
    assert "missing" in page.locator("#detail .tallies").text_content()
    assert "no prediction to compare with" in page.locator("#detail").text_content()


def test_filters_and_search_narrow_articles_and_entries(visit: Callable[..., Any], html: str) -> None:
    opened = visit(html)
    page = opened.page
    page.locator("#source").select_option("elife")
    assert opened.ids() == [f"elife:{number:02}" for number in range(1, 12, 2)]
    # Odd numbers have their missed reference in "interpretation", even ones in "design flaw".
    page.locator("#outcome").select_option("missed")
    page.locator("#category").select_option(label="interpretation")
    assert len(opened.ids()) == 6
    assert page.locator("#detail h4").all_text_contents() == ["Missed references (1)"]
    assert "2 entries do not fit the filters" in page.locator("#detail").text_content()
    page.locator("#category").select_option(label="design flaw")
    assert opened.ids() == []
    assert "No article fits" in page.locator("#list").text_content()
    assert page.locator("#found").text_content() == "0 of 14 articles fit"
    page.locator("#clear").click()
    assert len(opened.ids()) == 14
    page.locator("#severity").select_option(label="minor")
    assert len(opened.ids()) == 12
    page.locator("#clear").click()
    page.locator("#search").fill("in VAIN for 07")
    assert opened.ids() == ["elife:07"]
    assert page.locator("#detail mark").all_text_contents() == ["in vain for 07"]
    page.locator("#search").fill("")
    page.locator("#order").select_option("low")
    assert opened.ids()[0] == "peerj:2"


def test_every_part_works_by_keyboard(visit: Callable[..., Any], html: str) -> None:
    opened = visit(html)
    page, press = opened.page, opened.page.keyboard.press
    press("j")
    press("j")
    press("k")
    assert opened.shown() == "elife:01"
    press("/")
    assert opened.focused() == "search"
    page.keyboard.type("jk/ 05")  # letters, while typing
    assert page.locator("#search").input_value() == "jk/ 05"
    press("Escape")
    assert page.locator("#search").input_value() == ""
    assert len(opened.ids()) == 14
    assert opened.focused() == "option"
    press("End")
    assert opened.shown() == "peerj:2"
    press("ArrowUp")
    assert opened.shown() == "peerj:1"
    press("Home")
    press("ArrowDown")
    assert opened.shown() == "elife:01"
    assert page.locator("#list [tabindex='0']").count() == 1  # one tab stop, however many articles
    press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Previous"
    page.locator("#shortcuts").uncheck()
    press("j")
    assert opened.shown() == "elife:01"


def test_the_focus_is_visible_on_every_tab_stop(visit: Callable[..., Any], html: str) -> None:
    opened = visit(html)
    opened.page.locator(".about summary").click()
    opened.page.locator(".brand").focus()
    seen = []
    for _ in range(60):
        opened.page.keyboard.press("Tab")
        what, style = opened.page.evaluate(
            """() => {
              const focused = document.activeElement;
              return [focused.id || focused.tagName, getComputedStyle(focused).outlineStyle];
            }"""
        )
        if what == "BODY":
            break
        assert style == "solid", what
        seen.append(what)
    assert {"theme", "copy", "search", "outcome", "category", "severity", "source", "order", "shortcuts"} <= set(seen)
    assert seen[-1] == "shortcuts"  # the last stop of the page was reached


def test_an_article_has_an_address(visit: Callable[..., Any], html: str) -> None:
    opened = visit(html, fragment="#article=elife%3A05")
    assert opened.shown() == "elife:05"
    opened.page.keyboard.press("j")
    assert opened.page.evaluate("location.hash") == "#article=f1000%3A06"
    # Its dot stands alone: one reference, no prediction.
    opened.page.locator("svg.wide [data-article='13']").click()
    assert opened.shown() == "peerj:2"


@pytest.mark.parametrize(("scheme", "first", "second"), [("light", LIGHT, DARK), ("dark", DARK, LIGHT)])
def test_the_theme_follows_the_system_and_toggles(
    visit: Callable[..., Any], html: str, scheme: str, first: str, second: str
) -> None:
    opened = visit(html, color_scheme=scheme)
    button = opened.page.locator("#theme")
    assert opened.ground() == first
    assert button.get_attribute("aria-pressed") == str(scheme == "dark").lower()
    button.click()
    assert opened.ground() == second
    deadline = time.monotonic() + 60
    opened.page.reload()
    while (
        opened.ground() != second and time.monotonic() < deadline
    ):  # a browser under load stores after it has answered
        opened.page.reload()
    assert opened.ground() == second
    opened.page.emulate_media(media="print")
    assert opened.page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    opened.requests.clear()


def test_the_signature_is_copied(
    visit: Callable[..., Any], html: str, scored: tuple[Result, Predictions, Split]
) -> None:
    opened = visit(html, permissions=["clipboard-read", "clipboard-write"])
    assert opened.page.locator("#copy").is_hidden()
    opened.page.locator(".about summary").click()
    opened.page.evaluate("window.setTimeout = () => 0")  # what is said stays
    opened.page.locator("#copy").click()
    opened.page.get_by_text("Copied").first.wait_for()
    assert opened.page.evaluate("navigator.clipboard.readText()") == scored[0].signature


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
def test_nothing_overflows(visit: Callable[..., Any], html: str, width: int) -> None:
    opened = visit(html, width=width)
    assert opened.overflow() <= 0
    opened.page.locator("#list li", has_text="peerj:1").click()
    assert opened.overflow() <= 0
    outside = opened.page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter((node) => {
          const box = node.getBoundingClientRect();
          return box.width && box.right > innerWidth + 1 && !node.closest(".scroll, svg");
        }).map((node) => node.tagName + "." + node.className)"""
    )
    assert outside == []


def test_no_card_stands_alone_and_charts_fill_their_panels(visit: Callable[..., Any], html: str) -> None:
    for width, rows in ((1400, [5]), (800, [2, 3]), (390, [2, 2, 1])):
        opened = visit(html, width=width)
        tops = opened.page.evaluate(
            "[...document.querySelectorAll('.card')].map((card) => card.getBoundingClientRect())"
        )
        by_row: dict[float, list[Any]] = {}
        for box in tops:
            by_row.setdefault(box["top"], []).append(box)
        assert [len(row) for row in by_row.values()] == rows
        assert len({(row[0]["left"], row[-1]["right"]) for row in by_row.values()}) == 1  # no row ends in a hole
        shares = opened.page.evaluate(
            """() => [...document.querySelectorAll("figure.panel")].map((panel) => {
              const chart = [...panel.querySelectorAll("svg.chart")].filter((svg) => svg.getClientRects().length);
              const style = getComputedStyle(panel);
              const room = panel.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
              return chart.length === 1 ? chart[0].getBoundingClientRect().width / room : 0;
            })"""
        )
        assert len(shares) == 7
        assert min(shares) > 0.99


def test_every_select_is_as_wide_as_its_longest_option(visit: Callable[..., Any], html: str) -> None:
    for width in (390, 800, 1400):
        opened = visit(html, width=width)
        short = opened.page.evaluate(
            """() => [...document.querySelectorAll("select")].filter((select) => {
              const style = getComputedStyle(select);
              const pen = document.createElement("canvas").getContext("2d");
              pen.font = `${style.fontSize} ${style.fontFamily}`;
              const longest = Math.max(...[...select.options].map((option) => pen.measureText(option.text).width));
              const padding = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
              const arrow = 20;
              return longest + arrow > select.clientWidth - padding;
            }).map((select) => select.id)"""
        )
        assert short == []


def test_charts_say_their_values_under_the_pointer(visit: Callable[..., Any], html: str) -> None:
    opened = visit(html)
    tip = opened.page.locator("#tip")
    assert tip.is_hidden()
    opened.page.locator("#sweep-wide-title ~ .zone").nth(2).hover()
    said = ["threshold 0.4", "F1 0.600", "null F1 0.100", "echo F1 0.200", "skill 0.300"]
    assert tip.text_content().split("\n") == said
    box = tip.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1280
    opened.page.locator("#categories-wide-title ~ .zone").first.hover()
    assert tip.text_content().startswith("all: recall 0.500 [")
    opened.page.locator("h2").first.hover()
    assert tip.is_hidden()


def test_paper_shows_what_the_screen_folds_and_cuts_nothing_off(visit: Callable[..., Any], html: str) -> None:
    opened = visit(html, width=688)  # A4 less its margins
    opened.page.emulate_media(media="print")
    assert opened.page.locator("#signature").is_visible()
    assert opened.page.locator(".filters").is_hidden()
    cut = opened.page.evaluate(
        """() => [...document.querySelectorAll("main *, footer *")].filter((node) => {
          const box = node.getBoundingClientRect();
          const outside = box.width && (box.right > innerWidth + 1 || box.left < -1) && !node.closest("svg");
          const hides = getComputedStyle(node).overflow !== "visible" && node.scrollWidth > node.clientWidth + 1;
          return outside || (box.width && hides && !node.closest("svg, .unseen"));
        }).map((node) => `${node.tagName}.${node.className}`)"""
    )
    assert cut == []
    assert opened.page.pdf(prefer_css_page_size=True).startswith(b"%PDF-")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(visit: Callable[..., Any], html: str, scheme: str) -> None:
    opened = visit(html, color_scheme=scheme)
    opened.page.locator(".about summary").click()
    assert opened.faint() == []
    # The check sees what is faint.
    opened.page.evaluate("document.querySelector('h1').style.color = 'var(--rule)'")
    assert [said.split(":")[0] for said in opened.faint()][:1] == ["H1.null"]


def test_the_list_names_recall_and_titles(visit: Callable[..., Any], html: str) -> None:
    row = visit(html).page.locator("#list li", has_text="peerj:1")
    assert row.locator(".figure").text_content() == "recall 1.000"
    assert row.locator(".name").text_content() == ATTACK


def test_without_texts_or_pairs_the_browser_still_works(
    visit: Callable[..., Any], scored: tuple[Result, Predictions, Split]
) -> None:
    result = scored[0]
    opened = visit(render(result))
    assert opened.page.locator("#detail .concern").count() == 4
    assert opened.page.locator("#detail .words").count() == 0
    opened.page.locator("#outcome").select_option("unmatched")
    assert len(opened.ids()) == 12
    bare = visit(render(Result(result.record, result.counts)))
    assert len(bare.ids()) == 14
    assert "The pairs of this article are not in this report" in bare.page.locator("#detail").text_content()
    bare.page.locator("#search").fill("peerj")
    assert bare.ids() == ["peerj:1", "peerj:2"]


def test_without_scripts_the_figures_stay(visit: Callable[..., Any], html: str) -> None:
    opened = visit(html, java_script_enabled=False)
    assert opened.page.locator("#browser").is_hidden()
    assert opened.page.locator("noscript").is_visible()
    assert opened.page.locator("svg.chart.wide").count() == 7
    assert opened.page.locator("#copy").is_hidden()
