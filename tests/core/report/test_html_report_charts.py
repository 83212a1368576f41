"""The charts of the HTML report: positions worked out by hand, and colours that can be told from their ground."""

from __future__ import annotations

import re
from importlib import resources

import numpy as np
import pytest

from bioreview_bench.report.html.axes import Plot, Scale, curve, ticks
from bioreview_bench.report.html.charts.similarity import histogram, similarity_chart
from bioreview_bench.report.html.charts.whiskers import Group, WhiskerRow, whisker_chart


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(0.05, 0.95, 5) == [0.2, 0.4, 0.6, 0.8]
    assert ticks(-0.2, 0.7, 5) == [-0.2, 0, 0.2, 0.4, 0.6]
    assert ticks(0, 71, 5) == [0, 20, 40, 60]


def test_a_curve_breaks_where_a_value_is_undefined() -> None:
    plot = Plot(Scale(0, 1, 0, 100), Scale(0, 1, 100, 0))
    drawn = curve(plot, [(0, 0.0), (0.5, None), (0.75, 1.0), (1, 0.5)], "s1")
    assert 'd="M0.0 100.0M75.0 0.0L100.0 50.0"' in drawn


def test_similarities_fall_into_the_bins_of_the_pairs_file() -> None:
    counts = histogram([-1.0, 0.005, 0.4, 1.0])
    assert np.flatnonzero(counts).tolist() == [0, 100, 140, 199]


def test_no_step_of_the_histogram_holds_both_sides_of_the_threshold() -> None:
    # Few values: steps of 0.05, which begin at 0.37, not at 0.35.
    drawn = similarity_chart([0.375, 0.39], [0.36], np.bincount([136], minlength=200), 0.37)
    wide = drawn[: drawn.index('class="chart narrow"')]
    threshold = re.search(r'class="threshold" x1="([\d.]+)"', wide)
    matched = re.findall(r'class="area s1" d="M([\d.]+) [\d.]+V[\d.]+H([\d.]+)V', wide)
    assert threshold is not None
    assert [float(matched[-1][0])] == [pytest.approx(float(threshold[1]), abs=0.11)]
    unmatched = re.findall(r'class="area s2" d="M([\d.]+) [\d.]+V[\d.]+H([\d.]+)V', wide)
    assert float(unmatched[-1][1]) == pytest.approx(float(threshold[1]), abs=0.11)


def test_whiskers_stand_at_their_intervals() -> None:
    drawn = whisker_chart("x", "X", [Group("one", "(4)", WhiskerRow(0.5, (0.25, 1.0)), WhiskerRow(None, None))])
    narrow = drawn[drawn.index('class="chart narrow"') :]
    # On a phone the axis runs from 10 to 328 - 14.
    assert 'class="whisker s1" x1="86" x2="314"' in narrow
    assert 'class="dot s1" cx="162"' in narrow
    assert ">undefined</text>" in narrow
    assert "one: recall 0.500 [0.250, 1.000], precision –" in narrow


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("text", "grounds", "least"),
    [
        ("text", ("ground", "panel", "sunken", "blue-soft", "amber-soft", "mark", "heat-ink"), 4.5),
        ("muted", ("ground", "panel", "sunken", "blue-soft"), 4.5),
        ("blue", ("ground", "panel"), 4.5),
        ("red", ("ground", "panel", "blue-soft"), 4.5),
        ("amber", ("amber-soft",), 4.5),
        # Marks in charts, and edges of fields.
        ("orange", ("panel",), 3.0),
        ("grey", ("panel",), 3.0),
        ("teal", ("panel", "sunken"), 3.0),
        ("edge", ("ground", "panel"), 3.0),
    ],
)
def test_colours_keep_their_contrast(text: str, grounds: tuple[str, ...], least: float, mode: int) -> None:
    css = resources.files("bioreview_bench.report.html").joinpath("assets", "tokens.css").read_text()
    tokens = {name: (one, two) for name, one, two in re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", css)}
    for ground in grounds:
        one, two = luminance(tokens[text][mode]), luminance(tokens[ground][mode])
        assert (max(one, two) + 0.05) / (min(one, two) + 0.05) >= least, ground
