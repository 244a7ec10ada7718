"""What every engine must do, on real servers that llm_service doesn't start (LLM_BASE_URL)."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing

import httpx
import pytest
import pytest_asyncio

from common.child_process import free_port, run_child
from llm_service.engine import Done, GenerationRequest, LlmEngine, Message
from llm_service.engines.load_balanced import LoadBalancedEngine
from llm_service.tools import CallDelta, Tool, ToolChoice
from tests.contract import test_llm_engines as contract
from tests.contract.test_llm_engines import *  # noqa: F403  # every test of the suite, on the engine below
from tests.servers.conftest import HABITS
from tests.servers.real import KEY, SERVERS

pytestmark = [  # type: ignore[assignment]
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(2400),  # includes the start of the server
]

START_TIMEOUT_S = 1500.0  # PyTorch and vLLM take half a minute to import, and many minutes beside other work


@pytest_asyncio.fixture(scope="module", loop_scope="module")  # type: ignore[no-redef]
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[LlmEngine]:
    server = SERVERS[request.param]
    async with AsyncExitStack() as cleanup:
        upstream = ""
        if server.behind:
            upstream = await served(SERVERS["llama.cpp"].command(port := free_port(), ""), port, {}, cleanup)
        command = server.command(port := free_port(), upstream)
        url = await served(command, port, server.environment, cleanup)
        settings = {"llm_api_key": server.key} | ({"llm_model_name": server.model} if server.model else {})
        engine = await contract.started("openai", cleanup, llm_base_url=url, llm_request_timeout_s=300.0, **settings)
        assert isinstance(engine, LoadBalancedEngine)
        request.config.stash[HABITS][request.param] = ", ".join(engine.backends[0].engine._known.habits)
        yield engine


async def served(command: Sequence[str], port: int, environment: Mapping[str, str], cleanup: AsyncExitStack) -> str:
    """Start a server; returns its URL as soon as it lists its models."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    process = await cleanup.enter_async_context(run_child(command, {**ours, **environment}))
    reading = asyncio.create_task(process.pass_on_output())  # ends with the process
    cleanup.callback(reading.cancel)
    url, deadline = f"http://127.0.0.1:{port}/v1", time.monotonic() + START_TIMEOUT_S
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(trust_env=False, timeout=10, headers=headers) as client:
        while True:
            try:
                if (await client.get(f"{url}/models")).is_success:
                    process.forget_output()
                    return url
            except httpx.HTTPError:
                pass
            assert not reading.done(), process.last_lines()
            assert time.monotonic() < deadline, process.last_lines()
            await asyncio.sleep(0.2)


async def test_a_long_conversation_goes_on(engine: LlmEngine) -> None:
    """A history fills the context several times. Either we understand the server's refusal, or the server cuts the
    history."""
    turns = [Message("user" if at % 2 == 0 else "assistant", f"Number {at} is a word. " * 20) for at in range(41)]
    request = GenerationRequest((Message("system", "Be kind."), *turns), 8, 0.0)
    text, _ = await contract.run(engine, request)
    assert text.strip()


async def test_a_reply_that_two_interrupt_is_written_to_its_end(engine: LlmEngine) -> None:
    """By default llama-cpp-python ends a reply when another request comes. The text is measured by its length, because
    llama-cpp-python counts no tokens."""
    long = asyncio.create_task(contract.run(engine, contract.request_for("Tell me a story.", max_tokens=60)))
    await asyncio.sleep(0.5)
    await contract.run(engine, contract.request_for("Hello"))
    text, _ = await long
    assert len(text) > 80  # 60 tokens are longer than that


async def test_writes_what_the_temperature_and_the_seed_say(engine: LlmEngine) -> None:
    """At temperature 0 the reply is always the same. At a high temperature, other seeds give other replies.

    The first reply is not compared. For it, the server reads the whole prompt in one batch; later it takes most of the
    prompt from its cache. That changes the rounding, which can change the likeliest word.
    """
    cold = contract.request_for("Tell me about the sea.", max_tokens=10, temperature=0.0)
    await contract.run(engine, cold)
    assert (await contract.run(engine, cold))[0] == (await contract.run(engine, cold))[0]
    hot = [
        contract.request_for("Tell me about the sea.", max_tokens=10, temperature=1.8, top_p=0.99, seed=n)
        for n in range(3)
    ]
    assert len({(await contract.run(engine, request))[0] for request in hot}) > 1


async def test_answers_in_the_form_of_a_schema(engine: LlmEngine) -> None:
    schema = '{"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}'
    request = contract.request_for("Is the sky blue?", max_tokens=60, json_schema=schema)
    text, done = await contract.run(engine, request)
    assert done.stop_reason == "stop"
    assert json.loads(text)["ok"] in (True, False)


async def test_calls_a_tool_that_it_must_call(engine: LlmEngine) -> None:
    parameters = {"type": "object", "properties": {"city": {"enum": ["Oslo", "Rome"]}}, "required": ["city"]}
    tool = Tool("weather", "The weather of a city.", json.dumps(parameters))
    request = contract.request_for(
        "What is the weather in Oslo?", max_tokens=80, tools=(tool,), tool_choice=ToolChoice("required")
    )
    async with aclosing(engine.stream(request)) as events:
        found = [event async for event in events]
    calls = [event for event in found if isinstance(event, CallDelta)]
    assert {call.name for call in calls if call.name} == {"weather"}
    assert json.loads("".join(call.arguments for call in calls))["city"] in ("Oslo", "Rome")
    assert isinstance(found[-1], Done)


async def test_counts_the_tokens_of_a_prompt_or_bounds_them(engine: LlmEngine) -> None:
    assert isinstance(engine, LoadBalancedEngine)
    api = engine.backends[0].engine
    messages = (Message("user", "สวัสดีครับ ผมชอบเดินป่า. I like walking. Ich gehe gern spazieren."),)
    _, done = await contract.run(engine, GenerationRequest(messages, 1, 0.0))
    counted = await api.server.tokens(api.model, messages)
    assert counted >= done.usage.prompt_tokens - 40  # the template and its default system message have up to 40 tokens
