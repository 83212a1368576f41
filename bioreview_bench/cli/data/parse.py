"""`bench data parse`: articles from the XML of publishers."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from bioreview_bench.cli import options
from bioreview_bench.errors import DataError, InputError, Problem

_VERSION = re.compile(r"(.+)-v(\d{1,4})")  # as bench data collect names files


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.path_option("-o", "--output", metavar="FILE.jsonl", text="Where the articles go.")
@options.all_option
def parse(paths: tuple[Path, ...], output: Path | None) -> None:
    """Read JATS files (PATHS, or every .xml in folders) into articles with their letters and responses.

    Reviews of eLife, PLOS and F1000 are read with the authors' responses; of other publishers, those that are laid out
    as theirs. Entities and the network are never used. A file that cannot be read stops everything; all of them are
    listed.

    \b
    Examples:
      bench data parse elife-00005.xml elife-73240.xml -o parsed.jsonl
      bench data parse downloads/ -o parsed.jsonl
    """
    from bioreview_bench.data.papers.jats import parse_jats
    from bioreview_bench.data.papers.xml import MOST_BYTES
    from bioreview_bench.files.atomic import check_writable, write_pieces
    from bioreview_bench.files.reading import read_bytes
    from bioreview_bench.files.row_store import row_store

    if output is None:
        raise InputError("Say where the articles go.", remedy="-o parsed.jsonl")
    check_writable(output)
    problems: list[Problem] = []
    places: dict[str, int] = {}
    with row_store(output) as rows:
        for path in _files(paths):
            try:
                article = parse_jats(read_bytes(path, DataError, most=MOST_BYTES), path.name).to_article()
            except (DataError, InputError) as error:
                problems.append(Problem(error.message))
                continue
            if article.id in places:
                problems.append(Problem(f"{path.name}: a second file of {article.id}"))
            row = article.model_dump(mode="json", exclude_unset=True, exclude_none=True)
            places[article.id] = rows.add((json.dumps(row, ensure_ascii=False) + "\n").encode())
        if problems:
            count = "1 file" if len(problems) == 1 else f"{len(problems):,} files"
            raise DataError(
                f"{count} cannot be read; nothing was written.", problems=problems, remedy="leave these files out"
            )
        write_pieces({output: (rows[places[name]] for name in sorted(places))})
    click.echo(f"{output}: {len(places):,} articles.")
    click.echo(f"Next: bench data extract {shlex.quote(str(output))} -o articles.jsonl")


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(path.glob("*.xml"))
        if not found:
            raise DataError(f"{path} has no .xml files.", remedy="name files in JATS")
        newest: dict[str, tuple[int, Path]] = {}
        for file in found:
            versioned = _VERSION.fullmatch(file.stem)
            stem, number = (versioned[1], int(versioned[2])) if versioned else (file.stem, 0)
            newest[stem] = max(newest.get(stem, (number, file)), (number, file))
        older = len(found) - len(newest)
        if older:
            click.echo(f"{path}: {older:,} older versions (-vN.xml) are left out.", err=True)
        yield from (file for _, file in newest.values())
