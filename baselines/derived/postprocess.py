"""Post-processing of predicted concerns: what is removed, in which order, and how it is named.

A step looks at the texts of one article in order and returns the positions to keep. It never changes a concern.

Complaints that the manuscript's text breaks off: they are about how the paper was cut for the model, not the paper.

The list is short and literal on purpose. Subject and verb must name the text itself, so that truncated proteins,
truncated distributions and descriptions that are incomplete are left alone.

Similarity of concerns is the cosine under a contract's encoder. Only the encoder and its maximum length are taken
from the contract; its threshold and transform play no part.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.data.vocabulary import STATUSES_WITH_CONCERNS, normalise
from bioreview_bench.errors import InputError, printable

EXACT, SEMANTIC = "exact", "semantic"
SEMANTIC_THRESHOLD = 0.95
# Vectors are float32: equal ones have a dot product of 1 only to within this, and a threshold of 1 means equality.
ROUNDING = 1e-6

Similarity = Callable[[Sequence[str]], NDArray[np.float64]]  # n texts to (n, n)
Step = tuple[str, Callable[[Sequence[str]], list[int]]]  # the reason of its removals, positions to keep


@dataclass(frozen=True)
class Cleaning:
    """What was asked for. `dedup` is exact, semantic (with `threshold`) or None; `cap` is None for no cap."""

    dedup: str | None = None
    threshold: float = SEMANTIC_THRESHOLD
    cap: int | None = None
    drop_truncation: bool = False

    @classmethod
    def parse(cls, dedup: str | None, cap: int | None, drop_truncation: bool) -> Cleaning:
        """From the command line: `exact`, `semantic` or `semantic:0.95`. Raises InputError."""
        if dedup is None and cap is None and not drop_truncation:
            raise InputError("Nothing to do.", remedy="add --dedup exact, --cap 20 or --drop-truncation-complaints")
        kind, colon, number = (dedup or "").partition(":")
        if dedup is not None and (kind not in (EXACT, SEMANTIC) or (colon and kind == EXACT)):
            raise InputError(f'Unknown --dedup "{printable(dedup)}".', remedy="use exact, semantic or semantic:0.95")
        threshold = threshold_of(number) if colon else SEMANTIC_THRESHOLD
        return cls(kind or None, threshold, cap, drop_truncation)

    def label(self, contract: str) -> str:
        """The name of this post-processing, such as `dedup-exact+cap20`; `contract` names the encoder of semantic."""
        steps = []
        if self.drop_truncation:
            steps.append("drop-truncation")
        if self.dedup == EXACT:
            steps.append("dedup-exact")
        if self.dedup == SEMANTIC:
            steps.append(f"dedup-semantic:{self.threshold!r}:{contract}")
        if self.cap is not None:
            steps.append(f"cap{self.cap}")
        return "+".join(steps)

    def steps(self, similarity: Similarity | None) -> list[Step]:
        """Blank concerns go first: they are never scored, and must not take a place under the cap."""
        found: list[Step] = [("blank", not_blank)]
        if self.drop_truncation:
            found.append(("truncation complaint", no_truncation_complaints))
        if self.dedup == EXACT:
            found.append(("duplicate", first_of_equal))
        if self.dedup == SEMANTIC and similarity is not None:
            found.append(("near-duplicate", first_of_similar(similarity, self.threshold)))
        if self.cap is not None:
            found.append(("over the cap", first_n(self.cap)))
        return found


def threshold_of(text: str) -> float:
    """A cosine threshold from 0 (exclusive) to 1. Raises InputError."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value <= 1:
        raise InputError(f'"{printable(text)}" is not a threshold.', remedy="a number above 0, at most 1, such as 0.95")
    return value


def not_blank(texts: Sequence[str]) -> list[int]:
    """Texts with something in them."""
    return [place for place, text in enumerate(texts) if text]


def no_truncation_complaints(texts: Sequence[str]) -> list[int]:
    """Texts that do not complain of a cut manuscript (`truncation`)."""
    return [place for place, text in enumerate(texts) if not is_truncation_complaint(text)]


def first_of_equal(texts: Sequence[str]) -> list[int]:
    """The first of texts that are equal after case and white-space folding."""
    first: dict[str, int] = {}
    for place, text in enumerate(texts):
        first.setdefault(normalise(text.casefold()), place)
    return list(first.values())


def first_of_similar(similarity: Similarity, threshold: float) -> Callable[[Sequence[str]], list[int]]:
    """Texts whose cosine with every text kept before them is below `threshold`."""

    def keep(texts: Sequence[str]) -> list[int]:
        cosine = similarity(texts)
        kept: list[int] = []
        for place in range(len(texts)):
            if not kept or cosine[place, kept].max() < threshold - ROUNDING:
                kept.append(place)
        return kept

    return keep


def first_n(n: int) -> Callable[[Sequence[str]], list[int]]:
    """The first n."""
    return lambda texts: list(range(min(n, len(texts))))


def text_of(concern: Any) -> str:
    """The normalised text of a predicted concern in any form that a predictions file may hold."""
    if isinstance(concern, str):
        return normalise(concern)
    return normalise(concern["text"] if "text" in concern else concern["concern_text"])


