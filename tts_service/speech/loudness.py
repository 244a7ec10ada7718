"""How loud speech is: ITU-R BS.1770-5 loudness, in LUFS, of mono audio that comes in pieces. Pure.

We use our own code because pyloudnorm brings SciPy (100 MB installed) for two short filters. We apply the filters'
frequency response to the spectrum of each stretch, which NumPy does without a recursion over samples.
https://www.itu.int/rec/R-REC-BS.1770 (annex 1)
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_STEP_S = 0.1  # loudness is measured over blocks of four steps, and a block begins at every step
_BLOCK_STEPS = 4
_OFFSET_DB = -0.691  # from the mean square in dB to LUFS
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
# Two biquads, (b0, b1, b2), (a0, a1, a2), for 48 kHz. Only their frequency response is used, so they work for any
# sample rate.
_HEAD = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
_HIGH_PASS = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))


class LoudnessMeter:
    """Measures the integrated loudness of the audio added so far."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._step = round(_STEP_S * sample_rate_hz)
        self._rate = sample_rate_hz
        self._rest = np.zeros(0, np.float32)
        self._powers: list[float] = []  # K-weighted mean squares of the steps

    def add(self, pcm: NDArray[np.float32]) -> None:
        """Take the next piece of audio. pcm: float32, shape (samples,)."""
        pcm = np.concatenate([self._rest, pcm])
        whole = len(pcm) - len(pcm) % self._step
        self._rest = pcm[whole:]
        self._powers += _powers(pcm[:whole].reshape(-1, self._step), self._rate).tolist()

    def measure(self) -> tuple[float, float]:
        """(LUFS, seconds): the loudness and the length of the audio that passes BS.1770's gates; 0 s: no audio passes,
        because all of it is silence or there is less than one step.

        Audio that is shorter than one block is measured as one shorter block.
        """
        steps = np.asarray(self._powers)
        size = min(_BLOCK_STEPS, len(steps))
        if not size:
            return _ABSOLUTE_GATE_LUFS, 0.0
        blocks = np.convolve(steps, np.full(size, 1 / size), "valid")
        blocks = blocks[blocks > 10 ** ((_ABSOLUTE_GATE_LUFS - _OFFSET_DB) / 10)]
        if not blocks.size:
            return _ABSOLUTE_GATE_LUFS, 0.0
        kept = blocks[blocks > blocks.mean() * 10 ** (_RELATIVE_GATE_LU / 10)]
        return _OFFSET_DB + 10 * float(np.log10(kept.mean())), float((len(kept) + size - 1) * _STEP_S)


def _powers(stretches: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float64]:
    """The K-weighted mean square of each row of `stretches`, which has the shape (rows, samples)."""
    size = stretches.shape[1]
    spectrum = np.abs(np.fft.rfft(stretches, axis=1)) ** 2
    both_sides = np.full(spectrum.shape[1], 2.0)
    both_sides[0] = 1.0
    if size % 2 == 0:
        both_sides[-1] = 1.0
    weighted: NDArray[np.float64] = (spectrum * (both_sides * _k_weight(size, sample_rate_hz))).sum(axis=1) / size**2
    return weighted


@lru_cache(maxsize=16)
def _k_weight(size: int, sample_rate_hz: int) -> NDArray[np.float64]:
    """|H(f)|² of both filters at the frequencies of a spectrum of `size` samples."""
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(size, 1 / sample_rate_hz) / 48_000)
    gain = np.ones(len(z))
    for b, a in (_HEAD, _HIGH_PASS):
        gain *= np.abs(np.polyval(b[::-1], z) / np.polyval(a[::-1], z)) ** 2
    return gain
