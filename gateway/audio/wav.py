"""WAV, decoded as it arrives: RIFF header → `fmt ` → `data`, whatever sizes the header claims.

A WAV that is written while it is recorded does not know its size yet: its header says 0, 0xFFFFFFFF or 0x7FFFF…. Then
the samples go on until the stream ends. Some programs write the size of their first piece: then samples go on where the
next chunk should begin. libav's own reader is not used, because it waits for 64 KiB (seconds of speech) before it gives
the first sample.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

from gateway.audio.errors import AudioError
from gateway.audio.expansion_limit import MAX_CHANNELS, MAX_RATE_HZ, MIN_RATE_HZ
from gateway.audio.pcm import PcmConverter, PcmFormat
from gateway.audio.types import ByteSource, DecodedAudio, StreamKind

MAX_CHUNK_BYTES = 1024 * 1024  # longest chunk other than `data`
_ENDLESS_BYTES = 0x7FFF0000  # no browser records 2 GiB: such a size means that the size was not known

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_CODECS = {
    (_PCM, 8): "pcm_u8",
    (_PCM, 16): "pcm_s16le",
    (_PCM, 24): "pcm_s24le",
    (_PCM, 32): "pcm_s32le",
    (_FLOAT, 32): "pcm_f32le",
    (_FLOAT, 64): "pcm_f64le",
    (_ALAW, 8): "pcm_alaw",
    (_MULAW, 8): "pcm_mulaw",
}


def decode_wav(source: ByteSource, sample_rate_hz: int) -> Iterator[DecodedAudio]:
    """A StreamDecoder for WAV of 8 to 32-bit integers, floats, A-law or µ-law, with up to MAX_CHANNELS channels."""
    reader = _Reader(source)
    if reader.take(12)[8:] != b"WAVE":
        raise AudioError("this RIFF file is not a WAV; send WAV, WebM or Ogg", code="unsupported_audio")
    form: PcmFormat | None = None
    while True:
        name, size = struct.unpack("<4sI", reader.take(8))
        if name == b"data":
            break
        body = reader.take(_padded(name, size))
        if name == b"fmt ":
            form = _parse_format(body)
    if form is None:
        raise AudioError("the WAV has no `fmt ` chunk before its samples; send the whole header", code="corrupt_audio")
    yield from _samples(reader, size, form, sample_rate_hz)
    _skip_trailer(reader, size)


def _samples(reader: _Reader, size: int, form: PcmFormat, sample_rate_hz: int) -> Iterator[DecodedAudio]:
    codec = f"{form.codec}/wav"
    converter = PcmConverter(form, sample_rate_hz)
    endless = size == 0 or size >= _ENDLESS_BYTES
    left = math.inf if endless else size
    while left and (data := reader.some(left)):
        left -= len(data)
        for pcm in converter.push(data):
            yield DecodedAudio(pcm, codec, form.sample_rate_hz)
        if not (left or endless) and _goes_on(reader, size):
            left, endless = math.inf, True
    yield DecodedAudio(converter.flush(), codec, form.sample_rate_hz)
    if not converter.whole or not (endless or not left):
        raise _truncated()


def _goes_on(reader: _Reader, data_size: int) -> bool:
    """Whether samples follow beyond the size that the header gave."""
    head = reader.peek(9)[data_size % 2 :] if data_size % 2 and reader.peek(1) == b"\0" else reader.peek(8)
    return len(head) >= 8 and not _is_chunk(*struct.unpack("<4sI", head[:8]))


def _skip_trailer(reader: _Reader, data_size: int) -> None:
    """Skip the padding and the chunks of text that may follow the samples, up to the beginning of the next WAV."""
    if data_size % 2 and reader.peek(1) == b"\0":
        reader.take(1)
    while head := reader.peek(8):
        if head.startswith(b"RIFF"):
            reader.split_off()
            return
        if len(head) < 8:
            raise _truncated()
        name, size = struct.unpack("<4sI", reader.take(8))
        reader.take(_padded(name, size))


def _parse_format(body: bytes) -> PcmFormat:
    if len(body) < 16:
        raise AudioError("the WAV's `fmt ` chunk is too short; send a whole header", code="corrupt_audio")
    tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", body[:16])
    if tag == _EXTENSIBLE and len(body) >= 26:
        (tag,) = struct.unpack("<H", body[24:26])  # the first two bytes of the sub-format
    codec = _CODECS.get((tag, bits))
    if codec is None or not 1 <= channels <= MAX_CHANNELS or not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        raise AudioError(
            f"the WAV holds format {tag} with {bits} bits, {channels} channels, {rate} Hz; send 8, 16, 24 or 32-bit "
            f"integers, floats, A-law or µ-law, at most {MAX_CHANNELS} channels, {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz",
            code="unsupported_audio",
        )
    return PcmFormat(codec, rate, channels)


def _padded(name: bytes, size: int) -> int:
    """How many bytes a chunk's body takes in the file: chunks begin at even positions."""
    if not _is_chunk(name, size):
        raise AudioError(
            "the WAV has something other than a chunk where the next chunk should begin; send a new header",
            code="corrupt_audio",
        )
    return size + size % 2


def _is_chunk(name: bytes, size: int) -> bool:
    """Whether a chunk may begin with this name and size. RIFF begins another WAV, which may have any size."""
    is_name = name.isascii() and name.decode("ascii").isprintable()
    return name == b"RIFF" or (is_name and size <= MAX_CHUNK_BYTES)


def _truncated() -> AudioError:
    return AudioError(
        "the WAV was cut off: it is shorter than its header says, or ends within a sample", code="truncated_audio"
    )


class _Reader:
    """Takes exact amounts out of a ByteSource."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._data = bytearray()

    def peek(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end."""
        while len(self._data) < size and (more := self._source.read()):
            self._data += more
        return bytes(self._data[:size])

    def take(self, size: int) -> bytes:
        """Exactly `size` bytes; raises AudioError (truncated_audio) if there are fewer."""
        taken = self.peek(size)
        if len(taken) < size:
            raise _truncated()
        del self._data[:size]
        return taken

    def some(self, limit: float) -> bytes:
        """The bytes that have come, at most `limit`. Waits for at least one byte, unless the stream is over."""
        data = bytes(self._data) or self._source.read()
        cut = len(data) if limit >= len(data) else int(limit)
        self._data = bytearray(data[cut:])
        return data[:cut]

    def split_off(self) -> None:
        """Treat the remaining bytes as a new stream, which begins here."""
        self._source.split(StreamKind.WAV, bytes(self._data))
        self._data.clear()
