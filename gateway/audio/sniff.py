"""Recognises a stream's format by its first bytes."""

from __future__ import annotations

from gateway.audio.adts import ADTS_HEADER_BYTES, could_be_aac
from gateway.audio.errors import AudioError
from gateway.audio.types import StreamKind

# None stands for any byte. In Ogg, 0 is the version of the page, and 2 its flag "beginning of stream".
_SIGNATURES: dict[StreamKind, tuple[int | None, ...]] = {
    StreamKind.WEBM: (0x1A, 0x45, 0xDF, 0xA3),
    StreamKind.OGG: (*b"OggS", 0, 2),
    StreamKind.MP4: (0, 0, None, None, *b"ftyp"),  # the first box has less than 64 KiB
    StreamKind.FLAC: (*b"fLaC", None, 0, 0, 34),  # followed by a block of metadata of 34 bytes
    StreamKind.WAV: (*b"RIFF", None, None, None, None, *b"WAVE"),
}

ACCEPTED = (
    "send WebM/Opus, Ogg/Opus or MP4 (AAC or Opus), as MediaRecorder writes them, or AAC (ADTS), FLAC or WAV, each "
    "from its first byte on; "
    'raw 16-bit PCM must be announced first, by {"type":"start","audio":{"encoding":"pcm_s16le","sample_rate":16000}}'
)


def starts_stream(data: bytes) -> StreamKind | None:
    """The kind of stream whose complete signature `data` begins with, or None.

    The result is never AAC: each frame of AAC begins like the first of a stream, and samples of raw PCM may, too.
    """
    for kind, signature in _SIGNATURES.items():
        if len(data) >= len(signature) and _fits(data, signature):
            return kind
    return None


def sniff(head: bytes) -> StreamKind | None:
    """The kind of stream that begins with `head`, or None while there are too few bytes to tell.

    Raises AudioError (unsupported_audio) as soon as no kind fits.
    """
    kind = starts_stream(head)
    if kind is None and could_be_aac(head):
        return StreamKind.AAC if len(head) >= ADTS_HEADER_BYTES else None
    if kind is None and not any(_fits(head, signature) for signature in _SIGNATURES.values()):
        raise AudioError(f"this audio is in no known format; {ACCEPTED}", code="unsupported_audio")
    return kind


def _fits(data: bytes, signature: tuple[int | None, ...]) -> bool:
    """Whether `data` agrees with `signature` in as many bytes as both have."""
    return all(want is None or want == got for want, got in zip(signature, data, strict=False))
