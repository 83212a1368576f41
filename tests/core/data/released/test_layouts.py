"""Which files of a repository are taken: the layouts that are in use, and those that leave a choice."""

from __future__ import annotations

import pytest

from bioreview_bench.data.released import layouts
from bioreview_bench.errors import DataError

SPLITS = ("train", "validation", "test")
PUBLIC = [
    *(f"data/index/{split}.jsonl" for split in SPLITS),
    *(f"data/annotations/{split}.jsonl" for split in SPLITS[:2]),
    "README.md",
    "metadata/test_ids_frozen_v4.json",
    "PUBLIC_RELEASE_MANIFEST.json",
]
CONFIGS = ("default", "benchmark", "elife", "f1000", "nature", "peerj", "plos")
PRIVATE = [f"data/{config}/{split}.jsonl" for config in CONFIGS for split in SPLITS]
SHARDED = [
    *(f"data/train-{n:05d}-of-00003.parquet" for n in range(3)),
    "data/validation-00000-of-00001.parquet",
    "data/test-00000-of-00001.parquet",
]


def chosen(paths: list[str], config: str | None = None, version: str | None = None) -> dict[str, str]:
    return dict(layouts.choose("a/b", paths, config, version))


def refusal(paths: list[str], config: str | None = None, version: str | None = None) -> str:
    with pytest.raises(DataError) as caught:
        layouts.choose("a/b", paths, config, version)
    return str(caught.value)


@pytest.mark.parametrize(("config", "n"), [("index", 3), ("annotations", 2)])
def test_the_public_repository_has_ids_and_labels(config: str, n: int) -> None:
    files = chosen(PUBLIC, config)
    assert len(files) == n
    assert files["train.jsonl"] == f"data/{config}/train.jsonl"


def test_the_public_repository_is_no_release_with_texts() -> None:
    said = refusal(PUBLIC, None, "v4")
    assert "holds no articles: annotations, index are ids and labels without texts" in said
    assert "--data v4=FOLDER" in said


@pytest.mark.parametrize("config", CONFIGS)
def test_the_private_repository_has_a_folder_for_each_configuration(config: str) -> None:
    assert chosen(PRIVATE, config) == {f"{split}.jsonl": f"data/{config}/{split}.jsonl" for split in SPLITS}


def test_default_is_taken_where_no_configuration_is_named() -> None:
    assert chosen(PRIVATE)["test.jsonl"] == chosen(PRIVATE, None, "v3")["test.jsonl"] == "data/default/test.jsonl"


def test_an_unknown_configuration_is_answered_with_those_that_there_are() -> None:
    said = refusal(PRIVATE, "elfie")
    assert "it has benchmark, default, elife, f1000, nature, peerj, plos" in said
    assert "did you mean elife?" in said


def test_without_a_default_the_choice_is_left_to_the_user() -> None:
    said = refusal([path for path in PRIVATE if "default" not in path])
    assert "has 6 configurations to choose from: benchmark, elife" in said
    assert "name one with --config" in said


def test_shards_are_taken_together() -> None:
    assert layouts.split_paths("a/b", chosen(SHARDED), "v3", SHARDED) == chosen(SHARDED)
    assert len(chosen(SHARDED)) == 5


def test_a_missing_shard_and_two_files_of_a_split_are_refused() -> None:
    for wrong, says in (
        ([path for path in SHARDED if "train-00001" not in path], "1 of 3 shards are not there, the first train-00001"),
        ([*SHARDED, "data/train.jsonl"], "2 files for the split train"),
        ([*SHARDED, "data/train-00000-of-00001.parquet"], "2 files for the split train"),
        (SHARDED[:4], "0 files for the split test"),
    ):
        with pytest.raises(DataError, match=says):
            layouts.split_paths("a/b", chosen(wrong), "v3", wrong)


def test_a_split_may_be_a_folder_of_its_own() -> None:
    paths = ["elife/train/0000.parquet", "elife/train/0001.parquet", "elife/test/0000.parquet"]
    assert chosen(paths) == {
        "train-00000-of-00002.parquet": paths[0],
        "train-00001-of-00002.parquet": paths[1],
        "test-00000-of-00001.parquet": paths[2],
    }


def test_a_folder_with_the_name_of_the_version_goes_first() -> None:
    paths = [f"{folder}/{split}.jsonl" for folder in ("v3", "v4", "data") for split in SPLITS]
    assert chosen(paths, None, "v4")["test.jsonl"] == "v4/test.jsonl"


def test_a_list_of_splits_comes_with_its_articles() -> None:
    assert set(chosen(["articles.jsonl", "splits.json", "README.md"])) == {"articles.jsonl", "splits.json"}


def test_a_repository_without_data_names_what_it_holds() -> None:
    assert "it holds README.md, model.bin" in refusal(["README.md", "model.bin"])
