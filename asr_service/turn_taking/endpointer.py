"""When a turn begins, pauses, goes on and ends. Pure: probabilities of speech in, decisions out.

    idle ──voice for 100 ms──▶ speaking ──silence──▶ paused ──enough silence──▶ idle
                                  ▲                     │
                                  └─voice for 100 ms────┘

    SpeechStarted     VoicePaused · Assess · EagerEndOfTurn     TurnResumed     EndOfTurn

The more probable it is that the speaker is done, the less silence ends the turn. The endpointer asks for that
probability (Assess) when the silence has lasted `eager_silence_ms`, and again each time the silence has doubled. The
caller answers with `judge` before the next window. With `suppose` it can give a first guess earlier, so that
EagerEndOfTurn need not wait for the full answer. VoicePaused comes before all that: the caller uses the time to
transcribe the turn, while the silence may still be a gap between two words. With a fixed `end_silence_ms` the
endpointer asks nothing.

Each SpeechStarted is followed by exactly one EndOfTurn. An EndOfTurn by silence always follows an EagerEndOfTurn that
was not taken back. All times are counted in samples, so the speed of delivery changes nothing.
"""

from __future__ import annotations

import enum

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

VOICE_PROBABILITY = 0.5  # from here on it is voice,
SILENCE_PROBABILITY = 0.35  # below it silence; between the two, whatever it was before (as Silero's own code does)
ONSET_MS = 96  # voice this long is speech rather than a click
PREPARE_MS = 64  # silence after which an answer is prepared; within a phrase hardly any gap is that long
EAGER_PROBABILITY = 0.5  # from here on the turn is called probably over,
EAGER_LEAD_MS = 320  # and when its end is no further away than this: time to begin the reply


class _State(enum.Enum):
    IDLE = enum.auto()
    SPEAKING = enum.auto()
    PAUSED = enum.auto()  # an EagerEndOfTurn is out


