"""The language-model service over real gRPC, on the bundled model in the bundled server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
import httpx
import jsonschema
import psutil
import pytest
import pytest_asyncio
from aitalk.llm.v1 import llm_pb2, llm_pb2_grpc
from prometheus_client import REGISTRY

from common.errors import BusyError
from common.grpc_client import open_channel
from common.grpc_errors import from_rpc_error
from common.grpc_server import ModelServer
from llm_service.config import LlmSettings
from llm_service.engines import create_engine
from llm_service.engines.supervised import SupervisedEngine
from llm_service.service import create_service

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLOTS = 4
# Only a long list fits this schema, so a reply goes on until it is cancelled.
ENDLESS = json.dumps({"type": "array", "items": {"type": "integer"}, "minItems": 1000})


@dataclass
class Llm:
    stub: llm_pb2_grpc.LlmServiceAsyncStub
    engine: SupervisedEngine

    async def server_metric(self, name: str) -> float:
        """The value of one of llama.cpp's own metrics."""
        async with httpx.AsyncClient(trust_env=False) as client:
            text = (await client.get(self.engine.base_url.removesuffix("/v1") + "/metrics", timeout=30)).text
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"llamacpp:{name} "))

    async def ready(self) -> bool:
        return (await self.stub.Describe(llm_pb2.DescribeRequest())).engine.ready

    async def slots_in_use(self) -> int:
        return (await self.stub.Describe(llm_pb2.DescribeRequest())).engine.slots_in_use


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def llm() -> AsyncIterator[Llm]:
    settings = LlmSettings(_env_file=None, llm_max_model_len=2048, llm_max_streams=SLOTS, drain_timeout_s=1)
    engine = create_engine(settings, "llama.cpp")
    assert isinstance(engine, SupervisedEngine)
    async with ModelServer(create_service(engine, settings), settings, port=0) as server:
        await server.warm_up()
        async with open_channel(f"127.0.0.1:{server.port}") as channel:
            yield Llm(llm_pb2_grpc.LlmServiceStub(channel), engine)


def messages(*texts: str) -> list[llm_pb2.ChatMessage]:
    """The messages with these texts: the last one is the user's. If there are two, the first is the system message."""
    roles = [llm_pb2.ROLE_SYSTEM, llm_pb2.ROLE_USER][-len(texts) :]
    return [llm_pb2.ChatMessage(role=role, content=text) for role, text in zip(roles, texts, strict=True)]


def unary(*texts: str, **config: Any) -> llm_pb2.GenerateRequest:
    return llm_pb2.GenerateRequest(messages=messages(*texts), config=llm_pb2.GenerationConfig(**config))


def streaming(*texts: str, **config: Any) -> llm_pb2.StreamingGenerateRequest:
    return llm_pb2.StreamingGenerateRequest(messages=messages(*texts), config=llm_pb2.GenerationConfig(**config))


async def eventually(value: Callable[[], Awaitable[float]], expected: float) -> None:
    """Wait until `value` returns `expected`; the test's time-out is the limit."""
    while await value() != expected:  # asked again and again, because nothing reports a change
        await asyncio.sleep(0.05)


def counted(metric: str, **labels: str) -> float:
    """The value of one of our own Prometheus metrics."""
    return REGISTRY.get_sample_value(metric, labels) or 0.0


