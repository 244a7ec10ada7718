"""A scripted OpenAI-compatible server. It refuses requests and writes replies like one of the real servers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx

from llm_service.engine import Delta, Done, GenerationRequest, Message
from llm_service.openai_api.openai_engine import OpenAiEngine

HELLO = "Hello there. I like walking in the mountains. What do you like?"
THINKS = "<think>\nOkay, the user is greeting me. I must answer with two short sentences.\n</think>\n\n"
SAID = (Message("system", "Be kind."), Message("user", "Hello!"))
SCHEMA = '{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]}'
REQUEST = GenerationRequest(SAID, 40, 0.7)
Body = dict[str, Any]


def chunk(delta: object, finish: str | None = None, **more: object) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]} | more)


def pieces(text: str) -> list[str]:
    return [chunk({"content": text[at : at + 3]}) for at in range(0, len(text), 3)]


END = [chunk({}, "stop"), "[DONE]"]


def no(status: int, message: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"message": message, "code": status}})


def document_for(response_format: Body) -> str:
    """The reply of a server that forces schemas: an object in which each required name has the value true."""
    schema = response_format.get("json_schema", {}).get("schema", {"required": ["ok"]})
    return json.dumps(dict.fromkeys(schema["required"], True))


@dataclass
class Server:
    """A server of one kind. refuses: returns the refusal of a request; None if it is accepted. says: returns the events
    of the reply to a request."""

    refuses: Callable[[Body], httpx.Response | None] = lambda _: None
    says: Callable[[Body], Sequence[str]] = lambda _: pieces(HELLO) + END
    owned_by: str = ""
    asked: list[Body] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/models":
            return httpx.Response(200, json={"data": [{"id": "m", "owned_by": self.owned_by}]})
        if request.url.path != "/v1/chat/completions":
            return httpx.Response(404)
        body: Body = json.loads(request.content)
        self.asked.append(body)
        if refusal := self.refuses(body):
            return refusal
        events = pieces(document_for(body["response_format"])) + END if "response_format" in body else self.says(body)
        data = "".join(f"data: {event}\n\n" for event in events)
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=data.encode())

    async def started(self) -> OpenAiEngine:
        engine = OpenAiEngine("http://llm/v1", model="m", transport=httpx.MockTransport(self))
        await engine.warm_up()
        self.asked.clear()
        return engine


async def reply_of(engine: OpenAiEngine, request: GenerationRequest = REQUEST) -> str:
    async with aclosing(engine.stream(request)) as stream:
        events = [event async for event in stream]
    assert isinstance(events[-1], Done)
    return "".join(event.text for event in events if isinstance(event, Delta))
