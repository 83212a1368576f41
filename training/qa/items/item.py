"""One question with everything that is needed to train on it and to judge an answer, and how it is made of templates.

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
import re
import string
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import resources
from typing import Any

from ..prompt import conversation, question_key, with_confidence

ABSTAIN = "abstain"
EXPECTED_ABSTENTION = "cannot"
_FIELD = re.compile(r"\{(\w+)\}")


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


def bundled(name: str) -> dict[str, Any]:
    """A TOML file of this package."""
    return tomllib.loads(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))


def items_of(sections: Sequence[Mapping[str, Any]], tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Item]:
    """The items of every template of `sections` (templates.toml says in which form) under the rows of `tables`.

    A row holds the values of a template's fields, `tissues`, and the rows that stand within it.
    """
    return [
        item
        for section in sections
        for row in tables[section["each"]]
        for template in section["template"]
        for inner in (row[template["each"]] if "each" in template else ({},))
        for item in _worded(template, {**row, **inner})
    ]


def _worded(template: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[Item]:
    """One item for each way to ask."""
    made = {key: _filled(held, values) for key, held in template.items() if key not in ("each", "key")}
    key_fact = any(fnmatchcase(made["fact"], pattern) for pattern in template.get("key", ()))
    answer = with_confidence(made["answer"], made["confidence"])
    for number, question in enumerate(made["questions"]):
        yield Item(
            **{name: made[name] for name in ("fact", "type", "truth")},
            question=question,
            answer=answer,
            verifiers=tuple(made["verifiers"]),
            tissues=tuple(sorted(values["tissues"])),
            wording=number,
            key_fact=key_fact,
        )


def _filled(held: Any, values: Mapping[str, Any]) -> Any:
    """`held` with its fields filled in, at any depth; a text that is one field is that value."""
    if isinstance(held, str):
        whole = _FIELD.fullmatch(held)
        return values[whole.group(1)] if whole else _WORDS.vformat(held, (), values)
    if isinstance(held, list):
        return [_filled(part, values) for part in held]
    if isinstance(held, dict):
        return {key: _filled(part, values) for key, part in held.items()}
    return held


class _Words(string.Formatter):
    """Format strings with two conversions more: !l for lower case, !c for a first capital."""

    def convert_field(self, value: Any, conversion: Any) -> Any:
        if conversion == "l":
            return str(value).lower()
        if conversion == "c":
            return str(value)[:1].upper() + str(value)[1:]
        return super().convert_field(value, conversion)


_WORDS = _Words()
