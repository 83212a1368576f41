"""The API over real HTTP: what is taken in, who may see it, and what is said when it is not in order."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from bioreview_bench import load_split
from bioreview_bench.leaderboard.store.settings import get_settings, get_split, put_board
from bioreview_bench.leaderboard.store.status import status as submission_status
from bioreview_bench.leaderboard.store.users import revoke_user
from bioreview_bench.leaderboard.worker.run import score_due

_MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}
Served, Make = Callable[..., str], Callable[..., Any]


def test_a_submission_goes_from_queued_to_scored_and_into_the_table(
    board: Any, url: str, caller: Make, add_submitter: Make, demo_predictions: Make, card_bytes: Make
) -> None:
    ann = caller(url, add_submitter(board, "ann").token)
    taken = ann.submit(demo_predictions("careful"), card_bytes("Careful"))
    assert taken.status_code == 201, taken.text
    assert taken.json() == {"id": taken.json()["id"], "state": "queued", "reason": None, "created": True}
    assert taken.headers["location"] == f"/api/v1/submissions/{taken.json()['id']}"
    assert score_due(board) == 1
    status = ann.get(taken.headers["location"]).json()
    assert [event["state"] for event in status["events"]] == ["received", "validating", "queued", "scoring", "scored"]
    assert status["results"][0]["contract"] == "jaccard"
    table = caller(url).get("/api/v1/tables/test/jaccard.json").json()
    assert [(row["system"], row["team"], row["submission"]) for row in table["rows"]] == [
        ("Careful", "team ann", status["id"])
    ]
    assert table["rows"][0]["f1"] == status["results"][0]["f1"]
    listed = caller(url).get("/api/v1/tables/test/jaccard.csv")
    assert listed.headers["content-type"] == "text/csv; charset=utf-8"
    assert "Careful" in listed.text.splitlines()[1]


def test_a_system_s_tests_are_had_by_themselves(
    board: Any, url: str, caller: Make, add_submitter: Make, demo_predictions: Make, card_bytes: Make
) -> None:
    for name, demo in (("ann", "careful"), ("bob", "generic")):
        sent = caller(url, add_submitter(board, name).token).submit(demo_predictions(demo), card_bytes(name))
        assert sent.status_code == 201, sent.text
    score_due(board)
    table = caller(url).get("/api/v1/tables/test/jaccard.json").json()
    assert "tests" not in table
    best, other = (row["submission"] for row in table["rows"])
    answer = caller(url).get(f"/api/v1/tables/test/jaccard/tests/{best}.json").json()
    assert (answer["submission"], answer["level"]) == (best, 0.05)
    [test] = answer["tests"]
    assert (test["a"], test["b"]) == (best, other)
    assert 0 < test["delta_f1"] == round(test["delta_f1"], 3)
    assert caller(url).get("/api/v1/tables/test/jaccard/tests/s_0.json").json()["tests"] == []
    assert caller(url).get(f"/api/v1/tables/test/v3/tests/{best}.json").status_code == 404


def test_the_same_submission_sent_twice_is_one(
    board: Any, url: str, caller: Make, add_submitter: Make, demo_predictions: Make, card_bytes: Make
) -> None:
    ann = caller(url, add_submitter(board, "ann").token)
    first = ann.submit(demo_predictions("careful"), card_bytes())
    again = ann.submit(demo_predictions("careful"), b"# laid out otherwise\n" + card_bytes())
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert not again.json()["created"]
    assert len(ann.get("/api/v1/submissions").json()) == 1


def test_an_archive_is_the_same_submission_as_its_files(
    board: Any, url: str, caller: Make, add_submitter: Make, demo_predictions: Make, card_bytes: Make
) -> None:
    ann = caller(url, add_submitter(board, "ann").token)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("predictions.jsonl", demo_predictions("careful"))
        archive.writestr("card.yaml", card_bytes())
    sent = ann.archive(content.getvalue())
    assert sent.status_code == 201, sent.text
    assert ann.submit(demo_predictions("careful"), card_bytes()).json()["id"] == sent.json()["id"]


def test_only_the_submitter_and_maintainers_see_a_submission(
    board: Any, url: str, caller: Make, add_submitter: Make, make_package: Make
) -> None:
    ann, ben = add_submitter(board, "ann"), add_submitter(board, "ben")
    chief = add_submitter(board, "chief", maintainer=True)
    submission = ann.submit(make_package())
    path = f"/api/v1/submissions/{submission}"
    assert caller(url, ann.token).get(path).status_code == 200
    assert caller(url, chief.token).get(path).status_code == 200
    assert caller(url, ben.token).get(path).status_code == 403
    assert caller(url).get(path).status_code == 401
    for action in ("mark", "withdraw"):
        assert caller(url, ben.token).post(f"{path}/{action}").status_code == 403
        assert caller(url).post(f"{path}/{action}").status_code == 401
    assert submission_status(board, submission).state == "queued"
    assert caller(url, ben.token).get("/api/v1/submissions").json() == []


def test_a_wrong_an_empty_a_revoked_and_a_huge_token_are_nobody(
    board: Any, url: str, caller: Make, add_submitter: Make
) -> None:
    ann = add_submitter(board, "ann")
    for token in ("brb_wrong", ann.token[:-1], ann.token + "x", "x" * 5000, "\u00fc".encode().decode("latin-1")):
        refused = caller(url).get("/api/v1/submissions", headers={"Authorization": f"Bearer {token}".encode("latin-1")})
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
    for header in ("", "Bearer", f"Basic {ann.token}", ann.token):
        assert caller(url).get("/api/v1/submissions", headers={"Authorization": header}).status_code == 401
    assert caller(url, ann.token).get("/api/v1/submissions").status_code == 200
    revoke_user(board, "ann")
    assert caller(url, ann.token).get("/api/v1/submissions").status_code == 401


def test_a_cookie_of_a_logged_in_browser_opens_no_part_of_the_api(
    board: Any, url: str, caller: Make, add_submitter: Make
) -> None:
    import hashlib

    from bioreview_bench.leaderboard.http.auth import Session, Signer, session_secret

    ann = add_submitter(board, "ann")
    signer = Signer(session_secret(board))
    key = hashlib.sha256(ann.token.encode()).hexdigest()[:16]
    cookie = signer.cookie(Session("number", ann.user.id, key))
    asked = caller(url).get("/api/v1/submissions", headers={"Cookie": f"bioreview={cookie}"})
    assert asked.status_code == 401


def test_everything_wrong_with_a_file_is_listed(
    board: Any, url: str, caller: Make, add_submitter: Make, card_bytes: Make
) -> None:
    ann = caller(url, add_submitter(board, "ann").token)
    rows = b'{"article_id": "elife:1", "concerns": []}\n{"article_id": "elife:900301", "concerns": [3, {"x": 1}]}\n'
    taken = ann.submit(rows, card_bytes())
    assert taken.json()["state"] == "rejected"
    status = ann.get(taken.headers["location"]).json()
    messages = {(one["line"], one["message"].split('"')[0].strip()) for one in status["problems"]}
    assert (1, "unknown article id") in messages
    assert (2, "concern 1: must be a string or an object, this is a number") in messages
    assert (2, "concern 2: has neither text nor concern_text") in messages
    ids = [article.id for article in load_split("demo", "test")]
    missing = {one["message"] for one in status["problems"] if one["message"].startswith("no row for")}
    assert missing == {f"no row for {one}" for one in ids if one != "elife:900301"}
    assert status["n_problems"] == len(status["problems"])


def test_a_broken_card_is_refused_with_all_its_problems(
    board: Any, url: str, caller: Make, add_submitter: Make, demo_predictions: Make
) -> None:
    ann = caller(url, add_submitter(board, "ann").token)
    refused = ann.submit(demo_predictions("careful"), b"system_name: A\nf1: 7.0\n")
    assert refused.status_code == 422
    told = " ".join(one["message"] for one in refused.json()["problems"])
    assert "f1: Extra inputs are not permitted" in told
    assert "system_version: is missing" in told
    assert refused.json()["remedy"]
    assert ann.get("/api/v1/submissions").json() == []


def test_a_form_without_its_parts_says_which(
    board: Any, url: str, caller: Make, add_submitter: Make, demo_predictions: Make, card_bytes: Make
) -> None:
    ann = caller(url, add_submitter(board, "ann").token)
    good, card = ("p", demo_predictions("careful")), ("c", card_bytes())
    path, split = "/api/v1/submissions", {"split": "test"}
    cases = [
        ({"files": {"predictions": good, "card": card}}, 422, "no split"),
        ({"data": {"split": "train"}, "files": {"predictions": good, "card": card}}, 404, "train"),
        ({"data": split, "files": {"card": card}}, 422, "no predictions"),
        ({"data": split, "files": {"predictions": good}}, 422, "no card"),
        ({"data": {**split, "card": "x"}, "files": {"predictions": good}}, 422, "card is not a file"),
        ({"data": split, "files": {"predictions": good, "card": card, "archive": good}}, 422, "archive"),
        ({"data": {**split, "f1": "7.0"}, "files": {"predictions": good, "card": card}}, 422, "fields"),
        ({"data": {**split, "marked": "7"}, "files": {"predictions": good, "card": card}}, 422, "marked"),
        ({"data": split, "files": [("card", card), ("card", card)]}, 422, "fields"),
        ({"content": b"--x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "boundary"),
        ({"content": b"no boundary", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400, "multipart"),
        ({"content": b"{}", "headers": {"Content-Type": "application/json"}}, 422, "no split"),
    ]
    for options, status, said in cases:
        refused = ann.post(path, **options)
        assert refused.status_code == status, (options, refused.text)
        assert said in str(refused.json()), refused.text
        assert refused.json()["status"] == status
    assert ann.get(path).json() == []


def test_a_mark_moves_until_it_is_used_and_a_submission_can_be_withdrawn(
    board: Any, url: str, caller: Make, add_submitter: Make, demo_predictions: Make, card_bytes: Make
) -> None:
    ann = caller(url, add_submitter(board, "ann").token)
    first = ann.submit(demo_predictions("careful"), card_bytes("One"), marked="true").headers["location"]
    second = ann.submit(demo_predictions("careful"), card_bytes("Two")).headers["location"]
    assert ann.get(first).json()["marked"]
    assert ann.post(f"{second}/mark").json()["marked"]
    assert not ann.get(first).json()["marked"]
    score_due(board)
    refused = ann.post(f"{first}/mark")
    assert refused.status_code == 409
    assert "only one that is not scored yet" in refused.json()["error"]
    assert ann.post(f"{second}/withdraw").json()["state"] == "withdrawn"
    assert ann.post(f"{second}/withdraw").status_code == 409


@pytest.mark.usefixtures("midday")
def test_the_quota_of_a_day_is_429_and_says_how_long(
    make_board: Make, tmp_path: Any, served: Served, caller: Make, add_submitter: Make, demo_predictions: Make,
    card_bytes: Make,
) -> None:  # fmt: skip
    board = make_board(tmp_path / "b.sqlite", per_day=1)
    ann = caller(served(board), add_submitter(board, "ann").token)
    assert ann.submit(demo_predictions("careful"), card_bytes("One")).status_code == 201
    refused = ann.submit(demo_predictions("careful"), card_bytes("Two"))
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 24 * 3600
    assert ann.submit(demo_predictions("careful"), card_bytes("One")).status_code == 200


@pytest.mark.usefixtures("midday")
def test_an_upload_that_no_submission_comes_of_counts_whatever_it_is_refused_for(
    make_board: Make, tmp_path: Any, served: Served, caller: Make, add_submitter: Make, demo_predictions: Make,
    card_bytes: Make,
) -> None:  # fmt: skip
    board = make_board(tmp_path / "b.sqlite", uploads_per_day=4)
    ann = caller(served(board), add_submitter(board, "ann").token)
    files = demo_predictions("careful"), card_bytes("One")
    assert ann.submit(files[0], b"f1: 7.0\n").status_code == 422
    assert ann.submit(*files, split="nosuch").status_code == 404
    assert ann.submit(*files, marked="true", trial="true").status_code == 409
    assert ann.submit(*files).status_code == 201
    assert ann.submit(demo_predictions("careful"), card_bytes("Two")).status_code == 429


@pytest.mark.usefixtures("midday")
@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"files": {"predictions": b"{}", "card": b"{}"}}, 422),  # no split
        ({"data": {"split": "test", "marked": "perhaps"}, "files": {"predictions": b"{}", "card": b"{}"}}, 422),
        ({"data": {"split": "test", "score": "1"}, "files": {"predictions": b"{}", "card": b"{}"}}, 422),
        ({"data": {"split": "test"}, "files": {"archive": b"PK no zip"}}, 422),
        ({"json": {"split": "test"}}, 422),
        ({"content": b"nonsense", "headers": _MULTIPART}, 400),
        ({"content": (b"x" * 10**5 for _ in range(20)), "headers": _MULTIPART}, 413),  # of no stated length
    ],
    ids=["split", "mark", "field", "archive", "json", "multipart", "size"],
)
def test_so_does_a_form_that_is_none(
    request_: dict[str, Any], status: int, make_board: Make, tmp_path: Any, served: Served, caller: Make,
    add_submitter: Make, demo_predictions: Make, card_bytes: Make,
) -> None:  # fmt: skip
    sizes = {"upload_bytes": 1000, "card_bytes": 1000, "run_bytes": 1000} if status == 413 else {}
    board = make_board(tmp_path / "b.sqlite", uploads_per_day=1, **sizes)
    ann = caller(served(board), add_submitter(board, "ann").token)
    assert ann.post("/api/v1/submissions", **request_).status_code == status
    assert ann.submit(b"", card_bytes("One")).status_code == 429


def test_the_board_says_what_it_is_about_without_a_token(board: Any, url: str, caller: Make) -> None:
    said = caller(url).get("/api/v1/board").json()
    assert (said["splits"], said["contracts"], said["ranking"]) == (
        [{"name": "test", "n_articles": 12}],
        ["jaccard"],
        "jaccard",
    )
    split = caller(url).get("/api/v1/splits/test/ids").json()
    loaded = load_split("demo", "test")
    assert split["ids"] == [article.id for article in loaded]
    assert (split["label"], split["fingerprint"]) == (loaded.label, loaded.fingerprint)
    assert caller(url).get("/api/v1/splits/train/ids").status_code == 404
    assert caller(url).get("/api/v1/tables/test/v3.json").status_code == 404


def test_no_reference_and_no_outcome_of_an_article_is_in_anything_that_the_api_says(
    board: Any, url: str, caller: Make, add_submitter: Make, demo_predictions: Make, card_bytes: Make
) -> None:
    ann = caller(url, add_submitter(board, "ann").token)
    sent = ann.submit(demo_predictions("careful"), card_bytes())
    score_due(board)
    said = [
        ann.get(path).text
        for path in (
            "/api/v1/board",
            "/api/v1/submissions",
            sent.headers["location"],
            "/api/v1/tables/test/jaccard.json",
            "/api/v1/tables/test/jaccard.csv",
            "/readyz",
        )
    ]
    texts = [concern.concern_text for article in load_split("demo", "test") for concern in article.concerns]
    assert len(texts) > 20
    for answer in said:
        assert not [text for text in texts if text[:40] in answer]
        assert "elife:900301" not in answer


def test_health_and_readiness(board: Any, url: str, caller: Make, add_submitter: Make, make_package: Make) -> None:
    assert caller(url).get("/healthz").json() == {"status": "ok"}
    assert caller(url).get("/readyz").json() == {"status": "ok", "waiting": 0, "oldest_seconds": None}
    add_submitter(board, "ann").submit(make_package())
    ready = caller(url).get("/readyz").json()
    assert ready["waiting"] == 1
    assert 0 <= ready["oldest_seconds"] < 60


def test_a_board_whose_database_is_gone_is_alive_but_not_ready(
    board: Any, url: str, caller: Make, tmp_path: Any
) -> None:
    board.close()
    for path in tmp_path.glob("board.sqlite*"):
        path.unlink()
    assert caller(url).get("/healthz").status_code == 200
    refused = caller(url).get("/readyz")
    assert refused.status_code == 503
    assert str(tmp_path) not in refused.text


def test_a_changed_setting_holds_without_a_new_start(
    board: Any, url: str, caller: Make, add_submitter: Make, demo_predictions: Make, card_bytes: Make
) -> None:
    from bioreview_bench.leaderboard import boards

    ann = caller(url, add_submitter(board, "ann").token)
    boards.alter(board, {"title": "Another"}, {"concerns": 3}, (), ())
    sent = ann.submit(demo_predictions("careful"), card_bytes())
    assert sent.json()["state"] == "rejected"


def test_every_answer_carries_the_security_headers(board: Any, served: Served, caller: Make) -> None:
    plain, secure = caller(served(board)), caller(served(board, secure=True))
    for path in ("/api/v1/board", "/nothing", "/api/v1/submissions", "/api/docs", "/healthz"):
        for asked in (plain, secure):
            answer = asked.get(path)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert len(answer.headers["x-request-id"]) == 16
            assert "server" not in answer.headers
            assert ("strict-transport-security" in answer.headers) is (asked is secure)


def test_only_named_hosts_are_answered_where_they_are_named(board: Any, served: Served, caller: Make) -> None:
    asked = caller(served(board, hosts=("board.example.org",)))
    assert asked.get("/healthz", headers={"Host": "board.example.org"}).status_code == 200
    assert asked.get("/healthz", headers={"Host": "evil.example.org"}).status_code == 400


def test_the_description_of_the_api_asks_no_other_server(url: str, caller: Make) -> None:
    page = caller(url).get("/api/docs").text
    assert "/api/v1/submissions/{submission}/withdraw" in page
    for mark in ("http://", "https://", "<style", "style=", "onclick"):
        assert mark not in page.replace("http://www.w3.org/2000/svg", "")


def test_a_wrong_method_is_told_the_right_ones(url: str, caller: Make) -> None:
    refused = caller(url).client.put("/api/v1/submissions")
    assert refused.status_code == 405
    assert refused.headers["allow"] == "GET, POST"
    assert caller(url).post("/api/v1/board").headers["allow"] == "GET"
    assert "error" in caller(url).client.delete("/healthz").json()


def test_the_same_board_in_postgresql_takes_in_many_at_once_and_each_once(
    make_board: Make, postgres_url: str, served: Served, caller: Make, add_submitter: Make, demo_predictions: Make,
    card_bytes: Make,
) -> None:  # fmt: skip
    from concurrent.futures import ThreadPoolExecutor

    board = make_board(postgres_url)
    url = served(board)
    tokens = [add_submitter(board, name).token for name in ("ann", "ben", "eve")]

    def send(number: int) -> str:
        sent = caller(url, tokens[number % 3]).submit(demo_predictions("careful"), card_bytes(f"System {number % 12}"))
        assert sent.status_code in (200, 201), sent.text
        return str(sent.json()["id"])

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(send, range(24)))  # each submission twice
    assert ids[:12] == ids[12:]
    assert len(set(ids)) == 12
    assert score_due(board) == 12
    rows = caller(url).get("/api/v1/tables/test/jaccard.json").json()["rows"]
    assert {row["submission"] for row in rows} == set(ids)
    assert caller(url).get("/").status_code == 200
    assert caller(url).get("/readyz").json()["waiting"] == 0


def test_a_system_trained_on_v3_train_is_refused_on_v4_test_with_the_reason(
    board: Any, url: str, caller: Make, add_submitter: Make, demo_predictions: Make, card_bytes: Make
) -> None:
    ann = caller(url, add_submitter(board, "ann").token)
    facts = get_split(board, "test")
    v4 = facts.model_copy(update={"data": "v4", "held_out": True})
    put_board(board, get_settings(board), [v4], [])
    for answer in ("yes", "undisclosed"):
        sent = ann.submit(demo_predictions("careful"), card_bytes(f"Trained {answer}", saw_v3_train=answer))
        assert sent.json()["state"] == "rejected"
        said = ann.get(sent.headers["location"]).json()["problems"][0]["message"]
        assert f"saw_v3_train is {answer}" in said
        assert "systems trained on v3 are not scored on it" in said
    assert ann.submit(demo_predictions("careful"), card_bytes("Clean", saw_v3_train="no")).json()["state"] == "queued"
