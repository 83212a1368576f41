"""Which articles are versions of one another, or nearly the same text."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioreview_bench.curation.families import ABSTRACT_THRESHOLD, families, links, manuscript_doi, manuscript_id, words
from bioreview_bench.curation.notices import notice
from bioreview_bench.data.article import Article

ABSTRACT = (
    "Neurons in the retina respond to light by releasing glutamate and their dendrites fill the plane without gaps. "
    "How this tiling arises during development is unknown. Here we image growing dendrites for ten hours and find "
    "that contact with a neighbour makes a branch retract within minutes."
)


def article(number: int, **fields: Any) -> Article:
    return Article.model_validate({"id": f"journal:{number}", "source": "journal", "concerns": [], **fields})


def groups(*articles: Article) -> list[tuple[int, ...]]:
    return families(len(articles), links(articles))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("10.12688/f1000research.7.1", "10.12688/F1000Research.7.2"),
        ("10.12688/wellcomeopenres.15.1", "https://doi.org/10.12688/wellcomeopenres.15.3"),
        ("10.7554/eLife.84798", "doi:10.7554/elife.84798.2"),
        ("10.1101/2021.02.03.429555v1", "10.1101/2021.02.03.429555v12"),
        ("10.21203/rs.3.rs-123/v1", "10.21203/rs.3.rs-123"),
        ("10.20944/preprints202001.0001.v1", "10.20944/preprints202001.0001.v2"),
        ("10.1101/2021.02.03.429555v1.full", "10.1101/2021.02.03.429555v2.full.pdf"),
        ("10.31234/osf.io/abcde", "10.31234/osf.io/abcde_v2"),
        ("10.26434/chemrxiv-2021-abcd", "10.26434/chemrxiv-2021-abcd-v2"),
        ("10.32388/ABCDEF", "10.32388/ABCDEF.2"),
        ("https://www.doi.org/10.5555/a", "DOI: 10.5555/A."),
    ],
)
def test_versions_of_a_doi_are_one_family(first: str, second: str) -> None:
    assert groups(article(1, doi=first), article(2, doi=second)) == [(0, 1)]


def test_what_is_a_number_and_no_version_stays() -> None:
    assert manuscript_doi(article(1, doi="10.7717/peerj.123")) == "10.7717/peerj.123"
    assert manuscript_doi(article(1, doi="10.1371/journal.pone.0012345")) == "10.1371/journal.pone.0012345"
    assert manuscript_id("plos:10.1371/journal.pone.1") == "plos:10.1371/journal.pone.1"
    assert groups(article(1, doi="10.7717/peerj.1"), article(2, doi="10.7717/peerj.2")) == [(0,), (1,)]
    assert groups(article(1, doi=" "), article(2, doi="")) == [(0,), (1,)]


@pytest.mark.parametrize("doi", ["n/a", "none", "-", "doi:", "https://doi.org/", "not yet assigned"])
def test_what_is_no_doi_joins_nothing(doi: str) -> None:
    assert groups(article(1, doi=doi), article(2, doi=doi)) == [(0,), (1,)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("The role of α-synuclein in Parkinson’s disease", "The role of α\u2010synuclein in Parkinson's disease"),
        ("Über die Rolle von Synuclein in Zellen", "U\u0308ber die Rolle von Synuclein in Zellen"),
        ("The role of syn\u00aduclein in the cells", "The role of syn\u200buclein in the cells"),
        ("Loss of <i>Nanog</i> in <em>Danio rerio</em>", "Loss of Nanog in Danio rerio"),
        ("CO<sub>2</sub> &amp; H<sub>2</sub>O in &lt;i&gt;E. coli&lt;/i&gt; cells", "CO2 & H2O in E. coli cells"),
        ("新型冠状病毒肺炎患者的临床特征", "新型冠状病毒肺炎患者的临床特征。"),
    ],
)
def test_titles_that_look_alike_are_one(first: str, second: str) -> None:
    assert groups(article(1, title=first), article(2, title=second)) == [(0, 1)]


def test_what_a_template_makes_alike_is_compared_exactly() -> None:
    """600 abstracts share 60 of about 87 pairs of words: each pair of them is a candidate, and none is near."""
    common = " ".join(f"c{k}" for k in range(61))
    articles = [article(n, abstract=f"{common} {' '.join(f'w{n}x{k}' for k in range(27))}") for n in range(600)]
    revised = article(600, abstract=f"{articles[7].abstract} end")
    assert [group for group in groups(*articles, revised) if len(group) > 1] == [(7, 600)]


def test_titles_that_look_alike_but_count_other_parts_are_two() -> None:
    title = "Migration of cells in the embryos of zebrafish at night, part"
    assert groups(article(1, title=f"{title} II"), article(2, title=f"{title} III")) == [(0,), (1,)]


def test_titles_that_differ_in_case_and_punctuation_are_one() -> None:
    one = article(1, title="Dendrites of ganglion cells tile the retina")
    two = article(2, title="DENDRITES of ganglion-cells tile the Retina.")
    assert groups(one, two) == [(0, 1)]


def test_short_titles_join_nothing() -> None:
    assert groups(article(1, title="Structure of a kinase"), article(2, title="Structure of a kinase")) == [(0,), (1,)]


def test_a_title_with_a_word_more_is_nearly_the_same_and_another_part_is_not() -> None:
    title = "Contact between neighbours makes dendrites of ganglion cells retract in the growing retina"
    assert groups(article(1, title=title), article(2, title=f"Revised: {title}")) == [(0, 1)]
    assert groups(article(1, title=f"{title}, part 1"), article(2, title=f"{title}, part 2")) == [(0,), (1,)]


def test_an_abstract_with_a_few_other_words_is_nearly_the_same() -> None:
    other = ABSTRACT.replace("ten hours", "twelve hours") + " This explains tiling."
    link, *more = links([article(1, abstract=ABSTRACT), article(2, abstract=other)])
    assert (link.first, link.second, link.why, more) == (0, 1, "nearly the same abstract", [])


def test_families_are_transitive() -> None:
    one = article(1, doi="10.12688/f1000research.7.1")
    two = article(2, doi="10.12688/f1000research.7.2", abstract=ABSTRACT)
    three = article(3, abstract=ABSTRACT + " So it is.")
    assert groups(one, article(4), two, three) == [(0, 2, 3), (1,)]


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=12, max_size=24), min_size=2, max_size=8))
def test_near_abstracts_are_those_that_comparing_all_pairs_finds(texts: list[list[str]]) -> None:
    articles = [article(number, abstract=" ".join(text)) for number, text in enumerate(texts)]

    def jaccard(first: list[str], second: list[str]) -> float:
        a, b = set(itertools.pairwise(first)), set(itertools.pairwise(second))
        return len(a & b) / len(a | b)

    near = [
        (i, j)
        for i, j in itertools.combinations(range(len(texts)), 2)
        if jaccard(texts[i], texts[j]) >= ABSTRACT_THRESHOLD
    ]
    parent = list(range(len(texts)))
    for i, j in near:
        parent = [parent[i] if root == parent[j] else root for root in parent]
    expected = {tuple(k for k in range(len(texts)) if parent[k] == root) for root in parent}
    assert set(groups(*articles)) == expected


def test_words_fold_compatible_characters() -> None:
    assert words("The ﬁrst Straße, n=３") == ["the", "first", "strasse", "n", "3"]


@pytest.mark.parametrize(
    "title",
    [
        "Correction: Actin foci in T lymphocytes",
        "Correction to: Actin foci",
        'Correction to "Actin foci"',
        "Author Correction: Actin foci",
        "Publisher correction: Actin foci",
        "Corrigendum: Actin foci",
        "Erratum",
        "RETRACTED: Actin foci",
        "Retraction Note: Actin foci",
        "[Retracted] Actin foci",
        "Expression of Concern: Actin foci",
        "Editorial Expression of Concern: Actin foci",
        "Addendum: Actin foci",
        "Withdrawn: Actin foci",
        "Erratum for Smith et al.",
        "Correction for Smith et al., “Actin foci”",
        "Publisher’s Erratum: Actin foci",
        "Notice of Retraction: Actin foci",
        "Retraction and Replacement: Actin foci",
        "<b>Correction</b>: Actin foci",
        "Corrections: Actin foci",
        "Corrections to the article by Smith",
        "Correction. Actin foci",
        "Correction - Actin foci",
        "Correction in: Actin foci",
        "Correction and Republication: Actin foci",
        "Formal Correction: Actin foci",
        "Authors' Correction: Actin foci",
        "Publisher's Note: Actin foci",
        "Partial Retraction to: Actin foci",
        "Statement of Retraction: Actin foci",
        "Retraction statement: Actin foci",
        "Notice of Retraction and Replacement. Smith et al.",
        "This article has been retracted: Actin foci",
        "TEMPORARY REMOVAL: Actin foci",
        "REMOVED: Actin foci",
        "Interim Expression of Concern: Actin foci",
        "Expressions of concern",
        "Actin foci in T cells [RETRACTED]",
        "Actin foci in T cells (Retracted article. See vol. 12, pg. 3, 2010)",
    ],
)
def test_notices_are_recognised(title: str) -> None:
    assert notice(article(1, title=title)) is not None


@pytest.mark.parametrize(
    "title",
    [
        "Correction of optical aberrations in deep microscopy",
        "Retraction of filopodia requires myosin II",
        "Retractable tethers of kinesin",
        "Corrections for multiple tests in imaging",
        "Withdrawal from opioids changes synapses",
        "Correction for population stratification in association studies",
        "Error correction: a theory of the cerebellum",
        "Retraction-induced adhesion of platelets",
        "Corrections to models of neural coding",
        "Notes on the eye of the tern: a review",
        "Removal of introns in yeast",
        "Concern for others in rats: a replication",
        "Eyelids of owls (retraction and closure)",
        None,
    ],
)
def test_articles_about_corrections_are_articles(title: str | None) -> None:
    assert notice(article(1, title=title)) is None


def test_the_type_of_an_article_says_that_it_is_a_notice() -> None:
    assert notice(article(1, title="Actin foci", article_type="Retraction")) == "retraction"
    assert notice(article(1, title="Actin foci", article_type="research-article")) is None
