"""Shared by the gRPC clients: calls that end with their block, failures as ServiceErrors, and retries.

A replica that is full or drains refuses a call before its first response. The channel's round robin, or the proxy, then
sends a new call to another replica.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import grpc

from common.backoff import Backoff
from common.errors import BusyError, ServiceError, UnavailableError
from common.grpc_errors import from_rpc_error
from gateway import metrics

logger = logging.getLogger(__name__)

RETRIES = 6  # together some 3 s: longer than a load balancer takes to notice that a replica is gone
FIRST_PAUSE_S, LONGEST_PAUSE_S, JITTER = 0.1, 1.0, 0.5


class Retries:
    """The retries of one call: at once, then after 0.1, 0.2, 0.4, 0.8 and 1 s. Each pause is lengthened by a random
    share, at most half of it."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S, at_once=True, jitter=JITTER)

    async def next(self, error: ServiceError) -> None:
        """Wait before one more try. Raises `error` if there have been RETRIES retries already."""
        if self._backoff.failures >= RETRIES:
            raise error
        metrics.REOPENED_CALLS.labels(self._service).inc()
        logger.info("a call to %s failed (%s): trying another replica", self._service, error.code)
        await asyncio.sleep(self._backoff.next_pause_s())

    async def after_refusal(self, error: ServiceError) -> None:
        """As `next`, for a call without a response so far. Also raises `error` if it is not a refusal."""
        if not isinstance(error, BusyError | UnavailableError):
            raise error
        await self.next(error)

    def reset(self) -> None:
        """The call has worked: forget the retries so far."""
        self._backoff.reset()


@asynccontextmanager
async def open_call(call: Any) -> AsyncIterator[Any]:
    """`call` for the length of the block. At the end of the block the call is cancelled, unless it has ended before.

    The block is needed because cancelling a task does not cancel the RPC that it waits for.
    """
    try:
        yield call
    finally:
        call.cancel()


@contextmanager
def service_errors(service: str) -> Iterator[None]:
    """Turns the failure of a call to `service` into a ServiceError."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error, service) from error


async def write(call: Any, message: Any, service: str) -> None:
    """Send a message on a call that may have ended already. Raises the ServiceError for the call's status."""
    try:
        await call.write(message)
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error, service) from error
    except asyncio.InvalidStateError:
        code = await call.code()
        if code is grpc.StatusCode.OK:
            raise UnavailableError(f"{service}: the service has ended the call; try again") from None
        trailers = await call.trailing_metadata()
        ended = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailers, await call.details())
        raise from_rpc_error(ended, service) from None


class Stream:
    """A bidirectional call to `service`. One task may write while another reads. All methods raise ServiceErrors."""

    def __init__(self, call: Any, service: str) -> None:
        self._call = call
        self._service = service

    @classmethod
    @asynccontextmanager
    async def open(cls, begin: Callable[[], Any], config: Any, service: str) -> AsyncIterator[Stream]:
        """Open a call and send `config` first. The call is cancelled at the end of the block.

        If the call is refused before `config` is sent, nothing is raised here: the reader of the stream gets the error.
        """
        async with open_call(begin()) as call:
            stream = cls(call, service)
            with suppress(ServiceError):
                await stream.write(config)
            yield stream

    async def write(self, message: Any) -> None:
        """Send a message."""
        await write(self._call, message, self._service)

    async def finish(self, message: Any) -> None:
        """Send the last message."""
        await self.write(message)
        with suppress(asyncio.InvalidStateError):  # the call has ended: its reader gets the reason
            await self._call.done_writing()

    async def __aiter__(self) -> AsyncIterator[Any]:
        with service_errors(self._service):
            async for response in self._call:
                yield response
