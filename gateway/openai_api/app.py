"""The application under /v1: its routes, its OpenAPI document (/v1/openapi.json), its errors and its limits."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from starlette.exceptions import HTTPException

from common import __version__
from gateway.admission.authenticator import UnauthorizedError, unauthorized
from gateway.openai_api import chat, models, speech, transcriptions, translations, voices
from gateway.openai_api.answers import add_error_answers, error_answer, http_error
from gateway.openai_api.body_limit import BodyLimit, Bounds
from gateway.openai_api.counted_requests import CountedRequests
from gateway.openai_api.dependencies import ApiContext
from gateway.openai_api.document import ERRORS, without_422

PREFIX = "/v1"
JSON_BOUNDS = Bounds(size=1024 * 1024, seconds=30.0)
UPLOAD_PATHS = {f"{PREFIX}/audio/transcriptions", f"{PREFIX}/audio/translations"}
FORM_BYTES = 64 * 1024  # the allowance for the fields beside the file


def create_openai_app(context: ApiContext, *others: APIRouter) -> FastAPI:
    """The application to mount at PREFIX. others: routes of OpenAI's API that are made elsewhere."""
    app = FastAPI(
        title="AI-Talk: OpenAI-compatible API",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        responses=ERRORS,
    )
    app.state.api_context = context
    uploads = Bounds(context.settings.upload_max_bytes + FORM_BYTES, context.settings.upload_timeout_s)
    app.add_middleware(BodyLimit, bounds_of=lambda path: uploads if path in UPLOAD_PATHS else JSON_BOUNDS)
    app.add_middleware(CountedRequests)
    add_error_answers(app)
    without_422(app)
    for routes in (chat, speech, voices, transcriptions, translations, models):
        app.include_router(routes.router)
    for router in others:
        app.include_router(router)
    return app


def refuse(path: str, error: UnauthorizedError) -> Response:
    """The answer to a request without a valid token. Under PREFIX it has OpenAI's shape."""
    return error_answer(error) if path.startswith(f"{PREFIX}/") else unauthorized(error)


async def not_found(request: Request, error: Exception) -> Response:
    """The gateway's answer for a path that no route has. Under PREFIX it has OpenAI's shape.

    The application mounted at PREFIX itself answers for unknown paths. Only a path with a line break never reaches it.
    """
    if request.url.path.startswith(f"{PREFIX}/"):
        return await http_error(request, error)
    assert isinstance(error, HTTPException)  # noqa: S101
    return await http_exception_handler(request, error)
