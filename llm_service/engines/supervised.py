"""A model server that this service starts, and starts again whenever it ends.

    start ──► process runs ──► answers (ready) ──► ends, or hangs and is killed ──► pause ──► start …
                    └── does not answer in time, or ends first ──► pause ──► start …

Until its first answer, the server gets three starts. `start` raises EngineError after the third failure, or as soon as
the server runs out of memory.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace

from common.backoff import Backoff
from common.child_process import ChildProcess, free_port, run_child
from common.engine_info import EngineDescription
from common.errors import EngineError, UnavailableError
from llm_service.engine import Event, GenerationRequest
from llm_service.metrics import BACKEND_UP, SERVER_RESTARTS
from llm_service.openai_api.openai_engine import OpenAiEngine
from llm_service.servers import backend_metrics
from llm_service.servers.load_failure import LoadFailure, explain

logger = logging.getLogger(__name__)

CHECK_EVERY_S = 5.0
FIRST_STARTS = 3  # three failures are not an accident, so `start` reports them


class SupervisedEngine:
    """Runs `command(port)`, an OpenAI-compatible server on 127.0.0.1 that serves `description.model`.

    startup_timeout_s: how long the server may load. request_timeout_s: how long it may send nothing during a request.
    fetch: downloads the weights; the default does nothing. slots, has_another_slot: see `OpenAiEngine`. ready_words:
    the server prints a line with these words when it may be asked; None: it may be asked at any time.
    """

    def __init__(
        self,
        description: EngineDescription,
        command: Callable[[int], Sequence[str]],
        *,
        startup_timeout_s: float,
        request_timeout_s: float,
        fetch: Callable[[], object] = lambda: None,
        slots: int = 0,
        has_another_slot: bool = False,
        ready_words: str | None = None,
    ) -> None:
        self._description = description
        self._command = command
        self._startup_timeout_s = startup_timeout_s
        self._hangs_after_s = request_timeout_s
        self._fetch = fetch
        self._ready_words = ready_words
        self._client = OpenAiEngine(
            "",
            model=description.model,
            request_timeout_s=request_timeout_s,
            trust_env=False,  # no proxy between us and our child
            name=description.engine,
            slots=slots,
            has_another_slot=has_another_slot,
        )
        self._supervision: asyncio.Task[None] | None = None
        self._up = asyncio.Event()  # set once it has answered
        self._up_since: float | None = None  # when the running process first answered; None: not yet

    @property
    def ready(self) -> bool:
        return self._client.ready

    @property
    def name(self) -> str:
        """The server's name in logs and metrics. It is not the address, because the port changes."""
        return self._description.engine

    @property
    def base_url(self) -> str:
        """The server's current address; the port changes with each restart."""
        return self._client.server.base_url

    def fetch(self) -> None:
        """Download the weights without loading them. Raises EngineError."""
        self._fetch()

    async def start(self) -> None:
        """Wait until the server answers. Raises EngineError, with the cause from the server's output, if it can't
        start."""
        self._supervision = asyncio.create_task(self._supervise())  # ended by close
        up = asyncio.create_task(self._up.wait())
        try:
            await asyncio.wait({self._supervision, up}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            up.cancel()
        if self._supervision.done():
            self._supervision.result()

    async def close(self) -> None:
        if self._supervision:
            self._supervision.cancel()
            await asyncio.wait({self._supervision})
        await self._client.close()

    def describe(self) -> EngineDescription:
        return replace(self._description, parameters=self._client.parameters, adapters=self._client.adapters)

    def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        if not self.ready:
            if self._supervision and self._supervision.done():
                self._supervision.result()
            raise UnavailableError("the model server is being started again; try again in a few seconds")
        return self._client.stream(request)

    async def _supervise(self) -> None:
        backoff = Backoff()
        while True:
            self._up_since = None
            failure = await self._run_once()
            BACKEND_UP.labels(self.name).set(0)
            if not self._up.is_set() and (failure.out_of_memory or backoff.failures == FIRST_STARTS - 1):
                raise EngineError(f"{self.name} could not be started: {failure.cause}")
            if self._up_since is None:
                logger.error("%s did not start: %s", self.name, failure.cause)
            pause = backoff.next_pause_s(time.monotonic() - self._up_since if self._up_since else 0.0)
            logger.warning("%s is started again in %.1f s", self.name, pause)
            await asyncio.sleep(pause)
            SERVER_RESTARTS.inc()

    async def _run_once(self) -> LoadFailure:
        """Run the server until it ends. Returns why it did not start. If the server has answered, the result means
        nothing."""
        port = free_port()
        async with run_child(self._command(port)) as process, asyncio.TaskGroup() as tasks:
            logger.info("%s starts as process %d on port %d", self.name, process.pid, port)
            reading = tasks.create_task(process.pass_on_output())
            serving = tasks.create_task(self._serve(process, port))
            try:
                status = await process.wait()
            finally:
                self._client.ready = False
            serving.cancel()
            process.kill()  # also those that the server left behind: they may hold the GPU's memory and the pipe
            await reading  # the server's last lines may still be in the pipe
        logger.warning("%s (process %d) ended with status %d", self.name, process.pid, status)
        return explain(process.last_lines())

    async def _serve(self, process: ChildProcess, port: int) -> None:
        """Wait until the server answers, then read its metrics until it ends."""
        began = time.monotonic()
        self._client.server.base_url = f"http://127.0.0.1:{port}/v1"
        try:
            async with asyncio.timeout(self._startup_timeout_s):
                if self._ready_words:
                    await process.printed(self._ready_words)
                await self._client.start(is_child=True)
        except TimeoutError:
            logger.error("no answer within LLM_STARTUP_TIMEOUT_S (%.0f s)", self._startup_timeout_s)  # noqa: TRY400
            process.kill()
            return
        process.forget_output()
        self._up_since = time.monotonic()
        self._up.set()
        BACKEND_UP.labels(self.name).set(1)
        logger.info("%s answers after %.1f s", self.name, self._up_since - began)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(backend_metrics.watch(self.name, self._client.server.metrics))
            tasks.create_task(self._kill_if_it_hangs(process))

    async def _kill_if_it_hangs(self, process: ChildProcess) -> None:
        """Kill a server that has neither answered a health request nor sent part of a reply for LLM_REQUEST_TIMEOUT_S.

        The health requests alone are not enough: under load, other requests may occupy all of the server's threads.
        """
        silences = 0
        answered_at, interval_s = time.monotonic(), min(CHECK_EVERY_S, self._hangs_after_s / 2)
        while True:
            await asyncio.sleep(interval_s)
            silences = 0 if await self._client.server.answers(interval_s) else silences + 1
            if not silences:
                answered_at = time.monotonic()
            silent_for_s = time.monotonic() - max(answered_at, self._client.heard_at)
            # a single silence may only show that this machine was paused
            if silences > 1 and silent_for_s >= self._hangs_after_s:
                logger.error("%s (process %d) does not answer any more; it is killed", self.name, process.pid)
                process.kill()
                return
