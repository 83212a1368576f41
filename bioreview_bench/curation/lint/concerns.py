"""Rules about the concerns of one article that the reader accepts."""

from __future__ import annotations

from collections.abc import Iterator

from bioreview_bench.curation.lint.ids import check_concern_id, reviewer_of
from bioreview_bench.curation.lint.rules import LintFinding
from bioreview_bench.curation.lint.texts import check_text
from bioreview_bench.data.article import Article, Concern
from bioreview_bench.errors import printable

_TAKEN = ("conceded", "partial", "rebutted")  # stances that a response must have shown
_FEWEST_WORDS = 4


def check_concerns(article: Article) -> Iterator[LintFinding]:
    """What the rules find in the concerns, in their order, and in all of them together."""
    if not article.reviewed:
        yield LintFinding("concerns-missing", "concerns", "no concerns: the article cannot be scored")
        return
    if not article.concerns:
        yield LintFinding("concerns-empty", "concerns", "an empty list: every prediction on the article is wrong")
    yield from _unlabelled(article)
    first: dict[str, int] = {}
    for number, concern in enumerate(article.concerns):
        place = f"concerns[{number}]"
        yield from check_concern_id(concern.concern_id, article.id, article.source, f"{place}.concern_id")
        earlier = first.setdefault(concern.text.casefold(), number)
        if earlier != number:
            yield LintFinding("concern-duplicate", f"{place}.concern_text", f"the text of concerns[{earlier}] again")
        if len(concern.text.split()) < _FEWEST_WORDS:
            yield LintFinding("concern-thin", f"{place}.concern_text", f'"{printable(concern.text, 60)}"')
        yield from _reviewer(concern, place)
        yield from _stance(concern, article, place)
        yield from _derived(concern, place)
        yield from check_text(f"{place}.concern_text", concern.concern_text)
        yield from check_text(f"{place}.author_response_text", concern.author_response_text or "")


def _unlabelled(article: Article) -> Iterator[LintFinding]:
    for label in ("category", "severity"):
        n = sum(getattr(concern, label) is None for concern in article.concerns)
        if n:
            yield LintFinding("concerns-unlabelled", "concerns", f"{n} of {len(article.concerns)} without {label}")


def _reviewer(concern: Concern, place: str) -> Iterator[LintFinding]:
    number, named = concern.reviewer_num, reviewer_of(concern.concern_id)
    if number is not None and number < 1:
        yield LintFinding("reviewer-num", f"{place}.reviewer_num", f"{printable(number, 40)} is below 1")
    elif number is not None and named is not None and number != named:
        yield LintFinding("reviewer-num", f"{place}.reviewer_num", f"{printable(number, 40)}, and {named} in the id")


def _stance(concern: Concern, article: Article, place: str) -> Iterator[LintFinding]:
    """A stance shows in a response: that to the concern, or else that to the reviews."""
    own = bool((concern.author_response_text or "").strip())
    whole = bool((article.author_response_raw or "").strip())
    answered = own or whole or bool(article.has_author_response and article.author_response_raw is None)
    stance = concern.author_stance
    if stance in _TAKEN and not answered:
        yield LintFinding(
            "stance-without-response", f"{place}.author_stance", f"{stance}, and no response of the authors"
        )
    if stance == "no_response" and own:
        yield LintFinding(
            "response-without-stance", f"{place}.author_stance", "no_response, and author_response_text has one"
        )
    if concern.evidence_of_change and (stance == "no_response" or not answered):
        yield LintFinding(
            "change-without-response", f"{place}.evidence_of_change", "true, and the authors did not respond"
        )


def _derived(concern: Concern, place: str) -> Iterator[LintFinding]:
    stored = concern.model_extra or {}
    valid = concern.author_stance in ("conceded", "partial") and concern.evidence_of_change is not False
    for name, derived in (("resolution", concern.author_stance), ("was_valid", valid)):
        if name not in stored:
            continue
        rule = "derived-stored" if stored[name] in (derived, None) else "derived-differs"
        follows = f"{name} follows from author_stance" + (" and evidence_of_change" if name == "was_valid" else "")
        differs = f", which give {derived}" if rule == "derived-differs" else ""
        yield LintFinding(rule, f"{place}.{name}", f"{printable(stored[name], 40)} is stored; {follows}{differs}")
