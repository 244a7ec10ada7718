"""Converts uncompressed samples of any common format to 16-bit mono PCM at the wanted rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext

from gateway.audio.mono import ChannelChoice, MonoResampler
from gateway.audio.types import ByteSource, DecodedAudio


@dataclass(frozen=True, slots=True)
class PcmFormat:
    """codec: libav's name ("pcm_s24le"). channels: how many; their samples are interleaved."""

    codec: str
    sample_rate_hz: int
    channels: int

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of each channel."""
        return _FORMS[self.codec].sample_bytes * self.channels


@dataclass(frozen=True, slots=True)
class _Form:
    sample_bytes: int
    dtype: str
    libav_format: str  # packed


_FORMS = {
    "pcm_u8": _Form(1, "u1", "u8"),
    "pcm_s16le": _Form(2, "<i2", "s16"),
    "pcm_s24le": _Form(3, "<i4", "s32"),  # widened first
    "pcm_s32le": _Form(4, "<i4", "s32"),
    "pcm_f32le": _Form(4, "<f4", "flt"),
    "pcm_f64le": _Form(8, "<f8", "dbl"),
    "pcm_alaw": _Form(1, "u1", "s16"),  # expanded first
    "pcm_mulaw": _Form(1, "u1", "s16"),  # expanded first
}


class PcmConverter:
    """Converts bytes of one PcmFormat, cut anywhere, to 16-bit little-endian mono PCM at `sample_rate_hz`."""

    def __init__(self, source: PcmFormat, sample_rate_hz: int) -> None:
        self.source = source
        self._form = _FORMS[source.codec]
        self._choice = ChannelChoice(source.channels) if source.channels > 2 else None
        self._layout = "stereo" if source.channels == 2 else "mono"
        self._as_is = source == PcmFormat("pcm_s16le", sample_rate_hz, 1)
        self._resampler = MonoResampler(1 if self._choice else source.channels, sample_rate_hz)
        self._cut = b""  # the first bytes of a sample whose rest has not come yet

    @property
    def whole(self) -> bool:
        """Whether the bytes so far end with a complete sample."""
        return not self._cut

    def push(self, data: bytes) -> Iterator[bytes]:
        """Convert more bytes; the PCM comes in pieces of a second or less."""
        data = self._cut + data
        usable = len(data) - len(data) % self.source.frame_bytes
        self._cut = data[usable:]
        step = self.source.sample_rate_hz * self.source.frame_bytes
        for at in range(0, usable, step):
            piece = data[at : min(at + step, usable)]
            yield piece if self._as_is else self._convert(piece)

    def flush(self) -> bytes:
        """The rest of the audio in the resampler, at the end of the stream."""
        return b"" if self._as_is else self._resampler.resample(None)

    def _convert(self, data: bytes) -> bytes:
        array = self._samples(data)
        if self._choice:
            array = self._choice.pick(array.reshape(-1, self.source.channels))
        frame = av.AudioFrame.from_ndarray(array.reshape(1, -1), format=self._form.libav_format, layout=self._layout)
        frame.sample_rate = self.source.sample_rate_hz
        return self._resampler.resample(frame)

    def _samples(self, data: bytes) -> npt.NDArray[Any]:
        match self.source.codec:
            case "pcm_s24le":
                return _widened(data)
            case "pcm_alaw" | "pcm_mulaw" as codec:
                return _expansion(codec)[np.frombuffer(data, np.uint8)]
        return np.frombuffer(data, self._form.dtype)


def decode_pcm(source: ByteSource, sample_rate_hz: int, source_sample_rate_hz: int) -> Iterator[DecodedAudio]:
    """Resamples raw 16-bit mono PCM."""
    converter = PcmConverter(PcmFormat("pcm_s16le", source_sample_rate_hz, 1), sample_rate_hz)
    while data := source.read():
        for pcm in converter.push(data):
            yield DecodedAudio(pcm, "pcm_s16le", source_sample_rate_hz)
    yield DecodedAudio(converter.flush(), "pcm_s16le", source_sample_rate_hz)


class FrameConverter:
    """Converts frames that libav has decoded to 16-bit mono PCM at `sample_rate_hz`. Their format may change."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._resampler: MonoResampler | None = None
        self._form: tuple[str, str, int] | None = None

    def push(self, frame: av.AudioFrame) -> bytes:
        """The samples that are ready; the resampler holds some back."""
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        rest = b""
        if self._resampler is None or form != self._form:
            rest = self.flush()
            self._resampler = MonoResampler(frame.layout.nb_channels, self._sample_rate_hz)
            self._form = form
        return rest + self._resampler.resample(frame)

    def flush(self) -> bytes:
        """The samples that the resampler still holds, at the end of the stream or of a format."""
        return self._resampler.resample(None) if self._resampler else b""


def samples_of(frames: list[av.AudioFrame]) -> bytes:
    """The samples of 16-bit mono frames."""
    return b"".join(frame.to_ndarray().tobytes() for frame in frames)


def _widened(data: bytes) -> npt.NDArray[np.int32]:
    """24-bit samples as the upper three bytes of 32-bit ones."""
    wide = np.zeros((len(data) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return wide.view("<i4").reshape(-1)


@cache
def _expansion(codec: str) -> npt.NDArray[np.int16]:
    """The 16-bit sample for each byte of a companded codec (ITU-T G.711)."""
    decoder = av.CodecContext.create(codec, "r")
    assert isinstance(decoder, AudioCodecContext)  # noqa: S101
    decoder.sample_rate, decoder.layout = 8_000, "mono"
    (frame,) = decoder.decode(av.Packet(bytes(range(256))))
    return np.ascontiguousarray(frame.to_ndarray()[0])
