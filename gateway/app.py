"""Builds the FastAPI application from the settings and the ports."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from typing import Any

from fastapi import FastAPI, WebSocket
from fastapi.middleware.cors import CORSMiddleware

from common import __version__
from common.addresses import join
from common.security import Security
from common.tracing import flush_traces
from gateway.admission.authenticator import Authenticator, UnauthorizedError, client_of, protect_http, subprotocol
from gateway.admission.capacity import Capacity
from gateway.admission.draining import Draining, reconnect
from gateway.admission.limits import Limits, TooMuchError
from gateway.admission.origins import Origins
from gateway.admission.queue import AdmissionQueue
from gateway.admission.redis_limits import RedisLimits, SharedLimits
from gateway.admission.redis_seats import RedisSeats
from gateway.admission.waiting_room import Arrival, turn_away
from gateway.clients.asr import GrpcAsr
from gateway.clients.llm import GrpcLlm
from gateway.clients.recovering_asr import RecoveringAsr
from gateway.clients.recovering_tts import RecoveringTts
from gateway.clients.redis_learners import RedisLearners
from gateway.clients.redis_store import RedisStore
from gateway.clients.services import ModelServices
from gateway.clients.tts import GrpcTts
from gateway.closing import ENDED, EXPELLED, IDLE, OUT_OF_TIME, TimeUsedUpError
from gateway.config import GatewaySettings
from gateway.connection.converse import converse
from gateway.conversation.session_options import SessionOptions
from gateway.http_api.learner_routes import add_learner_routes
from gateway.http_api.readiness import Readiness
from gateway.http_api.root_path import RootPath
from gateway.http_api.routes import add_http
from gateway.openai_api.app import PREFIX, create_openai_app, not_found, refuse
from gateway.openai_api.dependencies import ApiContext
from gateway.openai_api.entrance import Entrance
from gateway.openai_api.uploads import Uploads
from gateway.ports import Llm, NoServerTools, Ports, ServerTools, Services
from gateway.realtime.client_secrets import client_secrets_router
from gateway.realtime.converse import Shared
from gateway.realtime.routes import EntryChecks, add_realtime
from gateway.reply.maker import ReplyOptions
from gateway.reply.opening import read_openings
from gateway.scenarios import Library, load_library

logger = logging.getLogger(__name__)

POLL_S = 0.5
LOAD_POLL_S = 1.0
LAST_SAVES_S = 5.0
"""How long a gateway that ends tries to write the sessions that it could not write before."""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def connect(settings: GatewaySettings) -> AsyncIterator[tuple[Ports, ModelServices, RedisSeats, RedisLimits]]:
    """The real ports of a gateway, open within the block. The services need not be up yet."""
    url = settings.redis_url.get_secret_value()
    store = RedisStore(url, ttl_s=settings.session_ttl_s, learner_ttl_s=settings.learner_ttl_s)
    learners = RedisLearners(url, store, ttl_s=settings.progress_ttl_s, session_ttl_s=settings.session_ttl_s)
    seats, limits = RedisSeats(url, longest_keep_s=settings.admission_grace_s), RedisLimits(url)
    async with _model_services(settings) as services, asyncio.TaskGroup() as tasks:
        background = [tasks.create_task(store.unsaved.keep_saving())]
        tools: ServerTools = NoServerTools()
        if settings.mcp:
            from gateway.clients.mcp import McpTools  # takes half a second, and most gateways have no MCP servers

            tools = mcp = McpTools(settings.mcp)
            background.append(tasks.create_task(mcp.run()))
        try:
            ports = Ports(
                RecoveringAsr(GrpcAsr(services.asr)),
                GrpcLlm(services.llm, lambda: services.llm_model),
                RecoveringTts(GrpcTts(services.tts)),
                store,
                tools,
                learners,
                services,
            )
            yield ports, services, seats, limits
        finally:
            for task in background:
                task.cancel()
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_SAVES_S):
                    await store.unsaved.save_all()
            await limits.close()
            await seats.close()
            await learners.close()
            await store.close()


def _model_services(settings: GatewaySettings) -> ModelServices:
    return ModelServices(
        asr=settings.asr_address,
        llm=settings.llm_address,
        tts=settings.tts_address,
        replicas={"asr": settings.asr_replicas, "llm": settings.llm_replicas, "tts": settings.tts_replicas},
        security=Security.of(settings),
    )


def create_app(
    settings: GatewaySettings, ports: Ports, services: Services, seats: RedisSeats, shared_limits: SharedLimits
) -> FastAPI:
    """The application around the given ports: real ones, or a test's."""
    load = _Load(settings.speculation_max_occupancy)
    capacity = _capacity(settings)
    admission = _admission(settings, seats, capacity)
    authenticator = Authenticator.of(settings)
    draining = Draining(settings.gateway_drain_timeout_s)
    limits = _limits(settings, shared_limits)
    lifespan = _lifespan(
        lambda: _get_ready(services, settings, ports.llm),
        lambda: load.watch(services),
        lambda: capacity.watch(services),
        admission.run,
        limits.run,
        authenticator.run,
        draining.run,
    )
    app = _documented_app(lifespan) if settings.debug else FastAPI(lifespan=lifespan, openapi_url=None)
    app.state.services = services
    app.state.readiness = Readiness(services, ports.store)
    app.state.draining = draining
    app.state.scenarios = scenarios = load_library(settings.scenarios_dir)
    _add_middleware(app, settings, authenticator)
    entrance = Entrance(authenticator, limits, admission, draining, _origins(settings))
    _add_routes(app, settings, ports, services, entrance, _session_options(settings, load, scenarios))
    return app


