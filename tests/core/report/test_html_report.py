"""The HTML report: what it says, what it must not say, and that a hostile text stays a text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import Contract, Result, load_result, read_predictions, score
from bioreview_bench.data.predictions import Predictions, as_predictions
from bioreview_bench.data.split import Split
from bioreview_bench.errors import InputError
from bioreview_bench.report.html import render
from bioreview_bench.results.legacy import HistoricResult
from bioreview_bench.results.records import ResultRecord, SweepPoint, System
from bioreview_bench.results.result import pairs_path

DEMO = Contract.load("demo")
ATTACK = '</script><script>window.hacked=1</script><img src=x onerror="window.hacked=1"><!-- &amp;'
CONTROL = "a bell \x07, an escape \x1b[31m, a separator \u2028 and a turn \u202e of direction"
EMBEDDED = re.compile(r'<script type="application/json" id="report-data">(.*?)</script>', re.DOTALL)


class Page(HTMLParser):
    """What a reader of the page gets: its words, and every element with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._inside: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag in ("script", "style"):
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def text_of(html: str) -> str:
    return Page(html).text


def data_of(html: str) -> dict[str, Any]:
    found = EMBEDDED.findall(html)
    assert len(found) == 1
    value: dict[str, Any] = json.loads(found[0])
    return value


def changed(result: Result, **update: Any) -> Result:
    """The result with another record, and the same table and pairs."""
    record = result.record.model_copy(update=update)
    return Result(record, result.counts, result.pairs.to_dict("records"), result.other_article_histogram)


def test_the_numbers_of_the_record_stand_on_the_page(result: Result) -> None:
    page = text_of(render(result))
    overall, record = result.record.overall, result.record
    assert overall.f1 == pytest.approx(2 * 3 / (8 + 6))
    for path, value in (("overall.f1", 0.429), ("overall.recall", 0.375), ("overall.precision", 0.5)):
        low, high = record.intervals[path] or (0, 0)
        assert f"{value:.3f} 95% CI [{low:.3f}, {high:.3f}]" in page
    assert "3 of 8 references found" in page
    assert "3 of 6 predictions matched a reference" in page
    assert "Coverage: 4 articles, 1 not answered" in page
    assert "1 of 4 articles were not answered (1 missing)" in page
    assert "Example 2 contract custom · local, split test, 4 articles Scores" in page
    assert "local, split test, 4 articles (not a released split)" in page
    assert record.signature in page.replace("| ", "|")
    for name, version in record.provenance.libraries.items():
        assert f"{name} {version}" in page


def test_undefined_figures_are_dashes(split: Split, hash_encoder: Any) -> None:
    page = text_of(render(score(split, {}, DEMO, hash_encoder, draws=50)))
    assert "Precision – no 95% CI 0 of 0 predictions matched a reference" in page
    assert not re.search(r"\b(nan|None)\b", page)


def test_a_saturated_result_says_so_right_below_the_scores(
    make_article: Callable[..., Any], table_encoder: Callable[..., Any]
) -> None:
    articles = [make_article(f"elife:{number}", ["a concern "]) for number in range(3)]
    alike = table_encoder({"one for all": [1.0], "a concern": [1.0]})
    found = score(articles, {article.id: ["one for all"] for article in articles}, DEMO, alike, draws=0)
    page = text_of(render(found))
    assert page.index("Scores F1 1.000") < page.index("SATURATED: 100.0%") < page.index("Controls:")
    assert "Skill saturated no 95% CI" in page


def test_contract_data_and_signature_are_folded_below_the_scores(result: Result) -> None:
    html = render(result)
    folded = html[html.index('<details class="about">') : html.index("</details>")]
    assert html.index('class="cards"') < html.index(folded)
    assert text_of(folded).startswith("Contract, data, encoder and signature Contract custom, threshold 0.4 Data local")
    assert "Post-processing none" in text_of(folded)
    assert 'id="signature"' in folded


