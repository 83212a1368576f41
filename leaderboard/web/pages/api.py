"""The description of the API as a page of the board: made from its OpenAPI document, without scripts from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import HTMLResponse

from ..site import assets, served

PATH = "/api/docs"


def make_docs(app: FastAPI) -> APIRouter:
    """The route of the page; the document is read when it is first asked for."""
    router = APIRouter(include_in_schema=False)
    pages: dict[str, str] = {}

    @router.get(PATH)
    def docs() -> Response:
        if PATH not in pages:
            document, site = app.openapi(), served(app.title, assets())
            pages[PATH] = site.render(
                "api.html",
                "api",
                address=app.openapi_url,
                groups=by_tag(document),
                records=document.get("components", {}).get("schemas", {}),
                parameters=_parameters,
                fields_of=_fields,
                kind=_kind,
            )
        return HTMLResponse(pages[PATH], headers={"Cache-Control": "public, max-age=300"})

    return router


def by_tag(document: Mapping[str, Any]) -> dict[str, list[tuple[str, Mapping[str, Any]]]]:
    """What can be asked, by tag, in the document's order: ("GET /board", what the document says of it)."""
    found: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            for tag in said.get("tags", ["other"]):
                found.setdefault(tag, []).append((f"{method.upper()} {path}", said))
    return found


def _parameters(said: Mapping[str, Any]) -> list[tuple[str, str, bool, str]]:
    named = said.get("parameters", ())
    described = {one["name"]: {**one["schema"], "description": one.get("description", "")} for one in named}
    return _fields({"properties": described, "required": [one["name"] for one in named if one.get("required")]})


def _fields(schema: Mapping[str, Any]) -> list[tuple[str, str, bool, str]]:
    """(name, kind, whether it is required, what it is) of every field of a form or record."""
    required = schema.get("required", ())
    return [
        (name, _kind(one), name in required, one.get("description", ""))
        for name, one in schema.get("properties", {}).items()
    ]


def _kind(schema: Mapping[str, Any]) -> str:
    """A schema in a few words: "string", "list of Row", "Figure or null"."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(one) for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if schema.get("format") == "binary":
        return "file"
    return str(schema.get("type", "anything")) + (f" ({schema['format']})" if "format" in schema else "")
