"""`bench demo` teaches which contract to believe."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from bioreview_bench.cli import controls
from bioreview_bench.cli.main import run


class Done(NamedTuple):
    code: int
    out: str
    err: str


Bench = Callable[..., Done]


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str]) -> Bench:
    """Run `bench` in this process."""

    def call(*arguments: str) -> Done:
        capsys.readouterr()
        return Done(run(arguments), *capsys.readouterr())

    return call


def test_forty_lines_of_eighty_columns_show_who_stands_too_high(
    bench: Bench, minilm: None, warm: Path, tmp_path: Path
) -> None:
    page = tmp_path / "known.html"
    done = bench("demo", "-o", str(page))
    assert done.code == 0
    lines = done.out.splitlines()
    assert len(lines) + len(done.err.splitlines()) <= 40
    assert max(map(len, lines)) <= 80 + len(str(page))
    table = lines[1 : lines.index("How to read it")]
    assert max(map(len, table)) <= 80
    assert [line.split()[0] for line in table[2:-1]] == [
        "restated", "hurried", "half", "near_miss", "other_place", "copying"
    ]  # fmt: skip
    shown = " ".join(done.out.split())
    assert (
        "Under demo, near_miss makes none of the points and scores 0.86, no lower than hurried (96 points) and" in shown
    )
    rows = {line.split()[0]: line for line in table if line.strip()}
    assert "0.86!" in rows["near_miss"]
    assert "0.79!" in rows["copying"]
    assert "0.91 " in rows["restated"]
    assert any("Believe" in line for line in lines)
    assert f"Report  {page}" in lines
    assert "near_miss" in page.read_text(encoding="utf-8")


def test_the_readme_shows_what_is_printed(
    bench: Bench, minilm: None, warm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    blocks = (Path(__file__).parents[3] / "README.md").read_text("utf-8").split("```")
    for start, command in (
        ("reviewer ", ["demo"]),
        ("System ", ["evaluate", "demo:careful", "--data", "demo"]),
    ):
        promised = next(block.strip() for block in blocks if block.strip().startswith(start))
        printed = "\n".join(line.rstrip() for line in bench(*command).out.splitlines())
        assert promised in printed


def test_machines_get_every_figure_as_the_audit_counted_them(bench: Bench, minilm: None, warm: Path) -> None:
    done = bench("demo", "--format", "json", "--quiet")
    found = json.loads(done.out)
    assert done.err == ""
    assert [trial["contract"] for trial in found["contracts"]] == list(controls.DEMO_CONTRACTS)
    under_demo = {row["reviewer"]: row for row in found["contracts"][0]["reviewers"]}
    # Matched and the same point, of the card of `demo`: hurried 57 (.930), near miss 83, other place 38.
    counted = {name: (row["n_matched"], row["n_same"]) for name, row in under_demo.items()}
    assert (counted["hurried"], counted["near_miss"], counted["other_place"]) == ((57, 53), (83, 0), (38, 0))
    assert [low for low, _ in found["contracts"][0]["wrong_pairs"]].count("near_miss") == 2
    assert Path(found["report"]).is_file()
    assert len(found["next"]) == 2


@pytest.mark.parametrize("place", [0, 1])
def test_the_commands_to_type_next_work(bench: Bench, minilm: None, warm: Path, place: int) -> None:
    following = json.loads(bench("demo", "--format", "json", "--quiet").out)["next"][place]
    assert bench(*following.split()[1:]).code == 0


def test_a_contract_that_is_not_bundled_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controls, "DEMO_CONTRACTS", ("demo", "unheard-of"))
    done = bench("demo")
    assert done.code == 2
    assert "no contract unheard-of" in done.err
    assert "bench contract list" in done.err


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_scored(bench: Bench, tmp_path: Path) -> None:
    done = bench("demo", "-o", str(tmp_path / "nowhere" / "x.html"))
    assert done.code == 6
    assert "Scoring" not in done.err
