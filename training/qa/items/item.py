"""One question with everything that is needed to train on it and to judge an answer.

`truth` holds plain JSON values; a verifier reads the keys that it knows and does not apply where they are absent:

expected          the short answer that must be said: "8,484", "type a", "soleus", "yes", "cannot"
facts             further numbers or terms that a full answer states
alternatives      choices of which only the expected one may be asserted
pathway           a pathway's name; with `direction` ("up" or "down") or, for several tissues, `directions`
scores            enrichment scores that may be quoted for the pathway
consistent        whether what is compared agrees ("same") or not ("different")
behaviour         "answer", or "abstain" where the data cannot answer
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..prompt import conversation, question_key

ABSTAIN = "abstain"
EXPECTED_ABSTENTION = "cannot"


@dataclass(frozen=True)
class Item:
    """A question, its answer, and the verifiers that apply. `fact` names what is asked, whatever the wording.

    `tissues` are all that question or answer depend on. `wording` counts the ways to ask for one fact.
    """

    fact: str
    question: str
    answer: str
    type: str
    truth: Mapping[str, Any]
    verifiers: tuple[str, ...]
    tissues: tuple[str, ...]
    wording: int = 0
    key_fact: bool = False

    @property
    def id(self) -> str:
        """`type-` and 10 hex digits of the question's normalised text."""
        return f"{self.type}-{hashlib.sha256(question_key(self.question).encode()).hexdigest()[:10]}"

    def row(self, **more: Any) -> dict[str, Any]:
        """The item as a line of a file: `messages` with the answer, to be trained on or asked without it."""
        return {
            "id": self.id,
            "messages": conversation(self.question, self.answer),
            "question": self.question,
            "answer": self.answer,
            "type": self.type,
            "truth": {"behaviour": "answer", **self.truth},
            "verifiers": list(self.verifiers),
            "tissue": "+".join(self.tissues) or None,
            **more,
        }


def worded(fact: str, questions: Sequence[str], answer: str, type_: str, truth: Mapping[str, Any],
           verifiers: Sequence[str], tissues: Sequence[str], key_fact: bool = False) -> list[Item]:  # fmt: skip
    """One item for each way to ask."""
    return [
        Item(fact, question, answer, type_, truth, tuple(verifiers), tuple(sorted(tissues)), number, key_fact)
        for number, question in enumerate(questions)
    ]
