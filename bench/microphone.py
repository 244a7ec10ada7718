"""A microphone that never stops: it gives 20 ms of sound every 20 ms. The sound is a room's hiss, and over it the
speech, if there is any.

A frame is sent once its last sample has been recorded, as a sound card does. Frames are due at times counted from the
start, so a late frame delays no other frame.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np

from bench.clock import now
from bench.utterances import RATE_HZ
from tests.support.asr import Pcm

FRAME_S = 0.02
FRAME = round(RATE_HZ * FRAME_S)
HISS = 6.0  # standard deviation of a sample: -75 dB of full scale


class Microphone:
    """Sends PCM bytes through `send`. worst_lateness_s: the longest delay of a frame since `say`."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]], seed: int) -> None:
        self._send = send
        self._noise = np.random.default_rng(seed)
        self._speech: Pcm = np.zeros(0, np.int16)
        self._speech_tick = 0
        self._tick = 0
        self._began_s = 0.0
        self.worst_lateness_s = 0.0

    async def run(self) -> None:
        """Send frames until cancelled."""
        self._began_s = now()
        while True:
            due_s = self._began_s + (self._tick + 1) * FRAME_S
            await asyncio.sleep(max(0.0, due_s - now()))
            self.worst_lateness_s = max(self.worst_lateness_s, now() - due_s)
            frame = self._heard_in(self._tick)
            self._tick += 1
            await self._send(frame)

    def say(self, pcm: Pcm) -> float:
        """Speak from the next frame on. Returns the time at which that frame begins."""
        self._speech, self._speech_tick = pcm, self._tick + 1
        self.worst_lateness_s = 0.0
        return self._began_s + self._speech_tick * FRAME_S

    def _heard_in(self, tick: int) -> bytes:
        frame = self._noise.normal(0.0, HISS, FRAME)
        begin = (tick - self._speech_tick) * FRAME
        if 0 <= begin < len(self._speech):
            piece = self._speech[begin : begin + FRAME]
            frame[: len(piece)] += piece
        return np.clip(frame, -32768, 32767).astype("<i2").tobytes()
