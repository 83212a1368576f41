"""What the extra `leaderboard` installs is there, or a command says so before it begins."""

from __future__ import annotations

from importlib.util import find_spec

from bioreview_bench.errors import EncoderError

_PACKAGES = (
    "alembic",
    "fastapi",
    "httpx",
    "itsdangerous",
    "psycopg",
    "python_multipart",
    "sqlalchemy",
    "uvicorn",
    "yaml",
)


def require_leaderboard() -> None:
    """Raise EncoderError when packages of the extra `leaderboard` are not installed."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise EncoderError(
            f"Boards need {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed.",
            remedy="pip install 'bioreview-bench[leaderboard]'",
        )
