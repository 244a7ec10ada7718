"""What the learner's loudspeaker plays, on the gateway's clock.

A player plays what it gets at once, or after what it already has. So the clock starts when audio is sent. The player's
own delay is part of the echo's delay, which the detector measures.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.audio.pcm import PcmConverter, PcmFormat

Pcm = npt.NDArray[np.int16]

# The microphone may be two seconds late, the echo one second more, and audio is sent two seconds ahead.
KEEP_S = 6.0


@dataclass(frozen=True, slots=True)
class _Piece:
    """Audio from sample `start` on."""

    start: int
    samples: Pcm

    @property
    def end(self) -> int:
        return self.start + len(self.samples)


class PlayedAudio:
    """The latest KEEP_S of the partner's audio at `sample_rate_hz`. Positions are samples of a clock, passed in."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate_hz = sample_rate_hz
        self._pieces: deque[_Piece] = deque()
        self._converter = PcmConverter(PcmFormat("pcm_s16le", sample_rate_hz, 1), sample_rate_hz)

    def begin(self, source_rate_hz: int) -> None:
        """A reply begins. source_rate_hz: of its PCM."""
        self._converter = PcmConverter(PcmFormat("pcm_s16le", source_rate_hz, 1), self._rate_hz)

    def add(self, pcm: bytes, now: int) -> None:
        """Take audio that is sent now."""
        for data in self._converter.push(pcm):
            start = max(now, self._pieces[-1].end) if self._pieces else now
            self._pieces.append(_Piece(start, np.frombuffer(data, "<i2")))
        while self._pieces and self._pieces[0].end < now - KEEP_S * self._rate_hz:
            self._pieces.popleft()

    def stop(self, now: int) -> None:
        """The player drops everything that it has not played yet."""
        while self._pieces and self._pieces[-1].start >= now:
            self._pieces.pop()
        if self._pieces and (last := self._pieces[-1]).end > now:
            self._pieces[-1] = _Piece(last.start, last.samples[: now - last.start])

    def is_played_in(self, start: int, end: int) -> bool:
        """Whether any of it is played between these two samples."""
        return any(piece.start < end and piece.end > start for piece in self._pieces)

    def read(self, start: int, end: int) -> Pcm:
        """The samples between the two, with silence where nothing is played."""
        out = np.zeros(end - start, np.int16)
        for piece in self._pieces:
            first, last = max(start, piece.start), min(end, piece.end)
            if first < last:
                out[first - start : last - start] = piece.samples[first - piece.start : last - piece.start]
        return out
