"""Removes the partner's voice from the learner's microphone with WebRTC's echo canceller, AEC3.

AEC3 takes both signals. It models the room, subtracts the echo, and suppresses the rest. If there were no echo, it
would suppress a learner who speaks over the partner for up to a second. So it works only while the partner is heard,
and only in two cases: there is an echo, or the microphone gets louder before it is known whether there is one. In the
second case, the audio is held back until it is known. Then it is passed on: without the echo if there is one, otherwise
unchanged. See docs/adr/0039-echo.md.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pywebrtc_audio import EchoCanceller

from common.pcm import BYTES_PER_SAMPLE
from gateway import metrics
from gateway.echo.correlation import MAX_DELAY_S, Correlation
from gateway.echo.loudness import Loudness
from gateway.echo.microphone_window import MicrophoneWindow
from gateway.echo.played_audio import Pcm, PlayedAudio
from gateway.echo.presence import EchoPresence, Presence

# How long a room may echo after the last sample was played.
REVERBERATION_S = 0.5
# AEC3 finds an echo up to this long after the reference. For a longer delay, the reference is moved.
_SEARCHED_S = 0.35
_LEAD_S = 0.04  # how long before the echo a moved reference comes
_FRAME_S = 0.01
_TAUGHT_S = 1.0  # a new AEC3 first processes this much earlier audio
_JUMP_S = 0.01  # a player that stalls changes the delay by more than this; another reflection changes it by less
# If a learner speaks over the partner while AEC3 hears no clear echo, AEC3 mistakes the learner's voice for an echo. It
# then suppresses this voice for half a second to two seconds. So this much of the partner's voice is added to a soft
# echo (-32 dB). AEC3 removes the added voice, too.
_ADDED_ECHO = np.float32(0.025)
# While it is unknown whether there is an echo, a quiet microphone shows that there is none if the partner was loud for
# _LOUD_FOR_S, up to _USUAL_DELAY_S ago.
_USUAL_DELAY_S, _LOUD_FOR_S = 0.45, 0.2
# If no check has given a result for this much audio, because the partner is too soft or the replies are too short, the
# canceller assumes for now that there is no echo.
_HELD_FOR_S = 2.0
_AUDIBLE = 300.0  # root mean square of 16-bit samples (-41 dB of full scale): above this, the partner is speaking


class Canceller:
    """The canceller of one session. played: the partner's audio."""

    def __init__(self, played: PlayedAudio, sample_rate_hz: int) -> None:
        self._played = played
        self._rate_hz = sample_rate_hz
        self._presence = EchoPresence()
        self._correlation = Correlation(sample_rate_hz)
        self._frame = round(_FRAME_S * sample_rate_hz)
        self._aec: EchoCanceller | None = None
        # audio that is held back until it is known whether there is an echo: unchanged, and without the echo
        self._held, self._held_cancelled = b"", b""
        self._moved = 0  # how many samples ahead of the microphone the reference is read; negative: behind it
        self._rest = b""  # samples that do not fill a frame yet
        self._reach = round((MAX_DELAY_S + REVERBERATION_S) * sample_rate_hz)
        self._window = MicrophoneWindow(self._correlation.window)
        self._unchecked = 0
        self._loudness = Loudness()

    @property
    def presence(self) -> Presence:
        """What is known about the echo."""
        return self._presence.state

    def clean(self, pcm: bytes, start: int) -> bytes:
        """The microphone's next audio without the partner's voice. While the partner is heard, up to 10 ms are held
        back, and up to _HELD_FOR_S until it is known whether there is an echo.

        start: when the first sample was recorded, on the clock of `played`.
        """
        samples = len(pcm) // BYTES_PER_SAMPLE
        if not self._played.is_heard_in(start - self._reach, start + samples):
            self._window.clear()
            self._played.forget(start - self._reach)
            return self._pass(pcm)
        self._look(pcm, start)
        if self._presence.state is Presence.UNKNOWN:
            if self._held or self._loudness.follow(np.frombuffer(pcm, "<i2")):
                self._held += pcm
                self._held_cancelled += self._cancel(pcm, start)
                if len(self._held) <= _HELD_FOR_S * self._rate_hz * BYTES_PER_SAMPLE:
                    return b""
                self._found(self._presence.assume_none)
                return self.flush()
            if self._would_be_heard(start + samples):
                self._found(self._presence.assume_none)
        if self._presence.state is Presence.PRESENT:
            held, self._held, self._held_cancelled = self._held_cancelled, b"", b""
            return held + self._cancel(pcm, start)
        self._aec = None
        return self._pass(pcm)

    def flush(self) -> bytes:
        """What is held back, unchanged. Call this when no more audio comes for now."""
        return self._pass(b"")

    def _would_be_heard(self, now: int) -> bool:
        """Whether the partner has been loud for long enough that an echo would have made the microphone louder."""
        end = now - round(_USUAL_DELAY_S * self._rate_hz)
        return self._played.loudness_in(end - round(_LOUD_FOR_S * self._rate_hz), end) >= _AUDIBLE

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
        """Let `aec` process the latest audio before `end` once more, so that it knows the room at once."""
        known = self._window.read()
        known = known[: max(0, end - self._window.end + len(known))]
        known = known[-round(_TAUGHT_S * self._rate_hz) :]
        if len(known := known[len(known) % self._frame :]):
            self._process(aec, known, end - len(known))

    def _process(self, aec: EchoCanceller, near: Pcm, start: int) -> Pcm:
        far = self._played.read(start + self._moved, start + self._moved + len(near))
        return aec.process(self._with_clear_echo(near, start), far)

    def _with_clear_echo(self, near: Pcm, start: int) -> Pcm:
        """`near` with some of the partner's voice added at the echo's delay; see _ADDED_ECHO.

        start: when the first sample of `near` was recorded, on the clock of `played`.
        """
        if (delay := self._presence.delay) is None:
            return near
        echo = self._played.read(start - delay, start - delay + len(near)) * _ADDED_ECHO
        return np.asarray(np.clip(near + echo, -32768, 32767), np.int16)

    # --- the detector -----------------------------------------------------------------------------

    def _look(self, pcm: bytes, start: int) -> None:
        """Check for an echo when enough of the partner's voice has been played since the last time."""
        if not self._window.add(pcm, start):
            self._unchecked = 0
            self._correlation.forget()
            self._loudness = Loudness()
        self._unchecked += len(pcm) // BYTES_PER_SAMPLE
        if self._window.is_full and self._presence.is_due(self._unchecked / self._rate_hz):
            self._unchecked = 0
            self._presence.begin_check()
            self._check(self._window.read())

    def _check(self, microphone: Pcm) -> None:
        if self._presence.state is Presence.ABSENT and not Loudness().follow(microphone):
            return  # the microphone hears nothing, so there is no echo; this check costs a tenth of a correlation
        start = self._window.end - self._correlation.window - self._correlation.latest
        end = self._window.end - self._correlation.earliest
        if self._played.loudness_in(start + self._correlation.latest // 2, end) < _AUDIBLE:
            return
        played = self._played.read(start, end)
        delay_before = self._presence.delay
        certainty, at = self._correlation.add(microphone, played)
        self._found(lambda: self._presence.check(certainty, at))
        if (delay := self._presence.delay) is not None:
            self._align(delay)
            if delay_before is not None and abs(delay - delay_before) > _JUMP_S * self._rate_hz:
                self._aec = None
                self._correlation.forget()

    def _found(self, tell_presence: Callable[[], None]) -> None:
        before = self._presence.state
        tell_presence()
        if self._presence.state is not before:
            metrics.ECHO_FOUND.labels(self._presence.state.name.lower()).inc()
            self._aec = None  # the next canceller learns from the clear echo

    def _align(self, delay: int) -> None:
        """Move the reference if it is too early or too late for AEC3 to find the echo."""
        behind_s = (delay + self._moved) / self._rate_hz
        if not 0 <= behind_s <= _SEARCHED_S:
            self._moved = round(_LEAD_S * self._rate_hz) - delay
            self._aec = None
