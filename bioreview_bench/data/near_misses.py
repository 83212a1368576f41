"""Near misses that a data set ships: texts that make another point than a reference in much the same words.

They lie in the data folder, as a predictions file, and are a control: under a contract that reads they do not match.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bioreview_bench.data.article import Article
from bioreview_bench.data.predictions import Predictions, read_predictions
from bioreview_bench.data.split import Split
from bioreview_bench.errors import DataError

NEAR_MISS = "near_miss"
PLACES = (f"{NEAR_MISS}.jsonl", f"predictions/{NEAR_MISS}.jsonl")


def near_miss_file(folder: Path) -> Path | None:
    """The file of near misses of a data folder, or None. Raises DataError when there are two."""
    found = [folder / place for place in PLACES if (folder / place).is_file()]
    if len(found) > 1:
        raise DataError(f"Both {found[0]} and {found[1]} hold near misses.", remedy="keep one of the two")
    return found[0] if found else None


def read_near_misses(split: Split) -> Predictions | None:
    """The near misses for articles of a split; None when its data set ships none. Raises InputError.

    The file may be about articles of other splits, too.
    """
    return None if split.near_misses is None else read_predictions(split.near_misses, split, allow_extra=True)


def near_miss_reviewer(near_misses: Predictions | None) -> Mapping[str, Callable[[Article], Sequence[str]]]:
    """The reviewer who writes them, by name; empty where there are none."""
    if near_misses is None:
        return {}

    def write(article: Article) -> Sequence[str]:
        row = near_misses.get(article.id)
        return [concern.text for concern in row.concerns] if row else []

    return {NEAR_MISS: write}
