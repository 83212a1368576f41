"""What a submission scores: the core's own numbers, and the extras beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import Contract, load_split, read_predictions, score
from bioreview_bench.data.predictions import as_predictions
from bioreview_bench.errors import DataError, EncoderError
from bioreview_bench.leaderboard import boards
from bioreview_bench.leaderboard.archive.export import export_board
from bioreview_bench.leaderboard.archive.import_ import import_board
from bioreview_bench.leaderboard.store.leases import Claim
from bioreview_bench.leaderboard.store.settings import get_card
from bioreview_bench.leaderboard.worker.score import Scorer, after_cutoff, exact_match_rate
from bioreview_bench.results.validity import load_card
from bioreview_bench.scoring.backends import choose


def quiet(done: int, total: int) -> None:
    pass


def claim(split: str, card: dict[str, Any]) -> Claim:
    return Claim("s_0000000000000000", split, "t", "", card, 1)


def test_a_board_gives_the_numbers_that_evaluate_gives(
    make_board: Callable[..., Any],
    tmp_path: Path,
    minilm: None,
    warm: Path,
    card_fields: Callable[..., dict[str, Any]],
    demo_predictions: Callable[[str], bytes],
) -> None:
    board = make_board(tmp_path / "b.sqlite", contracts=("demo", "jaccard"))
    split = load_split("demo", "test")
    path = tmp_path / "careful.jsonl"
    path.write_bytes(demo_predictions("careful"))
    found = Scorer(board, None, quiet).score(claim("test", card_fields("Careful")), path.read_bytes())

    assert [one.contract for one in found] == ["demo", "jaccard"]
    for one in found:
        expected = score(split, read_predictions(path, split), Contract.load(one.contract), draws=200, controls="full")
        assert one.record.signature == expected.signature
        assert one.record.system.name == "Careful"
        for part in ("overall", "controls", "coverage", "per_category", "per_source", "articles", "intervals"):
            assert getattr(one.record, part) == getattr(expected.record, part), part


def test_the_card_beside_a_contract_goes_with_it_to_the_board(
    make_board: Any, open_database: Any, tmp_path: Path, card_fields: Any, demo_predictions: Any
) -> None:
    own, checked = tmp_path / "mine.toml", load_card("jaccard")
    replace(Contract.load("jaccard"), name="mine").save(own)
    assert checked is not None
    checked.save(tmp_path / "mine.card.json")
    board = make_board(tmp_path / "b.sqlite", contracts=(str(own),))
    (tmp_path / "mine.card.json").unlink()
    scorer = Scorer(board, None, quiet)
    claims = [one.record.validity for one in scorer.score(claim("test", card_fields("A")), demo_predictions("careful"))]
    assert [(one.n_matched, one.same) for one in claims if one] == [(6, 1.0)]
    export_board(board, tmp_path / "board.zip")
    again = open_database(tmp_path / "c.sqlite")
    import_board(again, tmp_path / "board.zip")
    assert get_card(again, "mine") == checked
    boards.alter(board, {}, {}, (str(own),), ("mine",))  # named anew, without a card
    assert not scorer.is_current(board)
    assert get_card(board, "mine") is None


def test_an_encoder_made_for_one_contract_serves_only_those_that_encode_alike(minilm: None) -> None:
    from bioreview_bench.errors import InputError

    demo = Contract.load("demo")
    backend = choose(demo, None, None, quiet)
    assert backend.serves(replace(demo, threshold=0.5, name="other"))
    for other in (replace(demo, max_length=128), replace(demo, weights_sha256="0" * 64), Contract.load("jaccard")):
        assert not backend.serves(other)
    with pytest.raises(InputError, match="not made for"):
        score(load_split("demo", "test"), {}, Contract.load("jaccard"), backend=backend)
    with pytest.raises(InputError, match="another encoder"):
        score(load_split("demo", "test"), {}, demo, backend=backend, encoder_path=Path())


def test_copied_references_are_found_whatever_their_case_and_spacing(make_article: Callable[..., Any]) -> None:
    articles = [
        make_article("elife:1", ["The Sample is too small.", "No control was run."]),
        make_article("elife:2", ["Another article's concern."]),
    ]
    rows = as_predictions(
        {
            "elife:1": ["the sample  is\ntoo SMALL.", "Quite another thing."],
            "elife:2": ["No control was run.", "Another article's concern"],
        },
        articles,
    )
    assert exact_match_rate(articles, rows) == 1 / 4
    assert exact_match_rate(articles, as_predictions({"elife:1": []}, articles)) == 0


def dated(make_article: Callable[..., Any], dates: list[str | None]) -> list[Any]:
    return [
        make_article(f"elife:{number}", ["cells were few", "mice were old"], published_date=day)
        for number, day in enumerate(dates, start=1)
    ]


def counts_of(articles: list[Any], said: dict[str, list[str]]) -> Any:
    return score(articles, said, Contract.load("jaccard"), draws=0).counts


def test_the_slice_after_the_cutoff_is_scored_by_itself(make_article: Callable[..., Any]) -> None:
    articles = dated(make_article, ["2020-01-01"] * 5 + ["2024-05-02"] * 20)
    said = {article.id: ["cells were few"] for article in articles[:15]}
    found = after_cutoff(articles, counts_of(articles, said), date(2023, 1, 1), 100)
    assert (found["n_dated"], found["n_articles"], found["reason"]) == (25, 20, None)
    # 10 of the 20 later articles have one right prediction each; there are 40 references among them.
    assert found["figures"]["recall"] == 10 / 40
    assert found["figures"]["precision"] == 1
    assert found["figures"]["f1"] == 2 * 10 / (40 + 10)
    low, high = found["figures"]["intervals"]["f1"]
    assert low < found["figures"]["f1"] < high
    counts = counts_of(articles, said)
    another = after_cutoff(articles, counts, date(2023, 1, 1), 100, file="1")  # not dealt as another file's were
    assert another["figures"]["intervals"] != found["figures"]["intervals"]


@pytest.mark.parametrize(
    ("day", "later"),
    [
        ("2023-06-15", True),
        ("2023-06-14", False),
        ("2023-07", True),
        ("2023-06", False),  # may be the first of June
        ("2024", True),
        ("2023", False),
        ("2023-06-15T08:00:00Z", True),
        ("June 2024", False),
        ("2023-13-40", False),
        ("", False),
        (None, False),
    ],
)
def test_only_what_is_certainly_later_counts_as_later(
    day: str | None, later: bool, make_article: Callable[..., Any]
) -> None:
    articles = dated(make_article, [day] * 20)
    found = after_cutoff(articles, counts_of(articles, {}), date(2023, 6, 14), 0)
    assert found["n_articles"] == (20 if later else 0)


def test_too_few_later_articles_give_a_reason_instead_of_figures(make_article: Callable[..., Any]) -> None:
    articles = dated(make_article, ["2024-01-01"] * 19 + [None, "2020"])
    found = after_cutoff(articles, counts_of(articles, {}), date(2023, 1, 1), 0)
    assert found["figures"] is None
    assert found["reason"] == "19 of 20 dated articles were published after it; 20 are needed"
    assert after_cutoff(articles, counts_of(articles, {}), None, 0)["reason"] == "the card states no training cut-off"


def test_other_data_than_the_boards_are_refused(make_board: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    article = {
        "id": "elife:1",
        "source": "elife",
        "concerns": [
            {
                "concern_id": "elife:1:R1C1",
                "concern_text": "The sample is too small.",
                "category": "design_flaw",
                "severity": "major",
            }
        ],
    }
    (folder / "test.jsonl").write_text(json.dumps(article) + "\n")
    board = make_board(tmp_path / "b.sqlite", data=folder)
    assert Scorer(board, None, quiet).splits["test"].label.startswith("local/test#")
    article["title"] = "Changed where it does not matter"
    (folder / "test.jsonl").write_text(json.dumps(article) + "\n")
    assert Scorer(board, None, quiet)
    article["concerns"][0]["severity"] = "minor"  # type: ignore[index]
    (folder / "test.jsonl").write_text(json.dumps(article) + "\n")
    with pytest.raises(DataError, match="not those that the board was made with"):
        Scorer(board, None, quiet)
    boards.alter(board, {"data": str(folder)}, {}, (), ())
    assert Scorer(board, None, quiet)


@pytest.fixture
def unverified(tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A contract whose encoder lies in the Hub cache without `bench encoder fetch` having checked it."""
    revision = "0123456789" * 4
    snapshot = tmp_path / "hub" / "models--lab--tiny" / "snapshots" / revision
    snapshot.parent.mkdir(parents=True)
    snapshot.symlink_to(tiny_bert)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    contract = Contract("mine", "hf:lab/tiny", 0.5, revision=revision, max_length=64)
    contract.save(tmp_path / "mine.toml")
    return tmp_path / "mine.toml"


