"""The one prompt of question answering: the same words in supervised training, in GRPO and in evaluation."""

from __future__ import annotations

import hashlib
import re

from bioreview_bench.data.comparable import comparable

from .statements import stated_confidence

_INSTRUCTION = (
    "{question}\n\n"
    "Answer from the study's data alone; if they cannot answer, say so. "
    'End with a line "Confidence: N%", how sure you are that your answer is right.'
)
# The predecessor's rows and preference pairs come in this form.
_GIVEN = re.compile(r"\s*### Instruction:\n(.*?)\n\n### Response:\n?(.*)", re.DOTALL)
_WORD = re.compile(r"[^\W_]+")
_LINE = re.compile(r"(?:^|\n)Confidence: \d{1,3}%\s*$")


def content(question: str) -> str:
    """What the user says."""
    return _INSTRUCTION.replace("{question}", question.strip())


def asked(question: str) -> list[dict[str, str]]:
    """The messages of a question without its answer."""
    return [{"role": "user", "content": content(question)}]


def conversation(question: str, answer: str) -> list[dict[str, str]]:
    """The messages of a question with its answer."""
    return [*asked(question), {"role": "assistant", "content": answer}]


def with_confidence(answer: str, percent: int) -> str:
    """An answer closed as the prompt asks for."""
    return f"{answer}\nConfidence: {percent}%"


def closed(answer: str, percent: int | None) -> str | None:
    """The answer with the line that the prompt demands: as it is, or with the confidence that it states in other words,
    or `percent`; None where it states none and `percent` is None.

    >>> closed("8,484 DEGs.", 90), closed("8,484 DEGs.", None)
    ('8,484 DEGs.\\nConfidence: 90%', None)
    """
    if _LINE.search(answer):
        return answer
    stated = stated_confidence(answer)
    number = percent if stated is None else round(100 * stated)
    return None if number is None else with_confidence(answer.rstrip(), number)


def template_sha256() -> str:
    """Hash of the template, for manifests."""
    return hashlib.sha256(_INSTRUCTION.encode()).hexdigest()


def given_question(text: str) -> tuple[str, str] | None:
    """(question, response) of a text in the form `### Instruction: ... ### Response: ...`, else None."""
    found = _GIVEN.fullmatch(text)
    return (found.group(1).strip(), found.group(2).strip()) if found else None


def question_key(question: str) -> str:
    """What makes two questions the same: words and numbers in order, whatever their case, signs and white space.

    `KMP×HU`, `KMP × HU` and `kmp x hu` are one.
    """
    folded = comparable(question.replace("×", " x ")).replace(",", "")
    return " ".join(_WORD.findall(folded))
