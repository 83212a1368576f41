"""`bench evaluate --by FIELD,...`: the score of a part of the articles, or the recall of a part of the references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bioreview_bench.errors import InputError, did_you_mean, printable

if TYPE_CHECKING:
    from bioreview_bench.data.article import Article
    from bioreview_bench.data.split import Split
    from bioreview_bench.report.blocks import Table
    from bioreview_bench.results.result import Result
    from bioreview_bench.stats.slices import Slice

YEAR, UNKNOWN, MOST = "year", "unknown", 200


def slice_fields(given: Sequence[str], articles: Split) -> dict[str, list[str] | None]:
    """The fields of `--by`: for one of articles the value of each article, None for a label of references.

    Raises InputError for a field that no article has, or that has too many values to be a slice.
    """
    from bioreview_bench.stats.slices import BY_CONCERN

    found: dict[str, list[str] | None] = {}
    for name in (part.strip() for text in given for part in text.split(",")):
        if name in BY_CONCERN:
            found[name] = None
            continue
        values = [_value(article, name) for article in articles]
        if set(values) <= {None}:
            known = [*BY_CONCERN, YEAR, *_scalar_fields(articles)]
            raise InputError(
                f'No article has a field "{printable(name)}" with one value.',
                remedy=f"{did_you_mean(name, known)}--by any of {', '.join(map(printable, known))}",
            )
        if len(set(values)) > MOST:
            raise InputError(
                f'"{printable(name)}" has {len(set(values)):,} values among {len(articles):,} articles.',
                remedy="--by a field with fewer",
            )
        found[name] = [UNKNOWN if value is None else value for value in values]
    return found


def slices_of(result: Result, fields: dict[str, list[str] | None], draws: int, seed: int) -> dict[str, list[Slice]]:
    """The slices of a result by each field."""
    from bioreview_bench.stats.slices import by_article, by_concern

    return {
        name: by_concern(result.counts, name, draws, seed)
        if values is None
        else by_article(result.counts, values, draws, seed)
        for name, values in fields.items()
    }


def slice_tables(found: dict[str, list[Slice]], fields: dict[str, list[str] | None]) -> list[Table]:
    """One table a field."""
    from bioreview_bench.report.blocks import DASH, Table, figure

    tables = []
    for name, slices in found.items():
        whole = fields[name] is not None
        header = [
            printable(name),
            "articles",
            "refs",
            "recall",
            *(["prec.", "F1", "95% CI of F1"] if whole else ["95% CI"]),
        ]
        rows = []
        for part in slices:
            bounds = DASH if part.interval is None else f"[{part.interval[0]:.3f}, {part.interval[1]:.3f}]"
            figures = [figure(part.recall), *([figure(part.precision), figure(part.f1)] if whole else [])]
            rows.append([printable(part.value, 40), f"{part.n_articles:,}", f"{part.n_ref:,}", *figures, bounds])
        tables.append(Table(f"By {printable(name)}", header, rows))
    return tables


def as_plain(found: dict[str, list[Slice]]) -> dict[str, list[dict[str, Any]]]:
    """The same for JSON."""
    return {name: [asdict(part) for part in slices] for name, slices in found.items()}


def _value(article: Article, name: str) -> str | None:
    if name == YEAR:
        date = article.published_date or ""
        return date[:4] if date[:4].isdecimal() and date[4:5] in ("", "-") else None
    value = (
        getattr(article, name, None) if name in type(article).model_fields else (article.model_extra or {}).get(name)
    )
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, str | int) else None


def _scalar_fields(articles: Split) -> list[str]:
    names = dict.fromkeys(
        name for article in articles for name in (*type(article).model_fields, *(article.model_extra or {}))
    )
    values = {name: {_value(article, name) for article in articles} for name in names}
    return [
        name
        for name, found in values.items()
        if found != {None} and len(found) <= min(MOST, max(2, len(articles) // 2))
    ]
