"""The short way for audio: what the application receives is what uvicorn's own protocol would have given it."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvicorn
import uvloop
from fastapi import WebSocket
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from gateway.connection.fast_path import MAX_WAITING, WebSocketProtocol, hand_over

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
MAX_BYTES = 100_000


class Wire(asyncio.Transport):
    """Takes what is written, and knows whether it is read from."""

    def __init__(self) -> None:
        super().__init__()
        self.is_read = True
        self.closed = False

    def write(self, data: object) -> None:
        """Nobody reads it."""

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


@asynccontextmanager
async def connected(kind: type[WebSocketsSansIOProtocol]) -> AsyncIterator[tuple[Any, Wire, WebSocket]]:
    """A protocol, its wire and the socket that the application has accepted."""
    accepted: asyncio.Future[WebSocket] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        accepted.set_result(socket)
        await over.wait()

    config = uvicorn.Config(app, ws_max_size=MAX_BYTES, ws_per_message_deflate=False, log_config=None, lifespan="off")
    config.load()
    protocol = kind(config, ServerState(), {})
    wire = Wire()
    protocol.connection_made(wire)
    protocol.data_received(HANDSHAKE)
    try:
        yield protocol, wire, await accepted
    finally:
        over.set()
        protocol.stop_keepalive()
        await asyncio.gather(*protocol.tasks)


def frame(data: bytes, opcode: Opcode = Opcode.BINARY, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    return [piece for begin, end in zip([0, *ends], ends, strict=False) if (piece := data[begin:end])]


audio = st.binary(min_size=0, max_size=700).map(frame)
long_audio = st.sampled_from([125, 126, 65_535, 65_536]).map(lambda size: frame(bytes(size)))
text = st.text(max_size=20).map(lambda said: frame(said.encode(), Opcode.TEXT))
ping = st.binary(max_size=10).map(lambda data: frame(data, Opcode.PING))
fragments = st.lists(st.binary(max_size=50), min_size=2, max_size=4).map(
    lambda parts: b"".join(
        frame(part, Opcode.CONT if i else Opcode.BINARY, fin=i == len(parts) - 1) for i, part in enumerate(parts)
    )
)
wrong = st.sampled_from([b"\x82\x05hello", frame(bytes(MAX_BYTES + 1)), b"\xf2\x81\0\0\0\0x"])


async def received(kind: type[WebSocketsSansIOProtocol], pieces: list[bytes]) -> tuple[list[Any], bool]:
    async with connected(kind) as (protocol, wire, _):
        for piece in pieces:
            if not wire.closed:
                protocol.data_received(piece)
        return [protocol.queue.get_nowait() for _ in range(protocol.queue.qsize())], wire.closed


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(audio, audio, long_audio, text, ping, fragments), max_size=6),
    st.lists(wrong, max_size=1),
    st.lists(st.integers(0, 200_000), max_size=8),
    st.booleans(),
)
def test_whatever_comes_however_cut_is_received_as_by_uvicorns_own_protocol(
    sent: list[bytes], end: list[bytes], places: list[int], apart: bool
) -> None:
    pieces = [*sent, *end] if apart else cut(b"".join([*sent, *end]), places)
    own = asyncio.run(received(WebSocketsSansIOProtocol, pieces))
    assert asyncio.run(received(WebSocketProtocol, pieces)) == own


async def test_the_first_bytes_of_a_long_message_are_not_taken_for_a_short_one() -> None:
    """A length of eight bytes, of which the first 133 bytes look like a message of 127."""
    sent = frame(bytes(65_536))
    assert await received(WebSocketProtocol, [frame(b"\0\0"), sent[:133], sent[133:]]) == await received(
        WebSocketsSansIOProtocol, [frame(b"\0\0"), sent]
    )


async def test_a_slow_application_stops_the_wire_until_it_has_taken_all() -> None:
    was_read = []
    async with connected(WebSocketProtocol) as (protocol, wire, socket):
        protocol.data_received(frame(b"{}", Opcode.TEXT))
        await socket.receive()
        for _ in range(MAX_WAITING):
            was_read.append(wire.is_read)
            protocol.data_received(frame(b"\1\2"))
        for _ in range(MAX_WAITING):
            was_read.append(wire.is_read)
            await socket.receive()
        assert wire.is_read
    assert was_read == [True] * MAX_WAITING + [False] * MAX_WAITING


async def test_audio_is_handed_over_at_once_in_order_within_the_block() -> None:
    taken: list[bytes] = []

    def take(messages: list[bytes]) -> bool:
        if b"no" in messages:
            return False
        taken.extend(messages)
        return True

    async with connected(WebSocketProtocol) as (protocol, _, socket):
        protocol.data_received(frame(b"long way"))  # nothing is known yet of where a message begins
        await socket.receive()
        with hand_over(socket, take):
            protocol.data_received(frame(b"one"))
            protocol.data_received(frame(b"no"))
            protocol.data_received(frame(b"two"))  # not before the one that waits
            assert [(await socket.receive())["bytes"] for _ in range(2)] == [b"no", b"two"]
            protocol.data_received(frame(b"three") + frame(bytes(200)))
            protocol.data_received(frame(b"left") + frame(b"no"))
            assert [(await socket.receive())["bytes"] for _ in range(2)] == [b"left", b"no"]
        protocol.data_received(frame(b"four"))
        assert (await socket.receive())["bytes"] == b"four"
    assert taken == [b"one", b"three", bytes(200)]


@asynccontextmanager
async def served(take: Callable[[list[bytes]], bool]) -> AsyncIterator[tuple[asyncio.StreamWriter, Any, WebSocket]]:
    """A client's end of a real connection, the function that has the server's end left alone, and that end's socket."""
    accepted: asyncio.Future[tuple[Any, WebSocket]] = asyncio.get_running_loop().create_future()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        await socket.receive()
        with hand_over(socket, take) as wait_for:
            accepted.set_result((wait_for, socket))
            with suppress(asyncio.CancelledError):
                await over.wait()

    over = asyncio.Event()
    config = uvicorn.Config(app, ws_per_message_deflate=False, log_config=None, lifespan="off")
    config.load()
    loop, state = asyncio.get_running_loop(), ServerState()
    server = await loop.create_server(lambda: WebSocketProtocol(config, state, {}), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(HANDSHAKE)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(frame(b"{}", Opcode.TEXT))
        try:
            yield writer, *await accepted
        finally:
            over.set()
            writer.close()
            await asyncio.gather(*state.tasks)


@pytest.mark.parametrize("new_loop", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_a_socket_is_left_alone_until_it_holds_so_much_or_its_end(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    taken: list[list[bytes]] = []

    def take(messages: list[bytes]) -> bool:
        taken.append(messages)
        return True

    async def reads(count: int) -> None:
        async with asyncio.timeout(5):
            while len(taken) < count:
                await asyncio.sleep(0.01)

    async def converse() -> None:
        async with served(take) as (writer, wait_for, socket):
            wait_for(30)
            for said in (b"one", b"two", b"three"):  # 9, 9 and 11 bytes with their headers
                writer.write(frame(said))
                await asyncio.sleep(0.05)
            assert taken == []
            writer.write(frame(b"four"))
            await reads(1)
            assert taken == [[b"one", b"two", b"three", b"four"]]
            writer.write(frame(b"five"))
            await asyncio.sleep(0.05)
            assert len(taken) == 1
            wait_for(1)  # what is there already is told of, too
            await reads(2)
            assert taken[1:] == [[b"five"]]
            wait_for(1000)
            writer.write(frame(b"six"))
            writer.close()  # a learner who has gone is not waited for
            assert (await asyncio.wait_for(socket.receive(), 5))["type"] == "websocket.disconnect"

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(converse())
    assert taken[2:] in ([], [[b"six"]])


@pytest.mark.parametrize("new_loop", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_a_descriptor_that_belongs_to_someone_else_by_now_is_left_to_them(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    theirs: list[int] = []

    async def converse() -> None:
        async with served(lambda _: True) as (writer, wait_for, socket):
            wait_for(30)
            writer.close()
            await asyncio.wait_for(socket.receive(), 5)
            await asyncio.sleep(0.05)
            theirs.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(20))
            wait_for(40)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(converse())
    gc.collect()
    for descriptor in theirs:
        os.close(descriptor)  # raises OSError if it was closed
