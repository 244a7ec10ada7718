"""Wiring: settings and what the gateway talks to become a FastAPI application."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket
from fastapi.middleware.cors import CORSMiddleware

from common import __version__
from gateway.asr_recovery import RecoveringAsr
from gateway.clients.asr import GrpcAsr
from gateway.clients.llm import GrpcLlm
from gateway.clients.services import ModelServices
from gateway.clients.tts import GrpcTts
from gateway.config import GatewaySettings
from gateway.connection import converse
from gateway.floor import ReplyOptions
from gateway.http import Services, add_http, origin_is_allowed
from gateway.session_events import Partners, SessionOptions
from gateway.store import RedisStore
from gateway.tts_recovery import RecoveringTts

logger = logging.getLogger(__name__)

POLL_S = 0.5
LOAD_POLL_S = 1.0


@asynccontextmanager
async def connect(settings: GatewaySettings) -> AsyncIterator[tuple[Partners, ModelServices]]:
    """The real partners of a gateway, for as long as the block lasts. Nothing need be up yet."""
    store = RedisStore(settings.redis_url.get_secret_value(), ttl_s=settings.session_ttl_s)
    async with ModelServices(asr=settings.asr_address, llm=settings.llm_address, tts=settings.tts_address) as services:
        try:
            yield (
                Partners(
                    RecoveringAsr(GrpcAsr(services.asr)),
                    GrpcLlm(services.llm),
                    RecoveringTts(GrpcTts(services.tts)),
                    store,
                ),
                services,
            )
        finally:
            await store.close()


def create_app(settings: GatewaySettings, partners: Partners, services: Services) -> FastAPI:
    """The application around whatever partners it is given: real ones, or a test's."""
    load = _Load(settings.speculation_max_occupancy)
    options = SessionOptions(
        gateway_id=f"{socket.gethostname()}-{secrets.token_hex(4)}",
        asr_sample_rate_hz=settings.asr_sample_rate,
        reply=ReplyOptions(settings.tts_sample_rate, settings.llm_max_tokens, settings.history_max_chars),
        idle_timeout_s=settings.idle_timeout_s,
        interrupt_after_s=settings.interrupt_after_ms / 1000,
        may_speculate=lambda: load.allows_speculation,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(_announce_ready(services, settings)),
                tasks.create_task(load.watch(services)),
            ]
            yield
            for task in background:
                task.cancel()

    app = FastAPI(
        title="AI-Talk",
        version=__version__,
        lifespan=lifespan,
        docs_url="/docs" if settings.debug else None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.debug else None,
    )
    app.state.services = services
    app.add_middleware(
        CORSMiddleware, allow_origins=settings.allowed_origins, allow_methods=["GET"], allow_headers=["*"]
    )
    add_http(app)

    @app.websocket("/ws/conversation")
    async def conversation(websocket: WebSocket) -> None:
        if not origin_is_allowed(websocket.headers, settings.allowed_origins):
            logger.warning("refused a WebSocket from origin %s; see CORS_ORIGINS", websocket.headers.get("origin"))
            await websocket.close(code=1008)  # before accepting it: HTTP 403
            return
        await websocket.accept()
        await converse(websocket, partners, options, settings)

    return app


class _Load:
    """Whether the model servers have room for replies that may turn out to be for nothing."""

    def __init__(self, max_occupancy: float) -> None:
        self._max_occupancy = max_occupancy
        self.allows_speculation = max_occupancy > 0

    async def watch(self, services: Services) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(LOAD_POLL_S)
            self.allows_speculation = await services.occupancy() < self._max_occupancy


async def _announce_ready(services: Services, settings: GatewaySettings) -> None:
    """Say once when all model servers are warm."""
    while not all((await services.ready()).values()):  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)
    logger.info("✓ All models loaded successfully!")
    host = "localhost" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104
    logger.info("AI-Talk Backend Ready! http://%s:%d", host, settings.port)
