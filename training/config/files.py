"""Training configs: YAML files that state every value, read strictly, and changed only by name.

Shared by every kind of training. A config is a file, or the name of one that the package carries. Nothing has a
default: a key that is missing is an error, and so is one that is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from bioreview_bench.errors import EncoderError, InputError, Problem, printable

_FOLDER = "bioreview_bench.training"
_LARGEST = 64 << 10  # bytes of a config file; the longest shipped one has 3,000
_FLOAT = re.compile(r"[-+]?\d[\d_]*(?:\.\d*)?[eE][-+]?\d+")


class Part(BaseModel):
    """A group of keys. Types are taken as they are written: "16" is no number, 1 is no truth value."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


C = TypeVar("C", bound=Part)


def shipped() -> list[str]:
    """Names of the configs in the package, sorted."""
    names = (entry.name for entry in resources.files(_FOLDER).joinpath("configs").iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def read_values(name_or_path: str | Path) -> dict[str, Any]:
    """The keys of a shipped config by name, or of a YAML file. Raises InputError, EncoderError (no YAML reader)."""
    name = str(name_or_path)
    if name in shipped():
        content = resources.files(_FOLDER).joinpath("configs", f"{name}.yaml").read_bytes()
        return parse_yaml(content, f"the config {name}")
    path = Path(name_or_path)
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise InputError(
            f'There is no config "{printable(name)}", neither a file nor in the package.',
            remedy=f"name a YAML file, or one of {', '.join(shipped())}",
        ) from error
    return parse_yaml(content, str(path))


def parse_yaml(content: bytes, where: str) -> dict[str, Any]:
    """One mapping of YAML, without aliases, tags of Python or repeated keys. Raises InputError, EncoderError."""
    if len(content) > _LARGEST:
        raise InputError(f"{where} is larger than {_LARGEST:,} bytes.", remedy="name a config file")
    yaml = _yaml()
    try:
        found = yaml.load(content.decode("utf-8-sig"), Loader=_loader())
    except UnicodeDecodeError as error:
        raise InputError(f"{where} is not UTF-8 (byte {error.start + 1}).", remedy="save it as UTF-8") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = printable(" ".join(str(error).split()), 300)
        raise InputError(f"{where} is not YAML: {reason}.", remedy="mend the file") from error
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise InputError(f"{where} holds no keys with values.", remedy="see the configs in the package")
    return found


def build(kind: type[C], values: Mapping[str, Any], where: str) -> C:
    """The config of these values. Raises InputError listing every key that is missing, unknown or wrong."""
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        problems = [
            Problem(f"{printable('.'.join(map(str, one['loc'])) or 'the whole')}: {_said(one)}")
            for one in error.errors(include_url=False, include_context=False)
        ]
        raise InputError(f"{where} is no config for this.", problems=problems, remedy="mend these keys") from error


def changed(values: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """`values` with `KEY=VALUE` settings put in. Raises InputError."""
    result = _copy(values)
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise InputError(f'"{printable(setting)}" is not of the form KEY=VALUE.', remedy="--set optimiser.lr=1e-4")
        put(result, key, scalar(text))
    return result


def put(values: dict[str, Any], key: str, value: Any) -> str:
    """Set `key` in place: a full name (`optimiser.lr`), or its last part where that is unique (`lr`).

    Returns the full name. Raises InputError for a key that the config does not have.
    """
    names = [name for name in _names(values) if name == key] or [
        name for name in _names(values) if name.endswith(f".{key}")
    ]
    if len(names) != 1:
        known = ", ".join(names) if names else ", ".join(_names(values))
        reason = "stands for several keys" if names else "is no key of the config"
        raise InputError(f'"{printable(key)}" {reason}.', remedy=f"use one of {printable(known, 1000)}")
    *groups, last = names[0].split(".")
    inner = values
    for group in groups:
        inner = inner[group]
    inner[last] = value
    return names[0]


def scalar(text: str) -> Any:
    """A value from a command line, read as YAML reads it: 1e-4, true, null, [a, b], text."""
    yaml = _yaml()
    try:
        return yaml.load(text, Loader=_loader())
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError(f'"{printable(text)}" is no value.', remedy="quote it as YAML asks") from error


def dump(values: Mapping[str, Any]) -> str:
    """The values as YAML, keys in their order."""
    return str(_yaml().safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=110))


def _names(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    found: list[str] = []
    for key, value in values.items():
        found += _names(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}"]
    return found


def _copy(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copy(value) if isinstance(value, dict) else value for key, value in values.items()}


def _said(error: Any) -> str:
    if error["type"] == "missing":
        return "is missing"
    if error["type"] == "extra_forbidden":
        return "is no key of this config"
    given = printable(error["input"], 40)
    return f"{error['msg'][:1].lower()}{error['msg'][1:]} (it is {given})"


def _yaml() -> Any:
    try:
        import yaml
    except ImportError as error:
        raise EncoderError(
            "Configs need pyyaml, which is not installed.", remedy="pip install 'bioreview-bench[training]'"
        ) from error
    return yaml


def _loader() -> Any:
    """A SafeLoader that refuses aliases and repeated keys, and reads 1e-4 as the number that it is."""
    yaml = _yaml()

    class Strict(yaml.SafeLoader):  # type: ignore[name-defined, misc]
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.events.AliasEvent):
                raise yaml.YAMLError("aliases are not taken")
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            keys = [key.value for key, _ in node.value]
            if len(set(keys)) != len(keys):
                raise yaml.YAMLError(f"a key stands twice among {', '.join(map(str, keys))}")
            return super().construct_mapping(node, deep)

    # YAML 1.1 wants a point and a sign in 1.0e-4, and takes 1e-4 for text.
    Strict.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789"))
    return Strict
