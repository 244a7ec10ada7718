"""Trims the silence around a sentence to a little, with a fade so that the cut does not click. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LOUD = 0.01  # of the loudest sample: -40 dB
_LEAD_S = 0.03  # a soft consonant begins before it is loud
_TAIL_S = 0.07
_FADE_S = 0.005


def trim_silence(pcm: NDArray[np.float32], sample_rate_hz: int) -> tuple[NDArray[np.float32], int]:
    """`pcm` (mono, shape (samples,)) with at most 30 ms of silence before and 70 ms after, and how many samples before
    it were cut.
    """
    loudness = np.abs(pcm)
    loud = np.flatnonzero(loudness > _LOUD * loudness.max(initial=0.0))
    if not loud.size:
        return pcm[:0].copy(), 0
    begin = max(0, int(loud[0]) - round(_LEAD_S * sample_rate_hz))
    end = int(loud[-1]) + round(_TAIL_S * sample_rate_hz)
    trimmed = pcm[begin:end].copy()
    fade = np.linspace(0, 1, min(round(_FADE_S * sample_rate_hz), len(trimmed)), dtype=np.float32)
    trimmed[: len(fade)] *= fade
    trimmed[len(trimmed) - len(fade) :] *= fade[::-1]
    return trimmed, begin
