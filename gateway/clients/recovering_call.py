"""A stream that survives the loss of its replica: when a call is refused or breaks, a new one is opened at another
replica.

Only this module retries streams to recognition and synthesis. One task writes, another reads. The reader opens the new
call. The writer remembers what it writes; `replay` sends the new call what the broken one may not have answered, and
what was written since.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Generic, Protocol, TypeVar

from common.errors import InvalidInputError, SequenceError, ServiceError
from gateway import metrics
from gateway.clients.calls import Retries


class WrittenStream(Protocol):
    """A stream to a model server."""

    async def finish(self) -> None:
        """The writer is done."""
        ...


Stream = TypeVar("Stream", bound=WrittenStream)


class RecoveringCall(Generic[Stream]):
    """A call that is replaced when it breaks.

    service: "asr" or "tts". begin: makes a call, to be entered with `async with`. replay: see the
    module's docstring. writing: the lock that the writer holds while it writes and remembers. has_finished: whether the
    writer is done.
    """

    def __init__(
        self,
        service: str,
        begin: Callable[[], AbstractAsyncContextManager[Stream]],
        replay: Callable[[Stream], Awaitable[None]],
    ) -> None:
        self._service = service
        self._begin = begin
        self._replay = replay
        self._call = AsyncExitStack()
        self._stream: Stream | None = None
        self._retries = Retries(service.upper())
        self.has_finished = False
        self.writing = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        """Whether there is a call to write to. If not, the reader opens one."""
        return self._stream is not None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open the first call. The end of the block ends the call that is then open."""
        async with self._call:
            await self.stream()
            yield

    async def stream(self) -> Stream:
        """The stream of the present call. If that call has broken, open another one first."""
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
        """Send to the present call. Call this while holding `writing`. A broken call raises nothing here: the reader
        gets the error."""
        if self._stream is None:
            return
        try:
            await send(self._stream)
        except ServiceError:
            self._stream = None  # the reader gets the error, too, and opens another call

    async def finish(self) -> None:
        """The writer is done."""
        async with self.writing:
            self.has_finished = True
            await self.write(lambda stream: stream.finish())

    def forget_retries(self) -> None:
        """Start to count the retries anew, because the call has worked."""
        self._retries.reset()

    async def try_again(self, error: ServiceError, moment: str) -> None:
        """Wait before `stream` opens another call. moment: a label of the metric.

        Raises `error` if every replica would refuse the request, or if there have been too many retries.
        """
        if isinstance(error, InvalidInputError | SequenceError):
            raise error
        self._stream = None
        await self._retries.next(error)
        metrics.RECOVERIES.labels(self._service, moment).inc()
