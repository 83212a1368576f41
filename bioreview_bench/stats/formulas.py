"""The formulas. Each takes Sums and returns values of their shape, NaN where a ratio is undefined."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES
from bioreview_bench.stats.sums import HUMAN_COLUMNS, Sums

Values = NDArray[np.float64]

# Above this null match rate there is no room left in which skill could show.
SATURATION = 0.99


def ratio(numerator: Any, denominator: Any) -> Values:
    """numerator / denominator, NaN where the denominator is 0."""
    numerator, denominator = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    found: Values = np.full(np.broadcast(numerator, denominator).shape, np.nan)
    np.divide(numerator, denominator, out=found, where=denominator != 0)
    return found


def micro(matched: Any, references: Any, predictions: Any) -> dict[str, Values]:
    """recall = M/R, precision = M/P, f1 = 2M/(R+P)."""
    return {
        "recall": ratio(matched, references),
        "precision": ratio(matched, predictions),
        "f1": ratio(2 * np.asarray(matched), np.asarray(references) + predictions),
    }


def overall(sums: Sums) -> dict[str, Values]:
    """The headline figures. `soft_*` have the sum of matched similarities in place of M."""
    found = micro(sums["M"], sums["R"], sums["P"])
    soft = micro(sums["S"], sums["R"], sums["P"])
    answered = micro(sums["answered.M"], sums["answered.R"], sums["answered.P"])
    return {
        **found,
        "f1_macro": f1_macro(sums),
        "f1_answered": answered["f1"],
        **{f"soft_{name}": value for name, value in soft.items()},
        "ceiling_f1": ratio(2 * sums["C"], sums["R"] + sums["P"]),
    }


def f1_macro(sums: Sums) -> Values:
    """Plain mean of F1 over the categories that have references."""
    total, present = np.zeros(sums["R"].shape), np.zeros(sums["R"].shape)
    for name in CATEGORIES:
        has_references = sums[f"category.{name}.R"] > 0
        f1 = category(sums, name)["f1"]
        total += np.where(has_references, f1, 0)
        present += has_references
    return ratio(total, present)


def category(sums: Sums, name: str) -> dict[str, Values]:
    """recall, precision and f1 of one category."""
    return micro(sums[f"category.{name}.M"], sums[f"category.{name}.R"], sums[f"category.{name}.P"])


def controls(sums: Sums) -> dict[str, Values]:
    """What the score would be by chance, and skill: the share of what chance leaves open that was reached."""
    match_rate = ratio(sums["donor.M"], sums["donor.C"])
    null_match_rate = ratio(sums["null.M"], sums["null.C"])
    room = np.where(null_match_rate <= SATURATION, 1 - null_match_rate, 0)
    found = {
        "null_f1": ratio(2 * sums["null.M"], sums["donor.R"] + sums["donor.P"]),
        "match_rate": match_rate,
        "null_match_rate": null_match_rate,
        "skill": ratio(match_rate - null_match_rate, room),
    }
    for name in ("echo", "generic", "near_miss"):
        written = sums[f"{name}.P"]
        defined = written > 0  # False also for NaN: not scored, or nothing was written
        found[f"{name}_match_rate"] = np.where(defined, ratio(sums[f"{name}.M"], sums[f"{name}.C"]), np.nan)
        if name != "near_miss":  # of which there are as many as its makers wrote, so that an F1 would say nothing
            found[f"{name}_f1"] = np.where(defined, ratio(2 * sums[f"{name}.M"], sums["R"] + written), np.nan)
    return found


def with_intervals(sums: Sums) -> dict[str, Values]:
    """The statistics that are given with an interval, by metric path in a result."""
    headline, skill = overall(sums), controls(sums)["skill"]
    found = {f"overall.{name}": headline[name] for name in ("recall", "precision", "f1", "f1_macro")}
    found["controls.skill"] = skill
    for name in SEVERITIES:
        found[f"per_severity.{name}.recall"] = ratio(sums[f"severity.{name}.M"], sums[f"severity.{name}.R"])
    for name in CATEGORIES:
        found.update({f"per_category.{name}.{metric}": value for metric, value in category(sums, name).items()})
    for name in _sources(sums):
        figures = micro(sums[f"source.{name}.M"], sums[f"source.{name}.R"], sums[f"source.{name}.P"])
        found.update({f"per_source.{name}.{metric}": value for metric, value in figures.items()})
    for name in ("reviewer", "system") if HUMAN_COLUMNS[0] in sums else ():
        against = micro(sums[f"humans.{name}.M"], sums["humans.R"], sums[f"humans.{name}.P"])
        found[f"humans.{name}.f1"] = against["f1"]
    return found


def _sources(sums: Sums) -> list[str]:
    return [name.split(".")[1] for name in sums if name.startswith("source.") and name.endswith(".R")]
