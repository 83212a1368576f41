"""Data folders: both layouts, both formats, and every way in which a folder can be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bioreview_bench import Article
from bioreview_bench.data.folder import canonical_split, data_files, read_split
from bioreview_bench.errors import DataError, InputError

F1000 = "f1000:10.12688_f1000research.5.1"


def article(article_id: str, **fields: Any) -> dict[str, Any]:
    return {"id": article_id, "source": article_id.split(":")[0], "concerns": [], **fields}


def concern(number: int, **fields: Any) -> dict[str, Any]:
    text = f"Text of concern {number}."
    return {"concern_id": f"c{number}", "concern_text": text, "category": "other", "severity": "minor", **fields}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def ids(folder: Path, split: str) -> list[str]:
    return [found.id for found in read_split(folder, split)]


def failure(folder: Path, split: str = "test") -> str:
    with pytest.raises(DataError) as caught:
        read_split(folder, split)
    assert caught.value.exit_code == 4
    return str(caught.value)


@pytest.fixture
def whole(folder: Path, write_jsonl):
    """articles.jsonl with the given splits.json beside it."""

    def write(splits: Any) -> Path:
        write_jsonl([article(f"elife:{number}") for number in (3, 1, 2)] + [article(F1000)], "data/articles.jsonl")
        (folder / "splits.json").write_text(splits if isinstance(splits, str) else json.dumps(splits))
        return folder

    return write


def test_one_file_for_each_split(folder: Path, write_jsonl) -> None:
    write_jsonl([article("elife:2"), article("elife:1")], "data/train.jsonl")
    write_jsonl([article("elife:3")], "data/val.jsonl")
    write_jsonl([article("elife:4")], "data/test.jsonl")
    assert [ids(folder, split) for split in ("train", "val", "validation", "test")] == [
        ["elife:2", "elife:1"],
        ["elife:3"],
        ["elife:3"],
        ["elife:4"],
    ]
    assert ids(folder, "all") == ["elife:2", "elife:1", "elife:3", "elife:4"]
    assert [path.name for path in data_files(folder)] == ["train.jsonl", "val.jsonl", "test.jsonl"]


def test_validation_file_is_the_val_split(folder: Path, write_jsonl) -> None:
    write_jsonl([article("elife:3")], "data/validation.jsonl")
    assert ids(folder, "val") == ids(folder, "validation") == ["elife:3"]


def test_one_file_with_a_list_of_splits_keeps_file_order(whole) -> None:
    folder = whole({"train": ["elife:1"], "validation": [F1000], "test": ["elife:2", "elife:3"]})
    assert ids(folder, "test") == ["elife:3", "elife:2"]
    assert ids(folder, "val") == [F1000]
    assert ids(folder, "all") == ["elife:3", "elife:1", "elife:2", F1000]
    assert [path.name for path in data_files(folder)] == ["articles.jsonl", "splits.json"]


def test_list_of_splits_may_write_f1000_ids_with_a_slash(whole) -> None:
    assert ids(whole({"test": ["f1000:10.12688/f1000research.5.1"]}), "test") == [F1000]


def test_parquet_and_jsonl_of_the_same_articles_are_read_alike(folder: Path, write_jsonl) -> None:
    # Arrow gives every row every field: absent ones, also inside lists and structs, come back as null.
    rows = [
        article(
            "elife:1",
            title="Title",
            subjects=["Neuroscience"],
            paper_text_sections={"Methods": "We did.", "Results": None},
            structured_references=[{"title": "A reference", "year": 2001}],
            revision_round=2,
            schema_version="1.1",
            concerns=[
                concern(1, requires_figure_reading=True, author_stance="partial", resolution_confidence=0.5),
                concern(2, category="figure_issue", reviewer_num=3),
            ],
        ),
        article(F1000, concerns=[concern(3)], paper_text_sections={"Introduction": "It is known."}),
        article("peerj:3"),
    ]
    write_jsonl(rows, "data/test.jsonl")
    pq.write_table(pa.Table.from_pylist(rows), folder / "train.parquet", row_group_size=1)
    lines, columns = read_split(folder, "test"), read_split(folder, "train")
    for line, column in zip(lines, columns, strict=True):
        assert column.sections == line.sections
        nested = {"paper_text_sections", "structured_references", "concerns"}
        assert column.model_dump(exclude=nested) == line.model_dump(exclude=nested)
        assert column.concerns == line.concerns


def test_damaged_parquet_is_an_error_about_the_file(folder: Path) -> None:
    (folder / "test.parquet").write_bytes(b"PAR1 and then nothing of use PAR1")
    assert f"Cannot read {folder / 'test.parquet'}" in failure(folder)


def test_wrong_row_of_a_parquet_file_is_named(folder: Path) -> None:
    rows = [article(f"elife:{number}", title="t") for number in range(300)]
    rows[270]["source"] = "bioRxiv"  # beyond the first batch
    pq.write_table(pa.Table.from_pylist(rows), folder / "test.parquet")
    assert "test.parquet:271: source: " in failure(folder)


@pytest.mark.parametrize(
    ("names", "split"),
    [
        (("test.jsonl", "test.parquet"), "test"),
        (("val.jsonl", "validation.jsonl"), "val"),
        (("val.parquet", "validation.jsonl"), "validation"),
        (("train.jsonl", "test.jsonl", "test.parquet"), "all"),
    ],
)
def test_two_files_for_one_split_are_ambiguous(folder: Path, names: tuple[str, ...], split: str) -> None:
    for name in names:
        (folder / name).write_text(json.dumps(article("elife:1")))
    message = failure(folder, split)
    assert "hold the split" in message
    assert all(name in message for name in names[-2:])


def test_all_broken_lines_of_all_files_are_listed_with_file_and_line(folder: Path, write_jsonl) -> None:
    no_text = {name: value for name, value in concern(1).items() if name != "concern_text"}
    write_jsonl(["{", article("elife:1"), "", {"source": "eLife"}], "data/train.jsonl")
    bad = article("elife:2", concerns=[concern(1, category="Other"), no_text | {"concern_id": "c2"}])
    write_jsonl(
        [b"\xff", bad, article("elife:1"), [], article("elife:\u001b[2J"), article("elife:3")], "data/val.jsonl"
    )
    write_jsonl([article("elife:1")], "data/test.jsonl")
    listed = failure(folder, "all").splitlines()
    assert [line.split(": ")[0].strip() for line in listed[1:-1]] == [
        "train.jsonl:1",
        "train.jsonl:4",
        "train.jsonl:4",
        "val.jsonl:1",
        "val.jsonl:2",
        "val.jsonl:2",
        "val.jsonl:3",
        "val.jsonl:4",
        "test.jsonl:1",
    ]
    assert "9 problems" in listed[0]
    text = "\n".join(listed)
    for part in (
        "id: Field required",
        'source: "',
        "concerns.0.category: ",
        "concerns.1.concern_text: Field",
    ):
        assert part in text
    assert 'val.jsonl:3: a second article "elife:1" (first at train.jsonl:2)' in text
    assert "must be a JSON object" in text


def test_two_spellings_of_an_f1000_id_are_a_second_article(folder: Path, write_jsonl) -> None:
    write_jsonl([article(F1000), article("f1000:10.12688/f1000research.5.1")], "data/test.jsonl")
    assert f'test.jsonl:2: a second article "{F1000}" (first at test.jsonl:1)' in failure(folder)


def test_lone_surrogate_in_an_article_is_listed(folder: Path, write_jsonl) -> None:
    write_jsonl([article("elife:1", concerns=[concern(1, concern_text="A lone \ud800 surrogate")])], "data/test.jsonl")
    assert "test.jsonl:1: concerns.0.concern_text: " in failure(folder)


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_file_without_articles_is_refused(folder: Path, content: bytes) -> None:
    (folder / "test.jsonl").write_bytes(content)
    assert "has no articles" in failure(folder)


def test_folder_without_the_split_says_what_it_holds(folder: Path, write_jsonl) -> None:
    assert "it contains nothing" in failure(folder)
    write_jsonl([article("elife:1")], "data/train.jsonl")
    message = failure(folder)
    assert "has no test.jsonl and no test.parquet" in message
    assert "it contains train.jsonl" in message


def test_missing_folder_and_a_file_in_its_place_are_refused(folder: Path, write_jsonl) -> None:
    assert "There is no data folder" in failure(folder / "absent")
    path = write_jsonl([article("elife:1")], "data/test.jsonl")
    assert f"--data {folder}" in failure(path)


def test_missing_list_of_splits_is_refused_but_all_articles_can_be_read(whole) -> None:
    folder = whole({})
    (folder / "splits.json").unlink()
    assert "splits.json" in failure(folder)
    assert len(read_split(folder, "all")) == 4


@pytest.mark.parametrize(
    ("splits", "reason"),
    [
        ("{", "broken JSON"),
        ("[]", "must be a JSON object"),
        ('{"test": ["elife:1"], "test": ["elife:2"]}', 'duplicate JSON key "test"'),
        ({"train": ["elife:1"]}, "has no split test; it has train"),
        ({"test": []}, "has no split test"),
        ({"test": "elife:1"}, "has no split test"),
        ({"test": ["elife:1", "elife:8", "elife:9"]}, "2 ids of test are not in articles.jsonl: elife:8, elife:9"),
        ({"test": ["elife:1", 2]}, "splits.json"),
        ({"test": [["elife:1"]]}, "splits.json"),
        ({"test": ["elife:\x1b[2J"]}, r"elife:\x1b[2J"),
    ],
)
def test_wrong_list_of_splits_is_refused(whole, splits: Any, reason: str) -> None:
    assert reason in failure(whole(splits))


def test_list_that_names_both_val_and_validation_is_ambiguous(whole) -> None:
    assert "validation" in failure(whole({"val": ["elife:1"], "validation": ["elife:2"]}), "val")


def test_split_names_are_a_closed_list() -> None:
    assert [canonical_split(name) for name in ("train", "val", "validation", "test", "all")] == [
        "train",
        "val",
        "val",
        "test",
        "all",
    ]
    for name in ("Test", "dev", "", "../test", "test.jsonl"):
        with pytest.raises(InputError, match="There is no split") as caught:
            canonical_split(name)
        assert caught.value.exit_code == 2


def test_articles_are_records(folder: Path, write_jsonl) -> None:
    write_jsonl([article("elife:1", lab="kept")], "data/test.jsonl")
    [found] = read_split(folder, "test")
    assert isinstance(found, Article)
    assert found.model_extra == {"lab": "kept"}


def test_an_article_in_two_splits_is_refused(folder: Path, write_jsonl: Callable[..., Path]) -> None:
    write_jsonl([article("elife:1"), article("elife:2")], "data/articles.jsonl")
    (folder / "splits.json").write_text('{"train": ["elife:1"], "test": ["elife:2", "elife:1"]}')
    assert "elife:1 is in both test and train" in failure(folder, "test")


def test_two_layouts_in_one_folder_are_ambiguous(folder: Path, write_jsonl: Callable[..., Path]) -> None:
    write_jsonl([article("elife:1")], "data/articles.jsonl")
    write_jsonl([article("elife:2")], "data/test.jsonl")
    (folder / "splits.json").write_text('{"test": ["elife:1"]}')
    assert "hold articles" in failure(folder, "test")


def test_shards_are_one_split_in_their_order(folder: Path) -> None:
    for number in (2, 0, 1):
        path = folder / f"train-{number:05d}-of-00003.parquet"
        pq.write_table(pa.Table.from_pylist([article(f"elife:{number}")]), path)
    assert [one.id for one in read_split(folder, "train")] == ["elife:0", "elife:1", "elife:2"]
    assert [path.name for path in data_files(folder)] == [f"train-{n:05d}-of-00003.parquet" for n in range(3)]


def test_shards_with_a_hash_are_read_as_older_writers_named_them(folder: Path) -> None:
    for number in range(2):
        path = folder / f"validation-{number:05d}-of-00002-{'0123456789abcdef'}.parquet"
        pq.write_table(pa.Table.from_pylist([article(f"elife:{number}")]), path)
    assert len(read_split(folder, "val")) == 2


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["test-00001-of-00002.jsonl"], "1 of 2 shards are not there, the first test-00000-of-00002.jsonl"),
        (["test-00000-of-00002.jsonl", "test-00001-of-00002.parquet"], "hold the split"),
        (["test-00000-of-00001.jsonl", "test.jsonl"], "hold the split"),
        (
            ["test-00000-of-00001.jsonl", f"test-00000-of-00001-{'a' * 16}.jsonl"],
            "two files are shard 00000 of test",
        ),
        (["test-00005-of-00002.jsonl"], "2 of 2 shards are not there"),
    ],
)
def test_shards_that_are_no_whole_file_are_refused(folder: Path, names: list[str], says: str) -> None:
    for name in names:
        (folder / name).write_text(json.dumps(article("elife:1")))
    assert says in failure(folder, "test")
