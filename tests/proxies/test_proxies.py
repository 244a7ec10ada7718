"""The page, its WebSocket and streamed replies under /talk/, behind real proxies with the files of deploy/proxies."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from deploy.ports import free_ports
from tests.support.fakes import FakeChat
from tests.support.gateway import FakeServices, TestGateway
from tests.support.learner import a_learner
from tests.support.mesh import ROOT

PROXIES: dict[str, tuple[str, Callable[[Path], Sequence[str]]]] = {
    "nginx": ("nginx.conf", lambda file: ["/usr/sbin/nginx", "-c", str(file), "-g", "daemon off; pid nginx.pid;"]),
    "haproxy": ("haproxy.cfg", lambda file: ["/usr/sbin/haproxy", "-db", "-f", str(file)]),
    "caddy": ("Caddyfile", lambda file: ["/usr/bin/caddy", "run", "--config", str(file), "--adapter", "caddyfile"]),
    "envoy": (
        "envoy.yaml",
        lambda file: [
            *(str(Path(sys.executable).parent / "envoy"), "--config-path", str(file)),
            *("--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"),
        ],
    ),
}
PIECES, PIECE_S = 5, 0.4


@asynccontextmanager
async def behind(name: str, folder: Path) -> AsyncIterator[str]:
    """Run a proxy in front of a gateway within the block. Yields the proxy's URL."""
    services = FakeServices(chat=FakeChat(reply=["word "] * PIECES, piece_s=PIECE_S))
    async with TestGateway(services=services).running() as gateway:
        file, command = PROXIES[name]
        (port,) = free_ports(1)
        text = (ROOT / "deploy" / "proxies" / file).read_text()
        text = re.sub(r"\b8000\b", str(gateway.port), re.sub(r"\b8080\b", str(port), text))
        (folder / file).write_text(text)
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *command(folder / file), cwd=folder, stdout=log, stderr=log, env=os.environ | {"HOME": str(folder)}
            )
        try:
            if not await _answers(f"http://127.0.0.1:{port}/talk/health", process):
                raise AssertionError((folder / "log").read_text(errors="replace"))
            yield f"http://127.0.0.1:{port}"
        finally:
            if process.returncode is None:
                process.terminate()
            await asyncio.wait_for(process.wait(), 20)


async def _answers(url: str, process: asyncio.subprocess.Process) -> bool:
    """Whether the proxy passes a request on within 30 s."""
    deadline = time.monotonic() + 30
    async with httpx.AsyncClient(trust_env=False) as http:
        while process.returncode is None and time.monotonic() < deadline:
            try:
                if (await http.get(url)).is_success:
                    return True
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    return False


@pytest.mark.parametrize("name", PROXIES)
async def test_the_page_its_websocket_and_streams_work_under_a_path(name: str, tmp_path: Path) -> None:
    async with behind(name, tmp_path) as url, httpx.AsyncClient(trust_env=False, follow_redirects=True) as http:
        page = await http.get(f"{url}/talk")
        assert (page.status_code, page.url.path) == (200, "/talk/")
        for one in re.findall(r'(?:src|href)="([^":]+\.\w+)"', page.text):
            assert (await http.get(urljoin(str(page.url), one))).status_code == 200, one

        ws = url.replace("http", "ws") + "/talk/ws/conversation"
        async with a_learner(ws, origin=url) as learner:
            await learner.send(type="text", text="Hello")
            text, audio, _ = await learner.hear_reply(after=len(learner.messages))
            assert (text, bool(audio)) == ("Hello there, my friend.", True)

        body = {"model": "any", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
        async with http.stream("POST", f"{url}/talk/v1/chat/completions", json=body, timeout=30) as answer:
            came_s = [time.monotonic() async for line in answer.aiter_lines() if "word" in line]
        assert len(came_s) == PIECES
        assert came_s[-1] - came_s[0] > PIECE_S  # one by one, not all at the end
