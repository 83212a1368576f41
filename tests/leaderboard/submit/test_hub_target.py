"""Submitting by a pull request on a Hub on loopback, with the real huggingface_hub, and taking merged folders in."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from bioreview_bench.leaderboard.store.status import status as submission_status
from bioreview_bench.leaderboard.store.submissions import submissions_with
from bioreview_bench.leaderboard.store.users import add_user, list_users

Make = Callable[..., Any]
_REPO = "lab/board"


@dataclass
class Hub:
    """One dataset repository: files on main, and pull requests that wait to be merged."""

    endpoint: str
    files: dict[str, bytes] = field(default_factory=dict)
    proposals: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)
    may_write: bool = True
    authorizations: set[str] = field(default_factory=set)

    def merge(self) -> None:
        """Merge everything that was proposed."""
        for _, files in self.proposals:
            self.files.update(files)
        self.proposals.clear()

    @property
    def commit(self) -> str:
        return hashlib.sha1(repr(sorted(self.files.items())).encode()).hexdigest()

    def get(self, path: str) -> tuple[int, dict[str, str], bytes]:
        if path.startswith(f"/api/datasets/{_REPO}/revision/"):
            siblings = [
                {"rfilename": name, "size": len(content), "blobId": _blob(content)}
                for name, content in self.files.items()
            ]
            return _json({"id": _REPO, "sha": self.commit, "siblings": siblings})
        name = path.removeprefix(f"/datasets/{_REPO}/resolve/{self.commit}/")
        if name in self.files:
            content = self.files[name]
            return 200, {"X-Repo-Commit": self.commit, "ETag": f'"{_blob(content)}"'}, content
        return 404, {"X-Error-Code": "RepoNotFound"}, b""

    def post(self, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, dict[str, str], bytes]:
        if not self.may_write:
            return 403, {}, json.dumps({"error": "Forbidden: pass a token with write access"}).encode()
        if path == f"/api/datasets/{_REPO}/preupload/main":
            asked = json.loads(body)["files"]
            modes = [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in asked]
            return _json({"files": modes})
        if path == f"/api/datasets/{_REPO}/commit/main":
            assert query["create_pr"] == ["1"]
            rows = [json.loads(line) for line in body.splitlines()]
            title = next(row["value"]["summary"] for row in rows if row["key"] == "header")
            added = {
                row["value"]["path"]: base64.b64decode(row["value"]["content"]) for row in rows if row["key"] == "file"
            }
            self.proposals.append((title, added))
            number = len(self.proposals)
            where = f"{self.endpoint}/datasets/{_REPO}"
            return _json(
                {
                    "success": True,
                    "commitOid": "c" * 40,
                    "commitUrl": f"{where}/commit/{'c' * 40}",
                    "pullRequestUrl": f"{where}/discussions/{number}",
                }
            )
        return 404, {}, b""


def _json(value: Any) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()


def _blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@pytest.fixture
def hub(loopback: Callable[..., str]) -> Hub:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(*hub.get(unquote(urlsplit(self.path).path)))

        do_HEAD = do_GET

        def do_POST(self) -> None:
            hub.authorizations.add(self.headers.get("Authorization", ""))
            parts = urlsplit(self.path)
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
            else:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer(*hub.post(unquote(parts.path), parse_qs(parts.query), body))

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    hub = Hub(loopback(Handler))
    return hub


@pytest.fixture
def hub_bench(hub: Hub, leaderboard: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Make:
    """Run `bench GROUP ...` in this process, where the Hub is on loopback: (exit code, stdout, stderr)."""
    from huggingface_hub import constants

    # What HF_ENDPOINT, HF_HOME and HF_HUB_OFFLINE set when it is imported.
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("NO_PROXY", "*")
    return lambda group, *arguments: leaderboard(*arguments, group=group)


@pytest.fixture
def files(tmp_path: Path, demo_predictions: Make, card_bytes: Make) -> tuple[str, str]:
    predictions, card = tmp_path / "p.jsonl", tmp_path / "c.yaml"
    predictions.write_bytes(demo_predictions("careful"))
    card.write_bytes(card_bytes(organisation="A lab"))
    return str(predictions), str(card)


def test_a_submission_travels_by_pull_request_and_is_taken_in_once_merged(
    hub: Hub, hub_bench: Make, files: tuple[str, str], board: Any, tmp_path: Path
) -> None:
    to = f"hf://datasets/{_REPO}"
    send = ("submit", files[0], "--card", files[1], "--to", to, "--data", "demo", "--mark")
    code, out, err = hub_bench(*send)
    assert code == 0, err
    assert f"{hub.endpoint}/datasets/{_REPO}/discussions/1" in out
    assert hub.authorizations == {"Bearer hf_secret"}
    assert "hf_secret" not in out + err
    (title, added) = hub.proposals[0]
    assert title == "Submit Careful 1.0 to test"
    folder = next(iter(added)).rpartition("/")[0]
    assert {name.rpartition("/")[2] for name in added} == {"predictions.jsonl", "card.yaml", "submission.json"}
    assert added[f"{folder}/predictions.jsonl"] == Path(files[0]).read_bytes()

    sync = ("leaderboard", "sync", to, "--db", str(tmp_path / "board.sqlite"))
    assert hub_bench(*sync)[1] == "0 taken in, 0 known already, 0 refused.\n"
    hub.merge()
    code, out, err = hub_bench(*sync)
    assert (code, out) == (0, "1 taken in, 0 known already, 0 refused.\n"), err
    submission = submissions_with(board, ("queued",))[0]
    status = submission_status(board, submission)
    assert (status.team, status.system, status.marked) == ("A lab", "Careful", True)
    assert hub_bench(*sync)[1] == "0 taken in, 1 known already, 0 refused.\n"
    assert len(list_users(board)) == 1
    code, _, err = hub_bench(*send)
    assert code == 2
    assert "already contains this submission" in err


def test_what_was_merged_but_is_not_in_order_is_listed_and_keeps_nothing_else_out(
    hub: Hub, hub_bench: Make, files: tuple[str, str], board: Any, tmp_path: Path, make_package: Make, card_bytes: Make
) -> None:
    good = Path(files[0]).read_bytes()
    ticket = b'{"split": "test"}'

    def put(package: Any, card: bytes, predictions: bytes = good, said: bytes = ticket, **others: bytes) -> str:
        name = package.digest[:12]
        content = {"predictions.jsonl": predictions, "card.yaml": card, "submission.json": said, **others}
        hub.files.update({f"submissions/{name}/{file}": data for file, data in content.items()})
        return str(name)

    add_user(board, "ann", "Own tokens")
    fine = put(make_package("Fine"), card_bytes("Fine"))
    changed = put(make_package("Changed"), card_bytes("Changed afterwards"))
    strange = put(make_package("Strange"), card_bytes("Strange"), **{"run.sh": b"rm"})
    split = put(make_package("Split"), card_bytes("Split"), said=b'{"split": "nowhere"}')
    score = put(make_package("Score"), card_bytes("Score"), said=b'{"split": "test", "f1": 7.0}')
    posing = put(make_package("Posing", organisation="Own tokens"), card_bytes("Posing", organisation="Own tokens"))
    bad = b'{"article_id": "elife:1", "concerns": []}\n'
    wrong = put(make_package("Wrong", bad), card_bytes("Wrong"), bad)
    hub.files.update({"submissions/abc/card.yaml": b"", "README.md": b"", "submissions/../x/card.yaml": b""})

    sync = ("leaderboard", "sync", f"hf://datasets/{_REPO}", "--db", str(tmp_path / "board.sqlite"), "--format", "json")
    code, out, _ = hub_bench(*sync)
    assert code == 2
    said = json.loads(out)
    assert set(said["taken"]) == {fine}
    refused = said["refused"]
    assert set(refused) == {changed, strange, split, score, posing, wrong}
    assert "its files were changed" in refused[changed]
    assert "it contains run.sh" in refused[strange]
    assert 'no split "nowhere"' in refused[split]
    assert "perhaps" in refused[score]
    assert "tokens of its own" in refused[posing]
    assert "is rejected" in refused[wrong]
    assert len(submissions_with(board, ("queued",))) == 1
    code, out, _ = hub_bench(*sync, "--user", "ann")
    assert posing in json.loads(out)["taken"]


def test_a_hub_that_refuses_or_is_away_is_said(hub: Hub, hub_bench: Make, files: tuple[str, str]) -> None:
    send = ("submit", files[0], "--card", files[1], "--data", "demo", "--to")
    hub.may_write = False
    code, _, err = hub_bench(*send, f"hf://datasets/{_REPO}")
    assert code == 5
    assert "the Hub refuses this account: Forbidden" in err
    assert "a token that may do this" in err
    code, _, err = hub_bench(*send, "hf://datasets/lab/other")
    assert code == 5
    assert "does not exist, or is private" in err
    assert "Traceback" not in err
