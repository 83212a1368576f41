"""How scoring works, in plain words, with the evidence for why a score never stands alone here.

The page that says why a request was refused, and what to do next.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from markupsafe import Markup

from ...ranking.badges import TEXTS
from ...ranking.rows import published
from ...ranking.view import BoardTable
from ..charts.scatter import SystemPoint, scatter
from ..site import Site

if TYPE_CHECKING:
    from ...http.problems import Trouble


# Of 35 eLife papers under the bundled contracts; docs/what-the-number-means.md has the same figures.
_PLAIN = (
    ("The reviewers’ concerns in other words", 0.795, 0.837, 0.831, False),
    ("Ten sentences copied from the paper (echo)", 0.512, 0.650, None, True),
    ("A careful reader who did not see the reviews", 0.455, 0.614, 0.600, False),
    ("Ten stock comments, the same for every paper (generic)", 0.050, 0.063, 0.000, False),
    ("The reworded concerns, each for the wrong paper", 0.035, 0.050, 0.012, False),
)


def about_page(site: Site, table: BoardTable) -> str:
    """The page. `table` says which data, splits and contracts this board has."""
    return site.render(
        "about.html",
        "about",
        table=table,
        chart=_saturation_chart(),
        plain=_PLAIN,
        badges=list(TEXTS.values()),
    )


def _saturation_chart() -> Markup:
    """What was published for v3 test: F1 against the concerns written."""
    points = [
        SystemPoint(row["system"], row["n_pred"] / row["n_articles"], row["f1"], None, None, "reported")
        for row in published()
        if (row["data"], row["split"]) == ("v3", "test") and row["n_pred"] and row["n_articles"]
    ]
    points.sort(key=lambda point: -point.y)
    return scatter("published", "Published F1 on v3 test", points, [], "concerns written per article")


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
