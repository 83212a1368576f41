"""What the server gives to whom: tokens, names, other sites, bodies, a full disk, answers changed under it."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bioreview_bench.cli.main import run

FAITHFUL = {"fidelity": "faithful", "category": "other", "severity": "minor"}


class Client:
    """Requests with a rater's token, or with none."""

    def __init__(self, link: str) -> None:
        parts = urlsplit(link)
        self.port, self.token = parts.port, parts.fragment

    def ask(self, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """(status, JSON or text)."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        named = {"Authorization": f"Bearer {self.token}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if body is not None:
            named.setdefault("Content-Type", "application/json")
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.request("GET" if body is None else "POST", path, raw, named)
        answer = connection.getresponse()
        text = answer.read().decode()
        self.headers = answer.headers
        connection.close()
        return answer.status, json.loads(text) if "json" in answer.headers.get("Content-Type", "") else text

    def item(self) -> dict[str, Any]:
        """The item that is open now."""
        found: dict[str, Any] = self.ask("/api/state")[1]["item"]
        return found

    def label(self, answer: object = FAITHFUL) -> int:
        """Answer the open item; the status."""
        return self.ask("/api/answer", {"item": self.item()["id"], "answer": answer, "seconds": 9})[0]


@pytest.fixture
def clients(pack: Path, serve: Callable[..., Any]) -> tuple[Client, Client]:
    links = serve(pack).links
    return Client(links["ann"]), Client(links["bob"])


def test_a_rater_gets_nothing_of_the_other_nor_of_the_key_by_any_address(clients: tuple[Client, Client]) -> None:
    ann, bob = clients
    assert ann.label({**FAITHFUL, "note": "only ann knows this"}) == 200
    seen = json.dumps(bob.ask("/api/state"))
    paths = ["/key.json", "/pack.json", "/answers-ann.jsonl", "/draft-ann.json", "/../key.json", "/%2e%2e/key.json"]
    paths += ["/api/state?rater=ann", "/api/state/ann", "/api/answers", "/api/summary", "//key.json", "/api/draft"]
    for path in paths:
        status, said = bob.ask(path)
        seen += json.dumps(said)
        assert status == (200 if path == "/api/state?rater=ann" else 404), path
    assert "only ann knows" not in seen
    assert ann.token not in seen
    assert "similarit" not in seen
    assert '"category"' not in seen  # nor the labels that concerns had
    bob.token = "x" * len(ann.token)
    assert [bob.ask("/api/state")[0], bob.ask("/api/undo", {"item": "concern-0001"})[0]] == [401, 401]


def test_other_sites_and_other_names_are_refused(clients: tuple[Client, Client]) -> None:
    ann, _ = clients
    body = {"item": ann.item()["id"], "answer": FAITHFUL, "seconds": 9}
    assert ann.ask("/", Host=f"evil.example:{ann.port}")[0] == 421
    assert ann.ask("/api/state", Host="evil.example")[0] == 421
    assert ann.ask("/api/answer", body, Origin="https://evil.example")[0] == 403
    assert ann.ask("/api/answer", body, Origin="null")[0] == 403
    assert ann.ask("/api/answer", body, Sec_Fetch_Site="cross-site")[0] == 403
    assert ann.ask("/api/answer", json.dumps(body).encode(), Content_Type="text/plain")[0] == 415
    assert ann.ask("/api/answer", b"x", Content_Length="99999999")[0] == 413
    assert ann.ask("/api/answer", b"[]")[0] == 400
    assert ann.ask("/api/answer", b'{"item":' + b"[" * 5000)[0] == 400
    assert ann.ask("/api/state")[1]["n_done"] == 0
    assert ann.ask("/api/answer", body, Origin=f"http://127.0.0.1:{ann.port}")[0] == 200
    assert ann.ask("/", Host="localhost:1")[0] == 200  # a tunnel has a port of its own
    assert "unsafe" not in ann.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in ann.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        {"fidelity": "faithful", "category": "other"},
        {**FAITHFUL, "category": "elsewhere"},
        {**FAITHFUL, "severity": ["minor"]},
        {**FAITHFUL, "unknown": 1},
        {**FAITHFUL, "note": "x" * 5001},
        {**FAITHFUL, "note": "\ud800"},
    ],
)
def test_an_answer_that_is_not_whole_is_not_stored(pack: Path, answer: object) -> None:
    from bioreview_bench.curation.annotation.answers import check_answer
    from bioreview_bench.curation.annotation.pack import read_pack

    read, _ = read_pack(pack)
    item = next(item for item in read.items if item.kind == "concern")
    with pytest.raises(ValueError, match=r"must be|choose|unknown|at most|lone"):
        check_answer(answer, item, read.article(item.article_id))


def test_a_span_must_be_what_stands_in_the_letter_and_pairs_must_all_be_judged(pack: Path) -> None:
    from bioreview_bench.curation.annotation.answers import check_answer
    from bioreview_bench.curation.annotation.pack import read_pack

    read, _ = read_pack(pack)
    letter, pairs = (next(item for item in read.items if item.kind == kind) for kind in ("letter", "pairs"))
    article = read.article(letter.article_id)
    at = article.letter.index("Nobody")
    span = {"start": at, "end": at + 6, "text": "Nobody"}
    assert check_answer({"complete": "missing", "omissions": [span]}, letter, article)["omissions"] == [span]
    for wrong in ({**span, "start": at - 1}, {**span, "end": 10**9}, {**span, "text": "Somebody"}, {"text": "  "}):
        with pytest.raises(ValueError, match=r"part of the letter|blank"):
            check_answer({"complete": "missing", "omissions": [wrong]}, letter, article)
    for wrong in ({"complete": "complete", "omissions": [span]}, {"complete": "missing", "omissions": []}):
        with pytest.raises(ValueError, match="at least one missing point"):
            check_answer(wrong, letter, article)
    references = [each.concern_id for each in read.article(pairs.article_id).references]
    with pytest.raises(ValueError, match="choose one of same"):
        check_answer({"labels": dict.fromkeys(references[1:], "same")}, pairs, read.article(pairs.article_id))


def test_the_last_answer_can_be_taken_back_and_a_locked_one_cannot(clients: tuple[Client, Client]) -> None:
    ann, _ = clients
    first = ann.item()["id"]
    ann.label()
    second = ann.item()["id"]
    assert ann.ask("/api/answer", {"item": first, "answer": FAITHFUL, "seconds": 1})[0] == 409
    ann.label()
    assert ann.ask("/api/undo", {"item": first})[0] == 409
    assert ann.ask("/api/undo", {"item": second})[1]["item"]["draft"] == FAITHFUL
    assert ann.ask("/api/undo", {"item": first})[0] == 409  # it was locked when the second was saved
    assert ann.ask("/api/finish", {})[0] == 409


def test_a_full_disk_stops_the_server_with_6_says_so_and_keeps_what_was_saved(
    pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))  # a write beyond it is cut off, as on a full disk

    command = [sys.executable, "-m", "bioreview_bench", "data", "annotate", "serve", str(pack), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limit)
    assert process.stdout is not None
    client = Client(process.stdout.readline().split(": ")[1].strip())
    saved = 0
    while (status := client.ask("/api/answer", {"item": client.item()["id"], "answer": FAITHFUL})[0]) == 200:
        saved += 1
    assert status == 507
    assert saved in (1, 2)
    assert process.wait(60) == 6
    assert "Cannot write" in process.communicate()[1]
    assert (pack / "answers-ann.jsonl").read_bytes().endswith(b"}\n")
    capsys.readouterr()
    assert run(["data", "annotate", "summarize", str(pack), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["raters"]["ann"]["n_done"] == saved


def test_a_log_that_changes_under_the_server_is_not_written_on(pack: Path, serve: Callable[..., Any]) -> None:
    served = serve(pack)
    client = Client(served.links["ann"])
    assert client.label() == 200
    path = pack / "answers-ann.jsonl"
    path.write_text(path.read_text("utf-8").replace("faithful", "wrong"), "utf-8")
    assert client.label() == 507
    assert served.process.wait(60) == 2
    assert "was changed by another program" in served.process.communicate()[1]


def test_ctrl_c_stops_the_server_and_says_what_comes_next(pack: Path, serve: Callable[..., Any]) -> None:
    served = serve(pack)
    assert Client(served.links["ann"]).label() == 200
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(60) == 0
    assert "Next: bench data annotate summarize" in served.process.communicate()[0]


def test_a_pack_is_served_once_at_a_time_and_not_to_everywhere(pack: Path, serve: Callable[..., Any]) -> None:
    served = serve(pack)
    assert run(["data", "annotate", "serve", str(pack), "--port", "0"]) == 2
    served.stop()
    assert run(["data", "annotate", "serve", str(pack), "--host", "0.0.0.0"]) == 2
    assert run(["data", "annotate", "serve", str(pack.parent)]) == 4
