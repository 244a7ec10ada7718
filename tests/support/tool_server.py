"""A scripted model server that answers with calls of tools, and requests for it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx

from llm_service.engine import Delta, Event, GenerationRequest, Message
from llm_service.openai_api.openai_engine import OpenAiEngine
from llm_service.tools import CallDelta, Tool, ToolCall, ToolChoice

WEATHER = Tool(
    "get_weather", "Weather.", '{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}'
)
CLOCK = Tool("get_time")
PARIS = ToolCall("c1", "get_weather", '{"city": "Paris"}')
ASKED = (Message("system", "Be kind."), Message("user", "What's the weather in Paris?"))
REQUEST = GenerationRequest(ASKED, 40, 0.7, tools=(WEATHER, CLOCK))
FORCED = dataclasses.replace(REQUEST, tool_choice=ToolChoice("required", "get_weather"))
ANSWERED = dataclasses.replace(
    REQUEST, messages=(*ASKED, Message("assistant", "", (PARIS,)), Message("tool", "sunny", tool_call_id="c1"))
)
Body = dict[str, Any]


def chunk(delta: object, finish: str | None = None) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def call(arguments: object = None, **more: object) -> Body:
    """A piece of a call, as servers send it."""
    name = more.pop("name", None)
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {"function": function, **more}


def calls(*pieces: Body) -> str:
    return chunk({"tool_calls": list(pieces)})


END = [chunk({}, "tool_calls"), "[DONE]"]


@dataclass
class Server:
    """The server. says: returns the events of the reply to a request, or an HTTP response, which is sent unchanged."""

    says: Callable[[Body], Sequence[str] | httpx.Response]
    asked: list[Body] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/models":
            return httpx.Response(200, json={"data": [{"id": "m", "owned_by": "llamacpp"}]})
        if request.url.path != "/v1/chat/completions":
            return httpx.Response(404)
        self.asked.append(json.loads(request.content))
        said = self.says(self.asked[-1])
        if isinstance(said, httpx.Response):
            return said
        content = "".join(f"data: {event}\n\n" for event in said).encode()
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=content)

    async def answer(self, request: GenerationRequest = REQUEST) -> list[Event]:
        engine = OpenAiEngine("http://llm/v1", model="m", transport=httpx.MockTransport(self))
        await engine.warm_up()
        self.asked.clear()
        return await events_of(engine, request)


async def events_of(engine: OpenAiEngine, request: GenerationRequest) -> list[Event]:
    async with aclosing(engine.stream(request)) as stream:
        return [event async for event in stream]


def made(events: Sequence[Event]) -> list[tuple[str, str]]:
    """The name and the arguments of each call."""
    found: list[tuple[str, str]] = []
    for event in events:
        if isinstance(event, CallDelta):
            if event.index == len(found):
                assert event.id
                found.append((event.name, ""))
            name, arguments = found[event.index]
            found[event.index] = (name, arguments + event.arguments)
    return found


def text_of(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Delta))


ONE = [("get_weather", '{"city": "Paris"}')]
TWO = [*ONE, ("get_time", '{"at": 2}')]
