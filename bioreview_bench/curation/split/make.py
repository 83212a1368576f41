"""From articles and what is wanted of a split to who goes where and what is left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bioreview_bench.curation.families import Link, families, links
from bioreview_bench.curation.notices import notice
from bioreview_bench.curation.split.assign import TEST, TRAIN, VAL, ManuscriptFamily, take_counts, take_shares
from bioreview_bench.data.article import Article
from bioreview_bench.errors import InputError, printable

UNKNOWN = "unknown"
SPLIT_NAMES = (TRAIN, VAL, TEST)
STRATA = ("source", "review_format", "year", "license", "editorial_decision")
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?:[T ].*)?")


@dataclass(frozen=True)
class Wish:
    """What is wanted: exactly one of `counts` (test articles by source), `ratio` (train, val, test) and `frozen_ids`.

    `val` is the share of val in what is not test. Families are drawn by `seed`, stratified `by` these fields; only
    articles published after `after` (YYYY-MM-DD) are tested on.
    """

    counts: Mapping[str, int] | None = None
    ratio: tuple[float, float, float] | None = None
    frozen_ids: Sequence[str] | None = None
    val: float = 0.15
    seed: int = 42
    by: tuple[str, ...] = ("source",)
    after: str | None = None


@dataclass(frozen=True)
class Division:
    """The ids of each split in order, what was left out and why, and the links that make families."""

    splits: Mapping[str, tuple[str, ...]]
    left_out: Mapping[str, str]
    links: tuple[Link, ...]
    families: tuple[tuple[str, ...], ...]
    crossing: tuple[tuple[str, ...], ...] = field(default=())

    @property
    def unassigned(self) -> int:
        """Articles of families in no split, counted again from the result: 0 by construction."""
        placed = {article_id for ids in self.splits.values() for article_id in ids} | self.left_out.keys()
        return sum(article_id not in placed for family in self.families for article_id in family)


def divide(articles: Sequence[Article], wish: Wish) -> Division:
    """Divide articles so that no family crosses. Corrections, retractions and other notices are left out.

    With `frozen_ids` the test split is those articles, and the other members of their families are left out.
    Raises InputError when there is nothing to divide, an id is unknown, or the test split cannot be filled.
    """
    frozen = frozenset(wish.frozen_ids or ())
    _check_known(frozen, articles)
    left_out = {
        article.id: kind for article in articles if article.id not in frozen and (kind := notice(article)) is not None
    }
    kept = sorted((article for article in articles if article.id not in left_out), key=lambda article: article.id)
    if not kept:
        raise InputError("No article is left to divide.", remedy="name a data folder with articles")
    found = links(kept)
    groups = [[kept[index] for index in group] for group in families(len(kept), found)]
    groups, beside = _without_relatives(groups, frozen)
    left_out |= beside
    members = [_family(group, wish) for group in groups]
    placed = _place(members, frozen, wish)
    ids = {
        name: tuple(sorted(i for f, where in placed.items() if where == name for i in f.ids)) for name in SPLIT_NAMES
    }
    place_of = {article_id: name for name, listed in ids.items() for article_id in listed}
    families_by_id = tuple(family.ids for family in members)
    crossing = tuple(family for family in families_by_id if len({place_of.get(i) for i in family}) > 1)
    return Division(ids, left_out, tuple(found), families_by_id, crossing)


def year(article: Article) -> str:
    """The year of publication; UNKNOWN without one, or for what is no date."""
    match = _DATE.fullmatch(article.published_date or "")
    return match.group(1) if match else UNKNOWN


def published_after(article: Article, date: str) -> bool:
    """True when the article surely appeared after a day (YYYY-MM-DD); one without a date did not.

    "2021" is after 2020-12-31, and not after 2021-01-01.
    """
    match = _DATE.fullmatch(article.published_date or "")
    return match is not None and "-".join(part or "01" for part in match.groups()) > date


def _place(members: Sequence[ManuscriptFamily], frozen: frozenset[str], wish: Wish) -> dict[ManuscriptFamily, str]:
    if wish.ratio is not None:
        return take_shares(members, dict(zip(SPLIT_NAMES, wish.ratio, strict=True)), wish.seed)
    if frozen:
        test = {family for family in members if frozen.issuperset(family.ids)}
    else:
        test = take_counts(members, wish.counts or {}, wish.seed)
    rest = [family for family in members if family not in test]
    return dict.fromkeys(test, TEST) | take_shares(rest, {TRAIN: 1 - wish.val, VAL: wish.val}, wish.seed)


def _family(group: Sequence[Article], wish: Wish) -> ManuscriptFamily:
    return ManuscriptFamily(
        tuple(article.id for article in group),
        Counter(article.source for article in group),
        tuple(stratum(group[0], name) for name in wish.by),
        wish.after is None or all(published_after(article, wish.after) for article in group),
    )


def stratum(article: Article, name: str) -> str:
    """The value of a field that splits are stratified by, as a string."""
    if name == "year":
        return year(article)
    value = getattr(article, name)
    return UNKNOWN if value is None else str(value)


def _without_relatives(
    groups: Sequence[Sequence[Article]], frozen: frozenset[str]
) -> tuple[list[list[Article]], dict[str, str]]:
    kept: list[list[Article]] = []
    beside: dict[str, str] = {}
    for group in groups:
        tested = [article for article in group if article.id in frozen]
        kept.append(tested or list(group))
        beside |= {a.id: f"family of {tested[0].id} (test)" for a in group if tested and a.id not in frozen}
    return kept, beside


def _check_known(frozen: frozenset[str], articles: Sequence[Article]) -> None:
    unknown = sorted(frozen - {article.id for article in articles})
    if unknown:
        raise InputError(
            f"{len(unknown)} of the {len(frozen)} frozen test ids are not among the articles: "
            f"{', '.join(map(printable, unknown[:10]))}{' ...' if len(unknown) > 10 else ''}.",
            remedy="add these articles, or take their ids out of the file",
        )
