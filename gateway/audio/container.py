"""Decodes WebM, Ogg and MP4 with libav as they arrive.

libav asks for bytes and waits for them. It gets the bytes that have come, so it never waits for a full buffer. The
lowest `probesize` keeps it from collecting packets before it decodes the first: with Chromium's recordings each block
is decoded as soon as its last byte has arrived. `nobuffer` must not be set, as it drops the packets that were probed.
`noparse` is set because libav's parser silently drops packets that are not Opus; the decoder should see and refuse
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import av
import av.error
import av.logging
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import InputContainer

from gateway.audio.errors import AudioError
from gateway.audio.expansion_limit import MAX_CHANNELS, MAX_RATE_HZ, MIN_RATE_HZ, ExpansionLimit
from gateway.audio.framing import Framing, Mp4Framing, OggFraming, WebmFraming
from gateway.audio.sound import sound_of
from gateway.audio.types import ByteSource, DecodedAudio, StreamKind

# If the timestamps of two successive frames leave a gap of more than LEAST_GAP_S, the recorder left out silence there.
# At most LONGEST_GAP_S of it is put back.
LEAST_GAP_S, LONGEST_GAP_S = 0.2, 2.0
MAX_SILENT_BYTES = 1024 * 1024  # the most bytes between two decoded packets; leaves room for some video

# The client gets an error for a broken stream, so libav need not write to stderr, too.
av.logging.set_level(None)


def decode_webm(source: ByteSource, sample_rate_hz: int) -> Iterator[DecodedAudio]:
    """A StreamDecoder for WebM and Matroska with Opus or PCM."""
    return _decode(_FramedFile(source, WebmFraming(), StreamKind.WEBM), "matroska", sample_rate_hz)


def decode_ogg(source: ByteSource, sample_rate_hz: int) -> Iterator[DecodedAudio]:
    """A StreamDecoder for Ogg with Opus."""
    return _decode(_FramedFile(source, OggFraming(), StreamKind.OGG), "ogg", sample_rate_hz)


def decode_mp4(source: ByteSource, sample_rate_hz: int) -> Iterator[DecodedAudio]:
    """A StreamDecoder for MP4 with AAC, Opus or PCM: fragmented, or with its index first."""
    return _decode(_FramedFile(source, Mp4Framing(), StreamKind.MP4), "mp4", sample_rate_hz)


def _decode(file: _FramedFile, libav_format: str, sample_rate_hz: int) -> Iterator[DecodedAudio]:
    options = {"probesize": "32", "fflags": "noparse"}
    try:
        with av.open(file, "r", format=libav_format, options=options, metadata_errors="replace") as container:
            if file.is_over and not any(one.codec_context for one in container.streams.audio):
                file.check()
            track = _audio_track(container, file.kind)
            codec, rate_hz = f"{track.codec_context.name}/{file.kind}", track.codec_context.sample_rate
            packets = (packet.decode for packet in container.demux(track))
            yield from sound_of(packets, codec, lambda: rate_hz, sample_rate_hz, _Clock(file).gap_s)
    except av.error.FFmpegError as error:
        file.check()  # an error in the structure is clearer than libav's error
        raise AudioError(
            f"the {file.name} can't be read ({error.strerror}); start a new recording", code="corrupt_audio"
        ) from error
    file.check()


def _audio_track(container: InputContainer, kind: StreamKind) -> AudioStream:
    name = _NAMES[kind]
    if not container.streams.audio:
        raise AudioError(f"the {name} has no audio track; record the microphone", code="no_audio_track")
    track = container.streams.audio[0]
    context: AudioCodecContext | None = track.codec_context  # None: libav knows no such codec
    known = _CODECS[kind]
    if context is None:
        raise AudioError(f"the audio in the {name} is of an unknown codec; start a new recording", code="corrupt_audio")
    if context.name not in known and not context.name.startswith("pcm_"):
        wanted = " or ".join(_CODEC_NAMES[one] for one in known)
        raise AudioError(f"the audio in the {name} is {context.name}; send {wanted}", code="unsupported_audio")
    if not 0 < context.channels <= MAX_CHANNELS or not MIN_RATE_HZ <= context.sample_rate <= MAX_RATE_HZ:
        raise AudioError(
            f"the {name} claims {context.channels} channels at {context.sample_rate} Hz; "
            f"send at most {MAX_CHANNELS} at {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz",
            code="unsupported_audio",
        )
    return track


class _Clock:
    """The time of one stream's frames, as their timestamps say."""

    def __init__(self, file: _FramedFile) -> None:
        self._file = file
        self._end_s: float | None = None  # the end of the latest frame
        self._limit = ExpansionLimit(file.name)

    def gap_s(self, frame: av.AudioFrame) -> float:
        """Take the next frame. Returns how much silence comes before it.

        Raises AudioError if the stream gives more sound than its bytes can hold.
        """
        self._file.sounded()
        self._limit.check_rate(frame.sample_rate)
        length_s, gap_s = frame.samples / frame.sample_rate, 0.0
        if frame.time is not None:
            gap_s = frame.time - (frame.time if self._end_s is None else self._end_s)
            self._end_s = frame.time + length_s
        gap_s = min(gap_s, LONGEST_GAP_S) if gap_s > LEAST_GAP_S else 0.0
        self._limit.bytes_read = self._file.bytes_read
        self._limit.spend(frame, gap_s)
        return gap_s


