"""What a client of the Realtime API is told when an event is wrong or a response fails."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from websockets.asyncio.client import connect

from common.errors import UnavailableError
from gateway.ports import WritingEnd
from tests.support.realtime import realtime
from tests.support.realtime_steps import (
    a_gateway,
    message_item,
    respond,
    turns,
    write,
)

# --- what fails


WRONG: list[tuple[str, dict[str, Any], str, str | None]] = [
    ("conversation.purge", {}, "invalid_value", "type"),
    ("session.update", {}, "missing_required_parameter", "session"),
    ("session.update", {"session": {"type": "realtime", "modalities": []}}, "unknown_parameter", "modalities"),
    ("session.update", {"session": {"audio": {"output": {"speed": 9}}}}, "invalid_value", "audio.output.speed"),
    ("session.update", {"session": {"tools": [{"type": "mcp"}]}}, "unsupported_parameter", "tools"),
    ("session.update", {"session": {"prompt": {"id": "x"}}}, "unsupported_parameter", "prompt"),
    ("input_audio_buffer.append", {"audio": "?"}, "invalid_value", "audio"),
    ("input_audio_buffer.append", {"audio": "AAAA", "more": 1}, "unknown_parameter", "more"),
    ("output_audio_buffer.clear", {}, "unsupported_parameter", "type"),
    ("conversation.item.create", {"item": {"type": "mcp_call"}}, "unsupported_parameter", "item.type"),
    ("conversation.item.create", {"item": {"type": "message", "role": "x"}}, "invalid_value", "item.role"),
    ("conversation.item.create", {"item": message_item("user", " ")}, "invalid_value", "item.content"),
    ("conversation.item.create", {"item": message_item("user", "x" * 40_000)}, "invalid_value", "item.content"),
    (
        "conversation.item.create",
        {"item": message_item("user", "x"), "previous_item_id": "no"},
        "item_not_found",
        "previous_item_id",
    ),
    (
        "conversation.item.create",
        {"item": {"type": "message", "role": "user", "content": [{"type": "input_image"}]}},
        "unsupported_parameter",
        "item.content[0].type",
    ),
    ("conversation.item.retrieve", {"item_id": "no"}, "item_retrieve_invalid_item_id", "item_id"),
    ("conversation.item.delete", {"item_id": "no"}, "item_delete_invalid_item_id", "item_id"),
    (
        "conversation.item.truncate",
        {"item_id": "no", "content_index": 0, "audio_end_ms": 1},
        "item_truncate_invalid_item_id",
        "item_id",
    ),
    ("conversation.item.truncate", {"item_id": "a", "content_index": 0}, "missing_required_parameter", None),
    ("response.create", {"response": {"max_output_tokens": 0}}, "invalid_value", None),
    ("response.create", {"response": {"conversation": "x"}}, "invalid_value", "response.conversation"),
    ("response.cancel", {}, "response_cancel_not_active", None),
]
"""(the type of a client's event, its other fields, the code of the error that it gets, the parameter that the error
names)"""


async def test_a_wrong_event_gets_an_error_that_names_it() -> None:
    async with a_gateway().running() as gateway, realtime(gateway.http) as client:
        for kind, event, code, param in WRONG:
            error = await client.error_for(kind, **event)
            assert (error["type"], error["code"]) == ("invalid_request_error", code), event
            assert param is None or error["param"] in (param, f"session.{param}"), event
        await client.update()  # the session goes on


async def test_frames_that_are_no_events_get_an_error() -> None:
    async with a_gateway().running() as gateway, connect(f"ws://127.0.0.1:{gateway.port}/v1/realtime") as socket:
        assert "session.created" in str(await socket.recv())
        half = '{"type": "conversation.item.create", "item": {"id": "\\ud800"}}'
        for frame in ("{", "[]", b"\0\0", '{"type": 1}', "[" * 100_000, half):
            await socket.send(frame)
            assert '"type": "error"' in str(await socket.recv())


async def test_an_event_that_is_too_large_gets_an_error() -> None:
    async with a_gateway().running() as gateway, realtime(gateway.http) as client:
        await client.send("input_audio_buffer.append", audio="A" * (1 << 20))
        error = (await client.wait_for("error"))["error"]
        assert (error["code"], error["event_id"]) == ("frame_too_large", None)  # the event is not parsed


async def test_a_reply_that_fails_is_a_failed_response() -> None:
    gateway = a_gateway()
    gateway.llm.reply = ["Hello ", UnavailableError("LLM: away")]
    async with gateway.running(), realtime(gateway.http) as client:
        await write(client, "hello")
        response = await respond(client)
        assert response["status"] == "failed"
        error = response["status_details"]["error"]
        assert (error["type"], error["code"], error["message"]) == ("server_error", "unavailable", "LLM: away")
        gateway.llm.reply = ["Hello."]
        assert (await respond(client))["status"] == "completed"
        assert client.of("error") == []  # OpenAI's API sends none for a failed response


async def test_a_reply_that_reaches_its_length_is_incomplete() -> None:
    gateway = a_gateway()
    gateway.llm.end = WritingEnd("length")
    async with gateway.running(), realtime(gateway.http) as client:
        await write(client, "hello")
        response = await respond(client, max_output_tokens=5)
        assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert [limits.max_tokens for limits in gateway.llm.limits] == [5]


async def test_a_full_conversation_takes_no_more_items_until_some_are_deleted() -> None:
    async with a_gateway().running() as gateway, realtime(gateway.http) as client:
        with patch("gateway.history.MAX_TURNS", 2):
            first = await write(client, "one")
            await write(client, "two")
            error = await client.error_for("conversation.item.create", item=message_item("user", "three"))
            assert (error["type"], error["code"]) == ("invalid_request_error", "conversation_full")
            await client.send("conversation.item.delete", item_id=first)
            await write(client, "three")
    assert turns(gateway) == ["two", "three"]


async def test_there_is_one_response_at_a_time() -> None:
    async with a_gateway().running() as gateway, realtime(gateway.http) as client:
        gateway.tts.word_s = 1.0
        await write(client, "hello")
        await client.send("response.create")
        await client.wait_for("response.created")
        error = await client.error_for("response.create")
        assert error["code"] == "conversation_already_has_active_response"
