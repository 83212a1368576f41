"""Question files: the tables, the division, and that the same input gives the same bytes."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import DataError, InputError
from bioreview_bench.training.qa.items.build import build, divide, prove_disjoint
from bioreview_bench.training.qa.items.facts import kmp_items, load_facts
from bioreview_bench.training.qa.items.given import contamination, read_pairs, read_sft
from bioreview_bench.training.qa.items.gsea import gsea_items, read_findings
from bioreview_bench.training.qa.prompt import closed, content, question_key
from bioreview_bench.training.qa.statements import stated_confidence

HEADER = "pathway,tissue,mission,NES,padj\n"


def test_the_bundled_tables_are_those_of_the_source(shared: Path) -> None:
    source = json.loads((shared / "data" / "kmp" / "ground_truth.json").read_text())
    facts = load_facts()
    spelt = {"baseline": "none", "in_HU": "HU", "in_IR": "IR", "in_HU_IR": "HU+IR", "HU_IR": "HU+IR"}

    def named(table: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {
            tissue.lower(): {spelt.get(key, key).replace("_x_", " x "): value for key, value in held.items()}
            for tissue, held in table.items()
        }

    assert facts.stressor == named(source["stressor_effects"])
    assert facts.kmp == named(source["kmp_effects"])
    assert facts.interaction == named(source["interactions"])
    types = {tissue.lower(): text for tissue, text in source["tissue_types"].items()}
    assert {tissue: f"Type {letter} ({facts.type_name[letter]})" for tissue, letter in facts.type.items()} == types
    for tissue, held in source["oxphos_patterns"].items():
        own = facts.oxphos[tissue.lower()]
        assert (own["stress"], own["kmp"]) == (held["stress_NES"], held["KMP_NES"])
        assert own["pattern"].lower() == held["pattern"].lower()


def test_every_kind_of_item_is_made_once_and_answers_are_in_the_tables() -> None:
    items = kmp_items()
    assert len({question_key(item.question) for item in items}) == len(items)
    assert set(Counter(item.type for item in items)) == {
        "factual", "direction", "interaction", "chain_of_thought", "multi_hop", "comparison", "calibration",
        "error_correction",
    }  # fmt: skip
    by_question = {item.question: item for item in items}
    item = by_question["How many DEGs has the KMP × HU interaction in soleus?"]
    assert (item.truth["expected"], item.tissues) == ("8,484", ("soleus",))
    item = by_question["What is the KMP response type of the tissue in which IR causes most DEGs?"]
    assert (item.truth["expected"], item.truth["facts"]) == ("type b", ["hippocampus"])
    item = by_question["Which responds more to ionizing radiation: heart or liver?"]
    assert (item.truth["expected"], item.truth["facts"]) == ("liver", ["33", "1,273"])


def test_claims_to_be_corrected_are_wrong() -> None:
    for item in kmp_items():
        if item.type == "error_correction":
            right, wrong = item.truth["expected"], item.truth["alternatives"]
            assert [other for other in wrong if other != right], item
            claim = item.question.casefold()
            assert not any(question_key(right) == word for word in question_key(claim).split()), item


@pytest.mark.parametrize("held_out", [(), ("hippocampus",), ("Heart", "liver")])
def test_nothing_of_a_held_out_tissue_is_trained_on(held_out: tuple[str, ...]) -> None:
    facts = load_facts()
    train, evaluation = divide(kmp_items(), held_out)
    assert not {question_key(item.question) for item in train} & {question_key(item.question) for item in evaluation}
    assert len(train) + len(evaluation) == len(kmp_items())
    for name in held_out:
        for item in train:
            assert name.lower() not in f"{item.question} {item.answer}".lower()
            counts = [str(n) for table in (facts.stressor, facts.kmp) for n in table[name.lower()].values() if n > 1000]
            said = item.question + item.answer  # 4,110 stands in the tables of two tissues
            assert not any(n in said.replace(",", "") for n in counts if n != "4110"), item
    learnt = {item.fact for item in train}
    if not held_out:
        assert {item.fact for item in evaluation} <= learnt  # asked again in other words


def test_an_unknown_tissue_is_refused() -> None:
    with pytest.raises(InputError, match="No item has the tissue eye"):
        divide(kmp_items(), ["eye"])


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_order() -> None:
    one, again, other = build(seed=1, drill=2), build(seed=1, drill=2), build(seed=2, drill=2)
    assert one.files == again.files
    assert one.files["train.jsonl"] != other.files["train.jsonl"]
    assert sorted(one.files["train.jsonl"].splitlines()) == sorted(other.files["train.jsonl"].splitlines())
    assert one.files["eval.jsonl"] == other.files["eval.jsonl"]


def test_drilled_facts_are_repeated_in_supervised_rows_only() -> None:
    plain, drilled = build(seed=1), build(seed=1, drill=3)
    for name in ("grpo.jsonl", "eval.jsonl"):
        assert plain.files[name] == drilled.files[name]
    asked = Counter(json.loads(line)["question"] for line in drilled.files["train.jsonl"].splitlines())
    train, _ = divide(kmp_items(), ())
    val = {json.loads(line)["question"] for line in drilled.files["val.jsonl"].splitlines()}
    assert asked == {item.question: 4 if item.key_fact else 1 for item in train if item.question not in val}
    ids = [json.loads(line)["id"] for line in drilled.files["train.jsonl"].splitlines()]
    assert len(set(ids)) == len(ids)
    assert any(item.fact == "kmp/heart/none" and item.key_fact for item in train)  # hardest of the published questions


def test_supervised_training_grpo_and_evaluation_ask_in_the_same_words() -> None:
    files = build(seed=1).files
    for line in files["train.jsonl"].splitlines():
        row = json.loads(line)
        assert row["messages"][0] == {"role": "user", "content": content(row["question"])}
        assert row["messages"][1] == {"role": "assistant", "content": row["answer"]}
    for line in files["grpo.jsonl"].splitlines():
        row = json.loads(line)
        assert row["prompt"] == [{"role": "user", "content": content(row["question"])}]
        assert {"truth", "verifiers", "type", "tissue", "answer"} <= set(row)


def test_questions_are_the_same_whatever_their_signs() -> None:
    with pytest.raises(DataError, match="1 questions are in training and in evaluation"):
        prove_disjoint(["What is the KMP×HU effect (8,484)?"], ["what is the  KMP x HU effect (8484)"])
    prove_disjoint(["What is it in heart?"], ["What is it in liver?"])


def test_questions_kept_out_leave_every_file_that_is_trained_on(shared: Path) -> None:
    kmp = shared / "data" / "kmp"
    given, n_duplicates = read_sft(kmp / "kmp_sft_final.json")
    assert (len(given), n_duplicates) == (267, 96)
    questions = [
        row["question"]
        for row in json.loads((kmp / "comparison_results.json").read_text())["detailed_results"]["Phi-2"]
    ]
    built = build(seed=1, sft=given, pairs=read_pairs(kmp / "kmp_dpo_preferences.json"), keep_out=questions)
    apart = set(map(question_key, questions))
    for name in ("train.jsonl", "grpo.jsonl", "pairs.jsonl"):
        held = [json.loads(line)["question"] for line in built.files[name].splitlines()]
        assert held
        assert not apart & set(map(question_key, held)), name


def test_questions_of_training_validation_and_evaluation_are_apart(shared: Path) -> None:
    given, _ = read_sft(shared / "data" / "kmp" / "kmp_sft_final.json")
    files = build(seed=1, drill=2, sft=given).files
    keys = {
        name: {question_key(json.loads(line)["question"]) for line in files[f"{name}.jsonl"].splitlines()}
        for name in ("train", "val", "eval", "grpo")
    }
    n_items = len({*keys["grpo"]})
    assert len(keys["val"]) == n_items // 20 > 0
    for one, other in (("train", "val"), ("train", "eval"), ("val", "eval"), ("grpo", "eval")):
        assert not keys[one] & keys[other], (one, other)
    assert keys["val"] < keys["grpo"]


def test_rows_without_the_confidence_that_the_prompt_demands_are_completed_or_not_used(shared: Path) -> None:
    kmp = shared / "data" / "kmp"
    given, pairs = read_sft(kmp / "kmp_sft_final.json")[0], read_pairs(kmp / "kmp_dpo_preferences.json")
    line = re.compile(r"\nConfidence: \d{1,3}%$")
    chosen = [row["chosen"] for row in json.loads((kmp / "kmp_dpo_preferences.json").read_text())]
    assert (len(chosen), sum(bool(line.search(text)) for text in chosen)) == (61, 0)
    completed = build(seed=1, sft=given, pairs=pairs)
    assert completed.manifest["confidence"]["completed"]["pairs"] == 61
    for text in completed.files["pairs.jsonl"].splitlines():
        row = json.loads(text)
        assert all(line.search(row[key][0]["content"]) for key in ("chosen", "rejected"))
    for name in ("train", "val", "eval"):
        for text in completed.files[f"{name}.jsonl"].splitlines():
            row = json.loads(text)
            assert line.search(row["answer"])
            assert row["messages"][-1]["content"] == row["answer"]
    dropped = build(seed=1, sft=given, pairs=pairs, unstated=None).manifest
    states = [row for row in given if stated_confidence(row.row["answer"]) is not None]
    both = [
        pair for pair in pairs
        if all(stated_confidence(pair.row[key][0]["content"]) is not None for key in ("chosen", "rejected"))
    ]  # fmt: skip
    assert dropped["confidence"]["left_out"] == {"given": len(given) - len(states), "pairs": 61 - len(both)}
    assert len(both) == 1  # which says in words how sure it is


@pytest.mark.parametrize(
    ("answer", "percent", "wanted"),
    [
        ("It is 5.", 90, "It is 5.\nConfidence: 90%"),
        ("It is 5. \n", 0, "It is 5.\nConfidence: 0%"),
        ("It is 5.\nConfidence: 70%", 90, "It is 5.\nConfidence: 70%"),
        ("It is 5, and I am 60% sure.", 90, "It is 5, and I am 60% sure.\nConfidence: 60%"),
        ("Confidence: 70% of mice.\nSo it is 5.", None, "Confidence: 70% of mice.\nSo it is 5.\nConfidence: 70%"),
        ("It is 5.", None, None),
    ],
)
def test_an_answer_is_closed_by_what_it_states_or_what_is_given(
    answer: str, percent: int | None, wanted: str | None
) -> None:
    assert closed(answer, percent) == wanted


def test_pairs_keep_their_texts(shared: Path) -> None:
    path = shared / "data" / "kmp" / "kmp_dpo_preferences.json"
    pairs, given = read_pairs(path), json.loads(path.read_text())
    assert len(pairs) == len(given) == 61
    for pair, row in zip(pairs, given, strict=True):
        assert pair.row["chosen"] == [{"role": "assistant", "content": row["chosen"]}]
        assert pair.row["rejected"] == [{"role": "assistant", "content": row["rejected"]}]
        assert pair.row["prompt"][0]["content"] == content(pair.question)
        assert row["prompt"] == f"### Instruction:\n{pair.question}\n\n### Response:\n"


def test_contamination_of_the_published_questions_is_counted(shared: Path) -> None:
    kmp = shared / "data" / "kmp"
    rows = json.loads((kmp / "comparison_results.json").read_text())["detailed_results"]["Phi-2"]
    found = contamination([row["question"] for row in rows], kmp / "kmp_sft_final.json")
    assert (found.n_verbatim, found.n_questions, found.n_duplicates, found.n_rows) == (9, 20, 96, 363)
    assert "9 of the 20 questions are word for word" in found.sentence
    assert "96 of the 363 rows" in found.sentence


def gsea(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "fgsea.csv"
    path.write_text(HEADER + text)
    return path


def test_a_direction_needs_two_missions_that_agree(tmp_path: Path) -> None:
    path = gsea(
        tmp_path,
        "HALLMARK_ADIPOGENESIS,Eye,RR-1,-1.5,0.01\n"
        "HALLMARK_ADIPOGENESIS,eye,RR-3,-2.0,0.04\n"
        "HALLMARK_ADIPOGENESIS,thymus,RR-1,1.5,0.01\n"
        "HALLMARK_ADIPOGENESIS,thymus,RR-3,1.8,0.001\n"
        "HALLMARK_MYOGENESIS,eye,RR-1,-1.5,0.01\n"
        "HALLMARK_MYOGENESIS,eye,RR-3,2.0,0.01\n"
        "HALLMARK_HYPOXIA,eye,RR-1,-1.5,0.01\n"
        "HALLMARK_HYPOXIA,eye,RR-3,-1.5,0.05\n"  # not below 0.05
        "HALLMARK_GLYCOLYSIS,eye,RR-1,-1.5,0.9\n",
    )
    items = [item for item in gsea_items(read_findings(path)) if item.wording == 0]
    assert [(item.type, item.tissues) for item in items] == [
        ("direction", ("eye",)),
        ("direction", ("thymus",)),
        ("uncertainty", ("eye",)),
        ("comparison", ("eye", "thymus")),
    ]
    eye, thymus, mixed, compared = items
    assert (eye.truth["direction"], thymus.truth["direction"]) == ("down", "up")
    assert eye.truth["scores"] == [-1.5, -2.0]
    assert mixed.truth["behaviour"] == "context_dependent"
    assert compared.truth["directions"] == {"eye": "down", "thymus": "up"}
    assert compared.truth["consistent"] == "different"
    train, evaluation = divide(items, ["eye"])
    assert [item.tissues for item in train] == [("thymus",)]
    assert len(evaluation) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A,eye,RR-1,up,0.01\n", 'line 2: NES is "up", not a number'),
        ("A,eye,RR-1,nan,0.01\n", "line 2: NES is not finite"),
        ("A,eye,RR-1,1,1.5\n", "line 2: padj is 1.5, not from 0 to 1"),
        (",eye,RR-1,1,0.5\n", "line 2: pathway is blank"),
        ("A,eye,RR-1,1,0.5\nA,eye,RR-1,1,0.5\n", "a second row of A, eye, RR-1"),
        ("A,eye\n", "line 2: mission is blank"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_with_its_lines(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=r"cannot be used|a second row") as caught:
        read_findings(gsea(tmp_path, text))
    assert said in str(caught.value)


def test_a_table_may_be_tabbed_and_one_that_gives_no_question_is_refused(tmp_path: Path) -> None:
    rows = "A,eye,RR-1,1.5,0.01\nA,eye,RR-3,1.2,0.02\n"
    path = tmp_path / "fgsea.tsv"
    path.write_text((HEADER + rows).replace(",", "\t"))
    assert read_findings(path) == read_findings(gsea(tmp_path, rows))
    with pytest.raises(InputError, match=r"gives no question: no pathway has padj < 0\.05 in 2 missions .*\(2 rows, 1"):
        read_findings(gsea(tmp_path, "A,eye,RR-1,1.5,0.01\nA,eye,RR-3,1.2,0.2\n"))


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("pathway,tissue\nA,eye\n")
    with pytest.raises(InputError, match=r"lacks the columns mission, NES, padj \(it has: pathway, tissue\)"):
        read_findings(path)


def test_the_command_writes_what_its_manifest_says(bench: Callable[..., Any], tmp_path: Path, shared: Path) -> None:
    kmp = shared / "data" / "kmp"
    arguments = [
        "--drill",
        2,
        "--hold-out",
        "liver",
        "--pairs",
        kmp / "kmp_dpo_preferences.json",
        "--sft",
        kmp / "kmp_sft_final.json",
    ]
    done = bench("train", "qa-data", "-o", tmp_path / "one", *arguments)
    assert done.code == 0
    assert "96 exact duplicates" in done.out
    assert "share no question" in done.out
    assert "61 pairs" in done.out
    manifest = json.loads((tmp_path / "one" / "manifest.json").read_text())
    for name, facts in manifest["files"].items():
        content_ = (tmp_path / "one" / name).read_bytes()
        assert hashlib.sha256(content_).hexdigest() == facts["sha256"]
        assert len(content_.splitlines()) == facts["rows"]
    for name in ("train.jsonl", "grpo.jsonl", "pairs.jsonl"):
        text = (tmp_path / "one" / name).read_text().replace("\\n", " ")
        assert not re.search(r"\bliver\b", text, re.IGNORECASE), name
    assert bench("train", "qa-data", "-o", tmp_path / "two", *arguments).code == 0
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_the_command_refuses_an_unknown_tissue_and_writes_nothing(bench: Callable[..., Any], tmp_path: Path) -> None:
    done = bench("train", "qa-data", "-o", tmp_path / "out", "--hold-out", "eye")
    assert done.code == 2
    assert "the tissues are heart, hippocampus, liver, soleus" in done.err
    assert not (tmp_path / "out").exists()
