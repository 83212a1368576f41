"""Matching corpora: texts that were written to make the point of a reference, or just not to.

A row is about one concern of an article of the data (`article_id`, `concern_id`), or about a whole invented paper
(`paper`, `sentences`, `concerns`, each with its `reference`); the kinds below hold lists of texts. What makes the same
point is known by construction: `restated` and `hurried` texts do, with the concern that they were written from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.data.article import Article, canonical_id
from bioreview_bench.data.predictions import encodes, nearest
from bioreview_bench.data.vocabulary import normalise
from bioreview_bench.errors import InputError, Problem, printable
from bioreview_bench.files.jsonl import json_type, read_rows
from bioreview_bench.scoring.texts import counted_references
from bioreview_bench.validity.judgements import DIFFERENT, SAME, JudgedFile
from bioreview_bench.validity.sheets import Question, Sheet

KINDS = ("restated", "hurried", "near_miss", "other_place", "stock")
_SAME_KINDS = ("restated", "hurried")

Texts = Mapping[str, tuple[str, ...]]  # by kind


@dataclass(frozen=True)
class JudgedCorpus:
    """Articles in id order, and what was written about their concerns: texts by article id, concern id, kind."""

    file: JudgedFile
    articles: tuple[Article, ...]
    written: Mapping[str, Mapping[str, Texts]]

    def sheets(self, contract: Contract) -> list[Sheet]:
        """By kind and article. Several texts of one kind about one concern are so many reviewers.

        Texts about concerns that the contract does not count are left out.
        """
        laid_out = []
        for kind in KINDS:
            for article in self.articles:
                references = counted_references(article, contract)
                written = self.written[article.id]
                lists = [
                    written[concern.concern_id][kind] if concern.concern_id in written else () for concern in references
                ]
                for turn in range(max(map(len, lists), default=0)):
                    own = [column for column, texts in enumerate(lists) if turn < len(texts)]
                    gold = np.full((len(own), len(references)), DIFFERENT, np.int8)
                    if kind in _SAME_KINDS:
                        gold[np.arange(len(own)), own] = SAME
                    texts = tuple(lists[column][turn] for column in own)
                    laid_out.append(Sheet(Question(kind, article, references, texts), gold, own_words=False))
        return laid_out


def read_corpus(path: Path, articles: Iterable[Article]) -> JudgedCorpus:
    """Read a matching corpus; rows about single concerns are about `articles`. Raises InputError with all problems."""
    known = {article.id: article for article in articles}
    problems: list[Problem] = []
    members: dict[str, Article] = {}
    written: dict[str, dict[str, Texts]] = {}
    digest, n_texts = hashlib.sha256(), 0
    for number, row in read_rows(path, InputError, digest.update):
        if isinstance(row, Problem):
            problems.append(row)
            continue
        try:
            article, about = _paper(row) if "paper" in row else _concern(row, known)
        except ValueError as error:
            problems.append(Problem(str(error), number))
            continue
        members.setdefault(article.id, article)
        held = written.setdefault(article.id, {})
        problems += [
            Problem(f'a second row about "{printable(concern_id)}"', number)
            for concern_id in about
            if concern_id in held
        ]
        held.update(about)
        n_texts += sum(len(texts) for kinds in about.values() for texts in kinds.values())
    if problems or not members:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise InputError(
            f"{path}: {count}, nothing was audited." if problems else f"{path} has no rows.",
            problems=problems,
            remedy="name a matching corpus (docs/judged-pairs.md shows its form)",
        )
    ordered = tuple(members[article_id] for article_id in sorted(members))
    return JudgedCorpus(JudgedFile(path.name, digest.hexdigest(), n_texts), ordered, written)


def _concern(row: Mapping[str, Any], known: Mapping[str, Article]) -> tuple[Article, dict[str, Texts]]:
    """A row about one concern of the data. Raises ValueError."""
    named, concern_id = row.get("article_id"), row.get("concern_id")
    if not isinstance(named, str) or not isinstance(concern_id, str):
        raise ValueError("article_id and concern_id must be strings")
    article = known.get(canonical_id(named))
    if article is None:
        raise ValueError(f'unknown article id "{printable(named)}"{nearest(named, list(known))}')
    ids = [concern.concern_id for concern in article.concerns]
    if concern_id not in ids:
        raise ValueError(f'unknown concern id "{printable(concern_id)}"{nearest(concern_id, ids)}')
    return article, {concern_id: _texts(row)}


def _paper(row: Mapping[str, Any]) -> tuple[Article, dict[str, Texts]]:
    """An invented paper as an article, its sentences being its abstract. Raises ValueError."""
    name, sentences, concerns = row.get("paper"), row.get("sentences"), row.get("concerns")
    if (
        not isinstance(name, str)
        or not isinstance(concerns, list)
        or not all(isinstance(concern, dict) for concern in concerns)
    ):
        raise ValueError("paper must be a string and concerns an array of objects")
    if not isinstance(sentences, list) or not all(isinstance(sentence, str) for sentence in sentences):
        raise ValueError("sentences must be an array of strings")
    ids = [f"{name}:C{number}" for number in range(1, len(concerns) + 1)]
    references = [
        {"concern_id": concern_id, "concern_text": concern.get("reference"), "category": "other", "severity": "major"}
        for concern_id, concern in zip(ids, concerns, strict=True)
    ]
    try:
        # An article has a source; an invented one belongs to none, and nothing here asks for it.
        article = Article(id=f"invented:{name}", source="elife", abstract="\n".join(sentences), concerns=references)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        raise ValueError(f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}") from error
    return article, {concern_id: _texts(concern) for concern_id, concern in zip(ids, concerns, strict=True)}


def _texts(row: Mapping[str, Any]) -> Texts:
    by_kind = {}
    for kind in KINDS:
        given: Any = row.get(kind, [])
        if not isinstance(given, list):
            raise ValueError(f"{kind} must be an array, this is {json_type(given)}")
        if not all(isinstance(text, str) and text.strip() and encodes(text) for text in given):
            raise ValueError(f"{kind} must hold strings that are not blank")
        by_kind[kind] = tuple(map(normalise, given))
    return by_kind
