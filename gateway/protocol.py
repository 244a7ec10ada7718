"""The WebSocket protocol of /ws/conversation: every message, as pydantic models. See docs/protocol.md.

Text frames are JSON control messages, told apart by `type`; binary frames are audio. A client that knows only
binary, end_conversation, set_level and ping on its way in, and connected, transcript, ai_text, ai_audio_start, binary,
turn_complete, analysis and error on its way out, works unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from common.errors import InvalidInputError
from gateway.history import Level

Encoding = Literal["auto", "pcm_s16le", "webm", "ogg", "wav"]


class ClientMessage(BaseModel):
    """A field that is not known has no effect: while gateways are updated, a newer client may meet an older one."""

    model_config = ConfigDict(frozen=True, extra="allow")

    def unknown_fields(self) -> Iterator[str]:
        """Their names, with those of the objects inside: a misspelt option, or one of a newer protocol."""
        yield from self.model_extra or ()
        for name in type(self).model_fields:
            if isinstance(part := getattr(self, name), ClientMessage):
                yield from (f"{name}.{field}" for field in part.unknown_fields())


class AudioFormat(ClientMessage):
    """`auto`: WebM, Ogg or WAV, known by the first bytes. Raw PCM must be announced; sample_rate is for it alone."""

    encoding: Encoding = "auto"
    sample_rate: Annotated[int, Field(ge=8000, le=48000)] = 16000


class Start(ClientMessage):
    """Optional, first. With session_id and resume_token: carry on that session.

    learner: made up once by the client, at random, and the same in each conversation of one person.
    """

    type: Literal["start"]
    audio: AudioFormat = AudioFormat()
    level: Level | None = None
    voice: str | None = None
    language: str | None = Field(None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    learner: str | None = Field(None, pattern=r"^[A-Za-z0-9_-]{16,64}$")
    session_id: str | None = None
    resume_token: str | None = None


class SetLevel(ClientMessage):
    """From the next reply on."""

    type: Literal["set_level"]
    level: Level


class Text(ClientMessage):
    """A typed turn."""

    type: Literal["text"]
    text: str = Field(min_length=1, max_length=4000)


class Interrupt(ClientMessage):
    """Stop talking."""

    type: Literal["interrupt"]


class Playback(ClientMessage):
    """What the learner's speaker has really played of a turn."""

    type: Literal["playback"]
    turn_id: str
    played_ms: float = Field(ge=0)


class EndConversation(ClientMessage):
    """Finish; the analysis follows."""

    type: Literal["end_conversation"]


class Ping(ClientMessage):
    type: Literal["ping"]


# What a session gets to see; the connection answers a `ping` itself.
ClientCommand = Start | SetLevel | Text | Interrupt | Playback | EndConversation
AnyClientMessage = Annotated[ClientCommand | Ping, Field(discriminator="type")]
CLIENT_MESSAGE: TypeAdapter[AnyClientMessage] = TypeAdapter(AnyClientMessage)
_CLIENT_TYPES = sorted(
    kind for message in get_args(ClientCommand | Ping) for kind in get_args(message.model_fields["type"].annotation)
)


def read_client_message(text: str | bytes) -> AnyClientMessage:
    """A text frame as a message. Raises InvalidInputError with words for whoever wrote the client."""
    try:
        return CLIENT_MESSAGE.validate_json(text)
    except ValidationError as invalid:
        error = invalid.errors(include_url=False, include_input=False)[0]
    types = ", ".join(_CLIENT_TYPES)
    match error["type"]:
        case "json_invalid":
            raise InvalidInputError(f"a text frame must be JSON: {error['msg']}", code="invalid_json")
        case "union_tag_invalid" | "union_tag_not_found" | "model_attributes_type" | "dict_type":
            raise InvalidInputError(f"a message is a JSON object whose `type` is one of {types}", code="unknown_type")
        case _:
            where = ".".join(str(part) for part in error["loc"])
            raise InvalidInputError(f"{where}: {error['msg']}", code="invalid_message")


