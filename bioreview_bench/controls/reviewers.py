"""Control reviewers as plain functions: what they would write about an article.

They are scored like any entry. `baselines` merely registers them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from bioreview_bench.controls.generic import GENERIC_CONCERNS
from bioreview_bench.data.article import Article
from bioreview_bench.data.sentences import echo

ControlReviewer = Callable[[Article], Sequence[str]]


def generic(article: Article) -> Sequence[str]:
    """Ten stock comments, whatever the article."""
    return GENERIC_CONCERNS


# Control reviewers that every full evaluation scores. `echo` copies sentences of the paper.
SCORED_CONTROLS: Mapping[str, ControlReviewer] = MappingProxyType({"echo": echo, "generic": generic})
