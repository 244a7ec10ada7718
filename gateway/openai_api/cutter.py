"""Cuts a long recording into pieces for recognition, where it is quietest. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.pcm import BYTES_PER_SAMPLE

RATE_HZ = 16_000
# Whisper hears at most 30 s at once. Pieces are shorter, because a live turn may have to wait until a piece is decoded.
MIN_PIECE_S, MAX_PIECE_S = 12, 24
FRAME = RATE_HZ // 50  # samples; the level is measured for each frame
QUIET_FRAMES = 15  # a cut is in the middle of the quietest 0.3 s
SILENCE_RMS = 10.0  # of 32,768: digital silence and muted microphones are no louder


class Piece(NamedTuple):
    """A part of a recording. start: in samples. pcm: 16-bit mono at RATE_HZ."""

    start: int
    pcm: bytes


class Cutter:
    """Takes 16-bit mono PCM at RATE_HZ in blocks, and yields pieces of at most MAX_PIECE_S. Silent pieces are left
    out."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._start = 0  # where the held audio begins, in samples

    @property
    def samples(self) -> int:
        """The length of the recording so far."""
        return self._start + len(self._held) // BYTES_PER_SAMPLE

    def push(self, pcm: bytes) -> Iterator[Piece]:
        """Take the next block. Yields the pieces that are complete."""
        self._held += pcm
        while len(self._held) >= MAX_PIECE_S * RATE_HZ * BYTES_PER_SAMPLE:
            yield from self._take(_quietest(_levels(bytes(self._held[: MAX_PIECE_S * RATE_HZ * BYTES_PER_SAMPLE]))))

    def finish(self) -> Iterator[Piece]:
        """The last piece."""
        yield from self._take(len(self._held) // BYTES_PER_SAMPLE)

    def _take(self, samples: int) -> Iterator[Piece]:
        piece = Piece(self._start, bytes(self._held[: samples * BYTES_PER_SAMPLE]))
        del self._held[: samples * BYTES_PER_SAMPLE]
        self._start += samples
        if len(piece.pcm) and _levels(piece.pcm).max() > SILENCE_RMS:
            yield piece


def _levels(pcm: bytes) -> npt.NDArray[np.float64]:
    """The root mean square of each frame. Silence fills up the last frame."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    samples = np.pad(samples, (0, -len(samples) % FRAME))
    levels: npt.NDArray[np.float64] = np.sqrt((samples.reshape(-1, FRAME) ** 2).mean(axis=1))
    return levels


def _quietest(levels: npt.NDArray[np.float64]) -> int:
    """Where to cut, in samples: in the middle of the quietest QUIET_FRAMES after MIN_PIECE_S. Of equally quiet places,
    the last one."""
    first = MIN_PIECE_S * RATE_HZ // FRAME
    loudness = np.convolve(levels[first:], np.ones(QUIET_FRAMES), "valid")
    last_quietest = len(loudness) - 1 - int(np.argmin(loudness[::-1]))
    return (first + last_quietest + QUIET_FRAMES // 2) * FRAME
