"""The data that the parts of a stream exchange: config, requests, and steps from listening to answering."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TypeAlias

from asr_service.audio import ENGINE_RATE_HZ
from asr_service.engine import Transcript
from asr_service.recognition.utterance_decoder import UtteranceDecoder
from asr_service.turn_taking.decisions import EagerEndOfTurn, EndOfTurn, SpeechStarted, TurnResumed
from asr_service.turn_taking.endpointing import Endpointing
from asr_service.turn_taking.pauses import NO_PAUSES, PauseStatistics


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """How to recognise a stream.

    sample_rate_hz: the rate of its audio. language: BCP-47 tag, or empty. partial_interval_ms: 0 for no partials.
    voice_activity_events: whether the client wants VoicePaused and VoiceContinued. verbatim: whether it wants
    VerbatimTranscript.
    """

    sample_rate_hz: int
    language: str
    endpointing: Endpointing
    partial_interval_ms: int
    voice_activity_events: bool = False
    verbatim: bool = False

    @property
    def rate(self) -> float:
        """How many samples of the stream correspond to one sample at 16 kHz."""
        return self.sample_rate_hz / ENGINE_RATE_HZ

    def stream_sample(self, position: int) -> int:
        """A position at 16 kHz, in samples of the stream."""
        return round(position * self.rate)


class Finish:
    """The client will send no more audio."""


Request: TypeAlias = bytes | Endpointing | Finish
"""Audio (16-bit little-endian mono PCM), new endpointing settings, or the end."""


@dataclass(frozen=True, slots=True)
class PartialDue:
    """It is time for a partial."""


@dataclass(frozen=True, slots=True)
class PauseDecoded:
    """The words before the present pause are known, and the turn is probably not over."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something to tell the client about a turn. Listening sends steps, and answering carries them out in order.

    position: how far the turn had been heard when the step was decided. transcript: the turn up to its present pause;
    None if the voice hasn't paused. pauses: statistics of the learner's pauses.
    """

    what: SpeechStarted | PartialDue | PauseDecoded | EagerEndOfTurn | TurnResumed | EndOfTurn
    turn: UtteranceDecoder
    position: int
    transcript: asyncio.Task[Transcript] | None = None
    pauses: PauseStatistics = NO_PAUSES


class OpenTurns:
    """Counts the turns that have begun but whose end has not been sent."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    def begin(self) -> None:
        """A turn has begun."""
        self._count += 1
        self._none.clear()

    def end(self) -> None:
        """The end of a turn has been sent."""
        self._count -= 1
        if not self._count:
            self._none.set()

    async def wait_for_none(self) -> None:
        """Return as soon as no turn is open."""
        await self._none.wait()
