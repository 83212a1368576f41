"""What describes a release, made from its own files and counts: the data set card, Croissant metadata, `eval.yaml`."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bioreview_bench.curation.release.rows import BENCHMARK, CONCERNS, DEFAULT
from bioreview_bench.data.article import Article
from bioreview_bench.data.split import fingerprint
from bioreview_bench.data.vocabulary import sources_in_order
from bioreview_bench.files.jsonl import clean

if TYPE_CHECKING:
    import pyarrow

HUB_SPLITS = {"train": "train", "val": "validation", "test": "test"}
_USE = """```bash
bench data download OWNER/NAME --out my-data
bench evaluate predictions.jsonl --data my-data
```

```python
from datasets import load_dataset

articles = load_dataset("OWNER/NAME", {first})
```"""
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_CROISSANT_TYPES = {"string": "sc:Text", "int64": "sc:Integer", "double": "sc:Float", "bool": "sc:Boolean"}


@dataclass(frozen=True)
class Released:
    """A release: name, splits, which of them are held out, files as path -> (bytes, sha256), and by configuration the
    rows of each split and the schema."""

    name: str
    splits: Mapping[str, Sequence[Article]]
    held_out: Collection[str]
    withhold: bool
    files: Mapping[str, tuple[int, str]]
    configurations: Mapping[str, Mapping[str, int]]
    schemas: Mapping[str, pyarrow.Schema]

    def path(self, configuration: str, split: str) -> str:
        """Where the rows of a split lie."""
        suffix = "parquet" if f"data/{configuration}/{split}.parquet" in self.files else "jsonl"
        return f"data/{configuration}/{split}.{suffix}"


def card(release: Released) -> str:
    """README.md: configurations for `load_dataset`, statistics, licences, how to score."""
    first = next(iter(release.configurations))
    head = {
        "pretty_name": release.name,
        "language": ["en"],
        "license": "other",
        "license_name": "per-article",
        "task_categories": ["text-generation"],
        "tags": ["peer-review", "biomedical", "benchmark", "bioreview-bench"],
        "size_categories": [next((label for most, label in _SIZES if _n(release) < most), "n>1M")],
        "configs": [
            {
                "config_name": name,
                "data_files": [{"split": HUB_SPLITS[s], "path": release.path(name, s)} for s in by_split],
                **({"default": True} if name == first else {}),
            }
            for name, by_split in release.configurations.items()
        ],
        # Without these `load_dataset` guesses the types of JSON Lines, for each split anew.
        "dataset_info": [
            {"config_name": name, "features": [_feature(f.name, f.type) for f in release.schemas[name]]}
            for name in release.configurations
        ],
    }
    # JSON is YAML, and quotes whatever a name contains.
    front = "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items())
    parts = [
        f"---\n{front}\n---",
        f"# {_plain(release.name)}",
        "Peer-reviewed articles with the concerns that their human reviewers raised, for bioreview-bench.",
        _withheld(release),
        "## Articles\n\n" + _table("split", _by_source(release)),
        "## References by category\n\n" + _table("split", _by_category(release)),
        "## Licences\n\nEvery article keeps the licence under `license`.\n\n" + _table("licence", _licences(release)),
        "## Configurations\n\n" + "\n".join(f"- `{name}`: {_meaning(name)}" for name in release.configurations),
        f"## Use\n\n{_USE.format(first=json.dumps(first))}",
        "Fingerprints: " + ", ".join(f"{name} `{fingerprint(rows)}`" for name, rows in release.splits.items()) + ".",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def eval_yaml(release: Released) -> str:
    """`eval.yaml`, by which the Hub knows a data set as a benchmark with results in model repositories."""
    tested = [name for name in release.splits if name in release.held_out] or list(release.splits)[-1:]
    configuration = BENCHMARK if release.withhold else next(iter(release.configurations))
    tasks = [{"id": f"concerns_{name}", "config": configuration, "split": HUB_SPLITS[name]} for name in tested]
    fields = {
        "name": release.name,
        "description": "Are a machine reviewer's concerns those that human reviewers raised?",
        "evaluation_framework": "bioreview-bench",
        "tasks": tasks,
    }
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in fields.items())


def croissant(release: Released) -> dict[str, Any]:
    """Croissant 1.0 metadata; nested columns are left out."""
    files, records = [], []
    for name, by_split in release.configurations.items():
        for split in by_split:
            path = release.path(name, split)
            size, sha256 = release.files[path]
            parquet = path.endswith(".parquet")
            files.append(
                {
                    "@type": "cr:FileObject",
                    "@id": path,
                    "name": path,
                    "contentUrl": path,
                    "contentSize": f"{size} B",
                    "encodingFormat": "application/x-parquet" if parquet else "application/jsonlines",
                    "sha256": sha256,
                }
            )
            records.append(_record_set(f"{name}-{split}", path, release.schemas[name]))
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": re.sub(r"[^A-Za-z0-9_-]+", "-", release.name),
        "description": "Peer-reviewed articles with the concerns that their human reviewers raised.",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "license": sorted(
            {clean(article.license or "unknown") for rows in release.splits.values() for article in rows}
        ),
        "distribution": files,
        "recordSet": records,
    }


def _feature(name: str, kind: pyarrow.DataType) -> dict[str, Any]:
    """A column as the library `datasets` writes it into cards."""
    return {"name": name, **_feature_type(kind)}


def _feature_type(kind: pyarrow.DataType) -> dict[str, Any]:
    from pyarrow import types

    if types.is_struct(kind):
        return {"struct": [_feature(field.name, field.type) for field in kind]}
    if types.is_list(kind):
        inner = _feature_type(kind.value_type)
        return {"list": inner.get("struct") or inner.get("dtype") or inner}
    return {"dtype": {"double": "float64"}.get(str(kind), str(kind))}


def _record_set(name: str, path: str, schema: pyarrow.Schema) -> dict[str, Any]:
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"{name}/{_identifier(number, field.name)}",
            "name": field.name,
            "dataType": _CROISSANT_TYPES[str(field.type)],
            "source": {"fileObject": {"@id": path}, "extract": {"column": field.name}},
        }
        for number, field in enumerate(schema)
        if str(field.type) in _CROISSANT_TYPES
    ]
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "field": fields}


def _identifier(number: int, column: str) -> str:
    """The name of a column, or its number: Croissant refuses identifiers with white space."""
    return f"column-{number}" if re.search(r"\s", column) else column


def _n(release: Released) -> int:
    return sum(map(len, release.splits.values()))


def _withheld(release: Released) -> str:
    names = [name for name in release.splits if name in release.held_out]
    if not names:
        return ""
    if release.withhold:
        return f"Held out: {', '.join(names)}. Nothing of its reviews is in these files; scores come from a board."
    return f"Held out: {', '.join(names)}. Its references are in these files: keep the repository private."


def _meaning(name: str) -> str:
    meanings = {
        DEFAULT: "articles with everything",
        BENCHMARK: "the same, held-out articles without anything of their reviews",
        CONCERNS: "one row a concern",
    }
    return meanings.get(name, f"the articles of {name.removeprefix('source-')}")


def _by_source(release: Released) -> dict[str, dict[str, int]]:
    sources = sources_in_order(article.source for rows in release.splits.values() for article in rows)
    found = {}
    for name, rows in release.splits.items():
        counts = Counter(article.source for article in rows)
        found[name] = {"articles": len(rows), **{source: counts[source] for source in sources}}
    return found


def _by_category(release: Released) -> dict[str, dict[str, int]]:
    counts = {
        name: Counter(concern.category or "none" for article in rows for concern in article.concerns)
        for name, rows in release.splits.items()
        if not (release.withhold and name in release.held_out)
    }
    labels = sorted({label for found in counts.values() for label in found})
    return {
        name: {"references": found.total(), **{label: found[label] for label in labels}}
        for name, found in counts.items()
    }


def _licences(release: Released) -> dict[str, dict[str, int]]:
    counts = Counter(clean(article.license or "unknown") for rows in release.splits.values() for article in rows)
    return {licence: {"articles": count} for licence, count in sorted(counts.items())}


def _table(corner: str, rows: Mapping[str, Mapping[str, int]]) -> str:
    columns = list(next(iter(rows.values()), {}))
    lines = [[corner, *columns], [":--", *("--:" for _ in columns)]]
    lines += [[_plain(name), *(f"{row[column]:,}" for column in columns)] for name, row in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    """Text from a file, harmless in Markdown and HTML."""
    visible = "".join(char for char in " ".join(text.split()) if char.isprintable())
    return re.sub(r"([\\`*_\[\]<>|#!])", r"\\\1", visible)[:200]
