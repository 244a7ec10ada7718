"""The gateway's client of the language model service, over a real channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from aitalk.common.v1 import engine_pb2
from aitalk.llm.v1 import llm_pb2, llm_pb2_grpc

from common.errors import BusyError, EngineError
from gateway.clients.llm import GrpcLlm
from gateway.clients.services import ModelServices
from gateway.ports import ChatMessage, ReplyLimits, Rewriting, WritingRequest

NOBODY = "127.0.0.1:1"


@dataclass
class Servicer(llm_pb2_grpc.LlmServiceServicer):
    """Keeps the settings of each request. Takes `generate_s` for texts that are not streamed. Describes a model with
    `parameters`, `adapter` and `adapters`."""

    parameters: int = 0
    adapter: str = ""
    adapters: tuple[str, ...] = ()
    certainty: float | None = 0.5
    most_at_once: int = 0
    at_once: int = 0
    generate_s: float = 0.0
    began: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[llm_pb2.GenerationConfig] = field(default_factory=list)

    async def StreamingGenerate(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self.asked.append(request.config)
        yield llm_pb2.StreamingGenerateResponse(delta="Hello.")

    async def Generate(self, request: Any, context: Any) -> Any:
        self.asked.append(request.config)
        self.began.set()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.generate_s)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        self.at_once -= 1
        return llm_pb2.GenerateResponse(text="Hello.", certainty=self.certainty)

    async def Describe(self, request: Any, context: Any) -> Any:
        return llm_pb2.DescribeResponse(
            engine=engine_pb2.EngineInfo(parameters=self.parameters, adapter=self.adapter, adapters=self.adapters)
        )


@asynccontextmanager
async def services(servicer: Servicer) -> AsyncIterator[ModelServices]:
    server = grpc.aio.server()
    llm_pb2_grpc.add_LlmServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with ModelServices(asr=NOBODY, llm=f"127.0.0.1:{port}", tts=NOBODY) as opened:
            yield opened
    finally:
        await server.stop(None)


async def test_the_limits_of_a_reply_reach_the_service() -> None:
    servicer = Servicer()
    async with services(servicer) as opened:
        llm = GrpcLlm(opened.llm)
        asking = llm.stream(WritingRequest([ChatMessage("user", "Hi.")], ReplyLimits(70, 2, ends_with_question=True)))
        async with asking as deltas:
            assert [delta async for delta in deltas] == ["Hello."]
    (config,) = servicer.asked
    assert (config.max_tokens, config.max_sentences, config.ends_with_question) == (70, 2, True)


def summary(llm: GrpcLlm) -> Coroutine[Any, Any, object]:
    return llm.generate([ChatMessage("user", "Sum up.")], gives_way=True)


def rewriting(llm: GrpcLlm) -> Coroutine[Any, Any, object]:
    return llm.rewrite([ChatMessage("user", "I goes.")], max_tokens=9)


@pytest.mark.parametrize("work", [summary, rewriting])
async def test_work_that_gives_way_ends_when_a_reply_is_asked_for(
    work: Callable[[GrpcLlm], Coroutine[Any, Any, object]],
) -> None:
    servicer = Servicer(generate_s=3600)
    async with services(servicer) as opened:
        llm = GrpcLlm(opened.llm)
        working = asyncio.create_task(work(llm))
        await servicer.began.wait()
        was_idle = [llm.is_idle]
        async with llm.stream(WritingRequest([ChatMessage("user", "Hi.")])) as deltas:
            was_idle.append(llm.is_idle)
            assert [delta async for delta in deltas] == ["Hello."]
        with pytest.raises(BusyError):
            await working
        await servicer.cancelled.wait()
    assert was_idle == [True, False]


async def test_work_that_gives_way_is_done_if_nobody_asks_for_a_reply() -> None:
    async with services(Servicer()) as opened:
        assert await GrpcLlm(opened.llm).generate([ChatMessage("user", "Sum up.")], gives_way=True) == "Hello."


@pytest.mark.parametrize(("parameters", "is_small"), [(135_000_000, True), (1_500_000_000, False), (0, False)])
async def test_a_model_is_small_by_what_its_service_says(parameters: int, is_small: bool) -> None:
    async with services(Servicer(parameters)) as opened:
        llm = GrpcLlm(opened.llm, lambda: opened.llm_model)
        assert not llm.is_small
        assert (await opened.describe())["llm"]["parameters"] == parameters
        assert llm.is_small is is_small


@pytest.mark.parametrize(("adapter", "is_trained"), [("partner", True), ("someone-elses", False), ("", False)])
async def test_a_model_is_trained_by_what_its_service_says(adapter: str, is_trained: bool) -> None:
    async with services(Servicer(adapter=adapter)) as opened:
        llm = GrpcLlm(opened.llm, lambda: opened.llm_model)
        assert not llm.is_trained
        assert (await opened.describe())["llm"]["adapter"] == adapter
        assert llm.is_trained is is_trained


@pytest.mark.parametrize("adapters", [("smollm2-corrections", "other"), ("other",), ()])
async def test_a_model_corrects_with_the_adapter_that_was_trained_for_it(adapters: tuple[str, ...]) -> None:
    servicer = Servicer(adapters=adapters)
    async with services(servicer) as opened:
        llm = GrpcLlm(opened.llm, lambda: opened.llm_model)
        assert not llm.is_trained_to_correct
        await opened.describe()
        assert llm.is_trained_to_correct is ("smollm2-corrections" in adapters)
        assert await llm.rewrite([ChatMessage("user", "I goes.")], max_tokens=9) == Rewriting("Hello.", 0.5)
        await llm.generate([ChatMessage("user", "I goes.")])
    assert [(config.adapter, config.with_certainty) for config in servicer.asked] == [
        ("smollm2-corrections", True),
        ("", False),
    ]


async def test_rewritings_are_requested_one_at_a_time() -> None:
    servicer = Servicer(generate_s=0.02)
    async with services(servicer) as opened:
        llm = GrpcLlm(opened.llm)
        await asyncio.gather(*(rewriting(llm) for _ in range(4)))
    assert (len(servicer.asked), servicer.most_at_once) == (4, 1)


async def test_a_service_that_knows_no_adapters_is_not_taken_for_a_corrector() -> None:
    async with services(Servicer(certainty=None)) as opened:
        with pytest.raises(EngineError, match="can't correct"):
            await rewriting(GrpcLlm(opened.llm))
