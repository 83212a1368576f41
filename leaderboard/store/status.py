"""What the one who submitted sees of a submission: states, problems, headline figures; never an article's outcome."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from bioreview_bench.errors import printable

from .common import MEANING, TRIAL, WITHHELD, NotAllowed, NotFound, State, as_state, newest
from .database import Database
from .disclosure import disclosed
from .models import ResultRow, Submission, arrival
from .shown import Figure, Of, Shown, filled
from .submissions import unpack_summary
from .users import UserInfo


class ShownEvent(Shown):
    """A state that the submission entered."""

    state: State
    reason: str | None
    at: datetime


class ShownProblem(Shown):
    """One thing wrong with a rejected submission."""

    line: int | None
    message: str


class Headline(Shown):
    """The headline figures under one contract."""

    contract: str
    label: str
    signature: Annotated[str, Of("signature")]
    f1: Annotated[Figure, Of("overall.f1")]
    skill: Annotated[Figure, Of("controls.skill")]
    recall: Annotated[Figure, Of("overall.recall")]
    precision: Annotated[Figure, Of("overall.precision")]
    null_f1: Annotated[float | None, Of("controls.null_f1")]
    echo_match_rate: Annotated[float | None, Of("controls.echo_match_rate")]
    saturated: Annotated[bool, Of("controls.saturated")]
    at: datetime


class SubmissionStatus(Shown):
    """A submission as its team sees it."""

    id: str
    split: str
    system: str
    version: str
    team: str
    user: str
    marked: bool
    trial: bool
    disqualified: str | None
    state: State
    meaning: str
    reason: str | None
    problems: tuple[ShownProblem, ...]
    n_problems: int
    facts: dict[str, Any]
    created_at: datetime
    changed_at: datetime
    events: tuple[ShownEvent, ...]
    results: tuple[Headline, ...]


def status(db: Database, submission_id: str) -> SubmissionStatus:
    """The status of a submission. Raises NotFound. Who may see it is the caller's to ask: `status_for`."""
    with db.reading() as session:
        row = _find(session, submission_id)
        return _shown(db, session, row)


def status_for(db: Database, submission_id: str, user: UserInfo) -> SubmissionStatus:
    """The status, for the team that submitted and for maintainers. Raises NotFound, NotAllowed."""
    with db.reading() as session:
        row = _find(session, submission_id)
        if row.team != user.team and not user.is_maintainer:
            raise NotAllowed("This submission belongs to somebody else.", remedy="log in as one of its team")
        return _shown(db, session, row, full=user.is_maintainer)


def submissions_of(db: Database, user_id: int, limit: int = 500) -> list[SubmissionStatus]:
    """The user's submissions, the newest first."""
    with db.reading() as session:
        query = _with_all().where(Submission.user_id == user_id)
        rows = session.scalars(query.order_by(arrival().desc()).limit(limit))
        return [_shown(db, session, row) for row in rows]


def _with_all() -> Any:
    return select(Submission).options(
        selectinload(Submission.user),
        selectinload(Submission.events),
        selectinload(Submission.results).defer(ResultRow.record),  # hundreds of results may be listed
    )


def _find(session: Session, submission_id: str) -> Submission:
    row: Submission | None = None
    if submission_id.isascii() and submission_id.isprintable():
        row = session.scalar(_with_all().where(Submission.id == submission_id))
    if row is None:
        raise NotFound(f'There is no submission "{printable(submission_id)}".', remedy="check its id")
    return row


def _shown(db: Database, session: Session, row: Submission, *, full: bool = False) -> SubmissionStatus:
    facts = dict(row.facts or {})
    if "near_elsewhere" in facts and not full:
        facts["near_elsewhere"] = bool(facts["near_elsewhere"])  # which ones is for the maintainers
    withheld = _is_withheld(session, row)
    problems = tuple(ShownProblem(**problem) for problem in row.problems or ())
    own = ("id", "split", "team", "marked", "trial", "disqualified", "reason", "created_at", "changed_at")
    return SubmissionStatus(
        **{name: getattr(row, name) for name in own},
        system=row.card["system_name"],
        version=row.card["system_version"],
        user=row.user.name,
        state=as_state(row.state),
        meaning=_meaning(row, withheld),
        problems=problems,
        n_problems=int(facts.pop("n_problems", len(problems))),
        facts=facts,
        events=tuple(ShownEvent.model_validate(one, from_attributes=True) for one in row.events),
        results=() if withheld else tuple(_kept_headline(db, one) for one in _newest(session, row)),
    )


def _is_withheld(session: Session, row: Submission) -> bool:
    """True for a trial of a team whose ranked submission has no score yet: trials must not help to choose it."""
    if not row.trial or row.user.ranks_all:
        return False
    scored = (
        select(ResultRow.id)
        .join(Submission, ResultRow.submission_id == Submission.id)
        .where(Submission.team == row.team, Submission.split == row.split, Submission.trial.is_(False))
    )
    return session.scalar(scored.limit(1)) is None


def _meaning(row: Submission, withheld: bool) -> str:
    if row.disqualified is not None:
        return f"It was disqualified: {row.disqualified}"
    if row.trial and row.state == "scored":
        return WITHHELD if withheld else TRIAL
    return MEANING[as_state(row.state)]


def _newest(session: Session, row: Submission) -> list[ResultRow]:
    """The newest result of every contract, which is that of the newest signature where there is one."""
    found: dict[str, ResultRow] = {}
    signatures = {one.contract: newest(session, row.split, one.contract) for one in row.results}
    for one in sorted(row.results, key=lambda one: (signatures[one.contract] == one.signature, one.created_at, one.id)):
        found[one.contract] = one
    return [found[contract] for contract in sorted(found)]


def _kept_headline(db: Database, row: ResultRow) -> Headline:
    """The headline, read from the record once: a result that is made again has another time."""
    found: Headline = db.headlines.get((row.id, row.created_at), 0, lambda: _headline(row))
    return found


def _headline(row: ResultRow) -> Headline:
    shown = disclosed(unpack_summary(row.record), row.extras.get("intervals") or {}, {}, parts=False)
    return Headline(
        **filled(Headline, shown),
        contract=row.contract,
        label=row.label,
        at=row.created_at,
    )