def cosines(texts: Iterable[str], encoder: Any) -> Similarity:
    """Embed every distinct text once; what is returned answers for any of them. Raises EncoderError, WriteError.

    `encoder.vectors(texts)` are (n, d) L2-normalised float32.
    """
    distinct = list(dict.fromkeys(texts))
    vectors = encoder.vectors(distinct) if distinct else np.empty((0, 1), np.float32)
    place = {text: position for position, text in enumerate(distinct)}

    def similarity(asked: Sequence[str]) -> NDArray[np.float64]:
        chosen = vectors[[place[text] for text in asked]].astype(np.float64)
        found: NDArray[np.float64] = chosen @ chosen.T
        return found

    return similarity


def similarity_under(
    contract: Contract,
    encoder_path: Path | None,
    rows: Iterable[Mapping[str, Any]],
    progress: Callable[[int, int], None],
) -> tuple[Similarity, str]:
    """The cosines of all concerns in `rows`, and what a signature calls the encoder, whose cache on disk is used.

    Raises InputError for a contract without an encoder, EncoderError, WriteError.
    """
    if contract.encoder is None:
        raise InputError(
            f"Contract {contract.name} has no encoder, so nothing measures how near two concerns are.",
            remedy="use --contract v3 or demo",
        )
    from bioreview_bench.scoring.backends import EncoderBackend

    encoder = EncoderBackend(contract, encoder_path, progress)
    texts = (text_of(concern) for row in rows for concern in row["concerns"] or ())
    return cosines((text for text in texts if text), encoder), encoder.part


def clean(row: Mapping[str, Any], steps: Sequence[Step]) -> tuple[dict[str, Any], Counter[str]]:
    """(the row with the concerns that every step keeps, number removed by reason).

    All other keys stay. When nothing is left of a row that had concerns under `ok`, `repaired` or `truncated`,
    its status becomes `empty`; a row without status stays without one, and is empty to the score anyway.
    """
    removed: Counter[str] = Counter()
    before = row["concerns"]
    left = list(before or ())
    for reason, keep in steps:
        kept = keep([text_of(concern) for concern in left])
        if len(kept) < len(left):
            removed[reason] += len(left) - len(kept)
        left = [left[place] for place in kept]
    cleaned = {**row, "concerns": left if before is not None else None}
    if before and not left and row.get("status") in STATUSES_WITH_CONCERNS:
        cleaned["status"] = "empty"
    return cleaned, removed


_DOCUMENT = r"(?:manuscript|paper|article|document|submission|text|excerpt|preprint)"
_PIECE = rf"(?:{_DOCUMENT}|section|sentence|paragraph|abstract|introduction|discussion)"
# Labels that overlap or are cropped are a concern about the figure.
_NOT_A_LABEL = r"(?<!axis )(?<!label )(?<!legend )(?<!figure )(?<!panel )"
# What may stand between subject and verb: "the text of the Methods section provided here".
_FILLER = (
    rf"(?: \(?(?:of|in|for|as|at|the|this|its|provided|supplied|given|submitted|presented|received|available|here"
    rf"|itself|version|body|end|main|full|methods|results|conclusions?|references|{_PIECE})\)?,?){{0,8}}"
)
_SEEMS = r"(?:appears?|seems?|looks?|is|are|was|were|has been|have been|gets?)(?: to (?:be|have been))?"
_ADVERB = r"(?: (?:\w+ly|also|been|being)){0,3}"
_CHAPTER = r"(?:methods|results|introduction|discussion)"
_MIDDLE = rf"(?:in )?(?:the )?mid(?:dle of (?:a|the|an)|dle)?[ -]?(?:(?:sentence|word|paragraph)|{_CHAPTER} section)"

# Matched against normalised text, whose white space is single spaces.
PATTERNS = (
    # "The manuscript text appears to be truncated", "the Methods section is cut off", "was cut short"
    rf"\b{_NOT_A_LABEL}{_PIECE}{_FILLER} {_SEEMS}{_ADVERB} (?:truncated|cut[ -]?off|cut[ -]short)\b",
    # "The text seems incomplete", but not "seems incomplete without a control"
    rf"\b{_NOT_A_LABEL}(?:{_DOCUMENT}|sentence|paragraph){_FILLER} (?:appears?|seems?|looks?)(?: to be)?{_ADVERB}"
    r" incomplete\b(?! (?:without|unless|because|as|in|with|regarding|since|if)\b)",
    # "ends abruptly", "breaks off"
    rf"\b{_PIECE}{_FILLER} (?:(?:ends?|stops?|terminates?) (?:abruptly|prematurely)|(?:breaks?|cuts?) off)\b",
    # "ends in the middle of a sentence", "cut off mid-word"
    rf"\b(?:ends?|ending|stops?|stopping|breaks? off|cuts? off|truncated|terminates?),? (?:abruptly,? )?{_MIDDLE}\b",
    # "the truncated manuscript", "a truncated version of the paper"
    rf"\btruncated (?:version of (?:the )?)?{_DOCUMENT}\b",
)
_COMPLAINT = re.compile("|".join(PATTERNS), re.IGNORECASE)


def is_truncation_complaint(text: str) -> bool:
    """True when the concern says that the text of the manuscript appears cut off, incomplete or truncated."""
    return _COMPLAINT.search(normalise(text)) is not None
