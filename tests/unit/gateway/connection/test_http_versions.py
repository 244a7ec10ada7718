"""The answers to proxies that speak HTTP/2 to the gateway, and to handshakes that lost a header on their way."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.gateway import TestGateway

HTTP2_SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
WEBSOCKET = "GET /ws/conversation HTTP/1.1\r\nHost: Talk.Example.\r\nConnection: keep-alive, Upgrade\r\n"
VERSION, KEY = "Sec-WebSocket-Version: 13\r\n", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


async def answer_to(request: bytes) -> str:
    """Send the request on a new connection. Returns the first bytes of the gateway's answer."""
    async with TestGateway().running() as gateway, asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(request)
        answer = await reader.read(2000)
        writer.close()
        await writer.wait_closed()
    return answer.decode()


async def test_http2_is_refused_by_name(caplog: pytest.LogCaptureFixture) -> None:
    """These proxies send HTTP/2: Envoy with `http2_protocol_options`, Traefik and Caddy with `h2c://`, and HAProxy with
    `proto h2`."""
    answer = await answer_to(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HTTP2_SETTINGS)
    assert answer.startswith("HTTP/1.1 505 ")
    assert "set the proxy in front of it to that" in answer
    assert "speaks HTTP/2" in caplog.text


@pytest.mark.parametrize(
    ("request_", "status", "says"),
    [
        (WEBSOCKET + f"Upgrade: WebSocket\r\n{VERSION}{KEY}\r\n", "101", "Sec-WebSocket-Accept"),
        (WEBSOCKET + f"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n{VERSION}\r\n", "426", "Upgrade and Connection"),
        # Envoy sends this for a browser's WebSocket over HTTP/2 (envoy 8547)
        (WEBSOCKET + f"Upgrade: websocket\r\n{VERSION}\r\n", "400", "missing Sec-WebSocket-Key"),
        # Envoy without `allow_connect` sends this (kgateway 14305)
        (WEBSOCKET.replace("Connection: keep-alive, Upgrade\r\n", "\r\n"), "426", "Upgrade and Connection"),
    ],
    ids=["in capitals", "h2c", "without its key", "without its upgrade"],
)
async def test_a_handshake_that_a_proxy_changed(request_: str, status: str, says: str) -> None:
    answer = await answer_to(request_.encode())
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert says in answer
