"""Corpora on disk are what their manifest says, or they are refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bioreview_bench.errors import DataError, InputError
from bioreview_bench.training.corpora.files import corpus_fingerprint, read_corpus, require_messages, write_corpus


def test_what_was_written_is_read_back(make_corpus: Callable[..., Path]) -> None:
    corpus = read_corpus(make_corpus(thinking=True))
    assert [row["article_id"] for row in corpus.val] == ["elife:9", "elife:10"]
    assert len(corpus.train) == 8
    assert corpus.manifest["thinking"] is True
    assert corpus.manifest["files"]["val.jsonl"]["n_rows"] == 2
    assert [message["role"] for message in corpus.train[0]["messages"]] == ["system", "user", "assistant"]


def test_a_changed_file_is_a_wrong_fingerprint(make_corpus: Callable[..., Path]) -> None:
    folder = make_corpus()
    text = (folder / "train.jsonl").read_text()
    (folder / "train.jsonl").write_text(text.replace("sleep 3", "sleep 4"))
    with pytest.raises(DataError, match=r"Wrong corpus fingerprint: .*train\.jsonl"):
        read_corpus(folder)


def test_the_fingerprint_is_that_of_both_files(make_corpus: Callable[..., Path]) -> None:
    folder = make_corpus()
    shas = [(name, hashlib.sha256((folder / name).read_bytes()).hexdigest()) for name in ("train.jsonl", "val.jsonl")]
    expected = hashlib.sha256("".join(f"{name} {sha}\n" for name, sha in shas).encode()).hexdigest()[:12]
    assert read_corpus(folder).fingerprint == expected
    assert corpus_fingerprint({name: {"sha256": sha} for name, sha in reversed(shas)}) == expected


def test_rows_without_a_target_are_listed_with_their_lines(make_corpus: Callable[..., Path]) -> None:
    rows = [
        {"article_id": "elife:1", "messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]},
        {"messages": []},
        {"article_id": "elife:3", "messages": [{"role": "user", "content": "a"}, {"role": "assistant"}]},
    ]
    with pytest.raises(DataError) as caught:
        read_corpus(make_corpus(train=rows))
    assert "3 rows" in str(caught.value)
    for reason in ("line 1: the last turn is the user's", "line 2: article_id", "line 3: a turn in messages lacks"):
        assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema_version": "9"}, "schema version is 9"),
        ({"format": "parquet"}, "format parquet"),
        ({"files": {}}, r"no sha256 of train\.jsonl"),
    ],
)
def test_a_manifest_of_another_kind_is_refused(
    make_corpus: Callable[..., Path], change: dict[str, object], reason: str
) -> None:
    folder = make_corpus()
    manifest = json.loads((folder / "corpus.json").read_text())
    (folder / "corpus.json").write_text(json.dumps({**manifest, **change}))
    with pytest.raises(DataError, match=reason):
        read_corpus(folder)


def test_a_folder_without_a_manifest_is_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a corpus"):
        read_corpus(tmp_path)


def test_a_sharegpt_corpus_is_read_but_not_trained_on(tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]
    row = {"article_id": "elife:1", "conversations": turns}
    write_corpus(tmp_path / "c", {"train": [row], "val": []}, {}, "sharegpt")
    corpus = read_corpus(tmp_path / "c")
    assert corpus.train[0]["conversations"] == turns
    with pytest.raises(InputError, match="--format messages"):
        require_messages(corpus)
