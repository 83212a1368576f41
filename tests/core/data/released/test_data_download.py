"""`bench data download` against a Hub on loopback: the frozen data, or nothing at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from bioreview_bench.data.released.manifest import load_manifest

REPO = "some-lab/full-texts"
COMMIT = "1" * 40
V4 = load_manifest("v4")
V4_ARTICLES = {split: facts.articles for split, facts in V4.splits.items()}
SECRET = "hf_thisTokenIsASecret"


@pytest.fixture(scope="module")
def v4_files() -> dict[str, bytes]:
    """Articles with the ids and in the numbers that the manifest of v4 states."""
    return {f"v4/{split}.jsonl": jsonl(frozen(split)) for split in V4_ARTICLES}


@pytest.fixture
def v4(hub_server, v4_files: dict[str, bytes]) -> dict[str, bytes]:
    hub_server.add(REPO, dict(v4_files), COMMIT, kind="datasets", lfs=("v4/train.jsonl",))
    return v4_files


def test_v3_without_a_repository_names_both_ways_to_get_it(bench_process, hub_server) -> None:
    done = bench_process("data", "download", "v3")
    assert done.returncode == 4
    assert "bench data download v3 --repo OWNER/NAME" in done.stderr
    assert "--data v3=FOLDER" in done.stderr
    assert hub_server.requests == []


@pytest.mark.parametrize(("gated", "says"), [(True, "is gated"), (False, "does not exist")])
def test_a_hub_that_refuses_is_one_message_without_the_token(bench_process, hub_server, gated: bool, says: str) -> None:
    if gated:
        hub_server.gated.add(f"datasets/{REPO}")
    done = bench_process("data", "download", "v3", "--repo", REPO, HF_TOKEN=SECRET)
    assert (done.returncode, "Traceback" in done.stderr) == (4, False), done.stderr
    assert says in done.stderr
    assert "hf auth login" in done.stderr
    assert f"Bearer {SECRET}" in hub_server.authorizations
    assert SECRET not in done.stdout + done.stderr


def test_a_token_that_cannot_be_sent_is_one_message_without_the_token(bench_process) -> None:
    done = bench_process("data", "download", "v3", "--repo", REPO, HF_TOKEN=f"{SECRET}\u2026")
    assert (done.returncode, "Traceback" in done.stderr) == (4, False), done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_a_release_is_downloaded_once_and_verified_by_counts(
    bench_process, hub_server, hub_home: Path, v4, cache: Path
) -> None:
    first = bench_process("data", "download", "v4", "--repo", REPO)
    assert first.returncode == 0, first.stderr
    assert sorted(path.name for path in (cache / "data" / "v4").glob("*.jsonl")) == [
        "test.jsonl",
        "train.jsonl",
        "val.jsonl",
    ]
    described = json.loads(bench_process("data", "info", "--data", "v4", "--format", "json").stdout)
    assert {row["split"]: row["n_articles"] for row in described} == V4_ARTICLES
    assert {row["verification"] for row in described} == {"counts"}
    assert {row["split"] for row in described if row["held_out"]} == {"test"}
    hub_server.requests.clear()
    shutil.rmtree(hub_home)  # the copy in the Hub's own cache is not needed either
    assert bench_process("data", "download", "v4", "--repo", REPO).returncode == 0
    assert hub_server.transferred() == []


def test_the_file_names_that_the_hub_gives_to_parquet_are_understood(bench_process, hub_server, v4_files) -> None:
    stems = {"train": "train", "val": "validation", "test": "test"}
    names = {split: f"data/{stem}-00000-of-00001.parquet" for split, stem in stems.items()}
    files = {
        names[split]: parquet([json.loads(line) for line in v4_files[f"v4/{split}.jsonl"].splitlines()])
        for split in stems
    }
    hub_server.add(REPO, files, COMMIT, kind="datasets", lfs=tuple(files))
    done = bench_process("data", "download", "v4", "--repo", REPO)
    assert done.returncode == 0, done.stderr


def test_a_file_that_went_missing_is_put_back_by_the_same_command(bench_process, v4, cache: Path) -> None:
    bench_process("data", "download", "v4", "--repo", REPO)
    file = cache / "data" / "v4" / "test.jsonl"
    file.unlink()
    assert bench_process("data", "download", "v4", "--repo", REPO).returncode == 0
    assert file.read_bytes() == v4["v4/test.jsonl"]


def test_other_data_are_refused_with_every_difference_and_nothing_is_kept(
    bench_process, hub_server, cache: Path
) -> None:
    files = {f"{split}.jsonl": articles(split, 3) for split in V4_ARTICLES}
    hub_server.add(REPO, files, COMMIT, kind="datasets")
    done = bench_process("data", "download", "v3", "--repo", REPO)
    assert done.returncode == 4
    for line in (
        "train: articles: 3 here, 4,740 in the manifest",
        "val: articles: 3 here, 838 in the manifest",
        "test: articles: 3 here, 981 in the manifest",
        "test: articles of f1000: 0 here, 403 in the manifest",
        "test: references: 3 here, 13,947 in the manifest",
    ):
        assert line in done.stderr
    assert list((cache / "data").iterdir()) == []


def test_other_data_do_not_displace_those_at_hand(bench_process, hub_server, cache: Path) -> None:
    at_hand = cache / "data" / "v4" / "train.jsonl"
    at_hand.parent.mkdir(parents=True)
    at_hand.write_bytes(articles("train", 1))
    files = {f"{split}.jsonl": articles(split, 3) for split in V4_ARTICLES}
    hub_server.add(REPO, files, COMMIT, kind="datasets")
    assert bench_process("data", "download", "v4", "--repo", REPO).returncode == 4
    assert at_hand.read_bytes() == articles("train", 1)


def test_a_corrupted_file_is_refused_and_nothing_is_kept(bench_process, hub_server, v4, cache: Path) -> None:
    hub_server.corrupt.add("v4/val.jsonl")
    done = bench_process("data", "download", "v4", "--repo", REPO)
    assert (done.returncode, "checksum" in done.stderr) == (4, True)
    assert not (cache / "data" / "v4").exists()


def test_a_repository_without_the_splits_is_refused_naming_what_it_holds(bench_process, hub_server) -> None:
    hub_server.add(REPO, {"README.md": b"empty", "train.jsonl": b""}, COMMIT, kind="datasets")
    done = bench_process("data", "download", "v3", "--repo", REPO)
    assert done.returncode == 4
    assert "0 files for the split val" in done.stderr
    assert "README.md, train.jsonl" in done.stderr
    assert hub_server.transferred() == []


def test_the_index_comes_from_the_public_repository_at_its_tag(bench_process, hub_server, cache: Path) -> None:
    name = "index/train-00000-of-00001.parquet"
    files = {name: parquet([{"id": "elife:1", "split": "train"}]), "README.md": b"about"}
    hub_server.add("jang1563/bioreview-bench", files, COMMIT, kind="datasets", lfs=(name,), refs=("v4.1.3",))
    done = bench_process("data", "download", "index")
    assert done.returncode == 0, done.stderr
    table = pyarrow.parquet.read_table(cache / "data" / "index" / "train-00000-of-00001.parquet")
    assert table.to_pylist() == [{"id": "elife:1", "split": "train"}]


@pytest.fixture
def public(hub_server) -> dict[str, bytes]:
    """The public repository as it is laid out: index and annotations below data/, no texts."""
    stems = {"train": "train", "val": "validation", "test": "test"}
    index = {
        f"data/index/{stem}.jsonl": jsonl([{"id": row["id"], "source": row["source"]} for row in frozen(split)])
        for split, stem in stems.items()
    }
    label = {"article_id": "elife:1", "concern_id": "elife:1:R1C1", "category": "other", "severity": "minor"}
    labels = {f"data/annotations/{stem}.jsonl": jsonl([label]) for stem in ("train", "validation")}
    files = {**index, **labels, "README.md": b"about", "metadata/split_meta_v4.json": b"{}"}
    hub_server.add("jang1563/bioreview-bench", files, COMMIT, kind="datasets", refs=("v4.1.3",))
    return files


def test_the_public_index_says_which_articles_v4_has(bench_process, public, v4_files, tmp_path: Path) -> None:
    done = bench_process("data", "download", "index")
    assert done.returncode == 0, done.stderr
    assert "Recorded which articles v4 has (5,387 train, 953 val, 600 test)" in done.stdout
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, content in v4_files.items():
        (folder / Path(name).name).write_bytes(content)
    done = bench_process("data", "verify", "--data", f"v4={folder}")
    assert (done.returncode, done.stdout.count("verified by counts, ids as released")) == (0, 3), done.stderr
    rows = (folder / "train.jsonl").read_bytes().replace(b'"id": "elife:', b'"id": "elife:x', 1)
    (folder / "train.jsonl").write_bytes(rows)
    done = bench_process("data", "verify", "--data", f"v4={folder}")
    assert done.returncode == 4
    assert "1 article of the release is not here: elife:train" in done.stderr


def test_annotations_are_downloaded_and_v4_with_texts_is_not_there(bench_process, public, cache: Path) -> None:
    assert bench_process("data", "download", "annotations").returncode == 0
    names = {path.name for path in (cache / "data" / "annotations").iterdir()}
    assert names == {"train.jsonl", "validation.jsonl", "origin.json"}
    done = bench_process("data", "download", "v4")
    assert done.returncode == 4
    assert "holds no articles: annotations, index are ids and labels without texts" in done.stderr
    done = bench_process("data", "download", "v4", "--config", "index")
    assert done.returncode == 4
    assert "test: articles without concerns: 600 here, 0 in the manifest" in done.stderr
    assert not (cache / "data" / "v4").exists()


def test_two_index_files_of_one_name_do_not_overwrite_each_other(bench_process, hub_server, cache: Path) -> None:
    files = {"index/v3/train.parquet": b"three", "index/v4/train.parquet": b"four"}
    hub_server.add(REPO, files, COMMIT, kind="datasets")
    done = bench_process("data", "download", "index", "--repo", REPO)
    kept = sorted(path.read_bytes() for path in (cache / "data").rglob("*.parquet"))
    assert done.returncode == 4 or kept == [b"four", b"three"]


def frozen(split: str) -> list[dict[str, Any]]:
    """Articles that agree with all that is known of a split of v4: ids, sources, number of concerns."""
    facts = V4.splits[split]
    sources = [source for source, n in (facts.by_source or {}).items() for _ in range(n)]
    ids = list(V4.members.get(split, {})) or [f"{source}:{split}{n}" for n, source in enumerate(sources)]
    each, more = divmod(facts.concerns or 0, len(ids))
    return [
        {
            "id": one,
            "source": one.partition(":")[0],
            "concerns": [
                {"concern_id": f"{n}C{k}", "concern_text": "The sample is too small."} for k in range(each + (n < more))
            ],
        }
        for n, one in enumerate(ids)
    ]


def jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def articles(split: str, n: int) -> bytes:
    """JSONL of `n` articles with one concern each."""
    rows: list[dict[str, Any]] = [
        {
            "id": f"elife:{split}{number}",
            "source": "elife",
            "concerns": [
                {
                    "concern_id": f"{split}{number}:R1C1",
                    "concern_text": "The sample is too small.",
                    "category": "design_flaw",
                    "severity": "major",
                }
            ],
        }
        for number in range(n)
    ]
    return jsonl(rows)


def parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), sink)
    return sink.getvalue().to_pybytes()
