"""Converts the clients' audio (16-bit PCM at any common rate) to the models' audio (float at 16 kHz)."""

from __future__ import annotations

from functools import cache
from math import ceil, gcd
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt
import soxr

from common.errors import InvalidInputError
from common.pcm import BYTES_PER_SAMPLE
from common.speech import MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ

ENGINE_RATE_HZ = 16_000
"""The rate at which voice detection and the models work. Inside this service, positions are counted at this rate."""
_CROSSINGS = 16  # zero crossings of the sinc on each side
_BETA = 8.0  # parameter of the Kaiser window: attenuates the stopband by 80 dB
_PASSED = 0.94  # the passband, as a share of the input's or the output's bandwidth, whichever is lower
# In stereo of one voice, the two samples of a pair are nearly alike. The mean square of their difference is less than
# this share of the mean square of the difference between one pair's second sample and the next pair's first one. In
# mono, the two mean squares are about equal.
TWO_CHANNELS = 0.1
# In two interleaved channels, the sample two places later is of the same channel. If the channels differ, the
# correlation with that sample is above the first value (1: the samples are alike), and the correlation with the next
# sample is below the second value times that. Mono is the other way round: in speech, the correlation with the next
# sample is 1.02 to 6 times as high as that with the sample two places later.
_RESEMBLES, _LESS = 0.5, 0.85

Audio: TypeAlias = npt.NDArray[np.float32]
"""Mono samples, -1 to 1."""


def check_rate(sample_rate_hz: int) -> None:
    """Raises InvalidInputError unless the rate is from MIN_SAMPLE_RATE_HZ to MAX_SAMPLE_RATE_HZ."""
    if not MIN_SAMPLE_RATE_HZ <= sample_rate_hz <= MAX_SAMPLE_RATE_HZ:
        bounds = f"from {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ}"
        raise InvalidInputError(f"sample_rate_hz is {sample_rate_hz}; it must be {bounds} (16000 is best)")


def check_pcm(pcm: bytes) -> None:
    """Raises InvalidInputError unless the bytes are whole 16-bit samples."""
    if len(pcm) % BYTES_PER_SAMPLE:
        raise InvalidInputError(
            f"the audio has an odd number of bytes ({len(pcm)}); 16-bit samples take two each: send whole samples"
        )


def check_recording(pcm: bytes) -> None:
    """Raises InvalidInputError if the bytes are certainly not samples of one channel. The model would hear such audio
    as nonsense."""
    if pcm.startswith(b"RIFF") and pcm[8:12] == b"WAVE":
        raise InvalidInputError("the audio is a WAV file; send its samples alone, 16-bit and of one channel")
    if _has_two_channels(np.frombuffer(pcm, dtype="<i2").astype(np.float32)):
        raise InvalidInputError(
            "the audio seems to have two interleaved channels (stereo); send one of them, or their mean"
        )


def _has_two_channels(samples: Audio) -> bool:
    """Whether the samples are certainly two interleaved channels. The channels may be alike, inverted or two voices,
    and one may be silent. Up to 1,600 samples are too few to tell."""
    samples = samples[: len(samples) // 2 * 2]
    if len(samples) <= ENGINE_RATE_HZ // 10:
        return False
    within, between = np.square(samples[0::2] - samples[1::2]), np.square(samples[1:-1:2] - samples[2::2])
    if within.mean() < TWO_CHANNELS * between.mean():
        return True
    energy, next_one, next_but_one = (float(np.dot(samples[: len(samples) - lag], samples[lag:])) for lag in range(3))
    return next_but_one > _RESEMBLES * energy and next_one < _LESS * next_but_one


def pcm_to_float(pcm: bytes) -> Audio:
    """16-bit little-endian mono PCM as floats from -1 to 1."""
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32_768)


def resample(audio: Audio, sample_rate_hz: int) -> Audio:
    """Convert a whole recording from `sample_rate_hz` to 16 kHz."""
    if sample_rate_hz == ENGINE_RATE_HZ:
        return audio
    return np.asarray(soxr.resample(audio, sample_rate_hz, ENGINE_RATE_HZ), dtype=np.float32)


class Resampler:
    """Converts a stream to 16 kHz. Output sample n is at the same time as input sample n * sample_rate_hz / 16,000.

    It holds back about two milliseconds at most. The library soxr gives a stream's output in blocks: at 8 kHz it would
    hold back the last 115 ms, and each pause would be noticed that much later. Here each output sample is a sum of the
    input around it, weighted by a windowed sinc. The result does not depend on how the input is cut.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._is_same = sample_rate_hz == ENGINE_RATE_HZ
        common = gcd(sample_rate_hz, ENGINE_RATE_HZ)
        self._step, self._phases = sample_rate_hz // common, ENGINE_RATE_HZ // common
        self._weights = _weights(self._step, self._phases)
        self._reach = self._weights.shape[1] // 2  # input samples before an output sample, and as many after it
        self._held: Audio = np.zeros(self._reach - 1, np.float32)
        self._begin = 1 - self._reach  # position of the first held input
        self._next = 0  # number of the next output sample

    def feed(self, pcm: bytes, *, last: bool = False) -> Audio:
        """Take more PCM. Returns the output that is ready. last: no more follows, so the output is complete, as if
        silence followed."""
        audio = pcm_to_float(pcm)
        if self._is_same:
            return audio
        end = self._begin + len(self._held) + len(audio)  # position after the last input sample so far
        silence = [np.zeros(self._reach, np.float32)] if last else []
        self._held = np.concatenate([self._held, audio, *silence])
        # Output n needs the input up to sample n * step // phases + reach.
        ready = end if last else end - self._reach
        count = max(0, ceil(ready * self._phases / self._step) - self._next)
        positions = (self._next + np.arange(count, dtype=np.int64)) * self._step
        first = positions // self._phases - self._reach + 1 - self._begin
        around = np.lib.stride_tricks.sliding_window_view(self._held, 2 * self._reach)[first] if count else _NOTHING
        out = (around * self._weights[positions % self._phases]).sum(axis=1) if count else _NOTHING
        self._next += count
        done = self._next * self._step // self._phases - self._reach + 1 - self._begin
        self._held, self._begin = self._held[done:].copy(), self._begin + done
        return cast("Audio", out.astype(np.float32))


_NOTHING = np.zeros(0, np.float32)


@cache
def _weights(step: int, phases: int) -> Audio:
    """Weights of shape (phases, 2 * reach): for each position of an output between two inputs, the weights of the
    inputs around it."""
    cutoff = _PASSED * min(1.0, phases / step)  # as a share of the input's bandwidth
    reach = ceil(_CROSSINGS / cutoff)
    distance = np.arange(1 - reach, reach + 1)[None, :] - np.arange(phases)[:, None] / phases
    window = np.i0(_BETA * np.sqrt(np.clip(1 - (distance / reach) ** 2, 0, 1))) / np.i0(_BETA)
    weights = cutoff * np.sinc(cutoff * distance) * window
    return cast("Audio", (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))
