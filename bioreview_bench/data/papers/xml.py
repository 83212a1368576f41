"""XML that nobody vouches for, parsed without entities, network or recovery, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bioreview_bench.errors import EncoderError, InputError, printable
from bioreview_bench.files.install import install_command

if TYPE_CHECKING:
    from lxml.etree import _Element

MOST_BYTES = 64 * 2**20  # the largest article with its reviews is below 5 MB
MOST_TAGS = 1_000_000  # of which each takes some 100 bytes; such an article has 150,000


def parse_xml(data: bytes, where: str) -> _Element:
    """The root element. `where` names the file in messages.

    A document type that declares entities is refused, an entity that is used is too; nothing is loaded from anywhere.
    libxml2 bounds the depth (256) and the size of a text (10 MB). Raises InputError; EncoderError without lxml.
    """
    try:
        from lxml import etree
    except ImportError as error:
        raise EncoderError(
            f"Reading {where} needs lxml, which is not installed.", remedy=install_command("papers")
        ) from error
    if len(data) > MOST_BYTES:
        raise InputError(f"{where} has more than {MOST_BYTES >> 20} MB, the most that is read.", remedy=_REMEDY)
    if data.startswith(b"\x1f\x8b"):
        raise InputError(f"{where} is a gzip file.", remedy="unpack it: gunzip")
    if (n_tags := data.count(b"<")) > MOST_TAGS:
        raise InputError(f"{where} has {n_tags:,} tags; at most {MOST_TAGS:,} are read.", remedy=_REMEDY)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InputError(f"{where} is not well-formed XML: {printable(error, 200)}.", remedy=_REMEDY) from error
    declared = root.getroottree().docinfo.internalDTD
    if declared is not None and any(True for _ in declared.iterentities()):
        raise InputError(f"{where} declares entities, which are not read.", remedy=_REMEDY)
    used = next(root.iter(etree.Entity), None)
    if used is not None:
        raise InputError(
            f"{where} uses the entity {printable(used.text)}, which is declared elsewhere.", remedy=_REMEDY
        )
    return root


def local_name(element: Any) -> str:
    """The name of an element without its namespace; empty for what is no element."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


_REMEDY = "get the file again from its publisher"
