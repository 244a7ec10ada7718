"""Decoded audio on its way from the decoder thread (or straight from the socket) to the session."""

from __future__ import annotations

import asyncio
import threading
from collections import deque

from gateway.audio.errors import AudioError
from gateway.audio.types import QUIET, DecodedAudio, Quiet

CAPACITY = 32  # pieces of 20 to 60 ms from Opus: about a second of sound, enough to ride out a busy event loop


class ClosedQueueError(Exception):
    """Nobody listens any more, or nothing more comes."""


class DecodedQueue:
    """At most CAPACITY items are on their way; who sends more waits.

    A thread's items travel by call_soon_threadsafe, and it is held back by a semaphore: a slot is taken before the item
    is handed to the loop and given back when the session has taken it, so there is room whenever one arrives. Not a
    queue of asyncio or anyio, to which the way costs several times as much.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._items: deque[DecodedAudio | AudioError | _Bug] = deque()
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._slots = threading.Semaphore(CAPACITY)
        self._has_thread = self._is_quiet = self._has_ended = self._is_closed = False

    def post(self, item: DecodedAudio | AudioError) -> None:
        """From the decoder thread; waits while the session is behind. Raises ClosedQueueError."""
        self._post(item)

    def post_bug(self, error: Exception) -> None:
        """From the decoder thread: raised in the session, which is where bugs are seen."""
        self._post(_Bug(error))

    async def send(self, item: DecodedAudio) -> None:
        """From the event loop, in sessions that have no decoder thread; waits while the session is behind."""
        while not (self.has_room or self._is_closed):
            self._room.clear()
            await self._room.wait()
        self.send_now(item)

    @property
    def has_room(self) -> bool:
        """Whether `send` need not wait. In sessions that have no decoder thread."""
        return len(self._items) < CAPACITY

    def send_now(self, item: DecodedAudio) -> None:
        """As `send`, while there is room. After `end` and `close` without effect."""
        self._put(item)

    def end(self) -> None:
        """From the event loop: nothing follows what has been sent."""
        self._has_ended = True
        self._news.set()

    def tell_quiet(self) -> None:
        """From the event loop: whoever has taken all that came is told so, unless more comes first."""
        self._is_quiet = True
        self._news.set()

    async def receive(self) -> DecodedAudio | AudioError | Quiet:
        """The next item. Raises ClosedQueueError after the last, and what `post_bug` brought."""
        while not self._items or self._is_closed:
            if self._has_ended or self._is_closed:
                raise ClosedQueueError
            if self._is_quiet:
                self._is_quiet = False
                return QUIET
            self._news.clear()
            await self._news.wait()
        item = self._items.popleft()
        self._room.set()
        if self._has_thread:
            self._slots.release()
        if isinstance(item, _Bug):
            raise item.error
        return item

    def close(self) -> None:
        """From the event loop: a thread that waits in `post`, and whoever waits in `receive`, goes on at once."""
        self._is_closed = True
        self._slots.release()
        self._room.set()
        self._news.set()

    def _post(self, item: DecodedAudio | AudioError | _Bug) -> None:
        self._has_thread = True
        self._slots.acquire()
        if self._is_closed:
            raise ClosedQueueError
        try:
            self._loop.call_soon_threadsafe(self._put, item)
        except RuntimeError as error:  # the loop is closed
            raise ClosedQueueError from error

    def _put(self, item: DecodedAudio | AudioError | _Bug) -> None:
        if self._has_ended or self._is_closed:
            return
        self._items.append(item)
        self._is_quiet = False
        self._news.set()


class _Bug:
    """An exception that no decoder should raise."""

    def __init__(self, error: Exception) -> None:
        self.error = error
