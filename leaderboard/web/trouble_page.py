"""The page that says why a request was refused, and what to do next."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from .site import Site

if TYPE_CHECKING:
    from ..problems import Trouble

_HEADINGS = {
    401: "You are not logged in",
    403: "This is not yours to do",
    404: "There is no such page",
    409: "Not in this state",
    413: "Too large",
    422: "Something is not in order",
    429: "Slower, please",
    500: "Something went wrong",
    503: "Not now",
}


def trouble_html(site: Site, trouble: Trouble) -> str:
    """The page of an error."""
    status = HTTPStatus(trouble.status)
    return site.render(
        "trouble.html",
        "trouble",
        status=f"{status.value} {status.phrase}",
        heading=_HEADINGS.get(trouble.status, "This did not work"),
        error=trouble.error,
        remedy=(trouble.remedy or "").rstrip("."),
        problems=[(one.line, one.message) for one in trouble.problems],
        n_problems=trouble.n_problems,
    )
