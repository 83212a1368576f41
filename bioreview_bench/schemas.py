"""JSON Schemas of the file formats, made from the records that read them."""

from __future__ import annotations

from typing import Any

from bioreview_bench.data.vocabulary import CATEGORIES, SEVERITIES, STATUSES

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(name: str) -> dict[str, Any]:
    """The schema of `result`, `predictions` (one row) or `card`."""
    if name == "predictions":
        return {"$schema": _DIALECT, **_PREDICTION_ROW}
    from bioreview_bench.card import Card
    from bioreview_bench.records import ResultRecord

    model = Card if name == "card" else ResultRecord
    return {"$schema": _DIALECT, **model.model_json_schema()}


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
