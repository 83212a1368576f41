"""Attacks on the server over real HTTP. What must hold: refused with a reason, nothing stored, still alive."""

from __future__ import annotations

import contextlib
import io
import json
import re
import socket
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from bioreview_bench import load_split
from bioreview_bench.leaderboard.store.submissions import submissions_with
from bioreview_bench.leaderboard.worker.run import score_due

Served, Make = Callable[..., str], Callable[..., Any]


@pytest.fixture
def ann(board: Any, url: str, caller: Make, add_submitter: Make) -> Any:
    """A user who speaks to the board."""
    return caller(url, add_submitter(board, "ann").token)


def _rows(concern: Any = "The sample is too small.") -> bytes:
    rows = [{"article_id": article.id, "concerns": [concern]} for article in load_split("demo", "test")]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _zip(**files: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", ".").replace("UP", "../"), data)
    return content.getvalue()


def _raw(url: str, head: str, body: bytes = b"") -> bytes:
    """Send bytes as they are; the answer, or what there is of it when the server closes."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while not _is_whole(answer) and (chunk := connection.recv(65536)):
                answer += chunk
    return answer


def _is_whole(answer: bytes) -> bool:
    """True for an answer that is as long as it says."""
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return length is not None and len(body) >= int(length[1])


def _logged(log: io.StringIO, event: str, n: int) -> list[dict[str, Any]]:
    """The first lines about an event; they are written after the answer is sent."""
    for _ in range(6000):
        rows = [json.loads(line) for line in log.getvalue().splitlines()]
        found = [row for row in rows if row["event"] == event]
        if len(found) >= n:
            return found
        time.sleep(0.01)
    raise AssertionError(log.getvalue())


def _alive(url: str, caller: Make) -> None:
    assert caller(url).get("/healthz").status_code == 200


def test_sql_in_names_is_text(board: Any, url: str, ann: Any, caller: Make, card_bytes: Make) -> None:
    name = "Robert'); DROP TABLE submissions;--"
    sent = ann.submit(_rows(), card_bytes(name, organisation="' OR 1=1 --"))
    assert sent.status_code == 201
    score_due(board)
    assert caller(url).get("/api/v1/tables/test/jaccard.json").json()["rows"][0]["system"] == name
    for path in (
        "/api/v1/submissions/s_1' OR '1'='1",
        "/api/v1/tables/test' --/jaccard.json",
        "/api/v1/splits/%00/ids",
    ):
        assert ann.get(path).status_code in (404, 422)
    assert len(ann.get("/api/v1/submissions").json()) == 1


def test_script_in_every_field_of_a_card_is_data_in_json_and_a_formula_is_text_in_csv(
    board: Any, url: str, ann: Any, caller: Make, card_bytes: Make
) -> None:
    script = "<script>alert(1)</script>"
    fields = dict.fromkeys(("system_version", "organisation", "contact", "base_model", "postprocessing"), script)
    sent = ann.submit(_rows(), card_bytes('=HYPERLINK("http://evil")', **fields, description=script, parameters=script))
    assert sent.status_code == 201, sent.text
    score_due(board)
    shown = caller(url).get("/api/v1/tables/test/jaccard.json")
    assert shown.headers["content-type"] == "application/json"
    assert shown.json()["rows"][0]["organisation"] == script
    cells = caller(url).get("/api/v1/tables/test/jaccard.csv").text
    assert not [line for line in cells.splitlines() if line.lstrip('"').startswith("=")]
    assert ',"=' not in cells


def test_a_name_with_marks_that_deceive_is_refused(ann: Any, card_bytes: Make) -> None:
    for char in ("\u202e", "\u200b", "\u0007", "\ufeff", "\u2066"):
        refused = ann.submit(_rows(), card_bytes(f"Good{char}Name"))
        assert refused.status_code == 422, repr(char)
        assert "system_name" in refused.text
        assert char not in refused.json()["problems"][0]["message"]


def test_a_name_that_looks_like_another_teams_is_flagged(
    board: Any, url: str, ann: Any, caller: Make, add_submitter: Make, card_bytes: Make
) -> None:
    ben = caller(url, add_submitter(board, "ben").token)
    assert ann.submit(_rows(), card_bytes("Reviewer")).status_code == 201
    sent = ben.submit(_rows("Another text."), card_bytes("R\u0435vi\u0435wer"))  # Cyrillic e
    facts = ben.get(sent.headers["location"]).json()["facts"]
    assert facts["looks_like"] == ["Reviewer"]
    score_due(board)
    rows = caller(url).get("/api/v1/tables/test/jaccard.json").json()["rows"]
    flagged = {row["team"] for row in rows if "confusable-name" in row["badges"]}
    assert "team ben" in flagged


def test_a_declared_length_above_the_limit_is_refused_before_the_body_is_sent(board: Any, url: str, ann: Any) -> None:
    head = (
        "POST /api/v1/submissions HTTP/1.1\nHost: x\nContent-Type: multipart/form-data; boundary=b\n"
        f"Authorization: Bearer {ann.token}\nContent-Length: 60000000000"
    )
    answer = _raw(url, head)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()


def test_a_body_longer_than_its_limit_without_a_length_is_cut_off(
    make_board: Make, tmp_path: Any, served: Served, caller: Make, add_submitter: Make
) -> None:
    board = make_board(tmp_path / "b.sqlite", upload_bytes=100_000)
    ann = caller(served(board), add_submitter(board, "ann").token)
    sent = []

    def endless() -> Any:
        yield b'--b\r\nContent-Disposition: form-data; name="predictions"; filename="p"\r\n\r\n'
        for _ in range(3000):
            sent.append(1)
            yield b"x" * 10_000

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    import httpx

    status = None
    with contextlib.suppress(httpx.TransportError):  # the connection may be closed while it still sends
        status = ann.post("/api/v1/submissions", content=endless(), headers=headers).status_code
    assert status in (413, None)
    assert len(sent) < 3000
    _alive(ann.url, caller)


def test_a_file_above_its_limit_is_refused_and_says_so(
    make_board: Make, tmp_path: Any, served: Served, caller: Make, add_submitter: Make, card_bytes: Make
) -> None:
    board = make_board(tmp_path / "b.sqlite", upload_bytes=100_000)
    ann = caller(served(board), add_submitter(board, "ann").token)
    within = ann.submit(b" " * 100_001, card_bytes())
    assert within.status_code == 422
    assert "larger than 100,000 bytes" in within.text
    beyond = ann.submit(b" " * 3_000_000, card_bytes())
    assert beyond.status_code == 413
    assert ann.get("/api/v1/submissions").json() == []


def test_a_length_that_lies_is_a_broken_request(board: Any, url: str, ann: Any, caller: Make, card_bytes: Make) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="split"\r\n\r\ntest\r\n--b--\r\n'
    head = (
        "POST /api/v1/submissions HTTP/1.1\nHost: x\nContent-Type: multipart/form-data; boundary=b\n"
        f"Authorization: Bearer {ann.token}\nContent-Length: "
    )
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        connection.sendall((head + str(len(body) + 1000)).replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
    for length in ("-5", "abc", "1e9", f"{len(body)}, 7"):
        answer = _raw(url, head + length, body)
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 422")), (length, answer[:200])
    both = head + f"{len(body)}\nTransfer-Encoding: chunked"
    assert not _raw(url, both, body).startswith(b"HTTP/1.1 2")
    assert ann.get("/api/v1/submissions").json() == []
    _alive(url, caller)


def test_a_sender_that_stalls_is_let_go(
    board: Any, url: str, ann: Any, caller: Make, monkeypatch: pytest.MonkeyPatch, served: Served
) -> None:
    from bioreview_bench.leaderboard.http import security
    from bioreview_bench.leaderboard.serving import app

    class Impatient(security.BodyGuard):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options, patience=0.2)

    monkeypatch.setattr(app, "BodyGuard", Impatient)
    address = served(board)
    head = (
        "POST /api/v1/submissions HTTP/1.1\nHost: x\nContent-Type: multipart/form-data; boundary=b\n"
        f"Authorization: Bearer {ann.token}\nContent-Length: 1000"
    )
    assert _raw(address, head, b"--b\r\n").startswith(b"HTTP/1.1 408")


def test_a_body_from_nobody_is_not_read(board: Any, url: str, caller: Make) -> None:
    head = (
        "POST /api/v1/submissions HTTP/1.1\nHost: x\nContent-Type: multipart/form-data; boundary=b\n"
        "Content-Length: 40000000"
    )
    assert _raw(url, head).startswith(b"HTTP/1.1 401")


def test_many_parts_many_headers_and_long_names_are_refused(ann: Any, caller: Make) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    part = b'--b\r\nContent-Disposition: form-data; name="a%d"\r\n\r\nx\r\n'
    many = b"".join(part % number for number in range(5000)) + b"--b--\r\n"
    extra = b"".join(b"X-%d: y\r\n" % number for number in range(5000))
    headed = b'--b\r\nContent-Disposition: form-data; name="split"\r\n' + extra + b"\r\ntest\r\n--b--\r\n"
    long = b'--b\r\nContent-Disposition: form-data; name="' + b"n" * 100_000 + b'"\r\n\r\nx\r\n--b--\r\n'
    large = b'--b\r\nContent-Disposition: form-data; name="split"\r\n\r\n' + b"x" * 100_000 + b"\r\n--b--\r\n"
    for body in (many, headed, long, large):
        refused = ann.post("/api/v1/submissions", content=body, headers=headers)
        assert refused.status_code == 400, refused.text
    assert ann.post("/api/v1/submissions", content=b"a=b&" * 50_000).status_code in (400, 422)
    _alive(ann.url, caller)


def test_a_head_without_an_end_is_refused(url: str, caller: Make) -> None:
    assert _raw(url, "GET / HTTP/1.1\nHost: x\nX: " + "y" * 200_000).startswith(b"HTTP/1.1 400")
    _alive(url, caller)


def test_a_zip_bomb_is_refused_without_being_unpacked(ann: Any, card_bytes: Make) -> None:
    honest = _zip(predictions__jsonl=b" " * 200_000_000, card__yaml=card_bytes())
    assert len(honest) < 400_000
    refused = ann.archive(honest)
    assert refused.status_code == 422
    assert "larger than 52,428,800 bytes" in refused.text

    # The same, but its directory says 100 bytes.
    lying = bytearray(honest)
    directory = lying.index(b"PK\x01\x02")
    struct.pack_into("<L", lying, directory + 24, 100)
    refused = ann.archive(bytes(lying))
    assert refused.status_code == 422, refused.text
    assert ann.get("/api/v1/submissions").json() == []


def test_an_archive_that_climbs_out_or_nests_is_refused(ann: Any, card_bytes: Make) -> None:
    card, rows = card_bytes(), _rows()
    inner = _zip(predictions__jsonl=rows)
    for content in (
        _zip(UPpredictions__jsonl=rows, card__yaml=card),
        _zip(**{"/etc/predictions.jsonl": rows, "card__yaml": card}),
        _zip(**{"a\\..\\predictions.jsonl": rows, "card__yaml": card}),
        _zip(predictions__jsonl=rows, card__yaml=card, inner__zip=inner),
        b"PK\x05\x06" + bytes(18),
        b"not a zip",
        zlib.compress(rows),
        b"",
    ):
        refused = ann.archive(content)
        assert refused.status_code == 422, refused.text
    assert ann.get("/api/v1/submissions").json() == []


def test_yaml_bombs_tags_and_a_large_card_are_refused(ann: Any) -> None:
    bomb = b"a: &a [x, x]\n" + b"".join(b"%c: &%c [*%c, *%c]\n" % (c, c, c - 1, c - 1) for c in range(98, 122))
    for card in (
        bomb,
        b"system_name: !!python/object/apply:os.system [id]\n",
        b"system_name: &a x\nsystem_version: *a\n",
        b"[" * 10_000,
        b"a: " * 3000,
        b"x" * 70_000,
        b"\xff\xfe",
        b"",
        b"system_name: a\nsystem_name: b\n",
    ):
        refused = ann.submit(_rows(), card)
        assert refused.status_code == 422, card[:40]
        assert refused.json()["problems"]


def test_numbers_that_are_none_are_refused(ann: Any, card_bytes: Make) -> None:
    rows = _rows({"text": "The sample is too small.", "confidence": 12345})
    for number in ("NaN", "Infinity", "-Infinity", "1e999", "9" * 5000, "-1", "true", '"0.5"'):
        sent = ann.submit(rows.replace(b"12345", number.encode()), card_bytes())
        assert sent.status_code == 201
        assert sent.json()["state"] == "rejected", number[:20]
        assert len(ann.get(sent.headers["location"]).json()["problems"]) >= 12


def test_a_cost_that_is_no_number_is_refused(ann: Any, card_bytes: Make) -> None:
    for cost in (".nan", ".inf", "-1", "1e999"):
        card = card_bytes() + f"cost_usd: {cost}\n".encode()
        assert ann.submit(_rows(), card).status_code == 422


def test_lines_that_are_hostile_are_rejected_line_by_line(ann: Any, card_bytes: Make) -> None:
    deep = b'{"article_id": "elife:900301", "concerns": ' + b"[" * 5000 + b"]" * 5000 + b"}\n"
    twice = b'{"article_id": "elife:900301", "article_id": "elife:900302", "concerns": []}\n'
    surrogate = b'{"article_id": "elife:900301", "concerns": ["\\ud800"]}\n'
    for line in (deep, twice, surrogate):
        sent = ann.submit(line, card_bytes())
        assert sent.json()["state"] == "rejected", line[:60]
        assert 1 in [one["line"] for one in ann.get(sent.headers["location"]).json()["problems"]]
    for file_of_another_kind in (b"\xff\xfe\n", b"\x00\n", b"[]\n"):
        sent = ann.submit(file_of_another_kind, card_bytes())
        assert sent.json()["state"] == "rejected", file_of_another_kind
        assert ann.get(sent.headers["location"]).json()["problems"]


def test_too_many_concerns_and_rows_are_rejected(ann: Any, card_bytes: Make) -> None:
    many = json.dumps({"article_id": "elife:900301", "concerns": ["A concern of some length."] * 101}).encode()
    sent = ann.submit(many, card_bytes("Many"))
    assert "at most 100" in ann.get(sent.headers["location"]).text
    rows = b"".join(b'{"article_id": "elife:%d", "concerns": []}\n' % number for number in range(20_000))
    began = time.process_time()  # of the server as well, which is a thread of this process
    sent = ann.submit(rows, card_bytes("Rows"))
    assert time.process_time() - began < 10
    assert ann.get(sent.headers["location"]).json()["state"] == "rejected"


def test_a_file_that_copies_the_references_is_flagged(
    board: Any, url: str, ann: Any, caller: Make, card_bytes: Make
) -> None:
    rows = [
        {"article_id": article.id, "concerns": [concern.concern_text.upper() for concern in article.concerns]}
        for article in load_split("demo", "test")
    ]
    sent = ann.submit("".join(json.dumps(row) + "\n" for row in rows).encode(), card_bytes("Oracle"))
    score_due(board)
    assert "exact_match_rate" not in ann.get(sent.headers["location"]).text
    row = caller(url).get("/api/v1/tables/test/jaccard.json").json()["rows"][0]
    assert "copies-references" in row["badges"]


@pytest.mark.usefixtures("midday")
def test_probing_labels_by_many_near_identical_files_meets_the_quota_and_is_shown(
    make_board: Make, tmp_path: Any, served: Served, caller: Make, add_submitter: Make, card_bytes: Make
) -> None:
    board = make_board(tmp_path / "b.sqlite", per_day=3, uploads_per_day=10)
    ann = caller(served(board), add_submitter(board, "ann").token)
    lines = [
        json.dumps({"article_id": article.id, "concerns": [f"Concern {n} of {article.id}." for n in range(5)]})
        for article in load_split("demo", "test")
    ]
    answers = []
    for probe in range(5):
        changed = [lines[0].replace("Concern 0", f"Probe {probe}"), *lines[1:]]
        answers.append(ann.submit("\n".join(changed).encode(), card_bytes(f"Probe {probe}")))
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429, 429]
    score_due(board)
    facts = ann.get(answers[2].headers["location"]).json()["facts"]
    assert facts["near_share"] == pytest.approx(59 / 60, abs=0.001)
    rows = caller(ann.url).get("/api/v1/tables/test/jaccard.json").json()["rows"]
    assert {row["n_team_submissions"] for row in rows} == {3}
    assert sum(row["band"] is not None for row in rows) == 1
    assert rows[0]["system"] == "Probe 0"


def test_neither_tokens_nor_texts_nor_cookies_nor_queries_are_logged(
    log: io.StringIO, board: Any, url: str, ann: Any, caller: Make, card_bytes: Make
) -> None:
    ann.submit(_rows("A text that nobody must log."), card_bytes("Secretive"))
    ann.get("/api/v1/submissions?token=in-the-query", headers={"Cookie": "bioreview=in-the-cookie"})
    caller(url, "brb_a_wrong_token").get("/api/v1/submissions")
    ann.submit(b"{broken", b"system_name: [")
    _raw(url, "GET /healthz?secret=in-the-query HTTP/9\nHost: x")
    requests = _logged(log, "request", 4)
    assert {(row["method"], row["path"], row["status"]) for row in requests} == {
        ("POST", "/api/v1/submissions", 201),
        ("GET", "/api/v1/submissions", 200),
        ("GET", "/api/v1/submissions", 401),
        ("POST", "/api/v1/submissions", 422),
    }
    for secret in (ann.token, "nobody must log", "in-the-query", "in-the-cookie", "a_wrong_token", "Secretive"):
        assert secret not in log.getvalue()


def test_an_unforeseen_error_tells_the_client_nothing_and_the_log_where_but_not_what(
    log: io.StringIO, board: Any, url: str, ann: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bioreview_bench.leaderboard.http import api

    def broken(*arguments: Any) -> None:
        raise RuntimeError("a text in an exception")

    monkeypatch.setattr(api, "submissions_of", broken)
    refused = ann.get("/api/v1/submissions")
    assert refused.status_code == 500
    assert "exception" not in refused.text
    assert "content-security-policy" in refused.headers
    (failed,) = _logged(log, "request failed", 1)
    assert failed["id"] == refused.headers["x-request-id"]
    assert failed["exception"]["type"] == "builtins.RuntimeError"
    assert failed["exception"]["where"][-1].startswith("test_attacks.py:")
    assert "a text in an exception" not in log.getvalue()


def test_a_full_disk_is_said_and_logged_and_nothing_is_half_stored(
    log: io.StringIO, board: Any, url: str, ann: Any, monkeypatch: pytest.MonkeyPatch, card_bytes: Make
) -> None:
    import errno
    import tempfile

    class Full(tempfile.SpooledTemporaryFile):  # type: ignore[type-arg]
        def write(self, *arguments: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("starlette.formparsers.SpooledTemporaryFile", Full)
    refused = ann.submit(_rows(), card_bytes())
    assert refused.status_code == 507
    assert "disk is full" in refused.text
    (failed,) = _logged(log, "request failed", 1)
    assert failed["id"] == refused.headers["x-request-id"]
    assert submissions_with(board, ("received", "queued")) == []
