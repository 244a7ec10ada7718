"""Chooses which of several model servers gets the next request: the least loaded of the servers that answer.

healthy ──fails──► ejected: pause, probe, probe, … ──answers──► healthy
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from common.backoff import Backoff
from llm_service.engine import Event, GenerationRequest
from llm_service.metrics import BACKEND_EJECTED, BACKEND_IN_FLIGHT, BACKEND_UP
from llm_service.openai_api.openai_engine import OpenAiEngine
from llm_service.servers import backend_metrics
from llm_service.servers.backend_metrics import LOADS

_turns = itertools.count(1)


class Backend:
    """One model server, its load, and whether it gets requests."""

    def __init__(self, engine: OpenAiEngine) -> None:
        self.engine = engine
        self.name = engine.name
        self.in_flight = 0
        self.last_asked = 0  # the number of its latest request, counted over all servers
        self._failed = asyncio.Event()

    @property
    def healthy(self) -> bool:
        """Whether it answered the latest probe and has not failed since."""
        return self.engine.ready

    @property
    def load(self) -> float:
        """How many of our requests it is working on, plus the length of its queue if it reports one."""
        load = LOADS.fresh(self.name)
        return self.in_flight + ((load.waiting or 0.0) if load else 0.0)

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """The reply. It counts as load until the stream is closed."""
        self.last_asked = next(_turns)
        self._change(+1)
        try:
            async with aclosing(self.engine.stream(request)) as events:
                async for event in events:
                    yield event
        finally:
            self._change(-1)

    def eject(self) -> None:
        """Stop giving it requests until it has answered a probe."""
        if self.healthy:
            self.engine.ready = False
            BACKEND_UP.labels(self.name).set(0)
            BACKEND_EJECTED.labels(self.name).inc()
        self._failed.set()

    async def keep(self, up: asyncio.Event) -> None:
        """Repeat until cancelled: probe the server until it answers, set `up`, wait until it fails, pause."""
        backoff = Backoff()
        while True:
            await self.engine.start()
            began = time.monotonic()
            BACKEND_UP.labels(self.name).set(1)
            up.set()
            self._failed.clear()
            await self._failed.wait()
            await asyncio.sleep(backoff.next_pause_s(time.monotonic() - began))

    async def watch(self) -> None:
        """Read its metrics until cancelled."""
        await backend_metrics.watch(self.name, self.engine.server.metrics)

    def _change(self, by: int) -> None:
        self.in_flight += by
        BACKEND_IN_FLIGHT.labels(self.name).set(self.in_flight)


def least_loaded(backends: Iterable[Backend]) -> Backend | None:
    """The least loaded healthy server; servers with equal loads take turns. If none is healthy, a failed one. If there
    are no servers, None."""
    return min(backends, key=lambda one: (not one.healthy, one.load, one.last_asked), default=None)
