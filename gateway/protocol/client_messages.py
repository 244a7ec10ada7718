"""The messages from the client, as pydantic models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from common.errors import InvalidInputError
from common.speech import MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ
from common.tools import MAX_TOOLS, TOOL_NAME
from gateway.history import CorrectionTime, Level

Encoding = Literal["auto", "pcm_s16le", "webm", "ogg", "mp4", "aac", "flac", "wav"]


class ClientMessage(BaseModel):
    """A message from the client. An unknown field has no effect, because a client may be newer than the gateway."""

    model_config = ConfigDict(frozen=True, extra="allow")

    def unknown_fields(self) -> Iterator[str]:
        """The names of the fields that this gateway does not know, with a dot for nested ones (`audio.name`)."""
        yield from self.model_extra or ()
        for name in type(self).model_fields:
            if isinstance(part := getattr(self, name), ClientMessage):
                yield from (f"{name}.{field}" for field in part.unknown_fields())


class AudioFormat(ClientMessage):
    """The format of the client's audio. `auto`: any format except raw PCM, detected by its first bytes.

    Raw PCM must be announced. sample_rate applies to raw PCM only.
    """

    encoding: Encoding = "auto"
    sample_rate: Annotated[int, Field(ge=MIN_SAMPLE_RATE_HZ, le=MAX_SAMPLE_RATE_HZ)] = 16000


class ToolDefinition(ClientMessage):
    """A function that the partner may call and the client runs. parameters: a JSON Schema of its arguments."""

    name: str = Field(pattern=TOOL_NAME)
    description: str = Field("", max_length=4096)
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})


class Start(ClientMessage):
    """Optional; the first message. With session_id and resume_token, it resumes that session.

    learner: a random id that the client makes once and sends in every conversation of the same person. scenario: the id
    of a scenario that GET /scenarios lists. instructions: tell the partner what to do; used instead of a scenario.
    partner_begins: the partner speaks first. tools: the partner may call them; the client runs them. tool_choice:
    `auto`, `none`, `required`, or the name of the one tool that each reply must call. confirms_tools: the client asks
    the learner about each `tool_call` that has `confirm`. native_language: the learner's own, as a BCP-47 tag;
    `language` is the one practised. corrections: when the learner is corrected. keep_progress: the learner agrees that
    their progress is kept.
    """

    type: Literal["start"]
    audio: AudioFormat = AudioFormat()
    level: Level | None = None
    voice: str | None = Field(None, max_length=256)
    language: str | None = Field(None, max_length=35)
    learner: str | None = Field(None, pattern=r"^[A-Za-z0-9_-]{16,64}$")
    scenario: str | None = Field(None, min_length=1, max_length=64)
    instructions: str | None = Field(None, max_length=4000)
    partner_begins: bool | None = None
    tools: tuple[ToolDefinition, ...] | None = Field(None, max_length=MAX_TOOLS, fail_fast=True)
    tool_choice: str | None = Field(None, max_length=64)
    confirms_tools: bool | None = None
    native_language: str | None = Field(None, max_length=35)
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
    """The answer to a `tool_call`: its output. If the call has `confirm`: whether the learner allows it."""

    type: Literal["tool_result"]
    call_id: str = Field(max_length=256)
    output: str = Field("", max_length=32_000)
    confirmed: bool = False


class Hint(ClientMessage):
    """Asks what the learner could say now. Answered by a `hint`."""

    type: Literal["hint"]


class EndConversation(ClientMessage):
    """End the conversation. The analysis follows in parts, as they are made."""

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
