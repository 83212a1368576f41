"""A BibTeX entry for a system's score."""

from __future__ import annotations

import re

from ..view import ContractScore, SystemView
from .words import figure, name

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "&": r"\&",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "@": r"{@}",
    '"': r"{''}",
}
_KEY = re.compile(r"[^a-z0-9]+")


def bibtex(system: SystemView, score: ContractScore) -> str:
    """The entry; texts of the card cannot end a field or begin a command."""
    year = system.card["date"][:4]
    row = score.row
    place = f"{name(system.title)}, {name(system.data)}/{name(system.split)}, contract {name(score.label)}"
    note = f"F1 {figure(row.f1.value)}, submission {system.submission}, signature {name(row.signature)}"
    fields = {
        "title": f"{{{_escaped(system.system)} {_escaped(system.version)}}}",
        "author": f"{{{_escaped(system.card['organisation'])}}}",
        "year": year,
        "howpublished": _escaped(place),
        "note": _escaped(note.replace("−", "-")),
    }
    if system.card["url"]:
        fields["url"] = re.sub(r"[{}\\\s%]", "", system.card["url"])
    key = _KEY.sub("", system.system.casefold())[:20] or "system"
    body = "".join(f"  {field} = {{{value}}},\n" for field, value in fields.items())
    return f"@misc{{{key}{year}{system.submission[-4:]},\n{body}}}\n"


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(char, char) for char in name(text))
