"""A scripted llama.cpp reads long prompts in virtual time, while learners' requests are given up and repeated.

Issue 20: after a restart, learners with long histories waited longer and longer, because each try read the whole prompt
again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import httpx
import pytest

from llm_service.engine import Delta, GenerationRequest, Message
from llm_service.openai_api.openai_engine import OpenAiEngine

pytestmark = pytest.mark.looptime

READING_S = 20.0
HISTORY = (Message("system", "Be kind."), Message("user", "Hello!"), Message("assistant", "Hi!"))


class LlamaCpp:
    """Takes READING_S to read a history. A history that was read to its end is kept and not read again."""

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


async def ask(
    engine: OpenAiEngine, text: str, *, patience_s: float, schema: str | None = None, gives_way: bool = False
) -> str:
    """The reply, or "" if it took longer than `patience_s` and was given up."""
    messages = (*HISTORY, Message("user", text))
    request = GenerationRequest(messages, 40, 0.7, json_schema=schema, gives_way=gives_way)
    said = ""
    try:
        async with asyncio.timeout(patience_s), aclosing(engine.stream(request)) as events:
            async for event in events:
                said += event.text if isinstance(event, Delta) else ""
    except TimeoutError:
        return ""
    return said


async def test_tries_that_are_given_up_cost_no_more_reading() -> None:
    async with started() as (engine, server):
        began = asyncio.get_running_loop().time()
        while not await ask(engine, "And you?", patience_s=5):
            pass
        assert asyncio.get_running_loop().time() - began <= READING_S + 1
        # The engine gave up the first try, but let the server read it to its end. Further tries waited for that; only
        # the last of them reached the server.
        assert server.begun == ["And you?"] * 2


async def test_more_words_of_the_learner_wait_for_the_same_history() -> None:
    async with started() as (engine, server):
        assert not await ask(engine, "And", patience_s=5)
        assert await ask(engine, "And you?", patience_s=30)
        assert server.begun == ["And", "And you?"]


async def test_words_that_come_while_the_prompt_is_being_read_do_not_begin_it_anew() -> None:
    """In the first turn, the prompts of the partials and of discarded eager replies all have the same long
    beginning."""
    async with started() as (engine, server):
        began = asyncio.get_running_loop().time()
        for text in ("Hello", "Hello, my", "Hello, my name is"):
            assert not await ask(engine, text, patience_s=1)
        assert await ask(engine, "Hello, my name is Anna.", patience_s=60)
        assert asyncio.get_running_loop().time() - began <= READING_S + 1
        assert server.begun == ["Hello", "Hello, my name is Anna."]


async def test_an_analysis_and_what_gives_way_read_nothing_on() -> None:
    async with started() as (engine, server):
        assert not await ask(engine, "Corrections", patience_s=5, schema='{"type":"object"}')
        assert not await ask(engine, "A summary", patience_s=5, gives_way=True)
        await asyncio.sleep(READING_S)
        assert not server.known


async def test_a_reply_that_has_begun_is_given_up_at_once() -> None:
    async with started() as (engine, _):
        request = GenerationRequest((*HISTORY, Message("user", "And you?")), 40, 0.7)
        async with aclosing(engine.stream(request)) as events:
            await anext(events)
        before = asyncio.get_running_loop().time()
        assert await ask(engine, "And you?", patience_s=5)
        assert asyncio.get_running_loop().time() == before


async def test_closing_ends_the_reading() -> None:
    async with started() as (engine, server):
        assert not await ask(engine, "And you?", patience_s=5)
        await asyncio.sleep(1)
        assert len(server.begun) == 1
    assert not server.known
