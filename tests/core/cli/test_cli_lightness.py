"""Commands that score nothing, and runs whose vectors are all cached, import nothing heavy."""

import subprocess
import sys

import pytest

_REPORT = """
import sys
from bioreview_bench.cli.main import run
code = run(sys.argv[1:])
loaded = sorted({"torch", "pandas", "datasets", "transformers", "sentence_transformers", "openai"} & set(sys.modules))
print("loaded:", *loaded, file=sys.stderr)
sys.exit(code)
"""


def _loaded_by(*arguments: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", _REPORT, *arguments], capture_output=True, text=True, check=True)
    return set(done.stderr.strip().splitlines()[-1].removeprefix("loaded:").split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["evaluate", "--help"],
        ["validate", "demo:careful", "--data", "demo"],
        ["data", "--help"],
        ["data", "info", "--data", "demo"],
        ["schema", "result"],
        ["schema", "judgements"],
        ["contract", "list"],
        ["contract", "show", "demo"],
        ["cache", "info"],
    ],
)
def test_light_commands_import_nothing_heavy(arguments: list[str]) -> None:
    assert _loaded_by(*arguments) == set()


def test_a_fully_cached_evaluation_imports_no_torch(minilm: None, warm: object) -> None:
    command = ["evaluate", "demo:careful", "--data", "demo", "--contract", "demo", "--draws", "100"]
    _loaded_by(*command)
    assert _loaded_by(*command) & {"torch", "transformers", "sentence_transformers", "datasets", "pandas"} == set()
