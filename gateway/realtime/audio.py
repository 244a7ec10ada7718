"""The audio formats of the Realtime API, to and from 16-bit little-endian mono PCM.

audio/pcm    16-bit little-endian mono PCM at 24 kHz
audio/pcmu   G.711 µ-law at 8 kHz
audio/pcma   G.711 A-law at 8 kHz
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from common.pcm import BYTES_PER_SAMPLE
from gateway.audio.pcm import PcmConverter, PcmFormat

Format = Literal["audio/pcm", "audio/pcmu", "audio/pcma"]
PCM_RATE_HZ = 24_000
G711_RATE_HZ = 8_000


def rate_hz(name: Format) -> int:
    """Samples per second of a format."""
    return PCM_RATE_HZ if name == "audio/pcm" else G711_RATE_HZ


class AudioDecoder:
    """The learner's audio in one format → PCM at `sample_rate_hz`. Pieces may end anywhere, even within a sample."""

    def __init__(self, name: Format, sample_rate_hz: int) -> None:
        self._table = _TABLES.get(name)
        self._converter = PcmConverter(PcmFormat("pcm_s16le", rate_hz(name), 1), sample_rate_hz)

    def push(self, data: bytes) -> bytes:
        """Decode the next piece."""
        if self._table is not None:
            data = self._table[np.frombuffer(data, np.uint8)].tobytes()
        return b"".join(self._converter.push(data))


class AudioEncoder:
    """The partner's PCM at `sample_rate_hz` → one format. Each response has its own encoder."""

    def __init__(self, name: Format, sample_rate_hz: int) -> None:
        self._encode = _ENCODERS.get(name)
        self._converter = PcmConverter(PcmFormat("pcm_s16le", sample_rate_hz, 1), rate_hz(name))
        self._bytes_per_s = rate_hz(name) * (BYTES_PER_SAMPLE if self._encode is None else 1)

    def push(self, pcm: bytes) -> bytes:
        """Encode the next piece."""
        return self._encoded(b"".join(self._converter.push(pcm)))

    def flush(self) -> bytes:
        """The rest of the audio, which the resampler still holds."""
        return self._encoded(self._converter.flush())

    def duration_ms(self, size: int) -> float:
        """The length of `size` bytes of the format, in milliseconds."""
        return size / self._bytes_per_s * 1000

    def _encoded(self, pcm: bytes) -> bytes:
        return self._encode[np.frombuffer(pcm, "<i2").view(np.uint16)].tobytes() if self._encode is not None else pcm


def _mu_law() -> npt.NDArray[np.int16]:
    """The sample that each of the 256 codes of ITU-T G.711 µ-law represents."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4 & 7).astype(np.int32), (code & 15).astype(np.int32)
    size = ((mantissa << 3) + 132 << exponent) - 132
    return np.where(code & 128, -size, size).astype("<i2")


def _a_law() -> npt.NDArray[np.int16]:
    """The sample that each of the 256 codes of ITU-T G.711 A-law represents."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = (code >> 4 & 7).astype(np.int32), (code & 15).astype(np.int32)
    size = np.where(exponent, (mantissa << 4) + 264 << np.maximum(exponent - 1, 0), (mantissa << 4) + 8)
    return np.where(code & 128, size, -size).astype("<i2")


def _nearest(table: npt.NDArray[np.int16]) -> npt.NDArray[np.uint8]:
    """The nearest code for each 16-bit sample. The index is the sample, read as unsigned."""
    order = np.argsort(table, kind="stable")
    values = table[order].astype(np.int32)
    samples = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32)
    above = np.clip(np.searchsorted(values, samples, side="right"), 1, 255)
    is_nearer_below = samples - values[above - 1] <= values[above] - samples
    return order[np.where(is_nearer_below, above - 1, above)].astype(np.uint8)


_TABLES: dict[str, npt.NDArray[np.int16]] = {"audio/pcmu": _mu_law(), "audio/pcma": _a_law()}
_ENCODERS: dict[str, npt.NDArray[np.uint8]] = {name: _nearest(table) for name, table in _TABLES.items()}
