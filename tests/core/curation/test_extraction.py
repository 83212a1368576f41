"""Concerns from letters by rules: verbatim spans, labels, replies; agreement by hand and on the pilot."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioreview_bench import load_split
from bioreview_bench.cli.main import run
from bioreview_bench.curation.extraction.agreement import agreement
from bioreview_bench.curation.extraction.labels import Reaction, category, reaction, severity
from bioreview_bench.curation.extraction.model.spans import reports_of
from bioreview_bench.curation.extraction.responses import replies
from bioreview_bench.curation.extraction.rules import extract_by_rules
from bioreview_bench.curation.extraction.segments import segments
from bioreview_bench.data.article import Article, Concern
from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES

LETTER = """Thank you for sending your work to our journal, which should please you.

Summary:

This paper shows that cells move. It should interest many.

Reviewer #1:

Essential revisions:

1) There is no control for the drug in Figure 2. Please add one.

2) The authors claim causality. Also, it is unclear why only males were used.

Minor points:

- The legend of Figure 3 should name the stain.

Reviewer #2 (Minor comments): Some details of the buffer are missing here.

I have two questions: (i) Was the test one-sided or two-sided? (ii) How many animals were excluded from it?

This is a fine and careful paper."""


def texts(letter: str) -> list[str]:
    return [segment.text for segment in segments(letter)]


def test_a_letter_is_divided_where_a_reader_would() -> None:
    assert [(s.reviewer, s.section, s.text) for s in segments(LETTER)] == [
        (1, "major", "There is no control for the drug in Figure 2. Please add one."),
        (1, "major", "The authors claim causality. Also, it is unclear why only males were used."),
        (1, "minor", "The legend of Figure 3 should name the stain."),
        (2, "minor", "Some details of the buffer are missing here."),
        (2, "minor", "Was the test one-sided or two-sided?"),
        (2, "minor", "How many animals were excluded from it?"),
    ]


def test_a_letter_of_blank_lines_takes_no_time() -> None:
    started = time.monotonic()
    blank = " \n" * 100_000
    assert segments(f"1) Please add a control group.{blank}")[0].text == "Please add a control group."
    assert len(reports_of(f"Reviewer 1: Why?{blank}Reviewer 2: And this?")) == 2
    assert time.monotonic() - started < 5


def test_two_requests_of_one_paragraph_are_two() -> None:
    letter = "1) The dose should be justified by data. Furthermore, please state how often this was repeated."
    assert texts(letter) == [
        "The dose should be justified by data.",
        "Furthermore, please state how often this was repeated.",
    ]


@given(st.text(alphabet=st.sampled_from("ab.?\n ()1i•-:") | st.characters(), max_size=400))
def test_every_span_is_verbatim_in_order_and_apart(letter: str) -> None:
    end = 0
    for segment in segments(letter):
        assert letter[segment.start : segment.end] == segment.text
        assert segment.start >= end
        assert 10 <= len(segment.text) <= 2000
        end = segment.end


def test_a_very_long_point_is_cut_at_sentences() -> None:
    found = texts("1) " + "The reader should be told what was done in this step. " * 60)
    assert len(found) == 2
    assert all(text.endswith("step.") for text in found)
    assert all(len(text) <= 2000 for text in found)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Please report p-values and the sample size of each t-test.", "statistical_methodology"),
        ("This was already shown in previous work that should be cited.", "prior_art_novelty"),
        ("The title is confusing, please rephrase it.", "writing_clarity"),
        ("Please deposit the code in a repository.", "other"),
        ("Bla.", "interpretation"),
    ],
)
def test_categories_by_their_words(text: str, label: str) -> None:
    assert category(text) == label


def test_severities_by_heading_and_words() -> None:
    assert severity("There is no control.", "none") == "major"
    assert severity("There is no control.", "minor") == "minor"
    assert severity("There is a typo in line 4.", "major") == "minor"
    assert severity("It would be nice to see a movie.", "none") == "optional"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (None, Reaction("no_response", None)),
        ("We agree and have now added this control.", Reaction("conceded", True)),
        ("Thank you, this is a good point.", Reaction("conceded", None)),
        ("We respectfully disagree.", Reaction("rebutted", False)),
        ("This is beyond the scope, but we have added a sentence to the Discussion.", Reaction("partial", True)),
        ("The cells were grown in medium.", Reaction("unclear", None)),
    ],
)
def test_reactions_by_the_words_of_a_reply(reply: str | None, expected: Reaction) -> None:
    assert reaction(reply) == expected


def test_replies_follow_the_points_that_they_quote() -> None:
    response = (
        "We thank the reviewers.\n\n"
        "1) There is no control for the drug in Figure 2. Please add one.\n\nWe have added it.\n\nIt is in panel B.\n\n"
        "The legend of Figure 3 should name the stain.\n\nDone."
    )
    found = replies(segments(LETTER), LETTER, response)
    assert found == ["We have added it.\n\nIt is in panel B.", None, "Done.", None, None, None]
    assert replies(segments(LETTER), LETTER, None) == [None] * 6


def test_a_reply_ends_at_the_next_part_and_at_a_marked_quotation() -> None:
    parts = ["The legend of Figure 3 should name the stain.", "Done.", "Recommendations for the authors:", "A typo."]
    found = replies(segments(LETTER), LETTER, "\n\n".join(parts))
    assert found == [None, None, "Done.", None, None, None]
    parts[2] = "The dose is wrong."
    assert replies(segments(LETTER), LETTER, "\n\n".join(parts))[2] == "Done.\n\nThe dose is wrong.\n\nA typo."
    assert replies(segments(LETTER), LETTER, "\n\n".join(parts), quoted=[0, 2])[2] == "Done."
    parts[2] = "Reviewer #2 is right: the dose is wrong."
    assert replies(segments(LETTER), LETTER, "\n\n".join(parts))[2] == f"Done.\n\n{parts[2]}\n\nA typo."


def test_an_article_gets_concerns_of_the_format() -> None:
    made = Article(id="a:1", source="a", decision_letter_raw=LETTER, author_response_raw="Thank you.")
    concerns = extract_by_rules(made)
    assert [concern.concern_id for concern in concerns] == [
        *("a:1:R1C1", "a:1:R1C2", "a:1:R1C3", "a:1:R2C1", "a:1:R2C2", "a:1:R2C3"),
    ]
    assert all(c.category in CATEGORIES and c.severity in SEVERITIES for c in concerns)
    assert {concern.author_stance for concern in concerns} == {"no_response"}
    silent = extract_by_rules(made.model_copy(update={"author_response_raw": None}))
    assert {concern.author_stance for concern in silent} == {None}
    assert extract_by_rules(Article(id="a:1", source="a")) == ()


def test_a_concern_made_twice_in_the_same_words_is_kept_once() -> None:
    twice = f"{LETTER}\n\nReviewer #3:\n\n1) There is no control for the  drug in Figure 2. Please add one."
    made = Article(id="a:1", source="a", decision_letter_raw=twice)
    assert len(segments(twice)) == 7
    assert len(extract_by_rules(made)) == 6


def concern(text: str, **labels: str) -> Concern:
    return Concern.model_validate({"concern_id": text, "concern_text": text, **labels})


def test_agreement_is_by_hand() -> None:
    letter = "aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd"
    extracted = [concern("aaaaaaaaaa bbbbbbbbbb", category="other"), concern("dddddddddd", category="other")]
    human = [concern("aaaaaaaaaa bbbbbbb", category="other"), concern("cccccccccc dddddddddd", category="figure_issue")]
    found = agreement([(letter, extracted, human)])
    # 18 of 21 characters meet; 10 of 21 do not reach a half.
    assert (found.n_extracted, found.n_human, found.n_same, found.f1) == (2, 2, 1, 0.5)
    assert found.covered_extracted == pytest.approx(28 / 31)
    assert found.covered_human == pytest.approx(28 / 39)


def test_the_same_concerns_agree_wholly() -> None:
    articles = [article for article in load_split("demo", "test")]
    letters = [("\n\n".join(c.text for c in a.concerns), a.concerns, a.concerns) for a in articles]
    found = agreement(letters)
    assert (found.f1, found.category_kappa, found.severity_kappa, found.stance_kappa) == (1, 1, 1, 1)
    assert found.character_f1 == 1


@pytest.mark.parametrize(
    ("letter", "points"),
    [
        ("1. The sample is too small.\n2. There is no control group.", 2),
        ("1. No control group was used here\n2. Too few samples for the claims", 2),
        ("- The legend of Figure\n3. is not clear to readers.\n- Please add scale bars to all panels.", 2),
        ("Reviewer #2:\nMajor comments\na) The dose is not stated anywhere.\nb) The model should be tested.", 2),
        ("The effect is unclear, as shown in Fig.\n2. of the supplement to this paper.", 1),
        ("The authors should say why doses between 1 and\n2. were left out of it.", 1),
    ],
)
def test_points_on_lines_of_their_own_need_no_blank_line_between_them(letter: str, points: int) -> None:
    found = segments(letter)
    assert len(found) == points
    assert all(letter[segment.start : segment.end] == segment.text for segment in found)
    assert {segment.reviewer for segment in found} == {2 if "#2" in letter else 1}


def test_the_rules_find_most_of_the_pilots_concerns(shared: Path) -> None:
    """The figures of docs/data.md: what a change of the rules must not lose."""
    lines = (shared / "data/elife_pilot/articles.jsonl").read_text(encoding="utf-8").splitlines()
    articles = [Article.model_validate(json.loads(line)) for line in lines]
    found = agreement([(a.decision_letter_raw or "", extract_by_rules(a), a.concerns) for a in articles])
    assert found.n_articles == 35
    assert found.f1 is not None
    assert found.f1 >= 0.70
    assert found.covered_human >= 0.97
    assert found.category_kappa is not None
    assert found.category_kappa >= 0.2


@dataclass
class Ended:
    code: int
    out: str
    err: str


Data = Callable[..., Ended]


@pytest.fixture
def bench_data(capsys: pytest.CaptureFixture[str]) -> Data:
    def call(*arguments: object) -> Ended:
        capsys.readouterr()
        return Ended(run(["data", *map(str, arguments)]), *capsys.readouterr())

    return call


def test_files_that_cannot_be_parsed_are_listed_together(bench_data: Data, tmp_path: Path) -> None:
    pytest.importorskip("lxml")
    for name in ("a.xml", "b.xml"):
        (tmp_path / name).write_text("<html/>", encoding="utf-8")
    done = bench_data("parse", tmp_path, "-o", tmp_path / "o.jsonl")
    assert done.code == 4
    assert "a.xml" in done.err
    assert "b.xml" in done.err
    assert not (tmp_path / "o.jsonl").exists()


def test_the_folder_of_the_output_is_made_and_a_dry_run_makes_none(
    bench_data: Data, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    pilot = shared / "data/elife_pilot"
    output = tmp_path / "made" / "here" / "articles.jsonl"
    done = bench_data("extract", pilot, "-o", output, "--with", "gpt-4o-mini", "--dry-run")
    assert (done.code, (tmp_path / "made").exists()) == (0, False)
    assert bench_data("extract", pilot, "-o", output).code == 0
    assert output.exists()


def test_corrected_concerns_are_not_overwritten(bench_data: Data, shared: Path, tmp_path: Path) -> None:
    pilot, output = shared / "data/elife_pilot", tmp_path / "articles.jsonl"
    assert bench_data("extract", pilot, "-o", output).code == 0
    assert bench_data("extract", pilot, "-o", output).code == 0
    corrected = output.read_text().replace("minor", "major", 1)
    output.write_text(corrected)
    done = bench_data("extract", pilot, "-o", output)
    assert done.code == 2
    assert "is not what this command wrote" in done.err
    assert output.read_text() == corrected


def test_a_missing_library_is_named_and_no_file_is_blamed(
    bench_data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lxml", None)
    paper = tmp_path / "papers" / "one" / "paper.xml"
    paper.parent.mkdir(parents=True)
    paper.write_text("<article><front/></article>", encoding="utf-8")
    for number, command in enumerate((("parse", paper), ("import", "folder", tmp_path / "papers"))):
        done = bench_data(*command, "-o", tmp_path / f"out{number}")
        assert done.code == 3
        assert "needs lxml" in done.err
        assert "[papers]" in done.err
        assert not (tmp_path / f"out{number}").exists()


def test_compare_prints_agreement(bench_data: Data, shared: Path) -> None:
    found = json.loads(bench_data("extract", shared / "data/elife_pilot", "--compare", "--format", "json").out)
    assert found["n_human"] == 326
    assert bench_data("extract", "nowhere.jsonl", "--compare").code != 0
    assert bench_data("extract", shared / "data/elife_pilot").code == 2
