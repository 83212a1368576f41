"""The validity card of a contract: what an audit measured, kept with the contract, and when it may be believed.

The card of a bundled contract lies beside it in the package, that of `mine.toml` in `mine.card.json`, that of a judge,
which has no file, in the cache folder, under its provider, model and the hash of prompt and parameters. A card belongs
to one contract: where a field that decides a match differs, or the weights, it is not used, and that is said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from pydantic import ValidationError

from bioreview_bench.contracts.contract import BUNDLED, Contract
from bioreview_bench.contracts.judge_names import JudgeName
from bioreview_bench.errors import InputError, printable, reasons
from bioreview_bench.files.atomic import write_files
from bioreview_bench.files.jsonl import parse_object
from bioreview_bench.files.paths import cards_root
from bioreview_bench.files.reading import read_text
from bioreview_bench.results.records import Bootstrap, Encoder, Record, Validity

CARD_VERSION = "1"
CARD_SUFFIX = ".card.json"
_JUDGE = "judge:"  # a contract that is a name and no file
ALL, OWN_WORDS = "all", "own_words"
# Fields that say nothing about which pairs match: two names, and the number of donors of a control.
_BESIDE = ("name", "calibrated_on", "null")

Bounds = tuple[float, float] | None


class Bounded(Record):
    """A figure and its 95 % interval; either may be undefined."""

    value: float | None
    interval: Bounds


class Share(Record):
    """n of `of`, as a share with its 95 % interval."""

    n: int
    of: int
    share: float | None
    interval: Bounds


class RaterAgreement(Record):
    """Agreement of the raters over pairs: on *same* or not, and on all three labels."""

    raters: list[str]
    n_pairs: int
    measure: str | None
    same: float | None
    labels: float | None


class JudgedFileRecord(Record):
    """A file of judged pairs, or of a matching corpus."""

    name: str
    sha256: str
    n_texts: int


class MeasuredOn(Record):
    """Which articles and which files: the fingerprints of everything that a card was measured on."""

    data: str
    fingerprint: str
    n_articles: int
    judgements: list[JudgedFileRecord]
    corpus: list[JudgedFileRecord]


class MatchFigures(Record):
    """One reviewer (or a group of them): what the contract matches, held against what the raters say.

    `n_same` texts make the point of some reference. `eligible` pairs reach the threshold; `matched` ones are left
    after one-to-one matching of the reviewer's texts on an article, `of` being all possible matches. `*_found` and
    `found`: of the texts that make a point, those with such a pair. `n_true` is what one-to-one matching of the
    raters' pairs would count, which `judged_f1` is made of as `counted_f1` is of the contract's matches. `own_words`:
    nothing was written from a reference.
    """

    own_words: bool
    n_articles: int
    n_references: int
    n_texts: int
    n_same: int
    n_pairs: int
    n_same_pairs: int
    average_precision: Bounded
    auc: Bounded
    eligible_same: Share
    eligible_found: Share
    matched: Share
    matched_same: Share
    matched_related: Share
    found: Share
    n_true: int
    counted_f1: Bounded
    judged_f1: Bounded


class Ranking(Record):
    """Are reviewers ranked alike by counted and by judged F1?"""

    n_reviewers: int
    spearman: Bounded
    kendall: Bounded


class ValidityCard(Record):
    """What `bench contract audit` writes.

    `groups` are all judged reviewers, and those in their own words; `controls` are match rates of echo, stock
    comments (`generic`) and another article's references; `corpus` has figures by file and kind, `all` among them,
    for texts whose point is known by construction.
    """

    schema_version: Literal["1"]
    contract: dict[str, Any]
    signature: str
    encoder: Encoder
    measured_on: MeasuredOn
    agreement: RaterAgreement
    groups: dict[str, MatchFigures]
    reviewers: dict[str, MatchFigures]
    controls: dict[str, Share]
    corpus: dict[str, dict[str, MatchFigures]]
    ranking: Ranking
    bootstrap: Bootstrap
    package: str

    @property
    def natural(self) -> tuple[str, MatchFigures]:
        """The figures to quote, and of whom: reviewers in their own words where some were judged, else everybody."""
        name = OWN_WORDS if OWN_WORDS in self.groups else ALL
        return name, self.groups[name]

    def to_json(self) -> str:
        """As in the file."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=1, allow_nan=False) + "\n"

    def save(self, path: Path) -> None:
        """Write the card. Raises WriteError."""
        write_files({path: self.to_json().encode("utf-8")})


