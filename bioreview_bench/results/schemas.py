"""The JSON Schema (draft 2020-12) of each file format."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES, STATUSES
from bioreview_bench.results.card import Card
from bioreview_bench.results.records import ResultRecord
from bioreview_bench.results.validity import ValidityCard

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(name: str) -> dict[str, Any]:
    """The schema of `result`, `card`, `validity` (a contract's card), or one row of `predictions` or `judgements`."""
    if name in _ROWS:
        return {"$schema": _DIALECT, **_ROWS[name]}
    models: dict[str, type[BaseModel]] = {"card": Card, "validity": ValidityCard, "result": ResultRecord}
    return {"$schema": _DIALECT, **models[name].model_json_schema()}


_TEXT = {"type": "string", "description": "The concern; blank ones are dropped and counted."}
_CONCERN = {
    "anyOf": [
        _TEXT,
        {
            "type": "object",
            "properties": {
                "text": _TEXT,
                "concern_text": _TEXT,
                "category": {
                    "type": ["string", "null"],
                    "description": f"One of {', '.join(CATEGORIES)}; anything else is ignored and counted.",
                },
                "severity": {
                    "type": ["string", "null"],
                    "description": f"One of {', '.join(SEVERITIES)}; anything else is ignored and counted.",
                },
                "confidence": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            },
            "oneOf": [{"required": ["text"]}, {"required": ["concern_text"]}],
        },
    ]
}
_PREDICTION_ROW: dict[str, Any] = {
    "title": "Prediction row",
    "description": "One line of predictions.jsonl; other keys do not enter scoring.",
    "type": "object",
    "required": ["article_id", "concerns"],
    "properties": {
        "article_id": {"type": "string"},
        "concerns": {
            "type": ["array", "null"],
            "items": _CONCERN,
            "description": "Null only with a status that has no concerns.",
        },
        "status": {"enum": [*STATUSES, None]},
    },
    "if": {"properties": {"status": {"enum": ["empty", "parse_failed", "refused", "error"]}}, "required": ["status"]},
    "then": {"properties": {"concerns": {"type": ["array", "null"], "maxItems": 0}}},
    "else": {"properties": {"concerns": {"type": "array"}}},
}
_SAID = {
    "type": "object",
    "additionalProperties": {"enum": ["same", "related"]},
    "description": "Concern id to label; a reference that is not named is different.",
}
_NO_RATER = {"not": {"pattern": "^rater_"}}
_WRITTEN = {"type": "string", "pattern": r"\S"}
_JUDGED_ROW: dict[str, Any] = {
    "title": "Judged text",
    "description": "One line of a file of judged pairs; other keys are not read.",
    "type": "object",
    "required": ["article_id", "text"],
    "properties": {
        "article_id": _WRITTEN,
        "text": _WRITTEN,
        "labels": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": _WRITTEN,
            "additionalProperties": _SAID,
        },
        "written_as": {"anyOf": [_WRITTEN, {"type": "null"}], "description": "Who or what wrote the text."},
        "written_from": {"anyOf": [_WRITTEN, {"type": "null"}], "description": "The concern it was written from."},
        "judged": {
            "anyOf": [{"type": "array", "minItems": 1, "items": _WRITTEN}, {"type": "null"}],
            "description": "The concerns that the raters saw, where these were not all of the article's.",
        },
    },
    "patternProperties": {"^rater_": _SAID},
    "oneOf": [
        {"required": ["labels"], "propertyNames": _NO_RATER},
        {"not": {"anyOf": [{"required": ["labels"]}, {"propertyNames": _NO_RATER}]}},
    ],
}
_ROWS = {"predictions": _PREDICTION_ROW, "judgements": _JUDGED_ROW}