def test_the_browser_gets_similarity_and_margin(
    make_article: Callable[..., Any], table_encoder: Callable[..., Any]
) -> None:
    vectors = {
        "reference A": [1.0, 0.0, 0.0],
        "reference B": [0.0, 1.0, 0.0],
        "nearer to A": [0.8, 0.6, 0.0],
        "nearly A": [0.96, 0.28, 0.0],
        "nowhere at all": [0.0, 0.0, 1.0],
    }
    article = make_article("elife:1", ["reference A", "reference B"])
    written = {"elife:1": ["nearer to A", "nearly A", "nowhere at all"]}
    contract = replace(DEMO, threshold=0.5)
    found = data_of(render(score([article], written, contract, table_encoder(vectors), draws=0)))
    [row] = found["articles"]
    assert row[:8] == ["elife:1", "elife", "scored", 2, 3, 2, 0, ""]
    # Most pairs first: A goes to "nearly A", so "nearer to A" gets B, behind its runner-up A by 0.2.
    references, predictions = row[8:]
    assert references == [["R1C1", 0, 0, 1, 960, 1, 960, 1], ["R1C2", 0, 0, 0, 600, 0, 600, 1]]
    assert predictions == [
        [None, None, None, 1, 600, -200, 0, 0, 800, 1],
        [None, None, None, 0, 960, 680, 1, 0, 960, 1],
        [None, None, None, None, None, None, None, 0, 0, 0],
    ]


def test_texts_come_with_predictions_and_split(result: Result, predictions: Predictions, split: Split) -> None:
    found = data_of(render(result, predictions, split))
    assert found["texts"] is True
    first = found["articles"][0]
    assert first[7] == "Private title 0"
    assert [reference[-1] for reference in first[8]] == ["first secret 0", "second secret 0"]
    assert [prediction[-1] for prediction in first[9]] == ["first secret 0", "written by the machine"]


def test_what_is_missing_is_named_with_what_to_type(result: Result) -> None:
    page = text_of(render(result))
    assert "not in this result; evaluate with --sweep" in page
    assert "No prediction states a confidence" in page
    assert "bench report R.result.json --predictions F --data FOLDER --split test" in page
    assert "What to type: bench evaluate PREDICTIONS --sweep -o R.result.json" in page
    # What could not be drawn is named once, below, and has no empty place of its own.
    assert page.index("Not in this report") < page.index("not in this result; evaluate with --sweep")
    assert page.count("Reliability of stated confidence") == 1
    assert "Gate of the predecessor board" not in page


def test_a_sweep_is_drawn_with_the_contracts_threshold(result: Result) -> None:
    points = [
        SweepPoint(threshold=t, f1=1 - t, null_f1=0.1, echo_f1=t, skill=None if t < 0.3 else 0.5)
        for t in (0.2, 0.4, 0.6)
    ]
    html = render(changed(result, sweep=points))
    assert "evaluate with --sweep" not in html
    assert "Lines over 3 thresholds" in html
    assert html.count(">threshold 0.4</text>") == 4  # two charts, each for a desktop and for a phone
    assert "Scores by threshold threshold F1 null F1 echo F1 skill 0.2 0.800 0.100 0.200 – " in text_of(html)
    assert html.count('class="curve s2"') == 3  # echo, twice drawn and once in the legend
    assert html.count("<title>threshold 0.4\nF1 0.600\nnull F1 0.100\necho F1 0.400\nskill 0.500</title>") == 2


@pytest.mark.parametrize("content", [None, b"no parquet"])
def test_without_the_pairs_file_what_needs_it_is_named(result: Result, tmp_path: Path, content: bytes | None) -> None:
    path = result.save(tmp_path / "r.result.json")
    pairs_path(path).unlink()
    if content is not None:
        pairs_path(path).write_bytes(content)
    loaded = load_result(path)
    html = render(loaded)
    page = text_of(html)
    assert page.count("pairs file of this result was not found next to it, or is not a pairs file") == 1
    assert "evaluate again with -o" in page
    assert str(tmp_path) not in html  # a report is handed around; a folder's name is nobody's business
    assert 'id="outcome"' not in html
    assert data_of(html)["articles"][0] == ["elife:0", "elife", "scored", 2, 2, 1, 0, ""]


