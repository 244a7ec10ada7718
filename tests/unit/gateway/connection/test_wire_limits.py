"""Limits on what the client of a WebSocket sends besides whole messages, and on what it leaves unread. The limits for
each client (`admission.limits`) count neither (issue 20). The tests use real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from uvicorn.server import ServerState
from websockets.frames import Opcode

from gateway.config import GatewaySettings
from gateway.connection.http_protocol import HttpProtocol
from gateway.connection.low_water_mark import WebSocketProtocol
from gateway.connection.wire_limits import CONTROL_FRAMES_PER_S, MAX_FRAGMENTS, MAX_UNFINISHED_S, WireLimits
from gateway.server import WEBSOCKET_MAX_BYTES, server_config
from tests.support.raw_connection import HANDSHAKE, closed, end_of, frame, stalled


@asynccontextmanager
async def connected(
    protocol: type[WebSocketProtocol] = WebSocketProtocol, *, says: bytes = b""
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, list[bytes]]]:
    """A client's end of a connection, and the messages that the server has received.

    says: what the server sends again and again.
    """
    received: list[bytes] = []

    async def app(scope: object, receive: object, send: object) -> None:
        socket = WebSocket(scope, receive, send)  # type: ignore[arg-type]
        await socket.accept()
        with suppress(WebSocketDisconnect):
            while says:
                await socket.send_bytes(says)
                # uvicorn accepts messages for a closed connection until the event loop has called `connection_lost`. A
                # sender that never waits would keep the loop from calling it, and hang.
                await asyncio.sleep(0)
        while (message := await socket.receive())["type"] != "websocket.disconnect":
            received.append(message["bytes"])

    config = uvicorn.Config(app, ws_per_message_deflate=False, log_config=None, lifespan="off")
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(lambda: protocol(config, state, {}), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(HANDSHAKE)
        await reader.readuntil(b"\r\n\r\n")
        yield reader, writer, received
        await closed(writer)
        await asyncio.gather(*state.tasks)


class ImpatientProtocol(WebSocketProtocol):
    stalled_s = 0.2


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG])
async def test_control_frames_have_a_limit(opcode: Opcode) -> None:
    async with connected() as (reader, writer, _):
        writer.write(frame(b"", opcode) * 5000)
        assert b"control frames" in await end_of(reader)


async def test_a_message_in_endless_fragments_ends_the_connection() -> None:
    async with connected() as (reader, writer, received):
        writer.write(frame(b"a", Opcode.BINARY, is_last=False))
        writer.write(frame(b"b", Opcode.CONT, is_last=False) * (MAX_FRAGMENTS + 1))
        assert b"fragments" in await end_of(reader)
        assert received == []


async def test_a_message_in_some_fragments_and_an_ordinary_ping_are_fine() -> None:
    async with connected() as (_, writer, received):
        for _ in range(3):
            writer.write(frame(b"a", Opcode.BINARY, is_last=False) + frame(b"", Opcode.PING))
            writer.write(frame(b"b", Opcode.CONT, is_last=False) * 500 + frame(b"c", Opcode.CONT))
        async with asyncio.timeout(10):
            while len(received) < 3:
                await asyncio.sleep(0.01)
        assert received == [b"a" + b"b" * 500 + b"c"] * 3


def test_what_counts_and_for_how_long() -> None:
    now = 0.0
    limits = WireLimits(lambda: now)
    assert not any(limits.control_frame() for _ in range(round(9 * CONTROL_FRAMES_PER_S)))
    assert any(limits.control_frame() for _ in range(round(2 * CONTROL_FRAMES_PER_S)))
    now = 100.0
    assert not limits.control_frame()
    assert limits.read(is_unfinished=True, begins=True) == ""
    now += MAX_UNFINISHED_S
    assert limits.read(is_unfinished=True, begins=False) == ""
    assert limits.read(is_unfinished=False, begins=False) == ""
    assert limits.read(is_unfinished=True, begins=False) == ""
    now += MAX_UNFINISHED_S + 1
    assert limits.read(is_unfinished=True, begins=True) == ""  # another message
    now += MAX_UNFINISHED_S + 1
    assert "longer" in limits.read(is_unfinished=True, begins=False)


class AgingProtocol(WebSocketProtocol):
    """For its limits, each read comes 20 s after the last one."""

    now = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._limits = WireLimits(lambda: self.now)

    def data_received(self, data: bytes) -> None:
        self.now += 20.0
        super().data_received(data)


async def sent_apart(writer: asyncio.StreamWriter, parts: list[bytes]) -> None:
    """Send so that each part is read by itself."""
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "parts",
    [
        [frame(bytes(100), Opcode.BINARY)[:50], *[b"a"] * 3],
        [frame(b"a", Opcode.BINARY, is_last=False), *[frame(b"", Opcode.PING)] * 3],
    ],
    ids=["a frame", "a message in fragments"],
)
async def test_a_message_that_is_never_finished_ends_the_connection(parts: list[bytes]) -> None:
    async with connected(AgingProtocol) as (reader, writer, _):
        await sent_apart(writer, parts)
        assert b"longer than 30 s" in await end_of(reader)


async def test_over_a_slow_network_a_read_may_always_end_within_a_message() -> None:
    """TCP knows no messages, so each read but the last ends within a message. All messages arrive nevertheless."""
    audio = frame(bytes(100), Opcode.BINARY) * 8
    async with connected(AgingProtocol) as (_, writer, received):
        await sent_apart(writer, [audio[:50], *(audio[at : at + 100] for at in range(50, len(audio), 100))])
        async with asyncio.timeout(10):
            while len(received) < 8:
                await asyncio.sleep(0.01)


def test_the_gateway_is_served_within_these_limits() -> None:
    config = server_config(FastAPI(), GatewaySettings(_env_file=None, max_frame_bytes=1024))
    assert (config.http, config.ws) == (HttpProtocol, WebSocketProtocol)
    assert config.ws_max_size == WEBSOCKET_MAX_BYTES  # uvicorn refuses longer messages while they arrive
    assert config.ws_per_message_deflate is False  # compression could make many MiB of a few KiB
    assert config.ws_ping_timeout


async def test_a_client_that_reads_nothing_is_cut_off() -> None:
    """Otherwise the client would keep its session, its seat, and the memory of unsent messages (issue 20)."""
    before = stalled()
    async with connected(ImpatientProtocol, says=bytes(100_000)):
        async with asyncio.timeout(10):
            while stalled() == before:
                await asyncio.sleep(0.05)


class SeenProtocol(WebSocketProtocol):
    """Gives up on output that can't be flushed within 0.2 s. last: the protocol of the latest connection."""

    flush_s = 0.2
    last: SeenProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.close_timeout = 0.2
        SeenProtocol.last = self


