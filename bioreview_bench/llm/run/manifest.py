"""The manifest of a run (`run.json`): what was asked of whom, when, and what it came to.

The rows are the record; the totals here are a copy of what they say, for people and for `bench evaluate`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bioreview_bench.errors import InputError, printable
from bioreview_bench.files.paths import require_folder
from bioreview_bench.files.reading import read_json
from bioreview_bench.llm.run.rows import FAILURES, kind_of_reason
from bioreview_bench.results.provenance import git_state, package_version

SCHEMA_VERSION = 1
_LIBRARIES = ("openai", "google-genai", "httpx2", "pydantic", "transformers", "torch", "tiktoken", "vllm", "bm25s")
# What must be equal before rows of one run may stand beside rows of another.
IDENTITY = ("name", "reviewer", "split", "package")


@dataclass
class Totals:
    """Sums over rows. A token count or cost that a row does not state is counted as unknown, never as zero."""

    by_status: Counter[str] = field(default_factory=Counter)
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    n_tokens_known: int = 0
    n_cost_known: int = 0
    n_cut: int = 0
    tokens_cut: int = 0
    n_unread: int = 0
    reasons: dict[str, list[str]] = field(default_factory=dict)  # why rows hold no concern, alike ones together

    @property
    def n_rows(self) -> int:
        """Rows counted."""
        return sum(self.by_status.values())

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one row of `predictions.jsonl`."""
        status = str(row.get("status"))
        self.by_status[status] += 1
        if status in FAILURES:
            said = str(row.get("detail") or FAILURES[status])
            self.reasons.setdefault(kind_of_reason(said), []).append(said)
        usage = _mapping(row.get("usage"))
        tokens = [_number(usage.get(key)) for key in ("input_tokens", "output_tokens")]
        if None not in tokens:
            self.n_tokens_known += 1
        self.input_tokens += int(tokens[0] or 0)
        self.output_tokens += int(tokens[1] or 0)
        cost = _number(usage.get("cost_usd"))
        if cost is not None:
            self.n_cost_known += 1
            self.cost_usd += cost
        notes = _mapping(row.get("notes"))
        self.n_unread += int(_number(notes.get("n_unread")) or 0)
        cut = _mapping(notes.get("cut"))
        if cut:
            self.n_cut += 1
            self.tokens_cut += int((_number(cut.get("of")) or 0) - (_number(cut.get("tokens")) or 0))

    def commonest_reason(self) -> str | None:
        """Why most of the rows without concerns hold none, in a sentence; None where every row holds some."""
        if not self.reasons:
            return None
        alike = max(self.reasons.values(), key=len)
        often = f", in {len(alike):,} of {sum(map(len, self.reasons.values())):,}" if len(self.reasons) > 1 else ""
        return f"The commonest reason{often}: {printable(alike[0], 500)}"

    def as_dict(self) -> dict[str, Any]:
        """For the manifest; `cost_usd` is null when no row states a cost."""
        return {
            "articles": self.n_rows,
            "by_status": dict(sorted(self.by_status.items())),
            "input_tokens": self.input_tokens if self.n_tokens_known else None,
            "output_tokens": self.output_tokens if self.n_tokens_known else None,
            "n_tokens_unknown": self.n_rows - self.n_tokens_known,
            "cost_usd": round(self.cost_usd, 6) if self.n_cost_known else None,
            "n_cost_unknown": self.n_rows - self.n_cost_known,
            "articles_cut": self.n_cut,
            "tokens_cut": self.tokens_cut,
            "items_unread": self.n_unread,
        }


def new_manifest(
    name: str, reviewer: Mapping[str, Any], split: str, fingerprint: str, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """A manifest for a run that starts now. `settings` (price, concurrency) may differ when the run is resumed."""
    return {
        "schema_version": SCHEMA_VERSION,
        "name": name,
        "reviewer": dict(reviewer),
        "split": {"label": split, "fingerprint": fingerprint},
        "texts": {},
        "postprocessing": "none",
        "package": package_version(),
        "libraries": dict(_libraries()),
        "git": git_state().model_dump(),
        "settings": dict(settings),
        "started": now(),
        "ended": None,
        "state": "running",
        "totals": Totals().as_dict(),
        "superseded": Totals().as_dict(),
    }


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest at `path`. Raises InputError."""
    require_folder(path.parent)
    if not path.exists():
        raise InputError(f"{path.parent} is not a run folder: it contains no {path.name}.", remedy="check the path")
    manifest = read_json(path, InputError, "choose another --out")
    if manifest.get("schema_version") != SCHEMA_VERSION or not isinstance(manifest.get("reviewer"), dict):
        raise InputError(
            f"{path} is not a run manifest of version {SCHEMA_VERSION}.",
            remedy="choose another --out, or the version of this package that wrote it",
        )
    return manifest


def texts_read(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Digests of the texts that were reviewed, by article id; {} in a manifest that is older than they."""
    return {str(article_id): str(digest) for article_id, digest in _mapping(manifest.get("texts")).items()}


def require_run(path: Path) -> None:
    """Raise InputError when the manifest at `path` is that of predictions made from others, whose rows no reviewer
    wrote: to add rows to them, or to ask again for some, would mix two systems."""
    try:
        manifest = read_json(path, InputError, "")
    except InputError:
        return  # who needs the manifest says what is wrong with it
    if "derived_from" in manifest:
        done = printable(manifest.get("postprocessing"))
        raise InputError(
            f"{path.parent} contains predictions that were made from others ({done}), not a run.",
            remedy="go on with the run they were made from, and make them again (bench postprocess, bench ensemble); "
            "a new run needs another --out",
        )


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _libraries() -> Iterator[tuple[str, str]]:
    for name in _LIBRARIES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value if is_number else None
