"""Every package that is imported is declared: what a room needs at import among its own requirements."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))["project"]
_EXTRAS: dict[str, list[str]] = _PROJECT["optional-dependencies"]
_OWN_EXTRA = {"bioreview_bench": None, "baselines": "baselines", "leaderboard": "leaderboard", "training": "training"}
# What brings these, where none of it is installed here.
_KNOWN = {"ray": "ray", "tiktoken": "tiktoken", "yaml": "pyyaml", "sklearn": "scikit-learn", "google": "google-genai"}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _names(requirements: list[str]) -> set[str]:
    return {_normal(re.split(r"[^A-Za-z0-9._-]", requirement)[0]) for requirement in requirements}


def _imports(path: Path) -> Iterator[tuple[str, bool]]:
    """(top-level package, whether the file needs it to be imported) of every absolute import."""
    tree = ast.parse(path.read_text("utf-8"))
    later = {
        node
        for parent in ast.walk(tree)
        if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(parent, ast.If) and ast.unparse(parent.test) == "TYPE_CHECKING")
        for node in ast.walk(parent)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            modules = [str(node.module)]
        else:
            continue
        for module in modules:
            top = module.partition(".")[0]
            if top not in sys.stdlib_module_names and top != "bioreview_bench":
                yield top, node not in later


@cache
def _installed() -> Mapping[str, list[str]]:
    return packages_distributions()


def _distributions(module: str) -> set[str]:
    found = {_normal(name) for name in _installed().get(module, [])}
    return found | {_KNOWN.get(module, _normal(module))}


@pytest.mark.parametrize("room", list(_OWN_EXTRA))
def test_every_import_is_declared(room: str) -> None:
    base = _names(_PROJECT["dependencies"])
    own = base | _names(_EXTRAS.get(str(_OWN_EXTRA[room]), []))
    anywhere = base.union(*(_names(requirements) for extra, requirements in _EXTRAS.items() if extra != "dev"))
    undeclared = {
        f"{path.relative_to(_ROOT)} imports {module}"
        for path in sorted((_ROOT / room).rglob("*.py"))
        for module, needed in _imports(path)
        if not _distributions(module) & (own if needed else anywhere)
    }
    assert not undeclared


def test_what_the_tests_import_is_installed_for_developers() -> None:
    declared = _names(_PROJECT["dependencies"]).union(*map(_names, _EXTRAS.values()))
    undeclared = {
        f"{path.relative_to(_ROOT)} imports {module}"
        for path in sorted((_ROOT / "tests").rglob("*.py"))
        for module, _ in _imports(path)
        if not _distributions(module) & declared
    }
    assert not undeclared


def test_vllm_is_a_current_one_or_none() -> None:
    (requirement,) = _EXTRAS["vllm"]
    floor = re.search(r">=0\.(\d+)", requirement)
    assert floor is not None
    assert int(floor[1]) >= 33


def test_every_package_of_the_tree_is_in_a_wheel() -> None:
    """An installation from the tree finds a package that was left out, and a wheel does not."""
    settings = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    folders = {path.parent.relative_to(_ROOT) for room in _OWN_EXTRA for path in (_ROOT / room).rglob("__init__.py")}
    names = {".".join(folder.parts) for folder in folders}
    assert {name.removeprefix("bioreview_bench.") for name in settings["packages"]} == {
        name.removeprefix("bioreview_bench.") for name in names
    }
