"""The `bench` command: finding commands lazily, and turning errors into messages and exit codes."""

from bioreview_bench.cli.main import main

__all__ = ["main"]
