"""The audio of one turn while it grows. All positions are samples of the stream at 16 kHz."""

from __future__ import annotations

import logging
from collections import deque
from typing import TypeAlias

import numpy as np
from opentelemetry.trace import use_span

from asr_service.audio import ENGINE_RATE_HZ, Audio
from asr_service.recognition.silences import SilentSpan, silences_in
from common.speech import PRE_ROLL_S
from common.tracing import TRACER, choose_root, under

logger = logging.getLogger(__name__)

PRE_ROLL = round(PRE_ROLL_S * ENGINE_RATE_HZ)

Window: TypeAlias = tuple[Audio, float]
"""Audio, and the probability of a voice in it."""


class Utterance:
    """Float audio at 16 kHz, mono, in windows of equal length, each with the probability of a voice in it.

    voice_start: where the voice began. begin: where the kept audio begins, with the pre-roll.
    turn: the trace span of the whole turn; its ids are chosen here, and the client begins it. span: the trace span of
    the turn's recognition.
    """

    def __init__(self, voice_start: int, begin: int, windows: list[Window]) -> None:
        self.voice_start = voice_start
        self.begin = begin
        self.turn = choose_root()
        self.span = TRACER.start_span("asr.utterance", under(self.turn))
        self._windows = [window for window, _ in windows]
        self._voice = [probability for _, probability in windows]

    def append(self, window: Audio, voice: float) -> None:
        """Add the next window. voice: the probability of a voice in it."""
        self._windows.append(window)
        self._voice.append(voice)

    def cut(self, start: int, end: int) -> Audio:
        """A copy of the audio in [start, end), as far as it has been heard and kept."""
        if not self._windows:
            return np.zeros(0, np.float32)
        size = len(self._windows[0])
        first = max(0, start - self.begin) // size
        last = -(-(end - self.begin) // size)
        begin = self.begin + first * size
        return np.concatenate(self._windows[first:last])[max(0, start - begin) : end - begin]

    def silences(self, end: int) -> list[SilentSpan]:
        """The silences between voices up to `end`, in samples since `begin`."""
        if not self._windows:
            return []
        return silences_in(self.cut(self.begin, end), self._voice, len(self._windows[0]))

    def end_span(self, reason: str) -> None:
        """The recognition of this turn is over. reason: an EndReason's value, or "cancelled"."""
        with use_span(self.span, end_on_exit=True):
            self.span.set_attribute("reason", reason)
            logger.debug("turn heard: %s", reason)


class Recorder:
    """Keeps the audio of the open turn, and between turns only the pre-roll.

    window: samples in a window. onset: samples of voice that begin a turn.
    """

    def __init__(self, window: int, onset: int) -> None:
        self._window = window
        self._before: deque[Window] = deque(maxlen=-(-(PRE_ROLL + onset) // window))
        self._utterance: Utterance | None = None

    def add(self, window: Audio, voice: float) -> None:
        """Keep the next window, in the open turn if there is one. voice: the probability of a voice in it."""
        if self._utterance is None:
            self._before.append((window, voice))
        else:
            self._utterance.append(window, voice)

    def open(self, voice_start: int, position: int) -> Utterance:
        """Begin a turn at `position`, whose voice began at `voice_start`."""
        begin = position - len(self._before) * self._window
        self._utterance = Utterance(voice_start, begin, list(self._before))
        self._before.clear()  # so that no audio belongs to two turns
        return self._utterance

    def close(self) -> None:
        """End the turn. Its audio stays in memory only as long as a decode needs it."""
        self._utterance = None
