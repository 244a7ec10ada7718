"""The WebSocket protocol of /ws/conversation: every message, as pydantic models. See docs/protocol.md.

Text frames are JSON control messages with a `type`; binary frames are audio. A simple client need send only audio,
end_conversation, set_level and ping. It may ignore all messages except connected, transcript, ai_text, ai_audio_start,
audio, turn_complete, analysis and error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from common.errors import InvalidInputError
from gateway.history import CorrectionTime, Level
from gateway.tools import MAX_TOOLS, TOOL_NAME

Encoding = Literal["auto", "pcm_s16le", "webm", "ogg", "mp4", "aac", "flac", "wav"]


class ClientMessage(BaseModel):
    """A message from the client. An unknown field has no effect, because a newer client may meet an older gateway."""

    model_config = ConfigDict(frozen=True, extra="allow")

    def unknown_fields(self) -> Iterator[str]:
        """The names of the fields that this gateway does not know, with a dot for nested ones (`audio.name`)."""
        yield from self.model_extra or ()
        for name in type(self).model_fields:
            if isinstance(part := getattr(self, name), ClientMessage):
                yield from (f"{name}.{field}" for field in part.unknown_fields())


class AudioFormat(ClientMessage):
    """The format of the client's audio. `auto`: any but raw PCM, detected by its first bytes.

    Raw PCM must be announced. sample_rate applies to raw PCM only.
    """

    encoding: Encoding = "auto"
    sample_rate: Annotated[int, Field(ge=8000, le=48000)] = 16000


class ToolDefinition(ClientMessage):
    """A function that the partner may call, and the client runs. parameters: a JSON Schema of its arguments."""

    name: str = Field(pattern=TOOL_NAME)
    description: str = Field("", max_length=4096)
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})


class Start(ClientMessage):
    """Optional; the first message. With session_id and resume_token, it resumes that session.

    learner: a random id that the client makes once and sends in every conversation of the same person. scenario:
    the id of a scenario that GET /scenarios lists. instructions: to the partner, in place of a scenario.
    partner_begins: the partner speaks first. tools: that the partner may call; the client runs them. tool_choice:
    `auto`, `none`, `required`, or the name of the one tool that each reply must call. confirms_tools: the client
    asks the learner about a `tool_call` with `confirm`. native_language: the learner's own, as a BCP-47 tag; `language`
    is the one practised. corrections: when the learner is corrected. keep_progress: the learner agrees that their
    progress is kept.
    """

    type: Literal["start"]
    audio: AudioFormat = AudioFormat()
    level: Level | None = None
    voice: str | None = Field(None, max_length=256)
    language: str | None = Field(None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)
    learner: str | None = Field(None, pattern=r"^[A-Za-z0-9_-]{16,64}$")
    scenario: str | None = Field(None, min_length=1, max_length=64)
    instructions: str | None = Field(None, max_length=4000)
    partner_begins: bool | None = None
    tools: tuple[ToolDefinition, ...] | None = Field(None, max_length=MAX_TOOLS)
    tool_choice: str | None = Field(None, max_length=64)
    confirms_tools: bool | None = None
    native_language: str | None = Field(None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)
    corrections: CorrectionTime | None = None
    keep_progress: bool | None = None
    session_id: str | None = Field(None, max_length=64)
    resume_token: str | None = Field(None, max_length=64)


class SetLevel(ClientMessage):
    """Change the level, from the next reply on."""

    type: Literal["set_level"]
    level: Level


class Text(ClientMessage):
    """A typed turn."""

    type: Literal["text"]
    text: str = Field(min_length=1, max_length=4000)


class Interrupt(ClientMessage):
    """Make the partner stop talking."""

    type: Literal["interrupt"]


class Playback(ClientMessage):
    """How much of the partner's turn the learner's player has played so far."""

    type: Literal["playback"]
    turn_id: str = Field(max_length=64)
    played_ms: float = Field(ge=0)


class ToolResult(ClientMessage):
    """The answer to a `tool_call`: its output, or, to one with `confirm`, whether the learner allows it."""

    type: Literal["tool_result"]
    call_id: str = Field(max_length=256)
    output: str = Field("", max_length=32_000)
    confirmed: bool = False


class Hint(ClientMessage):
    """Asks what the learner could say now. Answered by a `hint`."""

    type: Literal["hint"]


class EndConversation(ClientMessage):
    """End the conversation. The analysis follows, as it is made."""

    type: Literal["end_conversation"]


class Ping(ClientMessage):
    """Answered by `pong`."""

    type: Literal["ping"]


# The messages that reach a session; the connection itself answers a `ping`.
ClientCommand = Start | SetLevel | Text | Interrupt | Playback | ToolResult | Hint | EndConversation
AnyClientMessage = Annotated[ClientCommand | Ping, Field(discriminator="type")]
CLIENT_MESSAGE: TypeAdapter[AnyClientMessage] = TypeAdapter(AnyClientMessage)
_CLIENT_TYPES = sorted(
    kind for message in get_args(ClientCommand | Ping) for kind in get_args(message.model_fields["type"].annotation)
)


def read_client_message(text: str | bytes) -> AnyClientMessage:
    """A text frame as a message. Raises InvalidInputError, whose text helps the developer of the client."""
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
    """A message to the client."""

    model_config = ConfigDict(frozen=True)


class Queued(ServerMessage):
    """All seats are taken, and the learner waits. Sent before `connected`, and again whenever the position changes.

    position: 1 is next. estimate_s: the estimated wait. place: connect with `?place=` after a `reconnect` to keep the
    position.
    """

    type: Literal["queued"] = "queued"
    position: int
    estimate_s: int
    place: str


class Connected(ServerMessage):
    """The session has begun. Sent on connecting, or as soon as there is a seat."""

    type: Literal["connected"] = "connected"
    session_id: str
    resume_token: str


class Resumed(ServerMessage):
    """The answer to a `start` that resumes. turns: how many the session has, the learner's and the partner's.

    scenario: the id of the session's scenario, if it has one.
    """

    type: Literal["resumed"] = "resumed"
    session_id: str
    turns: int
    level: Level
    scenario: str | None = None


class Reconnect(ServerMessage):
    """This gateway ends. Send no more; wait for its close (1012) and for delay_ms, then connect again and resume."""

    type: Literal["reconnect"] = "reconnect"
    reason: str
    delay_ms: int


class TimeLeft(ServerMessage):
    """The learner may converse for only this many seconds more today. Then come `error` and close 4429."""

    type: Literal["time_left"] = "time_left"
    seconds: int


class SpeechStartedMessage(ServerMessage):
    """The learner began to speak, or goes on after `speech_stopped`."""

    type: Literal["speech_started"] = "speech_started"


class SpeechStoppedMessage(ServerMessage):
    """The learner paused, and the turn may be over."""

    type: Literal["speech_stopped"] = "speech_stopped"


class TranscriptWord(ServerMessage):
    """A word of the learner's. Times are in milliseconds from the start of the turn; confidence is 0 to 1."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float | None = None


