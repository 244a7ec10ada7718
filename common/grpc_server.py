"""Runs one model server: port open → model warm → serving → drained.

The port opens at once, so that health checks and Describe work while the model loads. grpc.health.v1 says NOT_SERVING
until the model is warm, and again from the moment a SIGTERM arrives. With PRELOAD_MODELS=false it says SERVING at once,
and the first call loads the model and waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from common.addresses import join
from common.errors import EngineError, UnavailableError
from common.grpc_client import SHARED_OPTIONS
from common.grpc_interceptor import ServiceInterceptor
from common.heap import give_back
from common.loading import turn_to_load
from common.memory import ADVICE, is_out_of_memory
from common.memory_sweeps import keep_small
from common.metrics import MODEL_LOAD_SECONDS, TASKS, meter_calls
from common.metrics_port import serve_metrics
from common.security import Security
from common.settings import ModelServerSettings

logger = logging.getLogger(__name__)

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
FOLLOW_EVERY_S = 0.2
# A client asks DNS again only when it loses a connection. So the server ends each connection after this time, and
# calls then also reach servers that were added. Calls in progress stay on the old connection until they are done.
MAX_CONNECTION_AGE_MS = 60_000


@dataclass(frozen=True)
class Service:
    """What `ModelServer` runs.

    label: the name for people ("ASR"). name: the full gRPC name ("aitalk.asr.v1.AsrService"). register: adds the
    servicer to a server. warm_up: loads the model and runs it once; raises if that fails. close: releases the model.
    loads_here: whether the model takes memory of this machine; if so, LOAD_TIMEOUT_S and
    ENABLE_MEMORY_EFFICIENT_LOADING apply. drain: called once when the server begins to stop, so that long calls can end
    at a suitable moment. can_serve: whether a loaded model can be used now; false while a server behind it is being
    started again.
    """

    label: str
    name: str
    register: Callable[[grpc.aio.Server], None]
    warm_up: Callable[[], Awaitable[None]]
    close: Callable[[], Awaitable[None]]
    loads_here: bool = True
    drain: Callable[[], None] = lambda: None
    can_serve: Callable[[], bool] = lambda: True


class ModelServer:
    """A gRPC server around one Service; `async with` starts and stops it.

    port: 0 takes a free port. The attribute `port` is the port in use.
    """

    def __init__(self, service: Service, settings: ModelServerSettings, port: int) -> None:
        self.service = service
        self.settings = settings
        self.port = port
        self._security = Security.of(settings)
        self._interceptor = ServiceInterceptor(self._security.admits, on_demand=not settings.preload_models)
        self._health = health.aio.HealthServicer()
        self._server = grpc.aio.server(
            interceptors=[self._interceptor],
            options=[
                *SHARED_OPTIONS,
                ("grpc.so_reuseport", 0),
                ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
                ("grpc.max_connection_age_ms", MAX_CONNECTION_AGE_MS),
            ],
        )

    async def __aenter__(self) -> ModelServer:
        self.service.register(self._server)
        meter_calls(self.service.name)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if self.settings.has_reflection:
            names = (self.service.name, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._server)
        preload = self.settings.preload_models
        await self._set_health(NOT_SERVING if preload else SERVING)
        self.port = self._listen(join(self.settings.grpc_host, self.port))
        await self._server.start()
        what = "loading its model" if preload else "and loads its model with the first call"
        logger.info("%s listens on %s, %s", self.service.label, join(self.settings.grpc_host, self.port), what)
        return self

    def _listen(self, address: str) -> int:
        try:
            if credentials := self._security.server_credentials():
                return self._server.add_secure_port(address, credentials)
            return self._server.add_insecure_port(address)
        except RuntimeError:
            setting = f"{self.service.label}_PORT"
            raise UnavailableError(f"{address} is in use or not an address of this machine; set {setting}") from None

    async def warm_up(self) -> None:
        """Load the model, at once or with the first call, then serve. Raises what loading raises."""
        if not self.settings.preload_models:
            await self._interceptor.wanted.wait()
        try:
            await self._load()
            self._interceptor.ready = True
            await self._set_health(SERVING)
        finally:
            self._interceptor.loading_over.set()

    async def follow(self) -> None:
        """Keep grpc.health.v1 up to date with whether the loaded model can be used, until cancelled."""
        served = True
        while True:
            if (serves := self.service.can_serve()) != served:
                served = serves
                logger.info("%s %s", self.service.label, "serves again" if serves else "can't serve now")
                await self._set_health(SERVING if serves else NOT_SERVING)
            await asyncio.sleep(FOLLOW_EVERY_S)

    async def _load(self) -> None:
        label = self.service.label
        limit = self.settings.load_timeout_s if self.service.loads_here else 0.0
        async with self._turn():
            logger.info("%s loads its model", label)
            began = time.monotonic()
            try:
                async with asyncio.timeout(limit or None) as time_out:
                    await self.service.warm_up()
            except TimeoutError:
                if not time_out.expired():
                    raise
                raise LoadTimeoutError(
                    f"its model has not loaded within LOAD_TIMEOUT_S ({limit:g} s); if it was still being downloaded,"
                    " run `make models` first, or set a longer time; else it hangs: try another model or device"
                ) from None
            except Exception as error:
                if is_out_of_memory(error):
                    raise EngineError(f"there is not enough memory to load its model ({error}); {ADVICE}") from error
                raise
            MODEL_LOAD_SECONDS.labels(label).set(time.monotonic() - began)
            give_back()  # give back what was needed only for loading
            logger.info("✓ %s model loaded", label)

    def _turn(self) -> AbstractAsyncContextManager[None]:
        if self.settings.enable_memory_efficient_loading and self.service.loads_here:
            return turn_to_load(self.settings.models_cache_dir, self.service.label)
        return nullcontext()

    async def __aexit__(self, *_: object) -> None:
        """Drain: refuse new calls, let calls in progress finish within DRAIN_TIMEOUT_S, then release the model.

        `stop` is called only once: a second call during the first one crashed grpcio 1.85 (SIGSEGV).
        """
        await self._set_health(NOT_SERVING)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._server.stop(self.settings.drain_timeout_s))
            self.service.drain()
            try:
                async with asyncio.timeout(self.settings.drain_timeout_s):
                    await self._interceptor.wait_until_idle()
            except TimeoutError:
                logger.warning("%s ends with calls still in progress", self.service.label)
            self._interceptor.end_watches()
        await self.service.close()

    async def _set_health(self, status: Any) -> None:
        for name in ("", self.service.name):
            await self._health.set(name, status)


class LoadTimeoutError(EngineError):
    """Loading took too long. It goes on in a thread that ends only with the process."""


async def run(service: Service, settings: ModelServerSettings, port: int) -> None:
    """Serve until SIGTERM or SIGINT, then drain. Raises what warm-up raises. Ends the process if warm-up hangs."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    Security.of(settings).check_server(settings)
    loop = asyncio.get_running_loop()
    TASKS.labels(service.label).set_function(lambda: len(asyncio.all_tasks(loop)))
    serve_metrics(settings)
    async with ModelServer(service, settings, port) as server:
        stopped = asyncio.create_task(stop.wait())
        warming = asyncio.create_task(server.warm_up())
        try:
            await asyncio.wait({stopped, warming}, return_when=asyncio.FIRST_COMPLETED)
            if not warming.done():  # a signal arrived during loading
                return
            try:
                await warming  # raises if the model can't be loaded
            except LoadTimeoutError as error:
                _end_now(f"{service.label} can't start: {error}")
            beside = [asyncio.create_task(server.follow()), asyncio.create_task(keep_small(service.label))]
            await stopped
            for task in beside:
                task.cancel()
        finally:
            stopped.cancel()
            warming.cancel()
        logger.info("%s drains: no new calls, %.0f s for those in progress", service.label, settings.drain_timeout_s)


def _end_now(why: str) -> NoReturn:
    """End the process at once, because an orderly end would wait for the thread that hangs."""
    print(why, file=sys.stderr, flush=True)  # noqa: T201
    logging.shutdown()
    os._exit(1)
