"""The echo guard of one session: it notes what is sent to the learner, and cleans the audio of the learner's
microphone.

It works in the event loop, because AEC3 needs only 0.2 ms for 10 ms of audio. While it cleans more than 0.4 s
of audio, it lets other sessions run in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from common.pcm import BYTES_PER_SAMPLE
from gateway.echo.canceller import Canceller
from gateway.echo.microphone_clock import MicrophoneClock
from gateway.echo.played_audio import PlayedAudio
from gateway.echo.presence import Presence
from gateway.protocol import AiAudioStart, Interrupted

_PIECE_S = 0.1
# After this many pieces, other sessions may run: that is 8 ms of work, if there is an echo. Usually, less audio comes
# at a time; for that, an iteration of the event loop would cost more than the search for an echo.
# `LearnerAudio` gives at most this many pieces at a time, and relies on their being cleaned without a wait.
_PIECES_AT_ONCE = 4


class EchoGuard:
    """sample_rate_hz: the rate of the microphone's PCM. now: the session's clock in seconds."""

    def __init__(self, sample_rate_hz: int, now: Callable[[], float]) -> None:
        self._rate_hz = sample_rate_hz
        self._now = now
        self._played = PlayedAudio(sample_rate_hz)
        self._clock = MicrophoneClock(sample_rate_hz)
        self._canceller = Canceller(self._played, sample_rate_hz)

    @property
    def has_echo(self) -> bool:
        """Whether the microphone is known to pick up the partner's voice."""
        return self._canceller.presence is Presence.PRESENT

    def note(self, sent: object) -> None:
        """Note a message or audio that was sent to the learner."""
        now = round(self._now() * self._rate_hz)
        match sent:
            case bytes():
                self._played.add(sent, now)
            case AiAudioStart(sample_rate=rate_hz):
                self._played.begin(rate_hz)
            case Interrupted():
                self._played.stop(now)

    async def clean(self, pcm: bytes) -> bytes:
        """The microphone's next audio without the partner's voice. While the partner is heard, up to 10 ms are held
        back, and up to 2 s until it is known whether there is an echo."""
        start = self._clock.add(len(pcm) // BYTES_PER_SAMPLE, self._now())
        size = round(_PIECE_S * self._rate_hz) * BYTES_PER_SAMPLE
        if len(pcm) <= size:
            return self._canceller.clean(pcm, start)
        cleaned = []
        for number, at in enumerate(range(0, len(pcm), size)):
            if number and number % _PIECES_AT_ONCE == 0:
                await asyncio.sleep(0)
            cleaned.append(self._canceller.clean(pcm[at : at + size], start + at // BYTES_PER_SAMPLE))
        return b"".join(cleaned)

    def flush(self) -> bytes:
        """The audio that is held back, unchanged: no more audio will come for now."""
        return self._canceller.flush()
