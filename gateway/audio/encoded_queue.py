"""The queue of bytes from a session's socket to its decoder thread, with the places where streams begin."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from gateway.audio.types import StreamKind


class EncodedQueue:
    """Thread-safe: the event loop puts bytes in, one decoder thread takes them out. It is that thread's ByteSource.

    It never refuses bytes, so the event loop has to wait while it is `full`. `on_room` is called in the decoder thread
    when there is room again.
    """

    def __init__(self, *, capacity_bytes: int, on_room: Callable[[], None]) -> None:
        self._capacity_bytes = capacity_bytes
        self._on_room = on_room
        self._items: deque[StreamKind | bytes] = deque()
        self._queued_bytes = 0
        self._ended = False
        self._changed = threading.Condition()

    # --- for the event loop: these methods wait only for the lock

    @property
    def full(self) -> bool:
        """Whether the event loop should wait before it puts more in."""
        return self._queued_bytes >= self._capacity_bytes

    def begin(self, kind: StreamKind) -> None:
        """A new stream follows."""
        self._put(kind)

    def put(self, data: bytes) -> None:
        """Add bytes of the stream that has begun."""
        self._put(data)

    def finish(self) -> None:
        """No more bytes follow."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def close(self) -> None:
        """Drop the queued bytes; no more follow."""
        with self._changed:
            self._items.clear()
            self._queued_bytes = 0
            self._ended = True
            self._changed.notify()

    def _put(self, item: StreamKind | bytes) -> None:
        with self._changed:
            if self._ended:
                return
            self._items.append(item)
            if isinstance(item, bytes):
                self._queued_bytes += len(item)
            self._changed.notify()

    # --- for the decoder thread

    def next_stream(self) -> StreamKind | None:
        """Drop the rest of the current stream and wait for the next one to begin. None: no stream will follow."""
        while True:
            while self.read():
                pass
            with self._changed:
                if not self._items:
                    return None
                kind = self._items.popleft()
            if isinstance(kind, StreamKind):
                return kind
            raise AssertionError("read() gave b'' before bytes")

    def read(self) -> bytes:
        """Wait for the next bytes of the current stream; b"" at its end."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._ended)
            if not self._items or isinstance(self._items[0], StreamKind):
                return b""
            data = self._items.popleft()
            assert isinstance(data, bytes)  # noqa: S101 - for the type checker; checked above
            was_full = self.full
            self._queued_bytes -= len(data)
            has_room = was_full and not self.full
        if has_room:
            self._on_room()
        return data

    def split(self, kind: StreamKind, data: bytes) -> None:
        """The current stream ends here. A new one of `kind` begins with `data`, the last part of the bytes that `read`
        gave."""
        with self._changed:
            self._items.extendleft((data, kind))
            self._queued_bytes += len(data)
