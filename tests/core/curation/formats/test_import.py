"""`bench data import` whatever the format: whole or nothing, counted, and safe with files that nobody vouches for."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.cli.main import run
from bioreview_bench.curation.formats import registry
from bioreview_bench.curation.formats.raw import RawArticle, RawConcern, RawReview, letter, shortened, slug_of, venue_of
from bioreview_bench.curation.formats.source import DataSource

REVIEW = "review text that is long enough to be one, and should be clearer"


def paper(number: int, **more: Any) -> dict[str, Any]:
    return {"id": str(number), "title": f"Paper {number}", "abstract": "A.", "reviews": [{"comments": REVIEW}]} | more


def files(*papers: Any) -> dict[str, Any]:
    return {f"venue/train/reviews/{number}.json": one for number, one in enumerate(papers)}


def test_formats_are_listed_with_what_they_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "import", "--list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in registry.format_names())
    assert "PeerRead: the repository" in " ".join(out.split())


def test_an_unknown_format_is_answered_with_the_nearest(imported: Callable[..., Any], tmp_path: Path) -> None:
    done = imported("pearread", tmp_path)
    assert done.code == 2
    assert "did you mean peerread?" in done.err


def test_the_names_of_formats_may_be_written_as_their_data_sets_are() -> None:
    assert registry.find_format("PeerRead") is registry.find_format("peerread")
    assert registry.find_format("peerreview_bench") is registry.find_format("peerreview-bench")


def test_the_manifest_says_where_the_articles_come_from(
    imported: Callable[..., Any], tree: Callable[..., Path]
) -> None:
    root = tree(files(paper(1), paper(2)))
    done = imported("peerread", root)
    name = "venue/train/reviews/0.json"
    assert done.manifest["source"]["files"][name] == hashlib.sha256((root / name).read_bytes()).hexdigest()
    assert (done.manifest["articles"], done.manifest["reviews"], done.manifest["concerns"]) == (2, 2, 0)
    assert done.manifest["articles_without_concerns"] == 2
    assert "2 articles have no concerns yet" in done.out


def test_the_same_data_give_the_same_bytes(
    imported: Callable[..., Any], tree: Callable[..., Path], tmp_path: Path
) -> None:
    root = tree(files(*map(paper, range(5))))
    first = {path.name: path.read_bytes() for path in imported("peerread", root).folder.iterdir()}
    assert run(["data", "import", "peerread", str(root), "-o", str(tmp_path / "again")]) == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()} == first


def test_all_wrong_files_are_listed_and_nothing_is_written(
    imported: Callable[..., Any], tree: Callable[..., Path], tmp_path: Path
) -> None:
    wrong = ["{", paper(3, title=5), paper(4, reviews={"a": 1}), '{"id": "1", "id": "2"}', '{"x": NaN}']
    done = imported("peerread", tree(files(paper(1), *wrong)))
    assert done.code == 2
    assert "5 rows or files are wrong; nothing was written" in done.err
    for says in (
        "reviews/1.json: broken JSON",
        "reviews/2.json: title must be a string, this is a number",
        "reviews/3.json: reviews must be a list of objects",
        "reviews/4.json: duplicate JSON key",
        "reviews/5.json: NaN is not JSON",
        "--skip-bad 5",
    ):
        assert says in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["data-set"]


def test_ten_problems_are_shown_and_the_others_counted(imported: Callable[..., Any], tree: Callable[..., Path]) -> None:
    done = imported("peerread", tree(files(*["{"] * 13)))
    assert done.err.count("broken JSON") == 10
    assert "and 3 more (--all lists them)" in done.err


def test_wrong_rows_are_left_out_only_when_their_number_is_named(
    imported: Callable[..., Any], tree: Callable[..., Path]
) -> None:
    root = tree(files(paper(1), "{", "["))
    assert imported("peerread", root, "--skip-bad", "1").code == 2
    assert not imported("peerread", root, "--skip-bad", "3").folder.exists()
    done = imported("peerread", root, "--skip-bad", "2")
    assert done.code == 0
    assert list(done.articles) == ["venue:1"]
    assert done.manifest["skipped"]["rows"] == 2
    assert "2 wrong rows" in done.out


def test_two_articles_with_one_id_are_wrong(imported: Callable[..., Any], tree: Callable[..., Path]) -> None:
    done = imported("peerread", tree(files(paper(1), paper(1))))
    assert "a second article venue:1 (the first is at venue/train/reviews/0.json)" in done.err


def test_an_existing_folder_is_not_overwritten(imported: Callable[..., Any], tree: Callable[..., Path]) -> None:
    root = tree(files(paper(1)))
    before = imported("peerread", root).folder / "articles.jsonl"
    stamp = before.stat().st_mtime_ns
    assert "is not overwritten" in imported("peerread", root).err
    assert before.stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    "key", ["../../etc/passwd", "/etc/passwd", "a\x00b", "C:\\x", "~", "..", "a b", "ä" * 300, "\ud800"]
)
def test_ids_that_are_paths_or_no_words_become_safe_and_stay_different(
    key: str, imported: Callable[..., Any], tree: Callable[..., Path]
) -> None:
    done = imported("peerread", tree(files(paper(1, id=key), paper(1, id=f"{key}."))))
    assert done.code == 0, done.err
    assert len(done.articles) == 2
    assert all(name.isascii() and "/" not in name and len(name) < 90 for name in done.articles)
    assert done.lint_errors() == []


def test_control_characters_stay_in_texts_and_break_nothing(
    imported: Callable[..., Any], tree: Callable[..., Path]
) -> None:
    done = imported("peerread", tree(files(paper(1, title="A\x1b[31m\u202e title"))))
    assert "\x1b" not in done.out
    assert done.articles["venue:1"]["title"] == "A\x1b[31m\u202e title"
    assert done.lint_errors() == []


def test_deep_nesting_and_packed_files_are_problems(imported: Callable[..., Any], tree: Callable[..., Path]) -> None:
    root = tree(files('{"a":' * 10_000 + "1" + "}" * 10_000))
    (root / "venue/train/reviews/1.json").write_bytes(b"\x1f\x8b" + b"0" * 50)
    done = imported("peerread", root)
    assert "nested too deeply" in done.err
    assert "is a gzip file" in done.err


@pytest.mark.parametrize(
    ("form", "name", "says"),
    [("peerread", "9.json", "has more than 64 MiB"), ("openreview", "9.jsonl", "at most 16,777,216 are read")],
)
def test_a_line_of_200_megabytes_is_refused_in_bounded_memory(
    imported: Callable[..., Any], tree: Callable[..., Path], form: str, name: str, says: str
) -> None:
    root = tree(files(paper(1)))
    with (root / "venue/train/reviews" / name).open("wb") as stream:
        stream.write(b'{"id": "9", "title": "')
        for _ in range(200):
            stream.write(b"x" * 2**20)
        stream.write(b'"}')
    tracemalloc.start()
    done = imported(form, root)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert says in done.err
    assert most < 150 * 2**20


def test_links_are_not_followed(imported: Callable[..., Any], tree: Callable[..., Path], tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps(paper(7, title="secret")))
    root = tree(files(paper(1)))
    (root / "venue/train/reviews/7.json").symlink_to(secret)
    assert "7.json: is a link, which is not followed" in imported("peerread", root).err


def test_a_path_without_articles_says_so(imported: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "No article was found" in imported("peerread", tmp_path / "empty").err
    assert "There is no file or folder" in imported("peerread", tmp_path / "absent").err


def test_installed_packages_add_formats(
    imported: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def points(group: str) -> list[EntryPoint]:
        return [EntryPoint("mine", f"{__name__}:mine", group)]

    monkeypatch.setattr(registry, "entry_points", points)
    monkeypatch.setitem(sys.modules, __name__, sys.modules[mine.__module__])
    done = imported("mine", tmp_path)
    assert done.code == 0, done.err
    assert [one["concern_id"] for one in done.articles["zoo:a"]["concerns"]] == ["zoo:a:R1C1", "zoo:a:R2C1"]
    assert done.manifest["left_out"] == {"concerns of fewer than 10 characters": 1}
    assert done.manifest["concerns_shortened"] == 1
    assert done.manifest["licence"] == "CC0-1.0"
    assert done.lint_errors() == []
    assert registry.described()[-1] == ("mine", "What a zoo has")


@pytest.mark.parametrize("target", ["no_such_module:read", f"{__name__}:no_such_function"])
def test_a_package_that_cannot_be_loaded_is_named_and_hides_no_other_format(
    imported: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: [EntryPoint("broken", target, group)])
    monkeypatch.setitem(sys.modules, __name__, sys.modules[mine.__module__])
    done = imported("broken", tmp_path)
    assert done.code == 3
    assert 'The format "broken"' in done.err
    names = dict(registry.described())
    assert "cannot be loaded" in names["broken"]
    assert names["folder"].startswith("Folders")


def mine(source: DataSource) -> Iterator[RawArticle]:
    """What a zoo has.

    And more.
    """
    source.licence = "CC0-1.0"
    concerns = [RawConcern(1, "Too few animals."), RawConcern(1, "Why?"), RawConcern(2, "So long a point. " * 200)]
    yield RawArticle("a", "zoo", "a:1", title="A", concerns=concerns)


def test_help_and_list_load_nothing_heavy() -> None:
    code = "import sys; from bioreview_bench.cli.main import run; run(['data','import','--list']); " + (
        "print({'pandas','pyarrow','torch','lxml','scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_headings_in_reviews_get_lines_of_their_own_and_no_word_is_changed() -> None:
    text = "Good.\n- Weaknesses:\nNo control.\nSee: this"
    made = letter([RawReview(3, text)])
    assert made == "Reviewer #3:\n\nGood.\n\n- Weaknesses:\n\nNo control.\nSee: this"
    assert made.split()[2:] == text.split()
    assert letter([]) is None


def test_long_concerns_end_with_a_sentence() -> None:
    assert shortened("Short.") == "Short."
    assert shortened("A sentence of mine. " * 150) == ("A sentence of mine. " * 100).rstrip()
    assert len(shortened("x" * 3000)) == 2000


def test_slugs_are_stable_and_presets_are_left_to_their_own_form() -> None:
    assert [slug_of(key) for key in ("173", "a.b_c-d", "a..b", "x" * 81)][:2] == ["173", "a.b_c-d"]
    assert slug_of("a..b") != slug_of("a-b")
    assert [venue_of(name, "set") for name in ("PLOS", "ARR-22", "???", "Ä/b")] == ["set-plos", "arr-22", "set", "b"]
