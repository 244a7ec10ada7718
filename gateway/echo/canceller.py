"""Removes the partner's voice from the learner's microphone with WebRTC's echo canceller, AEC3.

AEC3 takes the microphone's audio and the partner's. It models the room, subtracts the echo, and suppresses what is left
of it. If there were no echo, AEC3 would suppress the first 0.4 to 1.3 s of a learner who speaks over the
partner. So it works only while the partner is heard, and only in two cases: there is an echo, or the microphone gets
louder before it is known whether there is one. In the second case, the audio is held back until that is known. Then it
is passed on: without the echo if there is one, otherwise unchanged. See docs/adr/0039-echo.md.
"""

from __future__ import annotations

import numpy as np
from pywebrtc_audio import EchoCanceller

from common.pcm import BYTES_PER_SAMPLE
from gateway import metrics
from gateway.echo.correlation import MAX_DELAY_S
from gateway.echo.played_audio import Pcm, PlayedAudio
from gateway.echo.presence import Presence
from gateway.echo.search import EchoSearch

# How long a room may echo after the last sample was played.
REVERBERATION_S = 0.5
_FRAME_S = 0.01
_TAUGHT_S = 1.0  # a new AEC3 first processes this much earlier audio
# If a learner speaks over the partner while AEC3 hears no clear echo, because the echo is soft, AEC3 mistakes the
# learner's voice for an echo, and suppresses its first 0.3 to 2.4 s. So this much of the partner's voice (-32 dB)
# is added to every echo that was found. AEC3 removes the added voice, too.
_ADDED_ECHO = np.float32(0.025)
# If no check has given a result for this much audio, because the partner is too soft or the replies are too short, the
# canceller assumes for now that there is no echo.
_HELD_FOR_S = 2.0


class Canceller:
    """The canceller of one session. played: the partner's audio."""

    def __init__(self, played: PlayedAudio, sample_rate_hz: int) -> None:
        self._played = played
        self._rate_hz = sample_rate_hz
        self._search = EchoSearch(played, sample_rate_hz)
        self._frame = round(_FRAME_S * sample_rate_hz)
        self._aec: EchoCanceller | None = None
        # audio that is held back until it is known whether there is an echo: unchanged, and without the echo
        self._held, self._held_cancelled = b"", b""
        self._rest = b""  # samples that do not fill a frame yet
        self._reach = round((MAX_DELAY_S + REVERBERATION_S) * sample_rate_hz)

    @property
    def presence(self) -> Presence:
        """What is known about the echo."""
        return self._search.presence.state

    def clean(self, pcm: bytes, start: int) -> bytes:
        """The microphone's next audio without the partner's voice. While the partner is heard, up to 10 ms are held
        back, and up to _HELD_FOR_S until it is known whether there is an echo.

        start: when the first sample was recorded, on the clock of `played`.
        """
        samples = len(pcm) // BYTES_PER_SAMPLE
        if not self._played.is_heard_in(start - self._reach, start + samples):
            self._search.window.clear()
            self._played.forget(start - self._reach)
            return self._pass(pcm)
        if self._search.look(pcm, start):
            self._aec = None
        if self._search.presence.state is Presence.UNKNOWN:
            if self._held or self._search.loudness.follow(np.frombuffer(pcm, "<i2")):
                self._held += pcm
                self._held_cancelled += self._cancel(pcm, start)
                if len(self._held) <= _HELD_FOR_S * self._rate_hz * BYTES_PER_SAMPLE:
                    return b""
                self._search.assume_none()
                self._aec = None
                return self.flush()
            if self._search.would_be_heard(start + samples):
                self._search.assume_none()
        if self._search.presence.state is Presence.PRESENT:
            held, self._held, self._held_cancelled = self._held_cancelled, b"", b""
            return held + self._cancel(pcm, start)
        self._aec = None
        return self._pass(pcm)

    def flush(self) -> bytes:
        """What is held back, unchanged. Call this when no more audio comes for now."""
        return self._pass(b"")

    def _pass(self, pcm: bytes) -> bytes:
        """`pcm` as it is, after what was held back."""
        held = self._held or self._rest  # `_held` includes `_rest`
        self._held = self._held_cancelled = self._rest = b""
        return held + pcm

    def _cancel(self, pcm: bytes, start: int) -> bytes:
        start -= len(self._rest) // BYTES_PER_SAMPLE
        near = np.frombuffer(self._rest + pcm, "<i2")
        whole = len(near) - len(near) % self._frame
        self._rest = near[whole:].tobytes()
        if not whole:
            return b""
        metrics.ECHO_SECONDS.inc(whole / self._rate_hz)
        if self._aec is None:
            self._aec = EchoCanceller(self._rate_hz, 1)
            self._teach(self._aec, start)
        return self._process(self._aec, near[:whole], start).tobytes()

    def _teach(self, aec: EchoCanceller, end: int) -> None:
        """Let the new `aec` process the latest audio before `end`, so that it knows the room at once."""
        known = self._search.window.read()
        known = known[: max(0, end - self._search.window.end + len(known))]
        known = known[-round(_TAUGHT_S * self._rate_hz) :]
        if len(known := known[len(known) % self._frame :]):
            self._process(aec, known, end - len(known))

    def _process(self, aec: EchoCanceller, near: Pcm, start: int) -> Pcm:
        moved = self._search.moved
        far = self._played.read(start + moved, start + moved + len(near))
        return aec.process(self._with_clear_echo(near, start), far)

    def _with_clear_echo(self, near: Pcm, start: int) -> Pcm:
        """`near` with some of the partner's voice added at the echo's delay; see _ADDED_ECHO.

        start: when the first sample of `near` was recorded, on the clock of `played`.
        """
        if (delay := self._search.presence.delay) is None:
            return near
        echo = self._played.read(start - delay, start - delay + len(near)) * _ADDED_ECHO
        return np.asarray(np.clip(near + echo, -32768, 32767), np.int16)
