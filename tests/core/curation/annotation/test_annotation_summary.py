"""Agreement by hand and by another library, judged pairs, what is suspicious."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from bioreview_bench.cli.main import run
from bioreview_bench.curation.annotation.agreement import TwoLabels, label_agreements
from bioreview_bench.curation.annotation.log import Answered, RaterRecord
from bioreview_bench.curation.annotation.pack import AnnotationItem, AnnotationKey, AnnotationPack, read_pack
from bioreview_bench.curation.annotation.session import RaterSession
from bioreview_bench.curation.annotation.summary import AnnotationSummary, judged_pairs, summarize
from bioreview_bench.data.folder import ALL, read_split
from bioreview_bench.data.vocabulary import CATEGORIES
from bioreview_bench.validity.judgements import read_judgements

Say = Callable[[AnnotationItem], dict[str, Any]]


def two(labels: str, article: int = 1) -> TwoLabels:
    return TwoLabels(f"a:{article}", f"a:{article}", labels[0], labels[1])


def test_agreement_by_hand() -> None:
    # Table: aa 4, ab 1, ba 2, bb 3. Raw .7; chance (5*6 + 5*4)/100 = .5, so kappa .4. Nominal alpha from the
    # coincidences: 6 of 20 differ; by chance 2*11*9/(20*19); alpha = 1 - (6/20)/(198/380).
    said = [two(labels) for labels in ["aa"] * 4 + ["ab"] + ["ba"] * 2 + ["bb"] * 3]
    found = label_agreements(said, 0, 1)
    assert (found.n, found.n_articles) == (10, 1)
    assert found.raw == pytest.approx(0.7)
    assert found.kappa == pytest.approx(0.4)
    assert found.alpha == pytest.approx(1 - (6 / 20) / (198 / 380))
    assert found.raw_interval is None  # one article is no sample


def test_kappa_and_its_interval_are_those_of_another_library_over_drawn_families() -> None:
    generator = np.random.default_rng(3)
    said = [two("".join(generator.choice(list("abc"), 2, p=(0.6, 0.3, 0.1))), n % 7) for n in range(90)]
    found = label_agreements(said, 400, 5)
    assert found.kappa == pytest.approx(cohen_kappa_score([t.first for t in said], [t.second for t in said]))
    drawn = np.random.Generator(np.random.PCG64(5)).multinomial(7, [1 / 7] * 7, size=400)
    kappas, raws = [], []
    for weights in drawn:
        part = [t for t in said for _ in range(weights[int(t.article_id[2:])])]
        kappas.append(cohen_kappa_score([t.first for t in part], [t.second for t in part]))
        raws.append(np.mean([t.first == t.second for t in part]))
    assert found.kappa_interval == pytest.approx(np.percentile(kappas, [2.5, 97.5]))
    assert found.raw_interval == pytest.approx(np.percentile(raws, [2.5, 97.5]))


def test_raters_who_say_one_thing_throughout_have_no_kappa_and_no_alpha() -> None:
    found = label_agreements([two("aa", n) for n in range(5)], 100, 1)
    assert (found.raw, found.kappa, found.alpha) == (1.0, None, None)
    assert found.raw_interval == (1.0, 1.0)
    assert found.kappa_interval is None


@pytest.fixture
def whole(create: Callable[..., Path], tmp_path: Path) -> tuple[AnnotationPack, AnnotationKey]:
    """All 16 concerns, four letters, 12 texts."""
    given = ("--concerns", "16", "--letters", "4", "--predictions", str(tmp_path / "mine.jsonl"))
    return read_pack(create(*given, "--contract", "jaccard", "--texts", "12"))


def record(pack: AnnotationPack, rater: str, say: Say, seconds: float = 60.0) -> RaterRecord:
    """A rater who answers everything, an item a minute by the server's clock."""
    answers = {}
    for minute, item in enumerate(pack.for_rater(rater)):
        answers[item.id] = Answered(say(item), seconds, f"2026-01-01T{minute // 60:02}:{minute % 60:02}:00+00:00")
    return RaterRecord(answers)