@pytest.mark.parametrize("why", ["the conversation is over", "pings are not answered", "it sends too much"])
async def test_a_connection_that_closes_does_not_wait_for_a_client_that_reads_nothing(why: str) -> None:
    """This holds even if so few bytes are unread that the server's writing is not paused."""

    async def app(scope: object, receive: object, send: object) -> None:
        socket = WebSocket(scope, receive, send)  # type: ignore[arg-type]
        await socket.accept()
        while not SeenProtocol.last.transport.get_write_buffer_size():  # until the kernel takes no more
            await socket.send_bytes(bytes(10_000))
        is_full.set()
        if why != "the conversation is over":
            await asyncio.Event().wait()

    is_full = asyncio.Event()
    pings = {"ws_ping_interval": 0.1, "ws_ping_timeout": 0.1} if "pings" in why else {}
    config = uvicorn.Config(app, ws_per_message_deflate=False, log_config=None, lifespan="off", **pings)  # type: ignore[arg-type]
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(lambda: SeenProtocol(config, state, {}), "127.0.0.1", 0)
    async with server, asyncio.timeout(10):
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=1)
        writer.write(HANDSHAKE)
        await is_full.wait()
        if why == "it sends too much":
            writer.write(frame(b"", Opcode.PING) * 5000)
        while state.connections:
            await asyncio.sleep(0.02)
        await closed(writer)
        for task in state.tasks:
            task.cancel()


async def test_a_client_that_pauses_for_less_long_is_not() -> None:
    before = stalled()
    async with connected(says=bytes(100_000)) as (reader, _, _):
        await asyncio.sleep(0.3)  # by then, the server's and the kernel's buffers are full
        assert len(await reader.readexactly(20_000_000)) == 20_000_000
    assert stalled() == before
