"""Praise, and the opposite of a concern, are no criticism; what people criticise is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bioreview_bench import Contract, load_split
from bioreview_bench.data.comparable import comparable
from bioreview_bench.training.rewards.polarity import criticises
from bioreview_bench.training.rewards.praise import PraiseTest, parts
from bioreview_bench.training.rewards.references import CachedVectorizer

CRITICISM = "There was no control for litter effects, so the effect of the drug cannot be told from that of the mother."


@pytest.mark.parametrize(
    "text",
    [
        CRITICISM,
        "Was the person who scored the slides blinded?",
        "The authors should show the raw traces.",
        "Trim the introduction.",
        "The dose is not convincing.",
        "Although the approach is elegant, the sample is too small.",
        "The idea is excellent, but only one line was tested.",
        "A rescue would make the claim considerably more convincing.",
        "It is unclear whether the two cohorts were properly matched.",
    ],
)
def test_finding_fault_asking_and_demanding_are_criticism(text: str) -> None:
    assert criticises(comparable(text))


@pytest.mark.parametrize(
    "text",
    [
        "The authors clearly controlled for litter effects.",
        "Litter effects were carefully accounted for, and the sample is sufficiently large.",
        "There is no problem with the control for litter effects.",
        "The sample of eight mice is not too small.",
        "The authors did not fail to control for litter effects.",
        "Nothing needs to be changed about the control for litter effects.",
        "The effects of the drug were measured in eight mice.",
        "",
    ],
)
def test_the_opposite_of_a_concern_is_none(text: str) -> None:
    assert not criticises(comparable(text))


@pytest.mark.parametrize(
    "wrapped",
    [
        "This is an excellent study. {}",
        "{} The authors deserve praise for it.",
        "Bravo! {} This is a wonderful paper, and I have no criticism.",
        "It is a great strength of the paper that {}",
        "The authors convincingly ruled out the following: {}",
        "It is not true that {}",
        "I fully agree with the authors ({})",
        "This is an exce\u200bllent study. {}",
        "This is an \u0435xc\u0435ll\u0435nt study. {}",
    ],
)
def test_praise_around_a_true_concern_is_no_criticism(wrapped: str) -> None:
    assert not criticises(comparable(wrapped.format(CRITICISM)))


def test_few_concerns_of_people_are_taken_for_praise(shared: Path) -> None:
    """On the pilot's val articles; the rates stand in docs/rewards.md."""
    folder = shared / "data" / "elife_pilot"
    split = load_split(folder, "val")
    said = [concern.text for article in split for concern in article.concerns if not concern.figure]
    rows = map(json.loads, (folder / "predictions" / "close_reader.jsonl").read_text().splitlines())
    said += [
        one["text"] for row in rows if row["article_id"] in {article.id for article in split} for one in row["concerns"]
    ]
    refused = [text for text in said if not criticises(comparable(text))]
    assert len(said) > 100
    assert len(refused) / len(said) < 0.03


def test_praise_is_known_in_words_of_no_list(shared: Path, minilm: None, warm: Path) -> None:
    """Wordings that stand in no file; of real reviewers' val sentences few are taken for praise."""
    folder = shared / "data" / "elife_pilot"
    said = {
        name: [one.text for article in load_split(folder, name) for one in article.concerns if not one.figure]
        for name in ("train", "val")
    }
    encode = CachedVectorizer(Contract.load("reader")).known
    test = PraiseTest(said["train"], encode)
    unseen = ["If only all papers were like this one!", "My compliments to the team.", "In short, a triumph.",
              "I would be proud to have written this.", "Only a fool would claim the following"]  # fmt: skip
    assert test.praises(encode(unseen)).sum() >= 4
    real = list({part for text in said["val"] for part in parts(text)})
    assert len(real) > 150
    assert test.praises(encode(real)).mean() < 0.04


def test_few_references_teach_no_test_of_praise() -> None:
    assert not PraiseTest(["No control."], pytest.fail).praises(np.ones((3, 2), np.float32)).any()


def test_parts_of_a_concern_are_its_sentences_and_clauses() -> None:
    text = "Excellent work! The sample (n = 3) is small; 3.5 of them: mice \u2014 4\nNo blinding."
    assert parts(text) == [
        "excellent work!",
        "the sample",
        "n = 3",
        "is small",
        "3.5 of them",
        "mice",
        "4 no blinding.",
    ]
    assert parts("  ... 12 % --") == []
    assert parts("No control.* * Settled.") == parts("No control.\u00b9 Settled.") == ["no control.", "settled."]
    assert parts("It took 3.5 h vs. 2 h (Fig. 3).") == ["it took 3.5 h vs. 2 h", "fig. 3"]
