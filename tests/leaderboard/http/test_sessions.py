"""Cookies and CSRF tokens: what is signed holds, what is altered, old or another's does not."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest

pytest.importorskip("fastapi", reason="the leaderboard extra is not installed")
pytest.importorskip("itsdangerous", reason="the leaderboard extra is not installed")

import itsdangerous
from starlette.datastructures import Headers

from bioreview_bench.leaderboard.http.auth import LIFETIME, Session, SessionState, Signer, is_cross_site

_SECRET = bytes(range(32))


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Set the clock that cookies are signed by."""
    return lambda seconds: monkeypatch.setattr(itsdangerous.TimestampSigner, "get_timestamp", lambda self: seconds)


def test_a_cookie_is_read_back_and_an_altered_one_is_nobody() -> None:
    signer = Signer(_SECRET)
    session = Session("number", 7, "abc")
    cookie = signer.cookie(session)
    assert signer.read(cookie) == session
    body, when, digest = cookie.split(".")
    other = base64.urlsafe_b64encode(json.dumps(["number", 8, "abc"], separators=(",", ":")).encode()).decode()
    later = base64.urlsafe_b64encode((2**31).to_bytes(4, "big")).decode().rstrip("=")
    altered = [f"{other.rstrip('=')}.{when}.{digest}", f"{body}.{later}.{digest}", f"{body}.{when}.{'0' * 43}"]
    for strange in (*altered, body, f"{body}.", f"{body}.{when}", "", "ü", "x" * 10_000, None):
        assert signer.read(strange) is None
    assert Signer(bytes(32)).read(cookie) is None


def test_a_cookie_ends_after_its_lifetime_and_one_from_the_future_is_none(at: Callable[[int], None]) -> None:
    signer = Signer(_SECRET)
    at(1000)
    cookie = signer.cookie(Session("n"))
    at(1000 + LIFETIME - 1)
    assert signer.read(cookie) is not None
    for seconds in (1000 + LIFETIME, 999):
        at(seconds)
        assert signer.read(cookie) is None


def test_a_csrf_token_is_of_one_session_and_is_no_cookie() -> None:
    signer = Signer(_SECRET)
    mine, other = SessionState(signer, Session.new()), SessionState(signer, Session.new())
    token = mine.csrf_token()
    assert mine.csrf_matches(token)
    assert not mine.changed
    for wrong in (other.csrf_token(), "", token[:-1], None, 3, "\udcff"):
        assert not mine.csrf_matches(wrong)
    assert not SessionState(signer, None).csrf_matches(token)
    assert signer.read(token) is None


def test_logging_in_changes_the_session_so_that_a_planted_one_is_worth_nothing() -> None:
    signer = Signer(_SECRET)
    state = SessionState(signer, Session.new())
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
