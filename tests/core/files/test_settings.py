"""Settings: what is typed, then the environment, then bioreview.toml, then the user's file; strict keys, no secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bioreview_bench.cli.main import run
from bioreview_bench.errors import InputError
from bioreview_bench.files.settings import setting, user_file

_ROW = {"id": "elife:1", "source": "elife", "concerns": []}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for variable in ("BIOREVIEW_DATA", "BIOREVIEW_CONTRACT", "BIOREVIEW_BOARD", "BIOREVIEW_ENCODER"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "test.jsonl").write_text(json.dumps(_ROW) + "\n")
    return folder


def test_the_nearest_source_wins_and_is_named(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert setting("data") is None
    assert run(["config", "set", "data", f"v3={data.name}"]) == 0
    found = setting("data")
    assert found is not None
    assert (found.value, found.origin) == (f"v3={data}", str(user_file()))  # absolute, for other folders
    assert run(["config", "set", "--here", "data", "demo"]) == 0
    assert (setting("data") or found).origin == "bioreview.toml"
    monkeypatch.setenv("BIOREVIEW_DATA", "known")
    assert (setting("data") or found).origin == "the variable BIOREVIEW_DATA"
    capsys.readouterr()
    assert run(["config", "get", "data"]) == 0
    assert capsys.readouterr() == ("known\n", "from the variable BIOREVIEW_DATA\n")
    assert run(["validate", "demo:careful", "--data", "demo"]) == 0  # what is typed comes first of all
    monkeypatch.delenv("BIOREVIEW_DATA")
    assert run(["config", "unset", "--here", "data"]) == 0
    assert setting("data") == found


def test_the_short_form_is_enough_once_data_are_remembered(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.jsonl").write_text('{"article_id": "elife:1", "concerns": ["No control."]}\n')
    assert run(["config", "set", "data", str(data)]) == 0
    assert run(["validate", "mine.jsonl"]) == 0
    assert "valid for local/test#" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("dta", "demo", "did you mean data?"),
        ("openai_api_key", "x", "would be a secret"),
        ("token", "x", "would be a secret"),
        ("board", "https://me:secret@example.org", "contains a password"),
        ("data", "v3=nowhere", "There is no data folder nowhere"),
        ("data", "v3=nowhere", "Next: bench config set data v3=FOLDER"),
        ("contract", "raeder", "did you mean reader?"),
        ("encoder", "/models/specter2", "bench config set encoder specter2=FOLDER"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_written(
    data: Path, key: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", "set", key, value]) in (2, 4)
    assert said in capsys.readouterr().err
    assert not user_file().exists()


def test_a_file_with_a_wrong_key_is_named_and_comments_survive_a_change(data: Path) -> None:
    file = Path("bioreview.toml")
    file.write_text('# ours\ncontract = "demo"  # for old results\n')
    assert run(["config", "set", "--here", "data", "demo"]) == 0
    assert file.read_text() == '# ours\ncontract = "demo"  # for old results\ndata = "demo"\n'
    file.write_text('datas = "demo"\n')
    with pytest.raises(InputError, match=r"bioreview.toml: there is no setting") as caught:
        setting("data")
    assert "did you mean data?" in str(caught.value)
