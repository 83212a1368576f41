"""bioreview-bench: are the concerns of a machine reviewer those that human reviewers raised?

The public interface. Names are loaded on first use, so that `import bioreview_bench` stays instant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.data.article import Article, Concern
    from bioreview_bench.data.load import load_split
    from bioreview_bench.data.manuscript import Manuscript
    from bioreview_bench.data.predictions import read_predictions
    from bioreview_bench.data.split import fingerprint
    from bioreview_bench.errors import BenchError
    from bioreview_bench.results.result import Result, load_result
    from bioreview_bench.scoring.matching import assign
    from bioreview_bench.scoring.run import score
    from bioreview_bench.stats.significance import label_swap_test
    from bioreview_bench.stats.uncertainty import bootstrap

_HOMES = {
    "Article": "data.article",
    "BenchError": "errors",
    "Concern": "data.article",
    "Contract": "contracts.contract",
    "Manuscript": "data.manuscript",
    "Result": "results.result",
    "assign": "scoring.matching",
    "bootstrap": "stats.uncertainty",
    "fingerprint": "data.split",
    "label_swap_test": "stats.significance",
    "load_result": "results.result",
    "load_split": "data.load",
    "read_predictions": "data.predictions",
    "score": "scoring.run",
}

__all__ = [
    "Article",
    "BenchError",
    "Concern",
    "Contract",
    "Manuscript",
    "Result",
    "assign",
    "bootstrap",
    "fingerprint",
    "label_swap_test",
    "load_result",
    "load_split",
    "read_predictions",
    "review",
    "score",
]

_ADDED = "bioreview_bench.functions"  # the entry points of functions that satellites add


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    if name in __all__ and name not in _HOMES:
        from importlib.metadata import entry_points

        for point in entry_points(group=_ADDED, name=name):
            return point.load()
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
