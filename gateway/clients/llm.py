"""The language model over gRPC, as the port `Llm`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import grpc
from aitalk.llm.v1 import llm_pb2, llm_pb2_grpc

from common.errors import BusyError, EngineError, ServiceError
from common.small_models import is_small
from gateway.clients.calls import Retries, open_call, service_errors
from gateway.clients.tools import calls_to_proto, piece_of, tools_to_proto
from gateway.clients.traced import TracedStub
from gateway.ports import ChatMessage, Rewriting, WritingEnd, WritingRequest
from gateway.tools import NO_TOOLS, CallPiece, ToolUse

_ROLES = {
    "system": llm_pb2.ROLE_SYSTEM,
    "user": llm_pb2.ROLE_USER,
    "assistant": llm_pb2.ROLE_ASSISTANT,
    "tool": llm_pb2.ROLE_TOOL,
}

_REASONS: dict[int, Literal["stop", "length", "filter", "repetition"]] = {
    llm_pb2.STOP_REASON_LENGTH: "length",
    llm_pb2.STOP_REASON_CONTENT_FILTER: "filter",
    llm_pb2.STOP_REASON_REPETITION: "repetition",
}


# The adapter that was trained with this gateway's prompts.
PARTNER_ADAPTER = "partner"
# The adapter that was trained with `gateway.analysis.trained_corrections`.
CORRECTIONS_ADAPTER = "smollm2-corrections"


@dataclass(frozen=True, slots=True)
class LlmModel:
    """How the service describes its model. parameters: how many it has; 0 if unknown. adapter: the LoRA adapter in
    use; empty without one. adapters: those that a request can choose."""

    parameters: int = 0
    adapter: str = ""
    adapters: tuple[str, ...] = ()


class GrpcLlm:
    """Calls aitalk.llm.v1.LlmService. model: the model as the service last described it."""

    def __init__(self, channel: grpc.aio.Channel, model: Callable[[], LlmModel] = LlmModel) -> None:
        self._stub: Any = TracedStub(llm_pb2_grpc.LlmServiceStub(channel))
        self._model = model
        self._calls = 0
        self._rewrites = asyncio.Semaphore(1)  # the service has one slot for them
        self._giving_way: set[Any] = set()  # calls that end when a reply to a learner is requested

    @property
    def is_idle(self) -> bool:
        return not self._calls

    @property
    def is_small(self) -> bool:
        return is_small(self._model().parameters)

    @property
    def is_trained(self) -> bool:
        return self._model().adapter == PARTNER_ADAPTER

    @property
    def is_trained_to_correct(self) -> bool:
        return CORRECTIONS_ADAPTER in self._model().adapters

    @contextmanager
    def _busy(self) -> Iterator[None]:
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1

    @asynccontextmanager
    async def stream(
        self,
        request: WritingRequest,
        on_end: Callable[[WritingEnd], None] | None = None,
    ) -> AsyncIterator[AsyncIterator[str | CallPiece]]:
        limits = request.limits
        asked = llm_pb2.StreamingGenerateRequest(
            messages=to_proto(request.messages),
            config=llm_pb2.GenerationConfig(
                max_tokens=limits.max_tokens,
                max_sentences=limits.max_sentences,
                ends_with_question=limits.ends_with_question,
            ),
            **tools_to_proto(request.tools),
        )
        while self._giving_way:
            self._giving_way.pop().cancel()
        with self._busy():
            async with _Deltas(self._stub, asked, on_end) as deltas:
                yield deltas.read()

    async def generate(
        self,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        json_schema: str | None = None,
        gives_way: bool = False,
        tools: ToolUse = NO_TOOLS,
    ) -> str:
        config = llm_pb2.GenerationConfig(
            max_tokens=max_tokens, temperature=temperature, json_schema=json_schema, gives_way=gives_way
        )
        request = llm_pb2.GenerateRequest(messages=to_proto(messages), config=config, **tools_to_proto(tools))
        return (await self._generate(request)).text

    async def rewrite(self, messages: Sequence[ChatMessage], *, max_tokens: int) -> Rewriting:
        config = llm_pb2.GenerationConfig(
            max_tokens=max_tokens, temperature=0, gives_way=True, adapter=CORRECTIONS_ADAPTER, with_certainty=True
        )
        async with self._rewrites:
            answer = await self._generate(llm_pb2.GenerateRequest(messages=to_proto(messages), config=config))
        if not answer.HasField("certainty"):  # an older version of the service, which knows no adapters
            raise EngineError("LLM: the service can't correct; update it")
        return Rewriting(answer.text, answer.certainty)

    async def _generate(self, request: llm_pb2.GenerateRequest) -> llm_pb2.GenerateResponse:
        if request.config.gives_way:
            return await self._generate_meanwhile(request)
        retries = Retries("LLM")
        while True:
            try:
                with self._busy(), service_errors("LLM"):
                    async with open_call(self._stub.Generate(request)) as call:
                        answer: llm_pb2.GenerateResponse = await call
                        return answer
            except ServiceError as error:
                await retries.after_refusal(error)

    async def _generate_meanwhile(self, request: llm_pb2.GenerateRequest) -> llm_pb2.GenerateResponse:
        """The whole answer to a request that gives way. Raises BusyError when a reply to a learner is requested
        meanwhile."""
        with service_errors("LLM"):
            async with open_call(self._stub.Generate(request)) as call:
                self._giving_way.add(call)
                try:
                    answer: llm_pb2.GenerateResponse = await call
                except asyncio.CancelledError:
                    task = asyncio.current_task()
                    if task and task.cancelling():
                        raise
                    raise BusyError(
                        "LLM: a reply to a learner needs the model; send this request again later"
                    ) from None
                else:
                    return answer
                finally:
                    self._giving_way.discard(call)


class _Deltas:
    """The pieces of a reply. The call is tried again if it is refused before its first piece."""

    def __init__(
        self, stub: Any, request: llm_pb2.StreamingGenerateRequest, on_end: Callable[[WritingEnd], None] | None
    ) -> None:
        self._stub = stub
        self._request = request
        self._on_end = on_end

    async def __aenter__(self) -> _Deltas:
        self._call = self._stub.StreamingGenerate(self._request)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._call.cancel()

    async def read(self) -> AsyncIterator[str | CallPiece]:
        retries, has_begun = Retries("LLM"), False
        while True:
            try:
                with service_errors("LLM"):
                    async for response in self._call:
                        has_begun = True
                        match response.WhichOneof("event"):
                            case "delta":
                                yield response.delta
                            case "tool_call":
                                yield piece_of(response.tool_call)
                            case "done" if self._on_end:
                                self._on_end(_end(response.done))
            except ServiceError as error:
                if has_begun:
                    raise
                await retries.after_refusal(error)
            else:
                return
            self._call = self._stub.StreamingGenerate(self._request)


def _end(done: llm_pb2.Done) -> WritingEnd:
    usage = done.usage
    return WritingEnd(
        _REASONS.get(done.stop_reason, "stop"),
        prompt_tokens=usage.prompt_tokens,
        cached_prompt_tokens=usage.cached_prompt_tokens,
        completion_tokens=usage.completion_tokens,
    )


def to_proto(messages: Sequence[ChatMessage]) -> list[llm_pb2.ChatMessage]:
    """A prompt as proto messages."""
    return [
        llm_pb2.ChatMessage(
            role=_ROLES[message.role],
            content=message.content,
            tool_calls=calls_to_proto(message.tool_calls),
            tool_call_id=message.tool_call_id,
        )
        for message in messages
    ]
