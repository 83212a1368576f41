"""Families: versions of one manuscript count as one unit of chance."""

from __future__ import annotations

import pytest

from bioreview_bench import Article


@pytest.mark.parametrize(
    ("doi", "family"),
    [
        ("10.12688/f1000research.12345.1", "10.12688/f1000research.12345"),
        ("10.12688/f1000research.12345.12", "10.12688/f1000research.12345"),
        ("10.12688/F1000Research.12345.2", "10.12688/f1000research.12345"),
        ("10.12688/wellcome-openres.9.3", "10.12688/wellcome-openres.9"),
        # No version at the end: nothing to cut.
        ("10.12688/f1000research.12345", "10.12688/f1000research.12345"),
        ("10.12688/f1000research.12345.v2", "10.12688/f1000research.12345.v2"),
        ("10.12688/f1000research.1.2.3", "10.12688/f1000research.1.2.3"),
        # Other publishers' last number is no version.
        ("10.7554/eLife.84798.2", "10.7554/elife.84798.2"),
        ("10.1371/journal.pone.0001", "10.1371/journal.pone.0001"),
        ("10.126880/f1000research.12345.1", "10.126880/f1000research.12345.1"),
        ("x10.12688/f1000research.12345.1", "x10.12688/f1000research.12345.1"),
        # Without a DOI every article stands alone.
        (None, "nature:S41467-1"),
        ("", "nature:S41467-1"),
    ],
)
def test_family_is_the_doi_without_the_version_of_f1000_journals(doi: str | None, family: str) -> None:
    assert Article(id="nature:S41467-1", source="nature", doi=doi, concerns=[]).family == family


def test_family_field_in_a_file_does_not_replace_the_derived_one() -> None:
    row = {"id": "elife:1", "source": "elife", "doi": "10.7554/eLife.1", "concerns": [], "family": "all-in-one"}
    assert Article.model_validate(row).family == "10.7554/elife.1"
