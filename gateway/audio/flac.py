"""Decodes FLAC in its own framing as it arrives. https://www.rfc-editor.org/rfc/rfc9639

A frame does not contain its length: it ends where the next frame begins. A checksum and a frame number identify the
header of a frame. We don't use libav's own parser, as it waits for ten more frames, which is a second of sound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import av
from av.audio.codeccontext import AudioCodecContext

from gateway.audio.errors import AudioError
from gateway.audio.expansion_limit import FLAC_MAX_S_PER_KIB, ExpansionLimit
from gateway.audio.sound import sound_of
from gateway.audio.types import ByteSource, DecodedAudio

MAX_METADATA_BYTES = 4 * 1024 * 1024  # it may include a picture
MAX_FRAME_BYTES = 1024 * 1024
MAX_HEADER_BYTES = 16
STREAMINFO_BYTES = 34


def decode_flac(source: ByteSource, sample_rate_hz: int) -> Iterator[DecodedAudio]:
    """A StreamDecoder for FLAC in its own framing."""
    stream_info, rest = _read_metadata(source)
    decoder = av.CodecContext.create("flac", "r")
    assert isinstance(decoder, AudioCodecContext)  # noqa: S101
    decoder.extradata = stream_info
    rate_hz = int.from_bytes(stream_info[10:13], "big") >> 4
    limit = ExpansionLimit("FLAC", FLAC_MAX_S_PER_KIB)
    limit.check_rate(rate_hz)

    def packets() -> Iterator[Callable[[], list[av.AudioFrame]]]:
        for frame in _frames(source, rest):
            limit.bytes_read += len(frame)
            yield partial(decoder.decode, av.Packet(frame))

    heard_any = False
    for audio in sound_of(packets(), "flac/flac", lambda: rate_hz, sample_rate_hz, limit.no_gap):
        heard_any = True
        yield audio
    if not heard_any:
        raise AudioError("the FLAC ended before any sound", code="truncated_audio")


def _read_metadata(source: ByteSource) -> tuple[bytes, bytes]:
    """Read the signature and all blocks of metadata. Returns the first block (STREAMINFO) and the bytes after the last
    block."""
    held, at, is_last = bytearray(), 4, False  # after the 4 bytes of the signature
    while not is_last:
        _fill(held, at + 4, source)
        is_last, length = bool(held[at] & 0x80), int.from_bytes(held[at + 1 : at + 4], "big")
        at += 4 + length
        if at > MAX_METADATA_BYTES:
            raise _damaged(f"its metadata claims more than {MAX_METADATA_BYTES} bytes")
        _fill(held, at, source)
    return bytes(held[8 : 8 + STREAMINFO_BYTES]), bytes(held[at:])


def _fill(held: bytearray, size: int, source: ByteSource) -> None:
    while len(held) < size:
        data = source.read()
        if not data:
            raise AudioError("the FLAC was cut off in its header", code="truncated_audio")
        held += data


def _frames(source: ByteSource, data: bytes) -> Iterator[bytes]:
    """The frames. data: the bytes that have come already; the first frame begins with them."""
    splitter = _Splitter()
    yield from splitter.push(data)
    while more := source.read():
        yield from splitter.push(more)
    yield from splitter.finish()


class _Splitter:
    """Splits bytes into frames."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._searched = 1  # in this many bytes at the beginning of _held, no second frame begins

    def push(self, data: bytes) -> Iterator[bytes]:
        """Take more bytes. Yields the frames that are complete. Raises AudioError."""
        self._held += data
        while len(self._held) >= MAX_HEADER_BYTES and (end := self._end(MAX_HEADER_BYTES)):
            yield self._take(end)

    def finish(self) -> Iterator[bytes]:
        """The last frames."""
        while self._held:
            yield self._take(self._end(0) or len(self._held))

    def _take(self, size: int) -> bytes:
        frame = bytes(self._held[:size])
        del self._held[:size]
        self._searched = 1
        return frame

    def _end(self, header_bytes: int) -> int:
        """Where the first frame ends: at the next header with a greater number. 0: its end has not come yet.

        header_bytes: the length of the longest possible header while more bytes may come; 0 at the end of the stream.
        """
        number = _frame_number(self._held[:MAX_HEADER_BYTES])
        if number is None or self._held[0] != 0xFF:
            raise _damaged("no frame begins where one should")
        sync = bytes(self._held[:2])
        while (found := self._held.find(sync, self._searched)) >= 0:
            self._searched = found
            if len(self._held) - found < header_bytes:
                return 0
            following = _frame_number(self._held[found : found + MAX_HEADER_BYTES])
            if following is not None and following > number:
                return found
            self._searched += 1
        self._searched = max(1, len(self._held) - 1)
        if self._searched > MAX_FRAME_BYTES:
            raise _damaged(f"a frame has more than {MAX_FRAME_BYTES} bytes")
        return 0


def _frame_number(header: bytearray) -> int | None:
    """The number in a frame's header (of its first sample, if frames differ in length); None: this is not a header."""
    if (
        len(header) < 6
        or header[1] & 0xFE != 0xF8
        or header[2] >> 4 == 0
        or header[2] & 0xF == 0xF
        or header[3] & 1
        or header[3] >> 4 > 10
    ):
        return None
    coded = _utf8_length(header[4])
    size = 4 + coded + {6: 1, 7: 2}.get(header[2] >> 4, 0) + {12: 1, 13: 2, 14: 2}.get(header[2] & 0xF, 0)
    if not coded or len(header) <= size or _CRC8(header[:size]) != header[size]:
        return None
    number = header[4] & (0x7F if coded == 1 else 0x7F >> coded)
    for byte in header[5 : 4 + coded]:
        if byte >> 6 != 0b10:
            return None
        number = number << 6 | byte & 0x3F
    return number


def _utf8_length(first: int) -> int:
    """The length in bytes of a number, coded like UTF-8, whose first byte is `first`; 0: no number begins with that
    byte."""
    ones = 8 - (first ^ 0xFF).bit_length()
    return 1 if ones == 0 else ones if 2 <= ones <= 7 else 0


class _Crc8:
    """The checksum of a frame's header."""

    def __init__(self) -> None:
        self._table = [self._step(byte) for byte in range(256)]

    def __call__(self, data: bytearray) -> int:
        value = 0
        for byte in data:
            value = self._table[value ^ byte]
        return value

    @staticmethod
    def _step(value: int) -> int:
        for _ in range(8):
            value = (value << 1 ^ 0x07 if value & 0x80 else value << 1) & 0xFF
        return value


_CRC8 = _Crc8()


def _damaged(why: str) -> AudioError:
    return AudioError(f"the FLAC is damaged: {why}; start a new recording", code="corrupt_audio")
