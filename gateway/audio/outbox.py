"""Decoded audio on its way from the decoder thread (or straight from the socket) to the session."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import anyio

from gateway.audio.errors import AudioError
from gateway.audio.types import QUIET, DecodedAudio, Quiet

CAPACITY = 32  # pieces of 20 to 60 ms from Opus: about a second of sound, enough to ride out a busy event loop


class ClosedOutboxError(Exception):
    """Nobody listens any more."""


class Outbox:
    """At most CAPACITY items are on their way; who sends more waits.

    A thread's items travel by call_soon_threadsafe, and it is held back by a semaphore: a slot is taken before the item
    is handed to the loop and given back when the session has taken it, so the channel has room whenever one arrives.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._slots = threading.Semaphore(CAPACITY)
        self._closed = False
        self._is_quiet = False
        self._news = asyncio.Event()  # to wait for it costs a fraction of what anyio's `receive` does
        self._send, self._receive = anyio.create_memory_object_stream[DecodedAudio | AudioError | _Bug](CAPACITY)

    def post(self, item: DecodedAudio | AudioError) -> None:
        """From the decoder thread; waits while the session is behind. Raises ClosedOutboxError."""
        self._slots.acquire()
        self._post(item)

    def post_bug(self, error: Exception) -> None:
        """From the decoder thread: raised in the session, which is where bugs are seen."""
        self._slots.acquire()
        self._post(_Bug(error))

    async def send(self, item: DecodedAudio) -> None:
        """From the event loop, in sessions that have no decoder thread; waits while the session is behind."""
        try:
            self._send.send_nowait(item)  # anyio's `send` goes once around the event loop even if there is room
        except anyio.WouldBlock:
            await self._send.send(item)
        self._tell_news()

    @property
    def has_room(self) -> bool:
        """Whether `send` need not wait. In sessions that have no decoder thread."""
        return self._send.statistics().current_buffer_used < CAPACITY

    def send_now(self, item: DecodedAudio) -> None:
        """As `send`, while there is room."""
        self._send.send_nowait(item)
        self._tell_news()

    def end(self) -> None:
        """From the event loop: nothing follows what has been sent."""
        self._send.close()
        self._news.set()

    def tell_quiet(self) -> None:
        """From the event loop: whoever has taken all that came is told so, unless more comes first."""
        self._is_quiet = True
        self._news.set()

    async def receive(self) -> DecodedAudio | AudioError | Quiet:
        """The next item. Raises anyio.EndOfStream after the last, and what `post_bug` brought."""
        while True:
            try:
                item = self._receive.receive_nowait()
                break
            except anyio.WouldBlock:
                if self._is_quiet:
                    self._is_quiet = False
                    return QUIET
                self._news.clear()
                await self._news.wait()
        self._slots.release()
        if isinstance(item, _Bug):
            raise item.error
        return item

    def close(self) -> None:
        """From the event loop: a thread that waits in `post`, and whoever waits in `receive`, goes on at once."""
        self._closed = True
        self._slots.release()
        self._send.close()
        self._receive.close()
        self._news.set()

    def _post(self, item: DecodedAudio | AudioError | _Bug) -> None:
        if self._closed:
            raise ClosedOutboxError
        try:
            self._loop.call_soon_threadsafe(self._deliver, item)
        except RuntimeError as error:  # the loop is closed
            raise ClosedOutboxError from error

    def _deliver(self, item: DecodedAudio | AudioError | _Bug) -> None:
        with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):  # closed since it was posted
            self._send.send_nowait(item)
            self._tell_news()

    def _tell_news(self) -> None:
        self._is_quiet = False
        self._news.set()


class _Bug:
    """An exception that no decoder should raise."""

    def __init__(self, error: Exception) -> None:
        self.error = error
