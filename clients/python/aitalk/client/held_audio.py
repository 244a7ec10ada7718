"""Keeps audio for the next connection: frames that were not sent, and the latest sent ones, which may be lost. Pure."""

from __future__ import annotations

from collections import deque

HELD_BYTES = 320_000  # ten seconds of PCM at 16 kHz
RECENT_BYTES = 16_000  # half a second


class HeldAudio:
    """Keeps the newest audio in whole frames, up to a limit."""

    def __init__(self) -> None:
        self._held = _Newest(HELD_BYTES)
        self._recent = _Newest(RECENT_BYTES)

    def sent(self, frame: bytes) -> None:
        """This frame has been sent, which does not mean that it has arrived."""
        self._recent.add(frame)

    def hold(self, frame: bytes) -> None:
        """Keep this frame for the next connection."""
        self._held.add(frame)

    def connection_ended(self, *, hearing: bool) -> None:
        """The latest frames may be lost, so keep them too, unless the gateway had begun to hear the learner."""
        for frame in self._recent.take():
            if not hearing:
                self._held.add(frame)

    def take(self) -> list[bytes]:
        """The frames to send over the new connection, in order."""
        return self._held.take()


class _Newest:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._frames: deque[bytes] = deque()
        self._bytes = 0

    def add(self, frame: bytes) -> None:
        self._frames.append(frame)
        self._bytes += len(frame)
        while self._bytes > self._limit and len(self._frames) > 1:
            self._bytes -= len(self._frames.popleft())

    def take(self) -> list[bytes]:
        frames, self._frames, self._bytes = list(self._frames), deque(), 0
        return frames
