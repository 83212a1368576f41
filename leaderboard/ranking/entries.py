"""What ranking knows of a scored submission, and which of a team's submissions stands for it.

Best of many is not rewarded. A team has one place for a split: that of the submission it marked before its first score
(the first marked, when it marked several), scored yet or not, else of the first that was scored. Withdrawing or
disqualifying that one frees no place for a better one. Trials have no place. Users whose every system ranks
(`ranks_all`) have one place for each system's name.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bioreview_bench.errors import printable
from bioreview_bench.results.card import Card
from bioreview_bench.results.records import ResultRecord


@dataclass(frozen=True)
class Contender:
    """A submission that was scored once or is marked, withdrawn or not."""

    id: str
    team: str
    ranks_all: bool
    marked: bool
    withdrawn: bool
    created_at: datetime
    card: Card
    facts: Mapping[str, Any]
    trial: bool = False
    disqualified: str | None = None
    scored: bool = True
    number: int = 0  # orders submissions as they came; a clock may have been set back meanwhile

    @property
    def name(self) -> str:
        """System and version, for sentences."""
        return f"{printable(self.card.system_name)} {printable(self.card.system_version)}"

    @property
    def place(self) -> tuple[str, ...]:
        """Submissions of one place compete for it; only one of them ranks."""
        team = folded(self.team)
        return (team, folded(self.card.system_name)) if self.ranks_all else (team,)


@dataclass(frozen=True)
class Entry:
    """A submission with its result under one contract. `result` is the result's number in the database."""

    submitted: Contender
    result: int
    record: ResultRecord
    extras: Mapping[str, Any]


def why_unranked(submissions: Sequence[Contender]) -> dict[str, str | None]:
    """By submission id: None for the one that stands for its place, the reason for every other one."""
    places: dict[tuple[str, ...], list[Contender]] = {}
    for one in sorted(submissions, key=lambda one: (one.number, one.id)):
        if not one.trial:
            places.setdefault(one.place, []).append(one)
    reasons: dict[str, str | None] = {one.id: _TRIAL for one in submissions if one.trial}
    for rivals in places.values():
        standing = next((one for one in rivals if one.marked), None) or next(one for one in rivals if one.scored)
        for one in rivals:
            if one.disqualified is not None:
                reasons[one.id] = f"Disqualified: {printable(one.disqualified, 500)}"
            elif one is standing and one.scored and not one.withdrawn:
                reasons[one.id] = None
            else:
                reasons[one.id] = _reason(standing)
    return reasons


_TRIAL = "A trial never ranks."


def folded(name: str) -> str:
    """A name without its case, width and spacing, so that these make no new team or system."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _reason(standing: Contender) -> str:
    how = "which it marked before it was scored" if standing.marked else "the first it had scored"
    if standing.withdrawn:
        return f"The team's place was that of {standing.name}, {how}, and it withdrew that one."
    if standing.disqualified is not None:
        return f"The team's place was that of {standing.name}, {how}, and that one was disqualified."
    if not standing.scored:
        return f"The team will be ranked by {standing.name}, {how}."
    return f"The team is ranked by {standing.name}, {how}."
