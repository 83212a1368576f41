"""NLPeer (Dycke et al. 2023): `DATASET/data/PAPER/vN/{meta.json, reviews.json, paper.itg.json}`.

Fields as in the README of github.com/UKPLab/nlpeer, papers as github.com/UKPLab/intertext-graph writes them: nodes in
the order of their `next` edges. Of several versions of a paper the first that has reviews is the one they are about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bioreview_bench.curation.formats.raw import RawArticle, RawReview, headed, venue_of
from bioreview_bench.curation.formats.source import DataSource, listed, text_of
from bioreview_bench.files.jsonl import json_type

_VERSION = re.compile(r"v(\d{1,3})")
_TEXT = ("paragraph", "p", "list", "list_item")


def nlpeer(source: DataSource) -> Iterator[RawArticle]:
    """NLPeer: the unpacked corpus, one of its data sets (ARR-22), or the folder data of one."""
    source.notes.append("Each part of NLPeer has a licence of its own; that of a paper is kept as its license.")
    papers: dict[Path, list[tuple[int, Path]]] = {}
    for path in source.find("**/v*/meta.json"):
        number = _VERSION.fullmatch(path.parent.name)
        if number:
            papers.setdefault(path.parent.parent, []).append((int(number[1]), path.parent))
    for paper, versions in papers.items():
        folders = [folder for _, folder in sorted(versions)]
        try:
            yield _article(source, paper, folders)
        except ValueError as error:
            source.wrong(source.name(paper), str(error))


def _article(source: DataSource, paper: Path, folders: list[Path]) -> RawArticle:
    reviewed = [(folder, found) for folder in folders if (found := _reviews(source, folder))]
    folder, reviews = reviewed[0] if reviewed else (folders[0], [])
    if len(reviewed) > 1:
        source.left_out["reviews of later versions"] += sum(len(found) for _, found in reviewed[1:])
    meta = source.object(folder / "meta.json") or {}
    title, abstract, sections = _paper(source, folder / "paper.itg.json")
    return RawArticle(
        key=paper.name,
        venue=source.venue or venue_of(paper.resolve().parents[1].name, "nlpeer"),
        where=source.name(folder),
        title=text_of(meta, "title") or title,
        abstract=text_of(meta, "abstract") or abstract,
        sections=sections,
        reviews=reviews,
        more={"license": text_of(meta, "license"), "revision_round": int(folder.name[1:])},
    )


def _reviews(source: DataSource, folder: Path) -> list[RawReview]:
    path = folder / "reviews.json"
    found = source.json(path) if path.is_file() and not path.is_symlink() else None
    if not found:  # it may be empty
        return []
    reviews = []
    for number, review in enumerate(listed({"reviews": found}, "reviews"), 1):
        report = review.get("report")
        if not isinstance(report, dict):
            raise ValueError(f"v{folder.name[1:]}: reviews[{number - 1}].report is {json_type(report)}, not an object")
        main = text_of(report, "main") or ""
        fields = headed([(name, text_of(report, name) or "") for name in report if name != "main"])
        text = "\n\n".join(part for part in (main, fields) if part)
        if text:
            reviews.append(RawReview(number, text))
        else:
            source.left_out["reviews without text"] += 1
    return reviews


def _paper(source: DataSource, path: Path) -> tuple[str | None, str | None, dict[str, str]]:
    """(title, abstract, sections) of a paper as an intertext graph."""
    if not path.is_file() or path.is_symlink():
        return None, None, {}
    title: str | None = None
    abstract: list[str] = []
    sections: dict[str, list[str]] = {}
    heading = ""
    for node in _in_order(source.object(path) or {}):
        kind, text = node.get("ntype"), text_of(node, "content")
        if text is None:
            continue
        if kind in ("title", "article-title") and title is None and not sections:
            title = text
        elif kind in ("heading", "title"):
            heading = text
        elif kind == "abstract":
            abstract.append(text)
        elif kind in _TEXT:
            sections.setdefault(heading, []).append(text)
    return title, "\n\n".join(abstract) or None, {name: "\n\n".join(texts) for name, texts in sections.items()}


def _in_order(graph: dict[str, Any]) -> list[dict[str, Any]]:
    """Nodes along their `next` edges from the first; as they stand where there are no such edges."""
    nodes = listed(graph, "nodes")
    by_ix = {node.get("ix"): node for node in nodes if isinstance(node.get("ix"), str)}
    follows = {
        edge.get("src_ix"): edge.get("tgt_ix")
        for edge in listed(graph, "edges")
        if str(edge.get("etype")).lower() == "next" and edge.get("src_ix") in by_ix and edge.get("tgt_ix") in by_ix
    }
    if not follows:
        return nodes
    targets = set(follows.values())
    ix = next((ix for ix in by_ix if ix in follows and ix not in targets), None)
    if ix is None:
        raise ValueError("the next edges of the paper have no beginning")
    ordered, seen = [], set()
    while ix is not None and ix not in seen:
        seen.add(ix)
        ordered.append(by_ix[ix])
        ix = follows.get(ix)
    return ordered
