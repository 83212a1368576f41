"""HTML to a Paper: headings and paragraphs of the page's text, and what its `citation_*` tags state of the paper.

Scripts are not run and nothing is loaded. Navigation, forms, figures and tables are left out; of a page with an
`<article>` or `<main>` only that is read.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from bioreview_bench.data.papers.outline import Block, assemble
from bioreview_bench.data.papers.paper import Paper

_SKIPPED = frozenset(
    (
        *("script", "style", "noscript", "template", "nav", "footer", "aside", "form", "button", "select", "svg"),
        *("math", "figure", "table", "iframe", "object", "title", "textarea", "canvas", "video", "audio"),
    )
)
_BLOCKS = frozenset(
    (
        *("p", "div", "section", "article", "main", "header", "body", "ul", "ol", "li", "dl", "dt", "dd", "hr"),
        *("blockquote", "pre", "br", "h1", "h2", "h3", "h4", "h5", "h6"),
    )
)
_META = {
    "citation_title": "title",
    "dc.title": "title",
    "citation_abstract": "abstract",
    "citation_doi": "doi",
    "dc.identifier": "doi",
}
_DOI = re.compile(r"(?:doi:\s*|https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/\S{1,200})", re.IGNORECASE)


class _Page(HTMLParser):
    """Blocks of a page, and whether each stands in its article."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.meta: dict[str, str] = {}
        self.blocks: list[tuple[Block, bool]] = []
        self._text: list[str] = []
        self._skipped, self._depth = "", 0  # the outermost element that is skipped, and how often it stands in itself
        self._level: int | None = None
        self._articles = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a block, or what is skipped."""
        if tag == "meta":
            named = dict(attrs)
            key = _META.get((named.get("name") or "").lower())
            if key and named.get("content"):
                self.meta.setdefault(key, str(named["content"]))
            return
        if self._skipped:
            self._depth += tag == self._skipped
            return
        if tag in _SKIPPED:
            self._skipped, self._depth = tag, 1
            return
        if tag in _BLOCKS:
            self._end()
            self._articles += tag in ("article", "main")
            self._level = int(tag[1]) if re.fullmatch(r"h[1-6]", tag) else None

    def handle_endtag(self, tag: str) -> None:
        """End a block, or what is skipped."""
        if self._skipped:
            self._depth -= tag == self._skipped
            self._skipped = self._skipped if self._depth else ""
            return
        if tag in _BLOCKS:
            self._end()
            self._articles -= tag in ("article", "main") and self._articles > 0

    def handle_data(self, data: str) -> None:
        """Text, unless it is skipped."""
        if not self._skipped:
            self._text.append(data)

    def _end(self) -> None:
        text = " ".join("".join(self._text).split())
        if text:
            self.blocks.append((Block(text, self._level), self._articles > 0))
        self._text, self._level = [], None

    def close(self) -> None:
        """The last block."""
        super().close()
        self._end()


def parse_html(text: str) -> Paper:
    """The paper in a page."""
    page = _Page()
    page.feed(text)
    page.close()
    inside = [block for block, within in page.blocks if within]
    blocks = inside if sum(len(block.text) for block in inside) > 2000 else [block for block, _ in page.blocks]
    doi = _DOI.fullmatch(page.meta.get("doi", "").strip())
    return assemble(
        blocks,
        "html",
        title=page.meta.get("title", ""),
        abstract=" ".join(page.meta.get("abstract", "").split()),
        doi=doi[1] if doi else None,
    )
