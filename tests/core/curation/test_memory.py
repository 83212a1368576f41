"""The texts of a data set never lie in memory together, whatever `bench data` makes of them."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from bioreview_bench.cli.main import run
from bioreview_bench.files.row_store import row_store

N, LONG = 150, 400_000  # articles, characters of each: 60 MB
TEXT = "the sample is small " * (LONG // 20)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("long") / "data"
    folder.mkdir()
    for split, numbers in (("train", range(N // 2)), ("test", range(N // 2, N))):
        with (folder / f"{split}.jsonl").open("w", encoding="utf-8") as stream:
            for n in numbers:
                concern = {"concern_id": f"a:{n}:R1C1", "concern_text": f"Control {n} is missing here."}
                row = {"id": f"a:{n}", "source": "a", "title": f"Of {n}", "concerns": [concern]}
                row |= {"paper_text_sections": {"body": f"{n} {TEXT}"}, "unknown": "kept"}
                stream.write(json.dumps(row) + "\n")
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ["data", "lint"],
        ["data", "stats"],
        ["data", "audit"],
        ["data", "split", "--ratio", ".7,.1,.2", "-o", "OUTPUT"],
        ["data", "export", "--as", "jsonl", "-o", "OUTPUT"],
        ["data", "public", "-o", "OUTPUT"],
    ],
    ids=lambda command: command[1],
)
def test_a_command_holds_a_few_articles_at_once(data: Path, tmp_path: Path, command: list[str]) -> None:
    run([*command[:2], "demo", *(str(tmp_path / "demo") if part == "OUTPUT" else part for part in command[2:])])
    tracemalloc.start()  # after the libraries were loaded
    try:
        arguments = [str(tmp_path / "made") if part == "OUTPUT" else part for part in command[2:]]
        assert run([*command[:2], str(data), *arguments]) == 0
        assert tracemalloc.get_traced_memory()[1] < 12 * LONG  # of 150
    finally:
        tracemalloc.stop()


def test_what_is_left_out_of_memory_is_written_all_the_same(data: Path, tmp_path: Path) -> None:
    assert run(["data", "split", str(data), "--ratio", ".5,.0,.5", "-o", str(tmp_path / "made")]) == 0
    read = [json.loads(line) for path in sorted(data.glob("*.jsonl")) for line in path.open(encoding="utf-8")]
    made = [json.loads(line) for path in (tmp_path / "made").glob("*.jsonl") for line in path.open(encoding="utf-8")]
    assert sorted(made, key=lambda row: row["id"]) == sorted(read, key=lambda row: row["id"])


def test_rows_come_back_in_any_order_and_leave_no_file(tmp_path: Path) -> None:
    with row_store(tmp_path / "not" / "there") as rows:
        numbers = [rows.add(row) for row in (b"one\n", b"", b"three\n")]
        assert [rows[number] for number in reversed(numbers)] == [b"three\n", b"", b"one\n"]
        assert not list(tmp_path.iterdir())
