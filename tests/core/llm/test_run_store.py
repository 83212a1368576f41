"""A run folder: rows survive kills, runs are not mixed, nothing is asked for twice."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.data.predictions import read_predictions
from bioreview_bench.errors import InputError, WriteError
from bioreview_bench.llm.review import Review, Usage
from bioreview_bench.llm.run.ledger import BatchPart, Ledger
from bioreview_bench.llm.run.store import RunStore, read_run

REVIEWER = {"provider": "p", "model": "m", "parameters": {"temperature": 0.1}, "prompt": {"id": "a", "sha256": "1"}}


def opened(folder: Path, **changed: Any) -> RunStore:
    given: dict[str, Any] = {"name": "p:m", "reviewer": REVIEWER, "split": "demo/test", "fingerprint": "abc"}
    return RunStore.open(folder, **{**given, **changed})


def good(text: str = "No control group.", **fields: Any) -> Review:
    return Review(concerns=({"text": text},), usage=Usage(100, 10, 0.5), raw_output=f'["{text}"]', **fields)


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "predictions.jsonl").read_bytes().splitlines()]


def test_rows_are_predictions_and_the_manifest_sums_them_up(tmp_path: Path) -> None:
    with opened(tmp_path / "run", settings={"concurrency": 8}) as store:
        store.append("elife:1", good(notes={"cut": {"tokens": 90, "of": 300, "sections": ["Results"]}}), seconds=1.25)
        store.append("elife:2", Review(status="refused", detail="no"), attempts=3)
        store.close("finished")
    predictions = read_predictions(tmp_path / "run" / "predictions.jsonl")
    assert [predictions[name].outcome for name in ("elife:1", "elife:2")] == ["scored", "refused"]
    first, second = rows(tmp_path / "run")
    assert first["usage"] == {"input_tokens": 100, "output_tokens": 10, "cost_usd": 0.5}
    assert (first["seconds"], first["raw_output"], first["notes"]["cut"]["of"]) == (1.25, '["No control group."]', 300)
    assert (second["status"], second["detail"], second["attempts"]) == ("refused", "no", 3)
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    assert manifest["reviewer"] == REVIEWER
    assert manifest["split"] == {"label": "demo/test", "fingerprint": "abc"}
    assert (manifest["postprocessing"], manifest["state"], manifest["settings"]) == (
        "none",
        "finished",
        {"concurrency": 8},
    )
    assert manifest["totals"] == {
        "articles": 2,
        "by_status": {"ok": 1, "refused": 1},
        "input_tokens": 100,
        "output_tokens": 10,
        "n_tokens_unknown": 1,
        "cost_usd": 0.5,
        "n_cost_unknown": 1,
        "articles_cut": 1,
        "tokens_cut": 210,
        "items_unread": 0,
    }
    assert set(manifest) >= {"package", "libraries", "git", "started", "ended"}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"reviewer": {**REVIEWER, "model": "other"}}, "reviewer.model"),
        ({"reviewer": {**REVIEWER, "parameters": {"temperature": 0.2}}}, "reviewer.parameters.temperature"),
        ({"reviewer": {**REVIEWER, "parameters": {"temperature": 0.1, "seed": 1}}}, "reviewer.parameters.seed"),
        ({"reviewer": {**REVIEWER, "prompt": {"id": "a", "sha256": "2"}}}, "reviewer.prompt.sha256"),
        ({"split": "demo/val"}, "split.label"),
        ({"fingerprint": "abd"}, "split.fingerprint"),
        ({"name": "other"}, "name"),
    ],
)
def test_a_run_that_differs_is_not_resumed_and_the_field_is_named(
    tmp_path: Path, changed: dict[str, Any], field: str
) -> None:
    with opened(tmp_path) as store:
        store.append("elife:1", good())
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(InputError) as caught:
        opened(tmp_path, **changed)
    assert [problem.message.partition(":")[0] for problem in caught.value.problems] == [field]
    assert (tmp_path / "run.json").read_bytes() == before
    opened(tmp_path).close()  # the lock was let go


def test_another_version_of_the_package_does_not_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path) as store:
        store.append("elife:1", good())
    monkeypatch.setattr("bioreview_bench.llm.run.manifest.package_version", lambda: "9.9")
    with pytest.raises(InputError, match="package"):
        opened(tmp_path)


def test_a_run_is_not_resumed_over_other_texts_and_the_articles_are_named(tmp_path: Path) -> None:
    with opened(tmp_path, texts={"elife:1": "aaaa", "elife:2": "bbbb", "elife:3": "cccc"}) as store:
        store.append("elife:1", good())
        store.append("elife:2", good())
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(InputError) as caught:
        opened(tmp_path, texts={"elife:1": "aaaa", "elife:2": "b2b2", "elife:3": "c3c3"})
    assert [str(problem) for problem in caught.value.problems] == ["elife:2: text bbbb in the run, b2b2 now"]
    assert (tmp_path / "run.json").read_bytes() == before
    # What has no review yet may have been corrected; articles that are not asked for are not looked at.
    with opened(tmp_path, texts={"elife:1": "aaaa", "elife:3": "c3c3"}) as store:
        assert store.n_unknown_texts == 0
        store.append("elife:3", good())
    stored = json.loads((tmp_path / "run.json").read_text())["texts"]
    assert stored == {"elife:1": "aaaa", "elife:2": "bbbb", "elife:3": "c3c3"}
    many = {f"elife:{number}": "dddd" for number in range(4, 24)}
    with opened(tmp_path, texts=many) as store:
        for article_id in many:
            store.append(article_id, good())
    with pytest.raises(InputError) as caught:
        opened(tmp_path, texts=dict.fromkeys(many, "eeee"))
    assert len(caught.value.problems) == 11
    assert str(caught.value.problems[-1]) == "and 10 more"


def test_an_article_in_a_batch_is_not_taken_for_another_paper(tmp_path: Path) -> None:
    with opened(tmp_path, texts={"elife:1": "aaaa"}) as store:
        Ledger(tmp_path / "batches.json").put(BatchPart("key", "file", {"elife:1": None}, 0.0))
        store.close("interrupted")
    with pytest.raises(InputError, match="elife:1: text aaaa in the run, bbbb now"):
        opened(tmp_path, texts={"elife:1": "bbbb"})
    opened(tmp_path, texts={"elife:1": "aaaa"}).close()


def test_a_run_older_than_the_texts_goes_on_and_says_how_many_rows_it_concerns_once(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.append("elife:1", good())
    path = tmp_path / "run.json"
    manifest = json.loads(path.read_text())
    del manifest["texts"]
    path.write_text(json.dumps(manifest))
    for unknown in (1, 0):
        with opened(tmp_path, texts={"elife:1": "aaaa", "elife:2": "bbbb"}) as store:
            assert store.n_unknown_texts == unknown
    with pytest.raises(InputError, match="elife:1"):
        opened(tmp_path, texts={"elife:1": "cccc"})


def test_a_tuple_in_the_description_equals_the_list_on_disk(tmp_path: Path) -> None:
    with opened(tmp_path, reviewer={"stop": ("a", "b")}) as store:
        store.append("elife:1", good())
    opened(tmp_path, reviewer={"stop": ("a", "b")}).close()


def test_a_last_line_cut_at_any_byte_is_mended_and_only_that_article_is_missing(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.append("elife:1", good())
        store.append("elife:2", good("Zwölf Mäuse sind zu wenig."))
    path = tmp_path / "predictions.jsonl"
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for end in [*range(first, len(whole) - 1, 17), len(whole) - 1]:
        path.write_bytes(whole[:end])
        with opened(tmp_path) as store:
            complete = end == len(whole) - 1  # all but the newline
            assert ("elife:2" in store) == complete
            assert store.n_repaired == (0 if complete else end - first)
            assert "elife:1" in store
        assert path.read_bytes() == (whole if complete else whole[:first])
    path.write_bytes(whole[:first] + b"\0" * 5000)  # what a crash of the machine can leave
    with opened(tmp_path) as store:
        assert store.n_repaired == 5000
        store.append("elife:2", good())
    assert len(rows(tmp_path)) == 2


def test_a_row_that_is_broken_in_the_middle_stops_the_run_with_its_line(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.append("elife:1", good())
    path = tmp_path / "predictions.jsonl"
    path.write_bytes(b'{"article_id": "elife:0"\n' + path.read_bytes() * 2)
    with pytest.raises(InputError) as caught:
        opened(tmp_path)
    assert [problem.line for problem in caught.value.problems] == [1, 3]
    assert "second row" in caught.value.problems[1].message


def test_two_processes_cannot_hold_one_run(tmp_path: Path) -> None:
    code = "import sys; from bioreview_bench.llm.run.store import RunStore; RunStore.reopen(sys.argv[1])"
    with opened(tmp_path) as store:
        store.append("elife:1", good())
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
        assert "Another process is writing" in done.stderr
        assert read_run(tmp_path)[1].n_rows == 1  # looking is allowed
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)]).returncode == 0


def test_retry_moves_the_rows_aside_and_leaves_one_row_an_article(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.append("elife:1", Review(status="error", usage=Usage(10, 0, 0.25)))
        store.append("elife:2", good())
        store.append("elife:3", Review(status="parse_failed", raw_output="?"))
        store.append("elife:4", Review(status="refused"))
        assert store.drop(["error", "parse_failed"]) == ["elife:1", "elife:3"]
        assert "elife:1" not in store
        store.append("elife:1", good())
        assert store.drop(["error"]) == []
    assert [row["article_id"] for row in rows(tmp_path)] == ["elife:2", "elife:4", "elife:1"]
    with opened(tmp_path) as store:
        assert store.superseded.cost_usd == 0.25
        assert store.totals.cost_usd == 1.0
        assert store.drop() == ["elife:4"]
        assert store.superseded.n_rows == 3


def test_a_kill_between_the_two_renames_of_retry_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as store:
        store.append("elife:1", Review(status="error", usage=Usage(10, 0, 0.25)))
        real = os.replace
        monkeypatch.setattr(
            os, "replace", lambda a, b: real(a, b) if Path(b).name == "superseded.jsonl" else os._exit(0)
        )
        child = os.fork()
        if child == 0:
            store.drop()
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        monkeypatch.undo()
    with opened(tmp_path) as store:
        assert "elife:1" in store
        assert store.superseded.n_rows == 0
        store.drop()
        assert "elife:1" not in store
        assert store.superseded.n_rows == 1


def test_reparsing_rewrites_rows_at_once_or_not_at_all(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.append("elife:1", good())
        store.append("elife:2", Review(status="parse_failed", raw_output="- A comment."))
        changed = store.rewrite(
            lambda row: (
                {**row, "status": "repaired", "concerns": ["A comment."]} if row["status"] == "parse_failed" else row
            )
        )
        assert changed == 1
        assert store.totals.by_status == {"ok": 1, "repaired": 1}
        before = (tmp_path / "predictions.jsonl").read_bytes()
        with pytest.raises(InputError, match="elife:1"):
            store.rewrite(lambda row: {**row, "status": "fine"})
        assert (tmp_path / "predictions.jsonl").read_bytes() == before
        store.append("elife:3", good())  # goes to the new file
    assert len(rows(tmp_path)) == 3


def test_the_state_tells_a_finished_run_from_one_that_was_left(tmp_path: Path) -> None:
    def state() -> tuple[str, bool]:
        manifest = json.loads((tmp_path / "run.json").read_text())
        return manifest["state"], manifest["ended"] is None

    store = opened(tmp_path)
    store.append("elife:1", good())
    assert state() == ("running", True)
    store.close()
    assert state() == ("interrupted", False)
    opened(tmp_path).close("finished")
    with RunStore.reopen(tmp_path) as store:
        store.rewrite(lambda row: {**row, "concerns": []})
        assert state() == ("finished", False)
    assert state() == ("finished", False)


def test_a_full_disk_leaves_whole_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path) as store:
        store.append("elife:1", good())
        write = os.write
        monkeypatch.setattr(os, "write", lambda fd, content: write(fd, content[:20]))
        with pytest.raises(WriteError, match="disk is full"):
            store.append("elife:2", good())
        monkeypatch.undo()
        assert "elife:2" not in store
        store.append("elife:2", good())
        monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
        with pytest.raises(WriteError):
            store.sync()
        monkeypatch.undo()
    assert [row["article_id"] for row in rows(tmp_path)] == ["elife:1", "elife:2"]


@pytest.mark.parametrize(
    ("review", "reason"),
    [
        (Review(concerns=({"txt": "x"},)), "neither text"),
        (Review(concerns=({"text": "x", "confidence": 2},)), "confidence"),
        (Review(concerns=({"text": "x"},), status="refused"), "which has none"),
        (Review(status="fine"), "unknown status"),
    ],
)
def test_a_review_that_no_predictions_file_may_hold_is_an_error_row(
    tmp_path: Path, review: Review, reason: str
) -> None:
    with opened(tmp_path) as store:
        store.append("elife:1", review)
    (row,) = rows(tmp_path)
    assert (row["status"], row["concerns"]) == ("error", [])
    assert reason in row["detail"]
    read_predictions(tmp_path / "predictions.jsonl")


def test_half_of_a_surrogate_pair_does_not_stop_a_run(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.append("elife:1", good("Bad \ud83d half, good 😀 whole."))
    assert rows(tmp_path)[0]["concerns"][0]["text"] == "Bad \ufffd half, good 😀 whole."


def test_a_run_without_a_row_leaves_nothing_that_looks_like_one(tmp_path: Path) -> None:
    opened(tmp_path).close()
    assert not (tmp_path / "run.json").exists()
    assert not (tmp_path / "predictions.jsonl").exists()
    opened(tmp_path, name="another").close()


def test_predictions_of_unknown_origin_are_not_added_to(tmp_path: Path) -> None:
    (tmp_path / "predictions.jsonl").write_text('{"article_id": "elife:1", "concerns": []}\n')
    with pytest.raises(InputError, match="unknown"):
        opened(tmp_path)


def test_a_folder_that_cannot_be_written_is_exit_code_6(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError) as caught:
        opened(tmp_path / "file" / "run")
    assert caught.value.exit_code == 6
