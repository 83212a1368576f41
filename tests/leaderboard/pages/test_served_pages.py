"""Pages as a running board sends them: caching, forms, who may see what."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

httpx = pytest.importorskip("httpx")

from bioreview_bench.leaderboard.ranking.build import load_table  # noqa: E402
from bioreview_bench.leaderboard.store.settings import get_settings, put_settings  # noqa: E402 (after the check that the extra is there)
from bioreview_bench.leaderboard.store.status import status as submission_status  # noqa: E402 (after the check that the extra is there)
from bioreview_bench.leaderboard.store.submissions import withdraw  # noqa: E402 (after the check that the extra is there)
from bioreview_bench.leaderboard.store.users import find_user, renew_token  # noqa: E402 (after the check that the extra is there)
from bioreview_bench.leaderboard.worker.tables import rebuild_tables  # noqa: E402


@pytest.fixture
def reader(scored_board: Any, served: Callable[..., str]) -> Iterator[Any]:
    """Somebody who is not logged in."""
    with httpx.Client(
        base_url=served(scored_board), trust_env=False, timeout=120, headers={"Accept": "text/html"}
    ) as client:
        yield client


def csrf_of(page: Any) -> str:
    found = re.search(r'name="csrf" value="([\w-]+)"', page.text)
    assert found is not None
    return found[1]


@pytest.fixture
def member(scored_board: Any, reader: Any) -> Any:
    """A reader who logged in as Beta's user."""
    token = renew_token(scored_board, "user-Beta")
    form = {"token": token, "csrf": csrf_of(reader.get("/login")), "next": "/submissions"}
    answer = reader.post("/login", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/submissions")
    return reader


def test_every_public_page_answers(scored_board: Any, reader: Any) -> None:
    table = load_table(scored_board, "test", "jaccard")
    a, b = (row.submission for row in table.rows[:2])
    kinds = {
        "/": "text/html",
        "/?split=test&contract=jaccard&part=severity:major&sort=recall&order=up&weights=open": "text/html",
        f"/systems/{a}": "text/html",
        f"/systems/{a}.json": "application/json",
        f"/systems/{a}.csv": "text/csv",
        f"/compare?s={a}&s={b}": "text/html",
        f"/compare?split=test&contract=jaccard&a={a}&b={b}": "text/html",
        "/compare": "text/html",
        "/how-scoring-works": "text/html",
        "/reported/test.csv": "text/csv",
        "/assets/board.css": "text/css",
        "/assets/board.js": "text/javascript",
        "/api/v1/tables/test/jaccard.json": "application/json",
        "/api/v1/tables/test/jaccard.csv": "text/csv",
        "/api/v1/board": "application/json",
        "/api/docs": "text/html",
        "/healthz": "application/json",
        "/readyz": "application/json",
    }
    for path, kind in kinds.items():
        answer = reader.get(path)
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, kind), path
        assert "set-cookie" not in answer.headers, path
        head = reader.head(path)
        assert head.status_code == 200, path
        assert head.headers["content-length"] == answer.headers["content-length"], path
        assert head.content == b"", path


STRANGE = [
    ("/?contract=v9", 404),
    ("/?split=../etc", 404),
    ("/?sort=price", 422),
    ("/?part=source:arxiv", 422),
    ("/systems/s_0000000000000000", 404),
    ("/systems/%00", 404),
    ("/systems/%E2%80%AE", 404),
    ("/compare?s=one", 404),
    ("/compare?" + "&".join(f"s={number}" for number in range(9)), 422),
    ("/compare?page=0", 422),
    ("/?page=99999999999", 422),
    ("/?q=" + "x" * 101, 422),
    ("/systems/s_0000000000000000.svg", 404),
    ("/systems/s_0000000000000000.hub.yaml", 404),
    ("/compare?s=one&s=two", 404),
    ("/compare?a=one&b=one", 422),
    ("/assets/..%2Frouter.py", 404),
    ("/assets/router.py", 404),
    ("/reported/none.csv", 404),
    ("/nowhere", 404),
]


def test_what_is_not_there_is_said_in_a_page(reader: Any) -> None:
    for path, status in STRANGE:
        answer = reader.get(path)
        assert answer.status_code == status, path
        assert "<h1>" in answer.text
        assert "Traceback" not in answer.text


