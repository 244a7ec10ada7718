"""Answers in OpenAI's shape: errors, streams of server-sent events, and work that ends when its client leaves."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from common.errors import BusyError, InvalidInputError, ServiceError
from gateway.admission.authenticator import UnauthorizedError
from gateway.openai_api.entrance import ForbiddenOriginError
from gateway.openai_common.errors import error_body, http_status

logger = logging.getLogger(__name__)

T = TypeVar("T")

EVENT_STREAM = "text/event-stream"
CLIENT_LEFT = 499
"""The status in logs and metrics if the client left before the answer."""


class ParameterError(InvalidInputError):
    """A parameter of the request is wrong. param: its name."""

    def __init__(self, message: str, param: str, *, code: str = "invalid_value") -> None:
        super().__init__(message, code=code)
        self.param = param


class BrokenOffError(Exception):
    """Something failed after part of the answer had been sent. Closing the connection is then the only way to tell the
    client."""


class UnknownModelError(InvalidInputError):
    """There is no such model."""

    code = "model_not_found"


def error_answer(error: ServiceError) -> JSONResponse:
    """The answer that reports `error`."""
    headers = {}
    status = http_status(error)
    match error:
        case BusyError():
            headers["Retry-After"] = str(math.ceil(error.retry_after_s))
        case UnauthorizedError():
            headers["WWW-Authenticate"] = "Bearer"
        case ForbiddenOriginError():
            status = 403
        case UnknownModelError():
            status = 404
    return JSONResponse(error_body(error, param=_param(error)), status, headers)


def _param(error: ServiceError) -> str | None:
    # an attribute of ParameterError, and of ClientError of the Realtime API
    param: str | None = getattr(error, "param", None)
    return param


def add_error_answers(app: FastAPI) -> None:
    """Report every error of the app in OpenAI's shape."""
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(Exception, _bug)


async def _service_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)  # noqa: S101
    return error_answer(error)


async def _validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return error_answer(invalid_field(error.errors()[0]))


def invalid_field(problem: Mapping[str, Any]) -> ServiceError:
    """Our error for one of pydantic's. It doesn't quote the client's input."""
    place = [str(part) for part in problem["loc"] if part not in ("body", "query", "path")]
    if problem["type"] == "json_invalid":
        return InvalidInputError(f"the body is not valid JSON: {problem['ctx']['error']}")
    param = ".".join(place)
    message = f"`{param}`: {problem['msg']}" if param else f"the body: {problem['msg']}"
    return ParameterError(message, param) if param else InvalidInputError(message)


async def http_error(request: Request, error: Exception) -> Response:
    """The answer that reports Starlette's own errors: unknown paths, methods, broken bodies."""
    assert isinstance(error, HTTPException)  # noqa: S101
    message = error.detail
    if error.status_code == 404:
        message = f"there is no {request.url.path} here; docs/openai-api.md lists the routes"
    code = {404: "unknown_url", 405: "method_not_allowed", 408: "timeout", 413: "too_large"}.get(error.status_code)
    body = error_body(InvalidInputError(message, code=code))
    return JSONResponse(body, error.status_code, headers=error.headers)


async def _bug(request: Request, error: Exception) -> Response:
    logger.error("bug in %s", request.url.path, exc_info=error)
    return error_answer(ServiceError("a bug ended this request; it is in the gateway's log"))


def event(data: Mapping[str, Any]) -> bytes:
    """One server-sent event."""
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


async def with_errors(events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same events. An error becomes the last event, because the status 200 has already been sent."""
    try:
        async for one in events:
            yield one
    except ServiceError as error:
        yield event(error_body(error, param=_param(error)))


async def or_broken_off(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same parts of a file. Raises BrokenOffError if a part fails, because the status 200 has already been sent."""
    try:
        async for one in parts:
            yield one
    except ServiceError as error:
        raise BrokenOffError(error.message) from error


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """The result of `work`. If the client closes the connection, `work` is cancelled.

    Call this only after the body has been read, because this reads on and drops what comes. Raises HTTPException with
    CLIENT_LEFT if the client closed the connection.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise HTTPException(CLIENT_LEFT, "the client has closed the connection")
    finally:
        for task in (working, leaving):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