class Endpointer:
    """Follows one stream, window by window. `position` is the number of samples heard, at `rate_hz`."""

    def __init__(self, settings: Endpointing, *, window: int, rate_hz: int) -> None:
        self.position = 0
        self.pauses = Pauses(settings.usual_pause_ms)
        self._settings = self._next_settings = settings
        self._window = window
        self._samples_per_ms = rate_hz // 1000
        self._state = _State.IDLE
        self._onset: int | None = None  # where the present run of voiced windows began
        self._silence: int | None = None  # where the present silence within the turn began
        self._prepared = False  # VoicePaused is out
        self._probability: float | None = None  # that the speaker is done, when last asked
        self._assess_at_ms = 0  # silence after which to ask
        self._start = 0  # where the turn began

    @property
    def is_voiced(self) -> bool:
        """True while a turn is open and no pause has begun."""
        return self._state is _State.SPEAKING and self._silence is None

    def reconfigure(self, settings: Endpointing) -> None:
        """Takes effect with the next pause, or the next turn."""
        self._next_settings = settings
        self.pauses.earlier_ms = settings.usual_pause_ms

    def hear(self, probability: float) -> list[DecisionOrQuestion]:
        """What follows from the next window, given the probability of a voice in it."""
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
                return [*self._follow_silence(probability, begin), *self._while_speaking()]
            case _State.PAUSED:
                return self._while_paused()

    def is_settled(self, least: float, most: float) -> bool:
        """Whether every probability from `least` to `most` means the same now, so that it need not be known."""
        return self._wait_ms(least) == self._wait_ms(most) and (least < EAGER_PROBABILITY) == (most < EAGER_PROBABILITY)

    def suppose(self, probability: float) -> list[Decision]:
        """What follows from a first guess at the answer to Assess."""
        return [self._eager(probability)] if self._state is _State.SPEAKING and probability >= EAGER_PROBABILITY else []

    def judge(self, probability: float) -> list[Decision]:
        """What follows from the answer to Assess, the probability that the speaker is done."""
        self._probability = probability
        return self._proceed()

    def finish(self) -> list[Decision]:
        """What follows from the end of the stream."""
        return [] if self._state is _State.IDLE else [self._end(EndReason.FINISHED)]

    def _while_idle(self) -> list[DecisionOrQuestion]:
        if (onset := self._confirmed_onset()) is None:
            return []
        self._settings = self._next_settings
        self._state, self._start, self._silence = _State.SPEAKING, onset, None
        return [SpeechStarted(onset)]

    def _follow_silence(self, probability: float, begin: int) -> list[DecisionOrQuestion]:
        if probability >= VOICE_PROBABILITY and self._silence is not None:
            prepared, silence = self._prepared, self._silence
            self._forget_pause()
            if prepared:
                self._remember_pause(silence, begin)
                return [VoiceContinued()]
        elif probability < SILENCE_PROBABILITY and self._silence is None:
            self._silence = begin
            self._settings = self._next_settings
            self._assess_at_ms = self._settings.eager_silence_ms
        return []

    def _while_speaking(self) -> list[DecisionOrQuestion]:
        if self._too_long():
            return [self._end(EndReason.MAX_LENGTH)]
        if self._silence is None:
            return []
        decisions: list[DecisionOrQuestion] = []
        if not self._prepared and self._silent_for(min(PREPARE_MS, self._settings.eager_silence_ms)):
            self._prepared = True
            decisions.append(VoicePaused(self._silence))
        return decisions + self._on_silence()

    def _while_paused(self) -> list[DecisionOrQuestion]:
        assert self._silence is not None  # noqa: S101  a pause is a silence
        if (onset := self._confirmed_onset()) is not None:
            self._remember_pause(self._silence, onset)
            self._state = _State.SPEAKING
            self._forget_pause()
            return [TurnResumed(onset)]
        # A voice that has just begun is heard out first: it decides between TurnResumed and EndOfTurn.
        decisions = self._on_silence() if self._onset is None else []
        if not decisions and self._too_long():
            return [self._end(EndReason.MAX_LENGTH)]
        return decisions

    def _on_silence(self) -> list[DecisionOrQuestion]:
        """Ask if it is time to, else go by the last answer."""
        if not self._settings.end_silence_ms and self._silent_for(self._assess_at_ms):
            self._assess_at_ms *= 2
            return [Assess()]
        return list(self._proceed())

    def _proceed(self) -> list[Decision]:
        """The end, or the eager end, if the silence is enough for it."""
        assert self._silence is not None  # noqa: S101
        enough = self._enough_ms()
        if enough is None:
            return []
        decisions: list[Decision] = []
        if self._state is _State.SPEAKING and self._is_probable(enough):
            share = self._settings.eager_silence_ms / enough
            decisions.append(self._eager(share if self._probability is None else self._probability))
        if self._silent_for(enough):
            decisions.append(self._end(EndReason.SILENCE))
        return decisions

    def _eager(self, probability: float) -> EagerEndOfTurn:
        assert self._silence is not None  # noqa: S101
        self._state = _State.PAUSED
        return EagerEndOfTurn(self._silence, probability)

    def _enough_ms(self) -> float | None:
        """The silence that ends the turn; None: nothing is known yet."""
        if self._settings.end_silence_ms:
            return self._settings.end_silence_ms
        return None if self._probability is None else self._wait_ms(self._probability)

    def _wait_ms(self, probability: float) -> float:
        return self._settings.wait_ms(probability, self.pauses.usual_ms)

    def _is_probable(self, enough_ms: float) -> bool:
        if self._probability is None:
            return self._silent_for(self._settings.eager_silence_ms)
        return self._probability >= EAGER_PROBABILITY or self._silent_for(enough_ms - EAGER_LEAD_MS)

    def _end(self, reason: EndReason) -> EndOfTurn:
        end = self.position if self._silence is None else self._silence
        self._state, self._onset = _State.IDLE, None
        self._forget_pause()
        return EndOfTurn(end, reason)

    def _forget_pause(self) -> None:
        self._silence, self._prepared, self._probability = None, False, None

    def _remember_pause(self, begin: int, end: int) -> None:
        self.pauses.add((end - begin) / self._samples_per_ms)

    def _confirmed_onset(self) -> int | None:
        return self._onset if self._onset is not None and self._lasts(self._onset, ONSET_MS) else None

    def _too_long(self) -> bool:
        return self._lasts(self._start, self._settings.max_turn_ms)

    def _silent_for(self, ms: float) -> bool:
        return self._silence is not None and self._lasts(self._silence, ms)

    def _lasts(self, since: int, ms: float) -> bool:
        return self.position - since >= ms * self._samples_per_ms
