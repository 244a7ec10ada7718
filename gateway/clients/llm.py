"""The language model over gRPC, as the port `Llm`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
from aitalk.llm.v1 import llm_pb2, llm_pb2_grpc

from gateway.clients.calls import open_call, service_errors
from gateway.clients.traced import TracedStub
from gateway.ports import ChatMessage

_ROLES = {
    "system": llm_pb2.ROLE_SYSTEM,
    "user": llm_pb2.ROLE_USER,
    "assistant": llm_pb2.ROLE_ASSISTANT,
}


class GrpcLlm:
    """Calls aitalk.llm.v1.LlmService."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = TracedStub(llm_pb2_grpc.LlmServiceStub(channel))

    @asynccontextmanager
    async def stream(
        self, messages: Sequence[ChatMessage], *, max_tokens: int | None = None
    ) -> AsyncIterator[AsyncIterator[str]]:
        request = llm_pb2.StreamingGenerateRequest(
            messages=to_proto(messages), config=llm_pb2.GenerationConfig(max_tokens=max_tokens)
        )
        async with open_call(self._stub.StreamingGenerate(request)) as call:
            yield _deltas(call)

    async def generate(
        self,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        json_schema: str | None = None,
    ) -> str:
        config = llm_pb2.GenerationConfig(max_tokens=max_tokens, temperature=temperature, json_schema=json_schema)
        request = llm_pb2.GenerateRequest(messages=to_proto(messages), config=config)
        async with open_call(self._stub.Generate(request)) as call:
            with service_errors("LLM"):
                response = await call
        return str(response.text)


async def _deltas(call: Any) -> AsyncIterator[str]:
    with service_errors("LLM"):
        async for response in call:
            if response.WhichOneof("event") == "delta":
                yield response.delta


def to_proto(messages: Sequence[ChatMessage]) -> list[llm_pb2.ChatMessage]:
    """A prompt as the service takes it."""
    return [llm_pb2.ChatMessage(role=_ROLES[message.role], content=message.content) for message in messages]
