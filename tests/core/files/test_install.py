"""The command that installs an extra is right for the way in which this package itself was installed."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from bioreview_bench.files import install
from bioreview_bench.files.install import install_command

_ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def origin(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What `direct_url.json` says; empty, there is no such file."""
    said: dict[str, object] = {}

    class Installed:
        def read_text(self, name: str) -> str | None:
            assert name == "direct_url.json"
            return json.dumps(said) if said else None

    class Built:
        """Metadata that a build left in the clone."""

        def read_text(self, name: str) -> str | None:
            return None

    monkeypatch.setattr(install, "distributions", lambda name: iter([Built(), Installed()]))
    monkeypatch.setattr(install, "_pip", lambda: ["pip"])
    return said


def test_a_release_is_named(origin: dict[str, object]) -> None:
    assert install_command("demo", "baselines") == "pip install 'bioreview-bench[demo,baselines]'"


def test_a_clone_is_a_dot_inside_it_and_its_path_elsewhere(
    origin: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path / "a clone"
    clone.mkdir()
    origin |= {"url": clone.as_uri(), "dir_info": {"editable": True}}
    monkeypatch.chdir(tmp_path)
    assert install_command("demo") == f"pip install -e '{clone}[demo]'"
    monkeypatch.chdir(clone)
    assert install_command("demo") == "pip install -e '.[demo]'"


def test_a_folder_a_repository_and_a_wheel_stay_what_they_were(origin: dict[str, object], tmp_path: Path) -> None:
    origin |= {"url": tmp_path.as_uri(), "dir_info": {}}
    assert install_command("demo") == f"pip install '{tmp_path}[demo]'"
    origin.clear()
    vcs = {"vcs": "git", "requested_revision": "v1", "commit_id": "0" * 40}
    origin |= {"url": "https://example.org/bench.git", "vcs_info": vcs}
    assert install_command("demo") == "pip install 'bioreview-bench[demo] @ git+https://example.org/bench.git@v1'"
    origin.clear()
    origin |= {"url": "file:///tmp/bench.whl", "archive_info": {}}
    assert install_command("demo") == "pip install 'bioreview-bench[demo] @ file:///tmp/bench.whl'"


def test_a_clone_that_is_gone_leaves_the_release(origin: dict[str, object], tmp_path: Path) -> None:
    origin |= {"url": (tmp_path / "gone").as_uri(), "dir_info": {"editable": True}}
    assert install_command("demo") == "pip install 'bioreview-bench[demo]'"


def test_the_interpreter_is_named_where_pip_on_the_path_is_that_of_another_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "pip"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(install.sys, "executable", str(tmp_path / "env" / "bin" / "python"))
    monkeypatch.chdir(tmp_path)
    assert install_command("demo").startswith("env/bin/python -m pip install ")
    monkeypatch.setattr(install.sysconfig, "get_path", lambda name: str(tmp_path))
    assert install_command("demo").startswith("pip install ")


def test_every_extra_that_a_message_names_exists() -> None:
    extras = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    named = set()
    for room in ("bioreview_bench", "baselines", "leaderboard", "training"):
        for path in (_ROOT / room).rglob("*.py"):
            text = path.read_text("utf-8")
            assert "bioreview-bench[" not in text, path  # one owner: bioreview_bench.files.install
            named.update(re.findall(r"""install_command\(["'](\w+)["']""", text))
    assert named
    assert named <= extras.keys()
