"""Figures, names and dates as the report writes them."""

from __future__ import annotations

from datetime import UTC, datetime

from bioreview_bench.errors import printable
from bioreview_bench.results.records import ResultRecord

DASH = "–"
_SOURCES = {"elife": "eLife", "plos": "PLOS", "f1000": "F1000", "peerj": "PeerJ", "nature": "Nature"}
_WHOLE_TEXT = 10**9

# Characters that move the cursor or turn the direction of text. White space is folded before.
_HIDDEN = (
    *range(0x20),
    *range(0x7F, 0xA0),
    0x061C,
    0x200E,
    0x200F,
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
    0xFEFF,
)
_ESCAPES = {code: chr(code).encode("unicode_escape").decode() for code in _HIDDEN}


def figure(value: float | None, digits: int = 3) -> str:
    """A figure, or a dash for one that is undefined."""
    return DASH if value is None else f"{value:.{digits}f}".replace("-", "−")


def bounds(record: ResultRecord, path: str) -> tuple[float, float] | None:
    """The 95% CI of a metric, None when it has none."""
    return record.intervals.get(path)


def interval(found: tuple[float, float] | None) -> str:
    """An interval in brackets, or nothing."""
    return "" if found is None else f"[{found[0]:.3f}, {found[1]:.3f}]".replace("-", "−")


def label(name: str) -> str:
    """A category, severity or outcome as words."""
    return printable(name).replace("_", " ")


def source_name(source: str) -> str:
    """How a source writes itself."""
    return _SOURCES.get(source, printable(source))


def moment(started: str) -> str:
    """`2026-07-14 09:30 UTC` for an ISO time; anything else as it stands."""
    try:
        when = datetime.fromisoformat(started)
    except ValueError:
        return printable(started)
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def name(text: object) -> str:
    """A short text of a file or flag (system, id, version), whole, with odd characters escaped."""
    return printable(text, _WHOLE_TEXT)


def visible(text: str) -> str:
    """A long text of a file with control and direction characters escaped; letters of all scripts stay."""
    return text.translate(_ESCAPES)
