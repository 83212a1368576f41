"""How scoring works, in plain words, with the evidence for why a score never stands alone here."""

from __future__ import annotations

from markupsafe import Markup

from ..badges import TEXTS
from ..published import published
from ..view import BoardTable
from .charts.scatter import Point, scatter
from .site import Site

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
        Point(row["system"], row["n_pred"] / row["n_articles"], row["f1"], None, None, "reported")
        for row in published()
        if (row["data"], row["split"]) == ("v3", "test") and row["n_pred"] and row["n_articles"]
    ]
    points.sort(key=lambda point: -point.y)
    return scatter("published", "Published F1 on v3 test", points, [], "concerns written per article")
