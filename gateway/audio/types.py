"""The types that go into a decoder and come out of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class StreamKind(StrEnum):
    """The formats that can be decoded."""

    WEBM = "webm"
    OGG = "ogg"
    MP4 = "mp4"
    AAC = "aac"
    FLAC = "flac"
    WAV = "wav"
    PCM = "pcm_s16le"


@dataclass(frozen=True, slots=True)
class DecodedAudio:
    """A piece of sound.

    pcm: 16-bit little-endian mono samples at the AudioInput's rate. codec: what it was decoded from ("opus/webm",
    "pcm_s24le/wav", "pcm_s16le"). source_sample_rate_hz: the rate before resampling.
    """

    pcm: bytes
    codec: str
    source_sample_rate_hz: int


@dataclass(frozen=True, slots=True)
class Quiet:
    """For this many seconds the client has sent nothing, not even silence. If the pause goes on, the next Quiet has
    only the time since this one."""

    seconds: float


@dataclass(frozen=True, slots=True)
class StreamCut:
    """The client has ended the turn here. If `keep` is False, the audio since the last cut is dropped.

    turn_id: the id for the turn, if the client marks the ends of turns.
    """

    keep: bool = True
    turn_id: str = ""


class ByteSource(Protocol):
    """The bytes of one stream, for a decoder in its own thread."""

    def read(self) -> bytes:
        """Wait for the next bytes and return them as they came; b"" at the end of the stream."""
        ...

    def split(self, kind: StreamKind, data: bytes) -> None:
        """The current stream ends within the bytes that `read` returned. A new one of `kind` begins with `data`, the
        last part of those bytes."""
        ...


class StreamDecoder(Protocol):
    """Decodes one stream to its end. If the stream breaks, the decoder yields the audio before that place, then raises
    AudioError."""

    def __call__(self, source: ByteSource, sample_rate_hz: int) -> Iterator[DecodedAudio]: ...