def honest(pack: AnnotationPack, step: int) -> Say:
    """Labels that vary, and differ between steps."""
    place = itertools.count(step, step)

    def say(item: AnnotationItem) -> dict[str, Any]:
        n = next(place)
        if item.kind == "concern":
            return {"fidelity": "faithful", "category": CATEGORIES[n % 4], "severity": ("major", "minor")[n % 2]}
        if item.kind == "letter":
            span = {"text": "🧬 Dear", "start": 0, "end": 6} if step == 1 else {"text": "Dear", "start": 2, "end": 6}
            return {"complete": "missing", "omissions": [span]}
        ids = [reference.concern_id for reference in pack.article(item.article_id).references]
        return {"labels": {each: ("same", "related", "different")[(n + i) % 3] for i, each in enumerate(ids)}}

    return say


def summary_of(
    whole: tuple[AnnotationPack, AnnotationKey], ann: Say, bob: Say, seconds: float = 60.0
) -> AnnotationSummary:
    pack, key = whole
    return summarize(pack, key, {"ann": record(pack, "ann", ann), "bob": record(pack, "bob", bob, seconds)}, 50)


def test_two_who_read_give_no_warning(whole: tuple[AnnotationPack, AnnotationKey]) -> None:
    found = summary_of(whole, honest(whole[0], 1), honest(whole[0], 2))
    assert found.warnings == []
    assert found.n_both == {"concern": 16, "letter": 4, "pairs": 12}
    assert found.omission_overlap == pytest.approx(2 * 4 / (6 + 4))
    assert found.raters["ann"].seconds == {"concern": 960, "letter": 240, "pairs": 720}
    assert sum(each.n_pairs for each in found.bins) == found.agreement["relation"].n == 48
    assert sum(each.n_agree for each in found.bins) == round(48 * (found.agreement["relation"].raw or 0))


def test_identical_labels_are_warned_of(whole: tuple[AnnotationPack, AnnotationKey]) -> None:
    said: dict[str, dict[str, Any]] = {}
    source = honest(whole[0], 1)

    def same(item: AnnotationItem) -> dict[str, Any]:
        return said.setdefault(item.id, source(item))

    found = summary_of(whole, same, same)
    assert [text for text in found.warnings if "identical" in text] == [
        f"The raters' {n} {what} are identical: were they made by two people, and blinded?"
        for n, what in ((16, "categories"), (16, "severities"), (48, "labels of pairs"))
    ]


def test_identical_labels_of_one_kind_and_of_a_small_pack_are_warned_of_too(
    whole: tuple[AnnotationPack, AnnotationKey],
) -> None:
    def same(item: AnnotationItem) -> dict[str, Any]:
        if item.kind == "concern":
            return {"fidelity": "faithful", "category": "other", "severity": "major"}
        if item.kind == "letter":
            return {"complete": "complete", "omissions": []}
        return {
            "labels": dict.fromkeys((one.concern_id for one in pack.article(item.article_id).references), "different")
        }

    pack, key = whole
    asked = "were they made by two people, and blinded?"
    found = summary_of(whole, same, same).warnings
    assert f"The raters' 48 labels of pairs are identical (all different): {asked}" in found
    kept = [item for item in pack.items if item.kind == "concern"][:4]
    small = pack.model_copy(update={"items": tuple(kept)})
    records = {rater: record(small, rater, same) for rater in ("ann", "bob")}
    assert f"The raters' 12 labels are identical: {asked}" in summarize(small, key, records, 0).warnings


def test_labels_that_were_there_before_are_warned_of(whole: tuple[AnnotationPack, AnnotationKey]) -> None:
    pack, key = whole
    other = honest(pack, 2)

    def filled(item: AnnotationItem) -> dict[str, Any]:
        had = key.labels.get(item.id)
        return other(item) if had is None else {"fidelity": "faithful", **had.model_dump()}

    found = summary_of(whole, filled, honest(pack, 1))
    assert [text for text in found.warnings if "had before" in text] == [
        f"All 16 {what} of ann equal those that the concerns had before: were they filled in from there?"
        for what in ("categories", "severities")
    ]
    assert found.raters["ann"].category_kappa == 1


