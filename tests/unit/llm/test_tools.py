"""Tools: how requests describe them, how servers' calls are read, and what the service accepts."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from aitalk.llm.v1 import llm_pb2

from common.errors import InvalidInputError
from llm_service.config import LlmSettings
from llm_service.engine import Delta, Done, Message, Usage
from llm_service.engines.vllm import vllm_command
from llm_service.guarded_reply import guarded
from llm_service.openai_api.chat_completions import payload
from llm_service.openai_api.context import shortened
from llm_service.openai_api.dialect import Dialect
from llm_service.reply_guard import Limits
from llm_service.sampling import Sampling, default_sampling
from llm_service.service import to_generation_request
from llm_service.tools import CallDelta, Tool, ToolCall, ToolChoice
from tests.support.tool_server import (
    ANSWERED,
    ASKED,
    CLOCK,
    END,
    FORCED,
    ONE,
    PARIS,
    REQUEST,
    TWO,
    WEATHER,
    Server,
    call,
    calls,
    chunk,
    made,
    text_of,
)

HABITS = {
    "pieces (OpenAI, vLLM, llama.cpp)": (
        [calls(call("", index=0, id="a", name="get_weather")), calls(call('{"city": ', index=0)),
         calls(call('"Paris"}', index=0)), *END],
        ONE,
    ),
    "in one piece": ([calls(call('{"city": "Paris"}', index=0, id="a", name="get_weather")), *END], ONE),
    "parallel": (
        [calls(call('{"city": "Paris"}', index=0, id="a", name="get_weather")),
         calls(call("", index=1, id="b", name="get_time")), calls(call('{"at": 2}', index=1)), *END],
        TWO,
    ),
    "parallel, all with index 0 (Gemini)": (
        [calls(call('{"city": "Paris"}', index=0, id="a", name="get_weather"),
               call('{"at": 2}', index=0, id="b", name="get_time")), *END],
        TWO,
    ),
    "parallel, all with index 0 and no ids": (
        [calls(call('{"city": "Paris"}', index=0, name="get_weather")),
         calls(call('{"at": 2}', index=0, name="get_time")), *END],
        TWO,
    ),
    "no index": ([calls(call("", id="a", name="get_weather")), calls(call('{"city": "Paris"}')), *END], ONE),
    "no index, no id": ([calls(call("", name="get_weather")), calls(call('{"city": "Paris"}', id=None)), *END], ONE),
    "null id": ([calls(call('{"city": "Paris"}', index=0, id=None, name="get_weather")), *END], ONE),
    "an object for arguments (Ollama)": ([calls(call({"city": "Paris"}, name="get_weather")), *END], ONE),
    "the name in each piece": (
        [calls(call('{"city": ', index=0, id="a", name="get_weather")),
         calls(call('"Paris"}', index=0, id="a", name="get_weather")), *END],
        ONE,
    ),
    "finish_reason stop": (
        [calls(call('{"city": "Paris"}', index=0, id="a", name="get_weather")), chunk({}, "stop"), "[DONE]"], ONE,
    ),
    "no finish_reason": ([calls(call('{"city": "Paris"}', index=0, id="a", name="get_weather")), "[DONE]"], ONE),
    "function_call (old)": (
        [chunk({"function_call": {"name": "get_weather", "arguments": '{"city": '}}),
         chunk({"function_call": {"arguments": '"Paris"}'}}), chunk({}, "function_call"), "[DONE]"],
        ONE,
    ),
    "no arguments": ([calls(call(index=0, id="a", name="get_weather")), *END], [("get_weather", "{}")]),
    "nonsense between": (
        [chunk({"tool_calls": [7, None, {"index": []}]}), chunk({"tool_calls": "x"}),
         calls(call('{"city": "Paris"}', index=0, id="a", name="get_weather")), *END],
        ONE,
    ),
    "a whole message": (
        [json.dumps({"choices": [{"message": {"content": None, "tool_calls": [
            call('{"city": "Paris"}', id="a", type="function", name="get_weather")]}, "finish_reason": "tool_calls"}]}),
         "[DONE]"],
        ONE,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("says", "expected"), HABITS.values(), ids=HABITS.keys())
async def test_calls_are_read_however_a_server_sends_them(says: list[str], expected: list[tuple[str, str]]) -> None:
    events = await Server(lambda _: says).answer()
    assert made(events) == expected
    assert isinstance(events[-1], Done)
    assert events[-1].stop_reason == "tool_calls"


async def test_text_may_come_before_a_call() -> None:
    says = [chunk({"content": "One moment. "}), calls(call("{}", index=0, id="a", name="get_time")), *END]
    events = await Server(lambda _: says).answer()
    assert text_of(events) == "One moment. "
    assert made(events) == [("get_time", "{}")]


def test_the_request_has_the_tools_and_the_history_its_calls() -> None:
    body = payload("m", dataclasses.replace(ANSWERED, parallel_tool_calls=False), Dialect("llama.cpp"))
    assert body["tools"][0] == {
        "type": "function",
        "function": {"name": "get_weather", "description": "Weather.", "parameters": json.loads(WEATHER.parameters)},
    }
    assert (body["tool_choice"], body["parallel_tool_calls"]) == ("auto", False)
    function = {"name": "get_weather", "arguments": PARIS.arguments}
    assert body["messages"][2:] == [
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function", "function": function}]},
        {"role": "tool", "content": "sunny", "tool_call_id": "c1"},
    ]
    assert payload("m", FORCED)["tool_choice"] == {"type": "function", "function": {"name": "get_weather"}}


def test_llama_cpp_gets_only_the_tool_that_is_named() -> None:
    """llama.cpp treats an object in `tool_choice` as `auto`. It logs "Wrong type supplied for parameter
    'tool_choice'"."""
    body = payload("m", FORCED, Dialect("llama.cpp"))
    assert body["tool_choice"] == "required"
    assert [tool["function"]["name"] for tool in body["tools"]] == ["get_weather"]


