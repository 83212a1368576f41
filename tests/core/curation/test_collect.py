"""`bench data collect` against a publisher on loopback that replays the pilot's XML."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bioreview_bench.cli.main import run
from bioreview_bench.curation.collect.polite import PoliteClient
from bioreview_bench.curation.collect.run import STATE, collected, redistributable
from bioreview_bench.errors import DataError, RemoteError


@dataclass
class Publisher:
    """Articles as eLife lists them. `trouble` maps a path to answers that come first: a status, or "short"."""

    url: str = ""
    items: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    trouble: dict[str, list[int | str]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    retry_after: str = "0"


@pytest.fixture
def publisher(loopback: Callable[..., str]) -> Publisher:
    state = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def _send(self, data: bytes, status: int = 200, length: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data) if length is None else length))
            if status in (429, 503):
                self.send_header("Retry-After", state.retry_after)
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            state.requests.append(self.path)
            state.agents.add(self.headers["User-Agent"])
            waiting = state.trouble.get(parts.path)
            if waiting:
                first = waiting.pop(0)
                if first == "short":
                    self._send(b"<article>", length=10_000)
                else:
                    self._send(b"", int(first))
            elif parts.path == "/search":
                query = parse_qs(parts.query)
                since, page, size = query["start-date"][0], int(query["page"][0]), int(query["per-page"][0])
                fitting = [item for item in state.items if item["published"][:10] >= since]
                listing = {"total": len(fitting), "items": fitting[(page - 1) * size : page * size]}
                self._send(json.dumps(listing).encode())
            elif parts.path in state.files:
                self._send(state.files[parts.path])
            else:
                self._send(b"", 404)

    state.url = loopback(Handler)
    return state


def publish(
    publisher: Publisher, number: str, published: str, data: bytes, licence: str = "CC-BY-4.0", version: int = 1
) -> None:
    publisher.items.append(
        {
            "id": number,
            "version": version,
            "status": "vor",
            "published": f"{published}T00:00:00Z",
            "copyright": {"license": licence},
        }
    )
    publisher.files[f"/elife-{number}-v{version}.xml"] = data


@dataclass
class Ended:
    code: int
    out: str
    err: str


Collect = Callable[..., Ended]


@pytest.fixture
def bench_collect(capsys: pytest.CaptureFixture[str], publisher: Publisher, tmp_path: Path) -> Collect:
    def call(*arguments: object, since: str = "2012-01-01") -> Ended:
        capsys.readouterr()
        there = ["--api", publisher.url, "--xml", publisher.url, "--pause", "0", "-o", tmp_path / "out"]
        code = run(["data", "collect", "--since", since, *map(str, [*there, *arguments])])
        return Ended(code, *capsys.readouterr())

    return call


def test_the_pilots_articles_are_collected_parsed_and_found_again(
    bench_collect: Collect, publisher: Publisher, shared: Path, tmp_path: Path
) -> None:
    pytest.importorskip("lxml")
    for number, day in (("00005", "2012-10-30"), ("06003", "2015-03-11"), ("73240", "2021-10-26")):
        publish(publisher, number, day, (shared / f"data/elife_pilot/raw/elife-{number}.xml").read_bytes())
    done = bench_collect("--contact", "me@lab.org", since="2015-01-01")
    assert done.code == 0, done.err
    assert "2 new articles, 0 were there" in done.out
    rows = collected(tmp_path / "out")
    assert [row["id"] for row in rows] == ["elife:06003", "elife:73240"]
    assert {agent.split("/")[0] for agent in publisher.agents} == {"bioreview-bench"}
    assert all("me@lab.org" in agent for agent in publisher.agents)
    assert run(["data", "parse", str(tmp_path / "out/xml"), "-o", str(tmp_path / "p.jsonl")]) == 0
    parsed = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in parsed] == ["elife:06003", "elife:73240"]

    before = len(publisher.requests)
    again = bench_collect(since="2015-01-01")
    assert "0 new articles, 2 were there" in again.out
    assert len(publisher.requests) == before + 1  # the list, and no article


def test_from_a_publisher_to_a_score(
    bench_collect: Collect, publisher: Publisher, shared: Path, tmp_path: Path
) -> None:
    """The pipeline of docs/data.md, whole."""
    pytest.importorskip("lxml")
    for number, day in (("00005", "2012-10-30"), ("06003", "2015-03-11"), ("73240", "2021-10-26")):
        publish(publisher, number, day, (shared / f"data/elife_pilot/raw/elife-{number}.xml").read_bytes())
    assert bench_collect().code == 0
    parsed, articles, split, release = (str(tmp_path / name) for name in ("p.jsonl", "a.jsonl", "split", "release"))
    for command in (
        ["data", "parse", str(tmp_path / "out/xml"), "-o", parsed],
        ["data", "extract", parsed, "-o", articles],
        ["data", "lint", articles],
        ["data", "split", articles, "-o", split, "--test", "elife=1", "--val", "0", "--after", "2021-01-01"],
        ["audit", split, "--strict"],
        ["data", "export", split, "-o", release, "--name", "mine"],
    ):
        assert run(command) == 0, command
    row = json.loads((Path(split) / "test.jsonl").read_text(encoding="utf-8"))
    assert row["id"] == "elife:73240"
    said = [concern["concern_text"] for concern in row["concerns"]]
    predictions = tmp_path / "predictions.jsonl"
    predictions.write_text(json.dumps({"article_id": row["id"], "concerns": said}), encoding="utf-8")
    data = f"{release}/data/default"
    assert run(["evaluate", str(predictions), "--data", data, "--contract", "jaccard", "--fail-under", "f1=1"]) == 0


def test_newer_versions_are_new(bench_collect: Collect, publisher: Publisher, tmp_path: Path) -> None:
    publish(publisher, "00001", "2020-01-01", b"<a/>")
    bench_collect()
    publisher.items.clear()
    publish(publisher, "00001", "2020-02-01", b"<b/>", version=2)
    assert "1 new articles, 0 were there" in bench_collect().out
    assert [row["file"] for row in collected(tmp_path / "out")] == ["xml/elife-00001-v1.xml", "xml/elife-00001-v2.xml"]


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><html>Log in</html>", b"Too many requests", b"\n<HTML>busy", b""])
def test_a_page_in_the_place_of_an_article_is_not_kept(
    bench_collect: Collect, publisher: Publisher, tmp_path: Path, page: bytes
) -> None:
    publish(publisher, "00001", "2020-01-01", page)
    done = bench_collect()
    assert (done.code, collected(tmp_path / "out")) == (5, [])
    assert "XML" in done.err
    publisher.items.clear()
    publish(publisher, "00001", "2020-01-01", b"<article/>")
    assert "1 new articles" in bench_collect().out


def test_of_several_versions_the_newest_is_parsed(
    bench_collect: Collect, publisher: Publisher, shared: Path, tmp_path: Path
) -> None:
    pytest.importorskip("lxml")
    xml = (shared / "data/elife_pilot/raw/elife-00005.xml").read_bytes()
    title = b"Molecular architecture of human polycomb repressive complex 2"
    for version in (2, 10):
        publisher.items.clear()
        changed = xml.replace(title, f"Version {version} of it".encode())
        publish(publisher, "00005", "2012-10-30", changed, version=version)
        assert bench_collect().code == 0
    assert run(["data", "parse", str(tmp_path / "out/xml"), "-o", str(tmp_path / "p.jsonl")]) == 0
    (row,) = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines()]
    assert row["title"] == "Version 10 of it"


def test_licences_are_recorded_and_closed_ones_marked(
    bench_collect: Collect, publisher: Publisher, tmp_path: Path
) -> None:
    publish(publisher, "00001", "2020-01-01", b"<a/>", "CC0-1.0")
    publish(publisher, "00002", "2020-01-02", b"<a/>", "CC-BY-NC-ND-4.0")
    bench_collect()
    assert [(row["license"], row["redistributable"]) for row in collected(tmp_path / "out")] == [
        ("CC0-1.0", True),
        ("CC-BY-NC-ND-4.0", False),
    ]


@pytest.mark.parametrize(
    ("licence", "open_"),
    [
        ("CC-BY-4.0", True),
        ("CC BY 3.0", True),
        ("http://creativecommons.org/licenses/by/4.0/", True),
        ("http://creativecommons.org/publicdomain/zero/1.0/", True),
        ("CC-BY-SA-4.0", True),
        ("CC-BY-NC-4.0", False),
        ("https://creativecommons.org/licenses/by-nd/4.0/", False),
        ("Creative Commons Attribution 4.0", True),
        ("CC_BY_NC_4.0", False),
        ("ccbync4", False),
        ("CC BY-Non-Commercial 4.0", False),
        ("Creative Commons Attribution, No Derivatives", False),
        ("All rights reserved", False),
        ("", False),
        (None, False),
    ],
)
def test_what_may_be_passed_on(licence: str | None, open_: bool) -> None:
    assert redistributable(licence) is open_


def test_pages_are_gone_through_and_a_limit_ends(bench_collect: Collect, publisher: Publisher, tmp_path: Path) -> None:
    for number in range(1, 131):
        publish(publisher, f"{number:05d}", f"2020-01-{1 + number // 10:02d}", b"<a/>")
    assert "7 new articles" in bench_collect("--limit", 7).out
    assert "123 new articles, 7 were there" in bench_collect().out
    assert len(collected(tmp_path / "out")) == 130
    assert sum(path.startswith("/search") for path in publisher.requests) == 3


def test_passing_trouble_is_waited_out(bench_collect: Collect, publisher: Publisher) -> None:
    publish(publisher, "00001", "2020-01-01", b"<a/>")
    publisher.trouble = {"/search": [503], "/elife-00001-v1.xml": [429, "short"]}
    done = bench_collect()
    assert done.code == 0, done.err
    assert "1 new articles" in done.out


def test_what_a_publisher_never_gives_is_named_and_the_others_come(
    bench_collect: Collect, publisher: Publisher
) -> None:
    publish(publisher, "00001", "2020-01-01", b"<a/>")
    publish(publisher, "00002", "2020-01-02", b"<a/>")
    del publisher.files["/elife-00001-v1.xml"]
    done = bench_collect()
    assert done.code == 5
    assert "Not got: elife:00001" in done.err
    assert "404" in done.err
    assert "1 new articles, 0 were there, 1 not got" in done.out


def test_half_a_line_of_a_killed_process_is_dropped(
    bench_collect: Collect, publisher: Publisher, tmp_path: Path
) -> None:
    publish(publisher, "00001", "2020-01-01", b"<a/>")
    publish(publisher, "00002", "2020-01-02", b"<a/>")
    bench_collect()
    state = tmp_path / "out" / STATE
    state.write_bytes(state.read_bytes()[:-20])
    assert "1 new articles, 1 were there" in bench_collect().out
    assert len(collected(tmp_path / "out")) == 2


def test_another_files_state_is_refused(bench_collect: Collect, publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / STATE).write_text('{"mine": 1}\n', encoding="utf-8")
    assert bench_collect().code == 4
    with pytest.raises(DataError, match="not the state"):
        collected(tmp_path / "out")


def test_entries_that_are_no_articles_are_passed_over(bench_collect: Collect, publisher: Publisher) -> None:
    published = "2020-01-01T00:00:00Z"
    publisher.items = [
        {"id": "../../etc", "status": "vor", "version": 1, "published": published},
        {"id": "1", "status": "preview", "version": 1, "published": published},
        {"id": "2", "status": "vor", "version": "1", "published": published},
    ]
    done = bench_collect()
    assert (done.code, "0 new articles" in done.out) == (0, True)


def test_a_list_that_is_none_is_said(bench_collect: Collect, publisher: Publisher) -> None:
    publisher.files["/x/search"] = b"<html>"
    publisher.url += "/x"
    assert bench_collect().code == 5


def client(waited: list[float], **more: Any) -> PoliteClient:
    return PoliteClient(sleep=waited.append, **more)


def test_a_server_is_waited_for_as_it_asks_and_not_for_ever(publisher: Publisher) -> None:
    waited: list[float] = []
    publisher.files["/a"] = b"yes"
    publisher.trouble["/a"] = [503, 503]
    publisher.retry_after = "7"
    assert client(waited, pause=0).get(f"{publisher.url}/a", "*/*", 10) == b"yes"
    assert waited == [7.0, 7.0]
    publisher.trouble["/a"] = [503]
    publisher.retry_after = "86400"
    with pytest.raises(RemoteError, match="86,400 seconds"):
        client(waited, pause=0).get(f"{publisher.url}/a", "*/*", 10)


def test_requests_are_apart(publisher: Publisher) -> None:
    waited: list[float] = []
    publisher.files["/a"] = b"yes"
    polite = client(waited, pause=5000)
    for _ in range(3):
        polite.get(f"{publisher.url}/a", "*/*", 10)
    assert len(waited) == 2
    assert all(4900 < seconds <= 5000 for seconds in waited)


def test_a_server_that_sends_too_much_is_left(publisher: Publisher) -> None:
    publisher.files["/a"] = b"x" * 1_000_000
    with pytest.raises(RemoteError, match="more than 1,000 bytes"):
        client([], pause=0).get(f"{publisher.url}/a", "*/*", 1_000)


def test_two_collections_do_not_share_a_folder(publisher: Publisher, tmp_path: Path, bench_collect: Collect) -> None:
    script = (
        "import sys, pathlib; from bioreview_bench.files.lock import lock_folder\n"
        "lock = lock_folder(pathlib.Path(sys.argv[1]), ''); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "out")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    done = bench_collect()
    holder.communicate("")
    assert done.code == 2
    assert "Another process" in done.err
