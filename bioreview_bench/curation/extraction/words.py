"""The patterns of `words.toml`, compiled."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from importlib import resources
from typing import Any


def words() -> dict[str, Any]:
    """The tables of `words.toml`."""
    text = resources.files("bioreview_bench.curation.extraction").joinpath("words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def pattern(alternatives: Sequence[str], around: str = "{}", flags: int = re.IGNORECASE) -> re.Pattern[str]:
    """One expression for all alternatives, put in the place of `{}`."""
    return re.compile(around.replace("{}", "|".join(alternatives)), flags)
