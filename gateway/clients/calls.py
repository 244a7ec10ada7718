"""What the three clients share: a call that ends with its block, and failures as ServiceErrors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc

from common.errors import UnavailableError, from_rpc_error


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
    with service_errors(service):
        try:
            await call.write(message)
        except asyncio.InvalidStateError:
            code, metadata = await call.code(), grpc.aio.Metadata()
            if code is grpc.StatusCode.OK:
                raise UnavailableError(f"{service}: the service has ended the call; try again") from None
            raise grpc.aio.AioRpcError(code, metadata, metadata, await call.details()) from None
