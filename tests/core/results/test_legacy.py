"""Yesterday's results load for ever: records of the predecessors, and our own first result file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import Result, load_result
from bioreview_bench.errors import InputError
from bioreview_bench.results.legacy import HistoricResult

HISTORIC = Path(__file__).parent / "historic"


def load_historic(path: Path) -> tuple[dict[str, Any], dict[str, Any], HistoricResult]:
    """The record as published, as we give it, and the loaded object."""
    found = load_result(path)
    assert isinstance(found, HistoricResult)
    return json.loads(path.read_text()), found.to_dict(), found


def test_published_records_are_reported_with_their_own_figures(shared: Path) -> None:
    paths = sorted((shared / "data" / "published").glob("v[34]/*_test_v[34].json"))
    assert len(paths) == 12
    for path in paths:
        published, given, found = load_historic(path)
        assert found.reported
        assert (found.label, given["label"], given["signature"]) == ("reported", "reported", None)
        overall = given["overall"]
        assert overall["f1"] == published["f1_micro"]
        assert overall["recall"] == published["recall_overall"]
        assert overall["n_matched"] == published["matching_stats"]["n_matched_pairs"]
        assert overall["f1"] == pytest.approx(
            2 * overall["n_matched"] / (overall["n_ref"] + overall["n_pred"]), abs=1e-6
        )
        # Their soft scores follow another definition, so they do not go by our names.
        assert overall["legacy_soft_f1"] == published["soft_f1"]
        assert not {name for name in overall if name.startswith("soft_")}
        assert published["f1_macro"] == 0
        assert overall["f1_macro"] is None
        assert {(row["f1_macro"], row["aucpr"]) for row in given["per_category"].values()} == {(None, None)}
        assert {name: row["f1"] for name, row in given["per_category"].items()} == {
            name: row["f1_micro"] for name, row in published["per_category"].items()
        }


@pytest.mark.parametrize("name", ["example_test_v3.json", "example_test_v4.json"])
def test_records_of_the_predecessors_load_for_ever(name: str) -> None:
    _, given, found = load_historic(HISTORIC / name)
    assert found.reported
    assert given["system"]["name"] == "Example reviewer"
    overall = given["overall"]
    assert (overall["recall"], overall["precision"], overall["f1"]) == (0.6, 0.75, pytest.approx(2 / 3))
    assert (overall["n_ref"], overall["n_pred"], overall["n_matched"]) == (20, 16, 12)
    assert (overall["f1_macro"], overall["legacy_soft_f1"]) == (None, 0.66)
    assert given["coverage"] == {"n_articles": 4, "excluded_figure": 3}
    assert given["intervals"]["overall.recall"] == (0.5, 0.7)
    assert given["per_category"]["design_flaw"]["f1"] == 0.75
    assert given["per_category"]["design_flaw"]["aucpr"] is None
    assert given["controls"] is None


def test_a_computed_macro_f1_is_kept(tmp_path: Path) -> None:
    record = json.loads((HISTORIC / "example_test_v4.json").read_text())
    path = tmp_path / "computed.json"
    path.write_text(json.dumps({**record, "f1_macro": 0.4}))
    assert load_historic(path)[1]["overall"]["f1_macro"] == 0.4


def test_reported_records_are_read_only(tmp_path: Path) -> None:
    found = load_result(HISTORIC / "example_test_v3.json")
    with pytest.raises(InputError, match="read-only"):
        found.save(tmp_path / "mine.result.json")
    assert list(tmp_path.iterdir()) == []
    found.to_dict()["label"] = "scored"
    assert found.to_dict()["label"] == "reported"


def test_records_without_their_figures_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.json"
    path.write_text(json.dumps({"tool_name": "x", "f1_micro": 0.5, "split": "test"}))
    with pytest.raises(InputError, match="lacks recall_overall, precision_overall, n_articles"):
        load_result(path)


def test_our_first_result_file_loads_for_ever() -> None:
    # Written once by `score` on two small articles with an encoder under which only equal texts match; it is never
    # written again. When this fails, what reads result files has to change, not the file.
    found = load_result(HISTORIC / "result_v1.result.json")
    assert isinstance(found, Result)
    record = found.record
    assert record.schema_version == "1"
    assert record.signature.startswith("bioreview|spec:1|data:local/-#")
    # Three references, four predictions, two matches.
    assert (record.overall.n_ref, record.overall.n_pred, record.overall.n_matched) == (3, 4, 2)
    assert record.overall.f1 == pytest.approx(4 / 7)
    assert record.controls.skill == pytest.approx(2 / 3)
    assert record.provenance.git.commit is None
    assert found.articles["n_matched"].tolist() == [1, 1]
    matched = found.pairs[(found.pairs["kind"] == "prediction") & found.pairs["concern_id"].notna()]
    assert matched["concern_id"].tolist() == ["elife:1:R1C2", "elife:2:R1C1"]
    assert found.other_article_histogram.sum() == 6
