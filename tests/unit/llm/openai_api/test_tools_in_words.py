"""Tools with a server that supports none: the prompt describes them, and a call is read from the text."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

import httpx
import pytest

from common.errors import EngineError
from llm_service.engine import Delta, Done, Usage
from llm_service.openai_api.tools_in_words import in_words
from llm_service.tools import Tool, ToolChoice
from tests.support.tool_server import (
    ANSWERED,
    END,
    FORCED,
    ONE,
    REQUEST,
    WEATHER,
    Body,
    Server,
    call,
    calls,
    chunk,
    made,
    text_of,
)


def refuses(body: Body) -> httpx.Response | None:
    return httpx.Response(400, json={"error": {"message": "m does not support tools"}}) if "tools" in body else None


async def test_a_server_that_refuses_tools_gets_them_in_words() -> None:
    said = '{"tool": "get_weather", "arguments": {"city": "Paris"}}'
    server = Server(lambda body: refuses(body) or [chunk({"content": said[:9]}), chunk({"content": said[9:]}), *END])
    events = await server.answer()
    assert made(events) == ONE
    assert text_of(events) == ""
    assert events[-1] == Done("tool_calls", Usage())
    asked = server.asked[-1]
    assert "tools" not in asked
    assert "get_weather: Weather." in asked["messages"][0]["content"]


async def test_words_pass_at_once_if_they_are_no_call() -> None:
    server = Server(lambda body: refuses(body) or [chunk({"content": "It is "}), chunk({"content": "sunny."}), *END])
    events = await server.answer(ANSWERED)
    assert [event.text for event in events if isinstance(event, Delta)] == ["It is ", "sunny."]
    assert [message["content"] for message in server.asked[-1]["messages"]][2:] == [
        '{"tool": "get_weather", "arguments": {"city": "Paris"}}',
        "(get_weather answers: sunny)",
    ]


async def test_a_server_that_ignores_tools_is_constrained_to_the_call() -> None:
    """llama.cpp ignores tools if the model's chat template has no place for them. The bundled model's has none."""
    said = '{"tool": "get_weather", "arguments": {"city": "Paris"}}'
    server = Server(lambda body: [chunk({"content": said if "response_format" in body else "Hm."}), *END])
    assert made(await server.answer(FORCED)) == ONE
    schema = server.asked[-1]["response_format"]["json_schema"]["schema"]
    assert schema["properties"] == {
        "tool": {"type": "string", "enum": ["get_weather"]},
        "arguments": json.loads(WEATHER.parameters),
    }
    assert len(server.asked) == 2  # the first request showed that the server calls no tools


async def test_a_call_that_was_required_and_did_not_come_is_an_error() -> None:
    server = Server(lambda body: refuses(body) or [chunk({"content": '{"tool": "get_wea'}), chunk({}, "length")])
    with pytest.raises(EngineError, match="had to call a tool"):
        await server.answer(FORCED)


async def test_vllm_without_a_parser_refuses_only_auto() -> None:
    refusal = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'

    def says(body: Body) -> Sequence[str] | httpx.Response:
        if body.get("tool_choice") == "auto":
            return httpx.Response(400, json={"error": {"message": refusal}})
        if "tools" in body:
            return [calls(call("{}", index=0, id="a", name="get_time")), *END]
        return [chunk({"content": "Hello."}), *END]

    assert text_of(await Server(says).answer()) == "Hello."


@pytest.mark.parametrize(
    "said",
    [
        '```json\n{"tool": "get_time", "arguments": {}}\n```',
        '<tool_call>\n{"name": "get_time", "arguments": {}}\n</tool_call>',
        '[{"name": "get_time", "parameters": {}}]',
    ],
)
async def test_calls_in_words_may_be_wrapped(said: str) -> None:
    server = Server(lambda body: refuses(body) or [chunk({"content": said}), *END])
    assert made(await server.answer()) == [("get_time", "{}")]


async def test_json_that_is_no_call_is_text() -> None:
    server = Server(lambda body: refuses(body) or [chunk({"content": '{"tool": "other"}'}), *END])
    assert text_of(await server.answer()) == '{"tool": "other"}'


def test_shared_definitions_of_a_schema_stay_reachable() -> None:
    parameters = {
        "type": "object",
        "properties": {"at": {"$ref": "#/$defs/Place"}},
        "$defs": {"Place": {"type": "string"}},
    }
    request = dataclasses.replace(REQUEST, tools=(Tool("go", "", json.dumps(parameters)),))
    schema = in_words(dataclasses.replace(request, tool_choice=ToolChoice("required"))).parsed_schema()
    assert schema
    assert schema["$defs"] == {"Place": {"type": "string"}}
