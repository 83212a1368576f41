"""Up or down: what a statement says of a pathway, and what a pathway is called."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .statements import Statements, fold

UP, DOWN = "up", "down"
OPPOSITE = {UP: DOWN, DOWN: UP}
_WORDS = {
    UP: r"upregulat\w*|up-regulat\w*|activat\w*|increas\w*|elevat\w*|enhanc\w*|induc\w*|higher|stimulat\w*|positive nes"
    r"|positively enriched|upwards?",
    DOWN: r"downregulat\w*|down-regulat\w*|suppress\w*|decreas\w*|reduc\w*|inhibit\w*|repress\w*|lower|negative nes"
    r"|negatively enriched|downwards?|diminish\w*",
}
_FOUND = {name: re.compile(rf"\b(?:{words})\b") for name, words in _WORDS.items()}
_PREFIX = re.compile(r"^(?:hallmark|kegg|reactome|wikipathways|wp|go(?:bp|mf|cc)?|biocarta|mitocarta)_", re.IGNORECASE)
_ALIASES = {
    "oxidative phosphorylation": ("oxphos", "ox phos"),
    "tnfa signaling via nfkb": ("nf-kb", "nfkb", "nf-κb"),
    "interferon gamma response": ("ifn-gamma", "ifn-γ", "interferon gamma"),
    "interferon alpha response": ("ifn-alpha", "ifn-α", "interferon alpha"),
    "epithelial mesenchymal transition": ("emt", "epithelial-mesenchymal"),
    "unfolded protein response": ("upr",),
    "reactive oxygen species pathway": ("ros", "reactive oxygen species"),
    "mtorc1 signaling": ("mtorc1",),
}


def readable(pathway: str) -> str:
    """`HALLMARK_OXIDATIVE_PHOSPHORYLATION` as words, lower case."""
    return " ".join(_PREFIX.sub("", pathway.strip()).replace("_", " ").split()).casefold()


def names(pathway: str) -> tuple[str, ...]:
    """The words that name a pathway."""
    plain = readable(pathway)
    return (plain, *_ALIASES.get(plain, ()))


def directions_in(statements: Statements) -> set[str]:
    """The directions that the statements assert."""
    found = set()
    for name, words in _FOUND.items():
        spoken = {match.group() for sentence in statements.sentences for match in words.finditer(fold(sentence))}
        if any(statements.asserted(word) for word in spoken):
            found.add(name)
    return found


def direction_of(statements: Statements, about: Sequence[str]) -> str | None:
    """The one direction asserted where one of `about` is named, or anywhere when none is; None for none or both."""
    named = statements.naming(about)
    found = directions_in(named if named.sentences else statements)
    return found.pop() if len(found) == 1 else None
