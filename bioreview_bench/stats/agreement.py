"""Do predictions carry the labels of the references they match?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def label_agreement(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Agreement over (reference label, prediction label) of matched pairs.

    `kappa` is Cohen's (Cohen 1960), None when expected agreement is 1; `confusion` maps reference label to
    prediction label to count.
    """
    confusion: dict[str, dict[str, int]] = {}
    for reference, prediction in pairs:
        row = confusion.setdefault(reference, {})
        row[prediction] = row.get(prediction, 0) + 1
    n_pairs = sum(sum(row.values()) for row in confusion.values())
    n_agree = sum(row.get(label, 0) for label, row in confusion.items())
    predicted: dict[str, int] = {}
    for row in confusion.values():
        for label, count in row.items():
            predicted[label] = predicted.get(label, 0) + count
    # n_pairs squared times expected agreement, kept whole so that "expected is 1" is exact.
    expected = sum(sum(row.values()) * predicted.get(label, 0) for label, row in confusion.items())
    kappa = None
    if n_pairs and expected != n_pairs**2:
        kappa = (n_agree * n_pairs - expected) / (n_pairs**2 - expected)
    return {
        "n_pairs": n_pairs,
        "n_agree": n_agree,
        "accuracy": n_agree / n_pairs if n_pairs else None,
        "kappa": kappa,
        "confusion": {label: dict(sorted(row.items())) for label, row in sorted(confusion.items())},
    }
