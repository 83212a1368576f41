"""The comparison in a real browser: who found what can be read, filtered and sorted, on a phone as well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bioreview_bench import Contract, score
from bioreview_bench.data.predictions import as_predictions
from bioreview_bench.data.split import Split
from bioreview_bench.report.html.comparison import compose
from bioreview_bench.report.html.comparison.systems import ComparedSystem
from bioreview_bench.report.html.evidence import read_pairs
from bioreview_bench.results.records import System
from bioreview_bench.stats.comparison import compare

ATTACK = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>"


@pytest.fixture
def html(make_article: Callable[..., Any], hash_encoder: Any) -> str:
    """Six articles of two references; "a" finds the first of each, "b" both of the odd ones, and each errs once."""
    split = Split.of(
        [
            make_article(
                f"elife:{n}",
                [f"first of {n}", {"concern_text": f"second of {n} {ATTACK}", "category": "interpretation"}],
                title=f"Title {n}",
            )
            for n in range(6)
        ],
        "local",
        "test",
    )
    texts = {
        "a": {f"elife:{n}": [f"first of {n}", f"a errs in {n}"] for n in range(6)},
        "b": {f"elife:{n}": [f"second of {n} {ATTACK}", f"first of {n}", f"b errs in {n}"] for n in range(1, 6, 2)},
    }
    results, found = [], []
    for name, written in texts.items():
        rows = as_predictions(written, split)
        results.append(score(split, rows, Contract.load("demo"), hash_encoder, draws=50, system=System(name=name)))
    comparison = compare(results, list(texts), draws=50)
    for name, result in zip(comparison.names, comparison.results, strict=True):
        found.append(ComparedSystem(name, result.record, read_pairs(result), texts[name]))  # type: ignore[arg-type]
    return compose(comparison, found, split)


def test_who_found_what_is_shown_filtered_and_sorted(visit: Callable[..., Any], html: str) -> None:
    opened = visit(html, fragment="#article=elife%3A1")
    page = opened.page
    heads = page.locator("table.who thead th").all_text_contents()
    assert heads[0] == "Reference (human reviewers)"
    b, a = heads.index("b") - 1, heads.index("a") - 1
    rows = page.locator("table.who tbody tr")
    first, second = rows.nth(0), rows.nth(1)
    assert first.locator("th .words").text_content() == "first of 1"
    assert first.locator("td").nth(a).locator(".labels").text_content().startswith("1.000P1")
    assert first.locator("td").nth(b).locator(".words").text_content() == "first of 1"
    assert first.locator("td").nth(b).locator(".labels b").text_content() == "P2"
    assert second.locator("td").nth(b).locator(".words").text_content() == f"second of 1 {ATTACK}"
    assert second.locator("td").nth(a).text_content().startswith("not foundnearest P")
    errs = page.locator(".unmatched-columns .words").all_text_contents()
    assert sorted(errs) == ["a errs in 1", "b errs in 1"]
    assert page.evaluate("typeof window.hacked") == "undefined"

    page.locator("#who-found").select_option("none")
    assert opened.ids() == ["elife:0", "elife:2", "elife:4"]
    assert page.locator("table.who tbody th .labels b").all_text_contents() == ["R1C2"]
    page.locator("#who-found").select_option(label="only b")
    assert opened.ids() == ["elife:1", "elife:3", "elife:5"]
    page.locator("#clear").click()
    page.locator("#search").fill("b errs in 3")
    assert opened.ids() == ["elife:3"]
    page.locator("#clear").click()
    page.locator("#order").select_option("apart")
    assert len(opened.ids()) == 6
    page.locator("#list li", has_text="elife:1").click()
    page.locator("table.who .sort", has_text="a").last.click()
    names = page.locator("table.who tbody th .labels b").all_text_contents()
    assert names == ["R1C1", "R1C2"]


def test_the_article_list_says_what_each_found_and_keys_walk_it(visit: Callable[..., Any], html: str) -> None:
    opened = visit(html)
    row = opened.page.locator("#list li", has_text="elife:1")
    assert row.locator(".figure").text_content() in ("found 2 · 1 of 2", "found 1 · 2 of 2")
    assert row.locator(".name").text_content() == "Title 1"
    opened.page.keyboard.press("j")
    assert opened.shown() == "elife:1"
    opened.page.keyboard.press("k")
    assert opened.shown() == "elife:0"
    assert "b not answered (missing)" in opened.page.locator("#detail .tallies").text_content()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (800, "dark"), (1400, "light")])
def test_a_comparison_overflows_nowhere(visit: Callable[..., Any], html: str, width: int, scheme: str) -> None:
    opened = visit(html, width=width, color_scheme=scheme)
    assert opened.overflow() <= 0
    outside = opened.page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter((node) => {
          const box = node.getBoundingClientRect();
          return box.width && box.right > innerWidth + 1 && !node.closest(".scroll, .wide, svg");
        }).map((node) => `${node.tagName}.${node.className}`)"""
    )
    assert outside == []
    assert opened.faint() == []
    table = opened.page.locator("table.who")
    wide = opened.page.evaluate("(node) => node.scrollWidth - node.parentElement.clientWidth", table.element_handle())
    assert wide <= 0
