"""Copies are known through disguises, fillers and templates; what people write of a paper is not taken for one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import load_split
from bioreview_bench.data.sentences import sentences
from bioreview_bench.training.rewards.copying import Source
from bioreview_bench.training.rewards.repetition import repeats

IMAGED = "Cells were imaged every ten minutes for two hours under the spinning disk confocal microscope."
GROWN = "Arabidopsis seedlings were grown on agar plates with sucrose in continuous white light."


def test_copies_are_known_whatever_their_case_and_punctuation() -> None:
    source = Source([IMAGED])
    assert source.copied("CELLS were imaged, every ten minutes, for two hours!")
    assert not source.copied("Were cells imaged often enough to see that they divide at all?")
    quoting = "The authors say that cells were imaged every ten minutes, but mitosis is faster and may well be missed"
    assert source.share(quoting) == pytest.approx(6 / 19)
    assert not source.copied(quoting)


FILLED = (
    "It is not clear that cells, possibly, were imaged, in fact, every ten, as reported, minutes for, perhaps, two "
    "hours under, possibly, the spinning, in fact, disk, as reported, confocal, perhaps, microscope."
)
DISGUISES = {
    "zero width": " ".join(word[:2] + "\u200b" + word[2:] for word in IMAGED.split()),
    "soft hyphens": " ".join(word[:3] + "\u00ad" + word[3:] for word in IMAGED.split()),
    "Cyrillic": IMAGED.translate(str.maketrans("aceopxy", "\u0430\u0441\u0435\u043e\u0440\u0445\u0443")),
    "full width": IMAGED.translate({n: n + 0xFEE0 for n in range(0x21, 0x7F)}),
    "marks": "".join(f"{char}\u0336" for char in IMAGED),
    "blank letters": IMAGED.replace("i", "i\u3164"),
    "split words": "Mic-roscope confo-cal spin-ning disk: im-aged cel ls every ten min utes for two hours.",
    "fillers": FILLED,
    "backwards": f"The evidence is weak that {' '.join(reversed(IMAGED.split()))}",
}


@pytest.mark.parametrize("disguised", DISGUISES.values(), ids=DISGUISES)
def test_a_disguised_sentence_is_a_copy(disguised: str) -> None:
    source = Source([GROWN, IMAGED, "Roots were measured by hand."])
    assert source.copied(disguised)
    assert source.likeness(disguised)[0] > 0.5


def test_halves_of_two_sentences_are_a_copy() -> None:
    source = Source([GROWN, IMAGED])
    glued = "Cells imaged minutes hours; agar plates, sucrose, light."
    likeness, two = source.likeness(f"It is unclear that {glued}")
    assert likeness < 0.5  # of neither sentence it holds most
    assert two > 0.8
    assert source.copied(glued)


def test_likeness_is_the_weight_in_common_over_the_mean_weight() -> None:
    """Sixteen words of three letters are pieces of their own, all in the only sentence: each weighs log 2."""
    words = [
        "abc",
        "bcd",
        "cde",
        "efg",
        "fgh",
        "ghi",
        "hij",
        "ijk",
        "jkl",
        "klm",
        "lmn",
        "mno",
        "nop",
        "opq",
        "pqr",
        "qrs",
    ]
    source = Source([" ".join(words)])
    assert source.likeness(" ".join(words[:8]))[0] == pytest.approx(8 / (8 * 16) ** 0.5)
    assert source.likeness(" ".join(words[:7]))[0] == 0  # fewer than eight in common
    assert source.likeness("") == (0, 0)
    assert Source([]).likeness("anything at all") == (0, 0)


def test_few_concerns_of_people_are_taken_for_copies_and_all_sentences_are(shared: Path) -> None:
    split = load_split(shared / "data" / "elife_pilot", "train")
    path = shared / "data" / "elife_pilot" / "predictions" / "close_reader.jsonl"
    read = {row["article_id"]: row["concerns"] for row in map(json.loads, path.read_text().splitlines())}
    people: list[bool] = []
    for article in split[:9]:
        paper = Source((article.title or "", article.abstract or "", *article.sections.values()))
        said: list[Any] = [concern.text for concern in article.concerns if not concern.figure]
        people += map(paper.copied, said + [concern["text"] for concern in read.get(article.id, [])])
        copied = [f"It is not clear that {text}" for text in sentences(article)[::20] if len(text) > 80]
        assert all(map(paper.copied, copied))
    assert sum(people) / len(people) < 0.06


def test_a_repetition_is_known_by_its_words() -> None:
    texts = [
        "The sample is too small.",
        "the SAMPLE is too sm\u200ball",
        "the sample is far too small here",
        "No blinding.",
    ]
    assert repeats(texts) == [False, True, True, False]
