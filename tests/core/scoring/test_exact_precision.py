"""exact-bf16 gives what float32 gives: on the pilot, and on 200 made-up cases whose every text is near a decision."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioreview_bench import Contract, load_split, read_predictions, score
from bioreview_bench.cli.main import run
from bioreview_bench.errors import EncoderError, InputError
from bioreview_bench.scoring.low_precision.bounds import Assigned, Counted, questions
from bioreview_bench.scoring.low_precision.exact import ExactBackend, MixedSpace
from bioreview_bench.scoring.matching import assign, max_matches
from bioreview_bench.scoring.spaces import CosineSpace
from bioreview_bench.scoring.tally import count_matches, count_matches_at, tally
from bioreview_bench.scoring.texts import TextPool, cases

pytestmark = pytest.mark.usefixtures("one_thread")


def quiet(done: int, total: int) -> None:
    """No progress."""


@pytest.mark.parametrize(("name", "threshold"), [("close_reader", 0.40), ("paraphrase", 0.73)])
def test_the_pilot_scores_to_the_last_digit_as_in_float32(
    minilm: None, warm: Path, shared: Path, name: str, threshold: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pilot = shared / "data" / "elife_pilot"
    split = load_split(pilot, "all")
    predictions = read_predictions(pilot / "predictions" / f"{name}.jsonl", split)
    contract = replace(Contract.load("demo"), threshold=threshold)
    plain = score(split, predictions, contract, draws=0, sweep=True)
    monkeypatch.setenv("BIOREVIEW_CACHE", str(tmp_path / "own"))
    backend = ExactBackend(contract, None, quiet)
    exact = score(split, predictions, contract, draws=0, sweep=True, backend=backend)
    wanted, found = ({**result.to_dict(), "provenance": None} for result in (plain, exact))
    assert differences(wanted, found) == []
    for column in ("concern_id", "index", "kind", "article_id"):
        assert exact.pairs[column].astype(str).tolist() == plain.pairs[column].astype(str).tolist()
    assert exact.record.provenance.device == "cpu (exact-bf16)"


def differences(wanted: Any, found: Any, path: str = "") -> list[str]:
    """Paths at which two results differ: counts at all, other numbers by more than a millionth."""
    if isinstance(wanted, dict):
        assert wanted.keys() == found.keys()
        return [line for key in wanted for line in differences(wanted[key], found[key], f"{path}.{key}")]
    if isinstance(wanted, list):
        assert len(wanted) == len(found)
        both = zip(wanted, found, strict=True)
        return [line for place, (one, two) in enumerate(both) for line in differences(one, two, f"{path}[{place}]")]
    if isinstance(wanted, float) and isinstance(found, float):
        return [] if abs(wanted - found) < 1e-6 else [f"{path}: {wanted} {found}"]
    return [] if wanted == found else [f"{path}: {wanted} {found}"]


class Pair:
    """Stands for a backend: exact vectors of texts by their number."""

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors = vectors
        self.asked: list[int] = []

    def vectors(self, texts: list[str]) -> np.ndarray:
        """Rows of the texts asked for."""
        self.asked += [int(text) for text in texts]
        return self._vectors[[int(text) for text in texts]]


def unit(rows: np.ndarray) -> np.ndarray:
    found: np.ndarray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return found


@pytest.mark.parametrize("seed", range(200))
def test_made_up_cases_are_settled_as_in_float32(seed: int, make_article: Callable[..., Any]) -> None:
    # Few dimensions and a common direction: similarities crowd around the threshold, and each other.
    rng = np.random.default_rng(seed)
    dimensions, noise = int(rng.integers(3, 24)), float(rng.choice([1e-4, 1e-3, 5e-3]))
    labels = ["design_flaw", "interpretation", "other"]
    articles, predicted = [], {}
    counter = itertools.count()
    for number in range(int(rng.integers(2, 6))):
        concerns = [
            {"concern_text": f"reference {next(counter)}", "category": str(rng.choice(labels))}
            for _ in range(rng.integers(0, 9))
        ]
        articles.append(make_article(f"elife:{number}", concerns))
        predicted[f"elife:{number}"] = [f"prediction {next(counter)}" for _ in range(rng.integers(0, 9))]
    contract = Contract("mine", "e", round(float(rng.uniform(0.2, 0.8)), 2), max_length=8)
    from bioreview_bench.data.predictions import as_predictions

    pool = TextPool()
    case_list = cases(articles, as_predictions(predicted, articles), contract, pool)
    written = [
        [pool.add([f"control {number} {position}" for number in range(3)]) for position in range(len(case_list))]
    ]
    base = rng.standard_normal(dimensions)
    exact = unit(base + rng.uniform(0.3, 1.2) * rng.standard_normal((len(pool.texts), dimensions)))
    if len(exact) > 3:
        exact[1] = exact[0]  # texts that tie
    rough = unit(exact + noise * rng.standard_normal(exact.shape) / np.sqrt(dimensions))
    backend = Pair(exact)
    names = [str(place) for place in range(len(exact))]
    space = MixedSpace(backend, names, rough.copy(), np.zeros(len(exact), bool), lambda vectors: None)  # type: ignore[arg-type]
    # The sample measures the margin; here it is known, and the sample may not be most of the texts.
    true = exact @ exact.T
    bound = max(np.abs(rough @ rough.T - true).max(), np.abs(rough @ exact.T - true).max()) * 1.01 + 1e-6
    space._measure = lambda: setattr(space, "margin", float(bound)) or setattr(space, "_panel", exact[:1])  # type: ignore[method-assign]
    sweep = [0.3, 0.5, contract.threshold, 0.7]
    space.settle(questions(case_list, contract, sweep, written))
    plain = CosineSpace(exact, None)
    wanted, found = (tally(case_list, one, contract.threshold, pool.texts) for one in (plain, space))
    for name, column in wanted.columns.items():
        np.testing.assert_allclose(found.columns[name], column, rtol=0, atol=1e-6 if name == "similarity" else 0)
    assert [pair["concern_id"] for pair in found.pairs] == [pair["concern_id"] for pair in wanted.pairs]
    from bioreview_bench.scoring.other_article import other_article

    theirs, ours = (other_article(case_list, one, contract, sweep) for one in (plain, space))
    np.testing.assert_array_equal(ours.matched, theirs.matched)
    np.testing.assert_array_equal(ours.sweep_matched, theirs.sweep_matched)
    texts = [case.prediction_texts for case in case_list]
    both = [count_matches_at(case_list, texts, one, sweep) for one in (plain, space)]
    np.testing.assert_array_equal(both[1], both[0])
    both = [count_matches(case_list, written[0], one, contract.threshold) for one in (plain, space)]
    np.testing.assert_array_equal(both[1], both[0])
    assert len(set(backend.asked)) == len(backend.asked), "no text is encoded twice"


def box(similarity: np.ndarray, margin: np.ndarray) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """A look at one matrix, whatever is asked."""
    return lambda rows, columns, article_id: (similarity, margin)


def all_of(n: int, start: int = 0) -> np.ndarray:
    return np.arange(start, start + n, dtype=np.intp)


@pytest.mark.parametrize("seed", range(60))
def test_what_is_called_certain_is_the_same_at_a_thousand_points_of_the_box(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    similarity = rng.uniform(0.2, 0.8, (rows, columns))
    margin = rng.choice([0.0, 0.01, 0.05], (rows, columns))
    references = tuple(rng.choice(["a", "b"], columns).tolist())
    pairs = answer(similarity, references)
    for pair in pairs[0]:
        margin[pair] = 0  # matched pairs are made exact in any case, for their similarity's sake
    assigned = Assigned("x", all_of(rows), all_of(columns, 10), 0.5, references)
    counted = Counted("x", (all_of(rows),), all_of(columns, 10), (0.5,))
    settled = not assigned.doubtful(box(similarity, margin))
    number, certain = max_matches(similarity >= 0.5), not counted.doubtful(box(similarity, margin))
    others = set()
    for _ in range(1000):
        corner = similarity + margin * rng.choice([-1, 1, 0], similarity.shape) * rng.uniform(0.9, 1, similarity.shape)
        others |= {str(answer(corner, references))} - {str(pairs)}
        assert not certain or max_matches(corner >= 0.5) == number
    assert not (settled and others)
    assert settled or others or margin.any(), "with no margin there is no doubt"


def answer(similarity: np.ndarray, labels: tuple[str, ...]) -> tuple[set[tuple[int, int]], list[str]]:
    """The matched pairs, and under which label each unmatched prediction is counted."""
    pairs = {(int(row), int(column)) for row, column in zip(*assign(similarity, 0.5), strict=True)}
    free = sorted(set(range(len(similarity))) - {row for row, _ in pairs})
    return pairs, [labels[int(similarity[row].argmax())] for row in free]


def test_ties_of_exact_pairs_are_broken_by_exact_matrices() -> None:
    # scipy's choice among the best assignments depends on pairs that are in none of them.
    similarity = np.array([[0.7, 0.7, 0.7], [0.7, 0.2, 0.8]])
    margin = np.array([[0, 0, 0.05], [0.05, 0.05, 0]])
    assert answer(similarity, ("a",) * 3)[0] != answer(similarity + margin, ("a",) * 3)[0]
    tied = Assigned("x", all_of(2), all_of(3, 10), 0.5, ("a",) * 3)
    assert tied.doubtful(box(similarity, margin)) == {0, 1, 10, 11, 12}


def test_a_text_said_twice_is_matched_by_exact_matrices() -> None:
    row = [0.658, 0.519, 0.337, 0.277, 0.531]
    others = "0.574 0.278 0.209 0.404 0.402, 0.591 0.348 0.734 0.276 0.264, 0.77 0.436 0.652 0.205 0.756"
    rest = [[float(value) for value in other.split()] for other in others.split(",")]
    similarity, margin = np.array([row, row, *rest]), np.zeros((5, 5))
    margin[2] = 0.04
    rng, references = np.random.default_rng(0), ("a",) * 5
    points = (similarity + margin * rng.uniform(-1, 1, margin.shape) for _ in range(100))
    assert {str(answer(point, references)) for point in points} > {str(answer(similarity, references))}
    said_twice = Assigned("x", np.array([0, 0, 1, 2, 3]), all_of(5, 10), 0.5, references)
    assert said_twice.doubtful(box(similarity, margin)) == {1, 10, 11, 12, 13, 14}


def test_what_cannot_change_anything_is_left_alone() -> None:
    # One pair far above the threshold, all others far below: no text is in doubt but for the matched similarity.
    similarity = np.array([[0.9, 0.1], [0.1, 0.2]])
    counted = Counted("x", (all_of(2),), all_of(2, 10), (0.5,))
    assert counted.doubtful(box(similarity, np.full((2, 2), 0.05))) == set()
    assigned = Assigned("x", all_of(2), all_of(2, 10), 0.5, ("a", "a"))
    assert assigned.doubtful(box(similarity, np.full((2, 2), 0.05))) == {0, 10}


def test_pairs_near_the_threshold_are_named() -> None:
    similarity = np.array([[0.49, 0.1], [0.1, 0.2]])
    counted = Counted("x", (all_of(2),), all_of(2, 10), (0.5,))
    assert counted.doubtful(box(similarity, np.full((2, 2), 0.05))) == {0, 10}


def test_an_error_beyond_the_margin_ends_the_run() -> None:
    rng = np.random.default_rng(0)
    exact = unit(rng.standard_normal((600, 16)))
    rough = unit(exact + 1e-3 * rng.standard_normal(exact.shape))
    rough[500:] = unit(rng.standard_normal((100, 16)))  # the sample is of the others
    names = [str(place) for place in range(600)]
    backend = Pair(exact)
    space = MixedSpace(backend, names, rough, np.zeros(600, bool), lambda vectors: None)  # type: ignore[arg-type]
    measured = space._measure

    def on_good_texts() -> None:
        space.exact[500:] = True
        measured()
        space.exact[500:] = False

    space._measure = on_good_texts  # type: ignore[method-assign]
    case = Counted("x", (all_of(1, 510),), all_of(1, 20), (float(rough[510] @ rough[20]),))
    with pytest.raises(EncoderError, match=r"off by .* and .* was the margin"):
        space.settle([case])


def test_topic_transforms_and_other_dtypes_are_refused(minilm: None) -> None:
    with pytest.raises(InputError, match="spares nothing under topic-20"):
        ExactBackend(Contract.load("demo-topic"), None, quiet)
    with pytest.raises(InputError, match="asks for bf16"):
        ExactBackend(replace(Contract.load("demo"), dtype="bf16"), None, quiet)


def test_bf16_is_another_contract_and_exact_bf16_is_not(
    minilm: None, warm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import json

    shown = {}
    for precision in ("fp32", "bf16", "exact-bf16"):
        command = ["evaluate", "demo:careful", "--data", "demo", "--contract", "demo", "--draws", "0", "--quiet"]
        assert run([*command, "--format", "json", "--precision", precision]) == 0
        shown[precision] = json.loads(capsys.readouterr().out)
    assert "|dtype:fp32|" in shown["fp32"]["signature"]
    assert shown["exact-bf16"]["signature"] == shown["fp32"]["signature"]
    assert shown["exact-bf16"]["overall"] == shown["fp32"]["overall"]
    assert shown["bf16"]["signature"] == shown["fp32"]["signature"].replace("dtype:fp32", "dtype:bf16")
    assert shown["bf16"]["contract"]["name"] == "custom"
    assert run(["evaluate", "demo:careful", "--data", "demo", "--contract", "jaccard", "--precision", "bf16"]) == 2
