"""Formats by name: those of this package, and those that installed packages add as entry points.

An entry point of the group `bioreview_bench.formats` maps a name to `module:function`; the function takes a
`DataSource` and yields `RawArticle`s, and the first line of its docstring says what it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import entry_points

from bioreview_bench.curation.formats.raw import RawArticle
from bioreview_bench.curation.formats.source import DataSource
from bioreview_bench.errors import EncoderError, InputError, did_you_mean, printable

ENTRY_POINT = "bioreview_bench.formats"
_HERE = "bioreview_bench.curation.formats."
_OURS = {
    "peerreview-bench": f"{_HERE}peerreview_bench:peerreview_bench",
    "nlpeer": f"{_HERE}nlpeer:nlpeer",
    "peerread": f"{_HERE}peerread:peerread",
    "openreview": f"{_HERE}openreview:openreview",
    "reviewcritique": f"{_HERE}reviewcritique:reviewcritique",
    "folder": f"{_HERE}folder:folder",
}

Converter = Callable[[DataSource], Iterator[RawArticle]]


def format_names() -> list[str]:
    """All names: ours, then those that were added."""
    return [*_OURS, *sorted({point.name for point in entry_points(group=ENTRY_POINT)}.difference(_OURS))]


def canonical_name(name: str) -> str:
    """The name of a format; ours may be written in any case, and with underscores.

    >>> canonical_name("PeerReview_Bench"), canonical_name("Mine")
    ('peerreview-bench', 'Mine')
    """
    ours = name.lower().replace("_", "-")
    return ours if ours in _OURS else name


def find_format(name: str) -> Converter:
    """The converter of a format. Raises InputError; EncoderError for one whose package cannot be loaded."""
    name = canonical_name(name)
    if name in _OURS:
        module, _, attribute = _OURS[name].partition(":")
        ours: Converter = getattr(import_module(module), attribute)
        return ours
    added = next((point for point in entry_points(group=ENTRY_POINT) if point.name == name), None)
    if added is None:
        raise InputError(
            f'There is no format "{printable(name)}".',
            remedy=f"{did_you_mean(name, format_names())}bench data import --list",
        )
    package = added.dist.name if added.dist else added.value
    try:
        converter: Converter = added.load()
    except Exception as error:  # whatever a package does while it is imported
        raise EncoderError(
            f'The format "{printable(name)}" of {printable(package)} cannot be loaded: '
            f"{type(error).__name__}: {printable(error)}.",
            remedy=f"install {printable(package)} again, or remove it",
        ) from error
    return converter


def described() -> list[tuple[str, str]]:
    """(name, the first line of what its function says, or why it cannot be loaded), for a list."""
    return [(name, _said_of(name)) for name in format_names()]


def _said_of(name: str) -> str:
    try:
        return (find_format(name).__doc__ or "").strip().partition("\n")[0].rstrip(".")
    except EncoderError as error:
        return error.message
