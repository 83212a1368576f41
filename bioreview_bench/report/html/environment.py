"""Templates and assets of the report, read from the package."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

STYLES = ("tokens.css", "base.css", "page.css", "charts.css", "articles.css", "print.css")

# Concatenated into one function, so the order is that of use.
SCRIPTS = ("dom.js", "page.js", "tips.js", "filters.js", "list.js", "browser.js", "keys.js")
REPORT_SCRIPTS = (*SCRIPTS, "report/data.js", "report/entries.js", "report/detail.js", "report/main.js")


def environment() -> Environment:
    """Jinja with everything escaped that is not Markup, and no undefined name forgiven."""
    return Environment(
        loader=PackageLoader("bioreview_bench.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def style(names: Sequence[str] = STYLES) -> Markup:
    """Style sheets, as one."""
    return Markup("\n".join(_asset(name) for name in names))  # noqa: S704 - our own file


def script(names: Sequence[str] = REPORT_SCRIPTS) -> Markup:
    """Scripts, as one function that leaves nothing in the page's global scope."""
    body = "\n".join(_asset(name) for name in names)
    return Markup(f'\n(() => {{\n"use strict";\n{body}}})();\n')  # noqa: S704 - our own files


def policy(script: str) -> str:
    """The content security policy of a page with this one script.

    Browsers that know hashes run nothing but that script and ignore 'unsafe-inline'.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        "default-src 'none'; style-src 'unsafe-inline'; "
        f"script-src 'unsafe-inline' 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _asset(name: str) -> str:
    return resources.files("bioreview_bench.report.html").joinpath("assets", name).read_text(encoding="utf-8")
