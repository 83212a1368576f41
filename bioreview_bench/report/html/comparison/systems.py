"""What a comparison needs of each result: its pairs, and the texts of its predictions where they were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bioreview_bench.data.predictions import Predictions
from bioreview_bench.data.split import Split
from bioreview_bench.errors import InputError, printable
from bioreview_bench.report.html.evidence import Omission, Pairs, Texts, read_pairs, read_texts
from bioreview_bench.results.records import ResultRecord
from bioreview_bench.results.result import Result
from bioreview_bench.stats.comparison import Comparison

_MOST_NAMED = 10


@dataclass(frozen=True)
class ComparedSystem:
    """A result with the texts of its predictions by article id; none where they were not given."""

    name: str
    record: ResultRecord
    pairs: Pairs
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)


def systems(comparison: Comparison, predictions: Sequence[Predictions], split: Split | None) -> list[ComparedSystem]:
    """The systems in the order of the comparison.

    Each of `predictions` goes to the result that scored it, by its sha256; texts of a held-out split stay out.

    Raises InputError for results without their pairs, for predictions that none of the results scored, and for
    articles that are not theirs.
    """
    pairs = _pairs(comparison)
    scored = {result.record.provenance.predictions_sha256 for result in comparison.results}
    strangers = [str(rows.path or "predictions") for rows in predictions if rows.sha256 not in scored]
    if strangers:
        raise InputError(
            f"None of these results scored {', '.join(strangers)}.", remedy="name the files that were evaluated"
        )
    given = {rows.sha256: rows for rows in predictions}
    found = []
    for name, result, own in zip(comparison.names, comparison.results, pairs, strict=True):
        texts = read_texts(result, own, given.get(result.record.provenance.predictions_sha256), split)
        written = texts.predictions if isinstance(texts, Texts) else {}
        found.append(ComparedSystem(name, result.record, own, written))
    _check_references(found)
    return found


def _pairs(comparison: Comparison) -> list[Pairs]:
    """The pairs of every result. Raises InputError naming all results without."""
    found: list[Pairs] = []
    missing: list[tuple[str, Result]] = []
    for name, result in zip(comparison.names, comparison.results, strict=True):
        pairs = read_pairs(result)
        if isinstance(pairs, Omission):
            missing.append((name, result))
        else:
            found.append(pairs)
    if missing:
        named = ", ".join(printable(name) for name, _ in missing[:_MOST_NAMED])
        more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
        record = missing[0][1].record
        data = "FOLDER" if record.data.name == "local" else record.data.name
        raise InputError(
            f"Who found what is in the pairs file, R.pairs.parquet next to R.result.json; it is missing or "
            f"unreadable for {named}{more}.",
            remedy=(
                f"bench evaluate PREDICTIONS --data {data} --split {record.data.split} "
                f"--contract {record.contract['name']} -o R.result.json"
            ),
        )
    return found


def _check_references(found: Sequence[ComparedSystem]) -> None:
    """All systems were matched with the same references in the same order."""
    for row in found[0].record.articles:
        first = [reference["concern_id"] for reference in found[0].pairs.of(row["id"]).references]
        for other in found[1:]:
            if [reference["concern_id"] for reference in other.pairs.of(row["id"]).references] != first:
                raise InputError(
                    f"{printable(other.name)} was matched with other references of {printable(row['id'])} than "
                    f"{printable(found[0].name)}.",
                    remedy="evaluate both again with -o",
                )
