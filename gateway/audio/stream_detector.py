"""Finds where streams begin in a session's bytes. Pure: bytes in, decisions out.

announced "auto":      a signature begins a stream; within one, a frame that begins with a signature begins another
announced a container: the same, for that container alone
announced PCM:         everything is samples, unless the first frame begins with a signature
"""

from __future__ import annotations

from typing import NamedTuple

from common.pcm import BYTES_PER_SAMPLE
from common.speech import MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ
from gateway.audio.errors import AudioError
from gateway.audio.sniff import ACCEPTED, sniff, starts_stream
from gateway.audio.types import StreamKind


class Detected(NamedTuple):
    """What a frame holds. data: the bytes to decode. begins: the kind of stream that begins with them, if one does.

    error: for the learner, if something is wrong with the frame.
    """

    data: bytes = b""
    begins: StreamKind | None = None
    error: AudioError | None = None


class StreamDetector:
    """The detector of one session. It reports a broken beginning once, then drops frames until one begins with a
    header; if PCM was announced, it drops all."""

    def __init__(self, encoding: str, pcm_sample_rate_hz: int) -> None:
        self._has_begun = False
        self.announce(encoding, pcm_sample_rate_hz)

    def announce(self, encoding: str, pcm_sample_rate_hz: int) -> None:
        """See AudioInput.announce."""
        if self._has_begun:
            raise AudioError("`start` came after the first audio; send it first", code="announced_too_late")
        if encoding != "auto" and encoding not in set(StreamKind):
            raise AudioError(f"unknown audio encoding {encoding!r}; {ACCEPTED}", code="unsupported_audio")
        if not MIN_SAMPLE_RATE_HZ <= pcm_sample_rate_hz <= MAX_SAMPLE_RATE_HZ:
            raise AudioError(
                f"raw PCM at {pcm_sample_rate_hz} Hz; use {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ} Hz",
                code="unsupported_audio",
            )
        self._announced = None if encoding == "auto" else StreamKind(encoding)
        self.pcm_sample_rate_hz = pcm_sample_rate_hz
        self._head: bytes | None = b""  # the first bytes of a stream whose kind is still unknown; None within a stream
        self._is_lost = False  # a broken beginning was reported: drop frames until a stream begins

    def take(self, data: bytes) -> Detected:
        """Take a frame of at least one byte, cut anywhere."""
        if self._announced is StreamKind.PCM:
            return self._take_pcm(data)
        if self._head is not None:
            return self._take_head(data)
        kind = starts_stream(data)
        is_new = kind and self._announced in (None, kind)  # the client has started its recorder anew
        return Detected(data, begins=kind if is_new else None)

    def finish(self) -> None:
        """No more bytes follow. Raises AudioError (truncated_audio) if too few bytes came to recognise a format."""
        if self._head and not self._is_lost:
            raise AudioError(
                f"the audio ended after {len(self._head)} bytes, too few to know its format", code="truncated_audio"
            )

    def _take_pcm(self, data: bytes) -> Detected:
        if self._is_lost:
            return Detected()
        if not self._has_begun and (kind := starts_stream(data)):
            self._is_lost = True  # the following bytes would be heard as noise
            return Detected(error=self._not_announced(kind))
        if len(data) % BYTES_PER_SAMPLE:
            error = f"a frame of raw PCM has {len(data)} bytes; 16-bit samples need an even number"
            return Detected(error=AudioError(error, code="odd_length_audio"))
        begins = None if self._has_begun else StreamKind.PCM
        self._has_begun = True
        return Detected(data, begins)

    def _take_head(self, data: bytes) -> Detected:
        """Decide whether a stream begins with the bytes so far, with this frame, or can't be recognised yet."""
        held, self._head = self._head or b"", b""
        found, error = Detected(), None
        for head in (held + data, data) if held else (data,):
            try:
                kind = self._recognise(head)
            except AudioError as wrong:
                error = error or wrong
                continue
            if kind:
                self._has_begun, self._head = True, None
                found = Detected(head, begins=kind)
            else:
                self._head = head
            break
        was_told = self._is_lost
        self._is_lost = not found.data and (self._is_lost or error is not None)
        return Detected(found.data, found.begins, None if was_told else error)

    def _recognise(self, head: bytes) -> StreamKind | None:
        kind = sniff(head)
        if kind and self._announced not in (None, kind):
            raise self._not_announced(kind)
        return kind

    def _not_announced(self, kind: StreamKind) -> AudioError:
        return AudioError(
            f"`start` announced {self._announced}, but the audio begins as {kind}; announce the real format",
            code="wrong_encoding",
        )
