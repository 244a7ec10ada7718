"""The messages to the client, as pydantic models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from gateway.history import Level


class ServerMessage(BaseModel):
    """A message to the client."""

    model_config = ConfigDict(frozen=True)


class Queued(ServerMessage):
    """All seats are taken, and the learner waits. Sent before `connected`, and again whenever the position changes.

    position: 1 is next. estimate_s: the estimated wait. place: to keep the position after a `reconnect`, connect with
    `?place=` and this value.
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
    """The answer to a `start` that resumes a session. turns: how many the session has, the learner's and the partner's.

    scenario: the id of the session's scenario, if it has one.
    """

    type: Literal["resumed"] = "resumed"
    session_id: str
    turns: int
    level: Level
    scenario: str | None = None


class Reconnect(ServerMessage):
    """This gateway shuts down. Send nothing more, wait for the close (1012) and then for delay_ms, connect again and
    resume."""

    type: Literal["reconnect"] = "reconnect"
    reason: str
    delay_ms: int


class TimeLeft(ServerMessage):
    """The learner has only this many seconds of conversation left today. After them, `error` and a close (4429)
    follow."""

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
    """The text of the learner's turn. Only a final transcript carries the words and the language that was heard."""

    type: Literal["transcript"] = "transcript"
    text: str
    is_final: bool
    words: tuple[TranscriptWord, ...] | None = None
    language: str | None = None


class TranscriptRevised(ServerMessage):
    """What the learner really said in an earlier turn, mistakes and hesitation sounds included.

    turn_id: the learner's turn, as in the analysis. was: its text in the final `transcript`.
    """

    type: Literal["transcript_revised"] = "transcript_revised"
    turn_id: str
    was: str
    text: str
    words: tuple[TranscriptWord, ...]


class AiText(ServerMessage):
    """A piece of the partner's reply. The last piece has is_complete and may be empty."""

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
    """The reply was cut short: no more audio of that turn follows. heard_text: the part that the learner heard."""

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

    confirm: the gateway runs the tool itself, if the learner allows it.
    """

    type: Literal["tool_call"] = "tool_call"
    call_id: str
    name: str
    arguments: dict[str, Any]
    confirm: bool = False


class HintMessage(ServerMessage):
    """The answer to a `hint`: sentences that the learner could say now. Empty if there are no hints in this
    language."""

    type: Literal["hint"] = "hint"
    sentences: tuple[str, ...]


class CorrectionMessage(ServerMessage):
    """A correction of something that the learner said some seconds ago. Sent only if `start` asks for corrections
    during the conversation.

    turn_id: the learner's turn, as in the analysis. sentence: the learner's sentence, which contains `original` letter
    for letter. why: the reason; empty if there is none. why_code: the reason as a code, unless a model wrote it. by:
    who found the mistake.
    """

    type: Literal["correction"] = "correction"
    turn_id: str
    sentence: str
    original: str
    corrected: str
    why: str
    why_code: dict[str, Any] | None = None
    by: Literal["model", "rule"]


class AnalysisProgress(ServerMessage):
    """The analysis so far: the measured parts at once, then again with each part that the language model has written.

    done, total: how many steps are completed, and how many there are. data: as in `analysis`; its `pending` names the
    parts that are still to come.
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
    | TranscriptRevised
    | AnalysisProgress
    | AnalysisMessage
    | Pong
    | ErrorMessage
)
SERVER_MESSAGE: TypeAdapter[AnyServerMessage] = TypeAdapter(Annotated[AnyServerMessage, Field(discriminator="type")])
