"""The gateway's HTTP routes: health, readiness, devices, voices, scenarios, words, metrics, schemas, and the page."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from common.errors import ServiceError
from gateway.analysis import schema
from gateway.analysis.word_frequency import WordFrequencies, look_up
from gateway.history import CefrLevel, Level
from gateway.http_api.readiness import Readiness
from gateway.languages.checks import practicable
from gateway.metrics import TASKS
from gateway.ports import KnownLanguages, Services
from gateway.scenarios import Library

WEB = Path(__file__).parents[1] / "web"
# The JavaScript client, which the page uses. In a wheel it is among the page's files, in a checkout in a folder of its
# own.
CLIENT = WEB / "aitalk" if (WEB / "aitalk").is_dir() else Path(__file__).parents[2] / "clients" / "js" / "src"

# The page loads nothing from other hosts and runs no inline script. `data:` holds the favicon, `blob:` the sound of a
# sentence that the learner hears again.
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

router = APIRouter()


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _timestamp() -> str:
    return datetime.now(UTC).isoformat()


@router.get("/health")
async def health() -> dict[str, str]:
    """Always 200 while this process runs. For the model servers see /ready."""
    return {"status": "healthy", "service": "ai-talk-backend", "timestamp": _timestamp()}


@router.get("/ready")
async def ready(request: Request) -> JSONResponse:
    """Whether a conversation is possible now: 200 and `ready`, or 503 and `not_ready`.

    `problems`: why a service or Redis can't be used, and what to do. `redis`: whether conversations can be saved.
    `fallbacks`: for each service that does not run the requested engine, which one it runs, and why. `draining`: this
    gateway is shutting down, so it is not ready. The answer may be a second old, except for `draining`.
    """
    readiness: Readiness = request.app.state.readiness
    found = await readiness.findings()
    problems, redis = found.problems, found.redis
    draining = request.app.state.draining.began.is_set()
    is_ready = not (any(problems.values()) or redis or draining)
    answer = {
        "status": "ready" if is_ready else "not_ready",
        "services": {name: not problem for name, problem in problems.items()},
        "redis": not redis,
        "problems": {name: problem for name, problem in (problems | {"redis": redis}).items() if problem},
        "fallbacks": found.fallbacks,
        "draining": draining,
        "timestamp": _timestamp(),
    }
    return JSONResponse(answer, status_code=200 if is_ready else 503)


@router.get("/gpu")
async def gpu(request: Request) -> dict[str, Any]:
    """Each model server's engine, model, device, memory and slots."""
    return {"services": await _services(request).describe(), "timestamp": _timestamp()}


@router.get("/voices")
async def voices(request: Request) -> JSONResponse:
    """The voices that `start.voice` can name; 503 while the speech synthesis is loading or can't be reached.

    `languages`: the voices' languages that recognition also knows, so that they can be practised.
    """
    services = _services(request)
    try:
        found, known = await asyncio.gather(services.voices(), services.languages())
    except ServiceError as error:
        answer: dict[str, Any] = {"voices": [], "default": None, "languages": [], "message": error.message}
        return JSONResponse(answer, status_code=503)
    spoken = tuple(voice["language"] for voice in found)
    languages = practicable(KnownLanguages(spoken=spoken, heard=known.heard))
    return JSONResponse({"voices": found, "default": found[0]["id"] if found else None, "languages": languages})


@router.get("/scenarios")
async def scenarios(request: Request, level: Level | CefrLevel | None = None) -> dict[str, Any]:
    """The scenarios, easiest first; with `level`, only those that suit it."""
    library: Library = request.app.state.scenarios
    return {"scenarios": [scenario.card() for scenario in library.at(level)]}


@router.get("/words")
async def words(
    text: Annotated[str, Query(min_length=1, max_length=400)],
    language: Annotated[str, Query(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)] = "en",
) -> WordFrequencies:
    """How common each word of `text` is, and its approximate level."""
    return await asyncio.to_thread(look_up, text, language)


async def metrics() -> Response:
    """Prometheus metrics."""
    TASKS.set(len(asyncio.all_tasks()))
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.get("/schemas/analysis.json")
async def analysis_schema() -> dict[str, Any]:
    """The JSON Schema of the `analysis` message's data."""
    return schema()


@router.get("/", include_in_schema=False)
async def page() -> FileResponse:
    """The page."""
    return FileResponse(WEB / "index.html", headers=PAGE_HEADERS)


@router.get("/ws/conversation", include_in_schema=False)
@router.get("/v1/realtime", include_in_schema=False)
async def no_websocket() -> Response:
    """The answer to a request for a WebSocket whose `Upgrade` header is missing, because proxies drop it by default."""
    told = "This is a WebSocket. A proxy in front of the gateway must pass the headers Upgrade and Connection on."
    return JSONResponse({"detail": told}, status_code=426, headers={"Upgrade": "websocket", "Connection": "Upgrade"})


class _Files(StaticFiles):
    """The page's files. Browsers check them for changes each time, so that a page never mixes files of two versions."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def add_http(app: FastAPI, *, serves_metrics: bool) -> None:
    """Mount the routes, the page's files, and the JavaScript client that it imports."""
    app.include_router(router)
    if serves_metrics:
        app.add_api_route("/metrics", metrics, include_in_schema=False)
    app.mount("/static/aitalk", _Files(directory=CLIENT), name="client")
    app.mount("/static", _Files(directory=WEB), name="static")
