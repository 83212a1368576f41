"""The description of the API as a page of the board: made from its OpenAPI document, without scripts from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import HTMLResponse

from ..site import assets, served

PATH = "/api/docs"


@dataclass(frozen=True)
class Field:
    """A parameter, or a field of a form or record."""

    name: str
    kind: str
    required: bool
    description: str


@dataclass(frozen=True)
class Operation:
    """A method of a path."""

    method: str
    path: str
    summary: str
    needs_token: bool
    parameters: tuple[Field, ...]
    form: tuple[Field, ...]
    answers: tuple[tuple[str, str, str], ...]  # (status, what it means, kind of record)


def make_docs(app: FastAPI) -> APIRouter:
    """The route of the page; the document is read when it is first asked for."""
    router = APIRouter(include_in_schema=False)
    pages: dict[str, str] = {}

    @router.get(PATH)
    def docs() -> Response:
        if PATH not in pages:
            document = app.openapi()
            site = served(app.title, assets())
            pages[PATH] = site.render(
                "api.html", "api", groups=operations(document), records=records(document), document=app.openapi_url
            )
        return HTMLResponse(pages[PATH], headers={"Cache-Control": "public, max-age=300"})

    return router


def operations(document: Mapping[str, Any]) -> dict[str, list[Operation]]:
    """What can be asked, by tag, in the document's order."""
    found: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            operation = Operation(
                method=method.upper(),
                path=path,
                summary=said.get("description") or said.get("summary", ""),
                needs_token="401" in said["responses"],
                parameters=tuple(
                    Field(one["name"], _kind(one["schema"]), one.get("required", False), one.get("description", ""))
                    for one in said.get("parameters", ())
                ),
                form=_form(said.get("requestBody", {})),
                answers=tuple(
                    (status, one.get("description", ""), _answer(one)) for status, one in said["responses"].items()
                ),
            )
            for tag in said.get("tags", ["other"]):
                found.setdefault(tag, []).append(operation)
    return found


def records(document: Mapping[str, Any]) -> dict[str, tuple[str, tuple[Field, ...]]]:
    """The records of answers: what each is, and its fields."""
    return {
        name: (schema.get("description", ""), _fields(schema))
        for name, schema in sorted(document.get("components", {}).get("schemas", {}).items())
        if "properties" in schema
    }


def _form(body: Mapping[str, Any]) -> tuple[Field, ...]:
    return tuple(field for content in body.get("content", {}).values() for field in _fields(content["schema"]))


def _fields(schema: Mapping[str, Any]) -> tuple[Field, ...]:
    required = schema.get("required", ())
    return tuple(
        Field(name, _kind(one), name in required, one.get("description", ""))
        for name, one in schema.get("properties", {}).items()
    )


def _answer(said: Mapping[str, Any]) -> str:
    return ", ".join(_kind(content.get("schema", {})) for content in said.get("content", {}).values())


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
