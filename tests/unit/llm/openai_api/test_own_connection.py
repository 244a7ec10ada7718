"""No request leaves a connection to a model server open, at whatever moment it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import psutil

from llm_service.openai_api.own_connection import OwnConnection

ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"3\r\na\n\n\r\n" * 3
    + b"0\r\n\r\n"
)


@asynccontextmanager
async def model_server() -> AsyncIterator[int]:
    """The port of a server that answers each request with a stream, and lets the client close the connection."""

    answering: set[asyncio.Task[None] | None] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering.add(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(ANSWER)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        async with asyncio.timeout(10):
            await asyncio.gather(*(task for task in answering if task))


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=OwnConnection(proxy=None, verify=httpx.create_ssl_context()))


async def ask(http: httpx.AsyncClient, port: int) -> bytes:
    async with http.stream("GET", f"http://127.0.0.1:{port}/") as response:
        return b"".join([part async for part in response.aiter_bytes()])


async def connections_to(port: int) -> int:
    """The number of open connections to the port, after those that were closing have closed."""
    for _ in range(100):
        found = [one for one in psutil.Process().net_connections("tcp") if one.raddr and one.raddr.port == port]
        if not found:
            break
        await asyncio.sleep(0.02)
    return len(found)


async def test_a_request_that_is_cancelled_at_any_moment_leaves_no_connection() -> None:
    async with model_server() as port, client() as http:
        completed = 0
        for moment in range(60):
            asking = asyncio.create_task(ask(http, port))
            for _ in range(moment):
                await asyncio.sleep(0)
            completed += asking.done()
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
        assert 0 < completed < 60  # some requests were completed and others not, so the moments were well spread
        assert await connections_to(port) == 0


async def test_a_request_that_is_read_to_its_end_leaves_no_connection() -> None:
    async with model_server() as port, client() as http:
        assert await ask(http, port) == b"a\n\n" * 3
        assert await connections_to(port) == 0
