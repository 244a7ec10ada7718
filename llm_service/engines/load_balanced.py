"""The model servers of LLM_BASE_URL, which this service does not start: one, or several with the same model.

request ──► least loaded ──fails before the first token──► next one ──► … ──► the last one's error
                 └──fails after it──► the error, because half a reply can't be taken back
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from common.engine_info import EngineDescription
from common.errors import BusyError, InvalidInputError, ServiceError, UnavailableError
from llm_service.config import LlmSettings
from llm_service.engine import Event, GenerationRequest
from llm_service.metrics import BACKEND_FAILOVERS
from llm_service.openai_api.openai_engine import OpenAiEngine
from llm_service.servers.backends import Backend, least_loaded

logger = logging.getLogger(__name__)


def load_balanced_engine(settings: LlmSettings) -> LoadBalancedEngine:
    """The engine for the servers of LLM_BASE_URL. Raises UnavailableError if LLM_BASE_URL is empty."""
    if not settings.llm_base_urls:
        raise UnavailableError("LLM_ENGINE is openai, but LLM_BASE_URL is empty; set it to a server's URL")
    return LoadBalancedEngine(
        [
            OpenAiEngine(
                url,
                model=settings.llm_model_name,
                api_key=settings.llm_api_key.get_secret_value(),
                request_timeout_s=settings.llm_request_timeout_s,
            )
            for url in settings.llm_base_urls
        ]
    )


class LoadBalancedEngine:
    """Shares requests among `servers`. A server that fails for another reason than being busy gets no more requests
    until it has answered a probe, except requests for which no healthy server is left."""

    def __init__(self, servers: Sequence[OpenAiEngine]) -> None:
        self.backends = tuple(Backend(server) for server in servers)
        self._up = asyncio.Event()  # set once at least one server has answered
        self._work: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        return any(backend.healthy for backend in self.backends)

    async def start(self) -> None:
        """Wait until the first server answers; the others may follow later."""
        self._work = asyncio.create_task(self._watch_all())  # ended by close
        up = asyncio.create_task(self._up.wait())
        try:
            await asyncio.wait({self._work, up}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            up.cancel()
        if self._work.done():
            self._work.result()

    async def close(self) -> None:
        if self._work:
            self._work.cancel()
            await asyncio.wait({self._work})
        for backend in self.backends:
            await backend.engine.close()

    def describe(self) -> EngineDescription:
        backend = next((one for one in self.backends if one.healthy), self.backends[0])
        description = backend.engine.describe()
        everywhere = [set(one.engine.adapters) for one in self.backends if one.healthy]
        return replace(
            description, adapters=tuple(name for name in description.adapters if all(name in has for has in everywhere))
        )

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        untried = list(self.backends)
        while backend := least_loaded(untried):
            untried.remove(backend)
            begun = False
            try:
                async with aclosing(backend.stream(request)) as events:
                    async for event in events:
                        begun = True
                        yield event
            except InvalidInputError:
                raise  # the request is wrong, so every server would refuse it
            except ServiceError as error:
                if not isinstance(error, BusyError):
                    backend.eject()
                logger.warning(
                    "the model server %s failed (%s)", backend.name, error.code
                )  # only the code: the error's text may quote the request
                if begun or not untried:
                    raise
                BACKEND_FAILOVERS.labels(backend.name).inc()
            else:
                return

    async def _watch_all(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for backend in self.backends:
                tasks.create_task(backend.keep(self._up))
                tasks.create_task(backend.watch())
