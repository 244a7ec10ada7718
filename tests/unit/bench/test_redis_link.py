"""The link to Valkey that `make chaos` cuts and slows down."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from bench.reliability.redis_link import RedisLink


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(100):
            writer.write(data)
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()


async def ask(link: RedisLink) -> bytes:
    """The answer over a new connection; empty if the link is cut."""
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    try:
        writer.write(b"PING")
        async with asyncio.timeout(5):
            return await reader.read(100)
    except ConnectionError:
        return b""
    finally:
        writer.close()
        await asyncio.sleep(0.01)  # until the other ends have closed


async def test_a_link_passes_bytes_on_until_it_is_cut_and_again_when_it_is_mended() -> None:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    link = RedisLink(server.sockets[0].getsockname()[1])
    async with server, link.open():
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        writer.write(b"PING")
        assert await reader.read(100) == b"PING"
        link.cut()
        async with asyncio.timeout(5):
            with suppress(ConnectionError):
                assert await reader.read(100) == b""
        writer.close()
        assert await ask(link) == b""
        link.mend()
        assert await ask(link) == b"PING"


async def test_a_slow_link_holds_each_answer_back() -> None:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    link = RedisLink(server.sockets[0].getsockname()[1])
    async with server, link.open():
        link.slow_s = 0.2
        began = asyncio.get_running_loop().time()
        assert await ask(link) == b"PING"
        assert asyncio.get_running_loop().time() - began >= 0.2
