"""The bundled tables (`facts.toml`) as rows that templates are filled with: of tissues, pairs of them, and the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from .item import Item, bundled, items_of

STRESSORS = {"HU": "hindlimb unloading", "IR": "ionizing radiation", "HU+IR": "combined HU+IR stress"}
CONDITIONS = {"none": "at baseline", "HU": "under HU", "IR": "under IR", "HU+IR": "under combined HU+IR stress"}
Values = dict[str, Any]


@dataclass(frozen=True)
class StudyTables:
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


def load_facts() -> StudyTables:
    """The bundled tables."""
    return StudyTables(**bundled("facts.toml"))


def kmp_items() -> list[Item]:
    """All items from the bundled tables."""
    facts, words = load_facts(), bundled("templates.toml")
    tissues = [_tissue(facts, tissue) for tissue in facts.tissues]
    rows = {
        "tissues": tissues,
        "interactions": [
            {**_named(name), **_largest(facts, facts.interaction, name)} for name in facts.interaction[facts.tissues[0]]
        ],
        "stressors": [{"stressor": name, **_largest(facts, facts.stressor, name)} for name in ("HU", "IR")],
        # Where a type is that of one tissue, naming the type asks for the tissue.
        "lone_tissues": [row for row in tissues if list(facts.type.values()).count(row["letter"]) == 1],
        "pairs": [_pair(facts, one, other) for one, other in combinations(facts.tissues, 2)],
        "unanswerable": [_unanswerable(facts, row) for row in words["unanswerable"]],
    }
    return items_of(words["section"], rows)


def _tissue(facts: StudyTables, tissue: str) -> Values:
    counts, kmp, oxphos = facts.stressor[tissue], facts.kmp[tissue], facts.oxphos[tissue]
    stronger, weaker = ("HU", "IR") if counts["HU"] > counts["IR"] else ("IR", "HU")
    letter = facts.type[tissue]
    interactions = [{**_named(name), "n": n} for name, n in facts.interaction[tissue].items()]
    return {
        "tissue": tissue,
        "tissues": [tissue],
        "letter": letter,
        "type_name": facts.type_name[letter],
        "wrong_letter": next(name for name in sorted(facts.type_name) if name != letter),
        "stressors": [{"stressor": key, "name": STRESSORS[key], "n": n} for key, n in counts.items()],
        "conditions": [
            {"condition": key, "where": CONDITIONS[key], "n": n, "wrong": next(m for m in kmp.values() if m != n)}
            for key, n in kmp.items()
        ],
        "interactions": interactions,
        "interactions_of_kmp": [row for row in interactions if row["interaction"].startswith("KMP")],
        **oxphos,
        "scores": [oxphos["stress"], oxphos["kmp"]],
        "direction": _direction(oxphos["kmp"]),
        "HU": counts["HU"],
        "IR": counts["IR"],
        "stronger": stronger,
        "more": counts[stronger],
        "less": counts[weaker],
        "baseline": kmp["none"],
        "stressed": kmp["HU+IR"],
        "change": "larger" if kmp["HU+IR"] > kmp["none"] else "smaller",
    }


def _largest(facts: StudyTables, table: Mapping[str, Mapping[str, int]], column: str) -> Values:
    """The tissue with most genes in a column of a table by tissue."""
    largest = max(facts.tissues, key=lambda tissue: table[tissue][column])
    n, letter = table[largest][column], facts.type[largest]
    return {"largest": largest, "n": n, "letter": letter, "tissues": list(facts.tissues)}


def _pair(facts: StudyTables, one: str, other: str) -> Values:
    kmp = [facts.oxphos[tissue]["kmp"] for tissue in (one, other)]
    letters = [facts.type[tissue] for tissue in (one, other)]
    alike = letters[0] == letters[1]
    return {
        **compared(one, other, _direction(kmp[0]), _direction(kmp[1])),
        "stressors": [_counts(facts, one, other, stressor) for stressor in ("HU", "IR")],
        "yes": "Yes" if alike else "No",
        "types_are": "the same" if alike else "different",
        "types_agree": "same" if alike else "different",
        "types": [f"type {letter.lower()}" for letter in sorted(set(letters))],
        "type_one": letters[0],
        "type_other": letters[1],
        "kmp_one": kmp[0],
        "kmp_other": kmp[1],
        "scores": kmp,
    }


def compared(one: str, other: str, direction: str, opposed: str) -> Values:
    """Two tissues and the directions of a pathway in them."""
    same = direction == opposed
    return {
        "one": one,
        "other": other,
        "tissues": [one, other],
        "direction_one": direction,
        "direction_other": opposed,
        "directions": {one: direction, other: opposed},
        "directions_are": "the same" if same else "different",
        "directions_agree": "same" if same else "different",
    }


def _counts(facts: StudyTables, one: str, other: str, stressor: str) -> Values:
    values = {tissue: facts.stressor[tissue][stressor] for tissue in (one, other)}
    higher, lower = sorted(values, key=lambda tissue: -values[tissue])
    return {
        "stressor": stressor,
        "name": STRESSORS[stressor],
        "n_one": values[one],
        "n_other": values[other],
        "higher": higher,
        "lower": lower,
        "more": values[higher],
        "less": values[lower],
    }


def _unanswerable(facts: StudyTables, row: Values) -> Values:
    question = row["question"]
    tissues = [tissue for tissue in facts.tissues if tissue in question]
    return {**row, "bare": question[0].lower() + question[1:], "tissues": tissues}


def _named(interaction: str) -> Values:
    crossed, joined = interaction.replace(" x ", " × "), interaction.replace(" x ", " and ")
    return {"interaction": interaction, "crossed": crossed, "joined": joined}


def _direction(score: float) -> str:
    return "up" if score > 0 else "down"
