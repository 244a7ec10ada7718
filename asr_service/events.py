"""What a stream is told: the events of the proto, as plain data. Samples are those of the stream, at its own rate."""

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
    """traceparent: of the turn's trace; empty if it has none."""

    start_sample: int
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Partial:
    stable_text: str
    unstable_text: str
    end_sample: int


@dataclass(frozen=True, slots=True)
class EagerEndOfTurn:
    turn: SpokenTurn
    probability: float


@dataclass(frozen=True, slots=True)
class TurnResumed:
    start_sample: int


@dataclass(frozen=True, slots=True)
class EndOfTurn:
    turn: SpokenTurn
    reason: EndReason
    pauses: PauseStatistics = NO_PAUSES


@dataclass(frozen=True, slots=True)
class VoicePaused:
    end_sample: int


@dataclass(frozen=True, slots=True)
class VoiceContinued:
    start_sample: int


Event: TypeAlias = SpeechStarted | Partial | EagerEndOfTurn | TurnResumed | EndOfTurn | VoicePaused | VoiceContinued


def spoken_turn(transcript: Transcript, start: int, end: int, *, offset: int, rate: float) -> SpokenTurn:
    """A transcript in the samples of its stream.

    `start`, `end`: the voice, and `offset`: the beginning of the audio that was decoded, all in samples of the engine;
    `rate`: samples of the stream in one of the engine. The model's word times are vague by some tens of
    milliseconds: they are kept in order and within the turn.
    """
    words, earliest = [], start
    for word in transcript.words:
        earliest = min(max(offset + word.start, earliest), end)
        until = min(max(offset + word.end, earliest), end)
        words.append(Word(word.text.strip(), round(earliest * rate), round(until * rate), word.confidence))
        earliest = until
    return SpokenTurn(transcript.text, tuple(words), round(start * rate), round(end * rate), transcript.language)
