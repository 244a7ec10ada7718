"""What the learner's loudspeaker plays, on the gateway's clock.

A player begins to play audio when the audio comes, or after the audio that it already has. So audio counts as played
from the moment when it is sent, or after the audio before it. The player's own delay is part of the echo's delay, which
`Correlation` measures.

Most audio is never read, because most learners have no echo. So it is kept as it was sent, and resampled when somebody
reads it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from common.pcm import BYTES_PER_SAMPLE
from gateway.audio.pcm import PcmConverter, PcmFormat

Pcm = npt.NDArray[np.int16]

# The microphone may be two seconds late and the echo one second more, and audio is sent two seconds ahead.
KEEP_S = 6.0
_SILENCE = 10.0  # root mean square of 16-bit samples (-70 dB of full scale): softer audio can't be heard
_ROUNDED = 2  # the most samples by which rounding shifts a piece


@dataclass(slots=True)
class _Piece:
    """Audio that is played between two positions. source: the audio as it was sent. samples: the same audio resampled,
    beginning at `at`; None until it is read."""

    start: float
    end: float
    source: Pcm
    converter: PcmConverter
    is_heard: bool
    samples: Pcm | None = None
    at: int = 0


class PlayedAudio:
    """The latest KEEP_S of the partner's audio at `sample_rate_hz`. Positions are in samples of the caller's clock."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate_hz = sample_rate_hz
        self._pieces: deque[_Piece] = deque()
        self._resampled_to = 0
        self.begin(sample_rate_hz)

    def begin(self, source_rate_hz: int) -> None:
        """A reply begins. source_rate_hz: the rate of its PCM."""
        self._source_rate_hz = source_rate_hz
        self._converter: PcmConverter | None = None

    def add(self, pcm: bytes, now: int) -> None:
        """Take audio that is sent now."""
        source = np.frombuffer(pcm, "<i2", count=len(pcm) // BYTES_PER_SAMPLE)
        if not len(source):
            return
        if self._converter is None:
            self._converter = PcmConverter(PcmFormat("pcm_s16le", self._source_rate_hz, 1), self._rate_hz)
        start = max(now, self._pieces[-1].end) if self._pieces else now
        end = start + len(source) * self._rate_hz / self._source_rate_hz
        self._pieces.append(_Piece(start, end, source, self._converter, loudness(source) > _SILENCE))
        self.forget(now - round(KEEP_S * self._rate_hz))

    def stop(self, now: int) -> None:
        """The player drops everything that it has not yet played."""
        while self._pieces and self._pieces[-1].start >= now:
            self._pieces.pop()
        if self._pieces and (last := self._pieces[-1]).end > now:
            last.source = _part(last, last.start, now)
            last.samples = None if last.samples is None else last.samples[: max(0, now - last.at)]
            last.end = now

    def forget(self, before: int) -> None:
        """Free the audio that was played before this sample."""
        while self._pieces and self._pieces[0].end < before:
            self._pieces.popleft()
        if not self._pieces:
            self._converter = None

    def is_heard_in(self, start: int, end: int) -> bool:
        """Whether any audio that is not silence is played between these two samples."""
        return any(piece.is_heard and piece.start < end and piece.end > start for piece in self._pieces)

    def loudness_in(self, start: int, end: int) -> float:
        """The root mean square between these two samples. It is computed without resampling."""
        energy = 0.0
        for piece in self._pieces:
            overlap = min(end, piece.end) - max(start, piece.start)
            if overlap > 0:
                energy += overlap * loudness(_part(piece, start, end)) ** 2
        return float(np.sqrt(energy / (end - start)))

    def read(self, start: int, end: int) -> Pcm:
        """The samples between these two positions, with silence where nothing is played."""
        out = np.zeros(end - start, np.int16)
        for piece in self._pieces:
            samples = self._samples(piece)
            first, last = max(start, piece.at), min(end, piece.at + len(samples))
            if first < last:
                out[first - start : last - start] = samples[first - piece.at : last - piece.at]
        return out

    def _samples(self, piece: _Piece) -> Pcm:
        """The piece, resampled. Call this for the pieces in order, because the resampler holds the last millisecond of
        a piece back until the next piece comes. The result counts as ending where the piece ends. So it begins where
        the previous result ended, once the rounding to whole samples is corrected."""
        if piece.samples is None:
            piece.samples = np.frombuffer(b"".join(piece.converter.push(piece.source.tobytes())), "<i2")
            piece.at = round(piece.end) - len(piece.samples)
            if abs(piece.at - self._resampled_to) <= _ROUNDED:
                piece.at = self._resampled_to
            self._resampled_to = piece.at + len(piece.samples)
        return piece.samples


def _part(piece: _Piece, start: float, end: float) -> Pcm:
    """The part of the piece's source for the time between these two samples."""
    per_sample = len(piece.source) / (piece.end - piece.start)
    first, last = max(start, piece.start) - piece.start, min(end, piece.end) - piece.start
    return piece.source[round(first * per_sample) : round(last * per_sample)]


def loudness(pcm: Pcm) -> float:
    """The root mean square; 0 without any samples."""
    audio = pcm.astype(np.float32)
    return float(np.sqrt(np.dot(audio, audio) / max(1, len(audio))))
