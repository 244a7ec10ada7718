"""Converts the clients' audio (16-bit PCM at any common rate) to the models' audio (float at 16 kHz)."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import soxr

from common.errors import InvalidInputError
from common.pcm import BYTES_PER_SAMPLE

ENGINE_RATE_HZ = 16_000
"""Rate at which voice detection and the models work, and in which positions are counted inside this service."""
MIN_RATE_HZ = 8_000
MAX_RATE_HZ = 48_000

Audio: TypeAlias = npt.NDArray[np.float32]
"""Mono, -1 to 1."""


def check_rate(sample_rate_hz: int) -> None:
    """Raises InvalidInputError unless the rate is from MIN_RATE_HZ to MAX_RATE_HZ."""
    if not MIN_RATE_HZ <= sample_rate_hz <= MAX_RATE_HZ:
        raise InvalidInputError(
            f"sample_rate_hz is {sample_rate_hz}; it must be from {MIN_RATE_HZ} to {MAX_RATE_HZ} (16000 is best)"
        )


def check_pcm(pcm: bytes) -> None:
    """Raises InvalidInputError unless the bytes are whole 16-bit samples."""
    if len(pcm) % BYTES_PER_SAMPLE:
        raise InvalidInputError(
            f"the audio has an odd number of bytes ({len(pcm)}); 16-bit samples take two each: send whole samples"
        )


def pcm_to_float(pcm: bytes) -> Audio:
    """16-bit little-endian mono PCM as floats from -1 to 1."""
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32_768)


def resample(audio: Audio, sample_rate_hz: int) -> Audio:
    """Convert a whole recording of that rate to 16 kHz."""
    if sample_rate_hz == ENGINE_RATE_HZ:
        return audio
    return np.asarray(soxr.resample(audio, sample_rate_hz, ENGINE_RATE_HZ), dtype=np.float32)


class Resampler:
    """Converts a stream to 16 kHz. Output sample n belongs to input sample n * sample_rate_hz / 16,000."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._stream = None
        if sample_rate_hz != ENGINE_RATE_HZ:
            self._stream = soxr.ResampleStream(sample_rate_hz, ENGINE_RATE_HZ, 1, dtype="float32")

    def feed(self, pcm: bytes, *, last: bool = False) -> Audio:
        """The output that is ready. The filter holds back some milliseconds; with `last` it returns them, too."""
        audio = pcm_to_float(pcm)
        if self._stream is None:
            return audio
        return np.asarray(self._stream.resample_chunk(audio, last=last), dtype=np.float32)
