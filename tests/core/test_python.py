"""The package from Python: one line to a score, a result that prints itself, and the examples of README.md."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import bioreview_bench
from bioreview_bench import BenchError, Contract, Result, load_split, read_predictions, score
from bioreview_bench.cli.main import run
from bioreview_bench.data.load import predictions_path

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.fixture
def predictions(write_jsonl: Callable[..., Path]) -> Path:
    """Every reference of the first four demo articles, word for word."""
    articles = load_split("demo", "test").articles[:4]
    rows = [{"article_id": one.id, "concerns": [concern.text for concern in one.concerns]} for one in articles]
    return write_jsonl(rows, "predictions.jsonl")


def test_one_line_scores_a_file_as_the_parts_do(predictions: Path) -> None:
    articles = load_split("demo", "test")
    parts = score(articles, read_predictions(predictions, articles), Contract.load("jaccard"), draws=50)
    for source in (str(predictions), predictions):
        short = score(source, data="demo", contract="jaccard", draws=50)
        assert short.signature == parts.signature
        assert short.record.overall == parts.record.overall
        assert short.record.intervals == parts.record.intervals
        assert short.record.validity == parts.record.validity
        assert short.record.provenance.predictions_sha256 == parts.record.provenance.predictions_sha256


def test_data_and_contracts_are_named_or_given_by_path(predictions: Path, tmp_path: Path) -> None:
    mine = Contract.load("jaccard")
    mine.save(tmp_path / "mine.toml")
    folder = Path(predictions_path("demo:careful")).parents[1]
    given = ("jaccard", mine, tmp_path / "mine.toml", str(tmp_path / "mine.toml"))
    found = [score(predictions, data=folder, contract=contract, draws=0) for contract in given]
    counted = [one for article in load_split("demo", "test").articles[:4] for one in article.concerns if not one.figure]
    assert {result.recall for result in found} == {len(counted) / 64}
    said = {"elife:900301": ["One concern."]}
    assert score(said, data="demo", contract="jaccard", draws=0).record.overall.n_pred == 1
    assert score(predictions=predictions, data="demo", contract="jaccard", draws=0).f1 is not None


def test_other_splits_are_named() -> None:
    assert score({}, data="demo", split="val", contract="jaccard", draws=0).record.data.split == "val"


def test_the_card_beside_a_contract_named_by_path_is_found(predictions: Path, tmp_path: Path) -> None:
    from bioreview_bench.results.validity import load_card

    card = load_card("jaccard")
    assert card is not None
    Contract.load("jaccard").save(tmp_path / "mine.toml")
    card.save(tmp_path / "mine.card.json")
    found = score(predictions, data="demo", contract=tmp_path / "mine.toml", draws=0).record.validity
    assert found is not None
    assert found.n_matched == 6


@pytest.mark.parametrize(
    "arguments",
    [
        ((), {}),
        (("predictions.jsonl",), {}),
        ((), {"data": "demo"}),
        ((load_split("demo", "test"), {}), {"data": "demo"}),
        (("demo", "predictions.jsonl"), {}),
        (({}, {}), {}),
    ],
)
def test_what_is_missing_or_twice_is_named_with_what_to_type(arguments: tuple[Any, Any]) -> None:
    given, named = arguments
    with pytest.raises(BenchError, match=r'score\("predictions.jsonl", data="demo"\)'):
        score(*given, **named)


def test_a_bundled_file_implies_its_data_and_the_default_is_that_of_the_command(
    minilm: None, warm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = score("demo:careful", draws=100)
    assert result.record.contract["name"] == "reader"
    assert result.f1
    assert run(["evaluate", "demo:careful", "--data", "demo", "--draws", "100", "--quiet"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert str(result).splitlines()[:-1] == shown[:-1]  # all but what to type next


def test_figures_are_properties(predictions: Path) -> None:
    result = score(predictions, data="demo", contract="jaccard", draws=0)
    overall, controls = result.record.overall, result.record.controls
    assert (result.f1, result.recall, result.precision) == (overall.f1, overall.recall, overall.precision)
    assert result.skill == controls.skill
    assert repr(result) == f"<Result: predictions on demo/test, F1 {overall.f1:.3f}>"
    assert len(str(result).splitlines()) <= 12


def test_tables_have_the_figures_of_the_record_and_the_bounds_of_their_intervals(predictions: Path) -> None:
    result = score(predictions, data="demo", contract="jaccard", draws=50, sweep=True)
    record = result.record
    for by in ("category", "severity", "source"):
        parts, table = getattr(record, f"per_{by}"), result.table(by)
        assert (table.index.name, list(table.index)) == (by, list(parts))
        for name, part in parts.items():
            assert table.loc[name, "recall"] == pytest.approx(part.recall, nan_ok=True)
            assert table.loc[name, "n_ref"] == part.n_ref
            low, high = record.intervals.get(f"per_{by}.{name}.recall") or (None, None)
            assert low is None or tuple(table.loc[name, ["recall_low", "recall_high"]]) == (low, high)
        assert {str(kind) for kind in table.dtypes} == {"int64", "float64"}
    assert result.table("source").loc["elife", "null_f1"] == record.per_source["elife"].controls.null_f1
    assert len(result.table("threshold")) == len(record.sweep)


@pytest.mark.parametrize(
    ("by", "said"), [("journal", "category, severity, source, threshold"), ("threshold", "sweep=True")]
)
def test_a_table_that_is_not_there_is_named(predictions: Path, by: str, said: str) -> None:
    with pytest.raises(BenchError, match=said):
        score(predictions, data="demo", contract="jaccard", draws=0).table(by)


def test_a_result_without_predictions_or_references_prints_and_has_tables(make_article: Callable[..., Any]) -> None:
    for articles in ([make_article("elife:1", ["A concern."])], [make_article("elife:1", [])]):
        result = score(articles, {}, "jaccard", draws=10)
        assert "undefined" in str(result)
        assert len(str(result).splitlines()) <= 12
        assert "None" not in str(result)
        assert "nan" not in result._repr_html_()
        result.table("category")
    assert "F1 undefined" in repr(result)


class Tags(HTMLParser):
    """The tags of a page and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_notebook_shows_the_verdict_and_no_markup_from_files(predictions: Path) -> None:
    result = score(predictions, data="demo", contract="jaccard", draws=0)
    hostile = "<script>alert(1)</script><img src=x onerror=y>&\x1b[31m"
    system = result.record.system.model_copy(update={"name": hostile[:40], "version": hostile[20:]})
    parts = {hostile: next(iter(result.record.per_category.values()))}
    contract = {**result.record.contract, "name": "<b>x</b>"}
    record = result.record.model_copy(update={"system": system, "per_category": parts, "contract": contract})
    page = Tags(Result(record, result.counts)._repr_html_())
    assert set(page.tags) <= {"div", "table", "tr", "th", "td", "details", "summary", "thead", "tbody"}
    assert "<script>alert(1)</script>" in page.text
    assert "<b>x</b>" in page.text
    assert "\x1b" not in page.text
    assert f"{result.f1:.3f}" in Tags(result._repr_html_()).text


def test_dir_lists_the_public_names_and_loads_none_of_them() -> None:
    assert dir(bioreview_bench) == sorted(bioreview_bench.__all__)
    for name in bioreview_bench.__all__:
        assert getattr(bioreview_bench, name) is not None
    listed = (
        "import sys, bioreview_bench; dir(bioreview_bench); "
        "print(sorted(name for name in sys.modules if name.startswith(('bioreview_bench.', 'numpy', 'pydantic'))))"
    )
    done = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_examples_of_the_readme_run_and_print_what_they_say(
    minilm: None, warm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 2
    shown = io.StringIO()
    with redirect_stdout(shown):
        exec("\n".join(blocks), {})
    promised = [
        line.partition("#")[2].split() for line in "\n".join(blocks).splitlines() if re.search(r"# [\d. ]+$", line)
    ]
    printed = [
        [f"{float(value):.3f}" for value in line.split()] for line in shown.getvalue().splitlines() if _figures(line)
    ]
    assert printed == promised
    assert len(promised) == 2
    assert all(float(value) > 0 for line in promised for value in line)
    assert (tmp_path / "mine.result.json").is_file()


def _figures(line: str) -> bool:
    return re.fullmatch(r"[\d. ]+", line) is not None
