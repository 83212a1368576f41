"""Whose submissions those from the Hub are: one user for each organisation that a card names."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bioreview_bench.errors import InputError, printable

from . import store

if TYPE_CHECKING:
    from bioreview_bench.results.card import Card

    from .database import Database
    from .store import UserInfo

_PREFIX = "hub-"


def user_for(db: Database, card: Card) -> UserInfo:
    """The user of the card's organisation, made when there is none; nobody gets their token.

    Raises InputError when the organisation is a team of the board that submits with tokens of its own: a card alone
    does not make anybody one of them.
    """
    team = " ".join(card.organisation.split())[:100]
    name = _PREFIX + hashlib.sha256(team.encode()).hexdigest()[:12]
    users = store.list_users(db)
    if any(user.name == name for user in users):
        return store.find_user(db, name)
    if any(user.team == team for user in users):
        raise InputError(
            f'"{printable(team)}" is a team of this board that submits with tokens of its own.',
            remedy="have that team submit it, or sync it for one of its users with --user NAME",
        )
    store.add_user(db, name, team)
    return store.find_user(db, name)
