"""Tells when a microphone gets louder than its own noise. Pure."""

from __future__ import annotations

import math

import numpy as np

from gateway.echo.played_audio import Pcm

_BLOCK = 512  # samples
_LOUDER = 1.5  # 3.5 dB
_LEAST = 8.0  # root mean square of 16-bit samples (-72 dB of full scale); softer blocks count as silence


class Loudness:
    """Follows one stretch of audio."""

    def __init__(self) -> None:
        self._floor = math.inf

    def follow(self, samples: Pcm) -> bool:
        """Take the next samples. Returns whether any block of them is clearly louder than the quietest block so far."""
        begins = np.arange(0, len(samples), _BLOCK)
        energies = np.add.reduceat(np.square(samples.astype(np.float32)), begins)
        levels = np.sqrt(energies / np.diff(begins, append=len(samples)))
        self._floor = min(self._floor, float(levels.min()))
        return bool(levels.max() > _LOUDER * max(self._floor, _LEAST))
