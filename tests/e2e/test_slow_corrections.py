"""Corrections beside the conversation, on a mesh whose language model takes long for each of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from deploy.ports import free_ports
from tests.support.learner import a_learner
from tests.support.mesh import running_mesh
from tests.support.openai_server import document_for

pytestmark = pytest.mark.timeout(180)

CHECK_S = 6.0
REPLY_S = 0.1  # to the first word
LINES = {
    "I have cat at home.": "I have a cat at home.",
    "We went to cinema on Sunday.": "We went to the cinema on Sunday.",
    "My brother bought car last year.": "My brother bought a car last year.",
    "I saw film about a dog.": "I saw a film about a dog.",
}


@dataclass
class SlowServer:
    """An OpenAI-compatible server that answers one request at a time. A correction takes CHECK_S, unless the client
    leaves before."""

    begun: int = 0
    finished: int = 0
    one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def models(self, _: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "slow", "object": "model"}]})

    async def complete(self, request: Request) -> Response:
        body = await request.json()
        said = body["messages"][-1]["content"]
        if "response_format" not in body:
            written = self._reply()
        elif any(line in said for line in LINES):
            written = self._corrected(said)
        else:
            written = self._found_out(body["response_format"])
        return StreamingResponse(written, media_type="text/event-stream")

    async def _found_out(self, response_format: dict[str, Any]) -> AsyncIterator[str]:
        """The answer while the service finds out what the server can do."""
        yield _event({"content": document_for(response_format)})
        yield _event({}, "stop") + "data: [DONE]\n\n"

    async def _reply(self) -> AsyncIterator[str]:
        async with self.one:
            await asyncio.sleep(REPLY_S)
            for word in ("That ", "sounds ", "lovely ", "to ", "me. ", "What ", "happened ", "then?"):
                yield _event({"content": word})
        yield _event({}, "stop") + "data: [DONE]\n\n"

    async def _corrected(self, said: str) -> AsyncIterator[str]:
        self.begun += 1
        async with self.one:
            for _ in range(round(CHECK_S / 0.1)):
                await asyncio.sleep(0.1)
                yield ": still at work\n\n"  # so that a client that has left is noticed
            yield _event(
                {"content": json.dumps({"corrected": [right for wrong, right in LINES.items() if wrong in said]})}
            )
        self.finished += 1
        yield _event({}, "stop") + "data: [DONE]\n\n"


def _event(delta: dict[str, str], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return (
        f"data: {json.dumps({'id': 'c', 'object': 'chat.completion.chunk', 'model': 'slow', 'choices': [choice]})}\n\n"
    )


@asynccontextmanager
async def serving(server: SlowServer) -> AsyncIterator[str]:
    (port,) = free_ports(1)
    routes = [Route("/v1/models", server.models), Route("/v1/chat/completions", server.complete, methods=["POST"])]
    config = uvicorn.Config(Starlette(routes=routes), port=port, log_level="error", timeout_graceful_shutdown=1)
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve())
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        running.should_exit = True
        await task


async def waits(ws: str, corrections: str) -> list[float]:
    """How long the learner waits for the first word of each reply, in seconds."""
    found = []
    async with a_learner(ws) as learner:
        await learner.send(type="start", corrections=corrections)
        for line in LINES:
            after, asked_s = len(learner.messages), asyncio.get_running_loop().time()
            await learner.send(type="text", text=line)
            await learner.wait_for("ai_text", after=after)
            found.append(asyncio.get_running_loop().time() - asked_s)
            await learner.hear_reply(after=after)
            await asyncio.sleep(1.0)  # a check is at work when the learner goes on
        if corrections == "beside":
            await learner.wait_for("correction")
    return found


async def test_no_reply_waits_for_a_slow_correction(tmp_path: Path) -> None:
    server = SlowServer()
    async with serving(server) as url:
        mesh = running_mesh(tmp_path, LLM_ENGINE="openai", LLM_BASE_URL=url, LLM_MODEL_NAME="slow")
        running = await asyncio.to_thread(mesh.__enter__)
        try:
            without = await waits(running.ws, "at the end")
            assert server.begun == 0
            with_checks = await waits(running.ws, "beside")
        finally:
            await asyncio.to_thread(mesh.__exit__, None, None, None)
    assert server.begun >= len(LINES) - 1
    assert median(with_checks) < median(without) + 0.3
    assert max(with_checks) < CHECK_S / 2
