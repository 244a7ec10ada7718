"""The JSON Schemas that we publish."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(model: type[BaseModel], mode: Literal["validation", "serialization"]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of documents that we read ("validation") or write ("serialization")."""
    return {"$schema": DIALECT, **model.model_json_schema(mode=mode)}


def as_published(schema: Mapping[str, Any]) -> str:
    """The text of the file in docs/schemas: indented, with a final newline."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
