"""`bench data split`: no family crosses, the same bytes for the same seed, nothing left over."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bioreview_bench.cli.main import run as run_bench
from bioreview_bench.curation.families import families, links
from bioreview_bench.curation.split.assign import ManuscriptFamily, take_shares
from bioreview_bench.curation.split.make import Wish, divide, published_after
from bioreview_bench.data.article import Article
from bioreview_bench.data.folder import read_articles
from bioreview_bench.errors import InputError


def row(number: int, source: str = "elife", **fields: Any) -> dict[str, Any]:
    return {"id": f"{source}:{number}", "source": source, "concerns": [], "published_date": "2024-05-01", **fields}


def articles(rows: list[dict[str, Any]]) -> list[Article]:
    return [Article.model_validate(each) for each in rows]


def synthetic(n: int, seed: int = 7) -> list[dict[str, Any]]:
    """Articles of three venues; every tenth is a version, a retitled copy or a revised abstract of an earlier one."""
    draw = random.Random(seed)
    vocabulary = [f"w{number}x" for number in range(4000)]

    def text(k: int) -> list[str]:
        return draw.choices(vocabulary, k=k)

    rows: list[dict[str, Any]] = []
    for number in range(n):
        source = draw.choice(("elife", "plos", "f1000"))
        made = row(number, source, doi=f"10.5555/{number}", title=" ".join(text(12)), abstract=" ".join(text(150)))
        if number % 10 == 9:
            earlier = draw.choice(rows)
            kind = draw.randrange(3)
            if kind == 0:
                earlier["doi"], made["doi"] = f"10.5555/x{number}v1", f"10.5555/x{number}v2"
            elif kind == 1:
                made["title"] = f"{earlier['title']} revisited"
            else:
                made["abstract"] = f"{earlier['abstract']} {' '.join(text(12))}"
        rows.append(made)
    return rows


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    return path


@dataclass
class Ended:
    exit_code: int
    output: str


Split = Callable[..., Ended]


@pytest.fixture
def split(capsys: pytest.CaptureFixture[str]) -> Split:
    """`bench data split` with these arguments."""

    def run(*arguments: object) -> Ended:
        code = run_bench(["data", "split", *map(str, arguments)])
        printed = capsys.readouterr()
        return Ended(code, " ".join((printed.out + printed.err).split()))

    return run


def test_no_family_crosses_and_nothing_is_left_over() -> None:
    given_articles = articles(synthetic(600))
    division = divide(given_articles, Wish(counts={"elife": 40, "plos": 40}))
    place = {article_id: name for name, ids in division.splits.items() for article_id in ids}
    assert sorted(place) == sorted(article.id for article in given_articles)
    for group in families(len(given_articles), links(given_articles)):
        assert len({place[given_articles[index].id] for index in group}) == 1
    assert (division.crossing, division.unassigned) == ((), 0)
    tested = Counter(article_id.partition(":")[0] for article_id in division.splits["test"])
    assert tested == {"elife": 40, "plos": 40}
    rest = len(given_articles) - 80
    assert abs(len(division.splits["val"]) - 0.15 * rest) <= 3


def test_the_same_seed_gives_the_same_bytes_whatever_the_order_of_the_input(split: Split, tmp_path: Path) -> None:
    rows = synthetic(200)
    one = write(tmp_path / "one.jsonl", rows)
    two = write(tmp_path / "two.jsonl", rows[::-1])
    for path, folder, seed in ((one, "a", 1), (two, "b", 1), (one, "c", 2)):
        assert split(path, "-o", tmp_path / folder, "--ratio", ".7,.15,.15", "--seed", seed).exit_code == 0

    def contents(folder: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}

    assert contents("a") == contents("b")
    assert contents("a").keys() == {"train.jsonl", "val.jsonl", "test.jsonl", "split-manifest.json"}
    assert contents("a")["test.jsonl"] != contents("c")["test.jsonl"]


def test_every_field_of_a_row_survives(split: Split, tmp_path: Path) -> None:
    concern = {"concern_id": "elife:1:R1C1", "concern_text": "There is no control.", "mine": [1, {"a": None}]}
    made = row(1, concerns=[concern], license="CC0", own_field={"deep": ["ü", 1.5]}, abstract=None)
    path = write(tmp_path / "a.jsonl", [made])
    assert split(path, "-o", tmp_path / "s", "--ratio", "0,0,1").exit_code == 0
    assert json.loads((tmp_path / "s" / "test.jsonl").read_text(encoding="utf-8")) == made


def test_an_existing_split_is_not_overwritten(split: Split, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", synthetic(20))
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "validation.parquet").write_bytes(b"released")
    result = split(path, "-o", tmp_path / "s", "--ratio", ".7,.15,.15")
    assert result.exit_code == 2
    assert "never overwritten" in result.output
    assert [each.name for each in (tmp_path / "s").iterdir()] == ["validation.parquet"]


def test_corrections_and_retractions_are_left_out() -> None:
    rows = [row(1), row(2, title="Retraction: Foci of actin"), row(3, title="Correction: Foci of actin")]
    division = divide(articles(rows), Wish(ratio=(0.5, 0, 0.5)))
    assert division.left_out == {"elife:2": "retraction", "elife:3": "correction"}
    assert sum(map(len, division.splits.values())) == 1


def test_relatives_of_frozen_articles_are_left_out_of_training() -> None:
    rows = [row(number, doi=f"10.5555/{number}") for number in range(1, 9)]
    rows[1]["doi"] = "10.5555/1v2"
    rows[0]["doi"] = "10.5555/1v1"
    division = divide(articles(rows), Wish(frozen_ids=["elife:1", "elife:5"], val=0.25))
    assert division.splits["test"] == ("elife:1", "elife:5")
    assert division.left_out == {"elife:2": "family of elife:1 (test)"}
    assert len(division.splits["train"]) + len(division.splits["val"]) == 5


def test_unknown_frozen_ids_are_named() -> None:
    with pytest.raises(InputError, match="elife:77"):
        divide(articles([row(1)]), Wish(frozen_ids=["elife:77"]))


def test_a_manifest_serves_as_frozen_ids(split: Split, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", synthetic(100))
    assert split(path, "-o", tmp_path / "s", "--test", "plos=5").exit_code == 0
    again = split(path, "-o", tmp_path / "t", "--frozen-test", tmp_path / "s" / "split-manifest.json", "--val", "0")
    assert again.exit_code == 0, again.output
    assert (tmp_path / "t" / "test.jsonl").read_bytes() == (tmp_path / "s" / "test.jsonl").read_bytes()
    assert not (tmp_path / "t" / "val.jsonl").exists()


def test_test_articles_appeared_after_the_day() -> None:
    rows = [
        row(number, published_date=date)
        for number, date in enumerate(["2024-12-31", "2025-01-01", "2025", None, "2026-02"])
    ]
    division = divide(articles(rows), Wish(counts={"elife": 1}, after="2025-01-01"))
    assert division.splits["test"] == ("elife:4",)
    with pytest.raises(InputError, match="1 of 2"):
        divide(articles(rows), Wish(counts={"elife": 2}, after="2025-01-01"))


@pytest.mark.parametrize(
    ("date", "after"),
    [
        ("2025-01-02", True),
        ("2025-01-01", False),
        ("2025", False),
        ("2025-02", True),
        ("2026", True),
        (None, False),
        ("soon", False),
        ("2025-01-02T00:00:00Z", True),
    ],
)
def test_dates_that_are_not_whole_count_only_where_they_surely_are_later(date: str | None, after: bool) -> None:
    assert published_after(articles([row(1, published_date=date)])[0], "2025-01-01") is after


def test_a_test_split_that_cannot_be_filled_says_what_can_be_had(split: Split, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [row(1), row(2), row(3, "plos")])
    result = split(path, "-o", tmp_path / "s", "--test", "elife=5,plos=1,peerj=2")
    assert result.exit_code == 2
    assert "elife has 2 of 5; peerj has 0 of 2" in result.output
    assert result.output.strip().endswith("--test elife=2,plos=1")
    assert not (tmp_path / "s").exists()
    assert split(path, "-o", tmp_path / "s", "--test", "elife=2,plos=1").exit_code == 0


def test_a_source_that_nothing_is_of_is_answered_with_those_that_there_are(split: Split, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [row(1), row(2)])
    result = split(path, "-o", tmp_path / "s", "--test", "elifee=1")
    assert (result.exit_code, "sources that there are (elife)" in result.output) == (2, True)


def test_a_file_that_is_not_there_or_of_no_known_form_is_said_plainly(split: Split, tmp_path: Path) -> None:
    other = tmp_path / "a.json"
    other.write_text("[]", encoding="utf-8")
    for path, said in ((tmp_path / "b.jsonl", "There is no data folder"), (other, "neither .jsonl nor .parquet")):
        result = split(path, "-o", tmp_path / "s", "--ratio", ".7,.15,.15")
        assert (result.exit_code, said in result.output) == (4, True)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--test", "elife"],
        ["--test", "elife=-1"],
        ["--test", "elife=1,elife=2"],
        ["--test", "elife=١"],
        ["--ratio", ".5,.5"],
        ["--ratio", ".5,.5,.5"],
        ["--ratio", "nan,.5,.5"],
        ["--ratio", ".5,.25,.25", "--test", "elife=1"],
        ["--ratio", ".5,.25,.25", "--val", ".1"],
        ["--test", "elife=1", "--by", "colour"],
        ["--test", "elife=1", "--after", "yesterday"],
        ["--test", "elife=1", "--after", "2025-13-01"],
        ["--frozen-test", "nowhere.json"],
    ],
)
def test_wishes_that_make_no_sense_are_refused(split: Split, tmp_path: Path, arguments: list[str]) -> None:
    path = write(tmp_path / "a.jsonl", [row(1), row(2)])
    result = split(path, "-o", tmp_path / "s", *arguments)
    assert result.exit_code == 2, result.output
    assert "Next:" in result.output
    assert not (tmp_path / "s").exists()


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from("ab")), min_size=1, max_size=60),
    st.sampled_from([(0.7, 0.15, 0.15), (0.5, 0.5, 0.0), (0.1, 0.1, 0.8)]),
)
def test_shares_miss_by_less_than_the_largest_family(
    sizes: list[tuple[int, str]], shares: tuple[float, float, float]
) -> None:
    members = [
        ManuscriptFamily(tuple(f"{number}-{k}" for k in range(size)), {}, (stratum,))
        for number, (size, stratum) in enumerate(sizes)
    ]
    wanted = dict(zip(("train", "val", "test"), shares, strict=True))
    placed = take_shares(members, wanted, seed=1)
    assert placed.keys() == set(members)
    total, largest = sum(size for size, _ in sizes), max(size for size, _ in sizes)
    for name, share in wanted.items():
        assert abs(sum(f.size for f, where in placed.items() if where == name) - share * total) <= 2 * largest


@pytest.mark.parametrize("n", [3, 4, 5])
def test_no_split_with_a_share_is_empty(split: Split, tmp_path: Path, n: int) -> None:
    path = write(tmp_path / "a.jsonl", [row(number) for number in range(n)])
    result = split(path, "-o", tmp_path / "s", "--ratio", ".7,.15,.15")
    assert result.exit_code == 0, result.output
    manifest = json.loads((tmp_path / "s" / "split-manifest.json").read_text())
    assert {name: part["articles"] for name, part in manifest["splits"].items()} == {
        "train": n - 2,
        "val": 1,
        "test": 1,
    }


def test_a_split_that_nothing_is_left_for_is_said(split: Split, tmp_path: Path) -> None:
    dated = [row(number, published_date="2020-01-01") for number in range(20)]
    path = write(tmp_path / "a.jsonl", dated)
    wish = ("--ratio", ".6,.2,.2", "--after", "2024-01-01")
    result = split(path, "-o", tmp_path / "s", *wish)
    assert (result.exit_code, (tmp_path / "s").exists()) == (2, False)
    assert "none of 20 appeared after the day" in result.output
    write(path, [*dated[:-1], row(19, published_date="2025-01-01")])
    result = split(path, "-o", tmp_path / "s", *wish)
    assert result.exit_code == 0
    assert "test has 1 articles instead of 4.0: no more appeared after 2024-01-01" in result.output


def test_the_pilot_divides(split: Split, tmp_path: Path, shared: Path) -> None:
    result = split(
        shared / "data" / "elife_pilot", "-o", tmp_path / "s", "--test", "elife=9", "--by", "source,review_format"
    )
    assert result.exit_code == 0, result.output
    read = read_articles([tmp_path / "s" / f"{name}.jsonl" for name in ("train", "val", "test")])
    assert len(read) == 35
    assert "0 families in two splits, 0 articles in none" in result.output
