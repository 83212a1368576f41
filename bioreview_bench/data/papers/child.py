"""Parsing in a process of its own, so that a hostile file costs bounded memory and time, and no more than an error.

PDF, DOCX and HTML are parsed by libraries that a crafted file can keep busy, or have unpack gigabytes. The limit of
memory holds where the system has one for processes (not on Windows, and not strictly on macOS), that of time
everywhere.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from bioreview_bench.data.papers.paper import Paper
from bioreview_bench.errors import EncoderError, InputError, printable
from bioreview_bench.files.install import install_command

SECONDS = {"pdf": 120, "docx": 60, "html": 20}  # a PDF of 40 pages takes five, a page less than one
MEMORY = 2 * 2**30  # bytes of address space; a paper of 40 pages takes a tenth
MOST_OUTPUT = 16 * 2**20  # characters of text in one paper
_NEEDED = {"pdf": ("pdfminer", "pdfminer.six"), "docx": ("docx", "python-docx")}
_REMEDY = "save it anew with the program that made it, or as another of PDF, DOCX, HTML, Markdown, text"

Apart = Literal["pdf", "docx", "html"]


def parse_apart(form: Apart, data: bytes, path: Path, *, seconds: int | None = None, memory: int = MEMORY) -> Paper:
    """The paper in the bytes of a file. `path` names it in messages.

    Raises InputError for a file that cannot be read within the limits, or that its form says is none; EncoderError
    where the library is not installed.
    """
    seconds = seconds or SECONDS[form]
    module, package = _NEEDED.get(form, ("html", ""))
    if find_spec(module) is None:
        raise EncoderError(
            f"Reading {form.upper()} needs {package}, which is not installed.", remedy=install_command("papers")
        )
    command = [sys.executable, "-P", "-m", __name__, form, str(seconds), str(memory)]
    try:
        done = subprocess.run(
            command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"{path} could not be read within {seconds} s.", remedy=_REMEDY) from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        limits = f"{memory >> 20:,} MiB of memory and {seconds} s"
        answer = {"error": f"could not be read within {limits}.", "remedy": _REMEDY}
    if "error" in answer:
        raise InputError(f"{path} {printable(answer['error'], 300)}", remedy=printable(answer["remedy"], 300))
    return _paper(answer)


def _paper(answer: Mapping[str, Any]) -> Paper:
    return Paper(**{**answer, "references": tuple(answer["references"]), "notes": tuple(answer["notes"])})


def main(form: str, seconds: int, memory: int) -> None:
    """Parse what stands on standard input, and print it as JSON: the paper, or an error with a remedy."""
    _limit(seconds, memory)
    logging.disable()  # a crafted file could have a library warn without end
    data = sys.stdin.buffer.read()
    try:
        answer = json.dumps(asdict(_parse(form, data)))
        if len(answer) > MOST_OUTPUT:
            raise InputError(f"has more than {MOST_OUTPUT >> 20} million characters of text.")
    except InputError as error:
        answer = _failure(error.message, error.remedy)
    except MemoryError:
        answer = _failure(f"takes more than {memory >> 20:,} MiB of memory to read.")
    except RecursionError:
        answer = _failure("is nested too deeply to be read.")
    except Exception as error:  # noqa: BLE001  whatever a library makes of a broken file
        said = f"{type(error).__name__}: {printable(error, 150)}" if str(error) else type(error).__name__
        answer = _failure(f"is damaged: {said}.")
    sys.stdout.write(answer)
    sys.stdout.flush()
    os._exit(0)  # nothing of the parsed file is to be torn down


def _failure(message: str, remedy: str | None = None) -> str:
    return json.dumps({"error": message, "remedy": remedy or _REMEDY})


def _parse(form: str, data: bytes) -> Paper:
    if form == "pdf":
        from bioreview_bench.data.papers.pdf import parse_pdf

        return parse_pdf(data)
    if form == "docx":
        from bioreview_bench.data.papers.docx import parse_docx

        return parse_docx(data)
    from bioreview_bench.data.papers.html import parse_html

    return parse_html(data.decode())


def _limit(seconds: int, memory: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    for which, limit in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds)):
        hard = resource.getrlimit(which)[1]
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(which, (limit, hard))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
