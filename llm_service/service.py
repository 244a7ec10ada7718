"""The gRPC service aitalk.llm.v1.LlmService: proto messages to an engine and back, slots and metrics."""

from __future__ import annotations

import asyncio
import dataclasses
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
from llm_service.engine import Delta, Done, GenerationRequest, LlmEngine, Message, Role, StopReason, Usage
from llm_service.metrics import CANCELLED, FIRST_TOKEN_SECONDS, GUARDED, TOKENS
from llm_service.reply_guard import Limits, Outcome, ReplyGuard
from llm_service.sampling import Sampling, default_sampling

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
    "repetition": llm_pb2.STOP_REASON_REPETITION,
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
        can_serve=lambda: engine.ready,
    )


class LlmServicer(llm_pb2_grpc.LlmServiceServicer):
    """See protos/aitalk/llm/v1/llm.proto. One engine, and a slot for each reply that is written."""

    def __init__(self, engine: LlmEngine, settings: LlmSettings) -> None:
        self.engine = engine
        self.settings = settings
        self.slots = Slots("llm", settings.llm_max_streams)

    # A coroutine that writes to the call, not a generator: when cancelled, it ends at once and stops the generation.
    async def StreamingGenerate(  # type: ignore[override]
        self,
        request: llm_pb2.StreamingGenerateRequest,
        context: grpc.aio.ServicerContext[Any, llm_pb2.StreamingGenerateResponse],
    ) -> None:
        """One reply, piece by piece."""
        async with self._reply(request) as events:
            async for event in events:
                await context.write(_to_response(event))

    async def Generate(self, request: llm_pb2.GenerateRequest, context: object) -> llm_pb2.GenerateResponse:
        """One reply as a whole."""
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
        """The engine, its slots and its memory, also while it loads."""
        return llm_pb2.DescribeResponse(engine=engine_info(self.engine.describe(), self.slots, ready=self.engine.ready))

    @asynccontextmanager
    async def _reply(
        self, request: llm_pb2.StreamingGenerateRequest | llm_pb2.GenerateRequest
    ) -> AsyncIterator[AsyncIterator[Delta | Done]]:
        """The events of a reply. The end of the block frees the slot and stops the generation in the model server."""
        sampling = default_sampling(self.settings, self.engine.describe().parameters)
        wanted = to_generation_request(request, self.settings, sampling)
        with self.slots.take():
            method = "Generate" if isinstance(request, llm_pb2.GenerateRequest) else "StreamingGenerate"
            guarded = _guarded(self.engine.stream(wanted), wanted, request.config)
            async with aclosing(_measured(guarded, method)) as events:
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


async def _guarded(
    events: AsyncGenerator[Delta | Done, None], request: GenerationRequest, config: llm_pb2.GenerationConfig
) -> AsyncGenerator[Delta | Done, None]:
    """The same reply, which the guard may end early. JSON, and a reply requested as unguarded, pass unchanged."""
    async with aclosing(events):
        if request.json_schema is not None or config.unguarded:
            async for event in events:
                yield event
            return
        guard = ReplyGuard(
            request.messages, Limits(request.max_tokens, config.max_sentences, config.ends_with_question)
        )
        usage, deltas = Usage(), 0
        async for event in events:
            match event:
                case Delta(text):
                    usage, deltas = event.usage, deltas + 1
                    if said := guard.push(text):
                        yield Delta(said)
                    if guard.outcome:
                        GUARDED.labels(guard.outcome.value).inc()
                        usage = (
                            usage if usage.completion_tokens else dataclasses.replace(usage, completion_tokens=deltas)
                        )
                        yield Done("stop" if guard.outcome is Outcome.LONG else "repetition", usage)
                        return
                case Done(stop_reason):
                    if said := guard.finish(cut_off=stop_reason == "length"):
                        yield Delta(said)
                    if guard.outcome:
                        GUARDED.labels(guard.outcome.value).inc()
                    yield event


def to_generation_request(
    request: llm_pb2.StreamingGenerateRequest | llm_pb2.GenerateRequest, settings: LlmSettings, sampling: Sampling
) -> GenerationRequest:
    """The request with the service's defaults filled in; raises InvalidInputError if a value is out of range."""
    config = request.config
    chosen = {
        name: getattr(config if config.HasField(name) else sampling, name)  # type: ignore[arg-type]  # all optional
        for name in (field.name for field in dataclasses.fields(Sampling))
    }
    if config.max_sentences < 0:
        raise InvalidInputError(f"max_sentences: must be 0 or more, not {config.max_sentences}")
    return GenerationRequest(
        messages=tuple(_to_messages(request.messages)),
        max_tokens=config.max_tokens if config.HasField("max_tokens") else settings.llm_max_tokens,
        stop=tuple(config.stop),
        json_schema=config.json_schema if config.HasField("json_schema") else None,
        seed=config.seed if config.HasField("seed") else None,
        **chosen,
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
