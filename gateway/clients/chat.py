"""The language model over gRPC for other applications, as the port `Chat`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from aitalk.llm.v1 import llm_pb2, llm_pb2_grpc

from common.errors import ServiceError
from gateway.clients.calls import Retries, open_call, service_errors
from gateway.clients.llm import to_proto
from gateway.clients.tools import piece_of, tools_to_proto
from gateway.clients.traced import TracedStub
from gateway.ports import ChatDone, ChatRequest, StopReason
from gateway.tools import CallPiece

_STOP_REASONS: dict[int, StopReason] = {
    llm_pb2.STOP_REASON_LENGTH: "length",
    llm_pb2.STOP_REASON_CONTENT_FILTER: "content_filter",
    llm_pb2.STOP_REASON_TOOL_CALLS: "tool_calls",
}


class GrpcChat:
    """Calls aitalk.llm.v1.LlmService."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = TracedStub(llm_pb2_grpc.LlmServiceStub(channel))

    @asynccontextmanager
    async def stream(self, request: ChatRequest) -> AsyncIterator[AsyncIterator[str | CallPiece | ChatDone]]:
        message = llm_pb2.StreamingGenerateRequest(
            messages=to_proto(request.messages), config=_config(request), **tools_to_proto(request.tools)
        )
        retries = Retries("LLM")
        while True:
            async with open_call(self._stub.StreamingGenerate(message)) as call:
                try:
                    with service_errors("LLM"):
                        first = await call.read()
                except ServiceError as error:
                    await retries.after_refusal(error)
                    continue
                yield _events(first, call)
                return


async def _events(first: Any, call: Any) -> AsyncIterator[str | CallPiece | ChatDone]:
    with service_errors("LLM"):
        response = first
        while response is not grpc.aio.EOF:
            match response.WhichOneof("event"):
                case "delta":
                    yield response.delta
                case "tool_call":
                    yield piece_of(response.tool_call)
                case "done":
                    yield _done(response.done)
            response = await call.read()


def _config(request: ChatRequest) -> llm_pb2.GenerationConfig:
    """The request's config. The reply guard is off, because it is only for conversations."""
    return llm_pb2.GenerationConfig(
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        stop=request.stop,
        json_schema=request.json_schema,
        seed=request.seed,
        frequency_penalty=request.frequency_penalty,
        presence_penalty=request.presence_penalty,
        unguarded=True,
    )


def _done(done: llm_pb2.Done) -> ChatDone:
    usage = done.usage
    return ChatDone(
        _STOP_REASONS.get(done.stop_reason, "stop"),
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.cached_prompt_tokens,
    )
