"""Parquet of the usual writers: the same articles as in JSON Lines, or one message that names the column."""

from __future__ import annotations

import datetime
import decimal
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.data import sentences
from bioreview_bench.data.folder import read_split
from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.data.split import fingerprint
from bioreview_bench.errors import DataError
from bioreview_bench.scoring.fitting import Fitting
from bioreview_bench.scoring.texts import TextPool

SECTIONS = "paper_text_sections"
ORDERED = pa.list_(pa.struct([("heading", pa.string()), ("text", pa.string())]))
Write = Callable[[pa.Table], Path]


def paper(number: int, headings: tuple[str, ...]) -> dict[str, Any]:
    text = "{} of paper {} say that the {} of the cohort was followed for a year. It was not blinded."
    return {
        "id": f"elife:{number}",
        "source": "elife",
        "title": f"Paper {number}",
        "published_date": f"2019-03-{number:02d}",
        "has_author_response": True if number == 1 else None,
        "revision_round": 2 if number == 1 else None,
        "subjects": ["Neuroscience"],
        SECTIONS: {heading: text.format(heading, number, "first half") for heading in headings},
        "concerns": [
            {
                "concern_id": f"elife:{number}:R1C1",
                "concern_text": "No control group was recruited.",
                "category": "design_flaw",
                "severity": "major",
                "reviewer_num": 1,
                "resolution_confidence": 0.5,
            }
        ],
    }


ROWS = [
    paper(1, ("Introduction", "Methods", "Results")),
    paper(2, ("Results", "Methods", "Introduction")),
    paper(3, ("Methods",)),
]


@pytest.fixture
def folder(tmp_path: Path, write_jsonl: Any) -> Path:
    write_jsonl(ROWS, "data/train.jsonl")
    return tmp_path / "data"


@pytest.fixture
def write(folder: Path) -> Write:
    def written(table: pa.Table) -> Path:
        pq.write_table(table, folder / "test.parquet")
        return folder

    return written


def table(**columns: pa.DataType) -> pa.Table:
    """The articles with columns of these types; sections as a list of {heading, text} unless said otherwise."""
    made = pa.Table.from_pylist([{**row, SECTIONS: None} for row in ROWS])
    listed = [[{"heading": name, "text": text} for name, text in row[SECTIONS].items()] for row in ROWS]
    made = replaced(made, SECTIONS, pa.array(listed, ORDERED))
    for name, kind in columns.items():
        made = replaced(made, name, made[name].cast(kind))
    return made


def replaced(made: pa.Table, name: str, values: Any) -> pa.Table:
    return made.set_column(made.schema.get_field_index(name), name, values)


def alike(folder: Path) -> None:
    """Assert that the Parquet file holds the articles of the JSON lines, for everything that is made of them."""
    lines, columns = read_split(folder, "train"), read_split(folder, "test")
    assert fingerprint(columns) == fingerprint(lines)
    topic = Contract.load("demo-topic")
    digests = [Fitting(topic, articles, TextPool()).text_digest for articles in (lines, columns)]
    assert digests[0] == digests[1]
    for line, column in zip(lines, columns, strict=True):
        assert list(column.sections.items()) == list(line.sections.items())
        assert sentences.echo(column) == sentences.echo(line)
        assert Manuscript.from_article(column).digest == Manuscript.from_article(line).digest
        assert column.model_dump(exclude={SECTIONS}) == line.model_dump(exclude={SECTIONS})


