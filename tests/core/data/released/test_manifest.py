"""Released data: a folder bears a version's name only while it is what the manifest says."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench import load_split
from bioreview_bench.cli.main import run
from bioreview_bench.data.folder import SPLITS, data_files, read_split
from bioreview_bench.data.released import manifest as manifests
from bioreview_bench.data.released.members import digests
from bioreview_bench.errors import DataError
from bioreview_bench.files.paths import pins_root

TINY = manifests.Manifest(
    version="v3",
    repo=None,
    revision=None,
    files={},
    sha256={},
    held_out=("test",),
    splits={
        "train": manifests.SplitFacts(articles=1, usable_by_source={"elife": 1}),
        "val": manifests.SplitFacts(articles=1),
        "test": manifests.SplitFacts(
            articles=2,
            by_source={"elife": 1, "peerj": 1},
            usable_by_source={"elife": 1},
            references=2,
            references_by_category={"design_flaw": 1, "other": 1},
        ),
    },
)


@pytest.fixture
def release(tmp_path: Path, make_article, write_jsonl, monkeypatch) -> Path:
    """A folder that is the whole of a version with four articles."""
    figure = {"concern_text": "Figure 2 has no scale bar.", "category": "figure_issue"}
    other = {"concern_text": "A second concern of a reviewer.", "category": "other"}
    members = {
        "train": [make_article("elife:1", ["A concern to learn from."])],
        "val": [make_article("elife:2", [])],
        "test": [
            make_article("elife:3", ["A first concern of a reviewer.", other, figure]),
            make_article("peerj:4", [figure]),
        ],
    }
    for split, articles in members.items():
        write_jsonl([article.model_dump_json() for article in articles], f"release/{split}.jsonl")
    monkeypatch.setattr(manifests, "load_manifest", lambda version: TINY.model_copy(update={"version": version}))
    return tmp_path / "release"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def refusal(data: object, split: str = "test") -> str:
    with pytest.raises(DataError) as caught:
        load_split(str(data), split)
    assert caught.value.exit_code == 4
    return str(caught.value)


def test_folder_that_agrees_in_its_counts_is_the_version_by_counts(release: Path) -> None:
    found = load_split(f"v3={release}", "test")
    assert (found.data, found.name, found.verification, found.held_out) == ("v3", "test", "counts", True)
    assert found.label == f"v3/test#{found.fingerprint}"
    assert [load_split(f"v3={release}", split).held_out for split in ("train", "val", "all")] == [False, False, True]


def test_every_differing_count_is_listed(release: Path) -> None:
    edit(release / "test.jsonl", '"source":"peerj"', '"source":"plos"')
    edit(release / "test.jsonl", '"category":"other"', '"category":"interpretation"')
    edit(release / "test.jsonl", '"category":"figure_issue"', '"category":"design_flaw"')
    assert refusal(f"v3={release}").splitlines()[1:-1] == [
        "  articles of peerj: 0 here, 1 in the manifest",
        "  articles of plos: 1 here, 0 in the manifest",
        "  articles with a usable concern of plos: 1 here, 0 in the manifest",
        "  references: 4 here, 2 in the manifest",
        "  references of design_flaw: 3 here, 1 in the manifest",
        "  references of other: 0 here, 1 in the manifest",
        "  references of interpretation: 1 here, 0 in the manifest",
    ]


def test_missing_article_is_noticed_in_every_split_and_in_all(release: Path, write_jsonl, make_article) -> None:
    write_jsonl([make_article(f"elife:{number}").model_dump_json() for number in (2, 5)], "release/val.jsonl")
    assert "articles: 2 here, 1 in the manifest" in refusal(f"v3={release}", "val")
    assert "articles: 5 here, 4 in the manifest" in refusal(f"v3={release}", "all")


def test_differing_folder_can_be_scored_only_under_its_own_fingerprint(release: Path) -> None:
    frozen = load_split(f"v3={release}", "test").fingerprint
    edit(release / "test.jsonl", '"category":"other"', '"category":"interpretation"')
    found = load_split(f"v3={release}", "test", allow_unfrozen=True)
    assert (found.data, found.verification, found.held_out) == ("local", "none", False)
    assert found.fingerprint != frozen
    assert found.label == f"local/test#{found.fingerprint}"


def test_allowing_unfrozen_data_does_not_rename_frozen_ones(release: Path) -> None:
    assert load_split(f"v3={release}", "test", allow_unfrozen=True).data == "v3"


def test_plain_folder_is_never_the_version(release: Path) -> None:
    assert load_split(release, "test").data == "local"


def test_pinned_files_are_the_version_by_contents(release: Path) -> None:
    path = manifests.pin(TINY, data_files(release))
    assert path == pins_root() / "v3.json"
    for split in ("train", "val", "test", "all"):
        assert load_split(f"v3={release}", split).verification == "contents"
    # The hashes are v3's: nothing is known about v4.
    assert load_split(f"v4={release}", "test").verification == "counts"


def test_file_tampered_with_after_the_pin_is_refused(release: Path) -> None:
    manifests.pin(TINY, data_files(release))
    edit(release / "test.jsonl", "A first concern", "An easy concern")
    message = refusal(f"v3={release}")
    assert "test.jsonl: sha256 " in message
    assert "recorded is " in message
    assert "test.jsonl: sha256 " in refusal(f"v3={release}", "all")
    assert load_split(f"v3={release}", "train").verification == "contents"
    assert load_split(f"v3={release}", "test", allow_unfrozen=True).data == "local"


def test_list_of_splits_is_pinned_with_its_articles(release: Path) -> None:
    lines = "".join((release / f"{split}.jsonl").read_text() for split in ("train", "val", "test"))
    for path in data_files(release):
        path.unlink()
    (release / "articles.jsonl").write_text(lines)
    splits = {"train": ["elife:1"], "val": ["elife:2"], "test": ["elife:3", "peerj:4"]}
    (release / "splits.json").write_text(json.dumps(splits))
    manifests.pin(TINY, data_files(release))
    assert load_split(f"v3={release}", "val").verification == "contents"
    (release / "splits.json").write_text(json.dumps({**splits, "train": ["elife:2"], "val": ["elife:1"]}))
    assert "splits.json: sha256 " in refusal(f"v3={release}", "val")


def test_file_that_was_never_pinned_is_refused(release: Path) -> None:
    manifests.pin(TINY, [release / "test.jsonl"])
    assert "train.jsonl: no sha256 is recorded for it" in refusal(f"v3={release}", "train")


def test_bundled_hashes_win_over_pinned_ones(release: Path, monkeypatch) -> None:
    manifests.pin(TINY, data_files(release))
    bundled = TINY.model_copy(update={"sha256": {"test.jsonl": "0" * 64}})
    monkeypatch.setattr(manifests, "load_manifest", lambda _: bundled)
    assert f"recorded is {'0' * 64}" in refusal(f"v3={release}")


@pytest.mark.parametrize("content", ["{", "[]", '{"version": "v3"}', '{"sha256": ["a"]}', "\ud800"])
def test_damaged_pin_file_is_an_error_and_not_an_unpinned_version(release: Path, content: str) -> None:
    path = manifests.pin(TINY, data_files(release))
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    said = refusal(f"v3={release}")
    assert str(path) in said
    assert said.endswith(f"Next: rm {path}, then bench data verify --pin")


def test_bundled_manifests_hold_the_published_counts() -> None:
    v3, v4 = manifests.load_manifest("v3"), manifests.load_manifest("v4")
    assert (v3.version, v3.held_out, v4.version, v4.held_out) == ("v3", ("test",), "v4", ("test",))
    assert {name: facts.articles for name, facts in v3.splits.items()} == {"train": 4740, "val": 838, "test": 981}
    assert {name: facts.articles for name, facts in v4.splits.items()} == {"train": 5387, "val": 953, "test": 600}
    test: Any = v3.splits["test"]
    assert test.by_source == {"f1000": 403, "elife": 273, "plos": 260, "peerj": 37, "nature": 8}
    assert sum(test.by_source.values()) == 981
    assert sum(test.references_by_category.values()) == test.references == 13947
    assert v3.repo is None
    assert (v4.repo, v4.revision) == ("jang1563/bioreview-bench", "v4.1.3")


def pin_articles(release: Path) -> Path:
    return manifests.pin(TINY, data_files(release), {split: digests(read_split(release, split)) for split in SPLITS})


def test_articles_of_the_same_number_are_not_the_release_when_their_ids_differ(release: Path, monkeypatch) -> None:
    """By counts alone, one article could be exchanged for another of its source."""
    edit(release / "test.jsonl", '"id":"peerj:4"', '"id":"peerj:5"')
    assert load_split(f"v3={release}", "test").verification == "counts"
    known = TINY.model_copy(update={"members": {"test": {"elife:3": None, "peerj:4": None}}})
    monkeypatch.setattr(manifests, "load_manifest", lambda _: known)
    assert refusal(f"v3={release}").splitlines()[1:3] == [
        "  1 article of the release is not here: peerj:4",
        "  1 article is not in the release: peerj:5",
    ]
    assert load_split(f"v3={release}", "all").held_out  # of train and val no ids are known


def test_ids_alone_are_no_contents(release: Path) -> None:
    manifests.record_ids(TINY, {"train": ["elife:1"], "val": ["elife:2"], "test": ["elife:3", "peerj:4"]})
    assert load_split(f"v3={release}", "test").verification == "counts"
    edit(release / "val.jsonl", '"id":"elife:2"', '"id":"elife:9"')
    assert "1 article of the release is not here: elife:2" in refusal(f"v3={release}", "val")
    assert "elife:2" in refusal(f"v3={release}", "all")


def test_pinned_articles_are_recognised_in_other_files(release: Path) -> None:
    pin_articles(release)
    for split in SPLITS:
        path = release / f"{split}.jsonl"
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps(row, indent=None, sort_keys=True) + "\n" for row in rows[::-1]))
        assert load_split(f"v3={release}", split).verification == "contents"
    assert load_split(f"v3={release}", "all").verification == "contents"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A first concern of a reviewer.", "A first concern of another."),
        ('"title":null', '"title":"Another"'),
        ('"requires_figure_reading":false', '"requires_figure_reading":false,"a":1'),
    ],
)
def test_an_article_that_says_something_else_is_named(release: Path, old: str, new: str) -> None:
    pin_articles(release)
    edit(release / "test.jsonl", old, new)
    if '"a":1' in new:  # an unknown field is neither a reference nor shown to a reviewer
        assert load_split(f"v3={release}", "test").verification == "contents"
        return
    said = refusal(f"v3={release}")
    assert "other text than what was pinned: elife:3" in said
    assert "test.jsonl: sha256 " in said


def test_a_text_free_index_is_never_the_release(release: Path) -> None:
    for split in SPLITS:
        rows = [json.loads(line) for line in (release / f"{split}.jsonl").read_text().splitlines()]
        slim = [{"id": row["id"], "source": row["source"]} for row in rows]
        (release / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in slim))
    assert "articles without concerns: 1 here, 0 in the manifest" in refusal(f"v3={release}", "val")
    assert "articles without concerns: 4 here, 0 in the manifest" in refusal(f"v3={release}", "all")


def test_verify_pins_ids_and_digests(release: Path, capsys: Any) -> None:
    assert run(["data", "verify", "--data", f"v3={release}"]) == 0
    assert "which ids were released is not known here" in capsys.readouterr().out
    assert run(["data", "verify", "--data", f"v3={release}", "--pin"]) == 0
    assert "Recorded the sha256 of 3 files and 4 articles" in capsys.readouterr().out
    pinned = json.loads((pins_root() / "v3.json").read_text())
    assert {split: set(members) for split, members in pinned["splits"].items()} == {
        "train": {"elife:1"},
        "val": {"elife:2"},
        "test": {"elife:3", "peerj:4"},
    }
    assert {len(digest) for members in pinned["splits"].values() for digest in members.values()} == {24}
    assert run(["data", "verify", "--data", f"v3={release}"]) == 0
    assert "verified by contents, ids as released" in capsys.readouterr().out


def test_an_index_keeps_what_was_pinned(release: Path) -> None:
    pin_articles(release)
    manifests.record_ids(TINY, {"train": ["elife:1"], "val": ["elife:2"], "test": ["elife:3"]})
    assert load_split(f"v3={release}", "test").verification == "contents"


@pytest.mark.parametrize("splits", [[], {"test": []}, {"test": {"elife:3": 5}}, "test"])
def test_a_pin_file_with_damaged_members_is_refused(release: Path, splits: Any) -> None:
    path = pin_articles(release)
    path.write_text(json.dumps({**json.loads(path.read_text()), "splits": splits}))
    assert "is not a pin file" in refusal(f"v3={release}")


def test_shards_of_a_release_are_one_split(release: Path) -> None:
    lines = (release / "test.jsonl").read_text().splitlines(keepends=True)
    for number, line in enumerate(lines):
        (release / f"test-{number:05d}-of-00002.jsonl").write_text(line)
    (release / "test.jsonl").unlink()
    assert load_split(f"v3={release}", "test").verification == "counts"
    (release / "test-00001-of-00002.jsonl").unlink()
    assert "1 of 2 shards are not there, the first test-00001-of-00002.jsonl" in refusal(f"v3={release}")


def test_the_bundled_ids_of_v4_are_those_that_were_published() -> None:
    """Numbers by source are those of the published statistics; so are the families with versions in val and in test."""
    v4 = manifests.load_manifest("v4")
    assert set(v4.members) == {"val", "test"}  # the ids of train are in the public index only
    for split, members in v4.members.items():
        assert len(members) == v4.splits[split].articles
        assert Counter(article_id.partition(":")[0] for article_id in members) == v4.splits[split].by_source
        assert set(members.values()) == {None}
    assert not v4.members["val"].keys() & v4.members["test"].keys()
    families = [{name.rpartition(".")[0] for name in v4.members[one] if name[:5] == "f1000"} for one in ("val", "test")]
    assert len(families[0] & families[1]) == 9
    assert manifests.load_manifest("v3").members == {}
