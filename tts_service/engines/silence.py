"""Shortens the silence around a sentence, with a fade so that the cut doesn't click. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LOUD = 0.01  # share of the loudest sample: -40 dB
# The silence that stays before and after the speech. It may hold a soft consonant, which begins up to LEAD_S before it
# is loud.
LEAD_S, TAIL_S = 0.03, 0.07
FADE_S = 0.005


def trim_silence(pcm: NDArray[np.float32], sample_rate_hz: int) -> tuple[NDArray[np.float32], int]:
    """`pcm` with at most 30 ms of silence before the speech and 70 ms after it, and how many samples were cut off at
    the beginning.

    pcm: mono, shape (samples,).
    """
    trimmer = SilenceTrimmer(sample_rate_hz)
    return trimmer.trim(pcm, is_last=True), trimmer.cut


class SilenceTrimmer:
    """Trims the silence at both ends of one sentence that comes in pieces.

    Sound at least 40 dB below the loudest sample so far counts as silence. cut: samples cut off at the beginning.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate = sample_rate_hz
        self._loudest = 0.0
        self._has_begun = False
        self.cut = 0

    def trim(self, pcm: NDArray[np.float32], *, is_last: bool) -> NDArray[np.float32]:
        """The next piece (mono, shape (samples,)) after trimming; empty while there has been only silence."""
        loudness = np.abs(pcm)
        self._loudest = max(self._loudest, float(loudness.max(initial=0.0)))
        loud = np.flatnonzero(loudness > _LOUD * self._loudest)
        begin, end = 0, pcm.size
        if not self._has_begun:
            begin = max(0, int(loud[0]) - round(LEAD_S * self._rate)) if loud.size else pcm.size
            self.cut += begin
        if is_last:
            end = (int(loud[-1]) if loud.size else begin) + round(TAIL_S * self._rate)
        trimmed = pcm[begin:end].copy()
        fade = np.linspace(0, 1, min(round(FADE_S * self._rate), trimmed.size), dtype=np.float32)
        if not self._has_begun:
            trimmed[: fade.size] *= fade
        if is_last:
            trimmed[trimmed.size - fade.size :] *= fade[::-1]
        self._has_begun |= trimmed.size > 0
        return trimmed
