"""Rules about ids, sources and DOIs. The forms of ids are known for preset sources only."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator

from bioreview_bench.curation.lint.rules import LintFinding
from bioreview_bench.data.vocabulary import SOURCES
from bioreview_bench.errors import printable

_LONGEST = 200
_NEAR = 0.75  # similarity of names that differ in a letter or two: "plso", and not "pilot"
_FORMS = {
    "elife": (re.compile(r"elife:\d+"), "elife:NUMBER"),
    "plos": (re.compile(r"plos:10\.1371/journal\.[a-z]+\.\d+"), "plos:10.1371/journal.CODE.NUMBER"),
    "f1000": (  # until 2014 VOLUME-NUMBER.vVERSION
        re.compile(r"f1000:10\.12688[_/]f1000research\.\d+(?:\.|-\d+\.v)\d+"),
        "f1000:10.12688_f1000research.NUMBER.VERSION",
    ),
    "peerj": (re.compile(r"peerj:\d+"), "peerj:NUMBER"),
    "nature": (re.compile(r"nature:s\d{5}-\d{3}-\d{5}-[a-z0-9]"), "nature:sNNNNN-NNN-NNNNN-C"),
}
_DOI = re.compile(r"10\.\d{4,9}/\S+")
_DOI_BEGINS = {
    "elife": "10.7554/elife.",
    "plos": "10.1371/journal.",
    "f1000": "10.12688/f1000research.",
    "peerj": "10.7717/peerj",
    "nature": "10.1038/",
}
_PATH = re.compile(r"(?:^|[/\\:])\.\.(?:[/\\]|$)|^[/~\\]|\\|^[A-Za-z]:[/\\]|^[a-z0-9_-]+:[/~]")
_ORDINAL = re.compile(r"R(\d+)C\d+")


def check_id(article_id: str, source: str) -> Iterator[LintFinding]:
    """An article's id: its characters, and its form where the source is a preset."""
    yield from _characters("id-characters", "id", article_id)
    if _PATH.search(article_id):
        yield LintFinding("id-path", "id", f"{printable(article_id)} is a path")
    if source in _FORMS:
        pattern, form = _FORMS[source]
        if not pattern.fullmatch(article_id):
            yield LintFinding("id-form", "id", f"{printable(article_id)} is not of the form {form}")
        elif source == "f1000" and "/" in article_id:
            yield LintFinding("id-slash", "id", f"{printable(article_id)} is read with _ in the place of the slash")
    elif not article_id.startswith(f"{source}:"):
        yield LintFinding("id-prefix", "id", f"{printable(article_id)} does not begin with {printable(source)}:")


def check_source(source: str) -> Iterator[LintFinding]:
    """A source that is no preset and is spelt much like one."""
    if source in SOURCES:
        return
    letters = re.sub(r"[^a-z0-9]", "", source)
    near = difflib.get_close_matches(letters, SOURCES, n=1, cutoff=_NEAR)
    near += [preset for preset in ("f1000", "plos") if letters.startswith(preset)]  # f1000research, plos-one
    if near:
        yield LintFinding("source-name", "source", f"{printable(source)} is no preset; did you mean {near[0]}?")


def check_doi(doi: str, article_id: str, source: str) -> Iterator[LintFinding]:
    """A DOI: its form, its publisher, and whether it names the article of the id."""
    bare = doi.strip().lower()
    if not _DOI.fullmatch(doi):
        yield LintFinding("doi-form", "doi", f"{printable(doi)} is not of the form 10.NNNN/SUFFIX")
        return
    begins = _DOI_BEGINS.get(source)
    if begins is None:
        return
    if not bare.startswith(begins):
        yield LintFinding(
            "doi-source", "doi", f"{printable(doi)} does not begin with {begins}, as those of {source} do"
        )
    elif not _names(bare, article_id.partition(":")[2].lower(), source):
        yield LintFinding("doi-id", "doi", f"{printable(doi)} is not the DOI of {printable(article_id)}")


def check_concern_id(concern_id: str, article_id: str, source: str, field: str) -> Iterator[LintFinding]:
    """A concern's id: its characters, and whether it begins with its article's and ends in R<n>C<n>."""
    yield from _characters("concern-id-characters", field, concern_id)
    owner = next((stem for stem in owners(article_id, source) if concern_id.startswith(f"{stem}:")), None)
    if owner is None:
        yield LintFinding("concern-id-prefix", field, f"{printable(concern_id)} is not of {printable(article_id)}")
    elif not _ORDINAL.fullmatch(concern_id[len(owner) + 1 :]):
        yield LintFinding("concern-id-form", field, f"{printable(concern_id)} does not end in R<reviewer>C<number>")


def owners(article_id: str, source: str) -> tuple[str, ...]:
    """With what a concern's id may begin: the article's id, or what the first release wrote for it."""
    short = {"f1000": ("10.12688_", ""), "plos": ("10.1371/", ""), "peerj": ("", "peerj.")}.get(source)
    prefix, _, rest = article_id.partition(":")
    if short is None:
        return (article_id,)
    return article_id, f"{prefix}:{short[1]}{rest.removeprefix(short[0])}"


def reviewer_of(concern_id: str) -> int | None:
    """The reviewer in a concern's id: 2 for `elife:1:R2C5`; None where there is none."""
    found = _ORDINAL.fullmatch(concern_id.rpartition(":")[2])
    return int(found[1]) if found and len(found[1]) < 10 else None


def _names(doi: str, rest: str, source: str) -> bool:
    """Whether the DOI is that of the article, of any version of it."""
    if source == "elife":
        number = re.match(r"10\.7554/elife\.0*(\d+)(?:\.\d+)?", doi)
        return number is not None and doi.endswith(number[0]) and number[1] == rest.lstrip("0")
    own = {"plos": rest, "f1000": rest.replace("_", "/", 1), "peerj": f"10.7717/peerj.{rest}"}.get(source)
    return doi == own if own is not None else doi.endswith(f"/{rest}")


def _characters(rule: str, field: str, value: str) -> Iterator[LintFinding]:
    wrong = next((char for char in value if char.isspace() or unicodedata.category(char)[0] == "C"), None)
    if wrong is not None:
        yield LintFinding(rule, field, f"U+{ord(wrong):04X} in {printable(value)}")
    elif len(value) > _LONGEST:
        yield LintFinding(
            rule, field, f"{len(value):,} characters; at most {_LONGEST} are meant: {printable(value, 40)}"
        )
