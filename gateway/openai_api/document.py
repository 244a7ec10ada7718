"""What the OpenAPI document says about errors: the statuses that a route may answer with, and their headers."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from gateway.openai_common.errors import ErrorBody

_RETRY_AFTER = {
    "Retry-After": {
        "description": "In how many seconds to try again. Sent only if the gateway is full.",
        "schema": {"type": "integer", "minimum": 0},
    }
}
_LOG_IN = {"WWW-Authenticate": {"description": "How to log in.", "schema": {"type": "string"}}}
_STATUSES: dict[int, str] = {
    400: "The request is wrong; `param` names the wrong field.",
    401: "The token is missing or wrong.",
    403: "Web pages of this origin may not use the gateway.",
    404: "There is no such route or model.",
    408: "The body took too long to arrive.",
    413: "The body is too large.",
    429: "Too many requests at once, the client's time is used up, or all seats are taken.",
    500: "A bug in the gateway.",
    502: "A model failed.",
    503: "A model server is not ready, or the gateway is shutting down.",
    504: "A model took too long.",
}
_HEADERS = {401: _LOG_IN, 429: _RETRY_AFTER}

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": description, "headers": _HEADERS.get(status, {})}
    for status, description in _STATUSES.items()
}
"""The `responses` of every route."""


def without_422(app: FastAPI) -> None:
    """Remove status 422 from the app's document. FastAPI adds it to every route, but a wrong field gets a 400."""
    made_by_fastapi = app.openapi

    def openapi() -> dict[str, Any]:
        document = made_by_fastapi()
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
        for unused in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(unused, None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation does it
