"""The gRPC service aitalk.llm.v1.LlmService.

It translates between proto messages and an engine, gives each reply a slot, and measures.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import Any, Literal

import grpc
from aitalk.llm.v1 import llm_pb2, llm_pb2_grpc
from opentelemetry import trace

from common.engine_info import engine_info
from common.errors import EngineError, InvalidInputError
from common.grpc_server import Service
from common.slots import Slots
from llm_service.config import LlmSettings
from llm_service.engine import Delta, Done, Event, GenerationRequest, LlmEngine, Message, Role, StopReason
from llm_service.guarded_reply import guarded
from llm_service.metrics import CANCELLED, FIRST_TOKEN_SECONDS, TOKENS, TOOL_CALLS
from llm_service.reply_guard import Limits
from llm_service.sampling import Sampling, default_sampling
from llm_service.tools import CallDelta, Tool, ToolCall, ToolChoice

NAME: str = llm_pb2.DESCRIPTOR.services_by_name["LlmService"].full_name

_ROLES: dict[int, Role] = {
    llm_pb2.ROLE_SYSTEM: "system",
    llm_pb2.ROLE_USER: "user",
    llm_pb2.ROLE_ASSISTANT: "assistant",
    llm_pb2.ROLE_TOOL: "tool",
}
_STOP_REASONS: dict[StopReason, llm_pb2.StopReason.ValueType] = {
    "stop": llm_pb2.STOP_REASON_STOP,
    "length": llm_pb2.STOP_REASON_LENGTH,
    "content_filter": llm_pb2.STOP_REASON_CONTENT_FILTER,
    "repetition": llm_pb2.STOP_REASON_REPETITION,
    "tool_calls": llm_pb2.STOP_REASON_TOOL_CALLS,
}
_CHOICES: dict[int, Literal["auto", "none", "required"]] = {
    llm_pb2.TOOL_CHOICE_MODE_NONE: "none",
    llm_pb2.TOOL_CHOICE_MODE_REQUIRED: "required",
}
# A call's arguments may need this many more tokens than a spoken reply has.
CALL_TOKENS = 512


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
        self._engine = engine
        self._settings = settings
        self._slots = Slots("llm", settings.llm_max_streams)

    # This is a coroutine that writes to the call, not a generator: when it is cancelled, it ends at once and stops the
    # generation.
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
        calls: list[llm_pb2.ToolCall] = []
        async with self._reply(request) as events:
            async for event in events:
                match event:
                    case Delta():
                        text.append(event.text)
                    case CallDelta(index):
                        if index == len(calls):
                            calls.append(llm_pb2.ToolCall(id=event.id, name=event.name))
                        calls[index].arguments += event.arguments
                    case Done():
                        done = _to_done(event)
                        return llm_pb2.GenerateResponse(
                            text="".join(text),
                            stop_reason=done.stop_reason,
                            usage=done.usage,
                            tool_calls=calls,
                            certainty=event.certainty,
                        )
        raise EngineError("the reply has no end")

    async def Describe(self, request: llm_pb2.DescribeRequest, context: object) -> llm_pb2.DescribeResponse:
        """The engine, its slots and its memory, also while it loads."""
        return llm_pb2.DescribeResponse(
            engine=engine_info(self._engine.describe(), self._slots, ready=self._engine.ready)
        )

    @asynccontextmanager
    async def _reply(
        self, request: llm_pb2.StreamingGenerateRequest | llm_pb2.GenerateRequest
    ) -> AsyncIterator[AsyncIterator[Event]]:
        """The events of a reply. The end of the block frees the slot and stops the generation in the model server."""
        sampling = default_sampling(self._settings, self._engine.describe().parameters)
        wanted = to_generation_request(request, self._settings, sampling)
        with self._slots.take():
            method = "Generate" if isinstance(request, llm_pb2.GenerateRequest) else "StreamingGenerate"
            events = self._events(wanted, request.config)
            async with aclosing(_measured(events, method)) as measured:
                try:
                    yield measured
                except asyncio.CancelledError:
                    CANCELLED.inc()
                    raise

    def _events(self, wanted: GenerationRequest, config: llm_pb2.GenerationConfig) -> AsyncGenerator[Event, None]:
        """The events of the reply. JSON, replies with an adapter, and those requested as unguarded bypass the guard."""
        if wanted.json_schema is not None or wanted.adapter or config.unguarded:
            return self._engine.stream(wanted)
        limits = Limits(wanted.max_tokens, config.max_sentences, config.ends_with_question)
        if wanted.may_call:
            wanted = dataclasses.replace(wanted, max_tokens=wanted.max_tokens + CALL_TOKENS)
        return guarded(self._engine.stream(wanted), wanted, limits)


async def _measured(events: AsyncGenerator[Event, None], method: str) -> AsyncGenerator[Event, None]:
    began: float | None = time.monotonic()
    span = trace.get_current_span()
    async with aclosing(events):
        async for event in events:
            match event:
                case Delta() if began is not None:
                    FIRST_TOKEN_SECONDS.labels(method).observe(time.monotonic() - began)
                    span.add_event("first_token")
                    began = None
                case CallDelta(name=name) if name:
                    TOOL_CALLS.inc()
                    began = None
                case Done(usage=usage):
                    TOKENS.labels("prompt").inc(usage.prompt_tokens)
                    TOKENS.labels("completion").inc(usage.completion_tokens)
                    TOKENS.labels("cached").inc(usage.cached_prompt_tokens)
                    span.set_attribute("gen_ai.usage.input_tokens", usage.prompt_tokens)
                    span.set_attribute("gen_ai.usage.output_tokens", usage.completion_tokens)
            yield event


def to_generation_request(
    request: llm_pb2.StreamingGenerateRequest | llm_pb2.GenerateRequest, settings: LlmSettings, sampling: Sampling
) -> GenerationRequest:
    """The request with the service's defaults filled in. Raises InvalidInputError if a value is out of range."""
    config = request.config
    chosen = {
        name: getattr(config if config.HasField(name) else sampling, name)  # type: ignore[arg-type]  # all optional
        for name in (field.name for field in dataclasses.fields(Sampling))
    }
    if config.max_sentences < 0:
        raise InvalidInputError(f"max_sentences: must be 0 or more, not {config.max_sentences}")
    return GenerationRequest(
        tools=tuple(Tool(tool.name, tool.description, tool.parameters) for tool in request.tools),
        tool_choice=ToolChoice(_CHOICES.get(request.tool_choice.mode, "auto"), request.tool_choice.name),
        parallel_tool_calls=request.parallel_tool_calls if request.HasField("parallel_tool_calls") else None,
        messages=tuple(_to_messages(request.messages)),
        max_tokens=config.max_tokens if config.HasField("max_tokens") else settings.llm_max_tokens,
        gives_way=config.gives_way,
        adapter=config.adapter,
        with_certainty=config.with_certainty,
        stop=tuple(config.stop),
        json_schema=config.json_schema if config.HasField("json_schema") else None,
        seed=config.seed if config.HasField("seed") else None,
        **chosen,
    )


def _to_messages(messages: Iterable[llm_pb2.ChatMessage]) -> Iterable[Message]:
    for number, message in enumerate(messages):
        role = _ROLES.get(message.role)
        if role is None:
            raise InvalidInputError(f"messages[{number}]: role must be set to system, user, assistant or tool")
        calls = tuple(ToolCall(call.id, call.name, call.arguments or "{}") for call in message.tool_calls)
        yield Message(role, message.content, calls, message.tool_call_id)


def _to_response(event: Event) -> llm_pb2.StreamingGenerateResponse:
    match event:
        case Delta(text=text):
            return llm_pb2.StreamingGenerateResponse(delta=text)
        case CallDelta():
            delta = llm_pb2.ToolCallDelta(index=event.index, id=event.id, name=event.name, arguments=event.arguments)
            return llm_pb2.StreamingGenerateResponse(tool_call=delta)
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
        certainty=done.certainty,
    )
