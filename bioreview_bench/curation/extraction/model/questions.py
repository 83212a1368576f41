"""The questions of both stages, and the strict reading of their answers: an answer counts whole or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Protocol

from bioreview_bench.curation.extraction.model.prompts import CHANGES, StagePrompt, labels_prompt, segments_prompt
from bioreview_bench.curation.extraction.model.spans import ReviewerReport, verbatim
from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES, STANCES
from bioreview_bench.errors import printable
from bioreview_bench.files.jsonl import json_type, parse_object

_CHOICES: Mapping[str, Collection[str]] = {
    "category": CATEGORIES, "severity": SEVERITIES, "author_stance": STANCES, "evidence_of_change": CHANGES
}  # fmt: skip
_KEYS = {"concern", "requires_figure_reading", "reply", *_CHOICES}
NO_RESPONSE = "no_response"


class StageQuestion(Protocol):
    """A question of either stage. `article` and `report` are for messages; the model does not see the former."""

    stage: ClassVar[str]

    @property
    def id(self) -> str:
        """Hash of the stage and of the texts, by which the answer is kept."""
        ...

    @property
    def data(self) -> Mapping[str, Any]:
        """What the model is given."""
        ...

    @property
    def where(self) -> str:
        """Which report of which article, for messages."""
        ...

    def read(self, raw: str) -> Any:
        """What an answer says. Raises ValueError saying what is wrong with it."""
        ...


@dataclass(frozen=True)
class ConcernLabels:
    """Labels of one concern. `reply` are places in the response's paragraphs, in order."""

    category: str
    severity: str
    figure: bool
    reply: tuple[int, ...]
    stance: str
    changed: bool | None


@dataclass(frozen=True)
class SegmentsQuestion:
    """Which parts of a report are concerns?"""

    report: ReviewerReport
    article: str = field(compare=False)
    stage: ClassVar[str] = "segments"

    @cached_property
    def id(self) -> str:
        """Hash of the stage and the report."""
        return _hash(self.stage, self.data)

    @property
    def data(self) -> dict[str, Any]:
        """The paragraphs of the report."""
        return {"paragraphs": self.report.paragraphs}

    @property
    def where(self) -> str:
        """For messages."""
        return f"{printable(self.article)}, reviewer {self.report.reviewer}, {self.stage}"

    def read(self, raw: str) -> tuple[str, ...]:
        """Verbatim pieces of the report, in its order. Raises ValueError."""
        answer = parse_object(raw)
        spans = answer.get("concerns")
        if set(answer) != {"concerns"} or not isinstance(spans, list):
            raise ValueError('the answer is not {"concerns": [...]}')
        texts = [span for span in spans if isinstance(span, str)]
        if len(texts) < len(spans):
            raise ValueError("a concern is not a string")
        return verbatim(self.report, texts)


@dataclass(frozen=True)
class LabelsQuestion:
    """Which labels have these concerns of a report, and how did the authors reply?"""

    report: ReviewerReport
    concerns: tuple[str, ...]
    response: tuple[str, ...]
    article: str = field(compare=False)
    stage: ClassVar[str] = "labels"

    @cached_property
    def id(self) -> str:
        """Hash of the stage, the report, its concerns and the response."""
        return _hash(self.stage, self.data)

    @property
    def data(self) -> dict[str, Any]:
        """Report, concerns and response, the latter two by label."""
        return {
            "report": self.report.paragraphs,
            "concerns": _labelled("C", self.concerns),
            "response": _labelled("P", self.response),
        }

    @property
    def where(self) -> str:
        """For messages."""
        return f"{printable(self.article)}, reviewer {self.report.reviewer}, {self.stage}"

    def read(self, raw: str) -> tuple[ConcernLabels, ...]:
        """Labels in the order of the concerns. Raises ValueError."""
        answer = parse_object(raw)
        entries = answer.get("labels")
        if set(answer) != {"labels"} or not isinstance(entries, list):
            raise ValueError('the answer is not {"labels": [...]}')
        found: dict[str, ConcernLabels] = {}
        names = _labelled("C", self.concerns)
        for entry in entries:
            if not isinstance(entry, dict) or set(entry) != _KEYS:
                raise ValueError(f"an entry is not an object of {', '.join(sorted(_KEYS))}")
            name = entry["concern"]
            if not isinstance(name, str) or name not in names:
                raise ValueError(f"it labels {_shown(name)}, which is no concern")
            if name in found:
                raise ValueError(f"it labels {name} twice")
            found[name] = self._labels(name, entry)
        left = [name for name in names if name not in found]
        if left:
            raise ValueError(f"it leaves out {len(left)} of {len(names)} concerns: {', '.join(left[:5])}")
        return tuple(found[name] for name in names)

    def _labels(self, name: str, entry: Mapping[str, Any]) -> ConcernLabels:
        for key, allowed in _CHOICES.items():
            if not isinstance(entry[key], str) or entry[key] not in allowed:
                raise ValueError(f"{key} of {name} is {_shown(entry[key])}, not one of {', '.join(allowed)}")
        figure, reply = entry["requires_figure_reading"], entry["reply"]
        if not isinstance(figure, bool):
            raise ValueError(f"requires_figure_reading of {name} is {json_type(figure)}")
        if not isinstance(reply, list):
            raise ValueError(f"reply of {name} is {json_type(reply)}, not a list")
        places = {label: number for number, label in enumerate(_labelled("P", self.response))}
        unknown = [label for label in reply if not isinstance(label, str) or label not in places]
        if unknown:
            raise ValueError(f"reply of {name} names {_shown(unknown[0])}, which is no paragraph of the response")
        stance, changed = entry["author_stance"], CHANGES[entry["evidence_of_change"]]
        if (stance == NO_RESPONSE) == bool(reply):
            raise ValueError(f"{name} has the stance {stance} and {len(reply)} paragraphs of reply")
        if not reply and changed is not None:
            raise ValueError(f"{name} has no reply, so evidence_of_change is unknown")
        return ConcernLabels(
            entry["category"],
            entry["severity"],
            figure or entry["category"] == "figure_issue",
            tuple(sorted({places[label] for label in reply})),
            stance,
            changed,
        )


def prompt_of(stage: str) -> StagePrompt:
    """The prompt of a stage."""
    return segments_prompt() if stage == SegmentsQuestion.stage else labels_prompt()


def _hash(stage: str, data: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps([stage, data], ensure_ascii=True).encode("ascii")).hexdigest()[:40]


def _labelled(letter: str, texts: tuple[str, ...]) -> dict[str, str]:
    return {f"{letter}{number}": text for number, text in enumerate(texts, start=1)}


def _shown(value: Any) -> str:
    return f'"{printable(value, 40)}"' if isinstance(value, str) else json_type(value)
