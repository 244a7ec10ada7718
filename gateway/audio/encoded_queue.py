"""The bytes on their way from a session's socket to its decoder thread, with the places where a stream begins."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from gateway.audio.types import StreamKind


class EncodedQueue:
    """Thread-safe: the event loop puts, one decoder thread takes. It is that thread's ByteSource.

    Bounded by whoever puts: `full` says when to wait, and `on_room` is called, in the thread, when that may be over.
    """

    def __init__(self, *, capacity_bytes: int, on_room: Callable[[], None]) -> None:
        self._capacity_bytes = capacity_bytes
        self._on_room = on_room
        self._items: deque[StreamKind | bytes] = deque()
        self._queued_bytes = 0
        self._ended = False
        self._changed = threading.Condition()

    # --- the event loop's side: never waits for more than the lock

    @property
    def full(self) -> bool:
        return self._queued_bytes >= self._capacity_bytes

    def begin(self, kind: StreamKind) -> None:
        """What follows is a new stream."""
        self._put(kind)

    def put(self, data: bytes) -> None:
        self._put(data)

    def finish(self) -> None:
        """Nothing follows."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def close(self) -> None:
        """Nothing follows, and nothing of what is queued matters any more."""
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

    # --- the decoder thread's side

    def next_stream(self) -> StreamKind | None:
        """Wait for the next stream to begin, dropping what is left of the last one; None: there will be none."""
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
        """The next bytes of the current stream, waiting for them; b"" at its end."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._ended)
            if not self._items or isinstance(self._items[0], StreamKind):
                return b""
            data = self._items.popleft()
            assert isinstance(data, bytes)  # noqa: S101 - for the type checker: looked at above
            was_full = self.full
            self._queued_bytes -= len(data)
            has_room = was_full and not self.full
        if has_room:
            self._on_room()
        return data

    def split(self, kind: StreamKind, data: bytes) -> None:
        """The current stream ends here; one of `kind` begins with `data`, part of what `read` gave last."""
        with self._changed:
            self._items.extendleft((data, kind))
            self._queued_bytes += len(data)
