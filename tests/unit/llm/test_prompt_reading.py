"""A llama.cpp that reads long prompts, and learners whose tries are given up. In virtual time.

Issue 20: after a restart, learners with long histories waited for ever longer, as each try read the prompt anew.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import httpx
import pytest

from llm_service.engine import Delta, GenerationRequest, Message
from llm_service.openai_api.client import OpenAiEngine

pytestmark = pytest.mark.looptime

READING_S = 20.0
HISTORY = (Message("system", "Be kind."), Message("user", "Hello!"), Message("assistant", "Hi!"))


class LlamaCpp:
    """Reads each history once, READING_S long, and keeps it only if it was read to its end."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.begun: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/models"):
            return httpx.Response(200, json={"data": [{"id": "m", "owned_by": "llamacpp"}]})
        if not request.url.path.endswith("/chat/completions"):
            return httpx.Response(404)
        messages = json.loads(request.content)["messages"]
        history = json.dumps(messages[:-1])
        self.begun.append(messages[-1]["content"])
        if len(messages) > len(HISTORY) and history not in self.known:
            await asyncio.sleep(READING_S)
            self.known.add(history)
        event = {"choices": [{"delta": {"content": "Good."}, "finish_reason": "stop"}]}
        headers = {"content-type": "text/event-stream"}
        return httpx.Response(200, headers=headers, text=f"data: {json.dumps(event)}\n\ndata: [DONE]\n\n")


@asynccontextmanager
async def started() -> AsyncIterator[tuple[OpenAiEngine, LlamaCpp]]:
    server = LlamaCpp()
    engine = OpenAiEngine("http://llm/v1", model="m", transport=httpx.MockTransport(server))
    await engine.warm_up()
    server.begun.clear()
    yield engine, server
    await engine.close()


async def ask(engine: OpenAiEngine, text: str, *, patience_s: float, schema: str | None = None) -> str:
    """The reply, or "" if it was given up."""
    request = GenerationRequest((*HISTORY, Message("user", text)), 40, 0.7, json_schema=schema)
    said = ""
    try:
        async with asyncio.timeout(patience_s), aclosing(engine.stream(request)) as events:
            async for event in events:
                said += event.text if isinstance(event, Delta) else ""
    except TimeoutError:
        return ""
    return said


async def test_tries_that_are_given_up_cost_one_more_reading_altogether() -> None:
    async with started() as (engine, server):
        began = asyncio.get_running_loop().time()
        while not await ask(engine, "And you?", patience_s=5):
            pass
        assert asyncio.get_running_loop().time() - began <= 5 + READING_S + 1
        assert server.begun == ["And you?"] * 3  # given up; in the background; answered


async def test_what_the_learner_adds_waits_for_the_same_history() -> None:
    async with started() as (engine, server):
        assert not await ask(engine, "And", patience_s=5)
        assert await ask(engine, "And you?", patience_s=30)
        assert server.begun == ["And", "And", "And you?"]


async def test_a_short_wait_or_an_analysis_reads_nothing_on() -> None:
    async with started() as (engine, server):
        assert not await ask(engine, "And you?", patience_s=1)
        assert not await ask(engine, "Corrections", patience_s=5, schema='{"type":"object"}')
        await asyncio.sleep(1)
        assert len(server.begun) == 2


async def test_closing_ends_the_reading() -> None:
    async with started() as (engine, server):
        assert not await ask(engine, "And you?", patience_s=5)
        await asyncio.sleep(1)
        assert len(server.begun) == 2
    assert not server.known
