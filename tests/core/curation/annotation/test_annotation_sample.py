"""What is drawn: in proportion to strata, evenly over similarity, by the seed alone; no label is in the pack."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.cli.main import run
from bioreview_bench.curation.annotation.create import span_of
from bioreview_bench.curation.annotation.pack import read_pack
from bioreview_bench.curation.annotation.sample import (
    PairCandidate,
    bin_edges,
    bin_of,
    draw_concerns,
    draw_letters,
    draw_texts,
)
from bioreview_bench.data.article import Article
from bioreview_bench.data.folder import ALL, read_split


@pytest.fixture
def articles(make_article: Callable[..., Any]) -> list[Article]:
    """Two sources; of ten concerns six are design flaws, three interpretation, one other."""
    labels = ["design_flaw"] * 6 + ["interpretation"] * 3 + ["other"]
    return [
        make_article(
            f"{source}:{number}",
            [{"concern_text": f"Concern {n} of {number}.", "category": label} for n, label in enumerate(labels)],
            decision_letter_raw="A letter.",
        )
        for source in ("elife", "zoo")
        for number in range(10)
    ]


def test_concerns_are_drawn_in_proportion_to_their_strata(articles: list[Article]) -> None:
    drawn = Counter((article.source, concern.category) for article, concern in draw_concerns(articles, 40, 1))
    assert drawn == {
        (source, label): n
        for source in ("elife", "zoo")
        for label, n in (("design_flaw", 12), ("interpretation", 6), ("other", 2))
    }


def test_a_stratum_of_which_less_than_one_is_due_is_drawn_by_some_seeds(make_article: Callable[..., Any]) -> None:
    texts = [{"concern_text": f"Concern {n} here."} for n in range(99)]
    rare = {"concern_text": "The rare one.", "category": "other"}
    article = make_article("elife:1", [*texts, rare], decision_letter_raw="A letter.")
    hits = sum(
        any(concern.category == "other" for _, concern in draw_concerns([article], 25, seed)) for seed in range(400)
    )
    assert 60 < hits < 140  # one in four


def test_the_order_of_the_input_does_not_matter_and_the_seed_does(articles: list[Article]) -> None:
    shuffled = random.Random(0).sample(articles, len(articles))
    drawn = [concern.concern_id for _, concern in draw_concerns(articles, 30, 7)]
    assert [concern.concern_id for _, concern in draw_concerns(shuffled, 30, 7)] == drawn
    assert [concern.concern_id for _, concern in draw_concerns(articles, 30, 8)] != drawn
    assert [a.id for a in draw_letters(shuffled, 5, 7)] == [a.id for a in draw_letters(articles, 5, 7)]


def test_articles_without_a_letter_are_not_asked_about(articles: list[Article]) -> None:
    bare = [article.model_copy(update={"decision_letter_raw": None}) for article in articles]
    assert draw_concerns(bare, 10, 1) == []
    assert draw_letters(bare, 10, 1) == []


def test_bins_of_similarity_take_turns_and_no_text_is_drawn_twice() -> None:
    # 100 texts with one pair near 0 each, four of which have one near 1 too.
    candidates = [
        PairCandidate("a:1", f"text {n}", {"C1": n / 1000, **({"C2": 0.99} if n % 25 == 0 else {})}) for n in range(100)
    ]
    edges = bin_edges(candidates, 3)
    assert edges == pytest.approx((0.0, 0.33, 0.66, 0.99))
    drawn = draw_texts(candidates, edges, 12, 5)
    assert len({text.candidate.text for text in drawn}) == 12
    assert Counter(text.pair.bin for text in drawn) == {2: 4, 0: 8}
    assert [text.pair.bin for text in drawn[:4]] == [2, 0, 2, 0]
    assert len(draw_texts(candidates, edges, 1000, 5)) == 100


def test_a_bin_includes_its_lower_edge_and_the_last_its_upper_one_too() -> None:
    assert [bin_of(value, (0.0, 0.5, 1.0)) for value in (-1.0, 0.0, 0.49, 0.5, 1.0, 2.0)] == [0, 0, 0, 1, 1, 1]


def test_pairs_of_one_similarity_are_one_bin() -> None:
    candidates = [PairCandidate("a:1", "text", {"C1": 0.5})]
    assert len(draw_texts(candidates, bin_edges(candidates, 4), 3, 1)) == 1
    assert draw_texts([], bin_edges([], 4), 3, 1) == []


def test_the_pack_has_no_label_and_the_same_seed_draws_the_same_items(create: Callable[..., Path]) -> None:
    one, two, other = (create("--seed", seed, name=name) for seed, name in (("1", "one"), ("1", "two"), ("2", "other")))
    assert (one / "pack.json").read_bytes() == (two / "pack.json").read_bytes()
    assert (one / "pack.json").read_bytes() != (other / "pack.json").read_bytes()
    text = (one / "pack.json").read_text("utf-8")
    assert "category" not in text
    assert "design_flaw" not in text
    assert read_pack(one)[1].tokens != read_pack(two)[1].tokens
    assert (one / "key.json").stat().st_mode & 0o077 == 0
    assert one.stat().st_mode & 0o077 == 0


def test_raters_meet_the_same_items_and_articles_in_orders_of_their_own(shared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    assert run(["data", "annotate", "create", str(shared / "data/elife_pilot"), "-o", str(folder)]) == 0
    pack, key = read_pack(folder)
    first, second = (pack.for_rater(rater) for rater in pack.raters)
    assert first != second
    assert set(first) == set(second) == set(pack.items)
    for order in (first, second):
        met = [item.article_id for item in order if item.kind == "concern"]
        changes = sum(one != other for one, other in itertools.pairwise(met))
        assert changes == len(set(met)) - 1  # a letter is read once
    assert len(key.labels) == 60
    # The pilot's concerns are verbatim, so each has a place in its letter, and it is the right one.
    for article in pack.articles:
        for reference in article.references:
            assert reference.start is not None
            assert article.letter[reference.start : reference.end].split() == reference.text.split()


def test_a_text_is_found_whatever_the_white_space_and_signs() -> None:
    assert span_of("a+b (c)", "x a+b\n\t(c) y") == (2, 10)
    assert span_of("not there", "x") is None
    assert span_of("   ", "x") is None


def test_every_reference_of_a_drawn_article_is_asked_about_figures_too(data: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (data / "test.jsonl").read_text("utf-8").splitlines()]
    for row in rows:
        row["concerns"][0]["category"] = "figure_issue"
    (data / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    given = [
        "--predictions",
        str(tmp_path / "mine.jsonl"),
        "--contract",
        "jaccard",
        "--concerns",
        "0",
        "--letters",
        "0",
    ]
    assert run(["data", "annotate", "create", str(data), "-o", str(tmp_path / "pack"), *given]) == 0
    pack, key = read_pack(tmp_path / "pack")
    assert len(pack.items) == 12
    known = {article.id: [concern.concern_id for concern in article.concerns] for article in read_split(data, ALL)}
    for item in pack.items:
        assert list(key.similarities[item.id]) == known[item.article_id]


@pytest.mark.parametrize(
    "given",
    [
        ("--rater", "ann"),
        ("--rater", "ann", "--rater", "ann"),
        ("--rater", "../ann", "--rater", "bob"),
        ("--concerns", "0", "--letters", "0"),
        ("--predictions", "absent.jsonl"),
        ("--predictions", "mine.jsonl", "--contract", "judge:openai:gpt-4o-mini"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_nothing_is_made(
    data: Path, tmp_path: Path, given: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["data", "annotate", "create", str(data), "-o", "made", *given]) == 2
    assert not Path("made").exists()


def test_nothing_is_written_into_a_folder_in_use(pack: Path, data: Path) -> None:
    before, mode = (pack / "key.json").read_bytes(), data.stat().st_mode
    for folder in (pack, data, data / "test.jsonl"):
        assert run(["data", "annotate", "create", str(data), "-o", str(folder)]) == 2
    assert (pack / "key.json").read_bytes() == before
    assert data.stat().st_mode == mode
