"""Near copies: found after small changes, across teams, in little time; independent systems are none."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioreview_bench.data.predictions import PredictedConcern, PredictionRow, Predictions, read_predictions
from bioreview_bench.leaderboard.intake.check import validate_received
from bioreview_bench.leaderboard.intake.near import NEAR, WORDS_KEPT, from_bytes, shared, to_bytes, wording
from bioreview_bench.leaderboard.store.status import status, status_for

Make = Callable[..., Any]
Texts = Mapping[str, list[str]]
KEY = 7


def texts(path: Path) -> dict[str, list[str]]:
    return {name: [one.text for one in row.concerns] for name, row in read_predictions(path).rows.items()}


def sample(said: Texts, key: int = KEY) -> Any:
    rows = {name: PredictionRow(name, tuple(map(PredictedConcern, all_))) for name, all_ in said.items()}
    return wording(Predictions(rows), key)


def word_more(said: Texts, n: int = 1) -> dict[str, list[str]]:
    """`n` words at random places of every concern."""
    chance = random.Random(1)

    def changed(text: str) -> str:
        words = text.split()
        for _ in range(n):
            words.insert(chance.randrange(len(words) + 1), chance.choice(["clearly", "indeed", "notably", "also"]))
        return " ".join(words)

    return {name: [changed(one) for one in all_] for name, all_ in said.items()}


def reordered(said: Texts) -> dict[str, list[str]]:
    return {name: all_[::-1] for name, all_ in reversed(said.items())}


def other_letters(said: Texts) -> dict[str, list[str]]:
    """Capitals, Cyrillic look-alikes, invisible characters, other signs between words."""
    table = str.maketrans({"a": "а", "e": "е", "o": "о", "t": "T", " ": "  ", "n": "n\u200b", ".": "!"})
    return {name: [one.translate(table) for one in all_] for name, all_ in said.items()}


def padded(said: Texts, n: int = 60) -> dict[str, list[str]]:
    chance = random.Random(2)
    junk = [" ".join(f"w{chance.randrange(10**6)}" for _ in range(12)) for _ in range(n)]
    return {name: [*(f"{name} {one}" for one in junk), *all_] for name, all_ in said.items()}


def each(change: Callable[[list[str]], list[str]]) -> Callable[[Texts], Texts]:
    """A change of the words of every concern."""
    return lambda said: {name: [" ".join(change(one.split())) for one in all_] for name, all_ in said.items()}


def shuffled(words: list[str]) -> list[str]:
    return random.Random(3).sample(words, len(words))


def three_words_after_each(words: list[str]) -> list[str]:
    return [part for word in words for part in (word, *["clearly"] * 3)]


def plurals(words: list[str]) -> list[str]:
    return [f"{word}s" if len(word) > 3 else word for word in words]


def other_function_words(words: list[str]) -> list[str]:
    return [{"the": "this", "is": "stays", "and": "plus", "of": "within", "to": "for"}.get(one, one) for one in words]


def in_two(said: Texts) -> dict[str, list[str]]:
    """Every concern in two."""
    halves = {name: [one.split() for one in all_] for name, all_ in said.items()}
    return {
        name: [" ".join(part) for one in all_ for part in (one[: len(one) // 2], one[len(one) // 2 :])]
        for name, all_ in halves.items()
    }


def in_one(said: Texts) -> dict[str, list[str]]:
    """All concerns of an article in one."""
    return {name: [" ".join(all_)] for name, all_ in said.items()}


def without_a_third(said: Texts) -> dict[str, list[str]]:
    return {name: all_ for number, (name, all_) in enumerate(said.items()) if number % 3}


@pytest.fixture(scope="session")
def pilot(shared: Path) -> dict[str, dict[str, list[str]]]:
    return {path.stem: texts(path) for path in sorted((shared / "data/elife_pilot/predictions").glob("*.jsonl"))}


@pytest.mark.parametrize("change", [word_more, reordered, other_letters, padded, without_a_third])
def test_a_copy_is_found_after_small_changes(pilot: Any, change: Callable[[Texts], Texts]) -> None:
    for name in ("blind_reader", "close_reader", "hurried", "restated"):
        assert shared(sample(pilot[name]), sample(change(pilot[name]))) > 0.85, name


@pytest.mark.parametrize(
    "change",
    [each(shuffled), each(three_words_after_each), each(plurals), each(other_function_words), in_two, in_one],
    ids=["shuffled", "three words after each", "plurals", "function words", "in two", "in one"],
)
def test_a_copy_is_found_after_changes_that_keep_what_a_matcher_reads(
    pilot: Any, change: Callable[[Texts], Texts]
) -> None:
    for name in ("blind_reader", "close_reader", "hurried", "restated"):
        assert shared(sample(pilot[name]), sample(change(pilot[name]))) > NEAR, name


def test_a_copy_with_many_changes_at_once_is_found(pilot: Any) -> None:
    changed = padded(other_letters(reordered(word_more(pilot["close_reader"], 3))))
    assert shared(sample(pilot["close_reader"]), sample(changed)) > NEAR


def test_reviewers_that_wrote_by_themselves_are_no_copies(pilot: Any) -> None:
    # `shuffled` has the concerns of `paraphrase` at other papers; restated, hurried, paraphrase and near_miss put the
    # same references into words.
    samples = {name: sample(said) for name, said in pilot.items()}
    found = {pair: shared(*map(samples.get, pair)) for pair in itertools.combinations(samples, 2)}  # type: ignore[arg-type]
    assert len(found) >= 28
    assert max(found.values()) < NEAR / 2, found


def test_another_key_draws_another_sample(pilot: Any) -> None:
    mine, other = sample(pilot["restated"]), sample(pilot["restated"], KEY + 1)
    assert len(mine) == len(other) == WORDS_KEPT
    assert len(np.intersect1d(mine, other)) == 0


def test_a_few_words_in_common_say_nothing() -> None:
    stock = {"elife:1": ["the sample size is small"]}
    assert (
        shared(sample(stock), sample({"elife:1": ["the sample size is small", "the methods are not described"]})) == 0
    )


def test_texts_without_long_words_and_without_spaces_are_compared_too() -> None:
    short = {f"a:{n}": [" ".join(f"w{n}{k}" for k in range(9))] for n in range(5)}
    japanese = {f"a:{n}": [f"対照群の数が足りない{n}ため結論は弱い"] for n in range(3)}
    for said in (short, japanese):
        assert shared(sample(said), sample(reordered(said))) == 1.0
    assert (
        shared(sample(japanese), sample({name: ["統計の方法が書かれていないので分からない"] for name in japanese}))
        < NEAR
    )


def test_what_is_kept_of_a_file_is_bounded(pilot: Any) -> None:
    assert len(to_bytes(sample(padded(pilot["blind_reader"], 200)))) == 8 * WORDS_KEPT
    mine = sample(pilot["hurried"])
    assert np.array_equal(from_bytes(to_bytes(mine)), mine)


def changed_file(content: bytes) -> bytes:
    rows = [json.loads(line) for line in content.splitlines()]
    for row in rows:
        for one in row["concerns"]:
            one["text"] = f"{one['text']} Indeed."
        row["concerns"].reverse()
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def test_copies_are_found_in_other_teams_and_named_to_maintainers_only(
    board: Any, add_submitter: Make, make_package: Make, demo_predictions: Make
) -> None:
    ann, bob = add_submitter(board, "ann"), add_submitter(board, "bob")
    root = add_submitter(board, "root", maintainer=True)
    first = ann.submit(make_package("A"))
    copy = bob.submit(make_package("B", changed_file(demo_predictions("careful")), system_version="2"))
    again = ann.submit(make_package("C", changed_file(demo_predictions("careful")), system_version="3"))
    own = bob.submit(make_package("D", demo_predictions("generic")))
    assert status_for(board, copy, bob.user).facts["near_elsewhere"] is True
    assert status_for(board, copy, root.user).facts["near_elsewhere"] == [first]
    assert (status(board, again).facts["n_near"], status(board, own).facts["n_near"]) == (1, 0)
    assert status(board, own).facts["near_elsewhere"] is False
    assert status(board, first).facts["near_elsewhere"] is False


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_of_two_files_that_are_alike_the_later_one_is_the_copy_whichever_is_checked_first(
    board: Any, add_submitter: Make, make_package: Make, demo_predictions: Make, order: tuple[int, ...]
) -> None:
    ann, bob = add_submitter(board, "ann"), add_submitter(board, "bob")
    root = add_submitter(board, "root", maintainer=True)
    copy = changed_file(demo_predictions("careful"))
    came = [
        ann.receive(make_package("A")),
        bob.receive(make_package("B", copy, system_version="2")),
        ann.receive(make_package("C", copy, system_version="3")),
        bob.receive(make_package("D", demo_predictions("generic"))),
    ]
    for number in order:
        assert validate_received(board, came[number]) == "queued"
    facts = [status_for(board, one, root.user).facts for one in came]
    assert [one["n_near"] for one in facts] == [0, 0, 1, 0]
    assert [one["near_elsewhere"] for one in facts] == [[], [came[0]], [came[1]], []]
