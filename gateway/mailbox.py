"""A small queue that can be closed.

asyncio's own can from Python 3.13 on; anyio's takes two turns of the event loop for each item, which cost several times
what the item does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(AsyncIterator[T], Generic[T]):
    """Iterate over it to take the items out, in the order in which they were put. For one event loop."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._putting = asyncio.Lock()  # whose waiters have their turn in order
        self._is_closed = False

    async def put(self, item: T) -> None:
        """Waits while it is full, and goes before whoever comes meanwhile. Once it is closed, without effect."""
        async with self._putting:
            while len(self._items) >= self._capacity and not self._is_closed:
                self._room.clear()
                await self._room.wait()
            if not self._is_closed:
                self._items.append(item)
                self._news.set()

    def close(self) -> None:
        """Nothing more is put: the iteration ends once all is taken that was."""
        self._is_closed = True
        self._news.set()
        self._room.set()

    async def __anext__(self) -> T:
        while not self._items:
            if self._is_closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        self._room.set()
        return self._items.popleft()
