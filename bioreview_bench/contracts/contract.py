"""The contract under which a score is made: everything that decides it, in one frozen value.

A contract prints itself as a *signature*. Two numbers may be compared only when their signatures are equal,
so every field that could change a score is part of it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from bioreview_bench.contracts.transforms import CENTER, NONE, is_known
from bioreview_bench.errors import InputError, did_you_mean, printable
from bioreview_bench.files.atomic import write_files
from bioreview_bench.files.reading import parse_toml, read_filled

SPEC = 2
BUNDLED = ("v3", "demo", "demo-topic", "reader", "jaccard")
ADAPTERS = ("reader",)  # those of the package; a contract names any other by its folder
CUSTOM = "custom"

_IF_STATED = ("adapter", "files_sha256")
_CHOICES = {
    "dtype": ("fp32", "bf16", None),
    "pooling": ("mean", None),
    "similarity": ("cos", "jaccard", "judge"),
    "assignment": ("maxcard",),
    "figures": ("excluded", "included"),
}


@dataclass(frozen=True)
class Contract:
    """How predictions are compared with references.

    `encoder` is an id of the registry, `hf:REPO` or None for similarities that need no encoder; `adapter` is the
    package's `reader` or a folder; `files_sha256` states every file that decides a vector (see `files_digest`), and
    `weights_sha256` the weights alone, or of a judge its prompt and parameters; `max_length` is in word pieces;
    `threshold` is inclusive; `null` is the number of offsets of the other-article control. `name` and `calibrated_on`
    describe; everything else decides the score and stands in the signature.
    """

    name: str
    encoder: str | None
    threshold: float
    revision: str | None = None
    weights_sha256: str | None = None
    adapter: str | None = None
    files_sha256: str | None = None
    max_length: int | None = None
    dtype: str | None = "fp32"
    pooling: str | None = "mean"
    transform: str = "none"
    basis: str | None = None
    similarity: str = "cos"
    assignment: str = "maxcard"
    null: int = 20
    figures: str = "excluded"
    calibrated_on: str | None = None

    def __post_init__(self) -> None:
        for field, known in _CHOICES.items():
            value = getattr(self, field)
            if value not in known:
                names = ", ".join(str(name) for name in known if name is not None)
                raise self._wrong(f'unknown {field} "{printable(value)}"', f"use {names}")
        if not is_known(self.transform):
            raise self._wrong(f'unknown transform "{printable(self.transform)}"', f"use {NONE}, {CENTER} or topic-K")
        if (self.transform == CENTER) != (self.basis is not None):
            raise self._wrong(f"{CENTER} needs a basis, and no other transform has one")
        if isinstance(self.threshold, bool) or not isinstance(self.threshold, int | float):
            raise self._wrong(f"threshold must be a number, this is {self.threshold!r}")
        if not (math.isfinite(self.threshold) and -1 <= self.threshold <= 1):
            raise self._wrong(f"threshold must be a finite number from -1 to 1, this is {self.threshold!r}")
        object.__setattr__(self, "threshold", float(self.threshold))
        for field, value in (("null", self.null), ("max_length", 1 if self.max_length is None else self.max_length)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise self._wrong(f"{field} must be a whole number from 1, this is {value!r}")
        if self.similarity != "cos" and self.transform != NONE:
            raise self._wrong(f"the transform {self.transform} needs vectors")
        if self.similarity == "judge":
            self._check_judge()
        elif (self.similarity == "cos") != (self.encoder is not None):
            raise self._wrong(f"similarity {self.similarity} with encoder {self.encoder}")
        if self.adapter is not None and self.encoder is None:
            raise self._wrong("an adapter needs an encoder")
        if self.files_sha256 is not None and self.encoder is None:
            raise self._wrong("files_sha256 needs an encoder")

    def _wrong(self, what: str, remedy: str | None = None) -> InputError:
        return InputError(f"Contract {self.name}: {what}.", remedy=remedy)

    def _check_judge(self) -> None:
        """The name of a judge's contract decides all but which references count."""
        from bioreview_bench.contracts.judge_names import JudgeName, is_judge

        if not is_judge(self.name):
            raise InputError(
                f"Contract {printable(self.name)}: a judge has no threshold or encoder to choose, and no contract but "
                "its own.",
                remedy="name the judge itself, or a contract that compares vectors",
            )
        wrong = {
            field: value
            for field, value in JudgeName.parse(self.name).fields().items()
            if getattr(self, field) != value
        }
        if wrong:
            raise InputError(
                f"Contract {printable(self.name)} was written for another prompt or other parameters: this judge has "
                f"another {', '.join(sorted(wrong))}.",
                remedy="name the judge itself in the place of the file, and score again",
            )

    @classmethod
    def load(cls, name_or_path: str | Path) -> Contract:
        """A bundled contract by name (`v3`, `demo`, `jaccard`), a judge (`judge:openai:MODEL`), or a TOML file.

        Raises InputError when there is none, or when it has unknown, missing or impossible fields.

        >>> contract = Contract.load("jaccard")
        >>> contract.similarity, contract.threshold
        ('jaccard', 0.195)
        >>> dataclasses.replace(contract, name="stricter", threshold=0.5).threshold
        0.5
        """
        if str(name_or_path) in BUNDLED:
            text = (resources.files(__package__) / f"{name_or_path}.toml").read_text(encoding="utf-8")
            return cls._from_toml(text, str(name_or_path))
        if str(name_or_path).startswith("judge:"):
            from bioreview_bench.contracts.judge_names import JudgeName

            return cls(**JudgeName.parse(str(name_or_path)).fields())
        path = Path(name_or_path)
        remedy = f"use {', '.join(BUNDLED)}, judge:openai:MODEL or the path of a TOML file"
        if not os.path.exists(path):  # False, too, for a name that is too long for a path
            raise InputError(
                f'There is no contract "{printable(name_or_path)}", bundled or as a file.',
                remedy=f"{did_you_mean(str(name_or_path), BUNDLED)}{remedy}",
            )
        text = read_filled(path, InputError, remedy)
        return cls._from_toml(text, str(path))

    @classmethod
    def _from_toml(cls, text: str, where: str) -> Contract:
        fields = parse_toml(text, where, InputError, "fix the file")
        known = {field.name: field for field in dataclasses.fields(cls)}
        unknown = sorted(set(fields) - set(known))
        absent = [name for name, field in known.items() if field.default is dataclasses.MISSING and name not in fields]
        absent = [name for name in absent if name != "encoder"]
        if unknown or absent:
            raise InputError(
                f"{where}: unknown fields {unknown or 'none'}, missing fields {absent or 'none'}.",
                remedy=f"the fields are {', '.join(known)}",
            )
        fields.setdefault("encoder", None)
        if fields["encoder"] is None or fields.get("similarity") == "judge":
            fields.setdefault("dtype", None)
            fields.setdefault("pooling", None)
        _check_types(fields, where)
        if (adapter := fields.get("adapter")) is not None and adapter not in ADAPTERS:
            fields["adapter"] = str(Path(where).parent / adapter)
        return cls(**fields)

    def save(self, path: Path) -> None:
        """Write the contract as a TOML file that `load` reads. Raises WriteError."""
        fields = self.as_dict()
        if self.adapter is not None and self.adapter not in ADAPTERS:
            fields["adapter"] = os.path.relpath(self.adapter, path.parent)
        lines = [f"{name} = {_toml(value)}" for name, value in fields.items() if value is not None]
        write_files({path: ("\n".join(lines) + "\n").encode("utf-8")})

    def as_dict(self) -> dict[str, Any]:
        """Plain values of all fields; adapter and files only where they are stated."""
        fields = dataclasses.asdict(self)
        return {name: value for name, value in fields.items() if value is not None or name not in _IF_STATED}

    @property
    def official_name(self) -> str:
        """`name`, unless it is a bundled contract's name and the fields are not that contract's: then `custom`.

        Before spec 2 no files were stated but with an adapter; such a contract in a result or a board is as good.
        """
        if self.name not in BUNDLED:
            return self.name
        bundled = Contract.load(self.name)
        if self.files_sha256 is None and self.adapter is None:
            bundled = dataclasses.replace(bundled, files_sha256=None)
        return self.name if self == bundled else CUSTOM

    def __str__(self) -> str:
        return self.signature()

    def signature(self, data: str = "-", encoder: str | None = None, text_digest: str | None = None) -> str:
        """The signature for `data` (a split's label) and `encoder` (what was used, as `encoder_part` writes it).

        Without `encoder`, the revision and files that the contract itself states stand there (or, where it states no
        more, the weights). `text_digest` (of the article sentences) is given exactly when the transform reads article
        texts.
        """
        shown = f"{data}+text#{text_digest}" if text_digest else data
        adapter = None if self.adapter is None else Path(self.adapter).name
        stated = self.files_sha256 or (self.weights_sha256 if adapter is None else None)
        encoder = encoder or encoder_part(self.encoder, self.revision, stated, adapter)
        parts = {
            "spec": SPEC,
            "data": shown,
            "enc": encoder,
            "len": _or_dash(self.max_length),
            "dtype": _or_dash(self.dtype),
            "pool": _or_dash(self.pooling),
            "tf": self.transform if self.basis is None else f"{self.transform}#{_short(self.basis)}",
            "sim": self.similarity,
            "thr": repr(self.threshold),
            "match": self.assignment,
            "null": self.null,
            "fig": self.figures,
        }
        return "bioreview|" + "|".join(f"{key}:{value}" for key, value in parts.items())


