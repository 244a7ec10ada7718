"""Finds the JSON in a reply, if the request asked for JSON in words. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


def document_in(text: str, schema: Mapping[str, Any]) -> str | None:
    """The document in `text`, which may be surrounded by prose or a code fence; None if none fits the schema.

    Only the document's type, the presence of its required names, and the types of its values are checked.
    """
    opening, closing = ("[", "]") if schema.get("type") == "array" else ("{", "}")
    begin, end = text.find(opening), text.rfind(closing) + 1
    try:
        document = json.loads(text[begin:end]) if 0 <= begin < end else None
    except (ValueError, RecursionError):
        return None
    return text[begin:end] if document is not None and _fits(document, schema) else None


def _fits(document: Any, schema: Mapping[str, Any]) -> bool:
    if not _is_of(document, schema):
        return False
    if not isinstance(document, dict):
        return True
    properties = schema.get("properties", {})
    return set(schema.get("required", ())) <= document.keys() and all(
        _is_of(value, properties.get(name, {})) for name, value in document.items()
    )


def _is_of(value: Any, schema: Any) -> bool:
    """Whether the value has the schema's type. An unknown type fits every value."""
    name = schema.get("type") if isinstance(schema, dict) else None
    expected = _TYPES.get(name) if isinstance(name, str) else None
    return expected is None or isinstance(value, expected)
