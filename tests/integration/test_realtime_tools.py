"""Tools over the Realtime API, as the official client sees them, on scripted model servers."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from gateway.history import Call, PartnerTurn, SessionState, Turn
from gateway.ports import ChatMessage
from gateway.tools import CallPiece, Tool, ToolCall, ToolChoice
from tests.support.fakes import FakeServers
from tests.support.gateway import TestGateway
from tests.support.realtime import realtime
from tests.support.realtime_steps import a_gateway, respond, retrieve, until_kept, write

LOOK = {"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}}
CALL = (CallPiece(0, "c1", "look", '{"at":'), CallPiece(0, "", "", " 1}"))
MADE = ToolCall("c1", "look", '{"at": 1}')


def calling(*first: Any) -> TestGateway:
    """A gateway whose model gives these replies first."""
    gateway = a_gateway()
    gateway.llm.first_replies = list(first)
    return gateway


async def test_a_call_its_output_and_the_answer() -> None:
    gateway = calling(CALL)
    async with gateway.running(), realtime(gateway.http) as client:
        held = await client.update(tool_choice="required")
        assert (held["tools"], held["tool_choice"]) == ([], "required")
        held = await client.update(tools=[LOOK])
        assert (held["tools"], held["tool_choice"]) == ([LOOK], "required")
        await write(client, "Where is it?")
        begun = len(client.events)
        response = await respond(client)
        assert [item["type"] for item in response["output"]] == ["function_call"]
        call = response["output"][0]
        assert (call["call_id"], call["name"], call["arguments"], call["status"]) == (
            *("c1", "look", '{"at": 1}', "completed"),
        )
        assert client.kinds()[begun:] == [
            "response.created",
            "rate_limits.updated",
            "response.output_item.added",
            "conversation.item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
        done = client.of("response.function_call_arguments.done")[0]
        assert (done["call_id"], done["arguments"], done["output_index"]) == ("c1", '{"at": 1}', 0)
        output = {"type": "function_call_output", "call_id": "c1", "output": "here"}
        await client.send("conversation.item.create", item=output)
        await client.update(tool_choice="auto")
        answer = await respond(client)
        assert [item["type"] for item in answer["output"]] == ["message"]
        assert (await retrieve(client, call["id"]))["name"] == "look"
        assert client.of("error") == []
    assert [use.choice for use in gateway.llm.tools] == [ToolChoice(mode="required"), ToolChoice(mode="auto")]
    assert gateway.llm.asked[1][-3:] == [
        ChatMessage("user", "Where is it?"),
        ChatMessage("assistant", "", (MADE,)),
        ChatMessage("tool", "here", tool_call_id="c1"),
    ]


async def test_text_then_calls_in_parallel_then_their_outputs() -> None:
    gateway = calling(("One moment.", *CALL, CallPiece(1, "c2", "look", "{}")))
    async with gateway.running(), realtime(gateway.http) as client:
        await client.update(tools=[LOOK])
        await write(client, "Where is it?")
        response = await respond(client)
        assert [item["type"] for item in response["output"]] == ["message", "function_call", "function_call"]
        for call_id in ("c1", "c2"):
            output = {"type": "function_call_output", "call_id": call_id, "output": call_id}
            await client.send("conversation.item.create", item=output)
        await respond(client)
        assert client.of("error") == []
    _, asked = gateway.llm.asked
    assert asked[-3] == ChatMessage("assistant", "One moment.", (MADE, ToolCall("c2", "look", "{}")))
    assert [message.content for message in asked[-2:]] == ["c1", "c2"]


async def test_calls_can_be_given_deleted_and_refused() -> None:
    gateway = a_gateway()
    async with gateway.running(), realtime(gateway.http) as client:
        await write(client, "Where is it?")
        call = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"at": 1}'}
        await client.send("conversation.item.create", item=call)
        output = {"type": "function_call_output", "call_id": "c1", "output": "here", "id": "out"}
        await client.send("conversation.item.create", item=output)
        await respond(client)
        await client.send("conversation.item.delete", item_id="out")
        await client.wait_for("conversation.item.deleted")
        await write(client, "So?")
        await respond(client)
        wrong = {"type": "function_call_output", "call_id": "other", "output": "x"}
        assert (await client.error_for("conversation.item.create", item=wrong))["code"] == "invalid_tool_call_id"
        short = {"type": "function_call", "call_id": "c2", "name": "look"}
        error = await client.error_for("conversation.item.create", item=short)
        assert (error["code"], error["param"]) == ("missing_required_parameter", "item.arguments")
        update = {"type": "realtime", "tools": [LOOK], "tool_choice": {"type": "function", "name": "other"}}
        assert (await client.error_for("session.update", session=update))["param"] == "session.tool_choice"
    first, second = gateway.llm.asked
    assert first[-1] == ChatMessage("tool", "here", tool_call_id="c1")
    assert not any(message.role == "tool" for message in second)


async def test_a_response_has_tools_and_input_of_its_own() -> None:
    gateway = calling(CALL)
    context = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Where?"}]},
        {"type": "function_call", "call_id": "c0", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c0", "output": "nothing"},
    ]
    async with gateway.running(), realtime(gateway.http) as client:
        named = {"type": "function", "name": "look"}
        response = await respond(
            client, conversation="none", output_modalities=["text"], input=context, tools=[LOOK], tool_choice=named
        )
        assert [item["type"] for item in response["output"]] == ["function_call"]
        assert "conversation.item.added" not in client.kinds()
    assert gateway.llm.asked[0][-1] == ChatMessage("tool", "nothing", tool_call_id="c0")
    assert gateway.llm.tools[0].choice == ToolChoice(mode="required", name="look")


async def test_a_resumed_session_has_its_calls() -> None:
    gateway = calling(CALL)
    async with gateway.running():
        async with realtime(gateway.http) as client:
            await client.update(tools=[LOOK])
            session_id = client.of("session.created")[0]["session"]["id"]
            await write(client, "Where is it?")
            call = (await respond(client))["output"][0]
            await client.send(
                "conversation.item.create", item={"type": "function_call_output", "call_id": "c1", "output": "here"}
            )
            await client.wait_for("conversation.item.done", where=lambda event: event["item"].get("output") == "here")
        async with realtime(gateway.http, session_id=session_id) as client:
            await client.wait_for("session.created")
            assert (await retrieve(client, call["id"]))["arguments"] == '{"at": 1}'
            await respond(client)
    assert gateway.llm.asked[1][-1] == ChatMessage("tool", "here", tool_call_id="c1")


async def test_a_tool_of_the_operators_server_runs_within_the_response() -> None:
    gateway = calling((CallPiece(0, "c1", "weather", "{}"),))
    gateway.tools = servers = FakeServers()
    async with gateway.running(), realtime(gateway.http) as client:
        await write(client, "How is the weather?")
        response = await respond(client)
        assert [item["type"] for item in response["output"]] == ["message"]
        assert response["usage"]["output_tokens"] == 2 * gateway.llm.end.completion_tokens
        await until_kept(gateway, "How is the weather?", "", "Hello there, my friend.")
    assert servers.called == [("weather", {})]
    # `book` isn't offered: it needs a confirmation, which the Realtime API can't get.
    assert [tool.name for tool in gateway.llm.tools[0].tools] == ["weather"]


def test_calls_are_kept_as_json() -> None:
    turn = PartnerTurn(
        turn_id="t-0", text="", generated_text="", started_s=1, call=Call(id="c", name="n", arguments="{}")
    )
    adapter: TypeAdapter[Turn] = TypeAdapter(Turn)
    assert adapter.validate_json(adapter.dump_json(turn)) == turn
    state = SessionState(session_id="s", created_at=1, tools=(Tool(name="look"),), tool_choice=ToolChoice(mode="none"))
    assert SessionState.model_validate_json(state.model_dump_json()) == state
