"""What `bench data split`, `audit`, `stats` and `export` take on articles of full length, in seconds and MB.

    python benchmarks/speed/splits.py                    7,000 articles of 60 kB
    python benchmarks/speed/splits.py --articles 500     does it run

Every tenth article is a version, a retitled copy or a revised abstract of an earlier one. Each command runs in a
process of its own, start-up included.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from pathlib import Path

from timing import Row, bench, machine, show

SOURCES = ("elife", "plos", "f1000")
TITLE, ABSTRACT, CONCERN, CONCERNS = 12, 150, 42, 13  # words; concerns an article


def main() -> None:
    """Build the articles in a temporary folder, and time the commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=7_000)
    parser.add_argument("--kilobytes", type=int, default=60, help="of text, each")
    given = parser.parse_args()
    show("Machine", machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = build(folder / "articles.jsonl", given.articles, given.kilobytes)
        counts = ",".join(f"{source}={given.articles // 50}" for source in SOURCES)
        commands = {
            "bench data split": [
                "data",
                "split",
                str(folder / "articles.jsonl"),
                "-o",
                str(folder / "s"),
                "--test",
                counts,
            ],
            "bench audit": ["audit", str(folder / "s"), "--strict"],
            "bench data stats": ["data", "stats", str(folder / "s")],
            "bench data export": ["data", "export", str(folder / "s"), "-o", str(folder / "r")],
            "bench data export --as both": [
                "data",
                "export",
                str(folder / "s"),
                "-o",
                str(folder / "b"),
                "--as",
                "both",
            ],
        }
        rows = [Row("articles", f"{given.articles:,}", f"{size / 1e6:,.0f} MB")]
        for what, arguments in commands.items():
            ran = bench(*arguments)
            limit = "at most 10 s for 7,000 articles" if what == "bench data split" else ""
            rows.append(Row(what, f"{ran.seconds:.1f} s, {ran.peak:,.0f} MB", limit))
        show("Articles of full length", rows)


def build(path: Path, n: int, kilobytes: int) -> int:
    """Write `n` articles; the size of the file in bytes."""
    draw = random.Random(7)  # noqa: S311 (synthetic data)
    vocabulary = [f"w{number}x" for number in range(4000)]

    def text(words: int) -> str:
        return " ".join(draw.choices(vocabulary, k=words))

    section = text(kilobytes * 1024 // 4 // 6)  # the same words for all: only titles and abstracts are compared
    earlier: list[tuple[str, str, str]] = []
    with path.open("w", encoding="utf-8") as stream:
        for number in range(n):
            source = draw.choice(SOURCES)
            doi, title, abstract = f"10.5555/{number}v1", text(TITLE), text(ABSTRACT)
            if number % 10 == 9:
                first = draw.choice(earlier)
                kind = draw.randrange(3)
                doi = first[0].replace("v1", "v2") if kind == 0 else doi
                title = f"{first[1]} revisited" if kind == 1 else title
                abstract = f"{first[2]} {text(TITLE)}" if kind == 2 else abstract
            earlier.append((doi, title, abstract))
            article_id = f"{source}:{number}"
            row = {
                "id": article_id,
                "source": source,
                "doi": doi,
                "title": title,
                "abstract": abstract,
                "paper_text_sections": {name: f"{number} {section}" for name in ("intro", "methods", "results", "end")},
                "concerns": [
                    {"concern_id": f"{article_id}:R1C{k}", "concern_text": text(CONCERN), "category": "other"}
                    for k in range(CONCERNS)
                ],
            }
            stream.write(json.dumps(row) + "\n")
    return path.stat().st_size


if __name__ == "__main__":
    main()
