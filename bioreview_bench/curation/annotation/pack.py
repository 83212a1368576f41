"""A validation pack: what two raters are asked, in `pack.json`, and what they must not see, in `key.json`.

`pack.json` has no label of anybody. `key.json` (readable by its owner only) has the raters' tokens, the secret that
seals answers, the labels that the concerns had, and the similarities of pairs.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from bioreview_bench.errors import DataError, InputError, cannot_write, reasons
from bioreview_bench.files.atomic import make_folder, write_files
from bioreview_bench.files.reading import read_bytes

PACK, KEY = "pack.json", "key.json"
VERSION: Literal["1"] = "1"
CONCERN, LETTER, PAIRS = "concern", "letter", "pairs"
KINDS = (CONCERN, LETTER, PAIRS)

Model = TypeVar("Model", bound=BaseModel)

_REMEDY = "bench data annotate create DATA -o FOLDER"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AskedReference(_Part):
    """A concern of a letter. `start` and `end` are its place in the letter, in characters; None where it has none."""

    concern_id: str
    text: str
    start: int | None = None
    end: int | None = None


class AskedArticle(_Part):
    """What a rater reads about an article."""

    id: str
    source: str
    family: str
    title: str
    abstract: str
    letter: str
    references: tuple[AskedReference, ...]


class AnnotationItem(_Part):
    """One thing to label: a concern, a letter as a whole, or a predicted text against the references of its article."""

    id: str
    kind: Literal["concern", "letter", "pairs"]
    article_id: str
    concern_id: str | None = None
    text: str | None = None


class PackSources(_Part):
    """What the sample was drawn from; the last three are None where no pairs are asked."""

    data: str
    fingerprint: str
    seed: int
    predictions: str | None = None
    predictions_sha256: str | None = None
    contract: str | None = None


class AnnotationPack(_Part):
    """Articles, and items in the order in which they were drawn."""

    schema_version: Literal["1"]
    raters: tuple[str, str]
    sources: PackSources
    articles: tuple[AskedArticle, ...]
    items: tuple[AnnotationItem, ...]

    def article(self, article_id: str) -> AskedArticle:
        """The article with this id. Raises KeyError."""
        return next(article for article in self.articles if article.id == article_id)

    def for_rater(self, rater: str) -> tuple[AnnotationItem, ...]:
        """All items in this rater's order: by kind, then by article as the seed draws them for the rater.

        Two raters meet the articles in different orders, so that neither's tiredness falls on the same ones.
        """
        seed = self.sources.seed

        def place(item: AnnotationItem) -> tuple[int, bytes]:
            drawn = hashlib.sha256(f"{seed}:{rater}:{item.article_id}".encode("utf-8", "surrogatepass")).digest()
            return KINDS.index(item.kind), drawn

        return tuple(sorted(self.items, key=place))  # stable: as sampled within an article


class DrawnPair(_Part):
    """Why a text was drawn: for its pair with this reference, whose similarity lies in this bin."""

    concern_id: str
    bin: int


class ExtractedLabels(_Part):
    """The labels that a concern had before anybody looked."""

    category: str | None
    severity: str | None


class AnnotationKey(_Part):
    """What raters do not see. `labels`, `drawn` and `similarities` (by reference) are by item id.

    `edges` are those of the bins, one more than there are bins.
    """

    pack_sha256: str
    secret: str
    tokens: dict[str, str]
    labels: dict[str, ExtractedLabels]
    drawn: dict[str, DrawnPair]
    similarities: dict[str, dict[str, float]]
    edges: tuple[float, ...]


def check_new(folder: Path) -> None:
    """Raise InputError unless `folder` is yet to be made, or empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there already, and not empty.", remedy="choose a new folder with -o")


def write_pack(folder: Path, pack: AnnotationPack, key: AnnotationKey) -> None:
    """Write both files into a new folder that only its owner may read. Raises InputError as `check_new`, WriteError."""
    check_new(folder)
    make_folder(folder)
    try:
        folder.chmod(0o700)  # before anything secret is in it
        write_files({folder / KEY: _json(key), folder / PACK: _json(pack)})
        (folder / KEY).chmod(0o600)
    except OSError as error:
        raise cannot_write(folder, error) from error


def sealed(pack: AnnotationPack) -> str:
    """The sha256 of the pack as it is written."""
    return hashlib.sha256(_json(pack)).hexdigest()


def read_pack(folder: Path) -> tuple[AnnotationPack, AnnotationKey]:
    """A pack and its key. Raises DataError when one is missing, damaged, or not of the other."""
    raw = read_bytes(folder / PACK, DataError, _REMEDY)
    pack = _parse(AnnotationPack, raw, folder / PACK)
    key = _parse(AnnotationKey, read_bytes(folder / KEY, DataError, _REMEDY), folder / KEY)
    if hashlib.sha256(raw).hexdigest() != key.pack_sha256:
        raise DataError(
            f"{folder / PACK} was changed after it was made: answers would be about other items.",
            remedy="put the original back",
        )
    return pack, key


def _parse(model: type[Model], raw: bytes, path: Path) -> Model:
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        why = "; ".join(reasons(error))
        raise DataError(f"{path} is damaged: {why}.", remedy="put the original back, or create another pack") from error


def _json(value: BaseModel) -> bytes:
    return (json.dumps(value.model_dump(mode="json"), ensure_ascii=False, indent=1) + "\n").encode()
