"""One reply's speech on its way to the learner: sent as it is made, but never far ahead of what the learner hears."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress

from common.pcm import BYTES_PER_SAMPLE
from gateway.outbox import Outbox
from gateway.ports import SpeechChunk, SpokenWord, TtsStream
from gateway.protocol import AiAudioStart
from gateway.reply.captions import captions
from gateway.reply.playback import PlaybackClock
from gateway.reply.stages import Stages

# How far the sent audio may be ahead of the heard audio. This is enough for an unsteady network, and an interruption
# wastes no more than this.
MAX_AHEAD_S = 2.0
# How long to wait, at the end of a reply, for a player that has stopped playing or reporting.
PLAYER_GRACE_S = 3.0
# The shortest wait between two checks whether the end was heard. Without it, the checks would follow each other without
# a pause if the player has stopped just before the end.
LEAST_WAIT_S = 0.02


class ReplySpeech:
    """The speech of one reply. `now` is a steady clock in seconds.

    made_samples: how much speech the synthesis has made. words: the words of that speech. began_s: when its first audio
    was sent; None before. has_begun: set once some speech has been made.
    """

    def __init__(
        self, turn_id: str, sample_rate_hz: int, *, stages: Stages, outbox: Outbox, now: Callable[[], float]
    ) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.made_samples = 0
        self.words: list[SpokenWord] = []
        self.began_s: float | None = None
        self.has_begun = asyncio.Event()
        self._turn_id = turn_id
        self._stages = stages
        self._outbox = outbox
        self._now = now
        self._clock = PlaybackClock(sample_rate_hz)
        self._is_all_sent = False
        self._reported = asyncio.Event()
        self._unhushed = asyncio.Event()
        self._unhushed.set()

    async def send(self, stream: TtsStream, released: asyncio.Event) -> None:
        """Send the whole stream once `released` is set.

        Until then, chunks wait in the gRPC call, whose flow control pauses the synthesis.
        """
        async for chunk in stream:
            self.words.extend(chunk.words)
            self.made_samples += len(chunk.pcm) // BYTES_PER_SAMPLE
            self._stages.mark("first_audio_made", self._now())
            self.has_begun.set()
            await released.wait()
            await asyncio.sleep(max(0.0, self._clock.ahead_s(self._now()) - MAX_AHEAD_S))
            await self._unhushed.wait()
            await self._send(chunk)
        self._is_all_sent = True

    def hush(self) -> None:
        """Send no more audio for now. The player goes on playing the audio that it has."""
        self._unhushed.clear()

    def unhush(self) -> None:
        """Continue sending where it stopped."""
        self._unhushed.set()

    def played(self, played_ms: float) -> None:
        """Note how much of the speech the learner's player has played."""
        now = self._now()
        self._clock.report(played_ms, now)
        self._reported.set()
        if played_ms > 0:
            sent_s = now if self.began_s is None else self.began_s
            self._stages.mark("first_audio_played", max(sent_s, now - played_ms / 1000))

    def count_as_heard(self) -> None:
        """Count everything that was sent as heard, because the caller does not wait for the player."""
        self._clock.report(math.inf, self._now())
        self._reported.set()

    def heard_samples(self) -> int:
        """How much of the speech the learner has heard by now."""
        return self._clock.heard_samples(self._now())

    def total_samples(self) -> int:
        """The length of the whole speech; 0 while it is unknown."""
        return self._clock.sent_samples if self._is_all_sent else 0

    async def wait_until_heard(self) -> None:
        """Return when the learner has heard all the sent audio, or PLAYER_GRACE_S after that should have happened."""
        give_up_s = self._now() + self._clock.ahead_s(self._now()) + PLAYER_GRACE_S
        while (ahead_s := self._clock.ahead_s(now := self._now())) > 0 and now < give_up_s:
            self._reported.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(LEAST_WAIT_S, min(ahead_s, give_up_s - now))):
                    await self._reported.wait()

    async def _send(self, chunk: SpeechChunk) -> None:
        if self.began_s is None and chunk.pcm:
            self.began_s = self._now()
            self._stages.mark("first_audio_sent", self.began_s)
            await self._outbox.send(AiAudioStart(sample_rate=self.sample_rate_hz, turn_id=self._turn_id))
        if chunk.words:
            await self._outbox.send(captions(chunk, self._turn_id, self.sample_rate_hz))
        if chunk.pcm:
            await self._outbox.send(chunk.pcm)
            self._clock.sent(len(chunk.pcm) // BYTES_PER_SAMPLE, self._now())
