"""Which articles a frozen split has, and what they say: ids, each with a digest where its text was once seen.

Ids of a public release are bundled, or come with its index; digests come from files that were verified on this machine
(`bench data verify --pin`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bioreview_bench.data.article import Article, canonical_id
from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.data.split import fingerprint
from bioreview_bench.errors import printable

Members = Mapping[str, str | None]  # article id to its digest, None where only the id is known
_SHOWN = 5  # ids in a message


def article_digest(article: Article) -> str:
    """24 hex digits: 12 of the references, as in a fingerprint, and 12 of what a reviewer sees of the paper.

    The order of sections does not count, because some Parquet files have none.
    """
    shown = Manuscript.from_article(article)
    return fingerprint([article]) + replace(shown, sections=dict(sorted(shown.sections.items()))).digest


def digests(articles: Sequence[Article]) -> dict[str, str]:
    """Id to digest of every article."""
    return {article.id: article_digest(article) for article in articles}


def as_members(splits: object) -> dict[str, Members] | None:
    """The `splits` of a pin file, checked; None for what they cannot be."""
    if not isinstance(splits, dict):
        return None
    for members in splits.values():
        if not isinstance(members, dict) or not all(one is None or isinstance(one, str) for one in members.values()):
            return None
    return {str(split): {str(name): digest for name, digest in own.items()} for split, own in splits.items()}


def membership(members: Members, articles: Sequence[Article]) -> list[str]:
    """How the ids of `articles` differ from `members`, in words; [] when they are the same."""
    here = {article.id for article in articles}
    wanted = {canonical_id(name) for name in members}
    found = _said("{} of the release {} not here", wanted - here)
    return found + _said("{} {} not in the release", here - wanted)


def changed(members: Members, articles: Sequence[Article]) -> list[str]:
    """Which articles say something else than when they were pinned, in words."""
    wrong = {article.id for article in articles if members.get(article.id) not in (None, article_digest(article))}
    return _said("{} {} other text than what was pinned", wrong, "has", "have")


def _said(sentence: str, ids: set[str], one: str = "is", many: str = "are") -> list[str]:
    if not ids:
        return []
    listed = ", ".join(printable(name) for name in sorted(ids)[:_SHOWN]) + (", ..." if len(ids) > _SHOWN else "")
    count = "1 article" if len(ids) == 1 else f"{len(ids):,} articles"
    return [f"{sentence.format(count, one if len(ids) == 1 else many)}: {listed}"]
