"""Whose name a row carries: copies of another team's system and organisations that nobody confirmed are flagged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bioreview_bench.leaderboard.ranking.build import load_table
from bioreview_bench.leaderboard.store.users import confirm_organisation
from bioreview_bench.leaderboard.worker.run import score_due

Make = Callable[..., Any]


def badges(board: Any) -> dict[str, set[str]]:
    score_due(board)
    return {row.submission: set(row.badges) for row in load_table(board, "test", "jaccard").rows}


@pytest.mark.parametrize("name", ["Paragon", "PARAGON", "Раrаgоn", "𝐏𝐚𝐫𝐚𝐠𝐨𝐧", "Par-agon.", "Paragοn"])
def test_a_copy_of_another_teams_name_is_flagged_and_the_first_is_not(
    board: Any, add_submitter: Make, make_package: Make, name: str
) -> None:
    first = add_submitter(board, "ann").submit(make_package("Paragon"))
    own = add_submitter(board, "al", "team ann").submit(make_package("Paragon", system_version="2"))
    copy = add_submitter(board, "eve").submit(make_package(name))
    found = badges(board)
    assert "confusable-name" in found[copy]
    assert not {"confusable-name"} & (found[first] | found[own])


def test_a_system_named_like_another_team_or_its_organisation_is_flagged(
    board: Any, add_submitter: Make, make_package: Make
) -> None:
    ann = add_submitter(board, "ann", "Ann's lab", organisations=["University of Example"])
    eve = add_submitter(board, "eve", "Eve", organisations=["Shared institute"])
    add_submitter(board, "bo", "Bo", organisations=["Shared institute"])
    copies = [eve.submit(make_package(name)) for name in ("Ann’s Lab", "University of Exаmple")]
    own = [ann.submit(make_package("Ann's lab")), eve.submit(make_package("Shared institute"))]
    found = badges(board)
    assert [one for one in (*copies, *own) if "confusable-name" in found[one]] == copies


def test_a_trial_gives_no_name_away(board: Any, add_submitter: Make, make_package: Make) -> None:
    from bioreview_bench.leaderboard.store.submissions import receive

    receive(board, add_submitter(board, "ann").user.id, "test", make_package("Secret"), trial=True)
    other = add_submitter(board, "bo").submit(make_package("Secret"))
    assert "confusable-name" not in badges(board)[other]


def test_an_organisation_that_is_not_the_teams_is_flagged_until_it_is_confirmed(
    board: Any, add_submitter: Make, make_package: Make
) -> None:
    known = add_submitter(board, "ann", "Ann's lab")
    own = known.submit(make_package("A", organisation="Ann's Lab"))
    eve = add_submitter(board, "eve").submit(make_package("B", organisation="Famous Institute"))
    told = add_submitter(board, "bo", organisations=["Famous Institute"])
    confirmed = told.submit(make_package("C", organisation="Famous institute"))
    local = add_submitter(board, "base", ranks_all=True).submit(make_package("D", organisation="Anything"))
    found = badges(board)
    flagged = {one for one, names in found.items() if "unconfirmed-organisation" in names}
    assert flagged == {eve}
    assert {own, confirmed, local} < found.keys()
    confirm_organisation(board, "eve", "Famous Institute")
    assert "unconfirmed-organisation" not in badges(board)[eve]