def test_the_pairs_of_another_result_are_refused(
    result: Result, split: Split, hash_encoder: Any, tmp_path: Path
) -> None:
    path = result.save(tmp_path / "r.result.json")
    other = score(split, {"elife:0": ["only this"]}, DEMO, hash_encoder, draws=0).save(tmp_path / "other.result.json")
    pairs_path(path).write_bytes(pairs_path(other).read_bytes())
    with pytest.raises(InputError, match="belongs to another one"):
        render(load_result(path))


def test_a_historic_record_is_refused() -> None:
    with pytest.raises(InputError, match="no articles, pairs or controls"):
        render(HistoricResult({}))


def test_a_result_without_threshold_is_refused(result: Result) -> None:
    with pytest.raises(InputError, match="no name or no threshold"):
        render(changed(result, contract={"name": "demo", "threshold": "high"}))


@pytest.mark.parametrize("says", ["record", "split"])
def test_texts_of_a_held_out_split_are_nowhere(
    result: Result, predictions: Predictions, split: Split, says: str
) -> None:
    if says == "record":
        result = changed(result, data=result.record.data.model_copy(update={"held_out": True}))
    else:
        split = replace(split, held_out=True)
    html = render(result, predictions, split)
    assert "Texts are left out: the split is held out" in text_of(html)
    for word in ("secret", "machine</", "written by the machine", "Private title"):
        assert word not in html
    found = data_of(html)
    assert found["texts"] is False
    assert found["articles"][0][8][0][0] == "R1C1"
    assert found["articles"][0][9][0][4] == 1000  # similarities stay


def test_predictions_of_another_file_are_refused(
    result: Result, split: Split, write_jsonl: Callable[..., Path]
) -> None:
    other = read_predictions(write_jsonl([{"article_id": "elife:0", "concerns": ["other"]}], "other.jsonl"), split)
    with pytest.raises(InputError, match="is not what this result scored"):
        render(result, other, split)


def test_articles_of_other_data_are_refused(
    result: Result, predictions: Predictions, make_article: Callable[..., Any]
) -> None:
    with pytest.raises(InputError, match="are not those of this result"):
        render(result, predictions, Split.of([make_article("elife:0", ["another text"])]))
    with pytest.raises(InputError, match="are not those of this result"):
        render(result, None, Split.of([make_article("elife:0", ["another text"])]))


def test_predictions_from_no_file_are_checked_text_by_text(split: Split, hash_encoder: Any) -> None:
    written = as_predictions({"elife:0": ["one thing"], "elife:1": ["another"]}, split)
    found = score(split, written, DEMO, hash_encoder, draws=0)
    assert "one thing" in render(found, written, split)
    with pytest.raises(InputError, match="Prediction 1 of elife:1 is not the text"):
        render(found, as_predictions({"elife:0": ["one thing"], "elife:1": ["forged"]}, split), split)


@pytest.fixture
def hostile(make_article: Callable[..., Any], hash_encoder: Any) -> tuple[Result, Predictions, Split]:
    split = Split.of(
        [make_article("elife:1", [ATTACK, CONTROL], title=ATTACK), make_article("elife:2", ["a harmless text"])]
    )
    written = as_predictions({"elife:1": [ATTACK, CONTROL]}, split)
    system = System(name=ATTACK + "\x1b", version=ATTACK, postprocessing=ATTACK)
    return score(split, written, DEMO, hash_encoder, draws=0, system=system), written, split