def test_an_unverified_encoder_is_refused_unless_the_board_allows_it(
    make_board: Callable[..., Any], tmp_path: Path, unverified: Path
) -> None:
    board = make_board(tmp_path / "b.sqlite", contracts=(str(unverified),))
    with pytest.raises(EncoderError, match="not verified") as caught:
        Scorer(board, None, quiet)
    assert "--allow-unverified" in str(caught.value.remedy)
    boards.alter(board, {"allow_unverified": True}, {}, (), ())
    assert not Scorer(board, None, quiet).judges["mine"].backend.record.verified


def test_a_scorer_notices_changed_settings(make_board: Callable[..., Any], tmp_path: Path) -> None:
    board = make_board(tmp_path / "b.sqlite")
    scorer = Scorer(board, None, quiet)
    assert scorer.is_current(board)
    boards.alter(board, {"draws": 5}, {}, (), ())
    assert not scorer.is_current(board)
    scorer = Scorer(board, None, quiet)
    other = replace(Contract.load("jaccard"), name="wide", threshold=0.1)
    other.save(tmp_path / "wide.toml")
    boards.alter(board, {}, {}, (str(tmp_path / "wide.toml"),), ())
    assert not scorer.is_current(board)
    scorer = Scorer(board, None, quiet)
    replace(other, threshold=0.2).save(tmp_path / "wide.toml")
    boards.alter(board, {}, {}, (str(tmp_path / "wide.toml"),), ())
    assert not scorer.is_current(board)
