"""Linting: every rule finds what it is about, a sound article has no findings, and no input is too large or strange."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from bioreview_bench.cli.main import run
from bioreview_bench.curation.lint.ids import check_source
from bioreview_bench.curation.lint.rules import LEVELS, RULES
from bioreview_bench.curation.lint.run import LintReport, lint
from bioreview_bench.data.folder import read_articles
from bioreview_bench.errors import DataError

TEXT = "The cohort has no untreated control group at all."
SOUND: dict[str, Any] = {
    "id": "elife:84798",
    "source": "elife",
    "doi": "10.7554/eLife.84798",
    "title": "A paper about cells – with an en dash, α and ﬁ",
    "abstract": "We counted cells, naïvely: 37 °C, p < 0.05 & n > 3. " * 4,
    "subjects": ["Cell Biology"],
    "published_date": "2023-02-28",
    "license": "http://creativecommons.org/licenses/by/4.0/",
    "has_author_response": True,
    "paper_text_sections": {"Methods": "List<String> of a<b; C:\\data; {1\u2062…\u2062N}; R&D; Âge; «À»."},
    "author_response_raw": "We agree with all that was said.",
    "schema_version": "1.1",
    "concerns": [
        {
            "concern_id": "elife:84798:R2C1",
            "concern_text": TEXT,
            "category": "design_flaw",
            "severity": "major",
            "reviewer_num": 2,
            "author_stance": "conceded",
            "author_response_text": "We agree.",
            "evidence_of_change": True,
        }
    ],
}


def with_concern(**fields: Any) -> dict[str, Any]:
    return {"concerns": [{**SOUND["concerns"][0], **fields}]}


def with_two(**second: Any) -> dict[str, Any]:
    other = {**SOUND["concerns"][0], "concern_id": "elife:84798:R2C2", "concern_text": "Another point is made here."}
    return {"concerns": [SOUND["concerns"][0], {**other, **second}]}


UNANSWERED = {"has_author_response": False, "author_response_raw": None}
# By rule: what is changed in the sound article, and the field of the finding.
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("field", {"title": 5}, "title"),
    ("field", {"source": "My Journal"}, "source"),
    ("field", {"review_format": "open"}, "review_format"),
    ("field", with_concern(resolution_confidence=2), "concerns[0].resolution_confidence"),
    ("field", with_concern(concern_id=""), "concerns[0].concern_id"),
    ("unknown-field", {"h_index": 3}, "h_index"),
    ("unknown-field", with_concern(h_index=3), "concerns[0].h_index"),
    ("field-name", {"publish_date": "2023"}, "publish_date"),
    ("id-characters", {"id": "elife:84798\u200b"}, "id"),
    ("id-characters", {"id": "elife:8 4798"}, "id"),
    ("id-characters", {"id": "zoo:" + "1" * 300, "source": "zoo"}, "id"),
    ("id-path", {"id": "elife:../../etc/passwd"}, "id"),
    ("id-path", {"id": "/etc/passwd", "source": "zoo"}, "id"),
    ("id-path", {"id": "zoo:a\\b", "source": "zoo"}, "id"),
    ("id-path", {"id": "C:/Windows", "source": "zoo"}, "id"),
    ("id-path", {"id": "zoo:/etc", "source": "zoo"}, "id"),
    ("id-form", {"id": "elife:e84798"}, "id"),
    ("id-form", {"id": "plos:pcbi.1012918", "source": "plos"}, "id"),
    ("id-form", {"id": "nature:s41467-024-51946", "source": "nature"}, "id"),
    ("id-prefix", {"id": "84798", "source": "zoo"}, "id"),
    ("id-slash", {"id": "f1000:10.12688/f1000research.1.2", "source": "f1000"}, "id"),
    ("source-name", {"id": "elifes:1", "source": "elifes"}, "source"),
    ("source-name", {"id": "plos-one:1", "source": "plos-one"}, "source"),
    ("doi-form", {"doi": "https://doi.org/10.7554/eLife.84798"}, "doi"),
    ("doi-form", {"doi": "10.7554"}, "doi"),
    ("doi-form", {"doi": "10.7554/eLife.84798 "}, "doi"),
    ("doi-source", {"doi": "10.1371/journal.pcbi.1"}, "doi"),
    ("doi-id", {"doi": "10.7554/eLife.84799"}, "doi"),
    ("doi-id", {"doi": "10.7554/eLife.8479"}, "doi"),
    ("doi-missing", {"doi": None}, "doi"),
    ("title-missing", {"title": " "}, "title"),
    ("title-length", {"title": "Cells"}, "title"),
    ("abstract-missing", {"abstract": ""}, "abstract"),
    ("abstract-length", {"abstract": "short"}, "abstract"),
    ("sections-missing", {"paper_text_sections": {}}, "paper_text_sections"),
    ("sections-missing", {"paper_text_sections": {"Acknowledgements": "Thanks."}}, "paper_text_sections"),
    ("section-empty", {"paper_text_sections": {"A": "text", "B": " "}}, "paper_text_sections.B"),
    ("section-withheld", {"paper_text_sections": {"A": "t", "Funding": "us"}}, "paper_text_sections.Funding"),
    ("date-form", {"published_date": "28.02.2023"}, "published_date"),
    ("date-impossible", {"published_date": "2023-02-29"}, "published_date"),
    ("date-impossible", {"published_date": "2023-13"}, "published_date"),
    ("date-impossible", {"published_date": "0000-01-01"}, "published_date"),
    ("date-impossible", {"published_date": "1066-10-14"}, "published_date"),
    ("date-future", {"published_date": "2999-01-01"}, "published_date"),
    ("licence-missing", {"license": None}, "license"),
    ("schema-version", {"schema_version": "2.0"}, "schema_version"),
    ("response-flag", {"has_author_response": False}, "has_author_response"),
    ("response-flag", {"author_response_raw": ""}, "has_author_response"),
    ("concerns-missing", {"concerns": None}, "concerns"),
    ("concerns-empty", {"concerns": []}, "concerns"),
    ("concerns-unlabelled", with_concern(category=None), "concerns"),
    ("concern-id-duplicate", with_two(concern_id="elife:84798:R2C1"), "concerns"),
    ("concern-id-prefix", with_concern(concern_id="elife:84799:R2C1"), "concerns[0].concern_id"),
    ("concern-id-form", with_concern(concern_id="elife:84798:second"), "concerns[0].concern_id"),
    ("concern-id-characters", with_concern(concern_id="elife:84798:R2C1\n"), "concerns[0].concern_id"),
    ("concern-length", with_concern(concern_text="Too short"), "concerns[0].concern_text"),
    ("concern-length", with_concern(concern_text="x" * 2001), "concerns[0].concern_text"),
    ("concern-length", with_concern(concern_text=" " * 20), "concerns[0].concern_text"),
    ("concern-thin", with_concern(concern_text="Unclear methods."), "concerns[0].concern_text"),
    ("concern-duplicate", with_two(concern_text=f"  {TEXT.upper()}"), "concerns[1].concern_text"),
    ("category", with_concern(category="Design flaw"), "concerns[0].category"),
    ("severity", with_concern(severity="critical"), "concerns[0].severity"),
    ("reviewer-num", with_concern(reviewer_num=0), "concerns[0].reviewer_num"),
    ("reviewer-num", with_concern(reviewer_num=3), "concerns[0].reviewer_num"),
    ("derived-stored", with_concern(resolution="conceded"), "concerns[0].resolution"),
    ("derived-stored", with_concern(was_valid=True), "concerns[0].was_valid"),
    ("derived-stored", {"family": "x"}, "family"),
    ("derived-differs", with_concern(was_valid=False), "concerns[0].was_valid"),
    ("derived-differs", with_concern(resolution="rebutted"), "concerns[0].resolution"),
    ("stance-without-response", {**UNANSWERED, **with_concern(author_response_text=None)}, "concerns[0].author_stance"),
    ("response-without-stance", with_concern(author_stance="no_response"), "concerns[0].author_stance"),
    (
        "change-without-response",
        with_concern(author_stance="no_response", author_response_text=None),
        "concerns[0].evidence_of_change",
    ),
    ("mojibake", {"title": "The cafÃ© of the reviewers"}, "title"),
    ("mojibake", {"title": "The authorsâ€™ reply to it"}, "title"),
    ("mojibake", {"title": "Held at 37 Â°C for an hour"}, "title"),
    ("mojibake", {"title": "The protein Î±-synuclein here"}, "title"),
    ("replacement-character", {"title": "The caf\ufffd of the reviewers"}, "title"),
    ("control-character", {"title": "A title with\x07 a bell in it"}, "title"),
    ("control-character", {"title": "A title that \u202eturns round"}, "title"),
    ("control-character", with_concern(concern_text=TEXT + "\x00"), "concerns[0].concern_text"),
    ("invisible-character", {"title": "A title with a zero\u200bwidth space"}, "title"),
    ("markup", {"title": "The role of <italic>hox</italic> genes"}, "title"),
    ("markup", {"abstract": "H<sub>2</sub>O " * 20}, "abstract"),
    ("markup", with_concern(concern_text=TEXT + " p &lt; 0.05"), "concerns[0].concern_text"),
    ("markup", {"paper_text_sections": {"A": 'see <xref ref-type="bibr" rid="b1">1</xref>'}}, "paper_text_sections.A"),
    ("markup", {"title": "Cells &amp; genes of &#x03B1; kind"}, "title"),
    ("latex", {"title": r"The effect of \textit{Hox} genes"}, "title"),
]
OF_FILES = {"file", "json", "splits", "id-duplicate", "doi-duplicate", "concern-id-elsewhere"}


@pytest.fixture
def found(write_jsonl: Callable[..., Path]) -> Callable[..., LintReport]:
    """Lint rows (or raw lines) as a file."""

    def of(*rows: Any, name: str = "data/test.jsonl") -> LintReport:
        return lint(write_jsonl(list(rows), name))

    return of


def rules_of(report: LintReport) -> list[tuple[str, str, int]]:
    return [(one.finding.rule, one.finding.field, one.line) for one in report.findings]


def test_a_sound_article_has_no_findings(found: Callable[..., LintReport]) -> None:
    assert rules_of(found(SOUND)) == []


@pytest.mark.parametrize(
    ("article_id", "source", "doi", "concern"),
    [
        ("plos:10.1371/journal.pcbi.1012918", "plos", "10.1371/journal.pcbi.1012918", "plos:journal.pcbi.1012918:R1C2"),
        (
            "f1000:10.12688_f1000research.158689.2",
            "f1000",
            "10.12688/f1000research.158689.2",
            "f1000:f1000research.158689.2:R1C2",
        ),
        ("peerj:10547", "peerj", "10.7717/peerj.10547", "peerj:peerj.10547:R1C2"),
        ("nature:s41467-024-51946-x", "nature", "10.1038/s41467-024-51946-x", "nature:s41467-024-51946-x:R1C2"),
        ("elife:00005", "elife", "10.7554/eLife.00005", "elife:00005:R1C2"),
        ("elife:102451", "elife", "10.7554/eLife.102451.3", "elife:102451:R1C2"),
        ("arxiv:2401.00001", "arxiv", "10.48550/arXiv.2401.00001", "arxiv:2401.00001:R1C2"),
    ],
)
def test_ids_and_dois_of_every_preset_are_known(
    found: Callable[..., LintReport], article_id: str, source: str, doi: str, concern: str
) -> None:
    row = {**SOUND, "id": article_id, "source": source, "doi": doi, **with_concern(concern_id=concern, reviewer_num=1)}
    assert rules_of(found(row)) == []


@pytest.mark.parametrize(("rule", "change", "field"), CASES)
def test_every_rule_finds_what_it_is_about(
    found: Callable[..., LintReport], rule: str, change: dict[str, Any], field: str
) -> None:
    report = found({**SOUND, "id": "elife:1", "doi": None, "concerns": []}, {**SOUND, **change})
    assert (rule, field, 2) in rules_of(report)


@pytest.mark.parametrize(("rule", "change", "field"), [case for case in CASES if RULES[case[0]].level != "error"])
def test_what_is_no_error_is_read_all_the_same(
    write_jsonl: Callable[..., Path], rule: str, change: dict[str, Any], field: str
) -> None:
    assert len(read_articles([write_jsonl([{**SOUND, **change}])])) == 1


def test_no_rule_is_without_a_case() -> None:
    assert {rule for rule, _, _ in CASES} | OF_FILES == set(RULES)


@pytest.mark.parametrize(
    "row", [{}, {"id": 1}, {**SOUND, "concerns": "none"}, {**SOUND, "concerns": [1]}, {**SOUND, "subjects": 3}]
)
def test_whatever_the_reader_refuses_is_an_error(write_jsonl: Callable[..., Path], row: dict[str, Any]) -> None:
    path = write_jsonl([row])
    with pytest.raises(DataError):
        read_articles([path])
    assert lint(path).by_level["error"] >= 1


@pytest.mark.parametrize("line", ["{", "[]", '{"id": 1, "id": 2}', '{"id": NaN}', b"\xff", '{"a":' * 10_000])
def test_a_line_that_is_no_object_is_named_and_the_others_are_linted(
    found: Callable[..., LintReport], line: str | bytes
) -> None:
    report = found(line, {**SOUND, "title": ""})
    assert rules_of(report) == [("json", "", 1), ("title-missing", "title", 2)]
    assert report.articles == 1


def test_what_stands_twice_is_found_across_files(write_jsonl: Callable[..., Path]) -> None:
    other = {**SOUND, "id": "elife:1", "concerns": SOUND["concerns"]}
    write_jsonl([SOUND], "data/train.jsonl")
    write_jsonl([SOUND, other], "data/test.jsonl")
    report = lint(write_jsonl([], "data/val.jsonl").parent)
    assert [(one.file, one.line, one.finding.rule) for one in report.findings] == [
        ("val.jsonl", 0, "file"),
        ("test.jsonl", 1, "id-duplicate"),
        ("test.jsonl", 2, "doi-id"),
        ("test.jsonl", 2, "concern-id-prefix"),
        ("test.jsonl", 2, "doi-duplicate"),
        ("test.jsonl", 2, "concern-id-elsewhere"),
    ]
    assert "is also at train.jsonl:1" in report.findings[1].finding.message


def test_ids_are_compared_as_they_are_read(found: Callable[..., LintReport]) -> None:
    one = {**SOUND, "id": "f1000:10.12688/f1000research.1.2", "source": "f1000", "doi": None, "concerns": []}
    report = found(one, {**one, "id": "f1000:10.12688_f1000research.1.2"})
    assert ("id-duplicate", "id", 2) in rules_of(report)


@pytest.mark.parametrize(
    ("splits", "says"),
    [
        ("{", "broken JSON"),
        ('{"train": ["elife:84798", "elife:2"]}', "elife:2 is no article of this folder"),
        ('{"train": ["elife:84798"], "test": ["elife:84798"]}', "elife:84798 is also in train"),
        ('{"dev": ["elife:84798"]}', "not a list of ids for train, val or test"),
        ('{"test": {"a": 1}}', "not a list of ids"),
        ('{"test": [5]}', "5 is no article"),
    ],
)
def test_a_list_of_splits_is_checked(write_jsonl: Callable[..., Path], splits: str, says: str) -> None:
    folder = write_jsonl([SOUND], "data/articles.jsonl").parent
    (folder / "splits.json").write_text(splits)
    report = lint(folder)
    assert [one.finding.rule for one in report.findings] == ["splits"]
    assert says in report.findings[0].finding.message


def test_parquet_is_linted_by_row(tmp_path: Path) -> None:
    rows = [{**SOUND, "paper_text_sections": [{"heading": "A", "text": "b"}]}, {**SOUND, "id": "elife:x"}]
    rows[1]["paper_text_sections"] = []
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "test.parquet")
    assert ("id-form", "id", 2) in rules_of(lint(tmp_path))


def test_a_missing_shard_and_two_files_of_a_split_are_errors(write_jsonl: Callable[..., Path]) -> None:
    folder = write_jsonl([SOUND], "data/test-00000-of-00002.jsonl").parent
    assert "1 of 2 shards are not there" in lint(folder).findings[0].finding.message
    write_jsonl([{**SOUND, "id": "elife:1", "doi": None, "concerns": []}], "data/test.jsonl")
    assert "both hold test" in lint(folder).findings[0].finding.message


def test_a_line_too_long_is_refused_in_bounded_memory_and_the_next_one_is_linted(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "test.jsonl"
    with path.open("wb") as stream:
        stream.write(b'{"id":"elife:1","title":"')
        for _ in range(200):
            stream.write(b"x" * 1_000_000)
        stream.write(b'"}\n' + json.dumps(SOUND).encode() + b"\n")
    tracemalloc.start()
    report = lint(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rules_of(report) == [("json", "", 1)]
    assert report.findings[0].finding.message == "the line has 200,000,028 bytes; at most 16,777,216 are read"
    assert report.articles == 1
    assert peak < 60_000_000


def test_ten_thousand_concerns_and_fields_are_one_finding_each(found: Callable[..., LintReport]) -> None:
    many = found({**SOUND, "concerns": [{}] * 10_001})
    assert rules_of(many) == [("field", "", 1)]
    assert "at most 10,000" in many.findings[0].finding.message
    assert rules_of(found({**SOUND, **{f"k{n}": 1 for n in range(10_000)}})) == [("unknown-field", "", 1)]


def test_messages_hold_nothing_that_moves_the_cursor(found: Callable[..., LintReport], capsys: Any) -> None:
    evil = "\x1b[2J\u202e\n"
    report = found(
        {**SOUND, "id": f"elife:{evil}", "title": f"A title {evil} of some length", f"k{evil}": 1, "doi": evil},
        {**SOUND, "source": evil},
        {**SOUND, "paper_text_sections": {evil: evil}, "published_date": evil, "schema_version": evil},
        {**SOUND, **with_concern(category=evil, concern_id=evil)},
    )
    for one in report.findings:
        shown = f"{one.article_id}{one.finding.field}{one.finding.message}"
        assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e]", shown), shown


def test_the_command_lists_ten_of_a_level_and_counts_the_others(write_jsonl: Callable[..., Path], capsys: Any) -> None:
    rows = [{**SOUND, "id": f"elife:{n}", "doi": None, "title": "", "concerns": []} for n in range(12)]
    path = str(write_jsonl(rows, "data/test.jsonl").parent)
    assert run(["data", "lint", path, "--level", "warning"]) == 0
    out = capsys.readouterr().out
    assert out.count("warning title-missing title: no title") == 10
    assert "... and 2 more warnings (--all lists them)" in out
    assert "note doi-missing" not in out.split("Findings by rule")[0]
    assert "12 articles, 0 concerns: 0 errors, 12 warnings, 24 notes." in out
    assert run(["data", "lint", path, "--all"]) == 0
    assert capsys.readouterr().out.count(": warning title-missing") == 12


def test_errors_make_the_command_leave_with_2(write_jsonl: Callable[..., Path], capsys: Any) -> None:
    path = write_jsonl([{**SOUND, "published_date": "2023-02-30"}], "data/test.jsonl")
    assert run(["data", "lint", str(path)]) == 2
    assert "test.jsonl:1: error date-impossible published_date: 2023-02-30 is no date" in capsys.readouterr().out
    assert run(["data", "lint", str(path), "--format", "json", "--level", "error"]) == 2
    assert json.loads(capsys.readouterr().out) == {
        "path": str(path),
        "n_articles": 1,
        "n_concerns": 1,
        "by_level": {"error": 1, "warning": 0, "note": 0},
        "by_rule": {"date-impossible": 1},
        "findings": [
            {
                "file": "test.jsonl",
                "line": 1,
                "article_id": "elife:84798",
                "field": "published_date",
                "level": "error",
                "rule": "date-impossible",
                "message": "2023-02-30 is no date",
            }
        ],
    }


def test_what_is_not_there_is_no_finding(tmp_path: Path) -> None:
    for path, says in ((tmp_path / "none", "no file or folder"), (tmp_path, "no .jsonl or .parquet files")):
        with pytest.raises(DataError, match=says):
            lint(path)


def test_bundled_and_pilot_articles_have_only_true_findings(shared: Path) -> None:
    """Read by hand: a formula that kept its LaTeX, and a byte order mark after an exponent."""
    report = lint(shared / "data" / "elife_pilot")
    assert (report.articles, report.concerns) == (35, 326)
    assert [(one.line, one.finding.rule, one.finding.field) for one in report.findings] == [
        (14, "latex", "paper_text_sections.methods"),
        (26, "invisible-character", "paper_text_sections.results"),
    ]


def test_the_table_of_the_docs_is_that_of_the_rules(capsys: Any) -> None:
    text = (Path(__file__).parents[3] / "docs" / "data.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (error|warning|note) \| (.+) \|$", text, re.MULTILINE)
    assert rows == [(rule.id, rule.level, rule.text) for rule in RULES.values()]
    assert set(LEVELS) == {rule.level for rule in RULES.values()}
    assert run(["data", "lint", "--rules", "--format", "json"]) == 0
    assert [rule["id"] for rule in json.loads(capsys.readouterr().out)] == list(RULES)


def test_no_id_that_was_released_is_odd() -> None:
    from bioreview_bench.curation.lint.ids import check_id
    from bioreview_bench.data.released.manifest import load_manifest

    released = [one for members in load_manifest("v4").members.values() for one in members]
    assert len(released) == 1553
    assert [finding for one in released for finding in check_id(one, one.partition(":")[0])] == []


@pytest.mark.parametrize("source", ["pilot", "plant", "my-natural-venue", "arxiv"])
def test_a_venue_of_its_own_is_not_taken_for_a_preset(source: str) -> None:
    assert list(check_source(source)) == []
