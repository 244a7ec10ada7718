"""A call that outlives its replica: when it breaks it is opened anew, at another replica behind the proxy.

One task writes, another reads. The reader opens the call anew; what is written meanwhile its writer remembers, and the
new call is told it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Generic, Protocol, TypeVar

from common.errors import InvalidInputError, SequenceError, ServiceError
from gateway import metrics

logger = logging.getLogger(__name__)


class WrittenStream(Protocol):
    """To a model server."""

    async def finish(self) -> None: ...


Stream = TypeVar("Stream", bound=WrittenStream)


class RecoveringCall(Generic[Stream]):
    """begin: a call, to be entered. replay: writes to a new one what its predecessor may not have answered.

    pauses_s: before each new try. writing: held by whoever writes, and remembers what is written.
    """

    def __init__(
        self,
        service: str,
        begin: Callable[[], AbstractAsyncContextManager[Stream]],
        replay: Callable[[Stream], Awaitable[None]],
        *,
        pauses_s: Sequence[float],
    ) -> None:
        self._service = service
        self._begin = begin
        self._replay = replay
        self._pauses_s = pauses_s
        self._call = AsyncExitStack()
        self._stream: Stream | None = None
        self._failures = 0
        self.has_finished = False
        self.writing = asyncio.Lock()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """The call, and those that come after it, for the length of the block."""
        async with self._call:
            await self.stream()
            yield

    async def stream(self) -> Stream:
        """Of the call of the moment; opens another one if that has broken."""
        if self._stream is not None:
            return self._stream
        await self._call.aclose()
        stream = await self._call.enter_async_context(self._begin())
        async with self.writing:
            await self._replay(stream)
            if self.has_finished:
                await stream.finish()
            self._stream = stream
        return stream

    async def write(self, send: Callable[[Stream], Awaitable[None]]) -> None:
        """While holding `writing`. A call that has broken is left to the reader."""
        if self._stream is None:
            return
        try:
            await send(self._stream)
        except ServiceError:
            self._stream = None  # the reader hears of it too, and opens another one

    async def finish(self) -> None:
        """There is no more to write."""
        async with self.writing:
            self.has_finished = True
            await self.write(lambda stream: stream.finish())

    def has_worked(self) -> None:
        """The tries so far are not held against the next failure."""
        self._failures = 0

    async def try_again(self, error: ServiceError, moment: str) -> None:
        """Return after a pause, for `stream` to open another call, if that is worth it; else raise. moment: a label."""
        if isinstance(error, InvalidInputError | SequenceError) or self._failures >= len(self._pauses_s):
            raise error
        pause_s = self._pauses_s[self._failures]
        self._failures += 1
        self._stream = None
        metrics.RECOVERIES.labels(self._service, moment).inc()
        logger.info("the %s stream broke %s (%s): opening another one", self._service, moment, error.code)
        await asyncio.sleep(pause_s)
