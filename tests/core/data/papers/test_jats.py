"""JATS to articles: as the pilot's, and what of XML is refused."""

from __future__ import annotations

import gzip
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.data.article import Article
from bioreview_bench.data.papers.jats import JatsArticle, parse_jats
from bioreview_bench.errors import InputError

pytest.importorskip("lxml")

FIELDS = (
    *("id", "source", "doi", "title", "abstract", "subjects", "published_date", "review_format", "has_author_response"),
    *("license", "paper_text_sections", "decision_letter_raw", "author_response_raw"),
)


def article(body: str = "", front: str = "", back: str = "", subs: str = "") -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<article article-type="research-article" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:mml="http://www.w3.org/1998/Math/MathML">
<front><journal-meta><journal-id>My Journal</journal-id></journal-meta>
<article-meta><article-id pub-id-type="doi">10.5555/x.1</article-id>
<title-group><article-title>A <italic>title</italic>
 of two lines</article-title></title-group>{front}</article-meta></front>
<body>{body}</body><back>{back}</back>{subs}</article>""".encode()


def parsed(**parts: str) -> JatsArticle:
    return parse_jats(article(**parts))


@pytest.mark.parametrize("number", ["00005", "06003", "73240"])
def test_real_files_give_the_pilots_articles(shared: Path, number: str) -> None:
    pilot = shared / "data" / "elife_pilot"
    rows = [json.loads(line) for line in (pilot / "articles.jsonl").read_text(encoding="utf-8").splitlines()]
    expected = Article.model_validate(next(row for row in rows if row["id"] == f"elife:{number}"))
    found = parse_jats((pilot / "raw" / f"elife-{number}.xml").read_bytes()).to_article()
    assert {name: getattr(found, name) for name in FIELDS} == {name: getattr(expected, name) for name in FIELDS}


def test_figures_tables_and_labels_are_left_out_and_the_text_around_them_stays() -> None:
    body = (
        "<sec><label>1</label><title>Results</title><p>Before <fig><caption><p>No.</p></caption></fig>after.</p>"
        "<table-wrap><table><tr><td>No.</td></tr></table></table-wrap><p>End<fn><p>No.</p></fn>.</p></sec>"
    )
    assert parsed(body=body).parts == {"results": "Results\n\nBefore after.\n\nEnd."}


def test_inline_markup_breaks_and_formulas_become_plain_text() -> None:
    body = (
        "<sec><title>Methods</title><p>Ca<sup>2+</sup> at 5<break/>mM, "
        "<inline-formula><alternatives><tex-math>$$x$$</tex-math><mml:math><mml:mi>x</mml:mi><mml:mo>=</mml:mo>"
        "<mml:mn>1</mml:mn></mml:math></alternatives></inline-formula> (<xref>Lee, 2001</xref>).</p></sec>"
    )
    assert parsed(body=body).parts["methods"] == "Methods\n\nCa2+ at 5 mM, x=1 (Lee, 2001)."


def test_sections_are_mapped_by_type_then_by_heading_and_keep_their_order() -> None:
    body = (
        '<sec sec-type="materials|methods"><title>What we did</title><p>M.</p></sec>'
        "<sec><title>Background</title><p>I.</p></sec><sec><title>Theory</title><p>T.</p>"
        "<sec><title>Deeper</title><list><list-item><p>L.</p></list-item></list></sec></sec>"
        "<sec><title>Conclusions</title><p>C.</p></sec><sec><title>Empty</title></sec>"
    )
    found = parsed(body=body)
    assert found.parts == {
        "introduction": "Background\n\nI.",
        "methods": "What we did\n\nM.",
        "discussion": "Conclusions\n\nC.",
        "other": "Theory\n\nT.\n\nDeeper\n\nL.",
    }
    assert list(found.paper.sections) == ["What we did", "Background", "Theory", "Conclusions"]
    assert found.paper.sections["Theory"] == "T.\n\nDeeper\n\nL."


def test_a_body_without_sections_is_read() -> None:
    assert parsed(body="<p>One.</p><p>Two.</p>").parts == {"other": "One.\n\nTwo."}


def test_front_matter_is_read() -> None:
    front = (
        '<article-categories><subj-group subj-group-type="display-channel"><subject>Research</subject></subj-group>'
        '<subj-group subj-group-type="heading"><subject>Cell Biology</subject></subj-group></article-categories>'
        '<pub-date pub-type="collection"><year>2020</year></pub-date>'
        '<pub-date date-type="publication"><day>3</day><month>2</month><year>2021</year></pub-date>'
        '<permissions><license xlink:href="https://creativecommons.org/licenses/by/4.0/"/></permissions>'
        '<abstract abstract-type="plain-language-summary"><p>Plain.</p></abstract><abstract><p>Proper.</p></abstract>'
    )
    found = parsed(front=front).to_article()
    assert (found.id, found.source, found.title) == ("my-journal:10.5555/x.1", "my-journal", "A title of two lines")
    assert (found.subjects, found.published_date, found.abstract) == (("Cell Biology",), "2021-02-03", "Proper.")
    assert found.license == "https://creativecommons.org/licenses/by/4.0/"
    assert not found.reviewed


def test_public_reviews_are_joined_and_the_assessment_is_no_review() -> None:
    def sub(kind: str, title: str, text: str) -> str:
        return (
            f'<sub-article article-type="{kind}"><front-stub><title-group><article-title>{title}</article-title>'
            f"</title-group></front-stub><body><p>{text}</p></body></sub-article>"
        )

    subs = (
        sub("editor-report", "eLife assessment", "Convincing.")
        + sub("referee-report", "Reviewer #1 (Public Review)", "One.")
        + sub("referee-report", "Reviewer #2 (Public Review)", "Two.")
        + sub("referee-report", "Reviewer #3 (Public Review):", "Reviewer #3 (Public Review)</p><p>Three.")
        + sub("author-comment", "Author response", "Thanks.")
    )
    found = parsed(subs=subs)
    assert [(report.kind, report.title) for report in found.reports] == [
        ("public_review", "Reviewer #1 (Public Review)"),
        ("public_review", "Reviewer #2 (Public Review)"),
        ("public_review", "Reviewer #3 (Public Review):"),
        ("response", "Author response"),
    ]
    made = found.to_article()
    # Under their names, so that extraction knows whose a concern is; a name that is there is not repeated.
    assert made.decision_letter_raw == (
        "Reviewer #1 (Public Review)\n\nOne.\n\nReviewer #2 (Public Review)\n\nTwo.\n\n"
        "Reviewer #3 (Public Review)\n\nThree."
    )
    assert made.author_response_raw == "Thanks."
    assert made.review_format == "reviewed_preprint"


def test_references_have_one_line_each() -> None:
    back = (
        "<ref-list><ref><element-citation><person-group><name><surname>Lee</surname><given-names>A</given-names></name>"
        "</person-group><year>2001</year><article-title>On <italic>cells</italic>.</article-title>"
        "<source>J Cell</source></element-citation></ref>"
        "<ref><mixed-citation>Ray B (2002) Nerves.</mixed-citation></ref></ref-list>"
    )
    assert parsed(back=back).paper.references == ("Lee A. 2001. On cells. J Cell", "Ray B (2002) Nerves.")


@pytest.mark.parametrize(
    ("doi", "expected"),
    [
        ("10.7554/eLife.84798.2", "elife:84798"),
        ("10.1371/journal.pbio.3000001", "plos:10.1371/journal.pbio.3000001"),
        ("10.12688/f1000research.7.2", "f1000:10.12688_f1000research.7.2"),
        ("10.7717/peerj.123", "peerj:123"),
        ("10.9999/other", "my-journal:10.9999/other"),
    ],
)
def test_ids_have_the_form_of_their_source(doi: str, expected: str) -> None:
    assert parse_jats(article().replace(b"10.5555/x.1", doi.encode())).to_article().id == expected


LAUGHS = "".join(f'<!ENTITY l{k} "{f"&l{k - 1};" * 10}">' for k in range(1, 10))


@pytest.mark.parametrize(
    "hostile",
    [
        f'<!DOCTYPE a [<!ENTITY l0 "lol">{LAUGHS}]><article>&l9;</article>'.encode(),
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><article>&x;</article>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]><article>&x;</article>',
        b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]><article/>',
        b'<!DOCTYPE article SYSTEM "http://127.0.0.1:9/x.dtd"><article>&nbsp;</article>',
        b"<a>" * 10_000 + b"</a>" * 10_000,
        b"<article><front></article>",
        b"",
        b"\x00\x01\x02",
        "<article>é</article>".encode("latin-1"),
        b'<?xml version="1.0" encoding="UTF-16"?><article/>',
        b'<?xml version="1.0" encoding="no-such"?><article/>',
        b"<html><body><p>Not found</p></body></html>",
        b"%PDF-1.7",
        b"<article/>",
        b"<article>" + b"<p/>" * 3_000_000 + b"</article>",
        gzip.compress(b"<article/>", mtime=0),
    ],
)
def test_hostile_and_broken_xml_is_refused(hostile: bytes) -> None:
    with pytest.raises(InputError, match=r"my\.xml") as error:
        parse_jats(hostile, "my.xml")
    assert "root:" not in str(error.value)


def test_an_entity_that_is_declared_is_refused_though_nothing_uses_it() -> None:
    declared = b'?><!DOCTYPE article [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    with pytest.raises(InputError, match="declares entities"):
        parse_jats(article(body="<p>Text.</p>").replace(b"?>", declared, 1))


def test_a_document_type_that_declares_nothing_is_read() -> None:
    data = article(body="<p>Text.</p>").replace(b"?>", b'?><!DOCTYPE article PUBLIC "-//NLM//DTD JATS" "JATS.dtd">', 1)
    assert parse_jats(data).parts == {"other": "Text."}


def test_huge_files_are_refused_in_bounded_memory(tmp_path: Path) -> None:
    script = (
        "import sys; from bioreview_bench.data.papers.jats import parse_jats\n"
        "for data in (b'<article>' + b'x' * 200_000_000, b'<article><p>' + b'y' * 30_000_000 + b'</p></article>'):\n"
        "    try: parse_jats(data)\n"
        "    except ValueError as error: print(type(error).__name__)\n"
        "    data = None"
    )

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30, 2 * 2**30))

    done: Any = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=limit,
    )
    assert done.stdout.split() == ["InputError", "InputError"], done.stderr


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_article_in_a_namespace_reads_as_the_same_without(wrapped: bool) -> None:
    sub = '<sub-article article-type="decision-letter"><front-stub/><body><p>Too small.</p></body></sub-article>'
    article = (
        "<article{}><front><article-meta><article-id pub-id-type='doi'>10.7554/eLife.00001</article-id><title-group>"
        f"<article-title>T</article-title></title-group></article-meta></front>{sub}</article>"
    )
    spaced = article.format(" xmlns='https://jats.nlm.nih.gov/ns/archiving/1.3/'")
    if wrapped:
        spaced = f'<oai:record xmlns:oai="http://www.openarchives.org/OAI/2.0/">{spaced}</oai:record>'
    assert parse_jats(spaced.encode()).to_article() == parse_jats(article.format("").encode()).to_article()
    assert parse_jats(spaced.encode()).text_of("decision_letter") == "Too small."


def test_a_quotation_within_a_paragraph_is_not_glued_to_its_neighbours_and_a_list_is_paragraphs() -> None:
    body = (
        "<p>They write:<disp-quote><p>all cells</p></disp-quote>but<list list-type='order'><list-item><p>one</p>"
        "</list-item><list-item><p>two</p></list-item></list>or none.</p>"
    )
    sub = f'<sub-article article-type="decision-letter"><front-stub/><body>{body}</body></sub-article>'
    assert parsed(subs=sub).text_of("decision_letter") == "They write: all cells but\n\none\n\ntwo\n\nor none."


def test_line_breaks_of_a_file_that_is_laid_out_do_not_divide_words() -> None:
    body = (
        "<p>10\n   <sup>6</sup> cells (\n   <xref>Lee</xref>) by\n   <italic>Ray</italic> and CO\n   <sub>2</sub></p>"
    )
    assert parsed(body=body).parts == {"other": "106 cells (Lee) by Ray and CO2"}
