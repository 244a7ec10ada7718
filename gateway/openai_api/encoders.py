"""Encodes speech while it is made: 16-bit mono PCM in, bytes of a file out, as soon as each packet is complete."""

from __future__ import annotations

import struct
from typing import Literal, NamedTuple, Protocol

import av
import numpy as np
from av.audio.stream import AudioStream

from common.pcm import BYTES_PER_SAMPLE

AudioFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]


class Encoder(Protocol):
    """Encodes one file."""

    def push(self, pcm: bytes) -> bytes:
        """Encode more samples; returns the finished part of the file."""
        ...

    def finish(self) -> bytes:
        """The rest of the file."""
        ...


class _Libav(NamedTuple):
    """How libav writes a format. options: for its muxer."""

    muxer: str
    codec: str
    options: dict[str, str]
    bit_rate: int | None = None


# No Xing header, because libav could write it only at the end of an mp3. An Ogg page holds 100 ms instead of
# a second, so that sound is sent sooner.
_LIBAV = {
    "mp3": _Libav("mp3", "libmp3lame", {"write_xing": "0"}, 64_000),
    "opus": _Libav("ogg", "libopus", {"page_duration": "100000"}, 32_000),
    "aac": _Libav("adts", "aac", {}, 64_000),
    "flac": _Libav("flac", "flac", {}),
}

MEDIA_TYPES: dict[AudioFormat, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}


def create_encoder(form: AudioFormat, sample_rate_hz: int) -> Encoder:
    """An encoder of one file. "pcm" means the samples themselves, 16-bit little-endian."""
    if form == "pcm":
        return _Plain(b"")
    if form == "wav":
        return _Plain(_wav_header(sample_rate_hz))
    return _LibavEncoder(_LIBAV[form], sample_rate_hz)


class _Plain:
    """The unchanged samples after a header."""

    def __init__(self, header: bytes) -> None:
        self._header = header

    def push(self, pcm: bytes) -> bytes:
        data, self._header = self._header + pcm, b""
        return data

    def finish(self) -> bytes:
        return self.push(b"")


def _wav_header(sample_rate_hz: int) -> bytes:
    """The header of a WAV whose length is not known yet."""
    size = BYTES_PER_SAMPLE
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sample_rate_hz, size * sample_rate_hz, size, 8 * size)
    return b"RIFF\xff\xff\xff\xffWAVE" + form + b"data\xff\xff\xff\xff"


class _LibavEncoder:
    """An encoder for the formats of _LIBAV."""

    def __init__(self, how: _Libav, sample_rate_hz: int) -> None:
        self._file = _Written()
        self._container = av.open(self._file, "w", format=how.muxer, options={"flush_packets": "1", **how.options})
        stream = self._container.add_stream(how.codec, rate=sample_rate_hz, layout="mono")
        assert isinstance(stream, AudioStream)  # noqa: S101
        self._stream = stream
        if how.bit_rate:
            self._stream.bit_rate = how.bit_rate
        self._sample_rate_hz = sample_rate_hz
        self._samples = 0

    def push(self, pcm: bytes) -> bytes:
        if pcm:
            samples = np.frombuffer(pcm, "<i2").reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate = self._sample_rate_hz
            frame.pts, self._samples = self._samples, self._samples + samples.size
            self._container.mux(self._stream.encode(frame))
        return self._file.take()

    def finish(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._file.take()


class _Written:
    """The file that libav writes. It can't seek."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        """Called by libav."""
        self._data += data
        return len(data)

    def take(self) -> bytes:
        """The bytes written since the last call."""
        data, self._data = bytes(self._data), bytearray()
        return data