def test_haste_is_warned_of_by_the_pages_clock_or_the_servers(whole: tuple[AnnotationPack, AnnotationKey]) -> None:
    pack, key = whole
    found = summary_of(whole, honest(pack, 1), honest(pack, 2), seconds=0.3)
    assert [text.partition(" items")[0] for text in found.warnings] == ["bob answered 28 of 32"]  # letters do not count
    bob = record(pack, "bob", honest(pack, 2))
    # The page says a minute for each; the server saw them all within one second.
    at_once = {name: Answered(each.answer, 60.0, "2026-01-01T00:00:00+00:00") for name, each in bob.answers.items()}
    long_words = pack.model_copy(
        update={
            "articles": tuple(
                article.model_copy(
                    update={
                        "references": tuple(
                            each.model_copy(update={"text": f"{each.text} {'more ' * 40}"})
                            for each in article.references
                        )
                    }
                )
                for article in pack.articles
            )
        }
    )
    records: Mapping[str, RaterRecord] = {"ann": record(pack, "ann", honest(pack, 1)), "bob": RaterRecord(at_once)}
    assert any("bob answered" in text for text in summarize(long_words, key, records, 0).warnings)


def test_judged_pairs_are_read_by_the_audit_as_they_were_said(
    whole: tuple[AnnotationPack, AnnotationKey], data: Path, tmp_path: Path
) -> None:
    pack, _ = whole
    records = {"ann": record(pack, "ann", honest(pack, 1)), "bob": record(pack, "bob", honest(pack, 2))}
    left_open = next(item.id for item in pack.items if item.kind == "pairs")
    del records["bob"].answers[left_open]
    rows = judged_pairs(pack, records, "mine")
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    read = read_judgements([path], read_split(data, ALL))
    assert len(read.texts) == 11  # a text that only ann judged is left out
    assert read.raters == ["ann", "bob"]
    items = {(item.article_id, item.text): item for item in pack.items if item.kind == "pairs"}
    for judged in read.texts:
        item = items[judged.article_id, judged.text]
        for rater, labels in judged.labels.items():
            said = records[rater].answers[item.id].answer["labels"]
            levels = {"same": 2, "related": 1}
            assert dict(labels) == {each: levels[label] for each, label in said.items() if label in levels}


@pytest.mark.usefixtures("minilm", "warm")
def test_pairs_drawn_by_reader_are_audited_under_reader(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, pairs = tmp_path / "pack", tmp_path / "pairs.jsonl"
    given = ["--predictions", "demo:careful", "--contract", "reader", "--texts", "16", "--quiet"]
    assert run(["data", "annotate", "create", "demo", "-o", str(folder), *given]) == 0
    pack, key = read_pack(folder)
    for rater, same in zip(pack.raters, (0.45, 0.6), strict=True):
        session = RaterSession(folder, rater, pack, key)
        while (item := session.state()["item"]) is not None:
            labels = {
                each: "same" if value > same else "different" for each, value in key.similarities[item["id"]].items()
            }
            session.answer(item["id"], {"labels": labels}, 60)
    assert run(["data", "annotate", "summarize", str(folder), "-o", str(pairs), "--format", "json"]) == 0
    capsys.readouterr()
    assert run(["contract", "audit", "reader", "--judgements", str(pairs), "--data", "demo", "--format", "json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["measured_on"]["judgements"][0]["n_texts"] == 16
    assert card["agreement"]["raters"] == ["rater-a", "rater-b"]


def test_what_only_one_has_answered_is_shown_and_not_compared(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "annotate", "summarize", str(pack)]) == 2  # nobody has begun
    read, key = read_pack(pack)
    session = RaterSession(pack, "ann", read, key)
    answer = {"fidelity": "wrong", "note": "Not there."}
    session.answer(session.state()["item"]["id"], answer, 5)
    capsys.readouterr()
    assert run(["data", "annotate", "summarize", str(pack), "--draws", "10"]) == 0
    shown = capsys.readouterr().out
    assert "Nothing was answered by both yet." in shown
    assert "1 of 6" in shown
    pairs = pack.parent / "pairs.jsonl"
    assert run(["data", "annotate", "summarize", str(pack), "-o", str(pairs)]) == 2
    assert not pairs.exists()