def encoder_part(encoder_id: str | None, revision: str | None, sha256: str | None, adapter: str | None = None) -> str:
    """The `enc:` value: id, first 8 characters of the revision and of a sha256 (`-` for unknown ones), adapter.

    The sha256 is `files_digest` of every file that decides a vector. A judge has no revision; in the place of files
    stands the hash of its prompt and parameters.
    """
    if encoder_id is None:
        return "-"
    if encoder_id.startswith("judge/"):
        return f"{encoder_id}+{sha256[:8] if sha256 else '-'}"
    part = f"{encoder_id}@{revision[:8] if revision else '-'}+{sha256[:8] if sha256 else '-'}"
    return part if adapter is None else f"{part}+{adapter}"


def files_digest(files: Mapping[str, str]) -> str:
    """One sha256 for all files of an encoder (name to sha256), as the scoring specification defines it (section 6).

    >>> files_digest({"vocab.txt": "ab", "config.json": "cd"})[:8]
    'adfbe4ce'
    """
    lines = sorted(f"{name} {digest}\n" for name, digest in files.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _toml(value: str | int | float) -> str:
    # JSON strings are TOML basic strings as long as control characters are escaped, which json.dumps does.
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _check_types(fields: dict[str, Any], where: str) -> None:
    numbers = {"threshold", "max_length", "null"}
    for name, value in fields.items():
        if value is not None and name not in numbers and not isinstance(value, str):
            raise InputError(f"{where}: {name} must be a string, this is {value!r}.")


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)
