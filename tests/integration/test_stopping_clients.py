"""A gateway ends although its clients keep their connections open or never finish a request, and although Redis
hangs."""

from __future__ import annotations

import asyncio
import base64
import signal
import socket
from pathlib import Path

import httpx

from deploy.ports import free_ports
from tests.support.mesh import running

GIVEN_UP_S = 60  # Kubernetes would kill the gateway after 75 s
REQUEST = (
    b"GET /ws/conversation HTTP/1.1\r\nHost: gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + base64.b64encode(bytes(16)) + b"\r\n\r\n"
)

# The gateway waits for the rest of this request, which never comes.
UPLOAD = (
    b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: gateway\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
)
# The only errors that uvicorn logs: it cancels the request UPLOAD.
CANCELLED = ["Cancel 1 running task(s), timeout graceful shutdown exceeded", "Exception in ASGI application"]


async def until_alive(url: str) -> None:
    async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as http:
        while True:
            try:
                (await http.get(f"{url}/health")).raise_for_status()
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return


async def test_clients_that_never_close_and_a_redis_that_hangs_do_not_keep_a_gateway_alive(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as hung:  # accepts connections, but answers nothing
        settings = {
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "REDIS_URL": f"redis://127.0.0.1:{hung.getsockname()[1]}/0",
            "GATEWAY_DRAIN_TIMEOUT_S": "1",
        }
        with running("gateway", tmp_path / "log", settings) as gateway:
            await until_alive(f"http://127.0.0.1:{port}")
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(REQUEST)
            assert b"101 Switching Protocols" in await reader.readuntil(b"\r\n\r\n")
            await asyncio.wait_for(reader.read(1), 30)  # the first byte of `connected`; the rest is never read
            _, idle = await asyncio.open_connection("127.0.0.1", port)
            answer, upload = await asyncio.open_connection("127.0.0.1", port)
            upload.write(UPLOAD)
            assert b"100 Continue" in await asyncio.wait_for(answer.readuntil(b"\r\n\r\n"), 30)
            gateway.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(gateway.process.wait, GIVEN_UP_S) == 0
            writer.close()
            idle.close()
            upload.close()
        errors = [line.partition("uvicorn.error ")[2] for line in gateway.log.splitlines() if " ERROR " in line]
        assert errors == CANCELLED
