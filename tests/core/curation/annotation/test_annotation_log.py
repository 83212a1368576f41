"""The log of answers: what breaks its seal, what a stop in the middle of a line leaves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bioreview_bench.cli.main import run
from bioreview_bench.curation.annotation.log import AnswerLog, read_log
from bioreview_bench.curation.annotation.pack import read_pack
from bioreview_bench.curation.annotation.session import RaterSession, StaleItemError
from bioreview_bench.errors import InputError

FAITHFUL = {"fidelity": "faithful", "category": "other", "severity": "minor"}
Lines = list[str]


@pytest.fixture
def answered(pack: Path) -> Path:
    """A pack of which ann answered three concerns, and took the third back."""
    read, key = read_pack(pack)
    session = RaterSession(pack, "ann", read, key)
    for _ in range(3):
        item = session.state()["item"]["id"]
        session.answer(item, FAITHFUL, 9)
    session.undo(item)
    return pack


def reversed_middle(lines: Lines) -> Lines:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def with_other_label(lines: Lines) -> Lines:
    return [line.replace('"minor"', '"major"') for line in lines]


def with_other_time(lines: Lines) -> Lines:
    return [line.replace('"seconds": 9.0', '"seconds": 90.0') for line in lines]


def numbered_again(lines: Lines) -> Lines:
    rows = [json.loads(line) for line in lines[:1] + lines[2:]]
    return [json.dumps({**row, "n": n}) for n, row in enumerate(rows, 1)]


@pytest.mark.parametrize(
    "change",
    [
        with_other_label,
        with_other_time,
        reversed_middle,
        numbered_again,
        lambda lines: lines[1:],
        lambda lines: [*lines, lines[-1]],
        lambda lines: lines[:2] + lines[3:],
        lambda lines: [],
        lambda lines: [*lines[:2], "{}", *lines[2:]],
        lambda lines: [*lines[:2], "not JSON", *lines[2:]],
    ],
)
def test_a_log_that_was_changed_is_refused(
    answered: Path, change: Callable[[Lines], Lines], capsys: pytest.CaptureFixture[str]
) -> None:
    path = answered / "answers-ann.jsonl"
    before = path.read_text("utf-8").splitlines()
    after = change(before)
    assert after != before
    path.write_text("".join(f"{line}\n" for line in after), "utf-8")
    assert run(["data", "annotate", "summarize", str(answered)]) == 2
    assert "not as it was written" in capsys.readouterr().err


def test_a_log_of_another_rater_or_another_pack_is_refused(
    answered: Path, create: Callable[..., Path], tmp_path: Path
) -> None:
    shutil.copy(answered / "answers-ann.jsonl", answered / "answers-bob.jsonl")
    assert run(["data", "annotate", "summarize", str(answered)]) == 2
    other = create(name="other")
    shutil.copy(answered / "answers-ann.jsonl", other / "answers-ann.jsonl")
    assert run(["data", "annotate", "summarize", str(other)]) == 2


def test_a_pack_that_was_changed_is_refused(answered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = answered / "pack.json"
    path.write_text(path.read_text("utf-8").replace("causality", "causation"), "utf-8")
    assert run(["data", "annotate", "summarize", str(answered)]) == 4
    assert "was changed after it was made" in capsys.readouterr().err


def test_lines_cut_off_at_the_end_change_the_receipt(answered: Path) -> None:
    read, key = read_pack(answered)
    path = answered / "answers-ann.jsonl"
    before = read_log(answered, "ann", read, key)
    path.write_text("".join(path.read_text("utf-8").splitlines(keepends=True)[:-1]), "utf-8")
    after = read_log(answered, "ann", read, key)
    assert (before.n_undone, after.n_undone) == (1, 0)
    assert before.receipt != after.receipt


@pytest.mark.parametrize("kept", [1, 40, 150])
def test_a_line_that_was_cut_off_in_the_middle_is_asked_again(answered: Path, kept: int) -> None:
    read, key = read_pack(answered)
    path = answered / "answers-ann.jsonl"
    whole = path.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    path.write_bytes(whole + last[:kept])
    assert len(read_log(answered, "ann", read, key).answers) == 2
    log = AnswerLog(answered, "ann", read, key)
    assert log.n_torn == kept
    assert path.read_bytes() == whole
    log.append("answer", "concern-0001" if "concern-0001" not in log.record.answers else "concern-0002", FAITHFUL, 1)
    assert len(read_log(answered, "ann", read, key).answers) == 3


def test_an_answer_taken_back_comes_again_with_its_time(answered: Path) -> None:
    read, key = read_pack(answered)
    session = RaterSession(answered, "ann", read, key)
    item = session.state()["item"]
    assert (item["draft"], item["seconds"]) == (FAITHFUL, 9)
    with pytest.raises(StaleItemError):
        session.undo(session._log.record.answers.__iter__().__next__())


def test_taking_an_answer_back_does_not_lose_the_one_under_way(pack: Path) -> None:
    read, key = read_pack(pack)
    session = RaterSession(pack, "ann", read, key)
    first = session.state()["item"]["id"]
    session.answer(first, FAITHFUL, 9)
    second = session.state()["item"]["id"]
    session.draft(second, {"fidelity": "partly"}, 4)
    assert session.undo(first)["item"]["draft"] == FAITHFUL
    session.answer(first, {**FAITHFUL, "severity": "major"}, 12)
    session = RaterSession(pack, "ann", read, key)  # the server starts again
    item = session.state()["item"]
    assert (item["id"], item["draft"], item["seconds"]) == (second, {"fidelity": "partly"}, 4)


def test_a_second_window_cannot_answer_an_item_twice(pack: Path) -> None:
    read, key = read_pack(pack)
    session = RaterSession(pack, "ann", read, key)
    item = session.state()["item"]["id"]
    session.answer(item, FAITHFUL, 9)
    with pytest.raises(StaleItemError):
        session.answer(item, {**FAITHFUL, "severity": "major"}, 9)
    with pytest.raises(StaleItemError):
        session.draft(item, FAITHFUL, 9)


def test_a_damaged_draft_is_named(pack: Path) -> None:
    read, key = read_pack(pack)
    (pack / "draft-ann.json").write_text("{", "utf-8")
    with pytest.raises(InputError, match=r"draft-ann\.json"):
        RaterSession(pack, "ann", read, key)
