"""A small result with the predictions and articles that it was made of, and pages opened in a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import Contract, Result, read_predictions, score
from bioreview_bench.data.predictions import Predictions
from bioreview_bench.data.split import Split
from bioreview_bench.results.records import System

DEMO = Contract.load("demo")


@pytest.fixture
def split(make_article: Callable[..., Any]) -> Split:
    """Four articles of two references each, with words that occur nowhere else."""
    articles = [
        make_article(
            f"elife:{number}",
            [f"first secret {number}", {"concern_text": f"second secret {number}", "category": "interpretation"}],
            title=f"Private title {number}",
        )
        for number in range(4)
    ]
    return Split.of(articles, "local", "test")


@pytest.fixture
def predictions_file(write_jsonl: Callable[..., Path]) -> Path:
    rows = [
        {
            "article_id": f"elife:{number}",
            "concerns": [{"text": f"first secret {number}", "category": "design_flaw"}, "written by the machine"],
        }
        for number in range(3)
    ]
    return write_jsonl(rows)


@pytest.fixture
def predictions(predictions_file: Path, split: Split) -> Predictions:
    return read_predictions(predictions_file, split)


@pytest.fixture
def result(split: Split, predictions: Predictions, hash_encoder: Any) -> Result:
    return score(split, predictions, DEMO, hash_encoder, draws=100, system=System(name="Example", version="2"))


# Colours go through a canvas, which turns every notation into four bytes.
_FAINT = """() => {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const bytes = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const painted = bytes(getComputedStyle(at).backgroundColor);
      if (painted[3] === 255) return painted;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.getClientRects().length || node.closest("script, style, title, desc, :disabled")) continue;
    const style = getComputedStyle(node);
    const ink = bytes(node.closest("svg") ? style.fill : style.color);
    const [a, b] = [ink, ground(node)].map((colour) => luminance(colour.slice(0, 3)));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${node.tagName}.${node.getAttribute("class")}: ${ratio.toFixed(2)}`);
  }
  return found;
}"""


@dataclass
class Visit:
    """An open page and everything it complained about or asked for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def ids(self) -> list[str]:
        """Ids in the list of articles."""
        found: list[str] = self.page.locator("#list .id").all_text_contents()
        return found

    def shown(self) -> str:
        """The id of the chosen article."""
        return str(self.page.locator("#detail h3").text_content())

    def focused(self) -> str:
        """The id of the focused element, or its role."""
        return str(self.page.evaluate("document.activeElement.id || document.activeElement.getAttribute('role')"))

    def ground(self) -> str:
        """The page's background."""
        return str(self.page.evaluate("getComputedStyle(document.body).backgroundColor"))

    def faint(self) -> list[str]:
        """Texts with less than 4.5:1 against the ground that is painted behind them."""
        found: list[str] = self.page.evaluate(_FAINT)
        return found

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.fixture
def visit(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Visit]]:
    """Open a page: visit(html, width=390, color_scheme="dark"). Complaints and foreign requests fail the test."""
    visits: list[Visit] = []

    def open_page(html: str, width: int = 1280, fragment: str = "", **settings: Any) -> Visit:
        path = tmp_path / f"report-{len(visits)}.html"
        path.write_text(html, encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce", **settings)
        opened = Visit(context.new_page())
        opened.page.set_default_timeout(60_000)  # a busy machine answers late
        opened.page.on("console", lambda said: opened.complaints.append(said.text))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on("request", lambda asked: opened.requests.append(asked.url))
        opened.page.goto(path.as_uri() + fragment)
        opened.requests = [url for url in opened.requests if url.partition("#")[0] != path.as_uri()]
        visits.append(opened)
        return opened

    yield open_page
    for opened in visits:
        assert opened.complaints == []
        assert [url for url in opened.requests if not url.startswith("data:,")] == []
        opened.page.context.close()
