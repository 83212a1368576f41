"""Settings that are remembered: which data, contract, encoder folder and board a command means when it names none.

What is typed comes first, then an environment variable, then `bioreview.toml` in the working folder, then the user's
own file. Keys are strict, and no secret is kept: keys of services and tokens of boards stay in environment variables.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bioreview_bench.errors import InputError, did_you_mean, printable
from bioreview_bench.files.atomic import make_folder, write_files
from bioreview_bench.files.paths import NoHomeError, home
from bioreview_bench.files.reading import parse_toml, read_text

LOCAL_FILE = "bioreview.toml"


@dataclass(frozen=True)
class SettingKey:
    """What may be set: its environment variable, what it is for, and how a value looks."""

    variable: str
    meaning: str
    example: str


KEYS: Mapping[str, SettingKey] = {
    "data": SettingKey("BIOREVIEW_DATA", "the articles: the default of --data, and where a release is", "v3=FOLDER"),
    "contract": SettingKey("BIOREVIEW_CONTRACT", "the default of --contract", "reader"),
    "encoder": SettingKey("BIOREVIEW_ENCODER", "where an encoder's files are", "specter2=FOLDER"),
    "board": SettingKey("BIOREVIEW_BOARD", "the default of --to", "https://board.example.org"),
}
_SECRET = re.compile(r"(?i)(api[_-]?key|token|password|secret|^key$|_key$)")
_LOGIN = re.compile(r"://[^/@]*:[^/@]*@")


@dataclass(frozen=True)
class SettingValue:
    """A value and where it comes from."""

    value: str
    origin: str


def user_file() -> Path:
    """`$BIOREVIEW_CONFIG`, or `bioreview-bench/config.toml` in the user's configuration folder (XDG)."""
    chosen = os.environ.get("BIOREVIEW_CONFIG")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else home("BIOREVIEW_CONFIG") / ".config") / "bioreview-bench" / "config.toml"


def local_file() -> Path:
    """`bioreview.toml` in the working folder."""
    return Path(LOCAL_FILE)


def setting(key: str) -> SettingValue | None:
    """The value of a key and its origin; None where nothing sets it. Raises InputError for a file with a fault."""
    variable = KEYS[key].variable
    said = os.environ.get(variable)
    if said:
        return SettingValue(said, f"the variable {variable}")
    for path in _files():
        stored = read_settings(path)
        if key in stored:
            return SettingValue(_anchored(key, stored[key], path), str(path))
    return None


def _files() -> Iterator[Path]:
    yield local_file()
    with suppress(NoHomeError):  # who has no home has no settings there
        yield user_file()


def value_of(key: str) -> str | None:
    """The value alone."""
    found = setting(key)
    return None if found is None else found.value


def folder_of(key: str, name: str) -> Path | None:
    """FOLDER where the setting is `NAME=FOLDER`."""
    named, equals, folder = (value_of(key) or "").partition("=")
    return Path(folder).expanduser() if equals and named == name else None


def read_settings(path: Path) -> dict[str, str]:
    """What a file sets; nothing where there is no file. Raises InputError for a wrong key or value."""
    if not path.exists():
        return {}
    remedy = f"fix {path}; bench config list shows the keys"
    stored = parse_toml(read_text(path, InputError, remedy, "utf-8-sig"), path, InputError, remedy)
    for key, value in stored.items():
        check_key(key, f"{path}: ")
        if not isinstance(value, str) or not value.strip():
            raise InputError(f"{path}: {key} must be text.", remedy=f'write {key} = "{KEYS[key].example}"')
    return stored


def check_key(key: str, where: str = "") -> None:
    """Raise InputError for a key that there is not, naming the nearest, and for one that would hold a secret."""
    if key in KEYS:
        return
    if _SECRET.search(key):
        raise InputError(
            f"{where}{printable(key)} would be a secret, and none is kept in a file.",
            remedy="put it in an environment variable (OPENAI_API_KEY, BIOREVIEW_TOKEN and so on)",
        )
    start = f"{where}there" if where else "There"
    meant = did_you_mean(key, KEYS)
    raise InputError(f'{start} is no setting "{printable(key)}".', remedy=f"{meant}use {', '.join(KEYS)}")


def check_value(key: str, value: str) -> str:
    """The value to keep: folders are made absolute. Raises InputError for one that cannot be meant."""
    name, equals, folder = value.partition("=")
    if not value.strip() or "\n" in value or (key == "encoder" and not (equals and name)):
        raise InputError(f"{printable(value) or 'Nothing'} is not a value of {key}.", remedy=_example(key))
    if _LOGIN.search(value):
        raise InputError("The value contains a password, and none is kept in a file.", remedy=_example(key))
    if key in ("data", "encoder") and equals:
        path = Path(folder).expanduser()
        if not path.is_dir():
            raise InputError(f"There is no folder {printable(folder) or '(none is named)'}.", remedy=_example(key))
        return f"{name}={path.absolute()}"
    if key == "data" and Path(value).is_dir():
        return str(Path(value).absolute())
    return value


def write_setting(path: Path, key: str, value: str | None) -> None:
    """Set a key of a file, or with None take it out; other lines and comments stay. Raises InputError, WriteError."""
    read_settings(path)
    lines = path.read_text("utf-8-sig").splitlines() if path.exists() else []
    line = re.compile(rf"\s*[\"']?{key}[\"']?\s*=")
    kept = [old for old in lines if not line.match(old)]
    new = [] if value is None else [f"{key} = {json.dumps(value, ensure_ascii=False)}"]
    make_folder(path.parent)
    write_files({path: "".join(f"{text}\n" for text in [*kept, *new]).encode()})


def _anchored(key: str, value: str, file: Path) -> str:
    """A relative folder of a file is relative to that file, wherever the command runs."""
    name, equals, folder = value.rpartition("=")
    if key not in ("data", "encoder") or not equals or Path(folder).expanduser().is_absolute():
        return value
    return f"{name}={file.parent / folder}"


def _example(key: str) -> str:
    return f"bench config set {key} {KEYS[key].example}"
