"""A learner who talks to the mesh as a person does: the microphone is never off, and a reply is heard at the pace at
which it is spoken.

Other tests report a reply as heard as soon as it has arrived, and speak at once. Then the gateway still expects the
partner's voice in the microphone. In a conversation's first replies it does not know yet whether there is an echo, so
it removes some of the learner's words together with the expected echo.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import soxr
from numpy.typing import NDArray

from bench.clock import now
from bench.listening import Ear
from bench.microphone import Microphone
from tests.support.asr import Pcm
from tests.support.learner import Learner, Message, a_learner

_RATE_HZ = 24_000  # of the partner's voice
_REPORT_EVERY_S = 0.1


class InPerson:
    """Speaks and listens in real time over `learner`'s connection."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self._microphone = Microphone(learner.socket.send, seed=1)
        self._recording = asyncio.create_task(self._microphone.run())

    async def say(self, pcm: Pcm) -> None:
        """Speak this audio (16 kHz). Returns once all of it has been said."""
        end_s = self._microphone.say(pcm) + len(pcm) / 16_000
        await asyncio.sleep(end_s - now())

    async def hear_reply(self, *, after: int, timeout_s: float) -> tuple[str, NDArray[np.float32], Message]:
        """Listen to replies until one is heard to its end. Returns its text, its sound at 16 kHz, and the message that
        ends it. after: the number of messages that had come before the learner spoke."""
        async with asyncio.timeout(timeout_s):
            while True:
                turn_id = (await self.learner.wait_for("ai_text", after=after, timeout_s=timeout_s))["turn_id"]
                over = await self._listen(turn_id)
                if over["type"] == "turn_complete":
                    break
                after = self.learner.messages.index(over) + 1
        speech = np.frombuffer(self.learner.audio_of(turn_id), "<i2").astype(np.float32) / 32768
        heard: NDArray[np.float32] = soxr.resample(speech, _RATE_HZ, 16_000)
        return self.learner.text_of(turn_id), heard, over

    async def end(self, timeout_s: float) -> Message:
        """End the conversation. Returns the last analysis."""
        self.switch_off()
        await self.learner.send(type="end_conversation")
        return await self.learner.wait_for("analysis", timeout_s=timeout_s, where=lambda m: m.get("is_final", True))

    def switch_off(self) -> None:
        """Switch the microphone off."""
        self._recording.cancel()

    async def _listen(self, turn_id: str) -> Message:
        """Report what has been played until the reply is over. Returns the message that says so."""
        ear, taken = Ear(_RATE_HZ), 0
        while True:
            audio = self.learner.audio_of(turn_id)
            ear.hear(audio[taken:], now())
            taken = len(audio)
            played_s = taken / 2 / _RATE_HZ - ear.left_s(now())
            await self.learner.send(type="playback", turn_id=turn_id, played_ms=max(0.0, played_s) * 1000)
            for message in self.learner.messages:
                if message["type"] in {"turn_complete", "interrupted"} and message["turn_id"] == turn_id:
                    return message
            await asyncio.sleep(_REPORT_EVERY_S)


@asynccontextmanager
async def in_person(url: str, **start: object) -> AsyncIterator[InPerson]:
    """Connect a learner to the gateway at `url`, and switch the microphone on. start: further fields of the
    message `start`."""
    async with a_learner(url) as learner:
        await learner.send(type="start", audio={"encoding": "pcm_s16le"}, **start)
        person = InPerson(learner)
        try:
            yield person
        finally:
            person.switch_off()