def card_path(name_or_path: str | Path) -> Path:
    """Where the card of a contract lies: in the package, beside its TOML file, or for a judge in the cache."""
    if str(name_or_path).startswith(_JUDGE):
        judge = JudgeName.parse(str(name_or_path))
        return cards_root() / f"{quote(judge.encoder, safe='')}+{judge.sha256[:16]}{CARD_SUFFIX}"
    if str(name_or_path) in BUNDLED:
        return Path(str(resources.files("bioreview_bench.contracts"))) / f"{name_or_path}{CARD_SUFFIX}"
    path = Path(name_or_path)
    return path.with_name(path.name.removesuffix(".toml") + CARD_SUFFIX)


def load_card(name_or_path: str | Path) -> ValidityCard | None:
    """The card of a contract, None when it has none. Raises InputError when the file is no card."""
    return _read(card_path(name_or_path))


def judges_cards() -> list[ValidityCard]:
    """The cards of all judges that were audited on this machine. Raises InputError when a file is no card."""
    folder = cards_root()
    found = [_read(path) for path in (sorted(folder.glob(f"*{CARD_SUFFIX}")) if folder.is_dir() else [])]
    return [card for card in found if card is not None]


def _read(path: Path) -> ValidityCard | None:
    remedy = "move it away, or make it again: bench contract audit"
    if not path.exists():
        return None
    text = read_text(path, InputError, remedy)
    try:
        return ValidityCard.model_validate(parse_object(text))
    except ValueError as error:
        said = reasons(error)[0] if isinstance(error, ValidationError) else error
        raise InputError(f"{path} is not a validity card: {said}.", remedy=remedy) from error


def differing(card: ValidityCard, fields: Mapping[str, Any], encoder: Encoder) -> list[str]:
    """The fields in which a contract, or the encoder that is used, is not what the card was measured with."""
    pairs = {name: (card.contract.get(name), value) for name, value in fields.items() if name not in _BESIDE}
    if "adapter" in pairs:  # a folder may stand elsewhere; files_sha256 says what is in it
        pairs["adapter"] = (_name(card.contract.get("adapter")), _name(fields["adapter"]))
    pairs["encoder weights"] = (card.encoder.weights_sha256, encoder.weights_sha256)
    if None not in (card.encoder.files_sha256, encoder.files_sha256):  # not stated before spec 2
        pairs["encoder files"] = (card.encoder.files_sha256, encoder.files_sha256)
    return [
        f"{name} {printable(there, 40)} there, {printable(here, 40)} here"
        for name, (there, here) in pairs.items()
        if there != here
    ]


def _name(adapter: str | None) -> str | None:
    return None if adapter is None else Path(adapter).name


def validity(contract: Contract, encoder: Encoder, card: ValidityCard | None = None) -> Validity:
    """What may be said of a contract's matches: by `card`, else by the card of the bundled contract or judge.

    Raises InputError when that card is damaged.
    """
    name = contract.official_name
    if card is None and (name in BUNDLED or name.startswith(_JUDGE)):
        card = load_card(name)
    if card is None:
        return Validity()
    wrong = differing(card, contract.as_dict(), encoder)
    if wrong:
        return Validity(refused="; ".join(wrong))
    whom, figures = card.natural
    return Validity(
        n_matched=figures.matched_same.of,
        same=figures.matched_same.share,
        found=figures.found.share,
        interval=figures.matched_same.interval,
        measured_on=_measured(card, whom),
    )


def own_validity(contract: Contract, card: ValidityCard | None) -> Validity:
    """What the contract's own card says of it, the encoder being the one that the card was measured with."""
    return Validity() if card is None else validity(contract, card.encoder, card)


def _measured(card: ValidityCard, whom: str) -> str:
    names = [name for name, figures in card.reviewers.items() if whom == ALL or figures.own_words]
    n_texts, n_articles = card.groups[whom].n_texts, card.groups[whom].n_articles
    return f"{n_texts:,} texts by {', '.join(names)} on {n_articles:,} articles of {card.measured_on.data}"
