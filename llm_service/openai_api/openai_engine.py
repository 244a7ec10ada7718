"""One server that speaks the OpenAI chat-completions protocol: vLLM, llama.cpp, Ollama, SGLang, …

start:   GET /models until it answers  →  which model to request  →  the server's dialect, by trying
stream:  POST /chat/completions  →  server-sent events  →  Delta, Delta, …, Done
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import httpx

from common.engine_info import EngineDescription
from common.errors import EngineError, InvalidInputError, ServiceError, UnavailableError
from llm_service.engine import Delta, Event, GenerationRequest, Message
from llm_service.metrics import SHORTENED
from llm_service.openai_api.chat_completions import (
    ContextExceededError,
    payload,
    server_kind,
)
from llm_service.openai_api.context import most_tokens, shortened, tool_tokens
from llm_service.openai_api.dialect import Dialect
from llm_service.openai_api.json_reply import document_in
from llm_service.openai_api.known_server import KnownServer
from llm_service.openai_api.models import ServedModel, choose_model
from llm_service.openai_api.negotiation import Answer
from llm_service.openai_api.prompt_reading import OwnTask, PromptReading
from llm_service.openai_api.reply_reader import END, ReplyReader
from llm_service.openai_api.server_api import LoadedAdapter, ServerApi
from llm_service.openai_api.slots import Slots
from llm_service.openai_api.tools_in_words import calls_in_text, in_words
from llm_service.tools import CallDelta

logger = logging.getLogger(__name__)

RETRY_S = 0.5  # between two attempts to reach a server that isn't up yet
REMIND_S = 10.0  # between two log lines about a server that isn't up yet

NOTHING_MORE: Mapping[str, Any] = {}


class OpenAiEngine:
    """An LlmEngine: the server at `base_url` ("http://host:port/v1").

    request_timeout_s: how long the server may send nothing. trust_env: whether HTTP(S)_PROXY and NO_PROXY are used.
    name: for logs and metrics, if it is not the address. slots, has_another_slot: the slots of a llama.cpp that nobody
    else uses (see `Slots`). transport: replaces the network in tests.
    """

    def __init__(
        self,
        base_url: str,
        *,
        model: str,
        api_key: str = "",
        request_timeout_s: float = 60.0,
        trust_env: bool = True,
        name: str = "",
        slots: int = 0,
        has_another_slot: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.server = ServerApi(
            base_url, api_key=api_key, request_timeout_s=request_timeout_s, trust_env=trust_env, transport=transport
        )
        self.name = name or self.server.host
        """For logs and metrics, without a password."""
        self.model = model
        self.ready = False
        self.heard_at = -math.inf
        """When the server last sent a part of a reply, by time.monotonic."""
        self.parameters = 0
        self._context_tokens = 0  # 0: unknown
        self._known = KnownServer(self._ask, self.name)
        self._reading = PromptReading()
        self._slots = Slots(slots, has_another=has_another_slot)
        self._adapters: list[LoadedAdapter] = []

    async def start(self, *, is_child: bool = False) -> None:
        """Wait until the server answers and has the model, however long that takes: it may be started after us.

        is_child: this service has started the server. Then the log only says that the server still loads its model.
        """
        next_reminder = time.monotonic() + REMIND_S
        while True:
            try:
                await self.warm_up()
            except ServiceError as error:
                if time.monotonic() >= next_reminder:
                    next_reminder += REMIND_S
                    if is_child:
                        logger.info("the model server still loads its model")
                    else:
                        logger.warning(
                            "still waiting for the model server at %s: %s", self.server.base_url, error.message
                        )
                await asyncio.sleep(RETRY_S)
            else:
                return

    async def warm_up(self) -> None:
        """Choose the model, find out the server's dialect, and have it write a token. Raises a ServiceError."""
        models = await self.server.models()
        if models is not None:
            self.model = choose_model(self.model, [model.id for model in models])
        found = next((model for model in models or () if model.id == self.model), ServedModel(id=self.model))
        kind = server_kind(found.owned_by or "")
        self.parameters = found.meta.n_params if found.meta else 0
        self._context_tokens = found.max_model_len or await self.server.context_tokens(kind)
        self._adapters = await self.server.adapters(kind)
        try:
            await self._known.find_dialect(kind)
            await self._use_every_slot()
        except InvalidInputError as error:
            if models is not None:
                raise
            raise UnavailableError(
                f"{self.server.base_url} neither lists models nor answers ({error.message}); "
                "LLM_BASE_URL usually ends in /v1"
            ) from None
        self.ready = True

    async def _use_every_slot(self) -> None:
        """Have a token written in each slot, because llama.cpp loads no prompt from its cache into an empty slot."""
        for number in range(self._slots.count):
            hello = GenerationRequest((Message("user", f"Hello {number}"),), 1, 0.0)
            await self._ask(hello, self._known.dialect, {"id_slot": number})

    async def _ask(
        self, request: GenerationRequest, dialect: Dialect, more: Mapping[str, Any] = NOTHING_MORE
    ) -> Answer:
        """Ask the server once, in this dialect (see `Ask`). more: parameters for the request."""
        reader, text, calls_tools = ReplyReader(), "", False
        async for piece in self._read(request, dialect, reader, more):
            if isinstance(piece, Delta):
                text += piece.text
            else:
                calls_tools = True
        if not reader.thought:  # a model that thinks may not finish within so few tokens
            reader.finish()
        return Answer(text, reader.thought, reader.thought_unmarked, calls_tools)

    async def close(self) -> None:
        self.ready = False
        await self._reading.close()
        await self.server.close()

    def describe(self) -> EngineDescription:
        return EngineDescription(
            engine="openai", model=self.model, device="remote", parameters=self.parameters, adapters=self.adapters
        )

    @property
    def adapters(self) -> tuple[str, ...]:
        """The names of the adapters that a request can choose: those that the server loaded without using them."""
        return tuple(adapter.name for adapter in self._adapters if not adapter.scale)

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        has_begun = False
        self._check_adapter(request.adapter)
        request = await self._fitting(request)
        if not request.adapter:
            await self._reading.wait(request)
        while True:
            try:
                async with aclosing(self._reading_on(request)) as events:
                    async for event in events:
                        has_begun = True
                        yield event
            except InvalidInputError as error:
                if has_begun:
                    raise
                if isinstance(error, ContextExceededError):
                    request = _shorter(request, error)
                elif request.is_about_tools and self._known.tools.note_refusal(error, self.name):
                    continue
                elif not await self._known.look_again():
                    raise
            else:
                return

    async def _reading_on(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """The reply. If it is cancelled before its first event, llama.cpp still reads the prompt to its end.

        If the request gives way, wants JSON (an analysis) or names an adapter, it is not urgent, and its prompt is not
        read further.
        """
        gives_way = request.gives_way or request.json_schema is not None or bool(request.adapter)
        if self._known.dialect.kind != "llama.cpp" or gives_way:
            async with aclosing(self._with_tools(request)) as events:
                async for event in events:
                    yield event
            return
        reply = OwnTask(self._with_tools(request))
        try:
            async for event in reply.events():
                yield event
        finally:
            if not reply.has_begun.is_set() and self._reading.takes(request):
                self._reading.keep(request, reply)
            else:
                await reply.close()

    def _with_tools(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """The reply. If the server can't call tools itself, they are described in words."""
        return self._calling(request) if request.is_about_tools else self._stream(request)

    async def _calling(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        is_native = await self._known.tools.calls(self._ask, self._known.dialect, self.name)
        reply = self._stream(request) if is_native else calls_in_text(self._stream(in_words(request)), request)
        async with aclosing(reply) as events:
            async for event in events:
                yield event

    async def _stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        dialect = self._known.dialect
        reader = ReplyReader(begins_with_thoughts=dialect.begins_with_thoughts)
        schema = None if dialect.forces_schemas else request.parsed_schema()
        async with (
            self._slots.take(request.messages, has_adapter=bool(request.adapter)) as slot,
            aclosing(self._read(request, dialect, reader, slot | self._with_adapter(request.adapter))) as pieces,
        ):
            if request.adapter and self._slots.another is not None:
                await self.server.empty_slot(self._slots.another)
            if schema is None:
                async for piece in pieces:
                    yield piece
            else:
                text = "".join([piece.text async for piece in pieces if isinstance(piece, Delta)])
                document = document_in(text, schema)
                if document is None:
                    raise EngineError("the model was asked for JSON in words and answered something else; try again")
                yield Delta(document)
        if reader.thought_unmarked:
            self._known.dialect = replace(dialect, begins_with_thoughts=True, thinks=True)
        done = reader.finish()
        yield done if request.with_certainty else replace(done, certainty=None)

    async def _read(
        self, request: GenerationRequest, dialect: Dialect, reader: ReplyReader, more: Mapping[str, Any] = NOTHING_MORE
    ) -> AsyncGenerator[Delta | CallDelta, None]:
        """The text and the calls of the reply. `reader` reads them. more: parameters for the request.

        If the prompt is too long, llama-cpp-python ends the stream without any event. So after an empty stream, the
        reply is requested in one piece; then llama-cpp-python reports the error.
        """
        body, is_empty = payload(self.model, request, dialect) | dict(more), True
        while is_empty:
            async with self.server.chat(body) as events:
                async for data in events:
                    is_empty, self.heard_at = False, time.monotonic()
                    if data == END:
                        reader.done()
                        break
                    if delta := reader.read(data):
                        yield delta
                    for piece in reader.calls():
                        yield piece
                    if reader.has_ended:
                        break
            if not body["stream"]:
                break
            body = {name: value for name, value in body.items() if name != "stream_options"} | {"stream": False}
        if delta := reader.rest():
            yield delta
        for piece in reader.calls():
            yield piece

    def _check_adapter(self, name: str) -> None:
        """Raises InvalidInputError if there is no adapter of this name for requests."""
        if name and name not in self.adapters:
            those = f"there are: {', '.join(self.adapters)}" if self.adapters else "this model has none"
            raise InvalidInputError(f"adapter: there is no {name!r}; {those}")

    def _with_adapter(self, name: str) -> dict[str, Any]:
        """The parameters that add the adapter to those that are always in use; empty without a name."""
        if not name:
            return {}
        scales = {adapter.id: 1.0 if adapter.name == name else adapter.scale for adapter in self._adapters}
        return {"lora": [{"id": number, "scale": scale} for number, scale in scales.items()]}

    async def _fitting(self, request: GenerationRequest) -> GenerationRequest:
        """The request, without its oldest messages if the messages and the reply would not fit into the context."""
        room = self._context_tokens - request.max_tokens - tool_tokens(request)
        if not self._context_tokens or most_tokens(request.messages) <= room:
            return request
        tokens = await self.server.tokens(self.model, request.messages)
        if tokens <= room:
            return request
        SHORTENED.inc()
        return shortened(request, max(0.0, room / tokens)) or request


def _shorter(request: GenerationRequest, error: ContextExceededError) -> GenerationRequest:
    """The request without its oldest messages. Raises `error` if nothing can be left out."""
    shorter = shortened(request, error.share)
    if shorter is None:
        raise error
    SHORTENED.inc()
    return shorter
