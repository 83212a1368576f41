"""Rules and contact: how to get a token, what may be sent, what ranks, and how far contracts can be trusted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bioreview_bench.contracts.contract import BUNDLED
from bioreview_bench.report.meaning import trusted, validity_sentence
from bioreview_bench.results.validity import load_card, own_validity

from ...ranking.build import load_table
from ...settings import BoardSettings
from ...store.settings import get_card, get_contract, get_settings
from ..site import Site

if TYPE_CHECKING:
    from bioreview_bench.results.records import Validity

    from ...ranking.view import BoardTable
    from ...store.database import Database

_MAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", re.ASCII)
_WEB = re.compile(r"https?://[^\s\"'<>]+", re.ASCII)


@dataclass(frozen=True)
class ContractLine:
    """A contract of the board: what its validity card says, and whether most of its matches are the same point."""

    name: str
    ranking: bool
    said: str
    trusted: bool


@dataclass(frozen=True)
class BoardRules:
    """What the page is made of."""

    settings: BoardSettings
    table: BoardTable
    contracts: tuple[ContractLine, ...]


def board_rules(db: Database) -> BoardRules:
    """The rules of a board as its settings are now."""
    settings = get_settings(db)
    lines = tuple(_line(db, name, settings.ranking) for name in settings.contracts)
    return BoardRules(settings, load_table(db, settings.splits[0], settings.ranking), lines)


def rules_page(site: Site, rules: BoardRules) -> str:
    """The page."""
    return site.render(
        "rules.html",
        "rules",
        settings=rules.settings,
        table=rules.table,
        contracts=rules.contracts,
        contact=contact_address(rules.settings.contact),
        megabytes=rules.settings.limits.upload_bytes // (1024 * 1024),
    )


def contact_address(contact: str) -> str:
    """What a contact leads to: itself where it is a web address, mailto: for mail, nothing for a sentence."""
    given = contact.strip()
    if _MAIL.fullmatch(given):
        return f"mailto:{given}"
    return given if _WEB.fullmatch(given) else ""


def _line(db: Database, name: str, ranking: str) -> ContractLine:
    claim = _claim(db, name)
    return ContractLine(name, name == ranking, validity_sentence(claim), trusted(claim))


def _claim(db: Database, name: str) -> Validity:
    """What the card that came with a contract's file says, else the one that the package has."""
    contract, card = get_contract(db, name), get_card(db, name)
    if card is None and contract.official_name in BUNDLED:
        card = load_card(contract.official_name)
    return own_validity(contract, card)
