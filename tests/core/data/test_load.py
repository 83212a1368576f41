"""What a user may type after --data, and what the loaded split is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from bioreview_bench import fingerprint, load_split
from bioreview_bench.data.load import default_contract, locate
from bioreview_bench.data.split import Split
from bioreview_bench.errors import DataError, InputError
from bioreview_bench.files.paths import data_root


@pytest.fixture
def folder(tmp_path: Path, make_article, write_jsonl) -> Path:
    """A plain folder with three test articles and one of train."""
    articles = [make_article(f"elife:{number}", ["A concern of a reviewer."]) for number in (3, 1, 2)]
    write_jsonl([article.model_dump_json() for article in articles], "mine/test.jsonl")
    write_jsonl([make_article("elife:9").model_dump_json()], "mine/train.jsonl")
    return tmp_path / "mine"


def test_demo_is_bundled_and_says_so() -> None:
    found = load_split("demo", "test")
    assert (found.data, found.name, found.verification, found.held_out) == ("demo", "test", "bundled", False)
    assert found.label == f"demo/test#{fingerprint(found)}"
    assert len(load_split("demo", "all")) == sum(len(load_split("demo", name)) for name in ("train", "val", "test"))
    assert load_split("demo", "validation").name == "val"


def test_plain_folder_is_local_whatever_it_is_called(folder: Path) -> None:
    for name in ("v3", "v4", "demo"):
        named = folder.rename(folder.parent / name)
        for data in (named, str(named)):
            found = load_split(data, "test")
            assert (found.data, found.verification) == ("local", "none")
        named.rename(folder)


def test_released_data_have_the_official_contract_and_all_others_the_one_that_reads() -> None:
    released = {data: default_contract(data) for data in ("v3", "v4", "v3=/some/folder", "v4=x")}
    assert set(released.values()) == {"v3"}
    others = [default_contract(data) for data in ("demo", "known", "/some/folder", "v3-mine", "./v3")]
    assert set(others) == {"reader"}


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_version_that_is_not_here_is_answered_with_the_two_ways_to_get_it(version: str) -> None:
    with pytest.raises(DataError) as caught:
        load_split(version, "test")
    message = str(caught.value)
    assert caught.value.exit_code == 4
    assert f"bench data download {version} --repo OWNER/NAME" in message
    assert f"--data {version}=FOLDER" in message
    assert str(data_root() / version) in message


def test_downloaded_version_and_a_folder_named_for_one_are_checked_against_its_manifest(folder: Path) -> None:
    # Three articles are not the 981 of v3, wherever they lie.
    with pytest.raises(DataError, match=r"articles: 3 here, 981 in the manifest"):
        load_split(f"v3={folder}", "test")
    data_root().mkdir(parents=True)
    folder.rename(data_root() / "v3")
    with pytest.raises(DataError, match=r"is not the frozen v3"):
        load_split("v3", "test")
    assert load_split("v3", "test", allow_unfrozen=True).data == "local"


def test_folder_named_for_a_version_has_to_exist(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no data folder") as caught:
        load_split(f"v3={tmp_path / 'absent'}", "test")
    assert caught.value.remedy == "--data v3=FOLDER"


def test_only_released_versions_can_be_named_with_an_equals_sign(folder: Path) -> None:
    for data in (f"v5={folder}", f"demo={folder}", f"={folder}", "a\x1b=b"):
        with pytest.raises(InputError, match="is not a released version") as caught:
            load_split(data, "test")
        assert "\x1b" not in str(caught.value)


def test_folder_with_an_equals_sign_in_its_name_is_a_folder(folder: Path, monkeypatch) -> None:
    folder.rename(folder.parent / "a=b")
    monkeypatch.chdir(folder.parent)
    assert locate("a=b") == (None, Path("a=b"))
    assert len(load_split("a=b", "test")) == 3


def test_limit_takes_the_first_articles_and_shows_in_the_label(folder: Path) -> None:
    full, limited = load_split(folder, "test"), load_split(folder, "test", limit=2)
    assert [article.id for article in limited] == ["elife:3", "elife:1"]
    assert limited.label == f"{full.label}[:2]"
    assert limited.fingerprint == full.fingerprint
    assert limited.known_ids == ("elife:3", "elife:1", "elife:2")
    # Also where nothing is cut off: the user asked for a limit.
    assert load_split(folder, "test", limit=3).label == f"{full.label}[:3]"


@pytest.mark.parametrize("limit", [0, -1])
def test_limit_that_leaves_nothing_is_refused(folder: Path, limit: int) -> None:
    with pytest.raises(InputError, match="leaves nothing to score"):
        load_split(folder, "test", limit=limit)


def test_unknown_split_is_refused_before_anything_is_looked_up() -> None:
    with pytest.raises(InputError, match="There is no split"):
        load_split("v3", "dev")


def test_articles_given_by_hand_may_not_share_an_id(make_article) -> None:
    with pytest.raises(InputError, match="Articles share an id: elife:1"):
        Split.of([make_article("elife:1"), make_article("elife:2"), make_article("elife:1")])


def test_split_is_a_sequence_of_articles(folder: Path) -> None:
    found = load_split(folder, "test")
    assert (len(found), found[0].id, found[-1].id) == (3, "elife:3", "elife:2")
    assert [article.id for article in found[1:]] == ["elife:1", "elife:2"]
    assert [article.id for article in found] == ["elife:3", "elife:1", "elife:2"]
