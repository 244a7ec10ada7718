"""Checks documents of the analysis against their published schema."""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from gateway.analysis import schema


def validate(document: Any) -> None:
    """Raise jsonschema.ValidationError if `document` is no analysis of the published shape."""
    _validator().validate(document)


@cache
def _validator() -> Draft202012Validator:
    """Checking the schema itself takes 20 times as long as checking a document: once is enough."""
    Draft202012Validator.check_schema(schema())
    return Draft202012Validator(schema())
