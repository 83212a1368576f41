"""Control reviewers as plain functions: what they would write about an article.

They are scored like any entry. `baselines` merely registers them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from bioreview_bench.data.article import Article
from bioreview_bench.data.sentences import echo

ControlReviewer = Callable[[Article], Sequence[str]]

# Those of the eLife pilot's `generic.jsonl`, on which the operating points of the scoring specification rest.
GENERIC_CONCERNS = (
    "The sample size is too small to support the conclusions and no power calculation is given.",
    "The statistical analysis should correct for multiple comparisons and report exact p values and effect sizes.",
    "Important control experiments are missing and should be added.",
    "The conclusions are overstated and should be toned down to match the data.",
    "The key findings should be validated with an independent method.",
    "The novelty compared with previously published work is not clear and relevant literature should be cited.",
    "The methods section lacks the detail that would be needed to reproduce the experiments.",
    "Figure legends are incomplete and some panels are hard to read; error bars and scale bars should be defined.",
    "The manuscript would benefit from careful editing to improve clarity and readability.",
    "The limitations of the study should be discussed in more depth.",
)


def generic(article: Article) -> Sequence[str]:
    """Ten stock comments, whatever the article."""
    return GENERIC_CONCERNS


# Control reviewers that every full evaluation scores. `echo` copies sentences of the paper.
ECHO = "echo"
SCORED_CONTROLS: Mapping[str, ControlReviewer] = MappingProxyType({ECHO: echo, "generic": generic})
