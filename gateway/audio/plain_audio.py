"""Raw PCM at recognition's rate, which needs no decoding: its short way from the socket to the session."""

from __future__ import annotations

from collections.abc import Iterable

from common.pcm import BYTES_PER_SAMPLE
from gateway.audio.decoded_queue import DecodedQueue
from gateway.audio.gathering import Gathering
from gateway.audio.quiet_watch import QuietWatch
from gateway.audio.types import DecodedAudio, StreamKind

_CODEC = StreamKind.PCM.value


class PlainAudio:
    """Puts 16-bit mono PCM at `sample_rate_hz` into `decoded`, and tells `quiet` how much has come.

    gathering: decides when the audio goes on. Without it, each frame goes on at once. has_begun: whether the session's
    audio is plain; set when its format is known.
    """

    def __init__(self, decoded: DecodedQueue, quiet: QuietWatch, sample_rate_hz: int) -> None:
        self.gathering: Gathering | None = None
        self.has_begun = False
        self._has_ended = False
        self._decoded = decoded
        self._quiet = quiet
        self._sample_rate_hz = sample_rate_hz

    @property
    def missing_bytes(self) -> int:
        """How many more bytes must be fed before they are useful; 1 if every byte is useful."""
        return self.gathering.missing_bytes if self.gathering and self.has_begun else 1

    def takes_at_once(self, frames: Iterable[bytes]) -> bool:
        """Whether `AudioInput.feed` would neither wait nor raise for any of these frames."""
        if not self.has_begun or self._has_ended or not self._decoded.has_room:
            return False
        for data in frames:  # noqa: SIM110 - a generator costs more than what it looks at
            if not data or len(data) % BYTES_PER_SAMPLE:
                return False
        return True

    def feed_at_once(self, data: bytes) -> None:
        """As `AudioInput.feed`. data: the frames, joined, for which `takes_at_once` was True."""
        self._quiet.begin_slice()
        self._quiet.heard(len(data) / BYTES_PER_SAMPLE / self._sample_rate_hz)
        if pcm := self.gathering.add(data) if self.gathering else data:
            self._decoded.send_now(self._piece(pcm))

    async def feed(self, data: bytes) -> None:
        """Take a frame. Waits while the session is behind."""
        self._quiet.heard(len(data) / BYTES_PER_SAMPLE / self._sample_rate_hz)
        if pcm := self.gathering.add(data) if self.gathering else data:
            await self._decoded.send(self._piece(pcm))

    async def send_rest(self) -> None:
        """Have the gathered audio go on. Waits while the session is behind."""
        if self.gathering and (rest := self.gathering.rest()):
            await self._decoded.send(self._piece(rest))

    def send_rest_now(self) -> None:
        """As `send_rest`, without waiting: call it only if `decoded` has room."""
        if self.gathering and (rest := self.gathering.rest()):
            self._decoded.send_now(self._piece(rest))

    async def finish(self) -> None:
        """No more audio follows."""
        self._has_ended = True
        await self.send_rest()

    def _piece(self, pcm: bytes) -> DecodedAudio:
        return DecodedAudio(pcm, _CODEC, self._sample_rate_hz)
