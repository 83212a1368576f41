"""Whole commands as a user runs them, start-up included: evaluate, validate, report, help."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from synthetic import ARTICLES, Size, Writer, build, cached_folder
from timing import Row, bench, timed


def evaluate(quick: bool) -> list[Row]:
    """`bench evaluate` cold, with another system's predictions (references cached), and unchanged."""
    articles = 20 if quick else ARTICLES
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["BIOREVIEW_CACHE"] = str(folder / "cache")
        first = build(folder, Size(articles=articles))
        other = _other_predictions(first)
        options = ("--data", str(folder), "--contract", "demo", "--format", "json", "--quiet")
        cold, warm = bench("evaluate", str(first), *options), bench("evaluate", str(other), *options)
        unchanged = [bench("evaluate", str(first), *options) for _ in range(3)]
        best = min(unchanged, key=lambda ran: ran.seconds)
    return [
        Row(f"evaluate {articles} articles, cold", f"{cold.seconds:.1f} s, {cold.peak:.0f} MB", "limit 1,000 MB"),
        Row("evaluate, references cached", f"{warm.seconds:.1f} s", f"{cold.seconds / warm.seconds:.1f}x"),
        Row(
            "evaluate, unchanged (best of 3)",
            f"{best.seconds:.2f} s, {best.peak:.0f} MB",
            f"{cold.seconds / best.seconds:.0f}x; limit 3 s at 981",
        ),
    ]


def unchanged(quick: bool) -> list[Row]:
    """`bench evaluate` on cached vectors that no encoder made: what a rerun costs, without the cold run."""
    articles = 20 if quick else ARTICLES
    with cached_folder(articles) as (folder, predictions):
        options = ("--data", str(folder), "--contract", "demo", "--format", "json", "--quiet")
        ran = [bench("evaluate", str(predictions), *options) for _ in range(6)]
    first, best = ran[0], min(ran[1:], key=lambda one: one.seconds)
    return [
        Row(f"evaluate {articles} articles, vectors cached", f"{first.seconds:.2f} s, {first.peak:.0f} MB"),
        Row("the same again (best of 5)", f"{best.seconds:.2f} s, {best.peak:.0f} MB", "limit 3 s at 981"),
    ]


def validate(quick: bool) -> list[Row]:
    """`bench validate` of 10,000 and of 1,000,000 rows, five concerns each: seconds a row, and memory."""
    sizes = (1_000, 10_000) if quick else (10_000, 1_000_000)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        ran = []
        for size in sizes:
            path = Path(scratch) / f"{size}.jsonl"
            _rows(path, size)
            megabytes = path.stat().st_size / 1e6
            ran.append(bench("validate", str(path), "--data", "demo", "--allow-extra"))
            path.unlink()
            rows.append(
                Row(
                    f"validate {size:,} rows ({megabytes:.0f} MB)",
                    f"{ran[-1].seconds:.1f} s, {ran[-1].peak:.0f} MB",
                    f"{megabytes / ran[-1].seconds:.0f} MB/s",
                )
            )
    growth = (ran[1].peak - ran[0].peak) * 2**20 / (sizes[1] - sizes[0])
    return [*rows, Row("memory for each further row", f"{growth:.0f} bytes", "24 are kept")]


def report(quick: bool) -> list[Row]:
    """`bench report`: one HTML file of a stored result, with and without texts."""
    articles = 20 if quick else ARTICLES
    with cached_folder(articles) as (folder, predictions):
        result, page = folder / "R.result.json", folder / "R.html"
        bench("evaluate", str(predictions), "--data", str(folder), "--contract", "demo", "-o", str(result), "--quiet")
        plain = bench("report", str(result), "-o", str(page))
        texts = bench("report", str(result), "-o", str(page), "--predictions", str(predictions), "--data", str(folder))
        size = page.stat().st_size / 1e6
    return [
        Row(f"report of {articles} articles", f"{plain.seconds:.2f} s, {plain.peak:.0f} MB"),
        Row("report with texts", f"{texts.seconds:.2f} s, {texts.peak:.0f} MB", f"a page of {size:.1f} MB"),
    ]


def startup(quick: bool) -> list[Row]:
    """Commands that do nothing, beside Python doing nothing (best of several)."""
    n = 2 if quick else 7

    def best(code: str, *arguments: str) -> float:
        command = [sys.executable, "-c", code, *arguments]
        return min(timed(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(n))

    bare = best("pass")
    run = "from bioreview_bench.cli import main; main()"
    found = {name: best(run, *name.split()) for name in ("--help", "evaluate --help", "schema result")}
    rows = [Row("python doing nothing", f"{bare * 1000:.0f} ms")]
    return rows + [Row(f"bench {name}", f"{s * 1000:.0f} ms", f"{s / bare:.1f}x") for name, s in found.items()]


def _other_predictions(path: Path) -> Path:
    writer = Writer(seed=8)
    other = path.with_name("other.jsonl")
    with path.open() as rows, other.open("w") as out:
        for line in rows:
            row = json.loads(line)
            row["concerns"] = [writer.text() for _ in row["concerns"]]
            out.write(json.dumps(row) + "\n")
    return other


def _rows(path: Path, n: int) -> None:
    said = "the sample is too small to support what is claimed, and no power calculation is given."
    with path.open("w") as out:
        for number in range(n):
            concerns = [f"Concern {c} of {number}: {said}" for c in range(5)]
            out.write(json.dumps({"article_id": f"elife:{number}", "concerns": concerns}) + "\n")
