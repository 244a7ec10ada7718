"""Checks documents of the analysis against their published schema."""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from gateway.analysis import schema


def validate(document: Any) -> None:
    """Raises jsonschema.ValidationError unless `document` is an analysis of the published shape."""
    _validator().validate(document)


@cache
def _validator() -> Draft202012Validator:
    """Checks the schema itself, too, but only once, because that takes 20 times as long as checking a document."""
    Draft202012Validator.check_schema(schema())
    return Draft202012Validator(schema())
