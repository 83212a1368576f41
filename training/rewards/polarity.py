"""Whether a concern criticises: it finds fault, asks or demands, and no sentence says that all is well.

A matcher that compares meanings is fooled most by the opposite of a concern ("the authors controlled for age") and by
praise around one. The matcher says what a text is about; which side it takes is said here, by the words of reviewers'
English in `polarity.toml`. How often this is wrong about what people wrote stands in docs/rewards.md.
"""

from __future__ import annotations

import re
import tomllib
from importlib import resources

_LISTS: dict[str, list[str]] = tomllib.loads(
    resources.files(__package__).joinpath("polarity.toml").read_text(encoding="utf-8")
)


def _any(*names: str) -> str:
    return "|".join(pattern for name in names for pattern in _LISTS[name])


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])")


_DENIED = _words(_any("denied", "absent"))
_DEMANDED = _words(_any("demanded"))
_WISHED = _words(_any("demanded", "wished"))
_FAULT = _words(_any("faults"))
_PRAISE = _words(_any("praise"))
_APPROVAL = _words(_any("approval"))
_ALL_WELL = _words(_any("all_well") + rf"|(?:{_any('denied')})(?:\W+(?:{_any('fillers')}))*\W+(?:{_any('defects')})")
_ASKED = re.compile(
    rf"(?:^|[;:,.])\W*(?:(?:{_any('asked')})(?![\w-])"
    rf"|(?!(?:{_any('no_verbs')})\b)[a-z]{{3,}} (?:{_any('determiners')})(?![\w-]))"
)
_STATED = _words(_any("stated"))
_QUESTION, _CONTRASTED, _CONCEDED = (
    re.compile(rf"\W*(?:{_any(name)})(?![\w-])") for name in ("questions", "contrast", "concession")
)
_SENTENCE = re.compile(r"(?<=[.!?])[\s\"')\]]+|\n+")
_CLAUSE = re.compile(rf"[;:()–—]|,(?!\d)|(?<![\w-])(?=(?:{_any('contrast', 'concession')})(?![\w-]))")
_NEAR = 4  # words before praise in which it is denied or wished for: "not yet fully convincing"


def criticises(text: str) -> bool:
    """True when the concern finds fault, asks or demands, and praises nothing. `text` is in lower case.

    Praise is no praise where it is denied ("not convincing"), wished for ("would be more convincing"), asked for, or
    conceded: behind "although", or right before "but".

    >>> criticises("the authors did not control for age."), criticises("the authors clearly controlled for age.")
    (True, False)
    >>> criticises("an excellent study. the sample is too small."), criticises("elegant, but the sample is small.")
    (False, True)
    """
    sentences = [sentence for sentence in _SENTENCE.split(text) if sentence]
    return any(map(finds_fault, sentences)) and not any(map(_praises, sentences))


def finds_fault(sentence: str) -> bool:
    """True when the sentence, or a part of one, in lower case, denies, doubts, asks, demands or wishes anything."""
    return "?" in sentence or any(pattern.search(sentence) for pattern in (_DENIED, _WISHED, _FAULT, _ASKED))


def introduces(frame: str) -> bool:
    """True for words that may stand before "that" in a concern, in lower case: they demand, or say what is claimed.

    >>> introduces("it is not clear"), introduces("far be it from me to say")
    (True, False)
    """
    return bool(_STATED.search(frame) or _ASKED.search(frame))


def _praises(sentence: str) -> bool:
    clauses = [clause for clause in _CLAUSE.split(sentence) if clause.strip()]
    return any(_approves(clause) and not _is_undone(clause, following, sentence)
               for clause, following in zip(clauses, [*clauses[1:], ""], strict=False))  # fmt: skip


def _is_undone(clause: str, following: str, sentence: str) -> bool:
    """Whether praise in the clause is conceded or asked for."""
    asked = sentence.rstrip().endswith("?") and _QUESTION.match(clause)
    return bool(asked or _CONCEDED.match(clause) or _CONTRASTED.match(following))


def _approves(clause: str) -> bool:
    demands = _DEMANDED.search(clause) or _ASKED.search(clause)
    if any(not _is_denied_or_wished(clause[: found.start()], _NEAR) for found in _PRAISE.finditer(clause)):
        return True
    milder = [*_ALL_WELL.finditer(clause), *(() if demands else _APPROVAL.finditer(clause))]
    return any(not _is_denied_or_wished(clause[: found.start()], None) for found in milder)


def _is_denied_or_wished(before: str, wished_within: int | None) -> bool:
    """Whether the words before praise deny it, or wish for it (the last few, or any)."""
    words = before.split()
    wishes = words if wished_within is None else words[-wished_within:]
    return bool(_DENIED.search(" ".join(words[-_NEAR:])) or _WISHED.search(" ".join(wishes)))
