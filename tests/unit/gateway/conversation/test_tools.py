"""The partner calls tools: the client's over /ws/conversation, and those of the operator's MCP servers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from gateway.conversation.session_tools import NO_ARGUMENTS, NO_RESULT, NOT_CONFIRMED
from gateway.history import PartnerTurn
from gateway.ports import ChatMessage
from gateway.protocol import AiText, ErrorMessage, Interrupt, Interrupted, ToolCallMessage, ToolResult, TurnComplete
from gateway.tools import CallPiece, ToolCall, ToolChoice
from tests.support.conversation import Conversation, one_turn, start, text
from tests.support.fakes import FakeLlm, FakeServers

pytestmark = pytest.mark.looptime

LOOK = {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}
CALL = CallPiece(0, "c1", "look", '{"at": 1}')
MADE = ToolCall("c1", "look", '{"at": 1}')


def a_talk(*first: Sequence[Any], **more: Any) -> Conversation:
    return Conversation(llm=FakeLlm(first_replies=list(first), reply=("It is ", "there.")), **more)


def shown(talk: Conversation) -> str:
    return "".join(message.text for message in talk.of(AiText))


def history(talk: Conversation) -> list[tuple[str, str | None]]:
    turns = talk.store.sessions[talk.connected.session_id][2]
    return [
        (turn.call.name, turn.call.output) if isinstance(turn, PartnerTurn) and turn.call else (turn.role, turn.text)
        for turn in turns
    ]


async def test_the_partner_calls_a_tool_of_the_client_and_goes_on_with_its_result() -> None:
    talk = a_talk(["One moment.", CALL])
    async with talk.running():
        await talk.post(start(tools=[LOOK]))
        await talk.post(text("Where is it?"))
        await asyncio.sleep(2)
        assert talk.of(ToolCallMessage) == [ToolCallMessage(call_id="c1", name="look", arguments={"at": 1})]
        assert not talk.of(TurnComplete)
        await talk.post(ToolResult(type="tool_result", call_id="c1", output="on the table"))
        await asyncio.sleep(5)
    assert shown(talk) == "One moment. It is there."
    assert len(talk.of(TurnComplete)) == 1
    assert [use.tools[0].name for use in talk.llm.tools[:2]] == ["look", "look"]
    assert talk.llm.asked[1][-2:] == [
        ChatMessage("assistant", "One moment.", (MADE,)),
        ChatMessage("tool", "on the table", tool_call_id="c1"),
    ]
    assert history(talk) == [
        ("learner", "Where is it?"),
        ("look", "on the table"),
        ("partner", "One moment. It is there."),
    ]


async def test_the_next_prompt_has_the_call_and_its_result() -> None:
    talk = a_talk([CALL])
    async with talk.running():
        await talk.post(start(tools=[LOOK]))
        await talk.post(text("Where is it?"))
        await asyncio.sleep(2)
        await talk.post(ToolResult(type="tool_result", call_id="c1", output="here"))
        await asyncio.sleep(5)
        await talk.post(text("Thanks."))
        await asyncio.sleep(5)
    assert [(message.role, message.content) for message in talk.llm.asked[2][-5:]] == [
        ("user", "Where is it?"),
        ("assistant", ""),
        ("tool", "here"),
        ("assistant", "It is there."),
        ("user", "Thanks."),
    ]


async def test_without_a_result_in_time_the_partner_goes_on() -> None:
    talk = a_talk([CALL])
    async with talk.running():
        await talk.post(start(tools=[LOOK]))
        await talk.post(text("Where is it?"))
        await asyncio.sleep(40)
        await talk.post(ToolResult(type="tool_result", call_id="c1", output="late"))
        await talk.post(ToolResult(type="tool_result", call_id="other"))
        await asyncio.sleep(1)
    assert talk.llm.asked[1][-1] == ChatMessage("tool", NO_RESULT, tool_call_id="c1")
    assert shown(talk) == "It is there."
    assert [error.code for error in talk.of(ErrorMessage)] == ["unknown_call"]


@pytest.mark.parametrize("is_over", [True, False])
async def test_an_eager_reply_calls_nothing_before_the_turn_is_over(is_over: bool) -> None:
    talk = a_talk([CALL])
    turn = one_turn("where is it")
    talk.asr.script = turn if is_over else turn[:-1]
    async with talk.running():
        await talk.post(start(tools=[LOOK]))
        await talk.speak(1.6)
        assert talk.llm.asked
        assert not talk.of(ToolCallMessage)
        await talk.speak(2.0)
        assert bool(talk.of(ToolCallMessage)) == is_over


async def test_an_interruption_gives_the_call_up() -> None:
    talk = a_talk(["One moment.", CALL])
    async with talk.running():
        await talk.post(start(tools=[LOOK]))
        await talk.post(text("Where is it?"))
        await asyncio.sleep(2)
        await talk.post(Interrupt(type="interrupt"))
        await talk.post(ToolResult(type="tool_result", call_id="c1", output="here"))
        await asyncio.sleep(2)
    assert len(talk.llm.asked) == 1
    assert [message.heard_text for message in talk.of(Interrupted)] == ["One moment."]
    assert not talk.of(ErrorMessage)


async def test_calls_in_parallel_are_run_at_once() -> None:
    talk = a_talk([CALL, CallPiece(1, "c2", "look", "{}")])
    async with talk.running():
        await talk.post(start(tools=[LOOK]))
        await talk.post(text("Where is it?"))
        await asyncio.sleep(1)
        assert [message.call_id for message in talk.of(ToolCallMessage)] == ["c1", "c2"]
        for call_id in ("c2", "c1"):
            await talk.post(ToolResult(type="tool_result", call_id=call_id, output=call_id))
        await asyncio.sleep(5)
    assert [message.content for message in talk.llm.asked[1][-2:]] == ["c1", "c2"]


async def test_the_model_may_not_call_tools_for_ever() -> None:
    talk = a_talk(*[[CallPiece(0, f"c{n}", "weather", "{}")] for n in range(9)], servers=FakeServers())
    async with talk.running():
        await talk.post(text("How is it?"))
        await asyncio.sleep(5)
    assert [use.choice.mode for use in talk.llm.tools] == ["auto", "auto", "auto", "none"]


@pytest.mark.parametrize("arguments", ["{", "[]"])
async def test_arguments_that_are_not_an_object_are_the_models_fault(arguments: str) -> None:
    talk = a_talk([CallPiece(0, "c1", "look", arguments)])
    async with talk.running():
        await talk.post(start(tools=[LOOK]))
        await talk.post(text("Where is it?"))
        await asyncio.sleep(5)
    assert not talk.of(ToolCallMessage)
    assert talk.llm.asked[1][-1].content == NO_ARGUMENTS


# --- the operator's servers


async def test_a_tool_of_a_server_runs_without_the_client() -> None:
    servers = FakeServers()
    talk = a_talk([CallPiece(0, "c1", "weather", '{"city": "Paris"}')], servers=servers)
    async with talk.running():
        await talk.post(text("How is the weather?"))
        await asyncio.sleep(5)
    assert servers.called == [("weather", {"city": "Paris"})]
    assert [tool.name for tool in talk.llm.tools[0].tools] == ["weather"]
    assert talk.llm.asked[1][-1].content == "sunny"
    assert not talk.of(ToolCallMessage)


@pytest.mark.parametrize("confirmed", [True, False])
async def test_a_tool_that_changes_something_waits_for_the_learners_consent(confirmed: bool) -> None:
    servers = FakeServers()
    talk = a_talk([CallPiece(0, "c1", "book", "{}")], servers=servers)
    async with talk.running():
        await talk.post(start(confirms_tools=True))
        await talk.post(text("Book it."))
        await asyncio.sleep(1)
        assert talk.of(ToolCallMessage) == [ToolCallMessage(call_id="c1", name="book", arguments={}, confirm=True)]
        assert not servers.called
        await talk.post(ToolResult(type="tool_result", call_id="c1", confirmed=confirmed))
        await asyncio.sleep(5)
    assert [tool.name for tool in talk.llm.tools[0].tools] == ["weather", "book"]
    assert servers.called == ([("book", {})] if confirmed else [])
    assert talk.llm.asked[1][-1].content == ("sunny" if confirmed else NOT_CONFIRMED)


# --- what `start` says


@pytest.mark.parametrize(
    ("fields", "mode", "name"),
    [({}, "auto", ""), ({"tool_choice": "none"}, "none", ""), ({"tool_choice": "look"}, "required", "look")],
)
async def test_the_choice_of_start_reaches_the_model(fields: dict[str, Any], mode: Any, name: str) -> None:
    talk = a_talk()
    async with talk.running():
        await talk.post(start(tools=[LOOK], **fields))
        await talk.post(text("Hello."))
        await asyncio.sleep(5)
    assert talk.llm.tools[0].choice == ToolChoice(mode=mode, name=name)


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [LOOK, LOOK]},
        {"tools": [LOOK], "tool_choice": "other"},
        {"tool_choice": "required"},
        {"tools": [LOOK | {"parameters": {"type": "object", "maximum": float("inf")}}]},
        {"tools": [LOOK | {"name": f"t{n}", "description": "x" * 4000} for n in range(20)]},
    ],
)
async def test_tools_that_make_no_sense_are_refused_and_the_conversation_goes_on(fields: dict[str, Any]) -> None:
    talk = a_talk()
    async with talk.running():
        await talk.post(start(**fields))
        await talk.post(text("Hello."))
        await asyncio.sleep(5)
    assert [error.code for error in talk.of(ErrorMessage)] == ["invalid_input"]
    assert talk.llm.tools[0].tools == ()
    assert len(talk.of(TurnComplete)) == 1
