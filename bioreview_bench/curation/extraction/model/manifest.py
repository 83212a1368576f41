"""What made the concerns of a file: `extraction.json` beside it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bioreview_bench.curation.extraction.model.extract import Extraction, ModelExtractor
from bioreview_bench.errors import InputError, printable
from bioreview_bench.files.reading import file_sha256, find_json
from bioreview_bench.results.provenance import package_version

MANIFEST = "extraction.json"
SCHEMA_VERSION = 1


def manifest_id(extractor: ModelExtractor, read: Mapping[str, str]) -> str:
    """The model and a hash of what decides an extraction: how it was asked, which package, which files were read."""
    decisive = {"extractor": extractor.describe(), "package": package_version(), "input": dict(read)}
    digest = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode("utf-8")).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', extractor.model.name)[:80]}-{digest[:16]}"


def files_read(files: list[Path]) -> dict[str, str]:
    """Names and sha256 of the files with the letters. Raises InputError."""
    return {path.name: file_sha256(path, InputError) for path in files}


def require_own(output: Path, read: list[Path]) -> Path:
    """Where the manifest of this output goes. Raises InputError when that of another output stands there, when the
    output is one of the files that are read (articles that fail would be lost), and when it was changed since an
    extraction wrote it, or was written by something else."""
    if output.resolve() in [path.resolve() for path in read]:
        raise InputError(f"{output} is what is read; articles that fail would be lost.", remedy="name another file")
    path = output.with_name(MANIFEST)
    stored = find_json(path, InputError, "write to another folder")
    named = (stored or {}).get("output")
    if stored is not None and not (isinstance(named, dict) and named.get("file") == output.name):
        other = named.get("file") if isinstance(named, dict) else "something else"
        raise InputError(
            f"{path} is about {printable(other)}, and would be lost.",
            remedy="write to a folder of its own: -o FOLDER/FILE",
        )
    if output.exists() and (stored is None or file_sha256(output, InputError) != stored["output"].get("sha256")):
        raise not_its_own(output)
    return path


def not_its_own(output: Path) -> InputError:
    """What is said of an output that exists and is not what the same command wrote, as corrected labels are."""
    return InputError(
        f"{output} exists, and is not what this command wrote. It would be lost.",
        remedy="name another file, or delete it",
    )


def make_manifest(
    extractor: ModelExtractor,
    extraction: Extraction,
    *,
    name: str,
    read: Mapping[str, str],
    output: Path,
    content: bytes,
    n_articles: int,
) -> dict[str, Any]:
    """Who was asked what, the files, and what came of it. `content` is that of the output, of `n_articles`."""
    spent = [answer.usage for answer in extraction.answers]
    costs = [usage.cost_usd for usage in spent]
    price = extractor.settings.price
    return {
        "schema_version": SCHEMA_VERSION,
        "id": name,
        "extractor": extractor.model.name,
        **extractor.describe(),
        "served_models": extraction.served_models,
        "package": package_version(),
        "input": dict(read),
        "output": {"file": output.name, "sha256": hashlib.sha256(content).hexdigest()},
        "counts": {
            "articles": n_articles,
            "extracted": len(extraction.concerns),
            "concerns": sum(map(len, extraction.concerns.values())),
            "failed": len(extraction.failed),
        },
        "failed": {article: list(why) for article, why in extraction.failed.items()},
        "usage": {
            "answers": len(spent),
            "input_tokens": sum(usage.input_tokens or 0 for usage in spent),
            "output_tokens": sum(usage.output_tokens or 0 for usage in spent),
            "cost_usd": None if None in costs else round(sum(cost or 0.0 for cost in costs), 6),
            "price": None if price is None else price.as_dict(),
        },
    }
