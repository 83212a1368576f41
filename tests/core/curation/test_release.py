"""`bench data export`, `public`, `push`: what is written can be read by others, and holds nothing that it must not."""

from __future__ import annotations

import base64
import errno
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bioreview_bench import load_split
from bioreview_bench.cli.main import run
from bioreview_bench.curation.release.describe import HUB_SPLITS
from bioreview_bench.curation.release.export import export, wrong_checksums
from bioreview_bench.curation.release.public import write_public
from bioreview_bench.curation.release.push import plan_upload
from bioreview_bench.curation.release.tables import schema_of
from bioreview_bench.data.article import Article
from bioreview_bench.data.folder import read_split
from bioreview_bench.data.split import fingerprint
from bioreview_bench.errors import DataError, InputError, WriteError

from ...conftest import JsonHandler

SPLITS = ("train", "val", "test")


def demo() -> dict[str, list[Article]]:
    return {name: list(load_split("demo", name)) for name in SPLITS}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release") / "full"
    export(demo(), folder, "Demo", {"test"}, withhold=False, form="both")
    return folder


@pytest.fixture(scope="module")
def withheld(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release") / "withheld"
    export(demo(), folder, "Demo", {"test"}, withhold=True, form="both")
    return folder


def strings(folder: Path) -> set[str]:
    """Every string of every file of a release, decoded."""
    found: set[str] = set()

    def gather(value: Any) -> None:
        if isinstance(value, str):
            found.add(value)
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            gather(inner)

    for path in folder.rglob("*"):
        if path.suffix == ".parquet":
            gather(pyarrow.parquet.read_table(path).to_pylist())
        elif path.suffix == ".jsonl":
            gather([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])
        elif path.is_file():
            found.add(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_what_is_written_reads_back_as_the_same_split(release: Path, form: str) -> None:
    folder = release / ("data" if form == "parquet" else "jsonl") / "default"
    for name in SPLITS:
        original, read = load_split("demo", name), load_split(folder, name)
        assert read.fingerprint == original.fingerprint
        assert [a.sections for a in read] == [a.sections for a in sorted(original, key=lambda a: a.id)]
        stances = [[concern.author_stance for concern in article.concerns] for article in read]
        assert stances == [[c.author_stance for c in a.concerns] for a in sorted(original, key=lambda a: a.id)]


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
@pytest.mark.parametrize("withhold", [True, False])
def test_load_dataset_and_croissant_read_every_configuration(form: str, withhold: bool, tmp_path: Path) -> None:
    datasets, croissant = pytest.importorskip("datasets"), pytest.importorskip("mlcroissant")
    folder = tmp_path / "r"
    two_sources = {name: [a for a in rows if a.source in ("elife", "plos")] for name, rows in demo().items()}
    manifest = export(two_sources, folder, "Demo", {"test"}, withhold=withhold, form=form)
    described = croissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert not described.metadata.ctx.issues.errors
    for configuration, counts in manifest["configurations"].items():
        loaded = datasets.load_dataset(str(folder), configuration, cache_dir=str(tmp_path / "cache"))
        assert {name: len(rows) for name, rows in loaded.items()} == {HUB_SPLITS[n]: c for n, c in counts.items()}
        for split, n in counts.items():
            assert len(list(described.records(record_set=f"{configuration}-{split}"))) == n
    assert set(loaded["test"][0]["paper_text_sections"][0]) == {"heading", "text"}
    first = loaded["test"][0]
    dates = {article.id: article.published_date for article in two_sources["test"]}
    assert first["published_date"][:10] == dates[first["id"]]


def test_nothing_of_a_held_out_review_is_in_a_withheld_release(withheld: Path) -> None:
    everything = "\n".join(strings(withheld))
    for article in load_split("demo", "test"):
        assert article.abstract in everything  # type: ignore[operator]
        secrets = [concern.concern_text for concern in article.concerns]
        secrets += [text for text in (article.decision_letter_raw, article.author_response_raw) if text]
        for secret in secrets:
            assert secret not in everything
    assert all(concern.concern_text in everything for a in load_split("demo", "train") for concern in a.concerns)
    assert not (withheld / "data" / "default").exists()


def test_a_field_that_nobody_thought_of_is_not_published(tmp_path: Path) -> None:
    article = Article.model_validate(
        {
            "id": "a:1",
            "source": "a",
            "concerns": [],
            "referee_remarks": "secret",
            "paper_text_sections": {"Peer review file": "secret", "Results": "open"},
        }
    )
    export({"test": [article]}, tmp_path / "r", "R", {"test"}, withhold=True, form="jsonl")
    assert "secret" not in strings(tmp_path / "r")
    assert "open" in strings(tmp_path / "r")


@pytest.mark.parametrize(
    "planted",
    [
        {"paper_text_sections": {"Public evaluation": "So it was said: {}"}},
        {"subjects": ["{}"]},
        {"structured_references": [{"note": {"text": "{}"}}]},
        {"abstract": "Short.\n\n{}"},
    ],
)
def test_a_held_out_paper_that_holds_its_review_is_not_published(tmp_path: Path, planted: dict[str, Any]) -> None:
    concern = "There is no control for the stress of being kept awake at night."
    fields = json.loads(json.dumps(planted).replace("{}", concern.replace(" control", "  control")))
    article = made("a:1", **fields, **{"concerns": [{"concern_id": "a:1:R1C1", "concern_text": concern}]})
    with pytest.raises(InputError, match="hold their own reviews"):
        export({"test": [article]}, tmp_path / "r", "R", {"test"}, withhold=True)
    assert list(tmp_path.iterdir()) == []
    export({"test": [article]}, tmp_path / "r", "R", {"test"}, withhold=False)


def made(article_id: str, **fields: Any) -> Article:
    return Article.model_validate({"id": article_id, "source": "a", "concerns": [], **fields})


@pytest.mark.parametrize(
    ("open_one", "closed_one"),
    [
        (made("a:1"), made("a:1")),
        (made("a:1v1"), made("a:1v2")),
        (made("a:1", doi="10.12688/f1000research.7.1"), made("a:2", doi="10.12688/F1000research.7.2")),
        (made("b:1", title="Terns of the outer ledge"), made("a:2", title="Terns of the <i>outer</i> ledge.")),
    ],
)
def test_a_held_out_article_that_is_also_open_stops_what_is_for_others(
    open_one: Article, closed_one: Article, tmp_path: Path
) -> None:
    splits = {"train": [open_one], "test": [closed_one]}
    with pytest.raises(InputError, match="one manuscript"):
        export(splits, tmp_path / "r", "R", {"test"}, withhold=True)
    with pytest.raises(InputError, match="one manuscript"):
        write_public(splits, tmp_path / "p", {"test"})
    assert list(tmp_path.iterdir()) == []


def test_what_withholds_nothing_or_knows_no_such_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Nothing would be withheld"):
        export({"train": [made("a:1")]}, tmp_path / "r", "R", {"test"}, withhold=True)
    for splits, held_out in (({"validation": [made("a:1")]}, set()), ({"val": [made("a:1")]}, {"validation"})):
        with pytest.raises(InputError, match='no split "validation"'):
            export(splits, tmp_path / "r", "R", held_out, withhold=True)


def test_odd_characters_in_labels_break_nothing(tmp_path: Path) -> None:
    splits = {"train": [made("a:1", license="CC\u2028BY \ud800", doi="10.1/\x85")]}
    export(splits, tmp_path / "r", "R\ud800", set(), withhold=False, form="both")
    with pytest.raises(DataError, match="not free of texts"):
        write_public(splits, tmp_path / "p", set())


def test_croissant_is_valid_whatever_columns_are_called(tmp_path: Path) -> None:
    croissant = pytest.importorskip("mlcroissant")
    article = made("a:1", **{"two words": 1, "$x": "y", "a.b": True})
    export({"train": [article]}, tmp_path / "r", "R", set(), withhold=False)
    described = croissant.Dataset(jsonld=str(tmp_path / "r" / "croissant.json"))
    (row,) = described.records(record_set="default-train")
    assert 1 in row.values()


def test_a_release_that_cannot_be_written_is_not_there_and_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("bioreview_bench.curation.release.export.write_checksums", full)
        with pytest.raises(WriteError, match="the disk is full"):
            export(demo(), tmp_path / "r", "Demo", {"test"}, withhold=False)
    assert list(tmp_path.iterdir()) == []
    export(demo(), tmp_path / "r", "Demo", {"test"}, withhold=False)
    assert wrong_checksums(tmp_path / "r") == []


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(anything, anything, st.lists(anything, max_size=3)), min_size=1, max_size=4))
def test_fields_of_any_shape_are_released_and_the_articles_read_back(found: list[tuple[Any, Any, list[Any]]]) -> None:
    articles = [
        made(
            f"a:{number}",
            odd=one,
            structured_references=references,
            concerns=[{"concern_id": "C1", "concern_text": "Too small a sample.", "odd": two}],
        )
        for number, (one, two, references) in enumerate(found)
    ]
    with tempfile.TemporaryDirectory() as folder:
        export({"train": articles}, Path(folder) / "r", "R", set(), withhold=False, form="both")
        for root in ("data", "jsonl"):
            read = load_split(Path(folder) / "r" / root / "default", "train")
            assert read.fingerprint == fingerprint(articles)
            assert [len(a.structured_references) for a in read] == [len(a.structured_references) for a in articles]


