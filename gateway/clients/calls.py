"""What the three clients share: a call that ends with its block, failures as ServiceErrors, and a second try elsewhere.

A replica that is full or drains refuses a call before its first response. The call is then opened anew, a few times:
the channel's round robin, or the proxy, picks another replica. Once a response has come, a failure is one.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import grpc

from common.errors import BusyError, ServiceError, UnavailableError
from common.grpc_errors import from_rpc_error
from gateway import metrics

logger = logging.getLogger(__name__)

TRIES = 4
FIRST_PAUSE_S = 0.05  # doubling, and up to half of it more by chance
# A refusal comes within a round trip. A stream that took so much without one was accepted: 2 s of audio at 16 kHz.
UNANSWERED_BYTES = 64_000


class Tries:
    """Counts the refusals of one call."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._pause_s = FIRST_PAUSE_S
        self._left = TRIES - 1

    async def again(self, error: ServiceError) -> bool:
        """Whether to try again, after a short pause."""
        if not self._left or not isinstance(error, BusyError | UnavailableError):
            return False
        self._left -= 1
        metrics.REOPENED_CALLS.labels(self._service).inc()
        logger.info("%s refused a call (%s): trying another replica", self._service, error.code)
        await asyncio.sleep(self._pause_s * random.uniform(1, 1.5))  # noqa: S311
        self._pause_s *= 2
        return True


@asynccontextmanager
async def open_call(call: Any) -> AsyncIterator[Any]:
    """`call` for the length of the block; cancelled at its end unless it has ended by itself.

    A task that is cancelled does not by itself cancel the RPC that it waits for.
    """
    try:
        yield call
    finally:
        call.cancel()


@contextmanager
def service_errors(service: str) -> Iterator[None]:
    """Turns a failed call to `service` into the ServiceError that it stands for."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error, service) from error


async def write(call: Any, message: Any, service: str) -> None:
    """Send a message on a call that may have ended already; its status then says why."""
    try:
        await call.write(message)
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error, service) from error
    except asyncio.InvalidStateError:
        code, metadata = await call.code(), grpc.aio.Metadata()
        if code is grpc.StatusCode.OK:
            raise UnavailableError(f"{service}: the service has ended the call; try again") from None
        ended = grpc.aio.AioRpcError(code, metadata, metadata, await call.details())
        raise from_rpc_error(ended, service) from None


class Stream:
    """A bidirectional call. What was sent is sent again if the call is refused, until the first response has come.

    One task may write and another read, as ever; use `async with` for its length.
    """

    def __init__(self, begin: Callable[[], Any], service: str) -> None:
        self._begin = begin
        self._service = service
        self._tries = Tries(service)
        self._unanswered: list[Any] | None = []
        self._unanswered_bytes = 0
        self._has_finished = False
        self._has_failed = False
        self._writing = asyncio.Lock()  # the reader writes too, when it has opened the call anew

    async def __aenter__(self) -> Stream:
        self._call = self._begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._call.cancel()

    async def write(self, message: Any) -> None:
        """Send a message. While the call may still be opened anew, a refusal is left to the reader."""
        async with self._writing:
            if self._unanswered is not None:
                self._unanswered.append(message)
                self._unanswered_bytes += message.ByteSize()
                if self._unanswered_bytes > UNANSWERED_BYTES:
                    self._unanswered = None
            try:
                await write(self._call, message, self._service)
            except (BusyError, UnavailableError):
                if self._unanswered is None or self._has_failed:
                    raise

    async def finish(self, message: Any) -> None:
        """Send the last message."""
        await self.write(message)
        async with self._writing:
            self._has_finished = True
            with suppress(asyncio.InvalidStateError):  # it has ended: the reader hears why
                await self._call.done_writing()

    async def __aiter__(self) -> AsyncIterator[Any]:
        while True:
            try:
                with service_errors(self._service):
                    async for response in self._call:
                        self._unanswered = None
                        yield response
            except ServiceError as error:
                if self._unanswered is None or not await self._tries.again(error):
                    self._has_failed = True
                    raise
            else:
                return
            await self._open_anew()

    async def _open_anew(self) -> None:
        async with self._writing:
            self._call.cancel()
            self._call = self._begin()
            for message in self._unanswered or ():
                try:
                    await write(self._call, message, self._service)
                except (BusyError, UnavailableError):
                    return  # refused again: the reader hears of it
            if self._has_finished:
                with suppress(asyncio.InvalidStateError):
                    await self._call.done_writing()
