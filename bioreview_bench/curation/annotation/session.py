"""One rater at work: the item to answer next, the answer under way, taking back the last answer, the end.

Every call saves before it returns. Nothing here knows of the other rater.
"""

from __future__ import annotations

import json
from pathlib import Path
from threading import Lock
from typing import Any

from bioreview_bench.curation.annotation.answers import check_answer, seconds_of
from bioreview_bench.curation.annotation.log import ANSWER, FINISH, UNDO, AnswerLog
from bioreview_bench.curation.annotation.pack import KINDS, AnnotationItem, AnnotationKey, AnnotationPack
from bioreview_bench.errors import InputError
from bioreview_bench.files.atomic import write_files
from bioreview_bench.files.reading import find_json

State = dict[str, Any]


class StaleItemError(Exception):
    """The item was answered meanwhile, in another window."""


class RaterSession:
    """What a rater may see and do. Raises InputError for a log that was tampered with, WriteError."""

    def __init__(self, folder: Path, rater: str, pack: AnnotationPack, key: AnnotationKey) -> None:
        self.rater = rater
        self._items = pack.for_rater(rater)
        self._articles = {article.id: article for article in pack.articles}
        self._lock = Lock()
        self._log = AnswerLog(folder, rater, pack, key)
        self._draft_path = folder / f"draft-{rater}.json"
        self._drafts = find_json(self._draft_path, InputError, f"rm {self._draft_path}") or {}

    @property
    def n_torn(self) -> int:
        """Bytes of an unfinished last line that opening the log dropped."""
        return self._log.n_torn

    def state(self) -> State:
        """Everything that the page shows now."""
        with self._lock:
            return self._state()

    def answer(self, item_id: object, given: object, seconds: object) -> State:
        """Store an answer to the current item, which locks the one before.

        Raises ValueError for an answer that is incomplete, StaleItemError, WriteError.
        """
        with self._lock:
            item = self._current(item_id)
            answer = check_answer(given, item, self._articles[item.article_id])
            self._log.append(ANSWER, item.id, answer, seconds_of(seconds))
            self._drafts.pop(item.id, None)
            return self._state()

    def undo(self, item_id: object) -> State:
        """Take the last answer back; it stays in the log. Raises StaleItemError when it is locked, WriteError."""
        with self._lock:
            record = self._log.record
            if record.last is None or item_id != record.last:
                raise StaleItemError
            answered = record.answers[record.last]
            self._log.append(UNDO, record.last)
            self._save_draft(str(item_id), dict(answered.answer), answered.seconds)
            return self._state()

    def draft(self, item_id: object, given: object, seconds: object) -> None:
        """Keep an answer under way. Raises ValueError, StaleItemError, WriteError."""
        with self._lock:
            item = self._current(item_id)
            if not isinstance(given, dict):
                raise ValueError("the answer must be an object")
            self._save_draft(item.id, given, seconds_of(seconds))

    def finish(self) -> State:
        """Lock the last answer too. Raises StaleItemError while items are open, WriteError."""
        with self._lock:
            if self._open() is not None:
                raise StaleItemError
            if not self._log.record.finished:
                self._log.append(FINISH)
            return self._state()

    def _save_draft(self, item_id: str, given: State, seconds: float) -> None:
        """By item: that of the open item stays while the answer before it is taken back and given again."""
        drafts = {**self._drafts, item_id: {"answer": given, "seconds": seconds}}
        write_files({self._draft_path: json.dumps(drafts).encode()})
        self._drafts = drafts

    def _open(self) -> AnnotationItem | None:
        return next((item for item in self._items if item.id not in self._log.record.answers), None)

    def _current(self, item_id: object) -> AnnotationItem:
        item = self._open()
        if item is None or item.id != item_id:
            raise StaleItemError
        return item

    def _state(self) -> State:
        record, item = self._log.record, self._open()
        done = {kind: [0, 0] for kind in KINDS}
        for each in self._items:
            done[each.kind][0] += each.id in record.answers
            done[each.kind][1] += 1
        return {
            "rater": self.rater,
            "n_done": len(record.answers),
            "n_items": len(self._items),
            "parts": [{"kind": kind, "n_done": n, "n_items": total} for kind, (n, total) in done.items() if total],
            "last": record.last,
            "finished": record.finished,
            "receipt": record.receipt,
            "item": None if item is None else self._shown(item),
        }

    def _shown(self, item: AnnotationItem) -> State:
        """The item as its rater sees it: in a pair nothing says which reference it was drawn for."""
        article = self._articles[item.article_id]
        references = [reference.model_dump() for reference in article.references]
        draft = self._drafts.get(item.id, {})
        return {
            "id": item.id,
            "kind": item.kind,
            "title": article.title,
            "abstract": article.abstract,
            "letter": article.letter if item.kind != "pairs" else "",
            "references": [each for each in references if item.concern_id in (None, each["concern_id"])],
            "text": item.text,
            "draft": draft.get("answer"),
            "seconds": draft.get("seconds", 0),
        }