def test_sections_keep_their_order_as_a_list_and_as_a_map(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    alike(write(table()))
    pairs = pa.array([list(row[SECTIONS].items()) for row in ROWS], pa.map_(pa.string(), pa.large_string()))
    alike(write(replaced(table(), SECTIONS, pairs)))
    # polars writes a map as a list of its entries.
    entries = [[{"key": name, "value": text} for name, text in row[SECTIONS].items()] for row in ROWS]
    alike(write(replaced(table(), SECTIONS, pa.array(entries))))
    assert caplog.records == []


def test_a_struct_loses_the_order_of_sections_and_that_is_said_once(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write(pa.Table.from_pylist(ROWS))
    for _ in range(2):
        assert len(read_split(folder, "test")) == 3
    assert len(caplog.records) == 1
    said = caplog.records[0].getMessage()
    assert str(folder) in said
    assert "a list of {heading, text}" in said


def test_a_struct_with_one_section_an_article_loses_nothing(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    rows = [{**row, SECTIONS: dict(list(row[SECTIONS].items())[:1])} for row in ROWS]
    read_split(write(pa.Table.from_pylist(rows)), "test")
    assert caplog.records == []


@pytest.mark.parametrize("heading", [{"heading": "Methods", "text": "Again."}, {"heading": None, "text": "No name."}])
def test_sections_that_a_dict_could_not_hold_are_an_error(write: Write, heading: dict[str, Any]) -> None:
    listed = [[{"heading": "Methods", "text": "We did."}, heading] for _ in ROWS]
    folder = write(replaced(table(), SECTIONS, pa.array(listed, ORDERED)))
    with pytest.raises(DataError, match=r'test\.parquet:1: paper_text_sections: .*(called "Methods"|is a string)'):
        read_split(folder, "test")


CATEGORY = pa.dictionary(pa.int32(), pa.string())


@pytest.mark.parametrize(
    "columns",
    [
        {"id": pa.large_string(), "title": pa.string_view()},
        {"source": CATEGORY, "title": pa.dictionary(pa.uint32(), pa.large_string())},
        {"published_date": pa.date32()},
        {"published_date": pa.date64()},
        {"published_date": pa.timestamp("ns")},
        {"published_date": pa.timestamp("us", "UTC")},
        {"revision_round": pa.float64()},
        {"revision_round": pa.int8(), "subjects": pa.large_list(pa.large_string())},
    ],
)
def test_types_of_common_writers_are_read(write: Write, columns: dict[str, pa.DataType]) -> None:
    made = table(**{name: kind for name, kind in columns.items() if not pa.types.is_timestamp(kind)})
    for name, kind in columns.items():
        if pa.types.is_timestamp(kind):
            days = [datetime.datetime.fromisoformat(row[name]) for row in ROWS]
            made = replaced(made, name, pa.array(days, kind))
    alike(write(made))


def test_types_inside_concerns_are_read(write: Write) -> None:
    kind = pa.struct(
        [
            ("concern_id", pa.large_string()),
            ("concern_text", pa.string()),
            ("category", CATEGORY),
            ("severity", CATEGORY),
            ("reviewer_num", pa.float64()),
            ("resolution_confidence", pa.decimal128(3, 2)),
        ]
    )
    concerns = [[{**row["concerns"][0], "resolution_confidence": decimal.Decimal("0.50")}] for row in ROWS]
    alike(write(replaced(table(), "concerns", pa.array(concerns, pa.list_(kind)))))


def test_pandas_and_datasets_write_what_is_read(folder: Path) -> None:
    rows = [
        {**row, SECTIONS: [{"heading": name, "text": text} for name, text in row[SECTIONS].items()]} for row in ROWS
    ]
    frame = pandas.DataFrame(rows)
    frame["source"] = frame["source"].astype("category")
    frame["published_date"] = pandas.to_datetime(frame["published_date"])
    frame.to_parquet(folder / "test.parquet")
    alike(folder)
    if importlib.util.find_spec("datasets") is not None:
        from datasets import Dataset

        Dataset.from_list(rows).to_parquet(str(folder / "test.parquet"))
        alike(folder)


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("title", [b"one", b"two", b"three"], "column title is binary; a string is wanted"),
        ("published_date", [2019, 2020, 2021], "column published_date is int64; a string or a date is wanted"),
        ("has_author_response", [1, 0, 1], "column has_author_response is int64; a boolean is wanted"),
        ("subjects", ["a", "b", "c"], "column subjects is string; a list of strings is wanted"),
        (SECTIONS, ["{}", "{}", "{}"], "column paper_text_sections is string; a map, or a list of"),
        (SECTIONS, [[{"name": "a", "body": "b"}]] * 3, "a map, or a list of {heading, text} is wanted"),
        ("concerns", ["[]", "[]", "[]"], "column concerns is string; a list of structs is wanted"),
        ("concerns", [[{"concern_text": 1}]] * 3, "column concerns.concern_text is int64; a string is wanted"),
    ],
)
def test_a_column_of_another_type_is_refused_once_and_named(
    write: Write, name: str, values: list[Any], said: str
) -> None:
    with pytest.raises(DataError) as caught:
        read_split(write(replaced(table(), name, pa.array(values))), "test")
    message = str(caught.value)
    assert said in message
    assert "1 column has a type that is not read" in message
    assert message.count("\n") == 2


def test_columns_without_a_value_are_absent(write: Write) -> None:
    made = table()
    for name in ("title", "published_date", "subjects", "has_author_response"):
        made = replaced(made, name, pa.nulls(len(ROWS)))
    assert [article.title for article in read_split(write(made), "test")] == [None] * 3


def test_the_pilot_is_the_same_in_parquet(shared: Path, tmp_path: Path) -> None:
    articles = read_split(shared / "data" / "elife_pilot", "all")
    rows = [article.model_dump(mode="json", exclude={SECTIONS}) for article in articles]
    sections = [list(reversed(article.paper_text_sections.items())) for article in articles]
    made = pa.Table.from_pylist(rows).append_column(SECTIONS, pa.array(sections, pa.map_(pa.string(), pa.string())))
    pq.write_table(made, tmp_path / "val.parquet")
    read = read_split(tmp_path, "val")
    assert fingerprint(read) == fingerprint(articles)
    assert [list(article.sections) for article in read] == [list(article.sections)[::-1] for article in articles]