def test_a_page_is_not_sent_twice_and_changes_at_once(scored_board: Any, reader: Any) -> None:
    first = reader.get("/")
    known = {"If-None-Match": first.headers["etag"]}
    again = reader.get("/", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    row = load_table(scored_board, "test", "jaccard").rows[0]
    withdraw(scored_board, row.submission, find_user(scored_board, f"user-{row.system}"))
    rebuild_tables(scored_board)
    changed = reader.get("/", headers=known)
    assert changed.status_code == 200
    assert row.submission not in changed.text


def test_pages_are_compressed_for_those_who_take_it(reader: Any) -> None:
    plain = reader.get("/", headers={"Accept-Encoding": "identity"})
    packed = reader.get("/", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 4
    refused = reader.get("/", headers={"Accept-Encoding": "br, gzip;q=0"})
    assert "content-encoding" not in refused.headers


def test_an_asset_with_its_version_may_be_kept_for_ever(reader: Any) -> None:
    address = re.search(r'href="(/assets/board\.css\?v=[0-9a-f]{12})"', reader.get("/").text)
    assert address is not None
    assert "immutable" in reader.get(address[1]).headers["cache-control"]
    assert "immutable" not in reader.get("/assets/board.css?v=000000000000").headers["cache-control"]


def test_nothing_of_a_board_names_an_article_or_a_reference(scored_board: Any, reader: Any, demo_split: Any) -> None:
    submission = load_table(scored_board, "test", "jaccard").rows[0].submission
    for path in ("/", f"/systems/{submission}", f"/systems/{submission}.json", f"/systems/{submission}.csv"):
        text = reader.get(path).text
        for article in demo_split:
            assert article.id not in text
            assert all(concern.concern_text[:60] not in text for concern in article.concerns)


def test_forms_send_strangers_to_the_login(reader: Any) -> None:
    for path in ("/submit", "/submissions", "/submissions/s_0123456789abcdef"):
        answer = reader.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}")
    assert reader.post("/submit", files={"predictions": b"x"}).headers["location"] == "/login?next=/submit"


def test_a_login_leads_to_pages_of_the_board_only(scored_board: Any, reader: Any) -> None:
    token = renew_token(scored_board, "user-Beta")
    for after in ("https://evil.example", "//evil.example", "/\\evil.example", "/logout", ""):
        page = reader.get("/login", params={"next": after})
        form = {"token": token, "csrf": csrf_of(page), "next": after}
        assert reader.post("/login", data=form).headers["location"] == "/submissions"
        assert "evil" not in page.text


def test_a_wrong_token_is_said_and_not_shown(reader: Any) -> None:
    answer = reader.post("/login", data={"token": "brb_wrong", "csrf": csrf_of(reader.get("/login"))})
    assert answer.status_code == 401
    assert "This token is unknown or revoked" in answer.text
    assert "brb_wrong" not in answer.text


def test_a_form_from_elsewhere_changes_nothing(member: Any) -> None:
    for path in ("/login", "/logout", "/submit", "/submissions/s_0/withdraw", "/submissions/s_0/mark"):
        for data in ({}, {"csrf": "0" * 64}):
            files = {"card": b"x"} if path == "/submit" else None
            assert member.post(path, data=data, files=files).status_code == 403, path
    assert member.get("/submissions").status_code == 200


def test_a_member_sees_their_own_submissions_only(scored_board: Any, member: Any) -> None:
    rows = {row.system: row.submission for row in load_table(scored_board, "test", "jaccard").rows}
    page = member.get("/submissions")
    assert "Beta" in page.text
    assert "Alpha" not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert member.get(f"/submissions/{rows['Beta']}").status_code == 200
    assert member.get(f"/submissions/{rows['Alpha']}").status_code == 403
    form = {"csrf": csrf_of(page)}
    assert member.post(f"/submissions/{rows['Alpha']}/withdraw", data=form).status_code == 403
    assert submission_status(scored_board, rows["Alpha"]).state == "scored"


def test_withdrawing_by_form_takes_a_row_off_the_board(scored_board: Any, member: Any) -> None:
    submission = next(
        row.submission for row in load_table(scored_board, "test", "jaccard").rows if row.system == "Beta"
    )
    page = member.get(f"/submissions/{submission}")
    assert "Withdraw it" in page.text
    answer = member.post(f"/submissions/{submission}/withdraw", data={"csrf": csrf_of(page)})
    assert answer.headers["location"] == f"/submissions/{submission}"
    after = member.get(f"/submissions/{submission}")
    assert "It was taken back by its team." in after.text
    assert "Withdraw it" not in after.text
    assert member.post(f"/submissions/{submission}/withdraw", data={"csrf": csrf_of(page)}).status_code == 409


def test_an_upload_is_taken_in_once_and_a_bad_one_lists_its_problems(
    scored_board: Any, member: Any, card_bytes: Callable[..., bytes], content_of: Callable[[float], bytes]
) -> None:
    csrf = csrf_of(member.get("/submit"))

    def send(predictions: bytes, card: bytes, **fields: str) -> Any:
        files = {"predictions": ("predictions.jsonl", predictions), "card": ("card.yaml", card)}
        return member.post("/submit", data={"csrf": csrf, "split": "test", **fields}, files=files)

    late = send(content_of(0.4), card_bytes("Uploaded"), marked="true")
    assert late.status_code == 409
    assert "a mark comes before the first" in late.text
    good = send(content_of(0.4), card_bytes("Uploaded"))
    assert good.status_code == 303
    assert send(content_of(0.4), card_bytes("Uploaded")).headers["location"] == good.headers["location"]
    page = member.get(good.headers["location"])
    assert 'data-waiting="yes"' in page.text
    lines = content_of(0.4).splitlines()
    bad = send(
        b"\n".join([lines[0], b"{broken", json.dumps({"article_id": "elife:1", "concerns": 3}).encode()]), b"x: &a 1"
    )
    assert bad.status_code == 422
    assert 'role="alert"' in bad.text
    rejected = send(lines[0], card_bytes("Half"))
    assert rejected.status_code == 303
    status = member.get(rejected.headers["location"])
    assert "rejected" in status.text
    assert "Fix them and submit again" in status.text
    assert 'data-waiting="no"' in status.text


def test_logging_out_ends_the_session(member: Any) -> None:
    page = member.get("/submissions")
    assert member.post("/logout", data={"csrf": csrf_of(page)}).headers["location"] == "/"
    assert member.get("/submissions").headers["location"] == "/login?next=/submissions"


def test_a_copied_cookie_ends_with_the_session_and_another_browser_stays_logged_in(
    scored_board: Any, member: Any, served: Callable[..., str]
) -> None:
    copied = dict(member.cookies)
    token = renew_token(scored_board, "user-Alpha")
    with httpx.Client(base_url=str(member.base_url), trust_env=False, timeout=120) as other:
        other.post("/login", data={"token": token, "csrf": csrf_of(other.get("/login")), "next": "/submissions"})
        page = member.get("/submissions")
        member.post("/logout", data={"csrf": csrf_of(page)})
        assert other.get("/submissions").status_code == 200
    # Neither this server nor another one of the board takes the copy, for reading or for writing.
    for address in (str(member.base_url), served(scored_board)):
        with httpx.Client(base_url=address, trust_env=False, timeout=120, cookies=copied) as thief:
            assert thief.get("/submissions").headers["location"] == "/login?next=/submissions"
            row = next(row for row in load_table(scored_board, "test", "jaccard").rows if row.system == "Beta")
            done = thief.post(f"/submissions/{row.submission}/withdraw", data={"csrf": csrf_of(page)})
            assert done.headers["location"] == "/login?next=/submissions"


def test_only_sessions_that_could_still_be_used_are_remembered(scored_board: Any, reader: Any) -> None:
    from bioreview_bench.leaderboard.http.auth import ENDED
    from bioreview_bench.leaderboard.store.models import Setting

    token = renew_token(scored_board, "user-Beta")
    user = find_user(scored_board, "user-Beta")
    with scored_board.session() as session:
        session.add(Setting(key=f"{ENDED}:{user.id}", value={"long ago": 1.0, "lately": 4e9}))
    reader.post("/login", data={"token": token, "csrf": csrf_of(reader.get("/login")), "next": "/submissions"})
    reader.post("/logout", data={"csrf": csrf_of(reader.get("/submissions"))})
    with scored_board.reading() as session:
        kept = session.get_one(Setting, f"{ENDED}:{user.id}").value
    assert len(kept) == 2
    assert "lately" in kept


@pytest.mark.usefixtures("unrefilled")
def test_wrong_logins_do_not_keep_the_holder_of_a_right_token_out(
    scored_board: Any, served: Callable[..., str]
) -> None:
    settings = get_settings(scored_board)
    limits = settings.limits.model_copy(update={"requests_per_minute": 60})
    put_settings(scored_board, settings.model_copy(update={"limits": limits}))
    token = renew_token(scored_board, "user-Beta")
    with httpx.Client(base_url=served(scored_board), trust_env=False, timeout=120) as reader:
        form = {"csrf": csrf_of(reader.get("/login")), "next": "/submissions"}
        codes = [reader.post("/login", data={**form, "token": f"brb_{n}"}).status_code for n in range(20)]
        assert codes == [401] * 6 + [429] * 14  # ten requests each, of 60 a minute
        answer = reader.post("/login", data={**form, "token": token})
        assert (answer.status_code, answer.headers["location"]) == (303, "/submissions")
        # Logged in, it is counted by itself, whatever else comes from the address.
        with httpx.Client(base_url=reader.base_url, trust_env=False, timeout=120) as crowd:
            assert [crowd.get("/healthz").status_code for _ in range(80)][-1] == 429
        assert reader.get("/submissions").status_code == 200


def test_the_form_lists_the_problems_of_all_files_ten_and_a_count(
    member: Any, card_bytes: Callable[..., bytes], content_of: Callable[[float], bytes]
) -> None:
    import io
    import zipfile

    csrf = csrf_of(member.get("/submit"))
    broken = b"\n".join(b"{broken" for _ in range(14))
    card = card_bytes("Mine", organisation="")

    def send(files: dict[str, Any]) -> Any:
        return member.post("/submit", data={"csrf": csrf, "split": "test"}, files=files)

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("predictions.jsonl", broken)
        archive.writestr("card.yaml", card)
    apart = {"predictions": ("predictions.jsonl", broken), "card": ("card.yaml", card)}
    for files in (apart, {"archive": ("s.zip", packed.getvalue())}):
        page = send(files)
        assert page.status_code == 422
        listed, more = page.text.split("<details><summary>and ")[0:2]
        assert listed.partition('id="problems"')[2].count("<li>") == 10
        assert "card.yaml: organisation" in listed
        assert more.split(" more</summary>")[0].isdigit()
        assert "<b>line 14</b>" in more
        assert "<form" in page.text  # the form is there again
    nothing = send({"predictions": ("predictions.jsonl", content_of(0.4))})
    assert nothing.status_code == 422
    assert "There is no card." in nothing.text
    assert "Submit predictions" in nothing.text


def test_a_trial_is_seen_by_its_owner_only(
    scored_board: Any, member: Any, card_bytes: Callable[..., bytes], content_of: Callable[[float], bytes]
) -> None:
    from bioreview_bench.leaderboard.worker.run import Work

    files = {"predictions": ("predictions.jsonl", content_of(0.5)), "card": ("card.yaml", card_bytes("Tentative"))}
    form = {"csrf": csrf_of(member.get("/submit")), "split": "test", "trial": "true"}
    place = member.post("/submit", data=form, files=files).headers["location"]
    assert "queued" in (waiting := member.get(place).text)
    assert "Mark as the one to rank" not in waiting
    Work(scored_board, None, lambda words: None).score_due()
    assert "trial: not listed" in member.get("/submissions").text
    page = member.get(place).text
    assert "A trial: it is in no table" in page
    assert "Its page on the board" not in page
    member.cookies.clear()
    submission = place.rpartition("/")[2]
    for path in ("/?show=every", "/compare", "/feed.xml"):
        assert "Tentative" not in member.get(path).text, path
    for path in (f"/systems/{submission}", f"/systems/{submission}.svg", f"/compare?s={submission}"):
        assert member.get(path).status_code == 404, path
    assert member.get(place).status_code == 303


def test_what_the_board_flags_is_said_to_the_one_who_sent_it(
    member: Any, card_bytes: Callable[..., bytes], content_of: Callable[[float], bytes]
) -> None:
    form = {"csrf": csrf_of(member.get("/submit")), "split": "test"}
    pages = []
    for name, content in (("Alpha", content_of(0.8)), ("Gamma ray", content_of(0.6) + b"\n")):
        files = {"predictions": ("predictions.jsonl", content), "card": ("card.yaml", card_bytes(name))}
        pages.append(member.get(member.post("/submit", data=form, files=files).headers["location"]).text)
    assert "that of a file which another team sent before" in pages[0]
    assert "Its name is, or looks like, that of another team" in pages[0]
    assert "that of 2 earlier submissions of your team" in pages[1]
    assert "Its name" not in pages[1]
