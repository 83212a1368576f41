"""Plain folders, one for each paper: its text and its reviews as files.

`paper.*` (text, Markdown, JATS, PDF, DOCX or HTML, as `data/papers` reads them), `review*.txt` or `referee*.md` in the
order of their names, `response*` or `rebuttal*`, and `licence*` or `license*`. JATS that has its own reviews needs no
others.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bioreview_bench.curation.formats.raw import RawArticle, RawReview, venue_of
from bioreview_bench.curation.formats.source import DataSource
from bioreview_bench.data.papers.jats import parse_jats
from bioreview_bench.data.papers.read import decoded, read_paper
from bioreview_bench.errors import BenchError, EncoderError, InputError, printable

_MOST_REVIEWS = 50
_TEXTS = (".txt", ".md", ".markdown", "")


def folder(source: DataSource) -> Iterator[RawArticle]:
    """Folders, one for each paper: paper.* (text, Markdown, JATS, PDF), review*.txt, response*.txt, licence.*."""
    if source.path.is_file():
        raise InputError(f"{source.path} is a file.", remedy="name a folder with a folder for each paper")
    papers: dict[Path, list[Path]] = {}
    for path in [*source.find("*"), *source.find("*/*")]:
        if not path.name.startswith("."):
            papers.setdefault(path.parent, []).append(path)
    for place, files in sorted(papers.items()):
        if place == source.path and not _named(files, "paper"):
            source.left_out["files beside the folders of papers"] += len(files)
            continue
        try:
            yield _article(source, place, files)
        except EncoderError:  # a library is missing: no file is wrong
            raise
        except BenchError as error:
            source.wrong(source.name(place), error.message)


def _article(source: DataSource, place: Path, files: list[Path]) -> RawArticle:
    named = {stem: _named(files, stem) for stem in ("paper", "review", "referee", "respon", "rebuttal", "licen")}
    others = [path for path in files if not any(path in found for found in named.values())]
    if others:
        source.left_out["files that are neither paper, review, response nor licence"] += len(others)
    if len(named["paper"]) != 1:
        found = ", ".join(printable(path.name, 40) for path in named["paper"][:3]) or "none"
        raise InputError(f"one file must be called paper.* (paper.txt, paper.md, paper.xml); there is {found}.")
    path = named["paper"][0]
    source.hashed(path)
    paper = read_paper(path)
    reviewed = [*named["review"], *named["referee"]]
    if len(reviewed) > _MOST_REVIEWS:
        raise InputError(f"{len(reviewed)} reviews; at most {_MOST_REVIEWS} are read of one paper.")
    reviews = [text for one in reviewed if (text := _text(source, one))]
    response = "\n\n".join(_text(source, one) for one in (*named["respon"], *named["rebuttal"])) or None
    licence = " ".join(_text(source, one) for one in named["licen"])[:200] or None
    jats = parse_jats(path.read_bytes(), path.name) if paper.form == "jats" else None
    if jats is not None and not reviews:
        reviews = jats.reviews()
        response = response or jats.text_of("response")
    return RawArticle(
        key=place.name if place != source.path else place.resolve().name,
        venue=source.venue or venue_of(source.path.resolve().name, "folder"),
        where=source.name(path),
        title=paper.title or None,
        abstract=paper.abstract or None,
        sections=paper.sections,
        reviews=[RawReview(number, text) for number, text in enumerate(reviews, 1)],
        response=response,
        more={
            "doi": paper.doi,
            "structured_references": list(paper.references) or None,
            "license": licence or (jats.licence if jats else None),
            "reading_notes": list(paper.notes) or None,
        },
    )


def _named(files: list[Path], stem: str) -> list[Path]:
    """Files whose names begin with a word; of the paper only those that are called so."""
    if stem == "paper":
        return [path for path in files if path.stem.lower() == "paper"]
    return [path for path in files if path.name.lower().startswith(stem)]


def _text(source: DataSource, path: Path) -> str:
    """The text of a review, response or licence. Raises InputError for what is no text."""
    if path.suffix.lower() not in _TEXTS:
        raise InputError(f"{path.name} is not read: a review, response or licence is a .txt or .md file.")
    source.hashed(path)
    with path.open("rb") as stream:
        return decoded(stream.read(64 * 2**20), path).strip()
