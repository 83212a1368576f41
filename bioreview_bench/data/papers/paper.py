"""A paper as one value, whatever file it was read from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Form = Literal["pdf", "docx", "jats", "html", "markdown", "text"]


@dataclass(frozen=True)
class Paper:
    """Title, abstract, sections (heading to text, in the order of the file), the references apart from them.

    Headings are those of the file, without their numbers; the texts of two sections with one heading stand under it
    in order. Paragraphs are separated by blank lines. What the file does not have is empty. `notes` are sentences
    about what could not be read as it should.
    """

    title: str
    abstract: str
    sections: dict[str, str]
    references: tuple[str, ...] = ()
    doi: str | None = None
    form: Form = "text"
    notes: tuple[str, ...] = field(default=())

    @property
    def n_words(self) -> int:
        """Words of abstract and sections, separated by white space."""
        return sum(len(text.split()) for text in (self.abstract, *self.sections.values()))
