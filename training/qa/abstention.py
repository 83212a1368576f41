"""Does an answer say that it cannot be given?"""

from __future__ import annotations

import re

from .statements import fold

_INABILITY = re.compile(
    r"\b(?:can\s?not|can['’]t|could not|couldn['’]t|unable to|impossible|(?:is|are) not possible|not able to)\b"
)
# What must come first, asked of the question as a whole: "requires careful assessment", "needs human studies".
_DEFERRAL = re.compile(
    r"\b(?:requires?|needs?)\s+(?:\w+\s+){0,2}(?:assessment|validation|evaluation|investigation|studies|study|testing"
    r"|research|trials?)\b"
)
_NO_DATA = re.compile(
    r"\b(?:no|not enough|insufficient|lack of|limited)\s+(?:\w+\s+){0,2}(?:data|evidence|information)\b"
    r"|\bdata (?:do|does|can)(?:n['’]t|\s?not)\b"
)
_HEAD = 300  # characters: an abstention opens the answer, it is no afterthought


def abstains(answer: str) -> bool:
    """True when the opening of `answer` says that it, or the data, cannot answer, or what is needed first.

    "Unknown" alone is no abstention: it speaks of the field and not of these data. Words match on boundaries.
    """
    head = fold(answer)[:_HEAD]
    return any(found.search(head) for found in (_INABILITY, _DEFERRAL, _NO_DATA))
