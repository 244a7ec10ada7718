"""`python -m tests.servers.ollama_stand_in PORT URL CONTEXT`: answers as Ollama does, with a llama.cpp behind it.

Ollama itself is in no package registry. The stand-in follows docs.ollama.com/api/openai-compatibility and
`openai/openai.go` of ollama/ollama:
- it reads the fields in READ and ignores all others, including `think` and `chat_template_kwargs`
- each model has a tag, and `smollm2` means `smollm2:latest`; there are several models
- errors are `{"error": {"message", "type", "param": null, "code": null}}`
- `finish_reason` is null until the end; the usage comes in an event of its own, with empty `choices`
- a prompt that is too long is cut silently: the oldest messages first, then the last one's text (issue 14259)
- there is neither /tokenize nor /health
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

MODELS = ("smollm2:latest", "qwen3:0.6b")
READ = {
    *("model", "messages", "stream", "stream_options", "max_tokens", "seed", "stop", "temperature", "top_p"),
    *("frequency_penalty", "presence_penalty", "response_format", "tools", "reasoning", "reasoning_effort"),
}
TEMPLATE_TOKENS = 30


def refusal(status: int, message: str) -> JSONResponse:
    kind = {400: "invalid_request_error", 404: "not_found_error"}.get(status, "api_error")
    return JSONResponse({"error": {"message": message, "type": kind, "param": None, "code": None}}, status)


class Ollama:
    def __init__(self, upstream: str, context: int) -> None:
        self.upstream = upstream.removesuffix("/v1")
        self.context = context

    def client(self) -> httpx.AsyncClient:
        """A client for one request. A shared one keeps connections of cancelled replies, and the next request may wait
        for one of them for ever."""
        return httpx.AsyncClient(base_url=self.upstream, trust_env=False, timeout=600)

    async def models(self, _: Request) -> Response:
        found = [{"id": name, "object": "model", "created": 1764400000, "owned_by": "library"} for name in MODELS]
        return JSONResponse({"object": "list", "data": found})

    async def chat(self, request: Request) -> Response:
        asked: dict[str, Any] = await request.json()
        if (asked["model"] if ":" in asked["model"] else f"{asked['model']}:latest") not in MODELS:
            return refusal(404, f'model "{asked["model"]}" not found, try pulling it first')
        body = {name: value for name, value in asked.items() if name in READ}
        body["messages"] = await self.cut(body["messages"])
        return StreamingResponse(self.events(body, asked["model"]), media_type="text/event-stream")

    async def events(self, body: dict[str, Any], model: str) -> AsyncIterator[str]:
        common = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1764400000, "model": model}
        common["system_fingerprint"] = "fp_ollama"
        asking = self.client()
        async with asking, asking.stream("POST", "/v1/chat/completions", json=body) as response:
            async for line in response.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                event = json.loads(line.removeprefix("data: "))
                for choice in event.get("choices", []):
                    delta = {"role": "assistant", "content": choice["delta"].get("content") or ""}
                    told = {"index": 0, "delta": delta, "finish_reason": choice["finish_reason"]}
                    yield f"data: {json.dumps(common | {'choices': [told]})}\n\n"
                if usage := event.get("usage"):
                    counts = {name: usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
                    yield f"data: {json.dumps(common | {'choices': [], 'usage': counts})}\n\n"
        yield "data: [DONE]\n\n"

    async def cut(self, messages: list[dict[str, str]]) -> list[dict[str, str]]:
        """The messages that fit into half of the context, as Ollama chooses them: the system message and the latest
        ones."""
        room = self.context // 2 - TEMPLATE_TOKENS
        while await self.tokens(messages) > room:
            old = next((at for at, message in enumerate(messages[:-1]) if message["role"] != "system"), None)
            if old is None:
                last = messages[-1]
                return [*messages[:-1], last | {"content": last["content"][: len(last["content"]) // 3]}]
            messages = [*messages[:old], *messages[old + 1 :]]
        return messages

    async def tokens(self, messages: list[dict[str, str]]) -> int:
        content = "\n".join(message["content"] for message in messages)
        async with self.client() as asking:
            answer = await asking.post("/tokenize", json={"content": content})
        return len(answer.json()["tokens"])


def main() -> None:
    port, upstream, context = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    ollama = Ollama(upstream, context)
    routes = [
        Route("/", lambda _: PlainTextResponse("Ollama is running")),
        Route("/v1/models", ollama.models),
        Route("/v1/chat/completions", ollama.chat, methods=["POST"]),
    ]
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main()
