"""`python -m bench.reliability.model_server serve …`: replaces `vllm serve`, and answers every request with the same
reply at a fixed pace.

llm_service starts it, watches it and starts it again, as it does with vLLM. This server reads its port from the
command line, and its delays from DELAYS.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from pydantic_settings import BaseSettings

from bench.load.delays import Delays, reply_tokens


class ModelSettings(BaseSettings):
    """From the environment."""

    delays: Delays = Delays()


def create_app(model: str, delays: Delays) -> FastAPI:
    """The server's routes, as far as llm_service uses them."""
    app = FastAPI(openapi_url=None)

    @app.get("/health")
    async def health() -> None:
        """Report that the server is healthy."""

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        """The one model that it has."""
        return {"data": [{"id": model, "owned_by": "vllm", "max_model_len": 8192}]}

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> StreamingResponse:
        """The reply as server-sent events, up to the requested number of tokens."""
        asked = await request.json()
        most = int(asked.get("max_completion_tokens") or asked.get("max_tokens") or 256)
        return StreamingResponse(_events(delays, most), media_type="text/event-stream")

    return app


async def _events(delays: Delays, most: int) -> AsyncIterator[str]:
    tokens = reply_tokens()
    await asyncio.sleep(delays.first_token)
    for token in tokens[:most]:
        yield _event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": token}}]})
        await asyncio.sleep(delays.token)
    reason = "stop" if most >= len(tokens) else "length"
    usage = {"prompt_tokens": 100, "completion_tokens": min(most, len(tokens))}
    yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": usage})
    yield "data: [DONE]\n\n"


def _event(document: dict[str, Any]) -> str:
    return f"data: {json.dumps(document)}\n\n"


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("model")
    parser.add_argument("--port", type=int, required=True)
    options, _ = parser.parse_known_args()
    app = create_app(options.model, ModelSettings().delays)
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
