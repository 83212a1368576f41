"""What neither criticises nor says anything of the paper is filler; what reviewers write about the paper is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from bioreview_bench import load_split
from bioreview_bench.training.rewards import substance
from bioreview_bench.training.rewards.copying import Source
from bioreview_bench.training.rewards.repetition import rewords
from bioreview_bench.training.rewards.substance import PaperSubject, common

CRITICISM = "There was no control for litter effects."
PAPER = "Litters of mice were weighed daily, and Arabidopsis seedlings were grown on agar at 20 \u00b0C with sucrose."


@pytest.fixture
def subject(monkeypatch: pytest.MonkeyPatch) -> PaperSubject:
    monkeypatch.setattr(substance, "_FEWEST_WORDS", 5)
    return PaperSubject([PAPER], common([["Weighed daily."]] * 10))


@pytest.mark.parametrize(
    "wrapped",
    [
        "Pure poetry. {}",
        "{} Chapeau bas.",
        "An ornament of the literature: {}",
        "{} (Sheer bliss.)",
        "{} \u2013 a sight for sore eyes",
        "Tr\u00e8s bien fait. {}",
        "{} \u5f88\u597d\u3002",
        "\U0001f3c6 {}",
        "{}\n\nGlorious stuff.",
        "There was no control, \u2728 I say, for litter effects.",
        "Reading such pages daily enlightens. {}",  # "daily" is in every paper
        "Long gone are the days when one held that {}",
        "By no means would a fair person say that {}",
        "I would rather eat my hat than admit that {}",
    ],
)
def test_praise_in_words_of_no_list_is_filler(wrapped: str, subject: PaperSubject) -> None:
    assert subject.has_filler(wrapped.format(CRITICISM))


@pytest.mark.parametrize(
    "text",
    [
        CRITICISM,
        "The seedlings got sucrose. That is not their natural food.",
        "Why so few? Please explain.",
        "How were they weighed (by hand)? See line 12. Agar at 20 \u00b0C is cold.",
        "This is unclear. Figure 3c.",
        "It is far from clear that the mice were fed. We are afraid that none was.",
        "A cure that works alone is missing. Is it by chance that none was fed?",
        "The weights of the mice suggest that some were ill.",
        "",
    ],
)
def test_what_criticises_or_is_about_the_paper_is_none(text: str, subject: PaperSubject) -> None:
    assert not subject.has_filler(text)


def test_of_an_abstract_alone_nothing_is_filler_but_pictures() -> None:
    subject = PaperSubject([PAPER])
    assert not subject.has_filler("Pure poetry. No control was run.")
    assert subject.has_filler("\U0001f3c6 No control was run.")


def test_few_papers_have_no_common_words() -> None:
    assert not common([["Mice."]] * 9)
    assert common([["Mice were fed."]] * 6 + [["Rats were fed."]] * 5) == {"mice", "fed"}


def test_few_concerns_of_people_hold_filler(shared: Path) -> None:
    """On the pilot's val articles; the rates stand in docs/rewards.md."""
    folder = shared / "data" / "elife_pilot"
    shared_words = common(
        [(article.title or "", *article.sections.values()) for article in load_split(folder, "train")]
    )
    found = []
    for article in load_split(folder, "val"):
        subject = PaperSubject((article.title or "", article.abstract or "", *article.sections.values()), shared_words)
        found += [subject.has_filler(concern.text) for concern in article.concerns if not concern.figure]
    assert len(found) > 90
    assert sum(found) / len(found) < 0.2


SAID = [
    "no control was run for the litters.",
    "the mice were not blinded, as mice are not.",
    "the sample is too small.",
]


@pytest.mark.parametrize(
    "template",
    [
        "I doubt the opposite: {}",
        "No one doubts any more that {}",
        "{} Not that I would mind.",
        "There is not the least ground for the belief that {}",
        "8/10. {}",
        "{} 9.5 out of 10",
        "{} Otherwise, as nobody will deny, it would be best in class.",
    ],
)
def test_a_wording_in_every_concern_is_known_though_it_reads_like_criticism(template: str) -> None:
    said = [template.format(text) for text in SAID]
    assert rewords(said, Source([PAPER]), PaperSubject([PAPER])) == [False, True, True]


def test_reviewers_may_begin_alike_and_name_the_same_things() -> None:
    said = [
        "The authors should show the seedlings (Arabidopsis) without sucrose.",
        "The authors should show the weights (Arabidopsis seedlings were grown on agar at 20 \u00b0C with sucrose).",
        "However, Arabidopsis seedlings were grown on agar at 20 \u00b0C with sucrose (n = 1).",
        "However, the authors do not say who weighed the mice.",
    ]
    assert not any(rewords(said, Source([PAPER]), PaperSubject([PAPER])))
