"""Who may submit. A token is shown once, when it is made; only its sha256 is kept."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bioreview_bench.errors import InputError, printable

from ..names import lookalikes, skeleton, unfit_text
from .common import NotFound, bump, now
from .database import Database, lock
from .models import Submission, User

TOKEN_PREFIX: Final = "brb_"  # lets scanners of leaked secrets recognise one  # noqa: S105
_WIDTH: Final = 100
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class UserInfo:
    """A user as others see them."""

    id: int
    name: str
    team: str
    is_maintainer: bool
    ranks_all: bool
    created_at: datetime
    revoked_at: datetime | None
    n_submissions: int = 0


def add_user(
    db: Database,
    name: str,
    team: str,
    *,
    maintainer: bool = False,
    ranks_all: bool = False,
    organisations: Sequence[str] = (),
) -> str:
    """Add a user; returns the token, which cannot be had again. Raises InputError.

    `organisations`: names that the maintainers confirm to be the team's; cards that name another are flagged.
    """
    _check(name, team)
    for one in organisations:
        _check_line(one, "an organisation's name")
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    with db.session() as session:
        lock(session)
        if session.scalar(select(User.id).where(User.name == name)) is not None:
            raise InputError(
                f"There is a user {name} already.", remedy="choose another name; bench leaderboard user list"
            )
        alike = lookalikes(team, session.scalars(select(User.team).distinct()))
        if alike:
            raise InputError(
                f'The team "{printable(team)}" looks like "{printable(alike[0])}", which is a different team.',
                remedy="spell it as that team does if it is the same, otherwise choose a name that cannot be mistaken",
            )
        session.add(
            User(
                name=name,
                team=team,
                token_sha256=_hash(token),
                is_maintainer=maintainer,
                ranks_all=ranks_all,
                organisations=list(organisations),
                created_at=now(),
                revoked_at=None,
            )
        )
        bump(session)
    return token


def confirm_organisation(db: Database, name: str, organisation: str) -> None:
    """Confirm that an organisation is that of the user's team. Raises NotFound, InputError."""
    _check_line(organisation, "an organisation's name")
    with db.session() as session:
        user = _named(session, name)
        user.organisations = [*(user.organisations or ()), organisation]
        splits = session.scalars(select(Submission.split).where(Submission.team == user.team).distinct()).all()
        bump(session)
        for split in splits:
            bump(session, split=split)


def confirmed_organisations(session: Session) -> dict[str, set[str]]:
    """By team, the skeletons of the organisations that it may name: its own name and those that were confirmed."""
    found: dict[str, set[str]] = {}
    for team, names in session.execute(select(User.team, User.organisations)):
        found.setdefault(team, set()).update(skeleton(one) for one in (team, *(names or ())))
    return found


def renew_token(db: Database, name: str) -> str:
    """A new token for a user whose old one ends with this. Raises NotFound, InputError for a revoked user."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    with db.session() as session:
        user = _named(session, name)
        if user.revoked_at is not None:
            raise InputError(f"The user {name} was revoked.", remedy="add another user for the same team")
        user.token_sha256 = _hash(token)
    return token


def list_users(db: Database) -> list[UserInfo]:
    """All users by name, with how many submissions they made."""
    with db.reading() as session:
        query = select(Submission.user_id, func.count()).group_by(Submission.user_id)
        made = {user_id: n for user_id, n in session.execute(query)}
        users = session.scalars(select(User).order_by(User.name)).all()
        return [user_info(user, made.get(user.id, 0)) for user in users]


def find_user(db: Database, name: str) -> UserInfo:
    """The user of this name. Raises NotFound."""
    with db.reading() as session:
        return user_info(_named(session, name))


def revoke_user(db: Database, name: str) -> None:
    """End a user's token. What they submitted stays. Raises NotFound."""
    with db.session() as session:
        user = _named(session, name)
        user.token_sha256 = None
        user.revoked_at = user.revoked_at or now()
        bump(session)


def user_of_token(db: Database, token: str) -> UserInfo | None:
    """Who holds the token; None when nobody does.

    It is looked up by its hash, so the time that this takes says nothing about other tokens.
    """
    wanted = _hash(token)
    with db.reading() as session:
        user = session.scalar(select(User).where(User.token_sha256 == wanted))
    if user is None or user.revoked_at is not None or not hmac.compare_digest(user.token_sha256 or "", wanted):
        return None
    return user_info(user)


def user_info(user: User, n_submissions: int = 0) -> UserInfo:
    """A row as a value."""
    own = {one.name: getattr(user, one.name) for one in fields(UserInfo) if one.name != "n_submissions"}
    return UserInfo(**own, n_submissions=n_submissions)


def _named(session: Session, name: str) -> User:
    """The user, locked for this transaction. Raises NotFound."""
    user = session.scalar(select(User).where(User.name == name).with_for_update()) if _NAME.fullmatch(name) else None
    if user is None:
        raise NotFound(f'There is no user "{printable(name)}".', remedy="bench leaderboard user list")
    return user


def _check(name: str, team: str) -> None:
    if not _NAME.fullmatch(name):
        raise InputError(
            f'"{printable(name)}" cannot be a user\'s name.',
            remedy="use 1 to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit",
        )
    _check_line(team, "a team's name")


def _check_line(text: str, what: str) -> None:
    reason = unfit_text(text, _WIDTH)
    if reason is None and (text != " ".join(text.split()) or len(text) > _WIDTH):
        reason = "has spaces too many, or too many characters"
    if reason is not None:
        raise InputError(
            f'"{printable(text)}" cannot be {what}: it {reason}.',
            remedy=f"use 1 to {_WIDTH} visible characters, words separated by single spaces",
        )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
