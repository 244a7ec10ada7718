"""Chat completions for clients of OpenAI's API: the official client, a real socket, a fake language model."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai
import pytest

from common.errors import BusyError, UnavailableError
from gateway.ports import ChatDone, ChatMessage, ChatRequest
from gateway.tools import CallPiece, Tool, ToolCall, ToolChoice, ToolUse
from tests.support.gateway import TestGateway
from tests.support.openai_api import connected

MESSAGES: list[Any] = [{"role": "user", "content": "Hello!"}]


async def complete(client: openai.AsyncOpenAI, **fields: Any) -> Any:
    return await client.chat.completions.create(**{"model": "gpt-4o", "messages": MESSAGES, **fields})


async def test_a_whole_reply_and_a_streamed_one() -> None:
    gateway = TestGateway()
    async with connected(gateway) as client:
        whole = await complete(client)
        assert (whole.object, whole.model) == ("chat.completion", "gpt-4o")
        assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == ("Hello there.", "stop")
        assert (whole.usage.prompt_tokens, whole.usage.completion_tokens, whole.usage.total_tokens) == (7, 2, 9)
        assert whole.usage.prompt_tokens_details.cached_tokens == 1
        gateway.services.chat.done = ChatDone("length")
        chunks = [chunk async for chunk in await complete(client, stream=True)]
        assert [chunk.choices[0].delta.content for chunk in chunks] == ["", "Hello ", "there.", None]
        assert chunks[0].choices[0].delta.role == "assistant"
        assert chunks[-1].choices[0].finish_reason == "length"
        assert not any(chunk.usage for chunk in chunks)
        chunks = [chunk async for chunk in await complete(client, stream=True, stream_options={"include_usage": True})]
        assert (chunks[-1].choices, chunks[-1].usage.total_tokens) == ([], 0)
    assert gateway.services.chat.open_streams == 0


async def test_the_questions_to_the_model() -> None:
    gateway = TestGateway()
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    async with connected(gateway) as client:
        await complete(
            client,
            messages=[
                {"role": "developer", "content": "Be kind."},
                {"role": "user", "content": [{"type": "text", "text": "Hello, "}, {"type": "text", "text": "you."}]},
                {"role": "assistant", "content": "Hi."},
            ],
            max_completion_tokens=5,
            temperature=0.5,
            top_p=0.9,
            stop=["x", "y"],
            seed=3,
            frequency_penalty=0.1,
            presence_penalty=0.2,
            response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
            user="somebody",
        )
        await complete(client, stop="x", max_tokens=6, response_format={"type": "json_object"})
    first, second = gateway.services.chat.asked
    assert json.loads(first.json_schema or "") == schema
    assert first == ChatRequest(
        messages=(
            ChatMessage("system", "Be kind."),
            ChatMessage("user", "Hello, you."),
            ChatMessage("assistant", "Hi."),
        ),
        max_tokens=5,
        temperature=0.5,
        top_p=0.9,
        stop=("x", "y"),
        seed=3,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        json_schema=first.json_schema,
    )
    assert (second.stop, second.max_tokens, second.json_schema) == (("x",), 6, '{"type": "object"}')


async def test_an_unsupported_feature_is_refused_by_name() -> None:
    picture = [{"type": "image_url", "image_url": {"url": "data:"}}]
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("tools", {"tools": [tool, tool]}),
        ("tools.0.function.name", {"tools": [{"type": "function", "function": {"name": "a b"}}]}),
        ("tools.0.type", {"tools": [{"type": "custom", "custom": {"name": "f"}}]}),
        ("tool_choice", {"tools": [tool], "tool_choice": {"type": "function", "function": {"name": "g"}}}),
        ("tool_choice", {"tool_choice": "required"}),
        ("response_format", {"tools": [tool], "response_format": {"type": "json_object"}}),
        ("functions", {"extra_body": {"functions": [{"name": "f"}]}}),
        ("messages.0.role", {"messages": [{"role": "function", "name": "f", "content": "2"}]}),
        ("messages.0.tool_call_id", {"messages": [{"role": "tool", "content": "2"}]}),
        ("messages.0.tool_calls", {"messages": [{"role": "user", "content": "2", "tool_calls": [call]}]}),
        ("messages.0.role", {"messages": [{"role": "wizard", "content": "2"}]}),
        ("messages.0.content", {"messages": [{"role": "user", "content": picture}]}),
        ("messages.0.content", {"messages": [{"role": "user", "content": "  "}]}),
        ("messages", {"messages": []}),
        ("n", {"n": 2}),
        ("logprobs", {"logprobs": True}),
        ("logit_bias", {"logit_bias": {"5": 1}}),
        ("modalities", {"modalities": ["text", "audio"]}),
        ("temperature", {"temperature": 3}),
        ("response_format.json_schema", {"response_format": {"type": "json_schema"}}),
    ]
    gateway = TestGateway()
    async with connected(gateway) as client:
        for param, fields in wrong:
            with pytest.raises(openai.BadRequestError) as caught:
                await complete(client, **fields)
            assert caught.value.param == param
    assert not gateway.services.chat.asked


async def test_tools_are_passed_on_and_their_calls_answered() -> None:
    gateway = TestGateway()
    chat = gateway.services.chat
    chat.reply = (CallPiece(0, "c1", "look", '{"at": '), CallPiece(0, "", "", "1}"), CallPiece(1, "c2", "go", "{}"))
    chat.done = ChatDone("tool_calls", 7, 2, 1)
    tool = {"type": "function", "function": {"name": "look", "description": "Look.", "parameters": {"type": "object"}}}
    asked: dict[str, Any] = {"tools": [tool], "tool_choice": "required", "parallel_tool_calls": False}
    async with connected(gateway) as client:
        whole = (await complete(client, **asked)).choices[0]
        assert (whole.finish_reason, whole.message.content) == ("tool_calls", None)
        assert [(call.id, call.function.name, call.function.arguments) for call in whole.message.tool_calls] == [
            ("c1", "look", '{"at": 1}'),
            ("c2", "go", "{}"),
        ]
        stream = await complete(client, stream=True, **asked)
        pieces = [
            piece for chunk in [chunk async for chunk in stream] for piece in chunk.choices[0].delta.tool_calls or ()
        ]
        assert [(piece.index, piece.id, piece.function.arguments) for piece in pieces] == [
            (0, "c1", '{"at": '),
            (0, None, "1}"),
            (1, "c2", "{}"),
        ]
        await complete(
            client,
            messages=[*MESSAGES, whole.message, {"role": "tool", "tool_call_id": "c1", "content": ""}],
            tools=[tool],
            tool_choice={"type": "function", "function": {"name": "look"}},
        )
    look = Tool(name="look", description="Look.", parameters={"type": "object"})
    first, _, last = chat.asked
    assert first.tools == ToolUse((look,), ToolChoice(mode="required"), parallel=False)
    assert last.tools == ToolUse((look,), ToolChoice(mode="required", name="look"))
    assert last.messages[1:] == (
        ChatMessage("assistant", "", (ToolCall("c1", "look", '{"at": 1}'), ToolCall("c2", "go", "{}"))),
        ChatMessage("tool", "", tool_call_id="c1"),
    )


async def test_errors_have_a_status_before_the_first_piece_and_end_the_stream_after_it() -> None:
    gateway = TestGateway()
    chat = gateway.services.chat
    async with connected(gateway) as client:
        chat.reply = (BusyError("LLM: full", retry_after_s=2.5),)
        with pytest.raises(openai.RateLimitError, match="full") as busy:
            await complete(client, stream=True)
        assert busy.value.response.headers["retry-after"] == "3"
        chat.reply = ("Hello ", UnavailableError("LLM: gone"))
        with pytest.raises(openai.InternalServerError, match="gone"):
            await complete(client)
        stream = await complete(client, stream=True)
        with pytest.raises(openai.APIError, match="gone"):
            async for _ in stream:
                pass
    assert chat.open_streams == 0


async def test_a_client_that_leaves_ends_the_generation() -> None:
    gateway = TestGateway()
    chat = gateway.services.chat
    async with connected(gateway) as client:
        chat.reply = ("Hello ",) * 1000
        chat.piece_s = 0.05
        with pytest.raises(openai.APITimeoutError):
            await complete(client, timeout=0.3)
        stream = await complete(client, stream=True)
        await anext(aiter(stream))
        await stream.close()
        async with asyncio.timeout(5):
            while chat.open_streams:
                await asyncio.sleep(0.01)
