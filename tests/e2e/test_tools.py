"""The bundled model on the real llama.cpp calls a tool, and the partner tells the call's result aloud."""

from __future__ import annotations

import json
from typing import Any

from websockets.asyncio.client import connect

from tests.support.mesh import Mesh
from tests.support.realtime import realtime

WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
QUESTION = "What is the weather in Paris?"
RESULT = "sunny, 21 degrees"


async def test_a_call_over_the_realtime_api(mesh: Mesh) -> None:
    async with realtime(mesh.http) as client:
        named = {"type": "function", "name": "get_weather"}
        await client.update(tools=[{"type": "function", **WEATHER}], tool_choice=named)
        said = [{"type": "input_text", "text": QUESTION}]
        await client.send("conversation.item.create", item={"type": "message", "role": "user", "content": said})
        await client.send("response.create")
        response = (await client.wait_for("response.done", timeout_s=60))["response"]
        assert response["status"] == "completed"
        call = response["output"][0]
        assert (call["type"], call["name"]) == ("function_call", "get_weather")
        assert isinstance(json.loads(call["arguments"])["city"], str)
        deltas = client.of("response.function_call_arguments.delta")
        assert "".join(event["delta"] for event in deltas) == call["arguments"]
        after = len(client.events)
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": RESULT}
        await client.send("conversation.item.create", item=output)
        await client.send("response.create", response={"tool_choice": "none"})
        answer = (await client.wait_for("response.done", after=after, timeout_s=60))["response"]
        assert answer["status"] == "completed"
        assert answer["output"][0]["content"][0]["transcript"]
        assert len(client.audio()) > 24_000  # half a second
        assert {event["error"]["code"] for event in client.of("error")} <= {"slow"}


async def test_a_call_over_the_websocket(mesh: Mesh) -> None:
    calls, text, audio = [], "", 0
    async with connect(mesh.ws) as socket:
        await socket.send(json.dumps({"type": "start", "tools": [WEATHER], "tool_choice": "get_weather"}))
        await socket.send(json.dumps({"type": "text", "text": QUESTION}))
        async for frame in socket:
            if isinstance(frame, bytes):
                audio += len(frame)
                continue
            message = json.loads(frame)
            match message["type"]:
                case "tool_call":
                    calls.append(message)
                    answer = {"type": "tool_result", "call_id": message["call_id"], "output": RESULT}
                    await socket.send(json.dumps(answer))
                case "ai_text":
                    text += message["text"]
                case "turn_complete":
                    break
                case kind:
                    assert kind != "error" or message["code"] == "slow", message
    assert calls[0]["name"] == "get_weather"
    assert isinstance(calls[0]["arguments"]["city"], str)
    assert text.strip()
    assert audio > 24_000
