"""Keeps a cancellation that the standard library may lose."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def in_own_task(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which runs in a task of its own. If the caller is cancelled, it cancels that task and waits
    for its end.

    Use it for work that contains an asyncio.TaskGroup and whose errors the caller handles before going on. If a task is
    cancelled while its TaskGroup is ending because of an error, the group raises only that error (up to Python 3.12).
    The cancellation is then lost: the task would run on, and whoever waits for its end would wait for ever.
    """
    working = asyncio.create_task(work)
    try:
        await asyncio.wait({working})
    except asyncio.CancelledError:
        working.cancel()
        await asyncio.wait({working})
        if not working.cancelled():
            working.exception()  # mark the error as seen: nobody is left to handle it
        raise
    return working.result()
