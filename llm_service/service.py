"""The gRPC face of the language model: proto ↔ engine, slots and metrics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import grpc
from aitalk.llm.v1 import llm_pb2, llm_pb2_grpc
from opentelemetry import trace

from common.engine_info import engine_info
from common.errors import EngineError, InvalidInputError
from common.grpc_server import Service
from common.slots import Slots
from llm_service.config import LlmSettings
from llm_service.engine import Delta, Done, GenerationRequest, LlmEngine, Message, Role, StopReason
from llm_service.metrics import CANCELLED, FIRST_TOKEN_SECONDS, TOKENS

NAME: str = llm_pb2.DESCRIPTOR.services_by_name["LlmService"].full_name

_ROLES: dict[int, Role] = {
    llm_pb2.ROLE_SYSTEM: "system",
    llm_pb2.ROLE_USER: "user",
    llm_pb2.ROLE_ASSISTANT: "assistant",
}
_STOP_REASONS: dict[StopReason, llm_pb2.StopReason.ValueType] = {
    "stop": llm_pb2.STOP_REASON_STOP,
    "length": llm_pb2.STOP_REASON_LENGTH,
    "content_filter": llm_pb2.STOP_REASON_CONTENT_FILTER,
}


def create_service(engine: LlmEngine, settings: LlmSettings) -> Service:
    """The LLM service for `common.grpc_server`, around an engine that is not yet started."""
    servicer = LlmServicer(engine, settings)
    return Service(
        label="LLM",
        name=NAME,
        register=lambda server: llm_pb2_grpc.add_LlmServiceServicer_to_server(servicer, server),
        warm_up=engine.start,
        close=engine.close,
        loads_here=engine.describe().device != "remote",
    )


class LlmServicer(llm_pb2_grpc.LlmServiceServicer):
    """One engine, a slot for each reply being written."""

    def __init__(self, engine: LlmEngine, settings: LlmSettings) -> None:
        self.engine = engine
        self.settings = settings
        self.slots = Slots("llm", settings.llm_max_streams)

    # A coroutine that writes, not a generator: cancelled anywhere, it ends at once, and the generation with it.
    async def StreamingGenerate(  # type: ignore[override]
        self,
        request: llm_pb2.StreamingGenerateRequest,
        context: grpc.aio.ServicerContext[Any, llm_pb2.StreamingGenerateResponse],
    ) -> None:
        async with self._reply(request) as events:
            async for event in events:
                await context.write(_to_response(event))

    async def Generate(self, request: llm_pb2.GenerateRequest, context: object) -> llm_pb2.GenerateResponse:
        text: list[str] = []
        async with self._reply(request) as events:
            async for event in events:
                match event:
                    case Delta():
                        text.append(event.text)
                    case Done():
                        done = _to_done(event)
                        return llm_pb2.GenerateResponse(
                            text="".join(text), stop_reason=done.stop_reason, usage=done.usage
                        )
        raise EngineError("the reply has no end")

    async def Describe(self, request: llm_pb2.DescribeRequest, context: object) -> llm_pb2.DescribeResponse:
        return llm_pb2.DescribeResponse(engine=engine_info(self.engine.describe(), self.slots, ready=self.engine.ready))

    @asynccontextmanager
    async def _reply(
        self, request: llm_pb2.StreamingGenerateRequest | llm_pb2.GenerateRequest
    ) -> AsyncIterator[AsyncIterator[Delta | Done]]:
        """The events of a reply; the slot, and the generation in the model server, end with the block."""
        wanted = to_generation_request(request, self.settings)
        with self.slots.take():
            method = "Generate" if isinstance(request, llm_pb2.GenerateRequest) else "StreamingGenerate"
            async with aclosing(_measured(self.engine.stream(wanted), method)) as events:
                try:
                    yield events
                except asyncio.CancelledError:
                    CANCELLED.inc()
                    raise


async def _measured(events: AsyncGenerator[Delta | Done, None], method: str) -> AsyncGenerator[Delta | Done, None]:
    began: float | None = time.monotonic()
    span = trace.get_current_span()
    async with aclosing(events):
        async for event in events:
            match event:
                case Delta() if began is not None:
                    FIRST_TOKEN_SECONDS.labels(method).observe(time.monotonic() - began)
                    span.add_event("first_token")
                    began = None
                case Done(usage=usage):
                    TOKENS.labels("prompt").inc(usage.prompt_tokens)
                    TOKENS.labels("completion").inc(usage.completion_tokens)
                    TOKENS.labels("cached").inc(usage.cached_prompt_tokens)
                    span.set_attribute("gen_ai.usage.input_tokens", usage.prompt_tokens)
                    span.set_attribute("gen_ai.usage.output_tokens", usage.completion_tokens)
            yield event


def to_generation_request(
    request: llm_pb2.StreamingGenerateRequest | llm_pb2.GenerateRequest, settings: LlmSettings
) -> GenerationRequest:
    """The request with the service's defaults filled in; raises InvalidInputError if it makes no sense."""
    config = request.config
    return GenerationRequest(
        messages=tuple(_to_messages(request.messages)),
        max_tokens=config.max_tokens if config.HasField("max_tokens") else settings.llm_max_tokens,
        temperature=config.temperature if config.HasField("temperature") else settings.llm_temperature,
        top_p=config.top_p if config.HasField("top_p") else None,
        stop=tuple(config.stop),
        json_schema=config.json_schema if config.HasField("json_schema") else None,
        seed=config.seed if config.HasField("seed") else None,
    )


def _to_messages(messages: Iterable[llm_pb2.ChatMessage]) -> Iterable[Message]:
    for number, message in enumerate(messages):
        role = _ROLES.get(message.role)
        if role is None:
            raise InvalidInputError(f"messages[{number}]: role must be set to system, user or assistant")
        yield Message(role, message.content)


def _to_response(event: Delta | Done) -> llm_pb2.StreamingGenerateResponse:
    match event:
        case Delta(text=text):
            return llm_pb2.StreamingGenerateResponse(delta=text)
        case Done():
            return llm_pb2.StreamingGenerateResponse(done=_to_done(event))


def _to_done(done: Done) -> llm_pb2.Done:
    return llm_pb2.Done(
        stop_reason=_STOP_REASONS[done.stop_reason],
        usage=llm_pb2.Usage(
            prompt_tokens=done.usage.prompt_tokens,
            completion_tokens=done.usage.completion_tokens,
            cached_prompt_tokens=done.usage.cached_prompt_tokens,
        ),
    )
