"""Cards and archives from strangers: what is taken, and what each attack is answered."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import InputError
from bioreview_bench.leaderboard.intake.card_yaml import MAX_NODES, read_card
from bioreview_bench.leaderboard.intake.package import read_package, read_zip
from bioreview_bench.leaderboard.settings import Limits

LINE = b'{"article_id": "elife:1", "concerns": ["The sample is too small."]}\n'


def complaints(card: bytes) -> str:
    found, problems = read_card(card)
    assert found is None
    assert problems
    return "\n".join(str(problem) for problem in problems)


def test_a_card_says_what_was_written(card_bytes: Callable[..., bytes]) -> None:
    card, problems = read_card(
        """# a comment
system_name: Nächste Reviewer
system_version: 1.0
organisation: "No"
contact: a@b.org
base_model: 'yes'
open_weights: no
parameters: 8B
training_data:
  saw_v3_train: no
  cutoff: 2024-06-01
date: 2025-01-31
cost_usd: 1.5
url: ~
""".encode()
    )
    assert problems == []
    assert card is not None
    assert (card.system_name, card.system_version, card.organisation) == ("Nächste Reviewer", "1.0", "No")
    assert (card.base_model, card.open_weights, card.training_data.saw_v3_train) == ("yes", "no", "no")
    assert (str(card.training_data.cutoff), str(card.date), card.cost_usd) == ("2024-06-01", "2025-01-31", 1.5)
    assert card.url is None


def test_all_problems_of_a_card_are_listed(card_bytes: Callable[..., bytes]) -> None:
    text = complaints(b"system_name: ''\nsystem_version: 1\nbase_model: m\ncolour: red\ncost_usd: -1\ndate: soon\n")
    for field in ("system_name", "organisation", "contact", "colour", "cost_usd", "date"):
        assert f"card.yaml: {field}:" in text
    assert "organisation: is missing" in text
    assert complaints(b"system_name:\n").startswith("card.yaml: system_name: is empty")


@pytest.mark.parametrize("number", ["nan", ".nan", "inf", ".inf", "1e999", "-0.01", "9" * 5000, "yes"])
def test_costs_that_are_no_amount_are_refused(number: str, card_bytes: Callable[..., bytes]) -> None:
    assert "cost_usd" in complaints(card_bytes() + f"cost_usd: {number}\n".encode())


@pytest.mark.parametrize(
    ("attack", "answer"),
    [
        ("a: &x [l]\nb: [*x, *x]", "anchors"),
        ("a: *x", "anchors|undefined alias"),
        ("base: &b {a: 1}\nc: {<<: *b}", "anchors"),
        ("c: {<<: {a: 1}}", "merge keys"),
        ("a: !!python/object/apply:os.system ['true']", "tags"),
        ("a: !!binary aGk=", "tags"),
        ("system_name: a\nsystem_name: b", "twice"),
        ("? [a, b]\n: c", "a key must be a word"),
        ("a: [[[[[[[[x]]]]]]]]", "deep"),
        ("a: " + "[" * 5000, "deep"),
        ("a: [" + "x," * MAX_NODES + "]", "more than"),
        ("a: 1\n---\nb: 2", "second document"),
        ("- a\n- b", "fields"),
        ("just words", "fields"),
        ("", "fields"),
        ("# nothing", "fields"),
        ("a: {", "line"),
        ("a: \x07", "special characters|not YAML|unacceptable"),
        ("%YAML 9.9\n---\na: 1", "version|line"),
    ],
)
def test_yaml_that_is_more_than_a_card_is_refused(attack: str, answer: str) -> None:
    import re

    assert re.search(answer, complaints(attack.encode()))


def test_a_billion_laughs_cost_nothing() -> None:
    lines = ["a0: &a0 [lol,lol,lol,lol,lol,lol,lol,lol,lol]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    tracemalloc.start()
    complaints("\n".join(lines).encode())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize(
    "name", ["evil\u202etxt", "zero\u200bwidth", "nul\\0", "bell\\a", "\ue000", "line\\nbreak", "\\u2028"]
)
def test_names_with_hidden_characters_are_refused(name: str, card_bytes: Callable[..., bytes]) -> None:
    card = card_bytes().replace(b"system_name: Careful", f'system_name: "{name}"'.encode())
    assert "system_name: contains the invisible or control character" in complaints(card)


def test_half_a_character_is_refused(card_bytes: Callable[..., bytes]) -> None:
    assert "system_name" in complaints(card_bytes().replace(b"system_name: Careful", b'system_name: "\\ud800"'))


def test_markup_in_a_card_is_text_like_any_other(card_bytes: Callable[..., bytes]) -> None:
    card, _ = read_card(card_bytes("<script>alert(1)</script>"))
    assert card is not None
    assert card.system_name == "<script>alert(1)</script>"


def test_a_card_that_is_not_utf8_is_refused() -> None:
    assert "not UTF-8" in complaints("system_name: Nächste".encode("latin-1"))


def test_the_digest_is_of_content_not_of_layout(make_package: Callable[..., Any], card_bytes: Any) -> None:
    plain = make_package()
    commented = read_package(io.BytesIO(plain.predictions), b"# hello\n" + card_bytes(), None, Limits())
    assert plain.digest == commented.digest
    assert plain.digest != make_package(base_model="other").digest
    assert plain.digest != make_package(predictions=plain.predictions + b"\n").digest


def test_sizes_are_counted_while_reading(card_bytes: Callable[..., bytes], tmp_path: Path) -> None:
    limits = Limits(upload_bytes=100, card_bytes=50, run_bytes=10)
    with pytest.raises(InputError) as caught:
        read_package(io.BytesIO(b"x" * 101), b"y" * 51, b"z" * 11, limits)
    text = str(caught.value)
    assert "predictions.jsonl: larger than 100 bytes" in text
    assert "card.yaml: larger than 50 bytes" in text
    assert "run.json: larger than 10 bytes" in text


def test_an_endless_stream_is_left_at_the_limit(card_bytes: Callable[..., bytes]) -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return b"x" * size

    stream = Endless()
    with pytest.raises(InputError, match="1 problem"):
        read_package(stream, card_bytes(), None, Limits(upload_bytes=3_000_000))  # type: ignore[arg-type]
    assert stream.given <= 3_000_001


@pytest.mark.parametrize(
    "run",
    [
        *(b"[1]", b'{"a": NaN}', b'{"a": 1e999}', b'{"a": ' + b"9" * 30 + b"}", b'{"a": 1, "a": 2}', b"\xff{}"),
        *(b'{"a": "\\ud800"}', b'{"a": [{"\\udfff": 1}]}', b'{"a": "\\udc00\\ud800"}'),  # half characters
    ],
)
def test_a_run_manifest_that_no_page_could_show_is_refused(run: bytes, card_bytes: Callable[..., bytes]) -> None:
    with pytest.raises(InputError, match="1 problem") as caught:
        read_package(io.BytesIO(LINE), card_bytes(), run, Limits())
    assert "run.json" in str(caught.value)


def test_a_deep_run_manifest_is_refused(card_bytes: Callable[..., bytes]) -> None:
    for depth in (30, 100_000):
        with pytest.raises(InputError):
            read_package(io.BytesIO(LINE), card_bytes(), b'{"a":' * depth + b"1" + b"}" * depth, Limits())


def archive(entries: dict[str, bytes], **attributes: Any) -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in entries.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            for key, value in attributes.items():
                setattr(entry, key, value)
            written.writestr(entry, content)
    return stream


def test_an_archive_is_the_same_submission_as_its_files(card_bytes: Callable[..., bytes]) -> None:
    files = {"predictions.jsonl": LINE, "card.yaml": card_bytes(), "run.json": b'{"model": "m"}'}
    from_zip = read_zip(archive(files), Limits())
    from_files = read_package(io.BytesIO(LINE), card_bytes(), b'{"model": "m"}', Limits())
    assert from_zip == from_files
    assert from_zip.run == {"model": "m"}


SHADOW = bytes.fromhex("0005160700020000") + bytes(18)  # AppleDouble without entries


@pytest.mark.parametrize(
    ("prefix", "card_name", "beside"),
    [
        ("", "card.yaml", {"__MACOSX/._predictions.jsonl": SHADOW, "__MACOSX/._card.yaml": SHADOW, ".DS_Store": b"B"}),
        ("mine/", "card.yaml", {"mine/": b""}),
        ("mine/", "card.yml", {}),
        ("Prüfung 2/", "card.yaml", {"__MACOSX/Prüfung 2/._card.yaml": SHADOW, "Prüfung 2/._card.yaml": b""}),
        ("", "card.yml", {"Thumbs.db": b"x", "desktop.ini": b"x", "empty/": b""}),
    ],
)
def test_what_file_managers_add_to_an_archive_is_passed_over(
    prefix: str, card_name: str, beside: dict[str, bytes], card_bytes: Callable[..., bytes]
) -> None:
    ours = {
        f"{prefix}predictions.jsonl": LINE,
        f"{prefix}{card_name}": card_bytes(),
        f"{prefix}run.json": b'{"a": "m"}',
    }
    plain = read_package(io.BytesIO(LINE), card_bytes(), b'{"a": "m"}', Limits())
    assert read_zip(archive({**beside, **ours}), Limits()) == plain
    assert read_zip(archive({**ours, **beside}), Limits()) == plain


def test_lines_that_end_as_on_windows_and_byte_order_marks_change_nothing(card_bytes: Callable[..., bytes]) -> None:
    lines = b'{"article_id": "a", "concerns": ["no control"]}\n{"article_id": "b", "concerns": []}\n'
    plain = read_package(io.BytesIO(lines), card_bytes(), b'{"a":\n1}', Limits())
    ours = {"predictions.jsonl": lines, "card.yml": card_bytes(), "run.json": b'{"a":\n1}'}
    windows = {name: b"\xef\xbb\xbf" + body.replace(b"\n", b"\r\n") for name, body in ours.items()}
    read = read_zip(archive(windows), Limits())
    assert (read.card, read.run) == (plain.card, plain.run)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (["mine/predictions.jsonl", "other/card.yaml"], '"mine/predictions.jsonl" is none of'),
        (["mine/predictions.jsonl", "card.yaml"], '"mine/predictions.jsonl" is none of'),
        (["a/b/predictions.jsonl", "a/b/card.yaml"], '"a/b/card.yaml" is none of'),
        (["../predictions.jsonl", "../card.yaml"], '"../card.yaml" is none of'),
        (["/predictions.jsonl", "/card.yaml"], '"/card.yaml" is none of'),
        (["predictions.jsonl", "card.yaml", "card.yml"], "card.yaml occurs twice"),
        (["mine/predictions.jsonl", "mine/card.yaml", "mine/card.yml"], "card.yaml occurs twice"),
        (["__MACOSX/predictions.jsonl", "__MACOSX/card.yaml"], "predictions.jsonl is missing"),
        (["._predictions.jsonl", "card.yaml"], "predictions.jsonl is missing"),
        (["mine/predictions.jsonl", "mine/card.yaml", "mine/notes.txt"], '"mine/notes.txt" is none of'),
    ],
)
def test_two_folders_or_two_cards_are_still_refused(
    entries: list[str], said: str, card_bytes: Callable[..., bytes]
) -> None:
    given = {name: LINE if name.endswith("jsonl") else card_bytes() for name in entries}
    with pytest.raises(InputError) as caught:
        read_zip(archive(given), Limits())
    assert said in str(caught.value)


def test_a_shadow_file_of_any_size_is_not_unpacked(card_bytes: Callable[..., bytes]) -> None:
    files = {"predictions.jsonl": LINE, "card.yaml": card_bytes(), "__MACOSX/._card.yaml": b"0" * 60_000_000}
    stream = archive(files)
    tracemalloc.start()
    read_zip(stream, Limits())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize(
    "name",
    [
        "../predictions.jsonl",
        "/predictions.jsonl",
        "folder/predictions.jsonl",
        "..\\predictions.jsonl",
        "Predictions.jsonl",
        "C:predictions.jsonl",
        "predictions.jsonl ",
    ],
)
def test_other_names_in_an_archive_are_refused(name: str, card_bytes: Callable[..., bytes]) -> None:
    with pytest.raises(InputError) as caught:
        read_zip(archive({name: LINE, "card.yaml": card_bytes()}), Limits())
    assert "is none of" in str(caught.value)


def test_a_name_that_ends_early_is_refused(card_bytes: Callable[..., bytes]) -> None:
    content = archive({"predictions.jsonl#.txt": LINE, "card.yaml": card_bytes()}).getvalue()
    with pytest.raises(InputError) as caught:
        read_zip(io.BytesIO(content.replace(b"jsonl#.txt", b"jsonl\0.txt")), Limits())
    assert "is none of" in str(caught.value)


def test_a_bomb_is_refused_by_what_it_declares(card_bytes: Callable[..., bytes]) -> None:
    stream = archive({"predictions.jsonl": b"0" * 60_000_000, "card.yaml": card_bytes()})
    assert len(stream.getvalue()) < 100_000
    with pytest.raises(InputError, match="not a submission") as caught:
        read_zip(stream, Limits())
    assert "larger than" in str(caught.value)


def test_a_bomb_that_lies_about_its_size_stays_within_the_limits(card_bytes: Callable[..., bytes]) -> None:
    stream = archive({"predictions.jsonl": b"0" * 60_000_000, "card.yaml": card_bytes()})
    content = stream.getvalue().replace(struct.pack("<L", 60_000_000), struct.pack("<L", 100))
    tracemalloc.start()
    with pytest.raises(InputError):
        read_zip(io.BytesIO(content), Limits())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


def test_many_entries_are_refused_before_they_are_read(card_bytes: Callable[..., bytes]) -> None:
    stream = archive({f"f{number}": b"" for number in range(20_000)})
    tracemalloc.start()
    with pytest.raises(InputError, match="more than a submission"):
        read_zip(stream, Limits())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_file_that_is_there_twice_is_refused(card_bytes: Callable[..., bytes]) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as written:
        written.writestr("predictions.jsonl", LINE)
        written.writestr("card.yaml", card_bytes())
        with pytest.warns(UserWarning, match="Duplicate"):
            written.writestr("card.yaml", card_bytes("Another"))
    with pytest.raises(InputError) as caught:
        read_zip(stream, Limits())
    assert "card.yaml occurs twice" in str(caught.value)


def test_links_and_encryption_are_refused(card_bytes: Callable[..., bytes]) -> None:
    files = {"predictions.jsonl": LINE, "card.yaml": card_bytes()}
    with pytest.raises(InputError) as caught:
        read_zip(archive(files, external_attr=0o120777 << 16), Limits())
    assert "is a link" in str(caught.value)
    content = bytearray(archive(files).getvalue())
    place = content.index(b"PK\x01\x02")
    content[place + 8] |= 1
    with pytest.raises(InputError) as caught:
        read_zip(io.BytesIO(bytes(content)), Limits())
    assert "is encrypted" in str(caught.value)


@pytest.mark.parametrize("damage", [b"", b"PK", b"not a zip at all" * 10, b"\x1f\x8b" + b"0" * 50])
def test_what_is_no_archive_is_refused(damage: bytes) -> None:
    with pytest.raises(InputError, match=r"not a \.zip"):
        read_zip(io.BytesIO(damage), Limits())


def test_every_broken_archive_is_a_mendable_error(card_bytes: Callable[..., bytes]) -> None:
    """Each byte of an archive in turn is changed; nothing but an InputError may come of it."""
    content = archive({"predictions.jsonl": LINE * 5, "card.yaml": card_bytes()}).getvalue()
    n_refused = 0
    for place in range(0, len(content)):
        broken = bytearray(content)
        broken[place] ^= 0xFF
        try:
            read_zip(io.BytesIO(bytes(broken)), Limits())
        except InputError:
            n_refused += 1
    assert n_refused > len(content) // 2


def test_trailing_bytes_and_comments_are_refused(card_bytes: Callable[..., bytes]) -> None:
    content = archive({"predictions.jsonl": LINE, "card.yaml": card_bytes()}).getvalue()
    for stream in (io.BytesIO(content + b"x"), io.BytesIO(content[:-2] + b"\x01\x00x")):
        with pytest.raises(InputError, match="comment or trailing data"):
            read_zip(stream, Limits())


def test_missing_files_are_named(card_bytes: Callable[..., bytes]) -> None:
    with pytest.raises(InputError) as caught:
        read_zip(archive({"predictions.jsonl": LINE}), Limits())
    assert "card.yaml is missing" in str(caught.value)
