"""`bench data public`: ids and labels only, and a scan that finds what is neither."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.curation.release.public import scan, write_public
from bioreview_bench.data.article import Article
from bioreview_bench.errors import DataError


@pytest.mark.parametrize(
    "row",
    [
        {"concern_text": "x"},
        {"title": "x"},
        {"id": "x" * 121},
        {"id": "two\nlines"},
        {"category": ["other"]},
        {"free_text_of_author": "x"},
        {"concern_id": "The sample is small"},
        {"license": "CC\u2028BY"},
        {"license": "There is no control group in the study"},
        {"license": "The license of the authors to claim this from a sample so small is not clear at all"},
        {"published_date": "No control group"},
    ],
)
def test_the_scan_finds_texts(row: dict[str, Any]) -> None:
    assert len(list(scan("f", json.dumps(row, ensure_ascii=False).encode()))) == 1


def test_a_character_that_no_label_has_is_said_to_be_that() -> None:
    assert "has a character" in next(scan("f", json.dumps({"license": "CC\u202eBY"}).encode()))


def test_an_id_that_is_a_text_keeps_everything_back(tmp_path: Path) -> None:
    article = Article.model_validate({"id": "a:" + "word " * 40, "source": "a", "concerns": []})
    with pytest.raises(DataError, match="Nothing was written"):
        write_public({"test": [article]}, tmp_path / "p", set())
    assert not (tmp_path / "p").exists()
