"""A result as one HTML file that needs nothing else: no network, no other file, no program but a browser.

`render` is a pure function of what it is given, so the same inputs give the same bytes. Texts of concerns appear
only when they are handed in and the split is not held out.
"""

from __future__ import annotations

from bioreview_bench.data.predictions import Predictions
from bioreview_bench.data.split import Split
from bioreview_bench.report.html.page import compose
from bioreview_bench.results.legacy import HistoricResult
from bioreview_bench.results.result import Result

__all__ = ["compose", "render"]


def render(result: Result | HistoricResult, predictions: Predictions | None = None, split: Split | None = None) -> str:
    """The report on `result` as HTML.

    `predictions` (as read from a file) and `split` add the texts of concerns to the article browser. What is not
    there (pairs file, texts, sweep, intervals) is named in the page together with what to type for it.

    Raises InputError for a historic record, and for predictions or a split that are not those of the result.
    """
    return compose(result, predictions, split).html
