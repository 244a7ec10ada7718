"""The microphone's latest audio, kept for the next check."""

from __future__ import annotations

from collections import deque

import numpy as np

from common.pcm import BYTES_PER_SAMPLE
from gateway.echo.played_audio import Pcm


class MicrophoneWindow:
    """Keeps at least the latest `samples` of a stretch without gaps, in the pieces in which they came, without copying
    them."""

    def __init__(self, samples: int) -> None:
        self._size = samples * BYTES_PER_SAMPLE
        self._pieces: deque[bytes] = deque()
        self._kept = 0  # bytes
        self.end = 0

    @property
    def is_full(self) -> bool:
        """Whether there are as many samples as wanted."""
        return self._kept >= self._size

    def add(self, pcm: bytes, start: int) -> bool:
        """Add the next audio, which begins at sample `start`. Returns whether it follows the previous audio without a
        gap; if not, the previous audio is dropped."""
        follows = start == self.end
        if not follows:
            self.clear()
        self._pieces.append(pcm)
        self._kept += len(pcm)
        while self._kept - len(self._pieces[0]) >= self._size:
            self._kept -= len(self._pieces.popleft())
        self.end = start + len(pcm) // BYTES_PER_SAMPLE
        return follows

    def clear(self) -> None:
        """Drop everything."""
        self._pieces.clear()
        self._kept = 0

    def read(self) -> Pcm:
        """The latest samples, at most as many as wanted."""
        return np.frombuffer(b"".join(self._pieces)[-self._size :], "<i2")
