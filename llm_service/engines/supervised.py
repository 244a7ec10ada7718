"""A model server that this service starts itself, and starts again whenever it ends.

start ──► process runs ──► answers (ready) ──► ends ──► pause ──► start …
               └── does not answer in time, or ends first ──► pause ──► start …   (the first time: at most 3 times)
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence

from common.engine_info import EngineDescription
from common.errors import EngineError, UnavailableError
from llm_service.engine import Delta, Done, GenerationRequest
from llm_service.engines.openai import OpenAiEngine
from llm_service.metrics import SERVER_RESTARTS
from llm_service.server_process import ServerProcess, free_port, run_server

logger = logging.getLogger(__name__)

FIRST_STARTS = 3  # then it's no accident; whoever started us should hear of it
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
STABLE_AFTER_S = 60.0  # a server that ran this long may be restarted without a long pause


class SupervisedEngine:
    """Runs `command(port)`, an OpenAI-compatible server on 127.0.0.1 that serves `description.model`."""

    def __init__(
        self,
        description: EngineDescription,
        command: Callable[[int], Sequence[str]],
        *,
        startup_timeout_s: float,
        request_timeout_s: float,
    ) -> None:
        self._description = description
        self._command = command
        self._startup_timeout_s = startup_timeout_s
        self._client = OpenAiEngine(
            "",
            model=description.model,
            request_timeout_s=request_timeout_s,
            trust_env=False,  # no proxy between us and our child
        )
        self._supervision: asyncio.Task[None] | None = None
        self._up = asyncio.Event()

    @property
    def ready(self) -> bool:
        return self._client.ready

    @property
    def base_url(self) -> str:
        """Where the server is now; another port after each restart."""
        return self._client.base_url

    async def start(self) -> None:
        """Raises EngineError, with the server's last words, if it can't be started at all."""
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
        return self._description

    def stream(self, request: GenerationRequest) -> AsyncGenerator[Delta | Done, None]:
        if not self.ready:
            if self._supervision and self._supervision.done():
                self._supervision.result()
            raise UnavailableError("the model server is being started again; try again in a few seconds")
        return self._client.stream(request)

    async def _supervise(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            last_words = await self._run_once()
            failures = 1 if time.monotonic() - began > STABLE_AFTER_S else failures + 1
            if not self._up.is_set() and failures == FIRST_STARTS:
                raise EngineError(f"{self._description.engine} could not be started; its last words:\n{last_words}")
            pause = min(FIRST_PAUSE_S * 2 ** (failures - 1), LONGEST_PAUSE_S)
            logger.warning("%s is started again in %.1f s", self._description.engine, pause)
            await asyncio.sleep(pause)
            SERVER_RESTARTS.inc()

    async def _run_once(self) -> str:
        """One life of the server; returns the last that it printed if it never answered."""
        port = free_port()
        async with run_server(self._command(port)) as process, asyncio.TaskGroup() as tasks:
            logger.info("%s starts as process %d on port %d", self._description.engine, process.pid, port)
            tasks.create_task(process.pass_on_output())
            warming = tasks.create_task(self._wait_until_ready(process, port))
            try:
                status = await process.wait()
            finally:
                self._client.ready = False
            warming.cancel()
            process.kill()  # what it left behind, which may hold the GPU's memory and the pipe
        logger.warning("%s (process %d) ended with status %d", self._description.engine, process.pid, status)
        return process.last_lines()

    async def _wait_until_ready(self, process: ServerProcess, port: int) -> None:
        began = time.monotonic()
        self._client.base_url = f"http://127.0.0.1:{port}/v1"
        try:
            async with asyncio.timeout(self._startup_timeout_s):
                await self._client.start()
        except TimeoutError:
            logger.error("no answer within LLM_STARTUP_TIMEOUT_S (%.0f s)", self._startup_timeout_s)  # noqa: TRY400
            process.kill()
            return
        process.forget_output()
        self._up.set()
        logger.info("%s answers after %.1f s", self._description.engine, time.monotonic() - began)
