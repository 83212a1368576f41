"""eLife's open interface: the search of its API lists articles, its public repository has their XML.

API: https://api.elifesciences.org (media type of the search: version 2). XML: the public repository
elife-article-xml, one file for each version of an article.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from bioreview_bench.curation.collect.polite import PoliteClient
from bioreview_bench.errors import RemoteError, printable

API = "https://api.elifesciences.org"
XML = "https://raw.githubusercontent.com/elifesciences/elife-article-xml/master/articles"
_ACCEPT = "application/vnd.elife.search+json; version=2"
_TYPES = (
    "research-article",
    "research-advance",
    "short-report",
    "tools-resources",
    "replication-study",
    "reviewed-preprint",
)
_PER_PAGE, _MOST_PAGES = 100, 1_000
_MOST_LIST, MOST_XML = 8 << 20, 64 << 20
_ID = re.compile(r"\d{1,9}")


@dataclass(frozen=True)
class Listed:
    """One version of an article that a publisher lists; `licence` as the publisher names it."""

    id: str
    version: int
    published: str
    licence: str | None
    url: str


def listed(client: PoliteClient, since: str, api: str = API, xml: str = XML) -> Iterator[Listed]:
    """Articles published on or after a day (YYYY-MM-DD), oldest first. Raises RemoteError."""
    seen = 0
    for page in range(1, _MOST_PAGES + 1):
        query = [("for", ""), ("page", page), ("per-page", _PER_PAGE), ("sort", "date"), ("order", "asc")]
        query += [("type[]", kind) for kind in _TYPES]
        query += [("use-date", "published"), ("start-date", since)]
        url = f"{api.rstrip('/')}/search?{urlencode(query)}"
        answer = _object(client.get(url, _ACCEPT, _MOST_LIST), url)
        items, total = answer.get("items"), answer.get("total")
        if not isinstance(items, list) or not isinstance(total, int):
            raise RemoteError(f"{url} is not a list of articles.", remedy="see whether eLife's API has changed")
        for item in items:
            found = _listed(item, xml)
            if found is not None:
                yield found
        seen += len(items)
        if not items or seen >= total:
            return


def _listed(item: Any, xml: str) -> Listed | None:
    """None for what has no XML: previews, and entries of another form."""
    if not isinstance(item, dict) or item.get("status") not in ("vor", "poa", "reviewed"):
        return None
    number, version = str(item.get("id")), item.get("version", 1)
    published, rights = item.get("versionDate") or item.get("published"), item.get("copyright")
    if not _ID.fullmatch(number) or not isinstance(version, int) or not isinstance(published, str):
        return None
    licence = rights.get("license") if isinstance(rights, dict) else None
    url = f"{xml.rstrip('/')}/elife-{number.zfill(5)}-v{version}.xml"
    return Listed(
        f"elife:{number.zfill(5)}", version, published[:10], licence if isinstance(licence, str) else None, url
    )


def _object(data: bytes, url: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RemoteError(
            f"{printable(url, 200)} did not answer with JSON.", remedy="run the same command later"
        ) from error
    return value if isinstance(value, dict) else {}
