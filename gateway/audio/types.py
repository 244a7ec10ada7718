"""What goes into the decoder and what comes out of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class StreamKind(StrEnum):
    """The formats that are understood."""

    WEBM = "webm"
    OGG = "ogg"
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


class Quiet:
    """For so long as was asked for, no audio has come."""


QUIET = Quiet()


class ByteSource(Protocol):
    """One stream's bytes, for a decoder in its thread."""

    def read(self) -> bytes:
        """The next bytes as they came, waiting for them; b"" at the end of the stream."""
        ...

    def split(self, kind: StreamKind, data: bytes) -> None:
        """The stream ended before `data`, the last part of what `read` gave: there a new one of `kind` begins."""
        ...


class StreamDecoder(Protocol):
    """Decodes one stream to its end. Raises AudioError where the stream is no good, after all that was good before."""

    def __call__(self, source: ByteSource, sample_rate_hz: int) -> Iterator[DecodedAudio]: ...
