"""Our errors in the shape of OpenAI's API, for all routes of that API.

{"error": {"message": "…", "type": "invalid_request_error", "code": "…", "param": null}}
"""

from __future__ import annotations

from typing_extensions import TypedDict  # before Python 3.12, pydantic needs this TypedDict

from common.errors import (
    BusyError,
    DeadlineError,
    EngineError,
    InvalidInputError,
    SequenceError,
    ServiceError,
    UnavailableError,
)
from gateway.admission.authenticator import UnauthorizedError
from gateway.admission.limits import TooMuchError
from gateway.closing import TimeUsedUpError

# The first class that an error belongs to decides its HTTP status and its `type`.
_KINDS: list[tuple[type[ServiceError], int, str]] = [
    (UnauthorizedError, 401, "authentication_error"),
    (TooMuchError, 429, "rate_limit_error"),
    (TimeUsedUpError, 429, "insufficient_quota"),
    (BusyError, 429, "rate_limit_error"),
    (InvalidInputError, 400, "invalid_request_error"),
    (SequenceError, 400, "invalid_request_error"),
    (UnavailableError, 503, "server_error"),
    (DeadlineError, 504, "server_error"),
    (EngineError, 502, "server_error"),
]
# Our codes that have another name in OpenAI's API.
_CODES = {
    "unauthorized": "invalid_api_key",
    "too_much": "rate_limit_exceeded",
    "busy": "rate_limit_exceeded",
    "time_used_up": "insufficient_quota",
}


class ErrorDetails(TypedDict):
    """The details of an error. param: the wrong parameter, if there is one."""

    message: str
    type: str
    code: str
    param: str | None


class ErrorBody(TypedDict):
    """The JSON body of an error."""

    error: ErrorDetails


def error_details(error: ServiceError, *, param: str | None = None) -> ErrorDetails:
    """The inner object of an error. It is also the `error` of a Realtime `error` event."""
    return {
        "message": error.message,
        "type": _kind(error)[1],
        "code": _CODES.get(error.code, error.code),
        "param": param,
    }


def error_body(error: ServiceError, *, param: str | None = None) -> ErrorBody:
    """The body of an HTTP answer that reports `error`."""
    return {"error": error_details(error, param=param)}


def http_status(error: ServiceError) -> int:
    """The HTTP status that reports `error`."""
    return _kind(error)[0]


def _kind(error: ServiceError) -> tuple[int, str]:
    return next(((status, name) for kind, status, name in _KINDS if isinstance(error, kind)), (500, "server_error"))
