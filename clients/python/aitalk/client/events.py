"""What a conversation tells its client: one frozen dataclass per message of the gateway.

`docs/protocol.md` describes when each message comes. `Audio` is a binary frame together with the turn that it belongs
to. `ConnectionLost` is the client's own: the connection broke, and the client is about to resume the conversation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, Literal, TypeVar, get_args

from aitalk.client.errors import ProtocolError

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class TranscriptWord:
    """A word of the learner's. Times are milliseconds from the start of the turn; confidence is 0 to 1."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class CaptionWord:
    """A word of the partner's. Times are milliseconds from the start of the turn's audio."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Queued:
    """All seats are taken. position: 1 is next. estimate_s: the estimated wait in seconds."""

    TYPE: ClassVar = "queued"
    position: int
    estimate_s: int
    place: str


@dataclass(frozen=True, slots=True)
class Connected:
    """The conversation has begun. The id and the token resume it later."""

    TYPE: ClassVar = "connected"
    session_id: str
    resume_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Resumed:
    """An earlier conversation goes on. turns: the number of turns so far, of both sides."""

    TYPE: ClassVar = "resumed"
    session_id: str
    turns: int
    level: str
    scenario: str | None = None


@dataclass(frozen=True, slots=True)
class Reconnect:
    """This gateway is about to end. The client connects again by itself, and another gateway continues."""

    TYPE: ClassVar = "reconnect"
    reason: str
    delay_ms: int


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """The learner may converse for only this many seconds more today. Then the gateway ends the conversation."""

    TYPE: ClassVar = "time_left"
    seconds: int


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The learner begins to speak, or goes on after a pause."""

    TYPE: ClassVar = "speech_started"


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The learner pauses. The turn is over when the final `Transcript` comes."""

    TYPE: ClassVar = "speech_stopped"


@dataclass(frozen=True, slots=True)
class Transcript:
    """The whole turn of the learner as understood so far. Only a final one has words and a language."""

    TYPE: ClassVar = "transcript"
    text: str
    is_final: bool
    words: tuple[TranscriptWord, ...] | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class TranscriptRevised:
    """What the learner really said in an earlier turn. was: its text in the final `Transcript`.

    turn_id: the learner's turn, as in the analysis.
    """

    TYPE: ClassVar = "transcript_revised"
    turn_id: str
    was: str
    text: str
    words: tuple[TranscriptWord, ...]


@dataclass(frozen=True, slots=True)
class AiText:
    """The next piece of the partner's reply."""

    TYPE: ClassVar = "ai_text"
    text: str
    is_complete: bool
    turn_id: str


@dataclass(frozen=True, slots=True)
class AiAudioStart:
    """The audio of this turn follows, at this rate."""

    TYPE: ClassVar = "ai_audio_start"
    sample_rate: int
    turn_id: str


@dataclass(frozen=True, slots=True)
class Audio:
    """A piece of the partner's speech: 16-bit little-endian mono PCM."""

    turn_id: str
    sample_rate: int
    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Captions:
    """The words of the audio that follows. estimated: their times are estimated from the text."""

    TYPE: ClassVar = "captions"
    turn_id: str
    words: tuple[CaptionWord, ...]
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The reply was cut short: empty your player. heard_text: what the learner heard of it."""

    TYPE: ClassVar = "interrupted"
    turn_id: str
    heard_text: str


@dataclass(frozen=True, slots=True)
class TurnComplete:
    """The learner has heard the whole reply. latency_ms: stage → milliseconds after the learner's last sound; for a
    typed turn, after it arrived."""

    TYPE: ClassVar = "turn_complete"
    turn_id: str
    latency_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The partner calls a tool and waits: answer with `send_tool_result`. The language model wrote the arguments, so
    check them. confirm: the gateway runs the tool itself, once the learner has allowed it."""

    TYPE: ClassVar = "tool_call"
    call_id: str
    name: str
    arguments: Mapping[str, Any]
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class Hint:
    """Sentences that the learner could say now."""

    TYPE: ClassVar = "hint"
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction of something that the learner has said. original: letter for letter a part of `sentence`.

    turn_id: the learner's turn, as in the analysis. why: the reason, or empty. why_code: the reason as a code with its
    values; None if a model wrote it.
    """

    TYPE: ClassVar = "correction"
    turn_id: str
    sentence: str
    original: str
    corrected: str
    why: str
    by: Literal["model", "rule"]
    why_code: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class AnalysisProgress:
    """The analysis so far: `done` of `total` steps. `data["pending"]` lists the parts that are still to come."""

    TYPE: ClassVar = "analysis_progress"
    done: int
    total: int
    data: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Analysis:
    """The whole analysis; `docs/schemas/analysis.schema.json` describes `data`. The conversation is over."""

    TYPE: ClassVar = "analysis"
    data: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a ping."""

    TYPE: ClassVar = "pong"


@dataclass(frozen=True, slots=True)
class Error:
    """Something went wrong. Usually the conversation goes on; if it does not, iterating raises the error that ended it.

    retryable: the same may succeed later.
    """

    TYPE: ClassVar = "error"
    message: str
    code: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message of a newer gateway, which this client does not know."""

    type: str
    fields: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The connection broke, or its gateway has ended. The client connects again in retry_s seconds and resumes the
    conversation."""

    reason: str
    retry_s: float


Message = (
    Queued
    | Connected
    | Resumed
    | Reconnect
    | TimeLeft
    | SpeechStarted
    | SpeechStopped
    | Transcript
    | AiText
    | AiAudioStart
    | Captions
    | Interrupted
    | TurnComplete
    | ToolCall
    | Hint
    | Correction
    | TranscriptRevised
    | AnalysisProgress
    | Analysis
    | Pong
    | Error
)
Event = Message | Audio | Unknown | ConnectionLost

MESSAGES: Mapping[str, type[Message]] = {cls.TYPE: cls for cls in get_args(Message)}
"""Type of a message → its class."""


def read_message(text: str) -> Message | Unknown:
    """A text frame as an event. Fields that this client does not know are ignored. Raises ProtocolError."""
    try:
        message = json.loads(text)
        kind = message.pop("type")
        cls = MESSAGES.get(kind)
        return Unknown(kind, message) if cls is None else _made(cls, message)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ProtocolError(
            f"the gateway sent a message that this client can't read ({error}); update the older of the two"
        ) from error


_PARTS: Mapping[type, Mapping[str, type]] = {
    Transcript: {"words": TranscriptWord},
    TranscriptRevised: {"words": TranscriptWord},
    Captions: {"words": CaptionWord},
}


def _made(cls: type[E], given: Mapping[str, Any]) -> E:
    """An object of the dataclass `cls`. Lists become tuples. Raises KeyError for a missing field."""
    values: dict[str, Any] = {}
    for one in fields(cls):  # type: ignore[arg-type]
        if one.name not in given and one.default is not MISSING:
            continue
        value = given[one.name]
        if part := _PARTS.get(cls, {}).get(one.name):
            value = value and [_made(part, each) for each in value]
        values[one.name] = tuple(value) if isinstance(value, list) else value
    return cls(**values)