_NAMES = {StreamKind.WEBM: "WebM", StreamKind.OGG: "Ogg", StreamKind.MP4: "MP4"}
_CODEC_NAMES = {"opus": "Opus", "aac": "AAC"}
# The codecs of each container, in addition to PCM.
_CODECS = {
    StreamKind.WEBM: ("opus",),
    StreamKind.OGG: ("opus",),
    StreamKind.MP4: ("aac", "opus"),
}


class ReadableFile(Protocol):
    """What libav needs to read a stream that can't be rewound."""

    def read(self, size: int) -> bytes:
        """At most `size` bytes; b"" at the end."""
        ...


class _FramedFile(ReadableFile):
    """The file that libav reads: a ByteSource, up to where its structure breaks or another stream begins."""

    def __init__(self, source: ByteSource, framing: Framing, kind: StreamKind) -> None:
        self.kind = kind
        self.name = _NAMES[kind]
        self._source = source
        self._framing = framing
        self._data = b""
        self._at = 0
        self.is_over = False
        self._silent_bytes = 0
        self._heard_any = False
        self.bytes_read = 0

    def read(self, size: int) -> bytes:
        """Up to `size` bytes as soon as there are any; b"" at the end."""
        while self._at == len(self._data):
            if self.is_over:
                return b""
            self._fill()
        part = self._data[self._at : self._at + size]
        self._at += len(part)
        return part

    def sounded(self) -> None:
        """Note that the bytes read so far have given audio."""
        self._silent_bytes = 0
        self._heard_any = True

    def check(self) -> None:
        """Call this at the end. Raises an AudioError if something was wrong with the bytes."""
        if self._framing.damage:
            raise AudioError(
                f"the {self.name} is damaged: {self._framing.damage}; start a new recording", code="corrupt_audio"
            )
        if self._silent_bytes > MAX_SILENT_BYTES:
            raise AudioError(
                f"{self._silent_bytes} bytes of {self.name} came without any sound in them; start a new recording",
                code="audio_stalled",
            )
        if not self._framing.whole:
            raise AudioError(f"the {self.name} was cut off in the middle of a block", code="truncated_audio")
        if not self._heard_any:
            raise AudioError(f"the {self.name} ended before any sound", code="truncated_audio")

    def _fill(self) -> None:
        data = self._source.read()
        self._data, self._at = self._framing.push(data), 0
        self._silent_bytes += len(self._data)
        self.bytes_read += len(self._data)
        if self._framing.rest is not None:
            self._source.split(self.kind, self._framing.rest)
        self.is_over = not data or self._framing.over or self._silent_bytes > MAX_SILENT_BYTES