def test_the_same_articles_give_the_same_bytes_in_any_order(release: Path, tmp_path: Path) -> None:
    turned = {name: rows[::-1] for name, rows in demo().items()}
    export(turned, tmp_path / "r", "Demo", {"test"}, withhold=False, form="both")
    for path in release.rglob("*"):
        if path.is_file():
            assert (tmp_path / "r" / path.relative_to(release)).read_bytes() == path.read_bytes()


def test_checksums_find_what_changed_vanished_or_came(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    export(demo(), folder, "Demo", {"test"}, withhold=False)
    assert wrong_checksums(folder) == []
    (folder / "README.md").write_text("other", encoding="utf-8")
    (folder / "data" / "default" / "val.parquet").unlink()
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    assert wrong_checksums(folder) == [
        "data/default/val.parquet is not there",
        "notes.txt is not listed",
        "README.md has changed",
    ]
    with pytest.raises(DataError, match="not as it was written"):
        plan_upload(folder, "my-lab/reviews", private=True)


def test_a_release_is_never_overwritten(release: Path) -> None:
    with pytest.raises(InputError, match="never overwritten"):
        export(demo(), release, "Demo", set(), withhold=False)


def test_columns_of_mixed_types_become_json_and_empty_ones_strings() -> None:
    rows = [{"a": 1, "b": {"x": None}, "c": {}, "d": None, "e": 2**70}, {"a": "one", "b": {"y": [1]}, "d": None}]
    schema = schema_of(rows)
    assert {field.name: str(field.type) for field in schema} == {
        "a": "string",
        "b": "struct<x: string, y: list<item: int64>>",
        "c": "string",
        "d": "string",
        "e": "string",
    }


def test_a_card_escapes_what_comes_from_files(tmp_path: Path) -> None:
    article = Article.model_validate({"id": "a:1", "source": "a", "concerns": [], "license": "<script>|x\n# y"})
    export({"train": [article]}, tmp_path / "r", 'My "data": <b>', set(), withhold=False)
    text = (tmp_path / "r" / "README.md").read_text(encoding="utf-8")
    assert "<script>" not in text.replace("\\<", "")
    assert r"\<script\>\|x \# y" in text
    yaml = pytest.importorskip("yaml")
    head = yaml.safe_load(text.split("---")[1])
    assert head["pretty_name"] == 'My "data": <b>'
    tasks = yaml.safe_load((tmp_path / "r" / "eval.yaml").read_text(encoding="utf-8"))["tasks"]
    assert tasks == [{"id": "concerns_train", "config": "default", "split": "train"}]


def test_the_public_part_has_ids_and_labels_only(tmp_path: Path) -> None:
    rows = write_public(demo(), tmp_path / "p", {"test"})
    assert rows["data/index/test.jsonl"] == 12
    assert "data/annotations/test.jsonl" not in rows
    longest = max(map(len, strings(tmp_path / "p") - {(tmp_path / "p" / "SHA256SUMS").read_text(encoding="utf-8")}))
    assert longest < 60
    index = [
        json.loads(line) for line in (tmp_path / "p/data/index/train.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert {row["id"] for row in index} == {article.id for article in load_split("demo", "train")}


def test_held_out_references_go_to_private_repositories_only(release: Path, withheld: Path) -> None:
    with pytest.raises(InputError, match="held out"):
        plan_upload(release, "my-lab/reviews", private=False)
    assert plan_upload(release, "my-lab/reviews", private=True).private
    assert not plan_upload(withheld, "my-lab/reviews", private=False).private
    for repo in ("reviews", "a/b/c", "my-lab/../x"):
        with pytest.raises(InputError, match="--repo OWNER/NAME"):
            plan_upload(withheld, repo, private=True)


@dataclass
class Received:
    """What a Hub on loopback was sent."""

    url: str = ""
    public: bool = False
    created: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)


@pytest.fixture
def hub(loopback: Callable[..., str]) -> Received:
    state = Received()

    class Handler(JsonHandler):
        def do_GET(self) -> None:
            self.send_json({"id": "my-lab/reviews", "private": not state.public, "sha": "1" * 40})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0]
            if path == "/api/repos/create":
                state.created.append(json.loads(body))
                self.send_json({"url": f"{state.url}/datasets/my-lab/reviews"}, 409 if state.public else 200)
            elif path.endswith("/preupload/main"):
                paths = [one["path"] for one in json.loads(body)["files"]]
                self.send_json({"files": [{"path": p, "uploadMode": "regular", "shouldIgnore": False} for p in paths]})
            elif path == "/api/datasets/my-lab/reviews/commit/main":
                for line in body.splitlines():
                    entry = json.loads(line)
                    if entry["key"] == "file":
                        state.files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
                url = f"{state.url}/datasets/my-lab/reviews/commit/{'1' * 40}"
                self.send_json({"commitUrl": url, "commitOid": "1" * 40, "hookOutput": "", "success": True})
            else:
                self.send_json({"errors": [], "warnings": []})

    state.url = loopback(Handler)
    return state


def push(hub: Received, home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    environment = {**known, "HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_loopback", "HF_HOME": str(home)}
    command = [sys.executable, "-m", "bioreview_bench", "data", "push", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


def test_a_release_is_uploaded_file_by_file(hub: Received, withheld: Path, tmp_path: Path) -> None:
    dry = push(hub, tmp_path, withheld, "--repo", "my-lab/reviews", "--dry-run")
    assert (dry.returncode, hub.created) == (0, [])
    done = push(hub, tmp_path, withheld, "--repo", "my-lab/reviews", "--private", "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("/commit/" + "1" * 40)
    assert hub.created[0]["visibility"] == "private"
    assert hub.created[0]["type"] == "dataset"
    assert hub.files == {str(p.relative_to(withheld)): p.read_bytes() for p in withheld.rglob("*") if p.is_file()}


def test_nothing_private_goes_to_a_public_repository(hub: Received, release: Path, tmp_path: Path) -> None:
    hub.public = True
    done = push(hub, tmp_path, release, "--repo", "my-lab/reviews", "--private", "--yes")
    assert (done.returncode, hub.files) == (2, {})
    assert "is public" in done.stderr


def test_fields_of_which_a_release_has_no_value_can_be_read_again(tmp_path: Path) -> None:
    flags = dict.fromkeys(("evidence_of_change", "raised_by_multiple", "reviewer_num", "resolution_confidence"))
    concern = {"concern_id": "zoo:1:R1C1", "concern_text": "There is no control.", **flags}
    bare = {"id": "zoo:1", "source": "zoo", "has_author_response": None, "paper_text_sections": {}}
    for name, concerns in (("without", []), ("with", [concern])):
        article = Article.model_validate({**bare, "concerns": concerns})
        export({"test": [article]}, tmp_path / name, "Zoo", set(), withhold=False)
        (read,) = read_split(tmp_path / name / "data/default", "test")
        assert (read.id, len(read.concerns), read.sections) == ("zoo:1", len(concerns), {})


def test_from_a_file_of_articles_to_a_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        article.model_dump(mode="json", exclude_unset=True) for name in SPLITS for article in load_split("demo", name)
    ]
    source = tmp_path / "articles.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    split, out = tmp_path / "split", tmp_path / "release"
    for command in (
        ["data", "lint", source],
        ["data", "split", source, "-o", split, "--test", "elife=2,plos=2,f1000=2", "--val", "0.2"],
        ["audit", split, "--strict"],
        ["data", "export", split, "-o", out, "--name", "mine"],
        [
            "evaluate",
            "demo:careful",
            "--data",
            out / "data/default",
            "--contract",
            "jaccard",
            "--allow-extra",
            "--quiet",
        ],
    ):
        assert run([str(part) for part in command]) == 0, capsys.readouterr()
    assert "local/test, 6 articles" in capsys.readouterr().out
