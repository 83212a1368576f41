"""Questions that were trained on, and rows that stand in a training file more than once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .given import questions_in, read_list
from .prompt import question_key


@dataclass(frozen=True)
class Contamination:
    """Of `n_questions` distinct questions: how many stand word for word, and after normalisation, in the training file.

    Of its `n_rows` rows (0 where it is no list of texts), `n_duplicates` repeat an earlier row exactly.
    """

    path: Path
    n_questions: int
    n_verbatim: int
    n_normalised: int
    n_rows: int
    n_duplicates: int

    @property
    def sentence(self) -> str:
        """What a reader of the scores should know; empty when there is nothing."""
        parts = []
        if self.n_normalised:
            parts.append(
                f"{self.n_verbatim} of the {self.n_questions} questions stand word for word in {self.path.name}"
                + (f" ({self.n_normalised} up to case and signs)" if self.n_normalised > self.n_verbatim else "")
                + ": right answers to them may be remembered"
            )
        if self.n_duplicates:
            parts.append(f"{self.n_duplicates} of the {self.n_rows} rows of {self.path.name} repeat another row")
        return "; ".join(parts)


def contamination(questions: Iterable[str], path: Path) -> Contamination:
    """Compare questions with a training file (JSON or JSONL). Raises InputError when it cannot be read."""
    asked = list(dict.fromkeys(questions))
    trained = questions_in(path)
    verbatim, keys = set(trained), set(map(question_key, trained))
    texts = _texts(path)
    return Contamination(
        path=path,
        n_questions=len(asked),
        n_verbatim=sum(question in verbatim for question in asked),
        n_normalised=sum(question_key(question) in keys for question in asked),
        n_rows=len(texts),
        n_duplicates=len(texts) - len(set(texts)),
    )


def _texts(path: Path) -> Sequence[str]:
    if path.suffix == ".jsonl":
        return ()
    return [row["text"] for row in read_list(path) if isinstance(row.get("text"), str)]
