"""Complaints about cut text are told from concerns about the science."""

import pytest

from bioreview_bench.baselines.derived import postprocess


@pytest.mark.parametrize(
    "text",
    [
        "The manuscript text appears to be truncated, so the discussion cannot be judged.",
        "The provided text is cut off in the middle of the Results.",
        "The Methods section seems to have been cut short.",
        "The discussion is abruptly cut-off.",
        "The text of the manuscript provided looks incomplete.",
        "The last sentence of the abstract ends abruptly.",
        "The paper ends mid-sentence and no conclusion is given.",
        "Section 3 stops in the middle of a paragraph.",
        "I reviewed a truncated version of the manuscript.",
        "The article  as submitted\nbreaks off before the statistics.",
    ],
)
def test_a_complaint_about_cut_text_is_recognised(text: str) -> None:
    assert postprocess.is_truncation_complaint(text)


@pytest.mark.parametrize(
    "text",
    [
        "The truncated protein was not expressed in the control.",
        "The paper assumes that the distribution is truncated at zero.",
        "The description of the methods is incomplete.",
        "The manuscript seems incomplete without a rescue experiment.",
        "The results are incomplete because the knock-out is missing.",
        "The axis text is cut off in figure 2.",
        "The y axis of figure 3 is truncated.",
        "The cut-off of 0.05 in the text is arbitrary.",
        "The manuscript ends with a speculative claim.",
        "The section is not truncated.",
        "Reads were truncated at 50 bases; the text does not say why.",
        "The statistical analysis appears incomplete.",
        "",
    ],
)
def test_a_concern_about_the_science_is_left_alone(text: str) -> None:
    assert not postprocess.is_truncation_complaint(text)


def test_a_hostile_text_is_judged_quickly() -> None:
    assert not postprocess.is_truncation_complaint("the abstract of the text " * 4000)
