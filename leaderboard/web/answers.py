"""Answers of pages that everybody may see: compressed where the reader takes it, and not sent twice."""

from __future__ import annotations

from fastapi import Request, Response

from .cache import Body
from .site import Site, assets, served

# Asked again each time, which costs an ETag; so a new score is seen at once, also through a proxy.
FRESH = "public, max-age=0, must-revalidate"
FOR_EVER = "public, max-age=31536000, immutable"
HTML = "text/html; charset=utf-8"


def answer(request: Request, body: Body, media_type: str = HTML, cache: str = FRESH) -> Response:
    """The body, or 304 when the reader has it."""
    etag = f'"{body.etag}"'
    headers = {"ETag": etag, "Cache-Control": cache, "Vary": "Accept-Encoding"}
    if etag in [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    content = body.content
    if body.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        content = body.packed
        headers["Content-Encoding"] = "gzip"
    return Response(content, media_type=media_type, headers=headers)


def site_of(request: Request) -> Site:
    """The site of the application that got the request, made once."""
    state = request.app.state
    if not hasattr(state, "site"):
        state.site = served(request.app.title, assets())
    site: Site = state.site
    return site
