"""Any data set of the Hub, and what can go wrong on the way: one folder, of one commit, whole or not there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

REPO, COMMIT, OTHER = "some-lab/reviews", "a" * 40, "b" * 40
CONFIGS = ("default", "elife", "plos")
ROW = {"id": "elife:1", "source": "elife", "concerns": [{"concern_id": "1", "concern_text": "No control group."}]}
LINE = (json.dumps(ROW) + "\n").encode()


@pytest.fixture
def reviews(hub_server: Any) -> Any:
    """A private repository with a folder for each configuration."""
    files = {
        f"data/{config}/{split}.jsonl": LINE.replace(b"elife:1", f"elife:{config}-{split}".encode())
        for config in CONFIGS
        for split in ("train", "validation", "test")
    }
    hub_server.add(REPO, files, COMMIT, kind="datasets", lfs=("data/plos/test.jsonl",), refs=("main", "v1.0"))
    return hub_server


def place(done: Any) -> Path:
    found = re.search(r"is in (\S+) \(", done.stdout)
    assert done.returncode == 0, done.stderr
    assert found is not None
    return Path(found[1])


def refusal(done: Any, status: int = 4) -> str:
    assert (done.returncode, "Traceback" in done.stderr) == (status, False), done.stderr
    return str(done.stderr)


def test_a_configuration_is_downloaded_and_its_commit_recorded(bench_process: Any, reviews: Any) -> None:
    done = bench_process("data", "download", f"{REPO}@v1.0", "--config", "plos")
    folder = place(done)
    assert sorted(path.name for path in folder.iterdir()) == [
        "origin.json",
        "test.jsonl",
        "train.jsonl",
        "validation.jsonl",
    ]
    origin = json.loads((folder / "origin.json").read_text())
    assert (origin["repo"], origin["commit"], origin["revision"], origin["config"]) == (REPO, COMMIT, "v1.0", "plos")
    assert origin["files"]["test.jsonl"] == "data/plos/test.jsonl"
    assert re.fullmatch("[0-9a-f]{64}", origin["sha256"]["test.jsonl"])
    assert f"({REPO} at {COMMIT[:12]})" in done.stdout
    described = json.loads(bench_process("data", "info", "--data", str(folder), "--format", "json").stdout)
    assert [row["n_articles"] for row in described] == [1, 1, 1]
    assert {path.split("/resolve/")[1].split("/")[0] for path in reviews.transferred()} == {COMMIT}


def test_without_a_configuration_default_is_taken_and_out_is_where_it_goes(
    bench_process: Any, reviews: Any, tmp_path: Path
) -> None:
    folder = place(bench_process("data", "download", REPO, "--out", str(tmp_path / "mine")))
    assert folder == tmp_path / "mine"
    assert "elife:default-test" in (folder / "test.jsonl").read_text()


def test_a_folder_of_somebody_elses_is_never_replaced(bench_process: Any, reviews: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    said = refusal(bench_process("data", "download", REPO, "--out", str(tmp_path / "mine")), 2)
    assert "is not empty" in said
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    assert reviews.requests == []


def test_files_that_were_put_into_a_download_are_not_lost(bench_process: Any, reviews: Any, tmp_path: Path) -> None:
    out = str(tmp_path / "mine")
    folder = place(bench_process("data", "download", REPO, "--out", out))
    (folder / "near_miss.jsonl").write_text("months of work")
    place(bench_process("data", "download", REPO, "--out", out))  # nothing to do
    reviews.add(REPO, {"data/default/test.jsonl": LINE}, OTHER, kind="datasets")
    said = refusal(bench_process("data", "download", REPO, "--out", out), 2)
    assert "near_miss.jsonl" in said
    assert (folder / "near_miss.jsonl").read_text() == "months of work"
    assert json.loads((folder / "origin.json").read_text())["commit"] == COMMIT


def test_a_file_that_was_changed_is_put_back_by_the_same_command(bench_process: Any, reviews: Any) -> None:
    folder = place(bench_process("data", "download", REPO))
    before = (folder / "test.jsonl").read_bytes()
    (folder / "test.jsonl").write_bytes(before[:20])
    place(bench_process("data", "download", REPO))
    assert (folder / "test.jsonl").read_bytes() == before


def test_a_newer_commit_takes_the_place_of_an_older_one(bench_process: Any, reviews: Any, tmp_path: Path) -> None:
    out = str(tmp_path / "mine")
    place(bench_process("data", "download", REPO, "--out", out))
    reviews.add(REPO, {"data/default/test.jsonl": LINE}, OTHER, kind="datasets")
    folder = place(bench_process("data", "download", REPO, "--out", out))
    assert sorted(path.name for path in folder.iterdir()) == ["origin.json", "test.jsonl"]
    assert json.loads((folder / "origin.json").read_text())["commit"] == OTHER


def test_a_wrong_revision_is_said_with_its_name(bench_process: Any, reviews: Any, cache: Path) -> None:
    said = refusal(bench_process("data", "download", f"{REPO}@v9"))
    assert f"{REPO} at v9: there is no such revision" in said
    assert not (cache / "data").exists()


@pytest.mark.parametrize("token", [{}, {"HF_TOKEN": "hf_some"}])
def test_a_gated_repository_says_where_to_ask(bench_process: Any, reviews: Any, token: dict[str, str]) -> None:
    reviews.gated.add(f"datasets/{REPO}")
    said = refusal(bench_process("data", "download", REPO, **token))
    assert "is gated" in said
    assert f"https://huggingface.co/datasets/{REPO}" in said
    assert "hf auth login" in said


def test_a_file_that_is_listed_and_missing_leaves_nothing(bench_process: Any, reviews: Any, cache: Path) -> None:
    reviews.gone.add("data/default/test.jsonl")
    said = refusal(bench_process("data", "download", REPO))
    assert "data/default/test.jsonl" in said
    assert list((cache / "data").rglob("*.jsonl")) == []


@pytest.mark.parametrize("name", ["data/plos/test.jsonl", "data/plos/train.jsonl"])  # stored by sha256, by blob id
def test_a_checksum_that_differs_leaves_nothing(bench_process: Any, reviews: Any, cache: Path, name: str) -> None:
    reviews.corrupt.add(name)
    said = refusal(bench_process("data", "download", REPO, "--config", "plos"))
    assert f"What was downloaded as {name} of {REPO} differs from the checksum" in said
    assert list((cache / "data").rglob("*.jsonl")) == []


def test_a_connection_that_breaks_half_way_goes_on_where_it_was(bench_process: Any, hub_server: Any) -> None:
    chunk = 10 * 1024 * 1024  # what huggingface_hub writes at once
    content = LINE * (chunk // len(LINE) + 20_000)
    hub_server.add(REPO, {"data/test.jsonl": content}, COMMIT, kind="datasets", lfs=("data/test.jsonl",))
    hub_server.cut["test.jsonl"] = [chunk + 1000]
    folder = place(bench_process("data", "download", REPO))
    assert (folder / "test.jsonl").read_bytes() == content
    assert hub_server.ranges == [f"bytes={chunk}-"]


def test_a_server_that_dies_leaves_nothing_and_the_same_command_goes_on(
    bench_process: Any, reviews: Any, cache: Path
) -> None:
    reviews.cut["validation.jsonl"] = [10] * 20
    said = refusal(bench_process("data", "download", REPO))
    assert "validation.jsonl" in said
    assert list((cache / "data").rglob("*.jsonl")) == []
    arrived = [path for path in reviews.transferred() if "validation" not in path]
    assert arrived
    reviews.cut.clear()
    reviews.requests.clear()
    place(bench_process("data", "download", REPO))
    assert set(reviews.transferred()).isdisjoint(arrived)  # what had arrived is not fetched again


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("v5",), "use v3, v4, index, annotations, or OWNER/NAME@REVISION"),
        (("indx",), "did you mean index?"),
        (("../../etc",), "is not the name of a repository"),
        (("a/b/c",), "is not the name of a repository"),
        (("https://huggingface.co/a/b",), "is not the name of a repository"),
        (("a/b@",), "nothing to download called"),
        (("a/b@x", "--revision", "y"), "names the revision, and an option names it again"),
        (("a/b", "--repo", "c/d"), "names the repository"),
        (("v3", "--repo", "../.."), "is not the name of a repository"),
    ],
)
def test_what_names_nothing_is_refused_before_anything_is_asked(
    bench_process: Any, hub_server: Any, arguments: tuple[str, ...], says: str
) -> None:
    said = refusal(bench_process("data", "download", *arguments), 2)
    assert says in said
    assert hub_server.requests == []


def test_file_names_of_a_repository_never_leave_the_folder(bench_process: Any, hub_server: Any, tmp_path: Path) -> None:
    files = {"data/../../../evil.jsonl": LINE, "data/\u202efdp.jsonl": LINE}
    hub_server.add(REPO, files, COMMIT, kind="datasets")
    out = tmp_path / "deep" / "er" / "mine"
    bench_process("data", "download", REPO, "--config", "default", "--out", str(out))
    assert list(tmp_path.rglob("evil.jsonl")) in ([], [out / "evil.jsonl"])
