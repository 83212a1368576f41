"""What the tests of audits share: a scorer that knows its scores, and the pilot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioreview_bench import Contract
from bioreview_bench.results.records import Encoder
from bioreview_bench.validity.sheets import Question


class TableScorer:
    """Scores of (text, text of a reference) from a table; 0 for a pair that is not in it."""

    part = "-"
    encoder = Encoder(id=None, revision=None, weights_sha256=None, verified=True)

    def __init__(self, table: Mapping[tuple[str, str], float], threshold: float) -> None:
        from dataclasses import replace

        self.contract = replace(Contract.load("jaccard"), threshold=threshold)
        self.table = table

    def scores(self, questions: Sequence[Question]) -> list[Any]:
        return [
            np.array(
                [
                    [self.table.get((text, concern.text), 0.0) for concern in question.references]
                    for text in question.texts
                ]
            ).reshape(len(question.texts), len(question.references))
            for question in questions
        ]


@pytest.fixture
def table_scorer() -> Callable[..., TableScorer]:
    return TableScorer


@pytest.fixture(scope="session")
def pilot(shared: Path) -> Path:
    folder = shared / "data" / "elife_pilot"
    if not (folder / "judgements").is_dir():
        pytest.skip(f"no judged pairs in {folder}")
    return folder


@pytest.fixture(scope="session")
def pilot_vectors(minilm: None, warm_cache: Path, pilot: Path) -> dict[str, np.ndarray]:
    """Vectors of the blind reader's texts and all concerns of the pilot, encoded once, into the session's cache."""
    import json

    from bioreview_bench.scoring.backends import EncoderBackend

    rows = [json.loads(line) for line in (pilot / "judgements" / "blind_reader.jsonl").open(encoding="utf-8")]
    articles = [json.loads(line) for line in (pilot / "articles.jsonl").open(encoding="utf-8")]
    said = [row["text"] for row in rows]
    said += [concern["concern_text"] for article in articles for concern in article["concerns"]]
    texts = list(dict.fromkeys(" ".join(text.split()) for text in said))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIOREVIEW_CACHE", str(warm_cache))
        vectors = EncoderBackend(Contract.load("demo"), None, lambda done, total: None).vectors(texts)
    return dict(zip(texts, vectors, strict=True))


@pytest.fixture
def judged_demo(tmp_path: Path) -> Path:
    """Judgements of the demo reviewer `gaps` by two raters who look at words: enough to audit without an encoder."""
    import json

    from bioreview_bench import load_split, read_predictions
    from bioreview_bench.cli.inputs import predictions_path

    split = load_split("demo", "test")
    rows = []
    for article in split:
        row = read_predictions(predictions_path("demo:careful"), split).get(article.id)
        for number, concern in enumerate(row.concerns if row else ()):
            words = set(concern.text.lower().split())
            near = [
                reference.concern_id
                for reference in article.concerns
                if len(words & set(reference.text.lower().split())) >= 6
            ]
            said = {concern_id: "same" for concern_id in near[:1]}
            labels = {"ann": said, "bob": said if number % 5 else {}}
            rows.append({"article_id": article.id, "text": concern.text, "labels": labels, "written_as": "careful"})
    path = tmp_path / "judged.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
