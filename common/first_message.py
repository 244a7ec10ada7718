"""The first message of a gRPC stream, which configures it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import TypeVar

from common.errors import SequenceError

T = TypeVar("T")

WITHIN_S = 10.0


async def first_message(requests: AsyncIterable[T], *, within_s: float = WITHIN_S) -> T | None:
    """The first message; None if the stream ends without one.

    Raises SequenceError if none comes in time, because a stream that sends nothing must not keep its slot.
    """
    try:
        async with asyncio.timeout(within_s):
            return await anext(aiter(requests), None)
    except TimeoutError:
        raise SequenceError(f"no message has come within {within_s:g} s; send `config` as soon as you call") from None
