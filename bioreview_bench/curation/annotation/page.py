"""The page as files: the report's tokens and elements, and this page's own."""

from __future__ import annotations

from importlib import resources

# Nothing but the page's own files; nothing is ever sent anywhere else, and no page may frame it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_REPORT, _OWN = "bioreview_bench.report.html", "bioreview_bench.curation.annotation"
_STYLES = ((_REPORT, "tokens.css"), (_REPORT, "base.css"), (_OWN, "annotate.css"))
_SCRIPTS = (
    (_REPORT, "dom.js"),
    (_OWN, "letter.js"),
    (_OWN, "questions.js"),
    (_OWN, "forms.js"),
    (_OWN, "talk.js"),
    (_OWN, "main.js"),
)


def files() -> dict[str, tuple[str, bytes]]:
    """(kind, content) by path."""
    script = "\n".join(_asset(*each) for each in _SCRIPTS)
    return {
        "/": ("html", _asset(_OWN, "page.html").encode()),
        "/annotate.css": ("css", "\n".join(_asset(*each) for each in _STYLES).encode()),
        "/annotate.js": ("js", f'(() => {{\n"use strict";\n{script}}})();\n'.encode()),
    }


def _asset(package: str, name: str) -> str:
    return resources.files(package).joinpath("assets", name).read_text(encoding="utf-8")
