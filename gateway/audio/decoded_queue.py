"""Decoded audio on its way from the decoder thread, or directly from the socket, to the session."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import replace

from gateway.audio.errors import AudioError
from gateway.audio.types import DecodedAudio, Quiet, StreamCut

CAPACITY = 32  # pieces of 20 to 60 ms from Opus: about a second of sound, enough while the event loop is busy
# The limit without a decoder thread: ten seconds at 16 kHz. If recognition hangs, the gateway gives up the stream to it
# sooner. With a smaller limit the gateway would stop reading before that, and the client would take the connection for
# dead.
CAPACITY_BYTES = 320_000
_LEAST_BYTES = 320  # each item counts as at least this much


class ClosedQueueError(Exception):
    """Nobody reads any more, or no more items will come."""


class DecodedQueue:
    """Holds at most CAPACITY items from a thread, or about CAPACITY_BYTES without one. A sender waits while the queue
    is full.

    A thread's items reach the event loop by call_soon_threadsafe. A semaphore limits the thread: the thread takes a
    slot before it gives an item to the loop, and the session frees the slot when it takes the item. So there is room
    whenever an item arrives. A queue of asyncio or anyio would cost the thread a round trip to the loop for each item.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._items: deque[DecodedAudio | AudioError | StreamCut | _Bug] = deque()
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._slots = threading.Semaphore(CAPACITY)
        self._has_thread = self._has_ended = self._is_closed = False
        self._quiet_s = 0.0
        self._queued_bytes = 0

    def post(self, item: DecodedAudio | AudioError) -> None:
        """Call this in the decoder thread. Waits while the session is behind. Raises ClosedQueueError."""
        self._post(item)

    def post_bug(self, error: Exception) -> None:
        """Call this in the decoder thread. The error is raised in the session, which logs bugs."""
        self._post(_Bug(error))

    async def send(self, item: DecodedAudio | StreamCut) -> None:
        """Call this in the event loop of a session without a decoder thread. Waits while the session is behind."""
        while not (self.has_room or self._is_closed):
            self._room.clear()
            await self._room.wait()
        self.send_now(item)

    @property
    def has_room(self) -> bool:
        """Whether `send` would return at once."""
        return self._queued_bytes < CAPACITY_BYTES

    def send_now(self, item: DecodedAudio | StreamCut) -> None:
        """As `send`, without waiting: call it only if there is room. Has no effect after `end` or `close`."""
        self._put(item)

    def end(self) -> None:
        """No more items follow. Call this in the event loop."""
        self._has_ended = True
        self._news.set()

    def tell_quiet(self, seconds: float) -> None:
        """Have `receive` return a Quiet once everything is taken, unless more audio comes first. Call this in the event
        loop."""
        self._quiet_s += seconds
        self._news.set()

    async def receive(self) -> DecodedAudio | AudioError | StreamCut | Quiet:
        """The next item. Without a decoder thread, all the audio that waits before the next StreamCut comes as one
        item.

        Raises ClosedQueueError after the last item, and the error that `post_bug` was given.
        """
        while not self._items or self._is_closed:
            if self._has_ended or self._is_closed:
                raise ClosedQueueError
            if self._quiet_s:
                seconds, self._quiet_s = self._quiet_s, 0.0
                return Quiet(seconds)
            self._news.clear()
            await self._news.wait()
        item = self._take()
        self._room.set()
        if self._has_thread:
            self._slots.release()
        if isinstance(item, _Bug):
            raise item.error
        if isinstance(item, DecodedAudio) and not self._has_thread:
            return self._joined(item)
        return item

    def close(self) -> None:
        """Make everyone who waits in `post`, `send` or `receive` stop waiting at once. Call this in the event loop."""
        self._is_closed = True
        self._slots.release()
        self._room.set()
        self._news.set()

    def _joined(self, first: DecodedAudio) -> DecodedAudio:
        """`first` and the audio queued directly behind it, as one item. So what was read from the socket at once goes
        to recognition as one message."""
        pieces = [first.pcm]
        while self._items and isinstance(audio := self._items[0], DecodedAudio):
            pieces.append(audio.pcm)
            self._take()
        return replace(first, pcm=b"".join(pieces)) if len(pieces) > 1 else first

    def _take(self) -> DecodedAudio | AudioError | StreamCut | _Bug:
        item = self._items.popleft()
        self._queued_bytes -= _size_of(item)
        return item

    def _post(self, item: DecodedAudio | AudioError | _Bug) -> None:
        self._has_thread = True
        self._slots.acquire()
        if self._is_closed:
            raise ClosedQueueError
        try:
            self._loop.call_soon_threadsafe(self._put, item)
        except RuntimeError as error:  # the loop is closed
            raise ClosedQueueError from error

    def _put(self, item: DecodedAudio | AudioError | StreamCut | _Bug) -> None:
        if self._has_ended or self._is_closed:
            return
        self._items.append(item)
        self._queued_bytes += _size_of(item)
        self._quiet_s = 0.0
        self._news.set()


def _size_of(item: object) -> int:
    return max(_LEAST_BYTES, len(item.pcm)) if isinstance(item, DecodedAudio) else _LEAST_BYTES


class _Bug:
    """An exception that no decoder should raise."""

    def __init__(self, error: Exception) -> None:
        self.error = error
