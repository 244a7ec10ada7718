"""Decodes AAC in ADTS as it arrives: each frame has a header with its length, and is decoded when its last byte comes.

We don't use libav's own demuxer: it waits for several frames, and skips invalid bytes up to the next frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import av
from av.audio.codeccontext import AudioCodecContext

from gateway.audio.errors import AudioError
from gateway.audio.expansion_limit import ExpansionLimit
from gateway.audio.sound import sound_of
from gateway.audio.types import ByteSource, DecodedAudio

ADTS_HEADER_BYTES = 7
RATES_HZ = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)


def could_be_aac(head: bytes) -> bool:
    """Whether a frame of AAC in ADTS may begin with `head`, which has at least one byte and may be incomplete."""
    if len(head) < ADTS_HEADER_BYTES:
        sync = head[:1] == b"\xff" and (len(head) < 2 or head[1] & 0xF6 == 0xF0)
        return sync and (len(head) < 3 or _rate_index(head) < len(RATES_HZ))
    return _is_header(head)


def decode_adts(source: ByteSource, sample_rate_hz: int) -> Iterator[DecodedAudio]:
    """A StreamDecoder for AAC in ADTS."""
    frames = _Frames(source)
    decoder = av.CodecContext.create("aac", "r")
    assert isinstance(decoder, AudioCodecContext)  # noqa: S101
    limit = ExpansionLimit("AAC")

    def packets() -> Iterator[Callable[[], list[av.AudioFrame]]]:
        for frame in frames:
            limit.bytes_read += len(frame)
            yield partial(decoder.decode, av.Packet(frame))

    heard_any = False
    for audio in sound_of(packets(), "aac/aac", lambda: frames.rate_hz, sample_rate_hz, limit.no_gap):
        heard_any = True
        yield audio
    if not heard_any:
        raise AudioError("the AAC ended before any sound", code="truncated_audio")


class _Frames:
    """The frames of a stream, each with its header. rate_hz: the rate of the latest frame."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self.rate_hz = 0

    def __iter__(self) -> Iterator[bytes]:
        held = b""
        while data := self._source.read():
            held += data
            at = 0
            while len(head := held[at : at + ADTS_HEADER_BYTES]) == ADTS_HEADER_BYTES:
                if not _is_header(head):
                    raise AudioError(
                        "the AAC is damaged: no frame begins where one should; start a new recording",
                        code="corrupt_audio",
                    )
                end = at + _length(head)
                if end > len(held):
                    break
                self.rate_hz = RATES_HZ[_rate_index(head)]
                yield held[at:end]
                at = end
            held = held[at:]
        if held:
            raise AudioError("the AAC was cut off in the middle of a frame", code="truncated_audio")


def _is_header(head: bytes) -> bool:
    """Whether these are the first bytes of a frame."""
    is_synced = head[0] == 0xFF and head[1] & 0xF6 == 0xF0
    return is_synced and _rate_index(head) < len(RATES_HZ) and _length(head) > ADTS_HEADER_BYTES


def _rate_index(head: bytes) -> int:
    return head[2] >> 2 & 0xF


def _length(head: bytes) -> int:
    """The length of the whole frame, in bytes."""
    return (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
