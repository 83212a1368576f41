"""The examples in the docstrings of rewards and verifiers give what they say."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize(
    "module",
    [
        "rewards.components",
        "rewards.composer",
        "rewards.copying",
        "rewards.polarity",
        "rewards.praise",
        "rewards.repetition",
        "qa.verifiers",
    ],
)
def test_every_example_gives_what_it_says(module: str) -> None:
    failed, tried = doctest.testmod(import_module(f"bioreview_bench.training.{module}"))
    assert tried
    assert not failed
