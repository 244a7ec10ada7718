"""Several model servers behind `llm_service`. They share the load. If one fails before the first token, another one
takes over. A server that fails gets no requests until it has recovered."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil
import pytest
from prometheus_client import REGISTRY

from common.child_process import ChildProcess, free_port, run_child
from common.errors import BusyError, DeadlineError, EngineError, InvalidInputError, ServiceError, UnavailableError
from common.smollm2 import find_smollm2
from llm_service.config import LlmSettings
from llm_service.engine import Delta, Done, GenerationRequest, Message
from llm_service.engines.llama_cpp import llama_command
from llm_service.engines.load_balanced import LoadBalancedEngine, load_balanced_engine
from llm_service.servers.backend_metrics import LOADS

QUESTION = "What is new?"  # unlike the question of a probe
REQUEST = GenerationRequest((Message("user", QUESTION),), 10, 0.0)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n\r\n"
TOKEN = b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'
STOP = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


@dataclass
class SmallServer:
    """Serves one model over real HTTP. behaviour: how it replies: "ok", "hold" (the end of a reply waits for
    `going_on`), an HTTP status, "reset", "half" (a reply breaks off) or "silent"."""

    behaviour: str = "ok"
    waiting: int = 0
    port: int = field(default_factory=free_port)
    replies: int = 0  # requests for a reply; those of probes are not counted
    going_on: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def up(self) -> None:
        self._server = await asyncio.start_server(self._converse, "127.0.0.1", self.port)

    async def down(self) -> None:
        if self._server:
            self._server.close()
            self._server = None

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            if head.startswith("GET /v1/models"):
                writer.write(HEAD % b"application/json" + b'{"data":[{"id":"m"}]}')
            elif head.startswith("GET /metrics"):
                metrics = f"# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting {self.waiting}\n"
                writer.write(HEAD % b"text/plain" + metrics.encode())
            else:
                length = next(int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length"))
                await self._reply(json.loads(await reader.readexactly(length)), reader, writer)
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _reply(self, body: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        probe = body["messages"][-1]["content"] != QUESTION
        self.replies += not probe
        match self.behaviour:
            case "reset":
                writer.transport.abort()
            case "silent":
                await reader.read(1)  # until the service closes the connection
            case status if status.isdigit():
                writer.write(b"HTTP/1.1 %s No\r\nConnection: close\r\n\r\n" % status.encode())
            case "half" if not probe:
                writer.write(HEAD % b"text/event-stream" + TOKEN)
            case "hold" if not probe:
                writer.write(HEAD % b"text/event-stream" + TOKEN)
                await writer.drain()
                await self.going_on.wait()
                writer.write(STOP)
            case _:
                writer.write(HEAD % b"text/event-stream" + TOKEN + STOP)


@asynccontextmanager
async def balanced(*servers: SmallServer, all_up: bool = True) -> AsyncIterator[LoadBalancedEngine]:
    async with AsyncExitStack() as cleanup:
        for server in servers:
            cleanup.push_async_callback(server.down)
            await server.up()
        async with engine_for([server.url for server in servers], all_up=all_up) as engine:
            yield engine


@asynccontextmanager
async def engine_for(urls: Sequence[str], *, all_up: bool = True) -> AsyncIterator[LoadBalancedEngine]:
    engine = load_balanced_engine(
        LlmSettings(_env_file=None, llm_base_url=", ".join(urls), llm_model_name="m", llm_request_timeout_s=1)
    )
    try:
        await engine.start()
        while all_up and not all(backend.healthy for backend in engine.backends):
            await asyncio.sleep(0.01)
        yield engine
    finally:
        await engine.close()


async def reply(engine: LoadBalancedEngine) -> str:
    async with aclosing(engine.stream(REQUEST)) as events:
        return "".join([event.text async for event in events if isinstance(event, Delta)])


async def healthy_again(engine: LoadBalancedEngine) -> None:
    while not all(backend.healthy for backend in engine.backends):  # until a probe succeeds
        await asyncio.sleep(0.02)


def counted(metric: str, server: SmallServer) -> float:
    return REGISTRY.get_sample_value(f"aitalk_llm_backend_{metric}", {"backend": server.name}) or 0.0


async def test_requests_one_after_the_other_take_turns() -> None:
    one, two, three = SmallServer(), SmallServer(), SmallServer()
    async with balanced(one, two, three) as engine:
        for _ in range(6):
            assert await reply(engine) == "Hi"
    assert (one.replies, two.replies, three.replies) == (2, 2, 2)


async def test_the_one_with_the_least_to_do_is_asked() -> None:
    one, two = SmallServer("hold"), SmallServer("hold")
    async with balanced(one, two) as engine, asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(reply(engine))
        while one.replies + two.replies < 4:
            await asyncio.sleep(0.01)
        assert (one.replies, two.replies) == (2, 2)
        assert (counted("in_flight", one), counted("in_flight", two)) == (2, 2)
        two.going_on.set()
        while counted("in_flight", two):
            await asyncio.sleep(0.01)
        assert await reply(engine) == "Hi"
        assert (one.replies, two.replies) == (2, 3)
        one.going_on.set()


async def test_a_queue_that_others_filled_counts_too() -> None:
    one, two = SmallServer(waiting=5), SmallServer()
    async with balanced(one, two) as engine:
        while not (LOADS.fresh(one.name) and LOADS.fresh(two.name)):
            await asyncio.sleep(0.01)
        for _ in range(4):
            await reply(engine)
    assert (one.replies, two.replies) == (0, 4)


@pytest.mark.parametrize("behaviour", ["500", "503", "reset", "silent"])
async def test_a_failure_before_the_first_token_is_not_noticed(behaviour: str) -> None:
    bad, good = SmallServer(), SmallServer()
    async with balanced(bad, good) as engine:
        bad.behaviour = behaviour
        assert [await reply(engine) for _ in range(2)] == ["Hi", "Hi"]
        assert (bad.replies, good.replies) == (1, 2)
        assert counted("failovers_total", bad) == 1
        assert engine.ready
        assert not engine.backends[0].healthy
        bad.behaviour = "ok"
        await healthy_again(engine)
        assert [await reply(engine) for _ in range(2)] == ["Hi", "Hi"]
        assert bad.replies == 2


async def test_a_busy_server_is_not_ejected() -> None:
    busy, good = SmallServer("ok"), SmallServer()
    async with balanced(busy, good) as engine:
        busy.behaviour = "429"
        assert await reply(engine) == "Hi"
        assert (busy.replies, good.replies) == (1, 1)
        assert engine.backends[0].healthy


async def test_a_server_that_has_gone_comes_back() -> None:
    gone, good = SmallServer(), SmallServer()
    async with balanced(gone, good) as engine:
        await gone.down()
        assert [await reply(engine) for _ in range(3)] == ["Hi"] * 3
        assert not engine.backends[0].healthy
        assert (counted("up", gone), counted("ejected_total", gone)) == (0, 1)
        await gone.up()
        await healthy_again(engine)
        assert counted("up", gone) == 1


async def test_after_the_first_token_there_is_no_other_try() -> None:
    half, good = SmallServer("half"), SmallServer()
    async with balanced(half, good) as engine:
        async with aclosing(engine.stream(REQUEST)) as events:
            assert await anext(events) == Delta("Hi")
            with pytest.raises(EngineError, match="broke off"):
                await anext(events)
        assert good.replies == 0
        assert counted("failovers_total", half) == 0


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [("500", EngineError), ("503", UnavailableError), ("429", BusyError), ("silent", DeadlineError)],
)
async def test_when_all_fail_the_last_ones_error_is_told(behaviour: str, kind: type[ServiceError]) -> None:
    one, two = SmallServer(), SmallServer()
    async with balanced(one, two) as engine:
        one.behaviour = two.behaviour = behaviour
        with pytest.raises(kind):
            await reply(engine)
        assert (one.replies, two.replies) == (1, 1)
        assert engine.ready == (behaviour == "429")


async def test_a_request_that_is_wrong_is_wrong_everywhere() -> None:
    one, two = SmallServer(), SmallServer()
    async with balanced(one, two) as engine:
        one.behaviour = two.behaviour = "400"
        with pytest.raises(InvalidInputError):
            await reply(engine)
        assert one.replies + two.replies == 1
        assert all(backend.healthy for backend in engine.backends)


async def test_it_starts_with_the_first_that_answers() -> None:
    late, good = SmallServer(), SmallServer()
    await good.up()
    async with engine_for([late.url, good.url], all_up=False) as engine:
        assert [backend.healthy for backend in engine.backends] == [False, True]
        assert await reply(engine) == "Hi"
        await late.up()
        await healthy_again(engine)
        await reply(engine)
        assert late.replies == 1
    await late.down()
    await good.down()


async def test_a_stream_closed_early_is_no_load_any_more() -> None:
    one, two = SmallServer("hold"), SmallServer()
    async with balanced(one, two) as engine:
        stream = engine.stream(REQUEST)
        assert await anext(stream) == Delta("Hi")
        assert counted("in_flight", one) == 1
        await stream.aclose()
        assert counted("in_flight", one) == 0
        assert engine.backends[0].healthy
        one.going_on.set()


@asynccontextmanager
async def llama(port: int) -> AsyncIterator[ChildProcess]:
    options = LlmSettings(_env_file=None, llm_max_model_len=512, llm_max_streams=2)
    async with run_child(llama_command(options, find_smollm2(), "m", port)) as process:
        process.forget_output()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(process.pass_on_output())
            yield process
            process.kill()


async def test_two_real_servers_of_which_one_dies_in_mid_reply() -> None:
    ports = [free_port(), free_port()]
    engine = load_balanced_engine(
        LlmSettings(
            _env_file=None,
            llm_base_url=",".join(f"http://127.0.0.1:{port}/v1" for port in ports),
            llm_model_name="m",
        )
    )
    long = GenerationRequest((Message("user", "Tell me a long story about the sea."),), 150, 0.0)
    async with AsyncExitStack() as cleanup:
        servers = [await cleanup.enter_async_context(llama(port)) for port in ports]
        cleanup.push_async_callback(engine.close)
        await engine.start()
        await healthy_again(engine)

        outcomes: Counter[str] = Counter()

        async def read(number: int) -> None:
            try:
                async with aclosing(engine.stream(long)) as events:
                    await anext(events)
                    begun.add(number)
                    async for event in events:
                        if isinstance(event, Done):
                            outcomes["done"] += 1
            except EngineError:
                outcomes["broken"] += 1

        begun: set[int] = set()
        async with asyncio.TaskGroup() as tasks:
            for number in range(2):
                tasks.create_task(read(number))
            while len(begun) < 2:
                await asyncio.sleep(0.02)
            assert [backend.in_flight for backend in engine.backends] == [1, 1]
            victim = psutil.Process(servers[0].pid)
            victim.kill()
        assert outcomes == {"done": 1, "broken": 1}  # no other server can carry on a reply that has begun
        assert [backend.healthy for backend in engine.backends] == [False, True]
        for _ in range(2):
            assert await reply(engine)  # a new reply is not lost

        await cleanup.enter_async_context(llama(ports[0]))
        await healthy_again(engine)
        assert await reply(engine)
