"""A gRPC stream that sends nothing does not keep its slot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from common.errors import SequenceError
from common.first_message import first_message


async def of(*messages: str, after_s: float = 0.0) -> AsyncIterator[str]:
    await asyncio.sleep(after_s)
    for message in messages:
        yield message


async def test_it_is_the_first() -> None:
    assert await first_message(of("config", "audio")) == "config"
    assert await first_message(of()) is None


async def test_it_must_come_in_time() -> None:
    with pytest.raises(SequenceError, match="as soon as you call"):
        await first_message(of("config", after_s=30), within_s=0.05)
