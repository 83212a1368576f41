"""The commands of whoever runs a board, as they are typed."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bioreview_bench import Contract
from bioreview_bench.cli.main import bench
from bioreview_bench.errors import InputError
from bioreview_bench.leaderboard.store.users import user_of_token


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `bench leaderboard ...` in a folder of the test's own, where board.sqlite is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BIOREVIEW_DB", raising=False)

    def call(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(bench, ["leaderboard", *arguments], **options)

    return call


@pytest.fixture
def made(run: Callable[..., Result]) -> Callable[..., Result]:
    """The same, with a board made."""
    assert run("init", "--data", "demo", "--contract", "jaccard").exit_code == 0
    return run


def settings(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_every_command_has_help_with_examples(run: Callable[..., Result]) -> None:
    for command in ("init", "settings", "worker", "rescore", "export", "import", "backup", "upgrade", "user"):
        shown = run(command, "--help")
        assert shown.exit_code == 0
        assert "Example" in shown.output, command
    for command in ("add", "list", "renew", "revoke"):
        assert run("user", command, "--help").exit_code == 0


def test_a_board_is_made_once(run: Callable[..., Result], tmp_path: Path) -> None:
    first = run("init", "--data", "demo", "--contract", "jaccard", "--split", "validation", "--title", "Ours")
    assert first.exit_code == 0
    assert "Next: bench leaderboard user add" in first.output
    again = run("init", "--data", "demo", "--contract", "jaccard")
    assert isinstance(again.exception, InputError)
    assert "already" in str(again.exception)
    shown = settings(run("settings"))
    assert (shown["title"], shown["splits"], shown["ranking"]) == ("Ours", ["val"], "jaccard")


def test_a_board_that_could_not_be_made_leaves_nothing(run: Callable[..., Result], tmp_path: Path) -> None:
    assert run("init", "--data", "/no/such/folder", "--contract", "jaccard").exception is not None
    assert run("import", "absent.zip").exception is not None
    assert list(tmp_path.glob("board*")) == []
    assert run("init", "--data", "demo", "--contract", "jaccard").exit_code == 0


def test_a_board_of_articles_without_concerns_is_refused(run: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "test.jsonl").write_text('{"id": "zoo:1", "source": "zoo", "abstract": "Cells."}\n')
    refused = run("init", "--data", "mine", "--contract", "jaccard")
    assert "1 of 1 articles have no `concerns`" in str(refused.exception)
    assert not (tmp_path / "board.sqlite").exists()


def test_tables_without_settings_are_made_into_a_board(run: Callable[..., Result], open_database: Any) -> None:
    open_database("board.sqlite").create_or_upgrade()  # its process was killed before it could say what it is about
    assert "no settings" in str(run("settings").exception)
    assert run("init", "--data", "demo", "--contract", "jaccard").exit_code == 0


def test_a_folder_of_data_is_kept_by_its_whole_path(run: Callable[..., Result], tmp_path: Path) -> None:
    from importlib import resources

    (tmp_path / "mine").symlink_to(str(resources.files("bioreview_bench.data.demo")))
    assert run("init", "--data", "mine", "--contract", "jaccard").exit_code == 0
    assert settings(run("settings"))["data"] == str(tmp_path / "mine")


def test_the_calibrated_contract_ranks_unless_told_otherwise(run: Callable[..., Result]) -> None:
    options = ("--data", "demo", "--contract", "demo", "--contract", "demo-topic")
    assert run("init", *options).exit_code == 0
    assert settings(run("settings"))["ranking"] == "demo-topic"
    assert run("init", *options, "--ranking", "demo", "--db", "b.sqlite").exit_code == 0
    assert settings(run("settings", "--db", "b.sqlite"))["ranking"] == "demo"
    assert "none of the board's" in str(run("init", *options, "--ranking", "v3", "--db", "c.sqlite").exception)


def test_settings_are_changed_one_by_one(made: Callable[..., Result], tmp_path: Path) -> None:
    replace(Contract.load("jaccard"), name="wide", threshold=0.1).save(tmp_path / "wide.toml")
    shown = settings(
        made("settings", "--title", "New", "--per-day", "2", "--add-contract", "wide.toml", "--ranking", "wide")
    )
    assert (shown["title"], shown["limits"]["per_day"], shown["contracts"]) == ("New", 2, ["jaccard", "wide"])
    assert shown["limits"]["concerns"] == 20_000
    assert "none of the board's" in str(made("settings", "--remove-contract", "wide").exception)
    shown = settings(made("settings", "--remove-contract", "wide", "--ranking", "jaccard"))
    assert shown["contracts"] == ["jaccard"]
    assert 'no contract "nosuch"' in str(made("settings", "--remove-contract", "nosuch").exception)
    assert made("settings", "--per-day", "0").exit_code == 2


@pytest.mark.parametrize("name", ["jaccard", "custom", "a/b", "x" * 41])
def test_contracts_that_cannot_stand_side_by_side_are_refused(
    name: str, made: Callable[..., Result], tmp_path: Path
) -> None:
    replace(Contract.load("jaccard"), name=name, threshold=0.3).save(tmp_path / "odd.toml")
    assert isinstance(made("settings", "--add-contract", "odd.toml").exception, InputError)
    replace(Contract.load("jaccard"), name="twin").save(tmp_path / "twin.toml")
    assert "same name or signature" in str(made("settings", "--add-contract", "twin.toml").exception)


def test_a_token_is_alone_on_stdout(made: Callable[..., Result], open_database: Any) -> None:
    added = made("user", "add", "ann", "--team", "Ann's lab")
    token = added.stdout.strip()
    assert token.startswith("brb_")
    user = user_of_token(open_database("board.sqlite"), token)
    assert user is not None
    assert user.team == "Ann's lab"
    renewed = made("user", "renew", "ann").stdout.strip()
    assert renewed != token
    assert token not in made("user", "list").output
    assert made("user", "revoke", "ann").exit_code == 0
    (row,) = json.loads(made("user", "list", "--format", "json").stdout)
    assert (row["name"], row["team"], row["submissions"], row["revoked_at"] is None) == ("ann", "Ann's lab", 0, False)
    assert "no user" in str(made("user", "revoke", "nobody").exception)


def test_an_empty_list_says_what_to_do(made: Callable[..., Result]) -> None:
    assert "user add" in made("user", "list").output


def test_commands_on_a_missing_board_say_how_to_make_one(run: Callable[..., Result], tmp_path: Path) -> None:
    for command in (("settings",), ("user", "list"), ("worker",), ("export", "x.zip"), ("backup", "x"), ("upgrade",)):
        error = run(*command).exception
        assert isinstance(error, InputError), command
        assert "bench leaderboard init" in str(error.remedy)
    assert list(tmp_path.iterdir()) == []


def test_a_password_among_the_arguments_is_refused(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://ann:geheim@localhost:1/board"
    shown = run("settings", "--db", url)
    assert shown.exit_code == 2
    assert "geheim" not in shown.output
    assert "BIOREVIEW_DB" in shown.output
    monkeypatch.setenv("BIOREVIEW_DB", url)
    error = run("settings").exception
    assert "geheim" not in str(error)
    assert getattr(error, "exit_code", None) == 5


def test_a_submission_is_scored_by_hand_rescored_and_moved(
    made: Callable[..., Result], open_database: Any, add_submitter: Any, make_package: Any, tmp_path: Path
) -> None:
    board = open_database("board.sqlite")
    submission_id = add_submitter(board).submit(make_package())
    assert made("worker", "--once").stdout == "Scored 1 submission.\n"
    assert made("rescore", "--missing").stdout == ""
    assert made("rescore", "--all", "--dry-run").stdout == f"{submission_id}\n"
    assert made("worker", "--once").stdout == "Scored 0 submissions.\n"
    assert made("rescore", submission_id).stdout == f"{submission_id}\n"
    assert made("worker", "--once").stdout == "Scored 1 submission.\n"
    assert isinstance(made("rescore").exception, InputError)
    assert isinstance(made("rescore", "--all", submission_id).exception, InputError)
    assert isinstance(made("rescore", "s_nosuch").exception, InputError)

    assert made("export", "a.zip").exit_code == 0
    assert "1 submissions, 1 results and 1 users were new" in made("import", "a.zip", "--db", "b.sqlite").stdout
    assert made("backup", "c.sqlite").exit_code == 0
    assert stat.S_IMODE((tmp_path / "c.sqlite").stat().st_mode) == 0o600
    assert made("upgrade").exit_code == 0
    for name in ("b.sqlite", "c.sqlite"):
        assert made("worker", "--once", "--db", name).stdout == "Scored 0 submissions.\n"
