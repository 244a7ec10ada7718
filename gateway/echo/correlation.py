"""Finds the partner's voice in the learner's microphone by correlating the two signals, and measures its delay.

Each frequency counts almost equally, as in GCC-PHAT (Knapp and Carter, 1976), because speech has most of its energy at
a few frequencies. Frequencies that are softer than the mean count less, so that the microphone's own noise doesn't hide
a soft echo. The correlation of unrelated voices looks like noise; that of an echo has a peak at its delay.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.echo.played_audio import Pcm

WINDOW_S = 1.0
MIN_DELAY_S, MAX_DELAY_S = -0.1, 1.1
_DECIMATION = 2  # the correlation is computed at 8 kHz
_LOWEST_HZ = 100
_KEEP = 0.7  # how much the previous windows count; the peaks of a delay that stays the same add up


class Correlation:
    """Takes windows of the two signals, one after the other."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate_hz = sample_rate_hz // _DECIMATION
        self.window = round(WINDOW_S * sample_rate_hz)
        self.earliest, self.latest = round(MIN_DELAY_S * sample_rate_hz), round(MAX_DELAY_S * sample_rate_hz)
        self._size = _fast_size((self.window + self.latest - self.earliest) // _DECIMATION)
        self._lowest = round(_LOWEST_HZ / self._rate_hz * self._size)
        self._sum: npt.NDArray[np.float32] | None = None

    def forget(self) -> None:
        """Drop the previous windows, because the delay may have changed."""
        self._sum = None

    def add(self, microphone: Pcm, played: Pcm) -> tuple[float, int]:
        """How certain an echo is, and its delay in samples.

        microphone: `window` samples. played: what was played from `latest` samples before the first of them to
        `earliest` (negative) samples before the last. The first result is the height of the highest peak as a multiple
        of the root mean square of the correlation. It is up to 11 without an echo, and mostly 15 to 60 with one.
        """
        heard, said = _decimated(microphone), _decimated(played)
        delays = len(said) - len(heard) + 1
        circular = np.fft.irfft(self._weighted(heard, said), self._size)
        found = np.asarray(circular[-np.arange(delays) % self._size][::-1], np.float32)  # by rising delay
        found /= _effective(found) or 1.0
        if self._sum is not None:
            found = np.asarray(_KEEP * self._sum + (1 - _KEEP) * found, np.float32)
        self._sum = found
        peak = int(np.argmax(np.abs(found)))
        return float(abs(found[peak])) / (_effective(found) or 1.0), self.earliest + peak * _DECIMATION

    def _weighted(self, heard: npt.NDArray[np.float32], said: npt.NDArray[np.float32]) -> npt.NDArray[np.complex64]:
        one, other = np.fft.rfft(heard, self._size), np.fft.rfft(said, self._size)
        sizes = np.abs(one), np.abs(other)
        weights = (sizes[0] + sizes[0].mean()) * (sizes[1] + sizes[1].mean()) + 1e-9
        cross = one * np.conj(other) / weights
        cross[: self._lowest] = 0
        return np.asarray(cross, np.complex64)


def _effective(values: npt.NDArray[np.float32]) -> float:
    """The root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


def _decimated(pcm: Pcm) -> npt.NDArray[np.float32]:
    audio = pcm.astype(np.float32)
    return audio[::_DECIMATION] + audio[1::_DECIMATION]


def _fast_size(least: int) -> int:
    """A size of at least `least` for which a Fourier transform is fast: 2^n or 9 · 2^n."""
    power = 1 << (least - 1).bit_length()
    return next(size for size in (power // 16 * 9, power) if size >= least)
