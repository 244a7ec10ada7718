"""Limits on everything in an HTTP request but its body, and on clients that leave the answer unread. The tests use real
sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from uvicorn.server import ServerState

from gateway.connection.http_protocol import HttpProtocol
from gateway.connection.low_water_mark import WebSocketProtocol
from tests.support.raw_connection import HANDSHAKE, closed, end_of, ended, stalled


class HastyProtocol(HttpProtocol):
    request_s = 0.2
    stalled_s = 0.2


@asynccontextmanager
async def asked(
    request: bytes, protocol: type[HttpProtocol] = HttpProtocol, *, answer: Response | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Send these bytes to a server that answers each request with `answer`; None: with the text "done"."""

    async def app(scope: object, receive: object, send: object) -> None:
        await (answer or PlainTextResponse("done"))(scope, receive, send)  # type: ignore[arg-type]

    config = uvicorn.Config(app, ws=WebSocketProtocol, log_config=None, lifespan="off")
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(lambda: protocol(config, state, {}), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(request)
        yield reader, writer
        await closed(writer)
        await asyncio.gather(*state.tasks)


async def test_a_connection_without_a_request_is_ended() -> None:
    async with asked(b"GET / HTTP/1.1\r\nHost: t", HastyProtocol) as (reader, _):
        with suppress(ConnectionResetError):
            assert await end_of(reader) == b""


async def test_a_later_request_that_does_not_get_on_is_ended() -> None:
    async with asked(b"GET / HTTP/1.1\r\nHost: t\r\n\r\nGET / HTTP/1.1\r\n", HastyProtocol) as (reader, writer):
        slowly = asyncio.create_task(drip(writer))
        with suppress(ConnectionResetError):
            assert (await end_of(reader)).count(b"done") == 1
        slowly.cancel()


async def drip(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"A: b\r\n")
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"GET / HTTP/1.1\r\nHost: t\r\n", b"A: b\r\n" * 10_000),
        (b"GET / HTTP/1.1\r\nHost: t\r\nA: ", b"a" * 100_000),
        (b"GET /", b"a" * 100_000),
        (b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a" * 100_000),
        (b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n" * 10_000),
    ],
    ids=["headers", "one header", "path", "chunk", "trailers"],
)
async def test_a_head_has_a_greatest_length(begin: bytes, more: bytes) -> None:
    before = ended("too_much")
    async with asked(begin) as (_, writer):
        with pytest.raises(ConnectionError):
            await flood(writer, more)
    assert ended("too_much") == before + 1


async def flood(writer: asyncio.StreamWriter, data: bytes) -> None:
    for _ in range(1_000):
        writer.write(data)
        await asyncio.wait_for(writer.drain(), 5)


async def test_many_requests_and_a_long_body_are_fine() -> None:
    long = b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 300000\r\n\r\n" + bytes(300_000)
    async with asked(long) as (reader, writer):
        assert b"done" in await asyncio.wait_for(reader.readuntil(b"done"), 10)
        for _ in range(20):
            writer.write(b"GET / HTTP/1.1\r\nHost: t\r\nA: " + b"a" * 8_000 + b"\r\n\r\n")
            assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b"done"), 10)


async def test_a_handshake_with_too_long_a_line_is_answered() -> None:
    protocols = b"Sec-WebSocket-Protocol: " + b"a" * 10_000 + b"\r\n\r\n"
    async with asked(HANDSHAKE.removesuffix(b"\r\n") + protocols) as (reader, _):
        assert b" 431 " in await end_of(reader)


async def test_a_client_that_does_not_read_a_streamed_answer_is_cut_off() -> None:
    """Otherwise the client would keep its seat and the model's slot, because the answer waits until it can be
    written."""
    before, is_over = stalled(), asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(100_000)
                await asyncio.sleep(0)
        finally:
            is_over.set()

    async with asked(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n", HastyProtocol, answer=StreamingResponse(endless())):
        await asyncio.wait_for(is_over.wait(), 10)
    assert stalled() == before + 1