def test_a_text_cannot_leave_its_element(hostile: tuple[Result, Predictions, Split]) -> None:
    html = render(*hostile)
    assert html.count("<script") == 2
    assert html.count("</script") == 2
    assert "<img" not in html
    [embedded] = EMBEDDED.findall(html)
    assert not set(embedded) & set("<>&\u2028\u2029")
    page = Page(html)
    assert not [name for name, _ in page.elements if name in ("img", "iframe", "object", "embed", "base")]
    assert not [key for _, attributes in page.elements for key in attributes if key.startswith("on")]
    # All the same it is shown whole.
    assert data_of(html)["articles"][0][9][0][-1] == " ".join(ATTACK.split())
    assert ATTACK in page.text


def test_control_characters_are_shown_and_do_not_act(hostile: tuple[Result, Predictions, Split]) -> None:
    html = render(*hostile)
    assert not set(html) & {chr(code) for code in (*range(9), *range(11, 32), *range(0x7F, 0xA0), 0x202E, 0x2028)}
    text = data_of(html)["articles"][0][9][1][-1]
    assert text == "a bell \\x07, an escape \\x1b[31m, a separator and a turn \\u202e of direction"


def test_a_strangers_result_file_does_not_act_either(result: Result) -> None:
    value = result.to_dict()
    value["data"] |= {"name": ATTACK, "split": ATTACK}
    value["contract"]["name"] = value["signature"] = value["provenance"]["device"] = ATTACK
    for section in ("per_category", "per_severity", "per_source"):
        value[section] = dict(zip([ATTACK], value[section].values(), strict=False))
    value["label_agreement"]["category"]["confusion"] = {ATTACK: {ATTACK: 3}}
    rows = [{**row, "id": ATTACK + row["id"], "source": ATTACK, "status": ATTACK} for row in value["articles"]]
    value["articles"] = rows
    counts = type(result.counts).from_rows(rows)
    html = render(Result(ResultRecord.model_validate(value), counts))
    assert html.count("<script") == 2
    assert "<img" not in html
    assert ATTACK in text_of(html)


def test_every_chart_is_described(result: Result) -> None:
    elements = Page(render(result)).elements
    charts = [given for name, given in elements if name == "svg" and "chart" in (given.get("class") or "").split()]
    ids = [given["id"] for _, given in elements if "id" in given]
    assert len(ids) == len(set(ids))
    assert len(charts) == 8  # two sizes of similarity, lengths, categories, severities; one source needs no chart
    for given in charts:
        assert given["role"] == "img"
        assert {given["aria-labelledby"], given["aria-describedby"]} <= set(ids)


def test_the_policy_allows_this_script_and_nothing_from_elsewhere(result: Result) -> None:
    html = render(result)
    metas = [given for name, given in Page(html).elements if name == "meta"]
    assert metas[1]["http-equiv"] == "Content-Security-Policy"
    policy = dict(part.split(" ", 1) for part in (metas[1]["content"] or "").split("; "))
    script = re.search(r"<script>(.*?)</script>", html, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert policy == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "script-src": f"'unsafe-inline' 'sha256-{digest}'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_nothing_is_fetched(result: Result, predictions: Predictions, split: Split) -> None:
    html = render(result, predictions, split)
    assert "http://" not in html
    assert "https://" not in html
    assert "@import" not in html
    assert "url(" not in html
    for _, attributes in Page(html).elements:
        for key in ("src", "href", "action", "srcset"):
            assert (attributes.get(key) or "#").startswith(("#", "data:"))


def test_scripts_build_text_only() -> None:
    folder = resources.files("bioreview_bench.report.html").joinpath("assets")
    scripts = [path.read_text() for path in Path(str(folder)).rglob("*.js")]
    assert len(scripts) == 15
    for source in scripts:
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(", source)
        assert "</script" not in source


def test_the_same_inputs_give_the_same_bytes(
    result: Result, predictions: Predictions, split: Split, tmp_path: Path
) -> None:
    loaded = load_result(result.save(tmp_path / "r.result.json"))
    once = render(result, predictions, split)
    assert render(result, predictions, split) == once
    assert render(loaded, predictions, split) == once