async def refusal(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def test_streams_a_reply(llm: Llm) -> None:
    events = [
        event
        async for event in llm.stub.StreamingGenerate(
            streaming("You are a friendly teacher.", "Say hello to your class.", max_tokens=15, temperature=0.0)
        )
    ]
    deltas, done = [event.delta for event in events[:-1]], events[-1].done
    assert len(deltas) > 3
    assert all(deltas)
    assert events[-1].WhichOneof("event") == "done"
    assert done.stop_reason in {llm_pb2.STOP_REASON_STOP, llm_pb2.STOP_REASON_LENGTH}
    assert done.usage.prompt_tokens > 10
    assert 0 < done.usage.completion_tokens <= 15


async def test_unary_and_streaming_say_the_same(llm: Llm) -> None:
    ask: dict[str, Any] = {"max_tokens": 8, "temperature": 0.0}
    await llm.stub.Generate(unary("What is the capital of France?", **ask))  # now the prompt is cached for both calls
    whole = await llm.stub.Generate(unary("What is the capital of France?", **ask))
    stream = llm.stub.StreamingGenerate(streaming("What is the capital of France?", **ask))
    assert "".join([event.delta async for event in stream]) == whole.text
    assert whole.text.strip()


async def test_stops_at_max_tokens(llm: Llm) -> None:
    before = (
        counted("aitalk_llm_tokens_total", kind="completion"),
        counted("aitalk_llm_first_token_seconds_count", method="Generate"),
    )
    reply = await llm.stub.Generate(unary("Tell me a long story.", max_tokens=3))
    after = (
        counted("aitalk_llm_tokens_total", kind="completion"),
        counted("aitalk_llm_first_token_seconds_count", method="Generate"),
    )
    assert (after[0] - before[0], after[1] - before[1]) == (3, 1)
    assert reply.stop_reason == llm_pb2.STOP_REASON_LENGTH
    assert reply.usage.completion_tokens == 3


async def test_stops_before_a_stop_string(llm: Llm) -> None:
    schema = '{"type": "array", "items": {"const": "apple"}, "minItems": 4}'
    reply = await llm.stub.Generate(unary("Name a fruit.", max_tokens=60, json_schema=schema, stop=["apple"]))
    assert reply.stop_reason == llm_pb2.STOP_REASON_STOP
    assert "".join(reply.text.split()) == '["'


async def test_json_schema_is_obeyed(llm: Llm) -> None:
    schema = {
        "type": "object",
        "properties": {
            "level": {"enum": ["A1", "A2", "B1", "B2", "C1", "C2"]},
            "mistakes": {"type": "integer", "minimum": 0, "maximum": 9},
            "words": {"type": "array", "items": {"enum": ["go", "went", "gone"]}, "minItems": 1, "maxItems": 3},
        },
        "required": ["level", "mistakes", "words"],
        "additionalProperties": False,
    }
    reply = await llm.stub.Generate(
        unary("You judge a learner's English.", "I goed home.", max_tokens=200, json_schema=json.dumps(schema))
    )
    assert reply.stop_reason == llm_pb2.STOP_REASON_STOP
    jsonschema.validate(json.loads(reply.text), schema)


async def test_the_same_beginning_comes_from_the_prefix_cache(llm: Llm) -> None:
    rules = " ".join(f"Rule {n}: be patient with mistake number {n}." for n in range(12))
    first = await llm.stub.Generate(unary(rules, "Hello!", max_tokens=1))
    second = await llm.stub.Generate(unary(rules, "How do I say thank you?", max_tokens=1))
    assert first.usage.prompt_tokens > 100
    assert second.usage.cached_prompt_tokens > 100


async def test_conversations_that_begin_alike_keep_what_was_read_of_each(llm: Llm) -> None:
    def conversation(about: str, sentences: int, max_tokens: int = 1) -> Awaitable[llm_pb2.GenerateResponse]:
        told = " ".join(f"In sentence {n} I speak of the {about} that I saw." for n in range(sentences))
        rules = "You are a patient partner, and answer in one short sentence."
        return llm.stub.Generate(unary(rules, f"Hello, my name is Anna. {told}", max_tokens=max_tokens))

    await asyncio.gather(*(conversation(about, 0, max_tokens=20) for about in ("lion", "river")))
    for sentences in (3, 5, 7, 9):
        for about in ("lion", "river"):
            await conversation(about, sentences)
    for reply in await asyncio.gather(*(conversation(about, 11, max_tokens=20) for about in ("lion", "river"))):
        assert reply.usage.cached_prompt_tokens > 0.7 * reply.usage.prompt_tokens


async def test_a_reply_goes_on_while_a_long_prompt_is_read(llm: Llm) -> None:
    reply = llm.stub.StreamingGenerate(streaming("Count.", max_tokens=2000, json_schema=ENDLESS))
    await reply.read()
    story = " ".join(f"In sentence {n} I speak of something new that I saw." for n in range(40))
    long = asyncio.ensure_future(llm.stub.Generate(unary("Be patient.", story, max_tokens=1)))
    meanwhile = 0
    while not long.done():
        await reply.read()
        meanwhile += 1
    reply.cancel()
    read = (await long).usage
    assert meanwhile > (read.prompt_tokens - read.cached_prompt_tokens) / 100


async def test_four_replies_at_once_and_no_fifth(llm: Llm) -> None:
    endless = streaming("Count.", max_tokens=2000, json_schema=ENDLESS)
    calls = [llm.stub.StreamingGenerate(endless) for _ in range(SLOTS)]
    firsts: list[Any] = [await call.read() for call in calls]
    assert all(first.delta for first in firsts)
    assert await llm.slots_in_use() == SLOTS

    error = from_rpc_error(await refusal(llm.stub.Generate(unary("Hello"))), "LLM")
    assert isinstance(error, BusyError)
    assert error.retry_after_s > 0

    for call in calls:
        call.cancel()
    await eventually(llm.slots_in_use, 0)
    assert (await llm.stub.Generate(unary("Hello", max_tokens=2))).text


async def test_cancelling_stops_the_generation_in_the_server(llm: Llm) -> None:
    call = llm.stub.StreamingGenerate(streaming("Count.", max_tokens=2000, json_schema=ENDLESS))
    for _ in range(3):
        await call.read()
    assert await llm.server_metric("requests_processing") == 1
    cancelled = counted("aitalk_llm_cancelled_total")
    call.cancel()
    await eventually(lambda: llm.server_metric("requests_processing"), 0)
    written = await llm.server_metric("tokens_predicted_total")
    assert (await llm.stub.Generate(unary("Hello", max_tokens=2))).usage.completion_tokens == 2
    assert await llm.server_metric("tokens_predicted_total") - written <= 2
    assert counted("aitalk_llm_cancelled_total") == cancelled + 1
    assert await llm.slots_in_use() == 0


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (llm_pb2.GenerateRequest(), "messages"),
        (llm_pb2.GenerateRequest(messages=[llm_pb2.ChatMessage(content="Hello")]), "role"),
        (unary(""), "content is empty"),
        (unary("Hello", max_tokens=0), "max_tokens"),
        (unary("Hello", temperature=9), "temperature"),
        (unary("Hello", json_schema="nonsense"), "json_schema"),
        (unary("Hello", json_schema='{"type": "nonsense"}'), "refused"),
        (unary("word " * 3000), "too long for the model"),
    ],
)
async def test_bad_requests_are_named(llm: Llm, request_: llm_pb2.GenerateRequest, words: str) -> None:
    error = await refusal(llm.stub.Generate(request_))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert words in (error.details() or "")


