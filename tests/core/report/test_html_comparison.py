"""The comparison of results as a page: who found what, and what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from click.testing import Result as Run

from bioreview_bench import Contract, load_result, read_predictions, score
from bioreview_bench.cli.results.compare import compare
from bioreview_bench.data.split import Split
from bioreview_bench.errors import InputError
from bioreview_bench.report.html.comparison import compose, systems
from bioreview_bench.report.html.comparison.payload import payload
from bioreview_bench.report.html.comparison.who import finders
from bioreview_bench.results.records import System
from bioreview_bench.results.result import pairs_path
from bioreview_bench.stats.comparison import compare as compare_results

DEMO = Contract.load("demo")
ATTACK = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
EMBEDDED = re.compile(r'<script type="application/json" id="report-data">(.*?)</script>', re.DOTALL)
# Of two references in each of four articles, "wide" finds 0:1, 0:2 and 1:1, and "narrow" 0:1 and 2:2.
WRITTEN = {
    "wide": {0: ["first secret 0", "second secret 0"], 1: ["first secret 1", "in vain"]},
    "narrow": {0: ["first secret 0"], 2: ["second secret 2", ATTACK]},
}


@pytest.fixture
def folder(split: Split, hash_encoder: Any, write_jsonl: Callable[..., Path], tmp_path: Path) -> Path:
    """Two results with their pairs and predictions, and the articles as data/test.jsonl."""
    for name, written in WRITTEN.items():
        rows = [{"article_id": f"elife:{number}", "concerns": texts} for number, texts in written.items()]
        predictions = read_predictions(write_jsonl(rows, f"{name}.jsonl"), split)
        found = score(split, predictions, DEMO, hash_encoder, draws=50, system=System(name=name))
        found.save(tmp_path / f"{name}.result.json")
    write_jsonl([article.model_dump(mode="json") for article in split], "data/test.jsonl")
    return tmp_path


def page_of(folder: Path, split: Split | None) -> str:
    """The page on both, with the texts where `split` is given."""
    results = [load_result(folder / f"{name}.result.json") for name in WRITTEN]
    comparison = compare_results(results, list(WRITTEN), draws=50)  # type: ignore[arg-type]
    rows = [read_predictions(folder / f"{name}.jsonl", split) for name in WRITTEN] if split else []
    return compose(comparison, systems(comparison, rows, split), split)


def data_of(html: str) -> dict[str, Any]:
    [found] = EMBEDDED.findall(html)
    value: dict[str, Any] = json.loads(found)
    return value


def test_each_reference_stands_with_what_every_system_matched_it_by(folder: Path, split: Split) -> None:
    data = data_of(page_of(folder, split))
    assert data["systems"] == ["wide", "narrow"]
    first, _, third, last = data["articles"]
    assert first[:4] == ["elife:0", "elife", "Private title 0", ["scored", "scored"]]
    names = [reference[0] for reference in first[4]]
    texts = [reference[3] for reference in first[4]]
    assert (names, texts) == (["R1C1", "R1C2"], ["first secret 0", "second secret 0"])
    # By reference, the place of the prediction that matched it, for "wide" and for "narrow".
    assert [[side[0] for side in reference[4]] for reference in first[4]] == [[0, 0], [1, None]]
    assert [side[1] for side in first[4][0][4]] == [1000, 1000]
    assert [[side[0] for side in reference[4]] for reference in third[4]] == [[None, None], [None, 0]]
    assert [[row[-1] for row in written] for written in third[5]] == [[], ["second secret 2", ATTACK]]
    assert last[3] == ["missing", "missing"]


def test_counts_of_finders_agree_with_a_count_by_hand(folder: Path, split: Split) -> None:
    results = [load_result(folder / f"{name}.result.json") for name in WRITTEN]
    comparison = compare_results(results, list(WRITTEN), draws=50)  # type: ignore[arg-type]
    found = finders(systems(comparison, [], None))
    assert (found.n, found.by_all, found.by_none) == (8, 1, 4)
    assert (found.found, found.alone) == ([3, 2], [2, 1])
    html = page_of(folder, split)
    assert "8 references: found by both 1, by one 3, by none 4." in html


def test_a_hostile_text_stays_a_text(folder: Path, split: Split) -> None:
    html = page_of(folder, split)
    assert html.count("<script") == html.count("</script") == 2
    assert "<img" not in html
    assert "Content-Security-Policy" in html
    assert "http" not in html.replace("http-equiv", "")


def test_texts_are_cut_to_bound_the_page(folder: Path, split: Split) -> None:
    results = [load_result(folder / f"{name}.result.json") for name in WRITTEN]
    comparison = compare_results(results, list(WRITTEN), draws=50)  # type: ignore[arg-type]
    rows = [read_predictions(folder / f"{name}.jsonl", split) for name in WRITTEN]
    both = systems(comparison, rows, split)
    whole, cut = payload(both, split)
    assert cut is None
    shorter, cut = payload(both, split, len(whole.encode()) - 1)
    assert cut == 50
    assert [row[-1] for row in json.loads(shorter)["articles"][2][5][1]] == ["second secret 2", ATTACK[:49] + "…"]
    bare, cut = payload(both, split, 0)
    assert cut == 0
    assert "secret" not in bare


def test_texts_of_a_held_out_split_are_nowhere(folder: Path, split: Split) -> None:
    from dataclasses import replace

    html = page_of(folder, replace(split, held_out=True))
    assert "secret" not in html
    assert "Private title" not in html


def test_missing_pairs_are_all_named_with_the_command_that_makes_them(folder: Path) -> None:
    for name in WRITTEN:
        pairs_path(folder / f"{name}.result.json").unlink()
    with pytest.raises(InputError, match="missing or unreadable for wide, narrow") as caught:
        page_of(folder, None)
    assert caught.value.remedy == (
        "bench evaluate PREDICTIONS --data FOLDER --split test --contract custom -o R.result.json"
    )


def run(*arguments: object) -> Run:
    return CliRunner().invoke(compare, [str(argument) for argument in arguments], catch_exceptions=True)


def test_the_command_finds_predictions_beside_the_results(folder: Path) -> None:
    results = [folder / f"{name}.result.json" for name in WRITTEN]
    done = run(*results, "--html", folder / "both.html", "--data", folder / "data", "--draws", 50)
    assert done.exit_code == 0, done.exception
    html = (folder / "both.html").read_text(encoding="utf-8")
    assert "second secret 2" in html
    assert "Texts are left out" not in html
    assert "Wrote" in done.stderr
    # Without the articles, the references have names only, and the page says what to type.
    assert run(*results, "--html", folder / "bare.html", "--draws", 50).exit_code == 0
    bare = (folder / "bare.html").read_text(encoding="utf-8")
    assert "secret" not in bare
    assert "Texts are left out for: references, wide, narrow." in bare


def test_what_cannot_be_shown_side_by_side_is_refused_and_nothing_written(folder: Path, tmp_path: Path) -> None:
    results = [folder / f"{name}.result.json" for name in WRITTEN]
    stranger = folder / "stranger.jsonl"
    stranger.write_text(json.dumps({"article_id": "elife:0", "concerns": ["another"]}) + "\n")
    for arguments, said in (
        (["--predictions", stranger], "None of these results scored"),
        (["--html", results[0]], "does not end in .html"),
        (["--html", tmp_path / "nowhere" / "both.html"], "there is no folder"),
    ):
        page = [] if "--html" in arguments else ["--html", folder / "both.html"]
        done = run(*results, *page, *arguments)
        assert said in str(done.exception)
    named = folder / "named.html"
    named.write_bytes(results[0].read_bytes())
    assert "names one of the results" in str(run(named, results[1], "--html", named).exception)
    assert named.read_bytes() == results[0].read_bytes()
    assert "add --html FILE" in str(getattr(run(*results, "--data", "demo").exception, "remedy", ""))
    assert not (folder / "both.html").exists()
