"""Users, submissions and states, in SQLite and in PostgreSQL."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from bioreview_bench.errors import InputError
from bioreview_bench.leaderboard.intake.check import validate_received
from bioreview_bench.leaderboard.store.common import FOLLOWS, NotAllowed, NotFound, QuotaReached, WrongState
from bioreview_bench.leaderboard.store.leases import claim as claim_next
from bioreview_bench.leaderboard.store.models import PredictionsFile, Setting, Submission, User
from bioreview_bench.leaderboard.store.settings import (
    board_version,
    get_contract,
    get_settings,
    get_split,
    put_settings,
)
from bioreview_bench.leaderboard.store.status import status, status_for, submissions_of
from bioreview_bench.leaderboard.store.submissions import enter, mark, predictions_bytes, receive, withdraw
from bioreview_bench.leaderboard.store.users import (
    UserInfo,
    add_user,
    list_users,
    renew_token,
    revoke_user,
    user_of_token,
)

ODD_IDS = ["", "s_", "s_0123", "' OR 1=1 --", "s_000000000000000\0", "\ud800", "../x", "s_0000000000000000"]


def count(board: Any, table: Any) -> int:
    with board.reading() as session:
        return int(session.scalar(select(func.count()).select_from(table)))


def states(board: Any, submission_id: str) -> list[str]:
    return [event.state for event in status(board, submission_id).events]


def test_a_token_is_its_holders_alone_and_is_not_stored(either_board: Any) -> None:
    token = add_user(either_board, "ann", "Ann's lab")
    user = user_of_token(either_board, token)
    assert user is not None
    assert (user.name, user.team, user.is_maintainer, user.ranks_all) == ("ann", "Ann's lab", False, False)
    for wrong in ("", token[:-1], token + "x", token.upper(), "brb_", "\ud800", "' OR 1=1 --", "x" * 10_000):
        assert user_of_token(either_board, wrong) is None
    with either_board.reading() as session:
        kept = session.scalars(select(User)).one().token_sha256
    assert kept == hashlib.sha256(token.encode()).hexdigest()
    assert len(token) >= 40


def test_a_revoked_token_and_a_renewed_one_end(either_board: Any, add_submitter: Any, make_package: Any) -> None:
    ann = add_submitter(either_board)
    newer = renew_token(either_board, "ann")
    assert user_of_token(either_board, ann.token) is None
    assert user_of_token(either_board, newer) is not None
    kept = ann.receive(make_package())
    revoke_user(either_board, "ann")
    assert user_of_token(either_board, newer) is None
    assert status(either_board, kept).user == "ann"
    with pytest.raises(NotAllowed):
        ann.receive(make_package("Another"))
    with pytest.raises(InputError, match="revoked"):
        renew_token(either_board, "ann")
    assert [user.revoked_at is None for user in list_users(either_board)] == [False]


@pytest.mark.parametrize("name", ["", "a b", "ann\n", "Änn", "-x", "x" * 65, "a/b", "<b>", "ann\0"])
def test_names_of_users_are_plain(name: str, board: Any) -> None:
    with pytest.raises(InputError, match="user's name"):
        add_user(board, name, "team")


@pytest.mark.parametrize("team", ["", " ", "a\u202eb", "x" * 101, "a  b", " a", "a\nb", "\0"])
def test_names_of_teams_are_visible(team: str, board: Any) -> None:
    with pytest.raises(InputError, match="team's name"):
        add_user(board, "ann", team)


def test_a_team_cannot_look_like_another(board: Any) -> None:
    add_user(board, "ann", "Alpha Lab")
    add_user(board, "bob", "Alpha Lab")
    with pytest.raises(InputError, match="looks like"):
        add_user(board, "eve", "Аlpha Lab")  # Cyrillic А
    with pytest.raises(InputError, match="already"):
        add_user(board, "ann", "Beta")
    assert [user.name for user in list_users(board)] == ["ann", "bob"]


def test_a_submission_goes_from_received_to_queued(
    either_board: Any, add_submitter: Any, make_package: Any, demo_predictions: Any
) -> None:
    ann = add_submitter(either_board)
    package = make_package("My system")
    submission_id, created = receive(either_board, ann.user.id, "test", package)
    assert created
    assert validate_received(either_board, submission_id) == "queued"
    found = status_for(either_board, submission_id, ann.user)
    assert (found.system, found.state, found.problems, found.n_problems) == ("My system", "queued", (), 0)
    assert [event.state for event in found.events] == ["received", "validating", "queued"]
    assert all(event.at.tzinfo is not None for event in found.events)
    assert found.facts["n_rows"] == 12
    assert predictions_bytes(either_board, package.predictions_sha256) == demo_predictions("careful")


def test_a_bad_file_is_rejected_with_its_lines(either_board: Any, add_submitter: Any, make_package: Any) -> None:
    ann = add_submitter(either_board)
    submission_id = ann.receive(make_package(predictions=b'{"article_id": "elife:1\\u0000"}\n{oops\n'), marked=True)
    assert validate_received(either_board, submission_id) == "rejected"
    found = status(either_board, submission_id)
    assert found.reason == f"{found.n_problems} problems"
    assert {problem.line for problem in found.problems} >= {1, 2, None}
    assert not found.marked
    assert validate_received(either_board, submission_id) == "rejected"


def test_a_long_list_of_problems_is_kept_within_bounds(
    board: Any, add_submitter: Any, make_package: Any, demo_predictions: Any
) -> None:
    broken = b"".join(b'{"article_id": "elife:%d", "concerns": [1, 2]}\n' % number for number in range(900))
    submission_id = add_submitter(board).receive(make_package(predictions=broken))
    validate_received(board, submission_id)
    found = status(board, submission_id)
    assert len(found.problems) == 1000
    assert found.n_problems == 900 * 3 + 12


def test_the_same_file_and_card_are_one_submission(either_board: Any, add_submitter: Any, make_package: Any) -> None:
    ann, bob = add_submitter(either_board, "ann"), add_submitter(either_board, "bob")
    package = make_package()
    first = receive(either_board, ann.user.id, "test", package)
    again = receive(either_board, ann.user.id, "test", package)
    assert (first[1], again) == (True, (first[0], False))
    assert receive(either_board, bob.user.id, "test", package)[1]
    assert receive(either_board, ann.user.id, "test", make_package(base_model="other"))[1]
    assert (count(either_board, Submission), count(either_board, PredictionsFile)) == (3, 1)


def test_the_same_file_sent_by_many_at_once_is_one_submission(
    either_board: Any, add_submitter: Any, make_package: Any
) -> None:
    ann, bob = add_submitter(either_board, "ann"), add_submitter(either_board, "bob")
    package = make_package()
    found: list[tuple[str, bool]] = []

    def send(user: Any) -> None:
        found.append(receive(either_board, user.user.id, "test", package))

    threads = [threading.Thread(target=send, args=(user,)) for user in (ann, bob) * 8]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert sum(created for _, created in found) == 2
    assert count(either_board, Submission) == 2


@pytest.mark.usefixtures("midday")
def test_quota_counts_what_is_not_rejected(
    either_board: Any, add_submitter: Any, make_package: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = get_settings(either_board)
    limits = settings.limits.model_copy(update={"per_day": 2, "uploads_per_day": 4})
    put_settings(either_board, settings.model_copy(update={"limits": limits}))
    ann, bob = add_submitter(either_board, "ann"), add_submitter(either_board, "bob")
    first = ann.submit(make_package("A"))
    bad = ann.receive(make_package(predictions=b"{}"))
    validate_received(either_board, bad)
    ann.submit(make_package("B"))
    withdraw(either_board, first, ann.user)
    with pytest.raises(QuotaReached) as caught:
        ann.receive(make_package("C"))
    assert 0 < caught.value.retry_after <= 86_400
    assert ann.receive(make_package("A")) == first
    bob.submit(make_package("C"))

    tomorrow = store_clock() + timedelta(days=1)
    monkeypatch.setattr("bioreview_bench.leaderboard.store.submissions.now", lambda: tomorrow)
    ann.receive(make_package("C"))


@pytest.mark.usefixtures("midday")
def test_rejected_uploads_are_bounded_too(board: Any, add_submitter: Any, make_package: Any) -> None:
    settings = get_settings(board)
    limits = settings.limits.model_copy(update={"uploads_per_day": 3})
    put_settings(board, settings.model_copy(update={"limits": limits}))
    ann = add_submitter(board)
    for number in range(3):
        validate_received(board, ann.receive(make_package(predictions=b"{}" * number + b"{")))
    with pytest.raises(QuotaReached, match="uploads"):
        ann.receive(make_package())


@pytest.mark.usefixtures("midday")
def test_a_quota_holds_against_many_at_once(either_board: Any, add_submitter: Any, make_package: Any) -> None:
    settings = get_settings(either_board)
    limits = settings.limits.model_copy(update={"per_day": 3})
    put_settings(either_board, settings.model_copy(update={"limits": limits}))
    ann = add_submitter(either_board)
    packages = [make_package(f"System {number}") for number in range(10)]
    refused: list[QuotaReached] = []

    def send(package: Any) -> None:
        try:
            ann.receive(package)
        except QuotaReached as error:
            refused.append(error)

    threads = [threading.Thread(target=send, args=(package,)) for package in packages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (count(either_board, Submission), len(refused)) == (3, 7)


def store_clock() -> Any:
    from bioreview_bench.leaderboard.store.common import now

    return now()


def test_only_states_that_may_follow_are_entered(either_board: Any, add_submitter: Any, make_package: Any) -> None:
    submission_id = add_submitter(either_board).receive(make_package())
    for state in FOLLOWS:
        if state not in FOLLOWS["received"]:
            with pytest.raises(WrongState):
                enter(either_board, submission_id, state)
    assert states(either_board, submission_id) == ["received"]
    enter(either_board, submission_id, "withdrawn", "why not")
    assert status(either_board, submission_id).reason == "why not"


def test_unknown_and_hostile_ids_are_not_found(either_board: Any) -> None:
    user = UserInfo(1, "x", "x", True, False, store_clock(), None)
    asks: tuple[Callable[[str], object], ...] = (
        lambda one: status(either_board, one),
        lambda one: withdraw(either_board, one, user),
        lambda one: mark(either_board, one, user),
        lambda one: validate_received(either_board, one),
        lambda one: enter(either_board, one, "queued"),
    )
    for submission_id in ODD_IDS:
        for ask in asks:
            with pytest.raises(NotFound):
                ask(submission_id)


def test_unknown_splits_and_contracts_are_not_found(either_board: Any, make_package: Any) -> None:
    token = add_user(either_board, "ann", "A")
    user = user_of_token(either_board, token)
    assert user is not None
    for name in ("nosuch", "", "test\0", "' OR 1=1", "x" * 500):
        with pytest.raises(NotFound):
            receive(either_board, user.id, name, make_package())
        with pytest.raises(NotFound):
            get_split(either_board, name)
        with pytest.raises(NotFound):
            get_contract(either_board, name)


def test_others_see_and_change_nothing(either_board: Any, add_submitter: Any, make_package: Any) -> None:
    ann, eve = add_submitter(either_board, "ann"), add_submitter(either_board, "eve")
    boss = add_submitter(either_board, "boss", maintainer=True)
    submission_id = ann.receive(make_package())
    for ask in (status_for, withdraw, mark):
        with pytest.raises(NotAllowed):
            ask(either_board, submission_id, eve.user)
    assert submissions_of(either_board, eve.user.id) == []
    assert [found.id for found in submissions_of(either_board, ann.user.id)] == [submission_id]
    withdraw(either_board, submission_id, boss.user)
    assert status(either_board, submission_id).reason == "withdrawn by boss"


def test_a_mark_moves_until_it_is_used(either_board: Any, add_submitter: Any, make_package: Any) -> None:
    ann, colleague = add_submitter(either_board, "ann", "T"), add_submitter(either_board, "al", "T")
    first, second = ann.submit(make_package("A"), marked=True), colleague.submit(make_package("B"))
    mark(either_board, second, colleague.user)
    assert [status(either_board, one).marked for one in (first, second)] == [False, True]

    claim = claim_next(either_board, "w")
    assert claim is not None
    assert claim.id == first
    mark(either_board, second, colleague.user)  # again: nothing changes
    with pytest.raises(WrongState, match="not scored yet"):
        mark(either_board, first, ann.user)
    claim = claim_next(either_board, "w")
    assert claim is not None
    assert claim.id == second
    third = ann.submit(make_package("C"))
    with pytest.raises(WrongState, match="was scored"):
        mark(either_board, third, ann.user)
    with pytest.raises(WrongState, match="was scored"):
        ann.receive(make_package("D"), marked=True)
    assert count(either_board, Submission) == 3


def test_where_every_system_ranks_each_has_a_mark(board: Any, add_submitter: Any, make_package: Any) -> None:
    ann = add_submitter(board, ranks_all=True)
    marked = [ann.submit(make_package(name), marked=True) for name in ("A", "B")]
    newer = ann.submit(make_package("A", base_model="other"), marked=True)
    found = {one.id: one.marked for one in submissions_of(board, ann.user.id)}
    assert found == {marked[0]: False, marked[1]: True, newer: True}


def test_near_copies_of_the_teams_own_files_are_found(
    board: Any, add_submitter: Any, make_package: Any, demo_predictions: Any
) -> None:
    ann, bob = add_submitter(board, "ann"), add_submitter(board, "bob")
    first = ann.submit(make_package("A"))
    lines = demo_predictions("careful").splitlines(keepends=True)
    n = [line.count(b'"text"') for line in lines]
    changed = [lines[0].replace(b'"text": "', b'"text": "New: '), *lines[1:]]
    respaced = [line.replace(b'.", "category"', b'  !", "category"') for line in changed]
    second = ann.submit(make_package("A", predictions=b"".join(respaced)))
    stranger = bob.submit(make_package("B"))

    assert status(board, first).facts["near_share"] == 0
    found = status(board, second).facts
    assert (found["near_submission"], found["near_share"]) == (first, round(1 - n[0] / sum(n), 4))
    assert found["n_near"] == int(1 - n[0] / sum(n) >= 0.9)
    assert status(board, stranger).facts["near_submission"] is None


def test_a_system_that_looks_like_another_teams_is_flagged(
    either_board: Any, add_submitter: Any, make_package: Any
) -> None:
    ann, eve = add_submitter(either_board, "ann"), add_submitter(either_board, "eve")
    ann.submit(make_package("Paragon"))
    own = ann.submit(make_package("Раrаgоn"))
    other = eve.submit(make_package("Раrаgоn"))
    assert status(either_board, own).facts["looks_like"] == []
    assert status(either_board, other).facts["looks_like"] == ["Paragon"]


def test_every_change_that_a_page_shows_is_counted(either_board: Any, add_submitter: Any, make_package: Any) -> None:
    seen = [board_version(either_board)]

    def grew() -> bool:
        seen.append(board_version(either_board))
        return seen[-1] > seen[-2]

    ann = add_submitter(either_board)
    assert grew()
    submission_id = ann.submit(make_package())
    assert grew()
    status(either_board, submission_id)
    submissions_of(either_board, ann.user.id)
    assert not grew()
    withdraw(either_board, submission_id, ann.user)
    assert grew()
    settings = get_settings(either_board)
    put_settings(either_board, settings.model_copy(update={"title": "Renamed"}))
    assert grew()


def test_a_failed_transaction_leaves_nothing(either_board: Any, add_submitter: Any, make_package: Any) -> None:
    ann = add_submitter(either_board)
    before = board_version(either_board)

    def fail() -> None:
        with either_board.session() as session:
            session.add(Setting(key="half", value={}))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with either_board.reading() as session:
        assert session.get(Setting, "half") is None
    assert board_version(either_board) == before
    assert ann.receive(make_package())


def test_a_reader_is_not_held_up_by_a_writer(board: Any, add_submitter: Any) -> None:
    with board.session() as session:
        session.add(User(name="x", team="y", created_at=store_clock(), is_maintainer=False, ranks_all=False))
        session.flush()
        assert list_users(board) == []
    assert [user.name for user in list_users(board)] == ["x"]


def test_a_list_of_submissions_reads_each_record_once_until_it_is_scored_again(
    either_board: Any, add_submitter: Any, make_package: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bioreview_bench.leaderboard.store import status as statuses
    from bioreview_bench.leaderboard.store.submissions import requeue
    from bioreview_bench.leaderboard.worker.run import score_due

    ann = add_submitter(either_board)
    ids = [ann.submit(make_package(name)) for name in ("A", "B")]
    score_due(either_board)
    unpacked, unpack = [], statuses.unpack_summary
    monkeypatch.setattr(statuses, "unpack_summary", lambda content: unpacked.append(content) or unpack(content))
    first = submissions_of(either_board, ann.user.id)
    assert [one.results[0].f1.value for one in first] == [0.013] * 2
    assert submissions_of(either_board, ann.user.id) == first
    assert len(unpacked) == 2
    requeue(either_board, ids[0], "again")
    score_due(either_board)
    again = {one.id: one.results[0].at for one in submissions_of(either_board, ann.user.id)}
    assert again[ids[0]] > first[1].results[0].at
    assert len(unpacked) == 3
