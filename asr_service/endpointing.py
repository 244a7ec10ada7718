"""When a turn begins, pauses, goes on and ends. Pure: probabilities of speech in, decisions out.

    idle ──voice for 100 ms──▶ speaking ──silence for eager_silence──▶ paused ──silence for end_silence──▶ idle
                                  ▲                                      │
                                  └─────────voice for 100 ms─────────────┘

    SpeechStarted            EagerEnd             Resumed            Ended

Between SpeechStarted and the next one there is always one Ended. Ended by silence always comes after an EagerEnd that
was not taken back. All times are counted in samples, so faster or slower delivery changes nothing.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias

from common.errors import InvalidInputError

VOICE_PROBABILITY = 0.5  # from here on it is voice,
SILENCE_PROBABILITY = 0.35  # below it silence; between the two, whatever it was before (as Silero's own code does)
ONSET_MS = 96  # voice this long is speech rather than a click
MIN_TURN_MS, MAX_TURN_MS = 500, 600_000  # what max_turn_ms may be: it bounds the memory that a stream takes


@dataclass(frozen=True, slots=True)
class Endpointing:
    """When a turn ends, in milliseconds; see the proto message of the same name."""

    eager_silence_ms: int = 300
    end_silence_ms: int = 700
    max_turn_ms: int = 60_000

    def overridden(self, *, eager_silence_ms: int, end_silence_ms: int, max_turn_ms: int) -> Endpointing:
        """These settings with those given in the place of their own, zero meaning: not given.

        Raises InvalidInputError if that makes no sense.
        """
        if min(eager_silence_ms, end_silence_ms, max_turn_ms) < 0:
            raise InvalidInputError("endpointing: a length is negative; give milliseconds, or 0 for the default")
        new = Endpointing(
            eager_silence_ms or self.eager_silence_ms,
            end_silence_ms or self.end_silence_ms,
            max_turn_ms or self.max_turn_ms,
        )
        if new.end_silence_ms < new.eager_silence_ms:
            raise InvalidInputError(
                f"endpointing: end_silence_ms ({new.end_silence_ms}) is less than eager_silence_ms "
                f"({new.eager_silence_ms}); raise the one or lower the other"
            )
        if not MIN_TURN_MS <= new.max_turn_ms <= MAX_TURN_MS:
            raise InvalidInputError(
                f"endpointing: max_turn_ms is {new.max_turn_ms}; it must be from {MIN_TURN_MS} to {MAX_TURN_MS}"
            )
        return new


class EndReason(enum.Enum):
    """Why a turn ended."""

    SILENCE = "silence"
    MAX_LENGTH = "max_length"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The voice began at `start`."""

    start: int


@dataclass(frozen=True, slots=True)
class EagerEnd:
    """The turn is probably over; its voice ended at `end`. `probability`: the share of the silence needed so far."""

    end: int
    probability: float


@dataclass(frozen=True, slots=True)
class Resumed:
    """The voice began again at `start`; the last EagerEnd is void."""

    start: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The turn is over; its voice ended at `end`."""

    end: int
    reason: EndReason


Decision: TypeAlias = SpeechStarted | EagerEnd | Resumed | Ended


class _State(enum.Enum):
    IDLE = enum.auto()
    SPEAKING = enum.auto()
    PAUSED = enum.auto()


class Endpointer:
    """Follows one stream, window by window. `position` is the number of samples heard, at `rate_hz`."""

    def __init__(self, settings: Endpointing, *, window: int, rate_hz: int) -> None:
        self.position = 0
        self._settings = self._next_settings = settings
        self._window = window
        self._samples_per_ms = rate_hz // 1000
        self._state = _State.IDLE
        self._onset: int | None = None  # where the present run of voiced windows began
        self._silence: int | None = None  # where the present silence within the turn began
        self._start = 0  # where the turn began

    @property
    def is_voiced(self) -> bool:
        """True while a turn is open and no pause has begun."""
        return self._state is _State.SPEAKING and self._silence is None

    def reconfigure(self, settings: Endpointing) -> None:
        """Takes effect with the next pause, or the next turn."""
        self._next_settings = settings

    def hear(self, probability: float) -> list[Decision]:
        """What follows from the next window."""
        begin = self.position
        self.position += self._window
        if probability < VOICE_PROBABILITY:
            self._onset = None
        elif self._onset is None:
            self._onset = begin
        match self._state:
            case _State.IDLE:
                return self._while_idle()
            case _State.SPEAKING:
                self._follow_silence(probability, begin)
                return self._while_speaking()
            case _State.PAUSED:
                return self._while_paused()

    def finish(self) -> list[Decision]:
        """What follows from the end of the stream."""
        return [] if self._state is _State.IDLE else [self._end(EndReason.FINISHED)]

    def _while_idle(self) -> list[Decision]:
        if (onset := self._confirmed_onset()) is None:
            return []
        self._settings = self._next_settings
        self._state, self._start, self._silence = _State.SPEAKING, onset, None
        return [SpeechStarted(onset)]

    def _follow_silence(self, probability: float, begin: int) -> None:
        if probability >= VOICE_PROBABILITY:
            self._silence = None
        elif probability < SILENCE_PROBABILITY and self._silence is None:
            self._silence = begin
            self._settings = self._next_settings

    def _while_speaking(self) -> list[Decision]:
        if self._too_long():
            return [self._end(EndReason.MAX_LENGTH)]
        if self._silence is None or not self._lasts(self._silence, self._settings.eager_silence_ms):
            return []
        self._state = _State.PAUSED
        probability = self._settings.eager_silence_ms / self._settings.end_silence_ms
        return [EagerEnd(self._silence, probability), *self._while_paused()]

    def _while_paused(self) -> list[Decision]:
        assert self._silence is not None  # noqa: S101  a pause is a silence
        if (onset := self._confirmed_onset()) is not None:
            self._state, self._silence = _State.SPEAKING, None
            return [Resumed(onset)]
        # A voice that has just begun is heard out first: it decides between Resumed and Ended.
        if self._onset is None and self._lasts(self._silence, self._settings.end_silence_ms):
            return [self._end(EndReason.SILENCE)]
        return [self._end(EndReason.MAX_LENGTH)] if self._too_long() else []

    def _end(self, reason: EndReason) -> Ended:
        end = self.position if self._silence is None else self._silence
        self._state, self._onset, self._silence = _State.IDLE, None, None
        return Ended(end, reason)

    def _confirmed_onset(self) -> int | None:
        return self._onset if self._onset is not None and self._lasts(self._onset, ONSET_MS) else None

    def _too_long(self) -> bool:
        return self._lasts(self._start, self._settings.max_turn_ms)

    def _lasts(self, since: int, ms: int) -> bool:
        return self.position - since >= ms * self._samples_per_ms