def test_a_call_is_sampled_without_penalties_on_repetition() -> None:
    penalised = dataclasses.replace(REQUEST, dry_multiplier=0.8, repetition_penalty=1.1)
    body = payload("m", penalised, Dialect("llama.cpp"))
    assert "dry_multiplier" not in body
    assert body["repeat_penalty"] == 1.1
    forced = dataclasses.replace(penalised, tool_choice=ToolChoice("required"))
    assert "repeat_penalty" not in payload("m", forced, Dialect("llama.cpp"))


def test_turns_are_not_joined_across_calls() -> None:
    roles = [message["role"] for message in Dialect(takes_turns=True).messages(ANSWERED.messages)]
    assert roles == ["system", "user", "assistant", "tool"]


def test_a_result_keeps_its_call_when_the_history_is_shortened() -> None:
    shorter = shortened(dataclasses.replace(ANSWERED, messages=(*ASKED, *ANSWERED.messages[1:])), 0.1)
    assert shorter
    assert [message.role for message in shorter.messages] == ["system", "assistant", "tool"]


# --- the service


async def test_the_guard_does_not_disturb_calls() -> None:
    async def reply() -> Any:
        yield Delta("One moment. ")
        yield Delta("I look. It is raining. ")
        yield CallDelta(0, "a", "get_time", '{"a": "a a a a a a a a a a a a')
        yield CallDelta(0, arguments=' a a a a a a"}')
        yield Done("tool_calls", Usage())

    events = [event async for event in guarded(reply(), REQUEST, Limits(40, max_sentences=1))]
    assert text_of(events) == "One moment. "
    assert made(events) == [("get_time", '{"a": "a a a a a a a a a a a a a a a a a a"}')]
    assert events[-1] == Done("tool_calls", Usage())


def test_the_proto_becomes_a_request() -> None:
    message = llm_pb2.ChatMessage
    request = llm_pb2.StreamingGenerateRequest(
        messages=[
            message(role=llm_pb2.ROLE_USER, content="Hi"),
            message(role=llm_pb2.ROLE_ASSISTANT, tool_calls=[llm_pb2.ToolCall(id="c", name="get_time")]),
            message(role=llm_pb2.ROLE_TOOL, tool_call_id="c"),
        ],
        tools=[llm_pb2.Tool(name="get_time")],
        tool_choice=llm_pb2.ToolChoice(mode=llm_pb2.TOOL_CHOICE_MODE_REQUIRED, name="get_time"),
        parallel_tool_calls=False,
    )
    found = to_generation_request(request, LlmSettings(), default_sampling(LlmSettings(), 0))
    assert found.messages[1].tool_calls == (ToolCall("c", "get_time", "{}"),)
    assert found.messages[2] == Message("tool", "", tool_call_id="c")
    assert (found.tools, found.tool_choice) == ((CLOCK,), ToolChoice("required", "get_time"))
    assert found.parallel_tool_calls is False
    assert isinstance(default_sampling(LlmSettings(), 0), Sampling)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"tools": (CLOCK, CLOCK)}, "same name"),
        ({"tools": tuple(Tool(f"t{n}") for n in range(129))}, "at most 128"),
        ({"tools": (), "tool_choice": ToolChoice("required")}, "there are no tools"),
        ({"tool_choice": ToolChoice("required", "other")}, "no tool 'other'"),
        ({"json_schema": "{}"}, "can't call tools"),
        ({"messages": (Message("tool", "x"),)}, "tool_call_id is empty"),
        ({"messages": (Message("user", "x", (PARIS,)),)}, "only the assistant"),
        ({"messages": (Message("assistant", "", (ToolCall("", "a", "{}"),)),)}, "an id and a name"),
    ],
)
def test_refused(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInputError, match=problem):
        dataclasses.replace(REQUEST, **values)


@pytest.mark.parametrize(("name", "parameters"), [("a b", ""), ("", ""), ("x" * 65, ""), ("a", "{"), ("a", "[]")])
def test_a_wrong_tool_is_refused(name: str, parameters: str) -> None:
    with pytest.raises(InvalidInputError, match="tools:"):
        Tool(name, "", parameters)


def test_vllm_gets_the_parser_of_a_known_model() -> None:
    command = vllm_command("vllm", LlmSettings(llm_model_name="Qwen/Qwen2.5-7B-Instruct"), 1)
    assert command[command.index("--tool-call-parser") + 1] == "hermes"
    assert "--enable-auto-tool-choice" in command
    assert "--tool-call-parser" not in vllm_command("vllm", LlmSettings(llm_model_name="a/b"), 1)
    own = vllm_command("vllm", LlmSettings(llm_model_name="Qwen/Q", llm_vllm_args="--tool-call-parser x"), 1)
    assert own.count("--tool-call-parser") == 1
