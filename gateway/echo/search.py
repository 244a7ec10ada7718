"""Finds the echo in the microphone: whether there is one, and where AEC3 must look for it."""

from __future__ import annotations

from collections.abc import Callable

from common.pcm import BYTES_PER_SAMPLE
from gateway import metrics
from gateway.echo.correlation import Correlation
from gateway.echo.loudness import Loudness
from gateway.echo.microphone_window import MicrophoneWindow
from gateway.echo.played_audio import Pcm, PlayedAudio
from gateway.echo.presence import EchoPresence, Presence

# AEC3 finds an echo up to this long after the reference (the partner's audio). For a longer delay, the reference is
# moved.
_SEARCHED_S = 0.35
_LEAD_S = 0.04  # how long before the echo a moved reference comes
_JUMP_S = 0.01  # a player that stalls changes the delay by more than this; another reflection changes it by less
# While it is unknown whether there is an echo, a quiet microphone shows that there is none if the partner was loud
# during the _LOUD_FOR_S that ended _USUAL_DELAY_S ago.
_USUAL_DELAY_S, _LOUD_FOR_S = 0.45, 0.2
_AUDIBLE = 300.0  # root mean square of 16-bit samples (-41 dB of full scale): above this, the partner is speaking


class EchoSearch:
    """The search of one session. played: the partner's audio.

    presence: what is known about the echo. window: the microphone's latest audio. loudness: tells when that audio gets
    louder. moved: how many samples ahead of the microphone the reference is to be read; negative: behind it.
    """

    def __init__(self, played: PlayedAudio, sample_rate_hz: int) -> None:
        self._correlation = Correlation(sample_rate_hz)
        self.presence = EchoPresence()
        self.window = MicrophoneWindow(self._correlation.window)
        self.loudness = Loudness()
        self.moved = 0
        self._played = played
        self._rate_hz = sample_rate_hz
        self._unchecked = 0

    def look(self, pcm: bytes, start: int) -> bool:
        """Take the microphone's next audio. Check for an echo when enough of the partner's voice has been played since
        the last time.

        Returns whether the echo has changed so much that AEC3 must begin anew.
        """
        if not self.window.add(pcm, start):
            self._unchecked = 0
            self._correlation.forget()
            self.loudness = Loudness()
        self._unchecked += len(pcm) // BYTES_PER_SAMPLE
        if self.window.is_full and self.presence.is_due(self._unchecked / self._rate_hz):
            self._unchecked = 0
            self.presence.begin_check()
            return self._check(self.window.read())
        return False

    def would_be_heard(self, now: int) -> bool:
        """Whether the partner has been loud for long enough that an echo would have made the microphone louder."""
        end = now - round(_USUAL_DELAY_S * self._rate_hz)
        return self._played.loudness_in(end - round(_LOUD_FOR_S * self._rate_hz), end) >= _AUDIBLE

    def assume_none(self) -> None:
        """See EchoPresence.assume_none."""
        self._found(self.presence.assume_none)

    def _check(self, microphone: Pcm) -> bool:
        if self.presence.state is Presence.ABSENT and not Loudness().follow(microphone):
            return False  # the microphone hears nothing, so there is no echo; a correlation costs ten times this check
        start = self.window.end - self._correlation.window - self._correlation.latest
        end = self.window.end - self._correlation.earliest
        if self._played.loudness_in(start + self._correlation.latest // 2, end) < _AUDIBLE:
            return False
        played = self._played.read(start, end)
        delay_before = self.presence.delay
        certainty, at = self._correlation.add(microphone, played)
        has_changed = self._found(lambda: self.presence.check(certainty, at))
        if (delay := self.presence.delay) is not None:
            has_changed |= self._align(delay)
            if delay_before is not None and abs(delay - delay_before) > _JUMP_S * self._rate_hz:
                has_changed = True
                self._correlation.forget()
        return has_changed

    def _found(self, tell_presence: Callable[[], None]) -> bool:
        """Call `tell_presence`. Returns whether it has changed the state. If so, AEC3 must begin anew."""
        before = self.presence.state
        tell_presence()
        if self.presence.state is before:
            return False
        metrics.ECHO_FOUND.labels(self.presence.state.name.lower()).inc()
        return True

    def _align(self, delay: int) -> bool:
        """Move the reference if it is too early or too late for AEC3 to find the echo. Returns whether it was moved."""
        behind_s = (delay + self.moved) / self._rate_hz
        if 0 <= behind_s <= _SEARCHED_S:
            return False
        self.moved = round(_LEAD_S * self._rate_hz) - delay
        return True
