"""Reviews in JATS as PLOS and F1000 lay them out. The texts are invented; the elements are those of published files:
PLOS/wombat src/test/resources/peer-review (PLOS ONE, 2018), samemon/F1000Scraper api/data (F1000Research, 2018 and
2019), elifesciences/elife-article-xml (reviewed preprints, 2023 and 2024)."""

from __future__ import annotations

import pytest

from bioreview_bench.curation.extraction.rules import extract_by_rules
from bioreview_bench.data.papers.jats import JatsArticle, parse_jats

pytest.importorskip("lxml")

BY = "http://creativecommons.org/licenses/by/4.0/"


def article(doi: str, subs: str, categories: str = "", notes: str = "") -> JatsArticle:
    return parse_jats(
        f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE article PUBLIC "-//NLM//DTD JATS (Z39.96) Journal Publishing DTD v1.1d3 20150301//EN"
 "http://jats.nlm.nih.gov/publishing/1.1d3/JATS-journalpublishing1.dtd">
<article article-type="research-article" xmlns:xlink="http://www.w3.org/1999/xlink">
<front><journal-meta><journal-id journal-id-type="nlm-ta">A Journal</journal-id></journal-meta><article-meta>
<article-id pub-id-type="doi">{doi}</article-id><article-categories>{categories}</article-categories>
<title-group><article-title>Bees at night</article-title><fn-group content-type="pub-status"><fn><p>[version 3; peer
 review: 1 approved, 1 not approved]</p></fn></fn-group></title-group></article-meta>{notes}</front>
<body><sec sec-type="intro"><title>Introduction</title><p>Bees sleep.</p></sec></body>{subs}</article>""".encode()
    )


def paragraphs(*texts: str) -> str:
    return "".join(f"<p>{text}</p>" for text in texts)


def plos(kind: str, number: int, title: str, version: int | None, body: str, use: str = "") -> str:
    meta = "<custom-meta-group><custom-meta><meta-name>Submission Version</meta-name>"
    version_meta = (
        "" if version is None else f"{meta}<meta-value>{version}</meta-value></custom-meta></custom-meta-group>"
    )
    return f"""<sub-article article-type="{kind}" id="pone.1.r00{number}" {use}>
<front-stub><article-id pub-id-type="doi">10.1371/journal.pone.1.r00{number}</article-id>
<title-group><article-title>{title}</article-title></title-group>
<contrib-group><contrib contrib-type="author"><name><surname>Zoe</surname><given-names>Ann</given-names></name>
<role>Academic Editor</role></contrib></contrib-group>
<permissions><license xlink:href="{BY}"><license-p>Open access.</license-p></license></permissions>
<related-object document-id="10.1371/journal.pone.1" link-type="peer-reviewed-article"/>{version_meta}</front-stub>
<body>{body}</body></sub-article>"""


FIRST = (
    '<p><named-content content-type="letter-date">12 Sep 2018</named-content></p>'
    + paragraphs(
        "PONE-D-18-00001",
        "Dear Dr. Lee,",
        "Please submit your revised manuscript by Oct 27 2018.",
        "Journal requirements:",
        "1. Please ensure that your manuscript meets our style requirements.",
    )
    + "<list list-type='bullet'><list-item><p>A rebuttal letter that answers each point.</p></list-item></list>"
    + paragraphs(
        "Reviewers' comments:",
        "Reviewer's Responses to Questions",
        "<bold>Comments to the Author</bold>",
        "1. Is the manuscript technically sound, and do the data support the conclusions?",
        "The conclusions must be drawn appropriately.",
        "Reviewer #1: Partly",
        "Reviewer #2: Yes",
        "\u00a0**********",
        "2. Has the statistical analysis been performed appropriately and rigorously?",
        "Reviewer #1: I Don't Know",
        "Reviewer #2: N/A",
        "\u00a0**********",
        "5. Review Comments to the Author",
        "Please use the space provided to explain your answers to the questions above.",
        "Reviewer #1: The authors watch bees.",
        "Major comments:",
        "===============",
        "1. Why were only ten bees used in this experiment?",
        "2. It is not clear to me which of the two lamps was used in the",
        "second season, and for how long.",
        "Reviewer #2 (Bea Bee): The paper is clear. The hive temperature should be given.",
        "\u00a0**********",
        "6. PLOS authors have the option to publish the peer review history of their article.",
        "Reviewer #1: No",
        "Reviewer #2: Yes:\u00a0Bea Bee",
        "While revising your submission, please upload your figures.",
    )
)
SECOND = paragraphs(
    "29 Oct 2018",
    "Dear Dr. Lee,",
    "Reviewer #1: All comments have been addressed",
    "Reviewer #2: (No Response)",
    "\u00a0**********",
    "6. Review Comments to the Author",
    "Reviewer #1: (No Response)",
    "Reviewer #2: The temperature is still missing from the abstract.",
)
ANSWER = (
    '<p><named-content content-type="author-response-date">4 Oct 2018</named-content></p>'
    + paragraphs(
        "Reviewer #1: The authors watch bees.",
        "1. Why were only ten bees used in this experiment?",
        "Our response:",
        "More bees would not fit into the hive.",
        "Reviewer #2: The paper is clear. The hive temperature should be given.",
        "We now give the temperature.",
    )
    + '<supplementary-material id="s1" xlink:href="s1.docx"><label>Attachment</label><caption><p>Submitted filename: '
    "<named-content>Response.docx</named-content></p></caption></supplementary-material>"
)
PLOS = (
    plos("aggregated-review-documents", 1, "Decision Letter 0", 0, FIRST, 'specific-use="decision-letter"')
    + plos("author-comment", 2, "Author response to Decision Letter 0", 1, ANSWER)
    + plos("aggregated-review-documents", 3, "Decision Letter 1", 1, SECOND, 'specific-use="decision-letter"')
    + plos("editor-report", 4, "Acceptance letter", None, paragraphs("Congratulations, dear Dr. Lee."))
)


def test_plos_letters_are_divided_by_reviewer_without_form_and_editors_words() -> None:
    found = article("10.1371/journal.pone.1", PLOS)
    assert [(r.kind, r.reviewer, r.round, r.date, r.licence, r.doi) for r in found.reports] == [
        ("report", 1, 1, "2018-09-12", BY, "10.1371/journal.pone.1.r001"),
        ("report", 2, 1, "2018-09-12", BY, "10.1371/journal.pone.1.r001"),
        ("response", None, None, "2018-10-04", BY, "10.1371/journal.pone.1.r002"),
        ("report", 2, 2, "2018-10-29", BY, "10.1371/journal.pone.1.r003"),
    ]
    made = found.to_article()
    assert (made.id, made.source, made.review_format) == ("plos:10.1371/journal.pone.1", "plos", "journal")
    assert made.decision_letter_raw == (
        "Reviewer #1 (round 1):\n\nThe authors watch bees.\n\nMajor comments:\n\n"
        "1. Why were only ten bees used in this experiment?\n\n"
        "2. It is not clear to me which of the two lamps was used in the second season, and for how long.\n\n"
        "Reviewer #2 (round 1):\n\nThe paper is clear. The hive temperature should be given.\n\n"
        "Reviewer #2 (round 2):\n\nThe temperature is still missing from the abstract."
    )
    assert (made.model_extra or {})["reports"][2] == {
        "kind": "report",
        "reviewer_num": 2,
        "round": 2,
        "date": "2018-10-29",
        "license": BY,
        "doi": "10.1371/journal.pone.1.r003",
    }


def test_replies_to_plos_reviewers_are_found() -> None:
    concerns = extract_by_rules(article("10.1371/journal.pone.1", PLOS).to_article())
    assert [(c.concern_id[-4:], c.author_response_text) for c in concerns] == [
        ("R1C1", "Our response:\n\nMore bees would not fit into the hive."),
        ("R1C2", None),
        ("R2C1", "We now give the temperature."),
        ("R2C2", None),
    ]


@pytest.mark.parametrize(
    ("letter", "expected"),
    [
        (["REVIEWS:", "Reviewer #1: One.", "Reviewer #3 (Jo Mo): Three."], {1: "One.", 3: "Three."}),
        (
            ["Comments from the reviewers:", "*** Reviewer #1: ", "One.", "*** Reviewer #2: ", "Two."],
            {1: "One.", 2: "Two."},
        ),
        (
            ["Reviewer 1 comments:", "One.", "Any attachments provided with reviews can be seen via the link."],
            {1: "One."},
        ),
        (["Reproducibility:", "We advise.", "Reviewer #1: One.", "Reproducibility:", "We advise."], {1: "One."}),
        (
            ["Methods", "-Is it clear?", "Reviewer #2: Two.", "**********", "Results", "Reviewer #2: More."],
            {2: "Two.|More."},
        ),
        (["Reviewer 2 asks for a control, and so do I.", "Reviewer #1's point is right."], {}),
        (
            [
                "Reviewer #1: Yes",
                "Do you want your identity to be public for this peer review?",
                "Reviewer #1: Yes: Jo",
            ],
            {},
        ),
    ],
)
def test_letters_of_other_plos_journals(letter: list[str], expected: dict[int, str]) -> None:
    found = article("10.1371/journal.pbio.1", plos("aggregated-review-documents", 1, "Letter", 0, paragraphs(*letter)))
    assert {report.reviewer: report.text.replace("\n\n", "|") for report in found.reports} == expected


QUESTIONS = paragraphs(
    "Is the work clearly and accurately presented and does it cite the current literature?",
    "Partly",
    "If applicable, is the statistical analysis and its interpretation appropriate?",
    "I cannot comment. A qualified statistician is required.",
    "Reviewer Expertise:",
    "Insects at night?",
    "I confirm that I have read this submission and believe that I have an appropriate level of expertise.",
)


def f1000(name: str, version: int, day: int, word: str, body: str, answer: str = "", kind: str = "ref-report") -> str:
    response = f"""
    <sub-article article-type="response" id="comment1-1">
        <front-stub>
            <contrib-group><contrib><name><surname>Lee</surname><given-names>Al</given-names></name></contrib></contrib-group>
            <pub-date pub-type="epub"><day>26</day><month>3</month><year>2018</year></pub-date>
        </front-stub>
        <body>{answer}</body>
    </sub-article>"""
    return f"""
<sub-article article-type="{kind}" id="report{day}">
    <front-stub>
        <article-id pub-id-type="doi">10.5256/f1000research.1.r{day}</article-id>
        <title-group><article-title>Reviewer response for version {version}</article-title></title-group>
        <contrib-group>
            <contrib contrib-type="author">
                <name><surname>{name}</surname><given-names>Al</given-names></name>
                <xref ref-type="aff" rid="r1a1">1</xref><role>Referee</role>
            </contrib>
            <aff id="r1a1"><label>1</label>A house</aff>
        </contrib-group>
        <author-notes><fn fn-type="conflict"><p><bold>Competing interests: </bold>None.</p></fn></author-notes>
        <pub-date pub-type="epub"><day>{day}</day><month>3</month><year>2018</year></pub-date>
        <permissions><license xlink:href="{BY}"><license-p>Open access.</license-p></license></permissions>
        <related-article ext-link-type="doi" related-article-type="peer-reviewed-article"
         xlink:href="10.12688/f1000research.1.{version}"/>
        <custom-meta-group><custom-meta><meta-name>recommendation</meta-name><meta-value>{word}</meta-value>
        </custom-meta></custom-meta-group>
    </front-stub>
    <body>{body}{QUESTIONS}</body>
    <back><ref-list><title>References</title><ref><mixed-citation>A book.</mixed-citation></ref></ref-list></back>
    {response if answer else ""}
</sub-article>"""


LISTED = """<p>I have some advice:
    <list list-type="order">
        <list-item>
            <p>Please define a bee, as in De Groot
                <sup>
                    <xref ref-type="bibr" rid="x">1</xref>
                </sup>.</p>
        </list-item>
        <list-item><p>The references are out of date.</p></list-item>
    </list>
</p><p> </p><p> Is ten enough?</p>"""
F1000 = (  # the newest first, as the publisher orders them
    f1000("Ant", 2, 23, "approve", "<p>The bee is defined now.</p>")
    + f1000("Cow", 1, 14, "reject", "<p>There is no control for the lamp.</p>", "<p>We disagree.</p>")
    + f1000(
        "Ant",
        1,
        12,
        "approve-with-reservations",
        LISTED,
        "<p><italic>Please define a bee, as in De Groot.</italic></p><p> </p><p> It is defined.</p>",
    )
)


@pytest.mark.parametrize("kind", ["ref-report", "reviewer-report"])  # until 2019, and since
def test_f1000_reports_are_in_the_order_of_versions_with_the_answers_after_them(kind: str) -> None:
    found = article("10.12688/f1000research.1.3", F1000.replace("ref-report", kind))
    assert [(r.kind, r.reviewer, r.round, r.recommendation, r.date) for r in found.reports] == [
        ("report", 1, 1, "approve-with-reservations", "2018-03-12"),
        ("response", 1, 1, None, "2018-03-26"),
        ("report", 2, 1, "reject", "2018-03-14"),
        ("response", 2, 1, None, "2018-03-26"),
        ("report", 1, 2, "approve", "2018-03-23"),
    ]
    made = found.to_article()
    assert made.id == "f1000:10.12688_f1000research.1.3"
    assert made.decision_letter_raw == (
        "Reviewer #1 (round 1):\n\nI have some advice:\n\n1. Please define a bee, as in De Groot1.\n\n"
        "2. The references are out of date.\n\nIs ten enough?\n\n"
        "Reviewer #2 (round 1):\n\nThere is no control for the lamp.\n\n"
        "Reviewer #1 (round 2):\n\nThe bee is defined now."
    )
    assert made.author_response_raw == (
        "Reviewer #1 (round 1):\n\nPlease define a bee, as in De Groot.\n\nIt is defined.\n\n"
        "Reviewer #2 (round 1):\n\nWe disagree."
    )
    assert found.reviews()[0].endswith("Is ten enough?\n\nThe bee is defined now.")


def test_replies_to_f1000_reviewers_end_with_their_reviewer() -> None:
    concerns = extract_by_rules(article("10.12688/f1000research.1.3", F1000).to_article())
    assert [(c.reviewer_num, c.concern_text[:20], c.author_response_text) for c in concerns[:2]] == [
        (1, "Please define a bee,", "It is defined."),
        (1, "The references are o", None),
    ]


def test_what_f1000_says_of_a_version_is_not_the_paper() -> None:
    notes = "<notes><sec sec-type='version-changes'><title>Amendments</title><p>We changed it all.</p></sec></notes>"
    categories = (
        '<subj-group subj-group-type="heading"><subject>Research Article</subject></subj-group>'
        "<subj-group><subject>Articles</subject><subj-group><subject>Insects</subject></subj-group></subj-group>"
    )
    found = article("10.12688/f1000research.2-286.v2", F1000, categories, notes)
    assert found.parts == {"introduction": "Introduction\n\nBees sleep."}
    assert (found.paper.title, found.subjects) == ("Bees at night", ("Insects",))
    assert found.to_article().id == "f1000:10.12688_f1000research.2-286.v2"


def test_sister_platforms_of_f1000_are_sources_of_their_own() -> None:
    assert article("10.12688/wellcomeopenres.1.2", F1000).to_article().id == "a-journal:10.12688/wellcomeopenres.1.2"


def elife(kind: str, number: int, title: str, body: str) -> str:
    return f"""<sub-article article-type="{kind}" id="sa{number}"><front-stub>
<article-id pub-id-type="doi">10.7554/eLife.1.3.sa{number}</article-id>
<title-group><article-title>{title}</article-title></title-group><contrib-group><contrib contrib-type="author">
<anonymous/><role specific-use="referee">Reviewer</role></contrib></contrib-group>
<kwd-group kwd-group-type="evidence-strength"><kwd>Solid</kwd></kwd-group></front-stub>
<body>{body}</body></sub-article>"""


def quote(*texts: str) -> str:
    return f'<disp-quote content-type="editor-comment">{paragraphs(*texts)}</disp-quote>'


PREPRINT = (
    elife("editor-report", 0, "eLife assessment", "<p>This <bold>important</bold> study is <bold>solid</bold>.</p>")
    + elife(
        "referee-report",
        1,
        "Reviewer #1 (Public Review):",
        paragraphs("Summary:", "It is about bees.", "Weaknesses:", "The authors should use more bees for this claim."),
    )
    + elife(
        "author-comment",
        2,
        "Author response",
        "<p>The following is the authors’ response to the original reviews.</p>"
        + quote("<bold>Public Reviews:</bold>", "<bold>Reviewer #1 (Public Review):</bold>")
        + quote("The authors should use more bees for this claim.")
        + paragraphs("We have softened it.")
        + quote("The lamp was too bright.")
        + paragraphs("It was dimmed.")
        + quote("<bold>Recommendations for the authors:</bold>", "Please name the lamp.")
        + paragraphs("It is named."),
    )
)


def test_the_reply_to_a_public_review_ends_where_another_point_is_quoted() -> None:
    made = article("10.7554/eLife.1.3", PREPRINT).to_article()
    assert made.review_format == "reviewed_preprint"
    assert (made.decision_letter_raw or "").startswith("Reviewer #1 (Public Review):\n\nSummary:\n\nIt is about bees.")
    assert "important" not in (made.decision_letter_raw or "")
    assert [(c.concern_text, c.author_response_text) for c in extract_by_rules(made)] == [
        ("The authors should use more bees for this claim.", "We have softened it.")
    ]
