"""A raw connection to the gateway: the bytes that a client sends, and how the connection ends."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from prometheus_client import REGISTRY
from websockets.frames import Frame, Opcode

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def frame(data: bytes, opcode: Opcode = Opcode.BINARY, *, is_last: bool = True) -> bytes:
    return Frame(opcode, data, fin=is_last).serialize(mask=True)


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def end_of(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        return await reader.read()


def stalled() -> float:
    """How many connections have ended because their clients read nothing."""
    return ended("stalled")


def ended(reason: str) -> float:
    """How many connections the gateway has ended for this reason."""
    return REGISTRY.get_sample_value("aitalk_gateway_connections_ended_total", {"reason": reason}) or 0.0
