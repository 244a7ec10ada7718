"""Measures how loud a sound is, and what that says about the microphone."""

from __future__ import annotations

import math

import numpy as np

FULL_SCALE = 32_768


class Levels:
    """The peak and the energy of 16-bit little-endian mono PCM, added up piece by piece."""

    def __init__(self) -> None:
        self.samples = 0
        self.peak = 0
        self._energy = 0

    def add(self, pcm: bytes) -> None:
        """Include more PCM."""
        wide = np.frombuffer(pcm, "<i2").astype(np.int32)
        if wide.size:
            self.samples += wide.size
            self.peak = max(self.peak, int(wide.max()), -int(wide.min()))
            self._energy += int((wide * wide).sum(dtype=np.int64))

    def include(self, other: Levels) -> None:
        """Include what `other` has measured."""
        self.samples += other.samples
        self.peak = max(self.peak, other.peak)
        self._energy += other._energy

    @property
    def rms(self) -> float:
        """Root mean square on the scale of 16-bit samples, 0 to 32,768."""
        return math.sqrt(self._energy / self.samples) if self.samples else 0.0


def verdict(rms: float) -> str:
    """The meaning of a root mean square over some seconds of audio, in plain words."""
    for limit, words in (
        (10, "silence: is the microphone muted?"),
        (100, "very quiet: background noise, or a microphone far away"),
        (1_000, "quiet: soft speech or mostly pauses"),
        (8_000, "speech"),
        (30_000, "loud: very near or over-amplified microphone"),
    ):
        if rms < limit:
            return words
    return "noise or clipping: wrong encoding?"
