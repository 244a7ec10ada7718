"""Decides when a turn begins, pauses, goes on and ends. Pure: probabilities of speech in, decisions out.

    idle ──voice for 96 ms───▶ in turn ──silence──▶ paused ──enough silence──▶ idle
                                  ▲                    │
                                  └──voice for 96 ms───┘

    SpeechStarted     VoicePaused · Assess · EagerEndOfTurn     TurnResumed     EndOfTurn

The more probable it is that the learner is done, the less silence ends the turn. The endpointer asks for that
probability (Assess) when the silence has lasted `eager_silence_ms`, and again each time the silence has doubled. The
caller answers with `judge` before the next window. With `suppose` it can give a first guess earlier, so that
EagerEndOfTurn need not wait for the full answer. VoicePaused comes before all that: the caller uses the time to
transcribe the turn, while the silence may still be a gap between two words. With a fixed `end_silence_ms` the
endpointer asks nothing.

Each SpeechStarted is followed by exactly one EndOfTurn. An EndOfTurn by silence always follows an EagerEndOfTurn that
was not taken back. All times are counted in samples, so the speed of delivery changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from asr_service.turn_taking.decisions import (
    Assess,
    Decision,
    DecisionOrQuestion,
    EagerEndOfTurn,
    EndOfTurn,
    EndReason,
    SpeechStarted,
    TurnResumed,
    VoiceContinued,
    VoicePaused,
)
from asr_service.turn_taking.endpointing import Endpointing
from asr_service.turn_taking.pauses import Pauses
from asr_service.turn_taking.silence import EAGER_PROBABILITY, Silence
from asr_service.turn_taking.voice_clock import SILENCE_PROBABILITY, VOICE_PROBABILITY, VoiceClock


@dataclass(slots=True)
class _Idle:
    """No turn is open."""


@dataclass(slots=True)
class _InTurn:
    """A turn that began at `start` is open. silence: the present silence, if any; it does not count as the end yet."""

    start: int
    silence: Silence | None = None


@dataclass(slots=True)
class _Paused:
    """A turn is open and probably over: EagerEndOfTurn was sent."""

    start: int
    silence: Silence


class Endpointer:
    """Follows one stream, window by window. window: samples in a window. rate_hz: samples a second."""

    def __init__(self, settings: Endpointing, *, window: int, rate_hz: int) -> None:
        self.pauses = Pauses(settings.usual_pause_ms)
        self._settings = self._next_settings = settings
        self._clock = VoiceClock(window, rate_hz)
        self._state: _Idle | _InTurn | _Paused = _Idle()

    @property
    def position(self) -> int:
        """Samples heard so far."""
        return self._clock.position

    @property
    def is_voiced(self) -> bool:
        """True while a turn is open and no pause has begun."""
        return isinstance(self._state, _InTurn) and self._state.silence is None

    def reconfigure(self, settings: Endpointing) -> None:
        """Use new settings from the next pause, or the next turn, on."""
        self._next_settings = settings
        self.pauses.earlier_ms = settings.usual_pause_ms

    # --- what the caller gives ------------------------------------------------------------------

    def hear(self, probability: float) -> list[DecisionOrQuestion]:
        """The decisions after the next window. probability: that there is a voice in it."""
        begin = self._clock.hear(probability)
        match self._state:
            case _Idle():
                return self._while_idle()
            case _InTurn() as turn:
                return [*self._follow_voice(turn, probability, begin), *self._while_in_turn(turn)]
            case _Paused() as turn:
                return self._while_paused(turn)

    def is_settled(self, least: float, most: float) -> bool:
        """Whether every answer from `least` to `most` leads to the same decisions. If so, the caller need not
        find the exact one."""
        return self._silence_asked_about().is_settled(least, most)

    def suppose(self, probability: float) -> list[Decision]:
        """The decisions after a first guess at the answer to Assess."""
        match self._state:
            case _InTurn(start, Silence() as silence) if probability >= EAGER_PROBABILITY:
                return [self._end_eagerly(start, silence, probability)]
            case _:
                return []

    def judge(self, probability: float) -> list[Decision]:
        """The decisions after the answer to Assess: the probability that the learner is done."""
        silence = self._silence_asked_about()
        silence.answer(probability)
        return self._proceed(silence)

    def finish(self) -> list[Decision]:
        """The decisions at the end of the stream."""
        return [] if isinstance(self._state, _Idle) else [self._end(EndReason.FINISHED)]

    # --- in each state --------------------------------------------------------------------------

    def _while_idle(self) -> list[DecisionOrQuestion]:
        if (onset := self._clock.confirmed_onset) is None:
            return []
        self._settings = self._next_settings
        self._state = _InTurn(onset)
        return [SpeechStarted(onset)]

    def _follow_voice(self, turn: _InTurn, probability: float, begin: int) -> list[DecisionOrQuestion]:
        """If a silence begins or ends with the window at `begin`, note it. Between the thresholds nothing changes."""
        silence = turn.silence
        if silence is None and probability < SILENCE_PROBABILITY:
            self._settings = self._next_settings
            turn.silence = Silence(begin, self._settings, self.pauses, self._clock)
        elif silence is not None and probability >= VOICE_PROBABILITY:
            turn.silence = None
            if silence.is_prepared:
                self.pauses.add(self._clock.ms_between(silence.begin, begin))
                return [VoiceContinued()]
        return []

    def _while_in_turn(self, turn: _InTurn) -> list[DecisionOrQuestion]:
        if self._is_too_long(turn.start):
            return [self._end(EndReason.MAX_LENGTH)]
        silence = turn.silence
        if silence is None:
            return []
        paused: list[DecisionOrQuestion] = []
        if silence.must_prepare():
            silence.is_prepared = True
            paused = [VoicePaused(silence.begin)]
        return [*paused, *self._in_silence(silence)]

    def _while_paused(self, turn: _Paused) -> list[DecisionOrQuestion]:
        if (onset := self._clock.confirmed_onset) is not None:
            self.pauses.add(self._clock.ms_between(turn.silence.begin, onset))
            self._state = _InTurn(turn.start)
            return [TurnResumed(onset)]
        # If a voice has just begun, wait: it may become TurnResumed, or end too soon for that.
        decisions = self._in_silence(turn.silence) if self._clock.onset is None else []
        if not decisions and self._is_too_long(turn.start):
            return [self._end(EndReason.MAX_LENGTH)]
        return decisions

    # --- in a silence ---------------------------------------------------------------------------

    def _in_silence(self, silence: Silence) -> list[DecisionOrQuestion]:
        """Ask if a question is due. Otherwise decide by the last answer."""
        if silence.must_ask():
            silence.ask()
            return [Assess()]
        return list(self._proceed(silence))

    def _proceed(self, silence: Silence) -> list[Decision]:
        """EagerEndOfTurn and EndOfTurn, if the silence is long enough for them."""
        decisions: list[Decision] = []
        probability = silence.eager_probability()
        if isinstance(self._state, _InTurn) and probability is not None:
            decisions.append(self._end_eagerly(self._state.start, silence, probability))
        if silence.is_enough():
            decisions.append(self._end(EndReason.SILENCE))
        return decisions

    def _silence_asked_about(self) -> Silence:
        match self._state:
            case _InTurn(silence=Silence() as silence) | _Paused(silence=silence):
                return silence
            case _:
                raise RuntimeError("there is no silence in an open turn: nothing was asked")

    def _end_eagerly(self, start: int, silence: Silence, probability: float) -> EagerEndOfTurn:
        self._state = _Paused(start, silence)
        return EagerEndOfTurn(silence.begin, probability)

    def _end(self, reason: EndReason) -> EndOfTurn:
        """End the turn. Its voice ended where the present silence began or, without a silence, now."""
        silence = None if isinstance(self._state, _Idle) else self._state.silence
        self._state = _Idle()
        self._clock.forget_onset()
        return EndOfTurn(silence.begin if silence else self.position, reason)

    def _is_too_long(self, start: int) -> bool:
        return self._clock.ms_since(start) >= self._settings.max_turn_ms
