"""A TCP link from the gateway to Valkey that can be cut or slowed down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_CHUNK = 65_536


class RedisLink:
    """Listens on `port`. `cut` breaks all connections and refuses new ones. `slow_s` delays each answer."""

    def __init__(self, valkey_port: int) -> None:
        self.port = 0
        self.slow_s = 0.0
        self.is_cut = False
        self._valkey_port = valkey_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._connections: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Break all connections, and refuse new ones until `mend`."""
        self.is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        """Pass everything on at once again."""
        self.is_cut, self.slow_s = False, 0.0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen for the length of the block."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            self.cut()
            if self._connections:
                await asyncio.wait(self._connections)
            await asyncio.sleep(0)  # lets the transports close

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._connected(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            writer.transport.abort()
            return
        try:
            valkey, to_valkey = await asyncio.open_connection("127.0.0.1", self._valkey_port)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, to_valkey}
        self._writers |= both
        pumps = [
            asyncio.create_task(self._pump(reader, to_valkey)),
            asyncio.create_task(self._pump(valkey, writer, is_answer=True)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for one in both:
            one.transport.abort()
        await asyncio.wait(pumps)
        self._writers -= both

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_answer: bool = False) -> None:
        with suppress(OSError):
            while data := await source.read(_CHUNK):
                if is_answer and self.slow_s:
                    await asyncio.sleep(self.slow_s)
                if sink.is_closing():
                    return
                sink.write(data)
                await sink.drain()
