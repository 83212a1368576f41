"""`bench audit`: manuscripts in two splits or releases, references said twice, labels, dates."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.cli.main import run
from bioreview_bench.curation.audit import audit
from bioreview_bench.data.article import Article

ABSTRACT = (
    "Dendrites of ganglion cells fill the plane of the retina without gaps. Here we image dendrites for ten hours "
    "and find that contact with a neighbour makes a branch retract within minutes."
)


def row(number: int, *concerns: str, **fields: Any) -> dict[str, Any]:
    said = [
        {"concern_id": f"a:{number}:{k}", "concern_text": text, "category": "other", "severity": "major"}
        for k, text in enumerate(concerns)
    ]
    return {"id": f"a:{number}", "source": "a", "concerns": said, **fields}


def articles(*rows: dict[str, Any]) -> list[Article]:
    return [Article.model_validate(each) for each in rows]


@dataclass
class Ended:
    code: int
    out: str
    err: str


Audit = Callable[..., Ended]


@pytest.fixture
def bench_audit(capsys: pytest.CaptureFixture[str]) -> Audit:
    def call(*arguments: object) -> Ended:
        capsys.readouterr()
        return Ended(run(["audit", *map(str, arguments)]), *capsys.readouterr())

    return call


def folder(path: Path, **splits: list[dict[str, Any]]) -> Path:
    path.mkdir()
    for name, rows in splits.items():
        (path / f"{name}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    return path


def test_every_kind_of_relative_across_splits_is_found() -> None:
    groups = {
        "train": articles(
            row(1, doi="10.7554/eLife.1"), row(2, abstract=ABSTRACT), row(3, title="The tiles of all the cells")
        ),
        "test": articles(
            row(4, doi="10.7554/eLife.1.2"),
            row(5, abstract=ABSTRACT + " So."),
            row(6, title="the tiles of all the cells!"),
        ),
    }
    found = audit(groups, list(groups)).shared
    assert [(one.first_id, one.second_id, one.why) for one in found] == [
        ("a:1", "a:4", "the same DOI"),
        ("a:2", "a:5", "nearly the same abstract"),
        ("a:3", "a:6", "the same title"),
    ]


def test_relatives_in_one_split_are_no_leak() -> None:
    report = audit({"train": articles(row(1, doi="10.1/x"), row(2, doi="10.1/x"))}, ["train"])
    assert not report.leaks


def test_other_data_are_compared_with_these_and_not_among_themselves() -> None:
    groups = {
        "test": articles(row(1, doi="10.1/a")),
        "old: train": articles(row(1), row(2, doi="10.1/b")),
        "old: test": articles(row(3, doi="10.1/b")),
    }
    found = audit(groups, ["test"]).shared
    assert [(one.first_group, one.second_group, one.why) for one in found] == [
        ("test", "old: train", "the same article")
    ]


def test_concerns_in_nearly_the_same_words_are_said_twice() -> None:
    text = "There is no control for the batch in which the animals were bred"
    made = articles(
        row(1, text, f"{text}.", f"{text} here", "Another point about something else entirely", "It is short, too")
    )
    found = audit({"test": made}, ["test"]).repeated
    assert [(one.first, one.second) for one in found] == [("a:1:0", "a:1:1"), ("a:1:0", "a:1:2"), ("a:1:1", "a:1:2")]
    assert found[0].similarity == 1


def test_shares_and_their_distance_are_by_hand() -> None:
    train = articles(row(1, "A concern that is long"), row(2, "Another concern of it"))
    test = articles({**row(3), "source": "b"}, row(4))
    report = audit({"train": train, "test": test}, ["train", "test"])
    assert report.shares["test"]["source"] == {"a": 0.5, "b": 0.5}
    assert report.distances["test"]["source"] == pytest.approx(0.25)  # all: a 3/4, b 1/4
    assert report.shares["test"]["category"] == {}


def test_dates_against_a_cutoff() -> None:
    made = articles(row(1, published_date="2025-07-01"), row(2, published_date="2025-06-30"), row(3))
    dates = audit({"test": made}, ["test"], "2025-06-30").dates["test"]
    assert (dates.first, dates.last, dates.n_without, dates.after_cutoff) == ("2025-06-30", "2025-07-01", 1, 1)
    odd = [article.model_copy(update={"published_date": "soon"}) for article in made]
    dates = audit({"test": odd}, ["test"], "2025-06-30").dates["test"]
    assert (dates.first, dates.last, dates.n_without) == (None, None, len(odd))


def test_strict_fails_where_a_manuscript_leaks(bench_audit: Audit, tmp_path: Path) -> None:
    leaking = folder(tmp_path / "a b", train=[row(1, doi="10.1/x")], test=[row(2, doi="10.1/X")])
    assert bench_audit(leaking).code == 0
    done = bench_audit(leaking, "--strict")
    assert done.code == 2
    assert "train a:1 and test a:2: the same DOI." in done.out
    assert f"bench data split '{leaking}'" in done.out
    clean = folder(tmp_path / "clean", train=[row(1)], test=[row(2)])
    assert bench_audit(clean, "--strict").code == 0
    assert bench_audit(clean, "--against", leaking, "--strict").code == 2


def test_json_has_everything(bench_audit: Audit, tmp_path: Path) -> None:
    made = folder(
        tmp_path / "a",
        train=[row(k, doi=f"10.1/{k}") for k in range(12)],
        test=[row(20 + k, doi=f"10.1/{k}") for k in range(12)],
    )
    found = json.loads(bench_audit(made, "--format", "json").out)
    assert (len(found["shared"]), found["leaks"]) == (12, True)
    assert "... and 2 more" in bench_audit(made).out
    assert "more (--all" not in bench_audit(made, "--all").out


def test_articles_that_no_split_names_are_a_group(bench_audit: Audit, tmp_path: Path) -> None:
    made = tmp_path / "a"
    made.mkdir()
    (made / "articles.jsonl").write_text(
        "".join(json.dumps(row(k, doi="10.1/x")) + "\n" for k in (1, 2)), encoding="utf-8"
    )
    (made / "splits.json").write_text('{"test": ["a:1"]}', encoding="utf-8")
    assert "test a:1 and rest a:2" in bench_audit(made).out


def test_a_cutoff_that_is_no_day_is_refused(bench_audit: Audit) -> None:
    assert bench_audit("demo", "--cutoff", "summer").code == 2


def test_no_pair_of_the_bundled_data_leaks(bench_audit: Audit) -> None:
    assert bench_audit("demo", "--strict").code == 0
