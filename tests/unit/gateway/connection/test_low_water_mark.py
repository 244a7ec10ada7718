"""On asyncio's event loop and on uvloop's, a socket is read when it holds as many bytes as its low-water mark. Audio
goes straight to the conversation."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn
import uvloop
from fastapi import WebSocket
from uvicorn.server import ServerState
from websockets.frames import Opcode

from gateway.connection.direct_audio import DirectAudio, direct_audio
from gateway.connection.low_water_mark import LowWaterMark, WebSocketProtocol, low_water_mark
from tests.support.raw_connection import HANDSHAKE, frame


class Received(list[bytes]):
    """The messages that the application has received. is_over: set once the client has gone."""

    def __init__(self) -> None:
        super().__init__()
        self.is_over = asyncio.Event()
        self.direct = DirectAudio()

    async def take(self, socket: WebSocket) -> None:
        while (message := await socket.receive())["type"] != "websocket.disconnect":
            self.append(message.get("bytes") or message["text"].encode())
        self.is_over.set()


@asynccontextmanager
async def served() -> AsyncIterator[tuple[asyncio.StreamWriter, LowWaterMark, Received]]:
    """A real connection: the client's writer, the low-water mark of the server's socket, and the messages received
    there."""
    accepted: asyncio.Future[tuple[LowWaterMark, Received]] = asyncio.get_running_loop().create_future()

    async def app(scope: object, receive: object, send: object) -> None:
        socket = WebSocket(scope, receive, send)  # type: ignore[arg-type]
        await socket.accept()
        await socket.receive()
        received = Received()
        received.direct = direct_audio(socket)
        accepted.set_result((low_water_mark(socket), received))
        await received.take(socket)

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
            writer.close()
            await asyncio.gather(*state.tasks)


@pytest.mark.parametrize("new_loop", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_a_socket_is_left_alone_until_it_holds_so_much_or_its_end(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def converse() -> None:
        async with served() as (writer, mark, received):

            async def come(count: int) -> None:
                async with asyncio.timeout(5):
                    while len(received) < count:
                        await asyncio.sleep(0.01)

            mark.set(30)
            await asyncio.sleep(0.01)
            for said in (b"one", b"two", b"three"):  # 9, 9 and 11 bytes with their headers
                writer.write(frame(said))
                await asyncio.sleep(0.05)
            assert received == []
            writer.write(frame(b"four"))
            await come(4)
            writer.write(frame(b"five"))
            await asyncio.sleep(0.05)
            assert len(received) == 4
            mark.set(1)  # bytes that came earlier are read, too
            await come(5)
            assert received == [b"one", b"two", b"three", b"four", b"five"]
            mark.set(1000)
            await asyncio.sleep(0.01)
            writer.write(frame(b"six"))
            writer.close()  # the server doesn't wait for a client that has gone
            await asyncio.wait_for(received.is_over.wait(), 5)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(converse())


@pytest.mark.parametrize("new_loop", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_a_descriptor_that_belongs_to_someone_else_by_now_is_left_to_them(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    theirs: list[int] = []

    async def converse() -> None:
        async with served() as (writer, mark, received):
            mark.set(30)
            writer.close()
            await asyncio.wait_for(received.is_over.wait(), 5)
            await asyncio.sleep(0.05)
            theirs.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(20))
            mark.set(40)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(converse())
    gc.collect()
    for descriptor in theirs:
        os.close(descriptor)  # raises OSError if it was closed


async def test_audio_goes_the_direct_way_unless_it_would_overtake_a_message_or_is_refused() -> None:
    async with served() as (writer, _, received):
        taken: list[bytes] = []

        def take(audio: list[bytes]) -> bool:
            if is_wanted := b"odd" not in audio:
                taken.extend(audio)
            return is_wanted

        async def come(count: int) -> None:
            async with asyncio.timeout(5):
                while len(received) + len(taken) < count:
                    await asyncio.sleep(0.01)

        received.direct.take = take
        writer.write(frame(b"one") + frame(b"two"))
        await come(2)
        writer.write(frame(b"text", Opcode.TEXT) + frame(b"three") + frame(b"four"))  # they are read together
        await come(5)
        writer.write(frame(b"fi", Opcode.BINARY, is_last=False) + frame(b"ve", Opcode.CONT))
        await come(6)
        writer.write(frame(b"odd"))
        await come(7)
        received.direct.stop()
        writer.write(frame(b"six"))
        await come(8)
        assert taken == [b"one", b"two", b"five"]
        assert received == [b"text", b"three", b"four", b"odd", b"six"]


async def test_refused_audio_keeps_its_place() -> None:
    async with served() as (writer, _, received):
        reads: list[list[bytes]] = []

        def refuse(audio: list[bytes]) -> bool:
            reads.append(audio)
            return False

        received.direct.take = refuse
        writer.write(
            frame(b"one") + frame(b"two") + frame(b"text", Opcode.TEXT) + frame(b"thr", Opcode.BINARY, is_last=False)
        )
        await asyncio.sleep(0.05)
        writer.write(frame(b"ee", Opcode.CONT) + frame(b"\x03\xe8", Opcode.CLOSE))
        async with asyncio.timeout(5):
            await received.is_over.wait()
        assert received == [b"one", b"two", b"text", b"three"]
        assert reads == [[b"one", b"two"], [b"three"]]


def test_under_another_protocol_a_mark_has_no_effect() -> None:
    socket = WebSocket({"type": "websocket"}, None, None)  # type: ignore[arg-type]
    low_water_mark(socket).set(1000)
