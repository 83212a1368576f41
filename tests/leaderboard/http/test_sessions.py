"""Cookies and CSRF tokens: what is signed holds, what is altered, old or another's does not."""

from __future__ import annotations

import base64
import json

import pytest

pytest.importorskip("fastapi", reason="the leaderboard extra is not installed")

from starlette.datastructures import Headers

from bioreview_bench.leaderboard.http.sessions import LIFETIME, Session, SessionState, Signer, is_cross_site

_SECRET = bytes(range(32))


def test_a_cookie_is_read_back_and_an_altered_one_is_nobody() -> None:
    signer = Signer(_SECRET, lambda: 1000.0)
    session = Session("number", 1000, 7, "abc")
    cookie = signer.cookie(session)
    assert signer.read(cookie) == session
    body, _, digest = cookie.rpartition(".")
    fields = json.loads(base64.urlsafe_b64decode(body))
    fields[2] = 8
    other = base64.urlsafe_b64encode(json.dumps(fields, separators=(",", ":")).encode()).decode()
    for altered in (f"{other}.{digest}", f"{body}.{'0' * 64}", body, f"{body}.", "", "ü", "x" * 10_000, None):
        assert signer.read(altered) is None
    assert Signer(bytes(32), lambda: 1000.0).read(cookie) is None


def test_a_cookie_ends_after_its_lifetime_and_one_from_the_future_is_none() -> None:
    cookie = Signer(_SECRET, lambda: 1000.0).cookie(Session("n", 1000))
    assert Signer(_SECRET, lambda: 1000.0 + LIFETIME - 1).read(cookie) is not None
    assert Signer(_SECRET, lambda: 1000.0 + LIFETIME).read(cookie) is None
    assert Signer(_SECRET, lambda: 999.0).read(cookie) is None


def test_a_csrf_token_is_of_one_session_and_is_no_cookie() -> None:
    signer = Signer(_SECRET)
    mine, other = SessionState(signer, signer.new()), SessionState(signer, signer.new())
    token = mine.csrf_token()
    assert mine.csrf_matches(token)
    assert not mine.changed
    for wrong in (other.csrf_token(), "", token[:-1], None, 3, "\udcff"):
        assert not mine.csrf_matches(wrong)
    assert not SessionState(signer, None).csrf_matches(token)
    assert signer.read(token) is None


def test_logging_in_changes_the_session_so_that_a_planted_one_is_worth_nothing() -> None:
    signer = Signer(_SECRET)
    state = SessionState(signer, signer.new())
    before = state.csrf_token()
    state.begin(7, "key")
    assert state.changed
    assert not state.csrf_matches(before)
    state.end()
    assert state.session is None


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Signer(b"short")


@pytest.mark.parametrize(
    ("headers", "cross"),
    [
        ({}, False),
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-site", "origin": "http://board"}, True),
        ({"origin": "http://board:8000", "host": "board:8000"}, False),
        ({"origin": "http://evil", "host": "board:8000"}, True),
        ({"origin": "null", "host": "board:8000"}, True),
    ],
)
def test_a_request_from_another_site_is_told(headers: dict[str, str], cross: bool) -> None:
    assert is_cross_site(Headers(headers)) is cross
