"""The one check that client and server share: all problems, from ids alone, at a cost that the sender cannot choose."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import InputError
from bioreview_bench.leaderboard.intake.package import read_package
from bioreview_bench.leaderboard.intake.validation import check_files, validate
from bioreview_bench.leaderboard.settings import Limits
from bioreview_bench.leaderboard.store.settings import BoardSplit

IDS = ("elife:1", "elife:2", "elife:3")


def split(data: str = "local", name: str = "test", *, held_out: bool = False, ids: tuple[str, ...] = IDS) -> BoardSplit:
    return BoardSplit(
        data=data,
        name=name,
        label=f"{data}/{name}#0",
        fingerprint="0",
        verification="none",
        held_out=held_out,
        ids=ids,
    )


def rows(*concerns: Any, ids: tuple[str, ...] = IDS) -> bytes:
    given = [{"article_id": one, "concerns": list(concerns) or [f"About {one}."]} for one in ids]
    return b"".join(json.dumps(row).encode() + b"\n" for row in given)


@pytest.fixture
def problems(card_bytes: Callable[..., bytes]) -> Callable[..., str]:
    """What is wrong with a predictions file, as one text."""

    def ask(content: bytes, facts: BoardSplit | None = None, limits: Limits | None = None, **card: Any) -> str:
        limits = limits or Limits()
        package = read_package(io.BytesIO(content), card_bytes(**card), None, limits)
        with pytest.raises(InputError) as caught:
            validate(package, facts or split(), limits)
        assert caught.value.problems
        return "\n".join(str(problem) for problem in caught.value.problems)

    return ask


def test_what_is_in_order_is_described(card_bytes: Callable[..., bytes]) -> None:
    content = rows("One.", {"text": "Two.", "category": "nonsense"}, "  ")
    package = read_package(io.BytesIO(content), card_bytes("GРТ"), None, Limits())
    found = validate(package, split(), Limits())
    assert found.facts == {
        "n_rows": 3,
        "n_concerns": 6,
        "n_blank": 3,
        "n_unknown_labels": 3,
        "mixed_scripts": ["system_name"],
    }
    assert found.predictions.sha256 == package.predictions_sha256


def test_every_kind_of_problem_is_listed_at_once(problems: Callable[..., str]) -> None:
    content = (
        b'{"article_id": "elife:1", "concerns": ["Fine."]}\n'
        b'{"article_id": "elife:1", "concerns": ["Twice."]}\n'
        b"{broken\n"
        b'{"article_id": "elife:9", "concerns": ["Unknown."]}\n'
        b'{"article_id": "elife:2", "concerns": null, "status": "refused"}\n'
        b'{"article_id": "elife:4", "concerns": [{"text": "a", "confidence": NaN}]}\n'
    )
    text = problems(content)
    assert "no row for elife:3" in text
    assert 'line 2: a second row for "elife:1"' in text
    assert "line 3: broken JSON" in text
    assert 'line 4: unknown article id "elife:9"' in text
    assert "line 5: status refused for elife:2" in text
    assert "line 6: NaN" in text


def test_missing_and_failed_articles_are_listed_when_all_else_is_in_order(problems: Callable[..., str]) -> None:
    content = rows(ids=("elife:1",)) + b'{"article_id": "elife:3", "concerns": null, "status": "error"}\n'
    assert problems(content).splitlines() == ["no row for elife:2", "line 2: status error for elife:3"]


def test_a_byte_order_mark_and_windows_lines_are_taken(card_bytes: Callable[..., bytes]) -> None:
    content = b"\xef\xbb\xbf" + rows().replace(b"\n", b"\r\n\r\n")
    assert validate(read_package(io.BytesIO(content), card_bytes(), None, Limits()), split(), Limits())


def test_limits_of_concerns_hold(problems: Callable[..., str], card_bytes: Callable[..., bytes]) -> None:
    limits = Limits(concerns=9, concerns_per_article=3)
    exactly = read_package(io.BytesIO(rows("a", "b", "c")), card_bytes(), None, limits)
    assert validate(exactly, split(), limits).facts["n_concerns"] == 9
    text = problems(rows("a", "b", "c", "d"), limits=limits)
    assert "line 2: 4 concerns for one article; at most 3 are taken" in text
    assert "12 concerns in all; at most 9 are taken" in text


def test_blank_concerns_count_towards_the_limits(problems: Callable[..., str]) -> None:
    assert "11 concerns for one article" in problems(rows(*[" "] * 11), limits=Limits(concerns_per_article=10))


def test_too_many_concerns_do_not_hide_other_problems(problems: Callable[..., str]) -> None:
    text = problems(rows("a", "b", ids=("elife:1", "elife:7")), limits=Limits(concerns_per_article=1))
    assert "2 concerns for one article" in text
    assert "unknown article id" in text
    assert "no row for elife:2" in text


@pytest.mark.parametrize(
    "content",
    [
        b'{"article_id": "elife:1", "concerns": [' + b"[]," * 200_000 + b"1]}\n",
        b'{"article_id": "elife:1", "concerns": [' + b"[]," * 1_600_000 + b"1]}\n",
        (b'{"article_id": "elife:1", "concerns": [' + b"1," * 600 + b"1]}\n") * 2000,
        b"{}\n" * 1_000_000,
        b"[" * 3_000_000,
        b'{"article_id": "elife:1", "concerns": ["' + b"x" * 9_000_000 + b'"]}',
        b'{"a": ' + b"9" * 3_000_000 + b"}",
        b"\n" * 3_000_000,
        b"\r\n" * 3_000_000,
    ],
    ids=[
        "a row of lists",
        "a longer row of lists",
        "rows of numbers",
        "rows of nothing",
        "brackets",
        "one long text",
        "one long number",
        "empty lines",
        "lines of carriage returns",
    ],
)
def test_a_hostile_file_costs_little(content: bytes, problems: Callable[..., str]) -> None:
    tracemalloc.start()
    text = problems(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150_000_000
    assert len(text) < 200_000


def test_a_gzip_file_is_named_as_one(problems: Callable[..., str]) -> None:
    import gzip

    assert "decompress first" in problems(gzip.compress(rows()))


def test_an_empty_file_is_refused_without_a_path(problems: Callable[..., str]) -> None:
    text = problems(b"\n\n")
    assert "predictions.jsonl has no rows" in text
    assert "tmp" not in text


@pytest.mark.parametrize("answer", ["yes", "undisclosed"])
def test_systems_trained_on_v3_are_barred_from_v4_test(answer: str, problems: Callable[..., str]) -> None:
    text = problems(rows(), split("v4", held_out=True), saw_v3_train=answer)
    assert f"saw_v3_train is {answer}" in text
    assert "is part of v3" in text


def test_systems_not_trained_on_v3_are_taken_on_v4_test(card_bytes: Callable[..., bytes]) -> None:
    package = read_package(io.BytesIO(rows()), card_bytes(saw_v3_train="no"), None, Limits())
    assert validate(package, split("v4", held_out=True), Limits())


@pytest.mark.parametrize("facts", [split("v3", held_out=True), split("v4", "val"), split("local", held_out=True)])
def test_the_bar_is_for_held_out_v4_only(facts: BoardSplit, card_bytes: Callable[..., bytes]) -> None:
    package = read_package(io.BytesIO(rows()), card_bytes(saw_v3_train="yes"), None, Limits())
    assert validate(package, facts, Limits())


def test_a_client_sees_problems_of_card_and_predictions_together(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_bytes(rows(ids=("elife:1", "elife:8")))
    with pytest.raises(InputError) as caught:
        check_files(tmp_path / "p.jsonl", b"system_name: only", None, split(), Limits())
    text = str(caught.value)
    for expected in ("card.yaml: organisation", "unknown article id", "no row for elife:2"):
        assert expected in text


def test_a_client_gets_the_package_that_the_server_would_make(tmp_path: Path, card_bytes: Callable[..., bytes]) -> None:
    (tmp_path / "p.jsonl").write_bytes(rows())
    (tmp_path / "card.yaml").write_bytes(card_bytes())
    package, found = check_files(tmp_path / "p.jsonl", tmp_path / "card.yaml", None, split(), Limits())
    assert package == read_package(io.BytesIO(rows()), card_bytes(), None, Limits())
    assert len(found.predictions) == 3


def test_a_file_that_is_not_there_is_one_problem(tmp_path: Path, card_bytes: Callable[..., bytes]) -> None:
    with pytest.raises(InputError) as caught:
        check_files(tmp_path / "absent.jsonl", card_bytes(), None, split(), Limits())
    assert [str(problem) for problem in caught.value.problems] == [
        f"predictions.jsonl ({tmp_path / 'absent.jsonl'}): cannot be read: No such file or directory"
    ]


def test_pilot_files_pass_and_a_partial_one_lists_what_is_missing(
    shared: Path, problems: Callable[..., str], card_bytes: Callable[..., bytes]
) -> None:
    folder = shared / "data" / "elife_pilot"
    ids = tuple(json.loads(line)["id"] for line in (folder / "articles.jsonl").read_text().splitlines())
    facts = split(name="all", ids=ids)
    whole = (folder / "predictions" / "paraphrase.jsonl").read_bytes()
    found = validate(read_package(io.BytesIO(whole), card_bytes(), None, Limits()), facts, Limits())
    assert found.facts["n_rows"] == 35
    partial = (folder / "predictions" / "close_reader.jsonl").read_bytes()
    answered = {json.loads(line)["article_id"] for line in partial.splitlines()}
    text = problems(partial, facts)
    assert text.splitlines() == [f"no row for {one}" for one in ids if one not in answered]