class ServerMessage(BaseModel):
    model_config = ConfigDict(frozen=True)


class Queued(ServerMessage):
    """Before `connected`, and again whenever it moves: all places are taken. position: 1 is next. estimate_s: about.

    place: after a `reconnect`, `?place=` keeps the position.
    """

    type: Literal["queued"] = "queued"
    position: int
    estimate_s: int
    place: str


class Connected(ServerMessage):
    """At once on connecting, or as soon as there is a place."""

    type: Literal["connected"] = "connected"
    session_id: str
    resume_token: str


class Resumed(ServerMessage):
    """Answer to a resuming start. turns: how many the session has so far, the learner's and the partner's."""

    type: Literal["resumed"] = "resumed"
    session_id: str
    turns: int
    level: Level


class Reconnect(ServerMessage):
    """This gateway ends: send no more, and after its close (1012) and delay_ms connect again and resume."""

    type: Literal["reconnect"] = "reconnect"
    reason: str
    delay_ms: int


class SpeechStartedMessage(ServerMessage):
    type: Literal["speech_started"] = "speech_started"


class SpeechStoppedMessage(ServerMessage):
    type: Literal["speech_stopped"] = "speech_stopped"


class TranscriptWord(ServerMessage):
    """Milliseconds from the start of the turn."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float | None = None


class TranscriptMessage(ServerMessage):
    """What was understood of the learner. Final ones carry the words."""

    type: Literal["transcript"] = "transcript"
    text: str
    is_final: bool
    words: tuple[TranscriptWord, ...] | None = None


class AiText(ServerMessage):
    """A piece of the partner's reply; the last one has is_complete and may be empty."""

    type: Literal["ai_text"] = "ai_text"
    text: str
    is_complete: bool
    turn_id: str


class AiAudioStart(ServerMessage):
    """Binary frames follow: 16-bit little-endian mono PCM at this rate."""

    type: Literal["ai_audio_start"] = "ai_audio_start"
    sample_rate: int
    turn_id: str


class CaptionWord(ServerMessage):
    """A word and when the audio of its turn says it, in milliseconds from the start of that audio."""

    text: str
    start_ms: int
    end_ms: int


class Captions(ServerMessage):
    """The words of the audio that follows. estimated: the times are a guess from the text, not the engine's own."""

    type: Literal["captions"] = "captions"
    turn_id: str
    words: tuple[CaptionWord, ...]
    estimated: bool = False


class Interrupted(ServerMessage):
    """No audio of that turn follows. heard_text: what the learner heard of it."""

    type: Literal["interrupted"] = "interrupted"
    turn_id: str
    heard_text: str


class TurnComplete(ServerMessage):
    """The reply was heard to its end. latency_ms: stage → milliseconds after the learner's last sound."""

    type: Literal["turn_complete"] = "turn_complete"
    turn_id: str
    latency_ms: dict[str, float]


class AnalysisMessage(ServerMessage):
    """Then the server closes with code 1000."""

    type: Literal["analysis"] = "analysis"
    data: dict[str, Any]


class Pong(ServerMessage):
    type: Literal["pong"] = "pong"


class ErrorMessage(ServerMessage):
    """Something went wrong. The session goes on, unless a close follows."""

    type: Literal["error"] = "error"
    message: str
    code: str
    retryable: bool


AnyServerMessage = (
    Queued
    | Connected
    | Resumed
    | Reconnect
    | SpeechStartedMessage
    | SpeechStoppedMessage
    | TranscriptMessage
    | AiText
    | AiAudioStart
    | Captions
    | Interrupted
    | TurnComplete
    | AnalysisMessage
    | Pong
    | ErrorMessage
)
SERVER_MESSAGE: TypeAdapter[AnyServerMessage] = TypeAdapter(Annotated[AnyServerMessage, Field(discriminator="type")])