class TranscriptMessage(ServerMessage):
    """The text of the learner's turn. Only a final one carries the words."""

    type: Literal["transcript"] = "transcript"
    text: str
    is_final: bool
    words: tuple[TranscriptWord, ...] | None = None


class AiText(ServerMessage):
    """A piece of the partner's reply. The last one has is_complete and may be empty."""

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
    """A word and its time, in milliseconds from the start of its turn's audio."""

    text: str
    start_ms: int
    end_ms: int


class Captions(ServerMessage):
    """The words of the audio that follows. estimated: the times are estimated from the text and do not come from the
    engine."""

    type: Literal["captions"] = "captions"
    turn_id: str
    words: tuple[CaptionWord, ...]
    estimated: bool = False


class Interrupted(ServerMessage):
    """The reply was cut short: no more audio of that turn follows. heard_text: what the learner heard of it."""

    type: Literal["interrupted"] = "interrupted"
    turn_id: str
    heard_text: str


class TurnComplete(ServerMessage):
    """The learner has heard all of the reply. latency_ms: stage → milliseconds after the learner's last sound."""

    type: Literal["turn_complete"] = "turn_complete"
    turn_id: str
    latency_ms: dict[str, float]


class ToolCallMessage(ServerMessage):
    """The partner calls a tool and waits for the `tool_result`.

    confirm: the gateway runs the tool, if the learner allows it.
    """

    type: Literal["tool_call"] = "tool_call"
    call_id: str
    name: str
    arguments: dict[str, Any]
    confirm: bool = False


class HintMessage(ServerMessage):
    """The answer to a `hint`: sentences that the learner could say now. Empty if there are none in this language."""

    type: Literal["hint"] = "hint"
    sentences: tuple[str, ...]


class CorrectionMessage(ServerMessage):
    """A correction of something that the learner has said, some seconds later. Only after a `start` that asks for it.

    turn_id: the learner's turn, as in the analysis. sentence: the learner's, of which `original` is a part, letter for
    letter. why: the reason; empty if there is none. by: who found it.
    """

    type: Literal["correction"] = "correction"
    turn_id: str
    sentence: str
    original: str
    corrected: str
    why: str
    by: Literal["model", "rule"]


class AnalysisProgress(ServerMessage):
    """The analysis so far: the measured parts at once, then again with each part that the language model has written.

    done, of total: how many steps towards the whole `analysis` are completed. data: as in `analysis`; its `pending`
    names the parts that are still to come.
    """

    type: Literal["analysis_progress"] = "analysis_progress"
    done: int
    total: int
    data: dict[str, Any]


class AnalysisMessage(ServerMessage):
    """The whole analysis of the conversation. After it the server closes with code 1000."""

    type: Literal["analysis"] = "analysis"
    data: dict[str, Any]


class Pong(ServerMessage):
    """The answer to a `ping`."""

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
    | TimeLeft
    | SpeechStartedMessage
    | SpeechStoppedMessage
    | TranscriptMessage
    | AiText
    | AiAudioStart
    | Captions
    | Interrupted
    | TurnComplete
    | ToolCallMessage
    | HintMessage
    | CorrectionMessage
    | AnalysisProgress
    | AnalysisMessage
    | Pong
    | ErrorMessage
)
SERVER_MESSAGE: TypeAdapter[AnyServerMessage] = TypeAdapter(Annotated[AnyServerMessage, Field(discriminator="type")])
