"""From the files of a batch that has ended to rows: every article of the part gets exactly one.

Answers are read as those of single calls are. What cannot be one (a request that failed, a line for nobody, a second
line for an article) is counted and said, and never replaces an answer.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from bioreview_bench.errors import printable
from bioreview_bench.files.jsonl import parse_object
from bioreview_bench.llm.providers.failures import count
from bioreview_bench.llm.providers.openai import OpenAIReviewer
from bioreview_bench.llm.review import GiveUp, Review, TryAgain, Usage

_PLAIN = re.compile(r"[A-Za-z0-9._:/-]{1,64}")
_SHOWN = 3  # ids that a message names


def custom_id(article_id: str) -> str:
    """The name of a request: the article's id, or its hash where a provider may refuse the id (64 plain characters)."""
    if _PLAIN.fullmatch(article_id):
        return article_id
    return "sha256-" + hashlib.sha256(article_id.encode("utf-8", "surrogatepass")).hexdigest()[:56]


class BatchAnswers:
    """Reads the lines of one batch; afterwards `problems` says what was odd about them."""

    def __init__(
        self, reviewer: OpenAIReviewer, batch_id: str, articles: Mapping[str, Mapping[str, Any] | None]
    ) -> None:
        self._reviewer, self._batch_id, self._articles = reviewer, batch_id, articles
        self._named = {custom_id(article_id): article_id for article_id in articles}
        self._lines: Counter[str] = Counter()
        self._unknown: list[str] = []
        self._unreadable = 0

    def read(self, lines: Iterable[bytes]) -> Iterator[tuple[str, Review]]:
        """(article id, review) for the first line of every article that has one."""
        for line in lines:
            if not line.strip():
                continue
            try:
                row = parse_object(line.decode("utf-8"))
            except ValueError:
                self._unreadable += 1
                continue
            name = row.get("custom_id")
            article_id = self._named.get(name) if isinstance(name, str) else None
            if article_id is None:
                self._unknown.append(printable(name, 70))
                continue
            self._lines[article_id] += 1
            if self._lines[article_id] == 1:
                yield article_id, self._review(row, article_id)

    def missing(self, status: str) -> Iterator[tuple[str, Review]]:
        """(article id, an error) for every article without a line; `status` is the state in which the batch ended."""
        for article_id in self._articles:
            if not self._lines[article_id]:
                detail = f"batch {self._batch_id} ended as {printable(status)} without an answer for this article"
                yield article_id, Review(status="error", detail=detail, notes=self._notes(article_id))

    @property
    def problems(self) -> list[str]:
        """What was odd, for people."""
        twice = [article_id for article_id, n in self._lines.items() if n > 1]
        said = []
        if self._unreadable:
            said.append(f"lines of its output that are not JSON and were left out: {self._unreadable:,}")
        if self._unknown:
            said.append(f"lines for no article of it, left out: {len(self._unknown):,} ({_few(self._unknown)})")
        if twice:
            said.append(f"articles with several lines, of which the first counts: {len(twice):,} ({_few(twice)})")
        return said

    def _notes(self, article_id: str) -> dict[str, Any]:
        return {**(self._articles[article_id] or {}), "batch": self._batch_id}

    def _review(self, row: Mapping[str, Any], article_id: str) -> Review:
        notes = self._notes(article_id)
        try:
            review = self._answer(row, notes)
        except (TryAgain, GiveUp) as error:
            detail = f"{error} ({error.cure})" if error.cure else str(error)
            if isinstance(error, TryAgain) and error.review is not None:
                return replace(error.review, notes={**notes, **(error.review.notes or {})})
            usage = error.usage if isinstance(error, TryAgain) else Usage()
            return Review(status="error", detail=detail, usage=usage, notes=notes)
        if review.notes is None:
            return Review(review.concerns, review.status, review.raw_output, review.usage, review.detail, notes)
        return review

    def _answer(self, row: Mapping[str, Any], notes: Mapping[str, Any]) -> Review:
        response, error = row.get("response"), row.get("error")
        if isinstance(response, Mapping):
            status, body = count(response.get("status_code")) or 500, response.get("body")
            if status == 200 and isinstance(body, Mapping):
                return self._reviewer.read(body, notes)
            return self._reviewer.failure(status, body)
        if isinstance(error, Mapping):
            said = ": ".join(str(error[key]) for key in ("code", "message") if error.get(key))
            raise TryAgain(f"the request was not run: {self._reviewer.scrub(said or 'no reason given')}")
        raise TryAgain("its line has neither an answer nor an error")


def _few(names: list[str]) -> str:
    shown = ", ".join(printable(name, 70) for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown}, ..."
