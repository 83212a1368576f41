"""The tables behind the questions, read from `facts.toml`, and how their parts are called in a sentence."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

STRESSORS = {"HU": "hindlimb unloading", "IR": "ionizing radiation", "HU+IR": "combined HU+IR stress"}
CONDITIONS = {"none": "at baseline", "HU": "under HU", "IR": "under IR", "HU+IR": "under combined HU+IR stress"}


@dataclass(frozen=True)
class Facts:
    """Tables by tissue: counts of genes (`stressor`, `kmp`, `interaction`), response `type`, `oxphos` scores."""

    source: str
    stressor: Mapping[str, Mapping[str, int]]
    kmp: Mapping[str, Mapping[str, int]]
    interaction: Mapping[str, Mapping[str, int]]
    type: Mapping[str, str]
    type_name: Mapping[str, str]
    oxphos: Mapping[str, Mapping[str, Any]]

    @property
    def tissues(self) -> tuple[str, ...]:
        """In alphabetical order."""
        return tuple(sorted(self.type))


def load_facts() -> Facts:
    """The bundled tables."""
    text = resources.files("bioreview_bench.training.qa.items").joinpath("facts.toml").read_text(encoding="utf-8")
    return Facts(**tomllib.loads(text))


def count(value: int) -> str:
    """A number of genes, as answers write it: 8,484."""
    return f"{value:,}"


def score(value: float) -> str:
    """An enrichment score, as answers write it: +3.69."""
    return f"{value:+.2f}"


def crossed(interaction: str) -> str:
    """`KMP x HU` with the sign of multiplication."""
    return interaction.replace(" x ", " × ")
