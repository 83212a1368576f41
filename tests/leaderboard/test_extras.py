"""Without the extra `leaderboard`: help is shown, and every command says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bioreview_bench.files.install import install_command
from bioreview_bench.leaderboard.cli.group import _COMMANDS

# Hides the packages from imports, as if they were not installed, then runs `bench`.
BENCH = """
import sys
for name in (
    *("alembic", "confusable_homoglyphs", "fastapi", "httpx", "itsdangerous"),
    *("psycopg", "python_multipart", "sqlalchemy", "uvicorn"),
):
    sys.modules[name] = None
from bioreview_bench.cli import main
main(sys.argv[1:])
"""


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", BENCH, *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "words",
    [
        ("submit", "predictions.jsonl", "--card", "card.yaml"),
        ("submit", "status", "s_0123456789abcdef"),
        ("leaderboard", "serve", "--data", "demo"),
        ("leaderboard", "user", "list"),
        ("leaderboard", "build", "site"),
    ],
)
def test_a_command_says_what_to_install(words: tuple[str, ...]) -> None:
    done = bench(*words)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert "sqlalchemy" in done.stderr
    assert install_command("leaderboard") in done.stderr


def test_help_needs_nothing() -> None:
    code = BENCH.replace(
        "main(sys.argv[1:])",
        "from bioreview_bench.cli.main import run\n"
        "codes = [run(['leaderboard', name, '--help']) for name in sys.argv[1:]] + [run(['submit', '--help'])]\n"
        "sys.exit(max(codes))",
    )
    done = subprocess.run([sys.executable, "-c", code, *_COMMANDS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage: ") == len(_COMMANDS) + 1
