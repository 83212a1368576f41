"""A data folder with letters, predictions about it, a pack made of both, and the pack served by `bench`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bioreview_bench.cli.main import run

ATTACK = "<img src=x onerror=window.hacked=1></script><script>window.hacked=1</script>"
MISSING = "Nobody says which 🧬 strain was used."
CATEGORIES = ("design_flaw", "interpretation", "writing_clarity", "other")
POINTS = (
    "There is no control for the drug, which one expects.",
    "The claim of causality is not supported by these data.",
    "The legend of the third figure does not name the stain.",
    "The code that made the second table is not shared.",
)


def article(number: int) -> dict[str, object]:
    """An article whose letter makes four points that are concerns, and one that is not."""
    name = f"elife:{number:05d}"
    points = [f"{point} See experiment {number}." for point in POINTS]
    letter = f"🧬 Dear authors {ATTACK},\n\n" + "\n\n".join(f"{n}) {point}" for n, point in enumerate(points, 1))
    return {
        "id": name,
        "source": "elife",
        "title": f"Paper {number} {ATTACK}",
        "abstract": "We did things.",
        "decision_letter_raw": f"{letter}\n\n{MISSING}\n",
        "concerns": [
            {
                "concern_id": f"{name}:R1C{n}",
                "concern_text": point.replace("control for", "control  for"),  # white space that the letter lacks
                "category": CATEGORIES[n - 1],
                "severity": "major" if n < 3 else "minor",
            }
            for n, point in enumerate(points, 1)
        ],
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four articles with four concerns each, and the predictions of a reviewer in `mine.jsonl` beside them."""
    folder = tmp_path / "data"
    folder.mkdir()
    rows = [article(number) for number in range(1, 5)]
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    said = [
        {
            "article_id": row["id"],
            "concerns": [f"No control for the drug was shown here {ATTACK}.", "Why were only males used?", POINTS[1]],
        }
        for row in rows
    ]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in said), "utf-8")
    return folder


@pytest.fixture
def create(data: Path, tmp_path: Path) -> Callable[..., Path]:
    """Make a pack for ann and bob: create("--concerns", "3", ...)."""

    def make(*arguments: str, name: str = "pack") -> Path:
        folder = tmp_path / name
        raters = ("--rater", "ann", "--rater", "bob")
        given = ("data", "annotate", "create", str(data), "-o", str(folder), *raters, "--quiet", *arguments)
        assert run(given) == 0
        return folder

    return make


@pytest.fixture
def pack(create: Callable[..., Path], tmp_path: Path) -> Path:
    """Three concerns, one letter and two texts."""
    pairs = ("--predictions", str(tmp_path / "mine.jsonl"), "--texts", "2", "--contract", "jaccard")
    return create("--concerns", "3", "--letters", "1", *pairs)


@dataclass
class Served:
    """`bench data annotate serve` at work: the raters' links, and its process."""

    links: dict[str, str]
    process: subprocess.Popen[str]

    def stop(self) -> int:
        """Kill it; what it printed on stderr is lost."""
        self.process.kill()
        self.process.communicate()
        return self.process.returncode


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Serve a pack in a process of its own until the test ends."""
    running: list[Served] = []

    def start(folder: Path, *arguments: str) -> Served:
        command = [sys.executable, "-m", "bioreview_bench", "data", "annotate", "serve", str(folder), *arguments]
        process = subprocess.Popen(
            command if "--port" in arguments else [*command, "--port", "0"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        running.append(Served({}, process))
        assert process.stdout is not None
        for _ in range(2):
            line = process.stdout.readline()
            found = re.fullmatch(r"(\S+): (http://\S+)\n", line)
            assert found, line + process.communicate()[1]
            running[-1].links[found[1]] = found[2]
        return running[-1]

    yield start
    for served in running:
        served.stop()
