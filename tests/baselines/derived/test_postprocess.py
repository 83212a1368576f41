"""What each step of post-processing removes, what it keeps, and what it is called."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from bioreview_bench.baselines.derived import postprocess
from bioreview_bench.errors import InputError


class Arc:
    """Texts are angles in degrees; their cosine is that of the angle between them."""

    part = "arc"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def vectors(self, texts: list[str]) -> np.ndarray:
        self.asked.extend(texts)
        angles = np.radians([float(text) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_exact_means_equal_after_case_and_white_space_folding() -> None:
    texts = ["Too few mice.", "too  FEW mice.", "Too few mice", "Straße", "STRASSE", "cafe\u0301", "caf\u00e9"]
    assert postprocess.first_of_equal(texts) == [0, 2, 3, 5]


def test_semantic_keeps_the_first_and_compares_only_with_what_is_kept() -> None:
    # cos 20 = 0.940 >= 0.9 > cos 40 = 0.766: 20 goes because of 0, so 40 has nothing near it that is kept.
    angles = ["0", "20", "40", "100", "100"]
    keep = postprocess.first_of_similar(postprocess.cosines(angles, Arc()), 0.9)
    assert keep(angles) == [0, 2, 3]
    assert keep(["20", "0", "40"]) == [0]
    assert keep([]) == []


def test_a_threshold_is_inclusive_and_one_means_equal() -> None:
    cosine = postprocess.cosines(["0", "60", "60.5"], Arc())
    assert postprocess.first_of_similar(cosine, 0.5)(["0", "60"]) == [0]
    assert postprocess.first_of_similar(cosine, 0.5)(["0", "60.5"]) == [0, 1]
    assert postprocess.first_of_similar(cosine, 1.0)(["60", "60", "60.5"]) == [0, 2]


def test_each_distinct_text_is_embedded_once(hash_encoder: Any) -> None:
    encoder = Arc()
    cosine = postprocess.cosines(iter(["1", "2", "1"]), encoder)
    assert encoder.asked == ["1", "2"]
    assert cosine(["2", "1"]).shape == (2, 2)
    assert postprocess.cosines([], encoder)([]).shape == (0, 0)


def test_a_cap_keeps_the_first_n_and_blank_texts_take_no_place() -> None:
    row = {"article_id": "elife:1", "concerns": ["One.", " ", "Two.", "one.", "Three.", "Four."]}
    cleaned, removed = postprocess.clean(row, postprocess.Cleaning.parse("exact", 3, False).steps(None))
    assert cleaned["concerns"] == ["One.", "Two.", "Three."]
    assert removed == Counter({"blank": 1, "duplicate": 1, "over the cap": 1})


@pytest.mark.parametrize(
    ("status", "expected"),
    [("ok", "empty"), ("repaired", "empty"), ("truncated", "empty"), (None, None)],
)
def test_a_row_that_loses_everything_becomes_empty_if_it_had_an_answer(
    status: str | None, expected: str | None
) -> None:
    row = {"article_id": "elife:1", "concerns": ["The text is truncated."], "status": status}
    cleaned, _ = postprocess.clean(row, postprocess.Cleaning.parse(None, None, True).steps(None))
    assert cleaned == {"article_id": "elife:1", "concerns": [], "status": expected}


def test_failed_rows_stay_as_they_are() -> None:
    for concerns in ([], None):
        row = {"article_id": "elife:1", "concerns": concerns, "status": "refused", "detail": "no"}
        assert postprocess.clean(row, postprocess.Cleaning.parse("exact", 1, True).steps(None)) == (
            row,
            Counter(),
        )
    kept_ok = {"article_id": "elife:1", "concerns": [], "status": "ok"}
    assert postprocess.clean(kept_ok, postprocess.Cleaning.parse("exact", None, False).steps(None))[0] == kept_ok


@pytest.mark.parametrize(
    ("dedup", "cap", "drop", "label"),
    [
        ("exact", 20, False, "dedup-exact+cap20"),
        ("semantic", None, True, "drop-truncation+dedup-semantic:0.95:demo"),
        ("semantic:0.9", 5, False, "dedup-semantic:0.9:demo+cap5"),
    ],
)
def test_the_label_names_every_step(dedup: str, cap: int | None, drop: bool, label: str) -> None:
    assert postprocess.Cleaning.parse(dedup, cap, drop).label("demo") == label


@pytest.mark.parametrize(
    "dedup", [None, "fuzzy", "exact:0.9", "", "semantic:", "semantic:2", "semantic:nan", "semantic:x", "semantic:0"]
)
def test_an_unknown_plan_is_refused(dedup: str | None) -> None:
    with pytest.raises(InputError):
        postprocess.Cleaning.parse(dedup, None, False)
