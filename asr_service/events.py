"""The events that a client gets, as plain data with the names of the proto. Samples are at the stream's own rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from asr_service.engine import Transcript, Word
from asr_service.turn_taking.decisions import EndReason
from asr_service.turn_taking.pauses import NO_PAUSES, PauseStatistics


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """The words of a turn, and where its voice began and ended."""

    text: str
    words: tuple[Word, ...]
    start_sample: int
    end_sample: int
    language: str


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """A turn begins. traceparent: identifies the turn's trace; empty if it has none."""

    start_sample: int
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Partial:
    """The words of the open turn so far; see `local_agreement`."""

    stable_text: str
    unstable_text: str
    end_sample: int


@dataclass(frozen=True, slots=True)
class EagerEndOfTurn:
    """The turn is probably over. probability: that the learner is done, 0 to 1; with `end_silence_ms`, the share of
    that silence that has passed."""

    turn: SpokenTurn
    probability: float


@dataclass(frozen=True, slots=True)
class TurnResumed:
    """The voice goes on after an EagerEndOfTurn."""

    start_sample: int


@dataclass(frozen=True, slots=True)
class EndOfTurn:
    """The turn is over. pauses: statistics of the learner's pauses."""

    turn: SpokenTurn
    reason: EndReason
    pauses: PauseStatistics = NO_PAUSES


@dataclass(frozen=True, slots=True)
class VoicePaused:
    """The voice fell silent within the turn."""

    end_sample: int


@dataclass(frozen=True, slots=True)
class VoiceContinued:
    """The voice goes on after a VoicePaused."""

    start_sample: int


@dataclass(frozen=True, slots=True)
class VerbatimTranscript:
    """What was really said in a turn that has ended. turn: begins and ends where the turn's EndOfTurn says."""

    turn: SpokenTurn


Event: TypeAlias = (
    SpeechStarted
    | Partial
    | EagerEndOfTurn
    | TurnResumed
    | EndOfTurn
    | VoicePaused
    | VoiceContinued
    | VerbatimTranscript
)


def spoken_turn(transcript: Transcript, start: int, end: int, *, offset: int, rate: float) -> SpokenTurn:
    """A transcript with its times as samples of the stream.

    start, end: where the voice began and ended. offset: where the decoded audio begins. All three are samples at 16
    kHz. rate: samples of the stream for one sample at 16 kHz. The model's word times are accurate only to some tens of
    milliseconds, so they are moved to be in order and within the turn.
    """
    words, earliest = [], start
    for word in transcript.words:
        earliest = min(max(offset + word.start, earliest), end)
        until = min(max(offset + word.end, earliest), end)
        words.append(Word(word.text.strip(), round(earliest * rate), round(until * rate), word.confidence))
        earliest = until
    return SpokenTurn(transcript.text, tuple(words), round(start * rate), round(end * rate), transcript.language)
