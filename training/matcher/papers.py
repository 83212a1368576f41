"""The texts that a matcher learns from, by paper, and which of them make which point.

A *point* is a counted reference of a paper. Its reference, restatements, hurried notes and texts that raters called
*same* make it; a near miss and what raters called *related* is close to it and makes another; stock sentences, points
about another place and sentences of the paper make none. Files are read as `bench contract audit` reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.data.article import Article
from bioreview_bench.data.sentences import pick, sentences
from bioreview_bench.errors import DataError, InputError, Problem, printable
from bioreview_bench.files.jsonl import read_rows
from bioreview_bench.scoring.texts import counted_references
from bioreview_bench.validity.corpus import JudgedCorpus, read_corpus
from bioreview_bench.validity.judgements import RELATED, SAME, JudgedText, Judgements, read_judgements
from bioreview_bench.validity.sheets import gold_labels

REFERENCE, SENTENCE, JUDGED, OWN_WORDS = "reference", "sentence", "judged", "own_words"
_MAKES = {"restated", "hurried"}
_CLOSE = {"near_miss"}
_SENTENCES = 20

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Text:
    """A text, the points that it makes, and those that it comes close to.

    `kind` says how it was written: as a corpus calls it, or as a judged text, from a reference or in its own words.
    """

    text: str
    kind: str
    same: frozenset[str] = _NONE
    related: frozenset[str] = _NONE


@dataclass(frozen=True)
class TaughtPaper:
    """Distinct texts about one paper, its references first. `n_judged` of them were judged as making a point; `real`
    is False for invented papers.
    """

    id: str
    texts: tuple[Text, ...]
    n_judged: int
    real: bool


@dataclass(frozen=True)
class MatchingTexts:
    """All that was read: papers in id order, and the files as an audit takes them. `unaudited` are judged texts that
    are trained on and measure nothing.
    """

    papers: tuple[TaughtPaper, ...]
    articles: tuple[Article, ...]
    judgements: Judgements | None
    corpora: tuple[JudgedCorpus, ...]
    unaudited: Judgements | None = None


def read_material(
    files: Sequence[Path], articles: Sequence[Article], held_back: Sequence[Article], train_only: Sequence[Path] = ()
) -> MatchingTexts:
    """Read corpus files and judged pairs; rows about real articles are about `articles`. Judged pairs of `train_only`
    are trained on, and no audit sees them.

    Raises InputError with all problems, DataError when a row is about an article that is `held_back` (the test split).
    """
    barred = {article.id for article in held_back}
    judged, corpora = [], []
    for path in (*files, *train_only):
        ids, is_judged = _look(path)
        if ids & barred:
            raise DataError(
                f"{path} has texts about {printable(min(ids & barred))}, which is in the test split: "
                "a matcher that has seen it cannot be tested there.",
                remedy="leave these rows out",
            )
        if path in train_only:
            if not is_judged:
                raise InputError(f"{path} has no judged pairs.", remedy="--train-only takes judged pairs")
        elif is_judged:
            judged.append(path)
        else:
            corpora.append(read_corpus(path, articles))
    known = {article.id: article for article in articles} | {
        article.id: article for corpus in corpora for article in corpus.articles
    }
    judgements = read_judgements(judged, known.values()) if judged else None
    unaudited = read_judgements(train_only, known.values()) if train_only else None
    texts = tuple(text for one in (judgements, unaudited) if one for text in one.texts)
    _check_seen(texts)
    audited = len(judgements.texts) if judgements else 0
    named = {article.id for corpus in corpora for article in corpus.articles} | {text.article_id for text in texts}
    members = tuple(known[article_id] for article_id in sorted(named))
    contract = Contract.load("demo")  # which says what references count
    real = {article.id for article in articles}
    papers = tuple(_paper(article, contract, texts, audited, corpora, article.id in real) for article in members)
    return MatchingTexts(papers, members, judgements, tuple(corpora), unaudited)


def _check_seen(texts: Sequence[JudgedText]) -> None:
    partly = sum(text.judged is not None for text in texts)
    if partly:
        raise InputError(
            f"Of {partly:,} judged texts the raters saw some references only, and training would take the others for "
            "different points.",
            remedy="leave out the rows with judged; bench contract audit reads them",
        )


def _look(path: Path) -> tuple[set[str], bool]:
    """Ids of the real articles in a file, and whether it holds judged pairs."""
    ids: set[str] = set()
    judged = 0
    for _, row in read_rows(path, InputError):
        if not isinstance(row, Problem):
            ids.add(str(row.get("article_id")))
            judged += "text" in row
    return ids, judged > 0


def _paper(
    article: Article,
    contract: Contract,
    judged_texts: Sequence[JudgedText],
    n_audited: int,
    corpora: Sequence[JudgedCorpus],
    real: bool,
) -> TaughtPaper:
    """The first `n_audited` of all judged texts count in `n_judged`."""
    references = counted_references(article, contract)
    points = [concern.concern_id for concern in references]
    texts = [Text(concern.text, REFERENCE, frozenset({concern.concern_id})) for concern in references]
    n_judged = 0
    for number, judged in enumerate(judged_texts):
        if judged.article_id == article.id:
            labels = dict(zip(points, gold_labels(judged, references), strict=True))
            same = frozenset(point for point, label in labels.items() if label == SAME)
            related = frozenset(point for point, label in labels.items() if label == RELATED)
            texts.append(Text(judged.text, JUDGED if judged.written_from else OWN_WORDS, same, related))
            n_judged += bool(same) and number < n_audited
    for corpus in corpora:
        for point, by_kind in corpus.written.get(article.id, {}).items():
            own = frozenset({point}) & frozenset(points)
            if own:
                texts += [
                    Text(text, kind, own if kind in _MAKES else _NONE, own if kind in _CLOSE else _NONE)
                    for kind, written in by_kind.items()
                    for text in written
                ]
    found = sentences(article)
    texts += [Text(found[position], SENTENCE) for position in pick(len(found), _SENTENCES)]
    return TaughtPaper(article.id, _distinct(texts), n_judged, real)


def _distinct(texts: Sequence[Text]) -> tuple[Text, ...]:
    """Each text once, as it was first said to be: raters come before what was intended."""
    first: dict[str, Text] = {}
    for text in texts:
        first.setdefault(text.text, text)
    return tuple(first.values())


def split_folds(papers: Sequence[TaughtPaper], n: int) -> list[list[str]]:
    """Ids of the papers of each of `n` folds: real papers with judged texts, or all where there are none, dealt out so
    that folds are alike in number and in judged points. Papers in no fold are always trained on. Raises InputError.
    """
    dealt = [paper for paper in papers if paper.real and paper.n_judged] or list(papers)
    if not 2 <= n <= len(dealt):
        raise InputError(f"{n} folds of {len(dealt)} papers.", remedy=f"--folds 2 to {len(dealt)}, or 0 for none")
    folds: list[list[str]] = [[] for _ in range(n)]
    weights = [0] * n
    most = -(-len(dealt) // n)
    for paper in sorted(dealt, key=lambda paper: (-paper.n_judged, paper.id)):
        place = min(range(n), key=lambda fold: (len(folds[fold]) >= most, weights[fold], fold))
        folds[place].append(paper.id)
        weights[place] += paper.n_judged
    return folds
