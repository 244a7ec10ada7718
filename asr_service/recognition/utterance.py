"""The audio of one turn while it grows, and what has been understood of it so far."""

from __future__ import annotations

import asyncio
from collections import deque

import numpy as np

from asr_service.audio import ENGINE_RATE_HZ, Audio
from asr_service.engine import Transcript
from asr_service.recognition.local_agreement import LocalAgreement
from common.tracing import TRACER, choose_root, under

# The VAD notices a voice some windows after it began, and soft first sounds later still: keep what came before.
PRE_ROLL = 300 * ENGINE_RATE_HZ // 1000


class Utterance:
    """Audio at 16 kHz from `begin` on; all positions are samples of the stream at 16 kHz.

    `turn` is the span of the whole turn, which the client begins; `span` is that of its recognition.
    """

    def __init__(self, voice_start: int) -> None:
        self.turn = choose_root()
        self.span = TRACER.start_span("asr.utterance", under(self.turn))
        self.voice_start = voice_start
        self.begin = voice_start
        self.agreement = LocalAgreement()
        self.partial_pending = False
        self.partial_from = voice_start
        self.partial: asyncio.Task[Transcript] | None = None
        self.final: asyncio.Task[Transcript] | None = None  # the whole turn, decoded from its present pause on
        self.could_end: float | None = None  # what the text model says of that, once asked
        self.eager_told = False
        self._windows: list[Audio] = []

    def append(self, window: Audio) -> None:
        """One more window."""
        self._windows.append(window)

    def drop_partial(self) -> None:
        """Nobody needs a caption of a turn whose end is known, and to tell of the end must not wait for it."""
        if self.partial is not None:
            self.partial.cancel()
            self.partial = None

    def drop_final(self) -> None:
        """The voice goes on: what was to be the whole turn is not."""
        if self.final is not None:
            self.final.cancel()
            self.final = None

    def prepend(self, begin: int, windows: list[Audio]) -> None:
        """What was heard before the turn was known to be one."""
        self.begin = self.partial_from = begin
        self._windows[:0] = windows

    def cut(self, start: int, end: int) -> Audio:
        """A copy of the audio in [start, end), as far as it is there."""
        if not self._windows:
            return np.zeros(0, np.float32)
        size = len(self._windows[0])
        first = max(0, start - self.begin) // size
        last = -(-(end - self.begin) // size)
        begin = self.begin + first * size
        return np.concatenate(self._windows[first:last])[max(0, start - begin) : end - begin]


class Recorder:
    """Keeps the audio of the open turn, and between turns no more than the pre-roll."""

    def __init__(self, window: int, onset: int) -> None:
        self._window = window
        self._before: deque[Audio] = deque(maxlen=-(-(PRE_ROLL + onset) // window))
        self.utterance: Utterance | None = None

    def add(self, window: Audio) -> None:
        """One more window, of the open turn if there is one."""
        if self.utterance is None:
            self._before.append(window)
        else:
            self.utterance.append(window)

    def open(self, voice_start: int, position: int) -> Utterance:
        """Begin a turn at `position`, whose voice began at `voice_start`."""
        self.utterance = Utterance(voice_start)
        self.utterance.prepend(position - len(self._before) * self._window, list(self._before))
        self._before.clear()  # so that no audio belongs to two turns
        return self.utterance

    def close(self) -> None:
        """End the turn; its audio lives on only as long as a decode needs it."""
        self.utterance = None