async def test_a_reply_is_guarded_unless_it_is_asked_for_as_it_is(llm: Llm) -> None:
    ask = " ".join(["la"] * 18)  # the bundled model repeats this for ever, unless the guard ends it
    config: dict[str, Any] = {
        "max_tokens": 150,
        "temperature": 0.0,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "dry_multiplier": 0.0,
    }
    loops = await llm.stub.Generate(unary("You are kind.", ask, unguarded=True, **config))
    spoken = await llm.stub.Generate(unary("You are kind.", ask, **config))
    assert loops.stop_reason == llm_pb2.STOP_REASON_LENGTH
    assert loops.text.startswith(spoken.text.removesuffix("."))
    assert spoken.stop_reason == llm_pb2.STOP_REASON_REPETITION
    assert 0 < spoken.usage.completion_tokens < loops.usage.completion_tokens
    assert spoken.usage.prompt_tokens == loops.usage.prompt_tokens


async def test_a_reply_ends_with_its_first_question(llm: Llm) -> None:
    questions = unary("You ask questions.", "Ask me three questions.", max_tokens=80, ends_with_question=True)
    reply = await llm.stub.Generate(questions)
    assert reply.text.count("?") <= 1


async def test_describes_itself(llm: Llm) -> None:
    engine = (await llm.stub.Describe(llm_pb2.DescribeRequest())).engine
    assert (engine.engine, engine.model, engine.device) == ("llama.cpp", "SmolLM2-135M-Instruct", "cpu")
    assert engine.ready
    assert engine.slots_total == SLOTS
    assert 130_000_000 < engine.parameters < 140_000_000
    assert engine.memory_bytes > 100_000_000  # at least the weights, which are in the child process


async def test_the_unused_part_of_the_cache_takes_no_memory(llm: Llm) -> None:
    """The cache of four slots is 180 MB, and earlier tests have written to a part of it."""
    memory = llama_process().memory_info()
    assert memory.rss - memory.shared < 170e6


def llama_process() -> psutil.Process:
    """The model server that this process has started. This process may also have started a mesh, for other tests."""
    children = psutil.Process().children()
    (child,) = [child for child in children if "llm_service.servers.llama_server" in child.cmdline()]
    return child


async def test_a_killed_server_is_started_again(llm: Llm) -> None:
    """This is the last test, because the cache is cold afterwards."""
    child = llama_process()
    before, restarts = llm.engine.base_url, counted("aitalk_llm_server_restarts_total")
    call = llm.stub.StreamingGenerate(streaming("Count.", max_tokens=2000, json_schema=ENDLESS))
    await call.read()
    child.kill()

    async def rest_of_call() -> None:
        while await call.read() is not grpc.aio.EOF:
            pass

    assert (await refusal(rest_of_call())).code() == grpc.StatusCode.INTERNAL
    await eventually(llm.ready, False)
    assert (await refusal(llm.stub.Generate(unary("Hello")))).code() == grpc.StatusCode.UNAVAILABLE
    await eventually(llm.ready, True)
    assert llm.engine.base_url != before
    assert counted("aitalk_llm_server_restarts_total") == restarts + 1
    assert (await llm.stub.Generate(unary("Hello", max_tokens=2))).text
    assert not child.is_running()