def _lifespan(*jobs: Callable[[], Coroutine[Any, Any, None]]) -> Lifespan:
    """Runs `jobs` beside the application, from its start to its end."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(job()) for job in jobs]
            yield
            for task in background:
                task.cancel()
        # flush here, because uvicorn then ends the process with the signal that it received
        await asyncio.to_thread(flush_traces)

    return lifespan


def _add_middleware(app: FastAPI, settings: GatewaySettings, authenticator: Authenticator) -> None:
    """Middleware of all routes. The one that is added last sees a request first."""
    protect_http(app, authenticator, settings.metrics_token.get_secret_value(), refuse)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["*"],
    )
    if settings.root_path:
        app.add_middleware(RootPath, prefix=settings.root_path)


def _add_routes(
    app: FastAPI,
    settings: GatewaySettings,
    ports: Ports,
    services: Services,
    entrance: Entrance,
    options: SessionOptions,
) -> None:
    """All routes, with their error handlers."""
    add_http(app, serves_metrics=settings.serves_metrics)
    app.add_exception_handler(404, not_found)
    _add_conversation(app, settings, ports, entrance, options)
    shared = Shared(ports, options, settings, entrance.draining, services)
    checks = EntryChecks(entrance.authenticator, entrance.limits, entrance.admission, entrance.origins)
    add_realtime(app, checks, shared)
    add_learner_routes(app, entrance, ports.learners)
    # Mount OpenAI's API last, because it answers every path under PREFIX that no earlier route answers.
    context = ApiContext(settings, ports, services, entrance, Uploads(settings.upload_max_at_once))
    client_secrets = client_secrets_router(shared, entrance.authenticator, partial(entrance.client, stores=True))
    app.mount(PREFIX, create_openai_app(context, client_secrets))


def _documented_app(lifespan: Lifespan) -> FastAPI:
    """An app with interactive docs at /docs. The gateway serves their files itself, so that they need no internet."""
    from fastapi_offline import FastAPIOffline  # only for debugging

    return FastAPIOffline(
        "/docs", None, title="AI-Talk", version=__version__, lifespan=lifespan, static_url="/static/docs"
    )


def _add_conversation(
    app: FastAPI, settings: GatewaySettings, ports: Ports, entrance: Entrance, options: SessionOptions
) -> None:
    """The WebSocket route: origin → token → limits → seat → session."""

    @app.websocket("/ws/conversation")
    async def conversation(websocket: WebSocket) -> None:
        if not entrance.origins.allow(websocket.headers):
            origin = websocket.headers.get("origin")
            logger.warning("refused a WebSocket from origin %s; see CORS_ORIGINS and ALLOWED_HOSTS", origin)
            await websocket.close(code=1008)  # before accepting it: HTTP 403
            return
        await websocket.accept(subprotocol(websocket.headers))
        try:
            client = client_of(websocket, entrance.authenticator)
            async with entrance.limits.connection(client.name) as allowance:
                allowance.time.check()
                place = websocket.query_params.get("place", "")
                session_id = secrets.token_urlsafe(12)
                await receive(Arrival(websocket, session_id, allowance, subject=client.subject, place=place))
        except (UnauthorizedError, TooMuchError, TimeUsedUpError) as error:
            await turn_away(websocket, error, OUT_OF_TIME if isinstance(error, TimeUsedUpError) else EXPELLED)

    async def receive(arrival: Arrival) -> None:
        async with arrival.seated_by(entrance.admission, ports.store, entrance.draining) as is_in:
            if is_in:
                arrival.keep_seat = True  # also if `converse` raises
                closing = await converse(arrival, ports, options, settings, entrance.draining)
                arrival.keep_seat = closing not in (ENDED, IDLE, EXPELLED, OUT_OF_TIME)


def _origins(settings: GatewaySettings) -> Origins:
    """The allowed pages. With log-in, the Host may be any name, because a foreign page has no token."""
    return Origins(tuple(settings.allowed_origins), None if settings.needs_log_in else settings.hosts)


def _capacity(settings: GatewaySettings) -> Capacity:
    return Capacity(
        {"asr": 1.0, "llm": settings.admission_learners_per_llm_slot, "tts": settings.admission_learners_per_tts_slot},
        fixed=settings.admission_max_sessions,
        admit_unknown=settings.environment == "development",
    )


def _admission(settings: GatewaySettings, seats: RedisSeats, capacity: Capacity) -> AdmissionQueue:
    return AdmissionQueue(
        seats,
        lambda: capacity.seats,
        queue_max=settings.admission_queue_max,
        max_wait_s=settings.admission_max_wait_s,
        grace_s=settings.admission_grace_s,
    )


def _limits(settings: GatewaySettings, shared: SharedLimits) -> Limits:
    return Limits(
        shared,
        connections=settings.client_max_connections,
        per_minute=settings.client_connections_per_min,
        daily_s=settings.client_daily_minutes * 60,
        messages_per_s=settings.client_messages_per_s,
        bytes_per_s=settings.client_bytes_per_s,
    )


def _session_options(settings: GatewaySettings, load: _Load, scenarios: Library) -> SessionOptions:
    return SessionOptions(
        gateway_id=f"{socket.gethostname()}-{secrets.token_hex(4)}",
        asr_sample_rate_hz=settings.asr_sample_rate,
        reply=ReplyOptions(settings.tts_sample_rate, settings.llm_max_tokens, settings.history_max_chars),
        idle_timeout_s=settings.idle_timeout_s,
        interrupt_after_s=settings.interrupt_after_ms / 1000,
        help_after_s=settings.help_after_s,
        may_speculate=lambda: load.allows_speculation,
        tool_timeout_s=settings.tool_timeout_s,
        reconnect=reconnect,
        scenarios=scenarios,
        cancels_echo=settings.echo_cancellation,
    )


class _Load:
    """Whether the model servers have room for eager replies, which may turn out to be useless."""

    def __init__(self, max_occupancy: float) -> None:
        self._max_occupancy = max_occupancy
        self.allows_speculation = max_occupancy > 0

    async def watch(self, services: Services) -> None:
        """Ask the services every LOAD_POLL_S, until cancelled."""
        while True:
            await asyncio.sleep(LOAD_POLL_S)
            self.allows_speculation = await services.occupancy() < self._max_occupancy


async def _get_ready(services: Services, settings: GatewaySettings, llm: Llm) -> None:
    """When all model servers are ready, log that, and have the language model read the beginnings of the prompts."""
    while any((await services.problems()).values()):  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)
    logger.info("✓ All models loaded successfully!")
    host = "localhost" if settings.host in ("0.0.0.0", "::", "[::]") else settings.host  # noqa: S104
    logger.info("AI-Talk Backend Ready! http://%s", join(host, settings.port))
    await read_openings(llm, max_chars=settings.history_max_chars)
